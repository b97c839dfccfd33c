"""MNIST, checked byte by byte; scikit-learn's small digits where it cannot be had.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits",
70,000 grey images of 28×28 pixels. The file is not part of the project.
"""

import dataclasses
import errno
import http.client
import os
import pathlib
import socket
import threading
import urllib.request

import cv2
import numpy as np
from sklearn import datasets

from coursework import files, paths

CLASSES = 10
SHA256 = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}

_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
_PATIENCE = 10  # seconds without an answer count as "no network"
_BANNER = """\
{line}
  STAND-IN DIGITS: MNIST was not found, so these are the {count} small digits that
  scikit-learn carries, resized to 28×28. Every number about digits below is theirs,
  not MNIST's, and is written under {folder}/, never to models/.
  For the real run: {remedy}
{line}"""
_REMEDY = (
    "put mnist.npz (11 MB) into data/ and run again; data/README.md says from where."
)


@dataclasses.dataclass(frozen=True)
class DigitDataset:
    """Images of handwritten digits.

    Attributes:
        images: (N, 28, 28, 1) uint8, 0 (paper) … 255 (ink).
        classes: (N,) int64, 0…9.
        name: "mnist", or what stands in for it.
    """

    images: np.ndarray
    classes: np.ndarray
    name: str = "mnist"

    @property
    def sha256(self):
        """SHA-256 over the bytes of images and classes."""
        return files.sha256_of_arrays(self.images, self.classes)


def load():
    """MNIST from ``data/mnist.npz``, from Keras' cache, or from the network.

    Quick runs and ``OFFLINE=1`` never use the network.

    Returns:
        A ``DigitDataset`` of 70,000 images: the 60,000 of the official train part and
        then the 10,000 of the test part.

    Raises:
        FileNotFoundError: there is no file and no network.
        ValueError: a file is there, but it is not MNIST; it is never used.
    """
    for path in (paths.DATA / "mnist.npz", _keras_cache()):
        if path.exists():
            return _dataset(_read(path), paths.relative(path))
    local = paths.QUICK or paths.OFFLINE or paths.is_stand_in()
    arrays = None if local else _download()
    if arrays is None:
        raise FileNotFoundError(
            "MNIST is neither in data/ nor in Keras' cache, and was not downloaded.\n"
            f"What to do: {_REMEDY}"
        )
    return _dataset(arrays, "the downloaded MNIST")


def load_or_stand_in():
    """MNIST, or with a banner the digits of scikit-learn where ``load`` finds no file.

    Returns:
        A ``DigitDataset``; its ``name`` tells which. With the stand-in,
        ``paths.use_stand_in`` sends all that the run writes to build/.

    Raises:
        ValueError: as ``load``; a file that is there but wrong is never passed over.
    """
    try:
        dataset = load()
    except FileNotFoundError:
        paths.use_stand_in()
        dataset = stand_in()
        folder = paths.relative(paths.results())
        count = f"{len(dataset.images):,}"
        line = "!" * 88
        print(_BANNER.format(line=line, count=count, folder=folder, remedy=_REMEDY))
    else:
        paths.use_stand_in(False)
    return dataset


def stand_in():
    """The 1,797 digits of 8×8 pixels that scikit-learn carries, resized to 28×28."""
    digits = datasets.load_digits()
    small = (digits.images * (255 / 16)).astype(np.uint8)
    images = np.stack([cv2.resize(image, (28, 28)) for image in small])
    return DigitDataset(
        images[..., None],
        digits.target.astype(np.int64),
        name="scikit-learn digits",
    )


def _keras_cache():
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    return pathlib.Path(home) / "datasets" / "mnist.npz"


def _read(path):
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in SHA256}
    except Exception as error:  # a damaged archive raises whatever the damage hits
        raise ValueError(
            f"{paths.relative(path)} is not a whole mnist.npz ({error}): delete it, or "
            "replace it as data/README.md says"
        ) from error


def _dataset(arrays, source):
    """Check four arrays and join them to one dataset."""
    for name, expected in SHA256.items():
        received = files.sha256_of_arrays(np.ascontiguousarray(arrays[name]))
        if received != expected:
            raise ValueError(
                f"{source} is not MNIST: {name} has SHA-256 {received[:12]}…, expected "
                f"{expected[:12]}…; delete it, or replace it as data/README.md says"
            )
    images = np.concatenate([arrays["x_train"], arrays["x_test"]])
    classes = np.concatenate([arrays["y_train"], arrays["y_test"]])
    return DigitDataset(images.reshape(-1, 28, 28, 1), classes.astype(np.int64))


def _download():
    """The four arrays through Keras, which caches them; None where no network answers.

    Keras' download has no time limit of its own, so a network that swallows packets
    would hang it: the server is first asked for a sign of life.

    Raises:
        ValueError: what came is not MNIST (a login page, say); it is not kept.
        OSError: the file cannot be written.
    """
    if not _answers(_URL):
        return None
    import keras  # takes seconds, and hardly any run downloads

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE)
    try:
        (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    except ValueError as error:
        _keras_cache().unlink(missing_ok=True)
        raise ValueError(f"what was downloaded from {_URL} is not MNIST") from error
    except Exception as error:  # Keras wraps failures of a network in a bare Exception
        if getattr(error, "errno", None) in _DISK_ERRORS:
            raise
        return None
    finally:
        socket.setdefaulttimeout(before)
    return dict(zip(SHA256, (x_train, y_train, x_test, y_test), strict=True))


def _answers(url):
    """Whether the server of ``url`` answers in time, looking up its name included."""
    answered = threading.Event()

    def ask():
        request = urllib.request.Request(url, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE):
                answered.set()
        except (OSError, http.client.HTTPException):
            pass

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PATIENCE)
    return answered.is_set()
