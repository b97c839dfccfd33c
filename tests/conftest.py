"""What several tests use. Tests never touch the network, models/ or reports/."""

import os

os.environ["OFFLINE"] = "1"
os.environ.pop("QUICK", None)

import matplotlib as mpl
import pytest

from coursework import lines, paths

mpl.use("Agg")


@pytest.fixture(scope="session")
def all_lines():
    """The 96,000 lines, freshly drawn."""
    return lines.build()


@pytest.fixture(scope="session")
def few_lines():
    """Five images of each class."""
    return lines.build(per_class=5, seed=1)


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    """A project folder of the test's own, in place of the real one."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    return tmp_path
