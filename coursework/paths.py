"""Where things are; runs that are not the real one are sent elsewhere here alone.

A quick run (``QUICK=1``) and a run on stand-in digits (no MNIST found) must never touch
the committed results, so every folder that a notebook writes to comes from this module.
"""

import os
import pathlib

QUICK = os.environ.get("QUICK", "") not in ("", "0")
OFFLINE = os.environ.get("OFFLINE", "") not in ("", "0")
STAND_IN = os.environ.get("STAND_IN", "") not in ("", "0")  # the runner found no MNIST


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


def results(stand_in=False):
    """The folder under which a run writes its results.

    Args:
        stand_in: bool, whether the results come from stand-in data.

    Returns:
        A path: the project itself for a real run, a folder under ``build/`` for others.
    """
    if QUICK:
        return BUILD / "quick"
    return BUILD / "stand_in" if stand_in or STAND_IN else ROOT


def models(stand_in=False):
    """The folder of the trained networks and their records."""
    return results(stand_in) / "models"


def figures(stand_in=False):
    """The folder of the figures that reports and READMEs show."""
    return results(stand_in) / "reports" / "figures"


def relative(path):
    """``path`` as seen from the project's root, so that no output names a machine."""
    path = pathlib.Path(path)
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def kind_of_run(stand_in=False):
    """One line for the top of a notebook: is this the real run, where does it write?"""
    if QUICK:
        return (
            "QUICK RUN: a few images and epochs, to see that everything works. "
            f"Its numbers mean nothing; it writes under {relative(results())}/."
        )
    folder = relative(models(stand_in))
    return f"Full run: networks and records are written to {folder}/."
