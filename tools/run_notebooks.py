"""Run the notebooks in order and keep them executed.

    python tools/run_notebooks.py              all of them
    python tools/run_notebooks.py NOTEBOOK…    these
    QUICK=1 python tools/run_notebooks.py      on a few images, under build/quick/

A run that was stopped goes on with the first notebook that is not finished. An executed
notebook carries a stamp: the hash of the code it was executed with and the seconds of
each cell, from which the time left is estimated.
"""

import argparse
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import time

import nbclient
import nbformat
from nbclient import exceptions

from coursework import files, paths
from coursework.data import lines, mnist

import progress

STATE = paths.BUILD / "run" / "finished.json"
STAMP = "coursework"
STARTUP_NOTES = re.compile(
    r"((I0000|WARNING: All log|To enable the following|E0000 .*cuInit).*\n)*"
).fullmatch


def main():
    """Parse the command line and run; 0 is success, 1 a failing cell, 2 bad input."""
    try:
        notebooks = chosen_notebooks(parse_arguments())
        run_all(notebooks)
    except CellFailedError as failure:
        return report(failure, status=1)
    except (OSError, ValueError) as error:
        return report(error, status=2)
    except KeyboardInterrupt:
        hint = "" if paths.QUICK else "; the same command goes on from here"
        return report(f"stopped{hint}", status=130)
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("notebooks", nargs="*", help="Q1/1_datasets.ipynb, for example")
    return parser.parse_args().notebooks


def report(message, status):
    print(f"\n{message}", file=sys.stderr)
    return status


class CellFailedError(Exception):
    """A cell of a notebook raised an error; the message says all that is needed."""


# --- which notebooks, and their stamps ------------------------------------------------


def all_notebooks():
    """The project's notebooks in the order in which they build on each other."""
    return [
        str(path.relative_to(paths.ROOT))
        for path in sorted(paths.ROOT.glob("Q[0-9]/[0-9]_*.ipynb"))
    ]


def chosen_notebooks(names):
    """The notebooks that were asked for (ValueError if there is no such one)."""
    known = all_notebooks()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no notebook {unknown[0]}; there are: {', '.join(known)}")
    return names or known


