"""Processes that tests start and kill, and the log that these write."""

import pathlib
import time


def alive(process):
    """Whether a process runs (a zombie does not)."""
    try:
        state = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def logged(folder, kind):
    """(row, seed, process) of each trial that is begun, or done, in a folder's log."""
    path = folder / "log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [tuple(line.split()[1:]) for line in lines if line.startswith(kind)]
