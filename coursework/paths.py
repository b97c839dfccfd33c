"""Where things are; runs that are not the real one are sent elsewhere here alone.

A quick run (``QUICK=1``) and a run on stand-in digits (no MNIST found) must never touch
the committed results, so every folder that a notebook writes to comes from this module.
"""

import os
import pathlib

QUICK = os.environ.get("QUICK", "") not in ("", "0")
OFFLINE = os.environ.get("OFFLINE", "") not in ("", "0")
QUICK_NOTE = (
    "QUICK RUN: a few images, to see that everything works. "
    "Its numbers mean nothing; it writes under build/quick/."
)


def _find_root():
    """The nearest folder above this file that holds pyproject.toml (no git needed)."""
    for folder in pathlib.Path(__file__).resolve().parents:
        if (folder / "pyproject.toml").is_file():
            return folder
    raise FileNotFoundError(
        "no pyproject.toml above the package: install it with 'pip install -r "
        "requirements.txt' from the unpacked project, which keeps it in its folder"
    )


ROOT = _find_root()
DATA = ROOT / "data"
BUILD = ROOT / "build"


def use_stand_in(stand_in=True):
    """Whether this process, and those it starts, write to build/stand_in/ from now on.

    ``mnist.load_or_stand_in`` calls it, true when there is no MNIST.
    """
    os.environ["STAND_IN"] = "1" if stand_in else ""


def is_stand_in():
    """Whether this run uses stand-in digits."""
    return os.environ.get("STAND_IN", "") not in ("", "0")


def results():
    """Where this run writes: the project itself for a real run, else under build/."""
    if QUICK:
        return BUILD / "quick"
    return BUILD / "stand_in" if is_stand_in() else ROOT


def models():
    """The folder of the trained networks and their records."""
    return results() / "models"


def figures():
    """The folder of the figures that reports and READMEs show."""
    return results() / "reports" / "figures"


def relative(path):
    """``path`` as seen from the project's root, so that no output names a machine.

    With "/" on every system.
    """
    path = pathlib.Path(path)
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return pathlib.PurePosixPath(shown.as_posix())