def read_notebook(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def source_sha256(notebook):
    """SHA-256 over the sources of the code cells, which the stamp holds."""
    sources = [cell.source for cell in code_cells(notebook)]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def fingerprint(name):
    """Changes with a notebook's code, with the code it calls and with the digits."""
    source = source_sha256(read_notebook(paths.ROOT / name))
    digest = hashlib.sha256(f"{source} {paths.is_stand_in()}".encode())
    for module in sorted((paths.ROOT / "coursework").rglob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()


def expected_seconds(name, folder):
    """Seconds of each code cell when the notebook was last run; empty if not known.

    They are not known either if the notebook has got more cells, or lost some, since.
    """
    path, source = folder / name, paths.ROOT / name
    if not path.exists() and not paths.QUICK:
        path = source
    seconds = stamped_seconds(read_notebook(path)) if path.exists() else []
    cells = len(code_cells(read_notebook(source)))
    return seconds if len(seconds) == cells else []


def stamped_seconds(notebook):
    """Seconds of each code cell by the stamp; empty if it does not fit the cells."""
    seconds = notebook.metadata.get(STAMP, {}).get("seconds", [])
    return seconds if len(seconds) == len(code_cells(notebook)) else []


# --- running --------------------------------------------------------------------------


def run_all(names):
    """Run notebooks one after the other, without those a stopped run has finished."""
    prepare_data(names)
    if paths.QUICK:
        print(paths.QUICK_NOTE, flush=True)
    prints = {name: fingerprint(name) for name in names}
    resumable = names == all_notebooks() and not paths.QUICK
    finished = read_state() if resumable else {}
    waiting = skip_finished(prints, finished)
    folder = paths.results()
    timetable = progress.Timetable(
        {name: expected_seconds(name, folder) for name in waiting}
    )
    for name in waiting:
        run_one(name, folder / name, timetable)
        finished[name] = prints[name]
        if resumable:
            files.write_text(STATE, json.dumps(finished, indent=1))
    if resumable:
        STATE.unlink(missing_ok=True)
    print(f"done: {len(names)} notebooks, {progress.clock(timetable.elapsed())}")


def prepare_data(names):
    """Build or find the datasets of notebooks; without MNIST, its stand-in."""
    print(f"data: {len(lines.load().images):,} lines", flush=True)
    if any(needs_digits(name) for name in names):  # else no MNIST is no problem
        digits = mnist.load_or_stand_in()
        print(f"data: {len(digits.images):,} digits ({digits.name})", flush=True)


def needs_digits(name):
    """Whether a notebook asks for the digits."""
    cells = code_cells(read_notebook(paths.ROOT / name))
    return any("mnist.load" in cell.source for cell in cells)


def read_state():
    try:
        return json.loads(STATE.read_text())
    except (FileNotFoundError, ValueError):
        return {}


def skip_finished(prints, finished):
    """The notebooks from the first one on that is not finished in its present form."""
    for position, (name, present) in enumerate(prints.items()):
        if finished.get(name) != present:
            return list(prints)[position:]
        print(f"{name}: finished before the run was stopped")
    return []


def run_one(name, target, timetable):
    """Execute a notebook and write it, stamped, to ``target``.

    Raises:
        CellFailedError: a cell failed; the notebook up to there is under build/run/.
    """
    notebook = read_notebook(paths.ROOT / name)
    clear_outputs(notebook)
    try:
        seconds = execute(notebook, name, timetable)
    except (exceptions.CellExecutionError, exceptions.DeadKernelError) as error:
        raise CellFailedError(
            describe_failure(error, name, notebook, timetable)
        ) from error
    if source_sha256(notebook) != source_sha256(read_notebook(paths.ROOT / name)):
        raise ValueError(f"{name} was edited while it ran, so it is left as it is")
    drop_startup_notes(notebook)
    notebook.metadata[STAMP] = {
        "source_sha256": source_sha256(notebook),
        "seconds": seconds,
    }
    write_notebook(notebook, target)


def clear_outputs(notebook):
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None


def execute(notebook, name, timetable):
    """Run all cells in a fresh kernel; returns the seconds of each code cell."""
    client = nbclient.NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str((paths.ROOT / name).parent)}},
    )
    seconds = []
    with client.setup_kernel(stderr=subprocess.DEVNULL), timetable.shown():
        heading = ""
        for index, cell in enumerate(notebook.cells):
            heading = last_heading(cell, heading)
            if cell.cell_type == "code":
                start = time.perf_counter()
                timetable.start_cell(name, len(seconds), heading)
                client.execute_cell(cell, index, execution_count=len(seconds) + 1)
                seconds.append(round(time.perf_counter() - start, 1))
                timetable.finish_cell()
    return seconds


def drop_startup_notes(notebook):
    """Remove what TensorFlow's import writes to stderr, which no setting silences."""
    for cell in code_cells(notebook):
        cell.outputs = [
            output
            for output in cell.outputs
            if not (output.get("name") == "stderr" and STARTUP_NOTES(output.text))
        ]


def last_heading(cell, heading):
    """The nearest heading at or above a cell."""
    if cell.cell_type != "markdown":
        return heading
    headings = [line for line in cell.source.splitlines() if line.startswith("#")]
    return headings[-1].lstrip("# ") if headings else heading


def write_notebook(notebook, target):
    notebook.metadata.pop("widgets", None)
    files.write_text(target, nbformat.writes(notebook))


def describe_failure(error, name, notebook, timetable):
    """What failed, where, and where to look; the notebook as far as it got is kept."""
    kept = paths.BUILD / "run" / f"failed_{pathlib.Path(name).name}"
    write_notebook(notebook, kept)
    if isinstance(error, exceptions.CellExecutionError):
        cause = f"{error.ename}: {error.evalue}"
    else:
        cause = "its Python process died; was there enough memory?"
    return (
        f"{name} failed in code cell {timetable.cell + 1}, “{timetable.heading}”:\n"
        f"  {cause}\n"
        f"  the notebook with the whole error: {paths.relative(kept)}\n"
        "  when it is mended, run the same command again"
    )


if __name__ == "__main__":
    sys.exit(main())
