"""Model files, read without running any code that they may bring."""

import json
import pathlib
import re
import zipfile

import h5py
import keras

ENDINGS = (".keras", ".h5", ".hdf5")


def load(path):
    """Read a model file without running any code that it may bring.

    Args:
        path: of a ``.keras`` file, or of a ``.h5`` file that Keras 3 wrote.

    Returns:
        A ``keras.Model``, not compiled.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no Keras 3 model, or it needs unsafe code.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"{path} {what}; expected a .keras or .h5 file")
    if path.suffix not in ENDINGS:
        raise ValueError(f"{path} ends in {path.suffix!r}; expected .keras or .h5")
    _refuse_keras_2(path)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # a damaged file raises whatever the damage hits
        raise ValueError(f"{path} {_reason(error)}") from error


def _reason(error):
    """Why a model cannot be loaded, in a line."""
    text = str(error)
    if "lambda" in text.lower() and "safe" in text.lower():
        return "has a layer that brings code of its own (Lambda), which is not run"
    if missing := re.search(r"Could not locate class '(\w+)'", text):
        return f"needs the class {missing[1]}, which is not part of Keras"
    return f"is not a model that Keras {keras.__version__} can read ({_line(error)})"


def _line(error):
    """The kind of an error and the first line of what it says."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:120]}".rstrip(": ")


def _refuse_keras_2(path):
    version, whole = _written_by(path)
    if str(version).startswith(("1.", "2.")):
        raise ValueError(
            f"{path} was written by Keras {version}; expected a model of Keras 3: "
            "build it there and train it anew, or carry its weights over"
        )
    if not whole:
        raise ValueError(f"{path} holds weights only; expected a whole model")


def _written_by(path):
    """The version of Keras that wrote a file, and whether it holds a whole model."""
    kind = "a .keras" if path.suffix == ".keras" else "an HDF5"
    try:
        if kind == "an HDF5":
            with h5py.File(path) as file:
                return file.attrs.get("keras_version", ""), "model_config" in file.attrs
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("metadata.json"))["keras_version"], True
    except Exception as error:  # truncated, encrypted, too deep, no object …
        raise ValueError(f"{path} is not {kind} file ({_line(error)})") from error
