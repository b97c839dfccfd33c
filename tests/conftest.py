"""What several tests use. Tests never touch the network, models/ or reports/."""

import os

os.environ["OFFLINE"] = "1"
os.environ.pop("QUICK", None)

import keras
import matplotlib as mpl
import pytest

from coursework import paths
from coursework.data import lines

import browser

mpl.use("Agg")
MODELS = paths.ROOT / "models"


def pytest_collection_modifyitems(items):
    """The longest test first, so that all others run beside it."""
    items.sort(key=lambda item: item.path.name != "test_quick_run.py")


@pytest.fixture(autouse=True)
def _no_stand_in():
    """The switch of one test is not that of the next."""
    os.environ.pop("STAND_IN", None)
    yield
    os.environ.pop("STAND_IN", None)


@pytest.fixture(scope="session")
def all_lines():
    """The 96,000 lines, freshly drawn."""
    return lines.build()


@pytest.fixture(scope="session")
def few_lines():
    """Five images of each class."""
    return lines.build(per_class=5, seed=1)


@pytest.fixture(scope="session")
def chromium():
    """One ``browser.Browser`` for all tests; they are skipped where there is none."""
    if reason := browser.missing():
        pytest.skip(reason)
    started = browser.Browser()
    yield started
    started.close()


@pytest.fixture(scope="session")
def plain_cnn():
    """The network of section 1.2.1, which only its notebook builds, as it is saved."""
    return keras.saving.load_model(MODELS / "plain_lines.keras", compile=False)


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    """A project folder of the test's own, in place of the real one."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    return tmp_path
