"""MNIST: found or refused, and the stand-in."""

import errno
import socket
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from coursework import files, paths
from coursework.data import mnist


@pytest.fixture
def home(sandbox, monkeypatch):
    """Neither a file nor Keras' cache, and no download."""
    monkeypatch.setenv("KERAS_HOME", str(sandbox / "keras"))
    monkeypatch.setattr(mnist, "_download", lambda: pytest.fail("used the network"))
    (sandbox / "data").mkdir()
    return sandbox


@pytest.fixture
def arrays(monkeypatch):
    """Four small arrays that pass for MNIST."""
    random = np.random.RandomState(0)
    arrays = {
        "x_train": random.randint(0, 256, (6, 28, 28)).astype(np.uint8),
        "y_train": np.arange(6, dtype=np.uint8),
        "x_test": random.randint(0, 256, (2, 28, 28)).astype(np.uint8),
        "y_test": np.arange(2, dtype=np.uint8),
    }
    sums = {name: files.sha256_of_arrays(array) for name, array in arrays.items()}
    monkeypatch.setattr(mnist, "SHA256", sums)
    return arrays


def test_the_real_file():
    if not (paths.DATA / "mnist.npz").exists():
        pytest.skip("data/mnist.npz is not there")
    digits = mnist.load()
    assert digits.images.shape == (70_000, 28, 28, 1)
    assert digits.images.dtype == np.uint8
    assert digits.classes.dtype == np.int64
    assert digits.name == "mnist"


def test_train_comes_before_test(home, arrays):
    np.savez(home / "data" / "mnist.npz", **arrays)
    digits = mnist.load()
    assert (digits.images[:6, ..., 0] == arrays["x_train"]).all()
    assert (digits.images[6:, ..., 0] == arrays["x_test"]).all()
    assert digits.classes.tolist() == [0, 1, 2, 3, 4, 5, 0, 1]


def test_the_cache_of_keras_is_used(home, arrays):
    (home / "keras" / "datasets").mkdir(parents=True)
    np.savez(home / "keras" / "datasets" / "mnist.npz", **arrays)
    assert len(mnist.load().images) == 8


def test_a_download_is_checked_too(home, arrays, monkeypatch):
    monkeypatch.setattr(paths, "OFFLINE", False)
    monkeypatch.setattr(mnist, "_download", lambda: arrays)
    assert len(mnist.load().images) == 8
    wrong = arrays | {"y_test": arrays["y_test"] + 1}
    monkeypatch.setattr(mnist, "_download", lambda: wrong)
    with pytest.raises(ValueError, match="the downloaded MNIST is not MNIST: y_test"):
        mnist.load()


@pytest.mark.parametrize("load", [mnist.load, mnist.load_or_stand_in])
@pytest.mark.parametrize(
    "damage", ["truncated", "altered", "overwritten", "text", "empty", "part", "array"]
)
def test_a_wrong_file_is_named_and_never_used(home, arrays, damage, load):
    path = home / "data" / "mnist.npz"
    if damage == "altered":
        arrays["x_train"][0, 0, 0] += 1
    if damage == "part":
        del arrays["y_test"]
    np.savez_compressed(path, **arrays)
    if damage == "overwritten":
        content = bytearray(path.read_bytes())
        content[200:400] = bytes(200)
        path.write_bytes(content)
    if damage == "array":
        with open(path, "wb") as file:
            np.save(file, arrays["x_test"])
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-300])
    if damage in ("text", "empty"):
        path.write_text("hello" if damage == "text" else "")
    with pytest.raises(ValueError, match=r"data/mnist\.npz is not .*data/README\.md"):
        load()


def test_no_file_and_no_network_says_what_to_do(home):
    with pytest.raises(FileNotFoundError) as error:
        mnist.load()
    first, second = str(error.value).splitlines()
    assert "data/" in first
    assert "put mnist.npz (11 MB) into data/" in second


def test_stand_in_with_a_loud_banner(home, capsys):
    digits = mnist.load_or_stand_in()
    assert digits.name == "scikit-learn digits"
    assert digits.images.shape == (1797, 28, 28, 1)
    assert digits.images.dtype == np.uint8
    assert 200 < digits.images.max() <= 255
    assert sorted(set(digits.classes)) == list(range(10))
    banner = capsys.readouterr().out
    assert "STAND-IN DIGITS: MNIST was not found" in banner
    assert "build/stand_in" in banner


def test_results_on_the_stand_in_stay_out_of_models_and_reports(home, arrays):
    """Until MNIST is there again, in the same process or in one that it starts."""
    assert paths.models() == home / "models"
    mnist.load_or_stand_in()
    assert paths.models() == home / "build" / "stand_in" / "models"
    assert paths.figures() == home / "build" / "stand_in" / "reports" / "figures"
    said = "from coursework import paths; print(paths.is_stand_in())"
    command = [sys.executable, "-c", said]
    child = subprocess.run(command, capture_output=True, text=True, check=True)
    assert child.stdout == "True\n"
    np.savez(home / "data" / "mnist.npz", **arrays)
    mnist.load_or_stand_in()
    assert paths.models() == home / "models"
    assert paths.figures() == home / "reports" / "figures"


def test_quick_runs_use_no_network(home, monkeypatch):
    monkeypatch.setattr(paths, "OFFLINE", False)
    monkeypatch.setattr(paths, "QUICK", True)
    with pytest.raises(FileNotFoundError):
        mnist.load()


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (Exception("URL fetch failure"), None),
        (TimeoutError("timed out"), None),
        (OSError(errno.ENOSPC, "No space left on device"), OSError),
        (ValueError("wrong hash"), ValueError),
    ],
)
def test_only_a_missing_network_counts_as_no_download(
    home, monkeypatch, failure, outcome
):
    def fail():
        raise failure

    monkeypatch.undo()
    monkeypatch.setenv("KERAS_HOME", str(home / "keras"))
    monkeypatch.setattr(mnist, "_answers", lambda url: True)
    monkeypatch.setattr(keras.datasets.mnist, "load_data", fail)
    if outcome is None:
        assert mnist._download() is None
    else:
        with pytest.raises(outcome):
            mnist._download()


def test_a_network_that_swallows_packets_counts_as_none(monkeypatch):
    monkeypatch.setattr(mnist, "_PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.perf_counter()
        assert not mnist._answers(f"http://127.0.0.1:{silent.getsockname()[1]}/")
        assert time.perf_counter() - start < 30
    assert not mnist._answers("http://127.0.0.1:1/")
