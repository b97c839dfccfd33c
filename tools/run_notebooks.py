"""Run the notebooks in order and keep them executed.

    python tools/run_notebooks.py              all of them
    python tools/run_notebooks.py NOTEBOOK…    these
    QUICK=1 python tools/run_notebooks.py      on a few images, under build/quick/

A run that was stopped goes on with the first notebook that is not finished. An executed
notebook carries a stamp: the hash of the code it was executed with and the seconds of
each cell, by which the bar advances and from which the time left is estimated.
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
import tqdm
from nbclient import exceptions

from coursework import files, paths
from coursework.data import lines, mnist

STATE = paths.BUILD / "run" / "finished.json"
STAMP = "coursework"
STARTUP_NOTES = re.compile(
    r"((I0000|WARNING: All log|To enable the following|E0000 .*cuInit).*\n)*"
).fullmatch


def main():
    """Parse the command line and run; 0 is success, 1 a failing cell, 2 bad input."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("notebooks", nargs="*", help="Q1/1_datasets.ipynb, for example")
    names = parser.parse_args().notebooks
    try:
        run_all(chosen_notebooks(names))
    except (CellFailedError, OSError, ValueError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1 if isinstance(error, CellFailedError) else 2
    except KeyboardInterrupt:
        hint = "" if paths.QUICK else "; the same command goes on from here"
        print(f"\nstopped{hint}", file=sys.stderr)
        return 130
    return 0


class CellFailedError(Exception):
    """A cell of a notebook raised an error; the message says all that is needed."""


# --- which notebooks, and their stamps ------------------------------------------------


def all_notebooks():
    """The project's notebooks in the order in which they build on each other."""
    return [
        path.relative_to(paths.ROOT).as_posix()
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


def title_of(name):
    """A notebook's title, with the section of the brief."""
    notebook = read_notebook(paths.ROOT / name)
    return notebook.cells[0].source.splitlines()[0].lstrip("# ")


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


def expected_seconds(name):
    """Seconds that each code cell took the last time; one each where none are known."""
    kept, source = paths.results() / name, paths.ROOT / name
    cells = len(code_cells(read_notebook(source)))
    seconds = stamped_seconds(read_notebook(kept)) if kept.exists() else []
    return seconds if len(seconds) == cells else [1] * cells


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
    with progress_bar(waiting) as bar:
        for name in waiting:
            run_one(name, paths.results() / name, bar)
            finished[name] = prints[name]
            if resumable:
                files.write_text(STATE, json.dumps(finished, indent=1))
    if resumable:
        STATE.unlink(missing_ok=True)
    print(f"done: {len(names)} notebooks")


def progress_bar(names):
    """A bar as long as the notebooks took the last time; off a terminal no bar."""
    return tqdm.tqdm(
        total=sum(sum(expected_seconds(name)) for name in names),
        bar_format="{percentage:3.0f}%|{bar:12}| {elapsed}, {remaining} left: {desc}",
        smoothing=0,  # the speed of this machine is that of all cells so far
        dynamic_ncols=True,
        disable=None,
        file=sys.stdout,
    )


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
        return json.loads(STATE.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def skip_finished(prints, finished):
    """The notebooks from the first one on that is not finished in its present form."""
    for position, (name, present) in enumerate(prints.items()):
        if finished.get(name) != present:
            return list(prints)[position:]
        print(f"{name}: finished before the run was stopped")
    return []


def run_one(name, target, bar):
    """Execute a notebook and write it, stamped, to ``target``.

    Raises:
        CellFailedError: a cell failed; the notebook up to there is under build/run/.
        ValueError: somebody edited the notebook meanwhile, so it is left as it is.
    """
    notebook = read_notebook(paths.ROOT / name)
    clear_outputs(notebook)
    seconds = []
    bar.write(f"{name}: {len(code_cells(notebook))} cells", file=sys.stdout)
    sys.stdout.flush()
    try:
        execute(notebook, name, bar, seconds)
    except (exceptions.CellExecutionError, exceptions.DeadKernelError) as error:
        raise CellFailedError(
            describe_failure(error, name, notebook, len(seconds))
        ) from error
    if source_sha256(notebook) != source_sha256(read_notebook(paths.ROOT / name)):
        raise ValueError(f"{name} was edited while it ran, so it is left as it is")
    drop_startup_notes(notebook)
    stamp = {"source_sha256": source_sha256(notebook), "seconds": seconds}
    notebook.metadata[STAMP] = stamp
    write_notebook(notebook, target)


def clear_outputs(notebook):
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None


class Client(nbclient.NotebookClient):
    """Shows the bar anew at each line that a cell prints, so that it does not stand."""

    bar = None

    def process_message(self, *arguments):
        self.bar.refresh()
        return super().process_message(*arguments)


def execute(notebook, name, bar, seconds):
    """Run all cells in a fresh kernel; appends what each code cell took to a list."""
    client = Client(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str((paths.ROOT / name).parent)}},
    )
    client.bar = bar
    expected = expected_seconds(name)
    with client.setup_kernel(stderr=subprocess.DEVNULL):
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                heading = heading_above(notebook, index)
                bar.set_description_str(f"{name}, {heading}")
                start = time.perf_counter()
                client.execute_cell(cell, index, execution_count=len(seconds) + 1)
                seconds.append(round(time.perf_counter() - start, 1))
                bar.update(expected[len(seconds) - 1])


def drop_startup_notes(notebook):
    """Remove what TensorFlow's import writes to stderr, which no setting silences."""
    for cell in code_cells(notebook):
        cell.outputs = [
            output
            for output in cell.outputs
            if not (output.get("name") == "stderr" and STARTUP_NOTES(output.text))
        ]


def heading_above(notebook, index):
    """The nearest heading above a cell."""
    texts = [c.source for c in notebook.cells[:index] if c.cell_type == "markdown"]
    headings = re.findall(r"^#+ (.+)", "\n".join(texts), re.MULTILINE)
    return headings[-1] if headings else ""


def write_notebook(notebook, target):
    notebook.metadata.pop("widgets", None)
    files.write_text(target, nbformat.writes(notebook))


def describe_failure(error, name, notebook, cell):
    """What failed, where, and where to look; the notebook as far as it got is kept."""
    kept = paths.BUILD / "run" / f"failed_{pathlib.Path(name).name}"
    write_notebook(notebook, kept)
    heading = heading_above(notebook, notebook.cells.index(code_cells(notebook)[cell]))
    cause = "its Python process died; was there enough memory?"
    if isinstance(error, exceptions.CellExecutionError):
        cause = f"{error.ename}: {error.evalue}"
    return (
        f"{name} failed in code cell {cell + 1}, “{heading}”:\n"
        f"  {cause}\n"
        f"  the notebook with the whole error: {paths.relative(kept)}\n"
        "  when it is mended, run the same command again"
    )


if __name__ == "__main__":
    sys.exit(main())
