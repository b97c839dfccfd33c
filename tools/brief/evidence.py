"""What is looked at: data, networks and records, notebooks, reports, pictures."""

import ast
import collections
import functools
import re
import typing

import numpy as np

from coursework import heads, lines, mnist, paths, records, splits

import run_notebooks
from brief import need

LINE_NETWORKS = ("plain_lines", "tuned_lines", "four_head_lines")
DIGIT_NETWORKS = ("plain_mnist", "tuned_mnist")
NETWORKS = (*LINE_NETWORKS, *DIGIT_NETWORKS)
TESTED = 9600  # test images that an accuracy is measured on, at most
TOLERANCE = 0.005  # between the accuracy measured here and the record's
LEAST_ACCURACY = 0.7
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)")  # in Markdown: title, file


@functools.cache
def line_data():
    """The 96,000 lines, built anew rather than read."""
    return lines.build()


@functools.cache
def digit_data():
    """MNIST if ``data/mnist.npz`` is there, else None; nothing else is looked for."""
    return mnist.load() if (paths.DATA / "mnist.npz").is_file() else None


def network(name):
    """A network and its record, which fit each other; loaded once."""
    return _load(name, paths.ROOT / "models")


_load = functools.cache(records.load)


class Test(typing.NamedTuple):
    """Some test images of a dataset and what a network says of them."""

    dataset: object
    rows: np.ndarray
    outputs: object


@functools.cache
def predict_test(name):
    """``Test`` of a network on at most ``TESTED`` test images; None without MNIST."""
    dataset = line_data() if name in LINE_NETWORKS else digit_data()
    if dataset is None:
        return None
    test = splits.split(dataset.classes).test
    rows = test[:: -(-len(test) // TESTED)]
    outputs = network(name)[0].predict(dataset.images[rows], verbose=0)
    return Test(dataset, rows, outputs)


def accuracy(name):
    """Accuracy of a network, measured here where its data can be had.

    Returns:
        float, and str that says on what it was measured.

    Raises:
        FailedError: it differs from the record's.
    """
    told = network(name)[1]["test"]["accuracy"]
    test = predict_test(name)
    if test is None:
        return told, f"{name} {told:.2%} (record; data/mnist.npz is not here)"
    shares = test.outputs
    if isinstance(shares, list):
        shares = heads.class_probabilities(shares)
    right = shares.argmax(axis=1) == test.dataset.classes[test.rows]
    found = float(right.mean())
    need(
        abs(found - told) <= TOLERANCE,
        f"{name} is right on {found:.2%} here but on {told:.2%} in its record",
    )
    return found, f"{name} {found:.2%} (measured on {len(right):,} test images)"


# --- notebooks ------------------------------------------------------------------------


class Section(typing.NamedTuple):
    """A section of a notebook: its words, and how many pictures and tables it shows."""

    text: str
    pictures: int
    tables: int


def notebooks(question):
    """The notebooks of a question: paths from the project's folder."""
    return [n for n in run_notebooks.all_notebooks() if n.startswith(f"{question}/")]


def read_notebook(name):
    """A notebook that was executed in full, from this source, without an error.

    Raises:
        FailedError: it was not.
    """
    path = paths.ROOT / name
    need(path.is_file(), f"{name} is missing")
    notebook = run_notebooks.read_notebook(path)
    cells = run_notebooks.code_cells(notebook)
    counts = [cell.execution_count for cell in cells]
    need(counts == list(range(1, len(cells) + 1)), f"{name} is not executed")
    stamp = notebook.metadata.get(run_notebooks.STAMP, {}).get("source_sha256")
    fits = stamp == run_notebooks.source_sha256(notebook)
    need(fits, f"{name} was executed from another source than it has")
    said = " ".join(str(cell.outputs) for cell in cells)
    for word in ("QUICK RUN", "STAND-IN", "'output_type': 'error'"):
        need(word not in said, f"{name} was not run in full: {word}")
    return notebook


def sections(name):
    """The sections of an executed notebook, by heading: dict of ``Section``."""
    pictures, tables = collections.Counter(), collections.Counter()
    texts, heading = collections.defaultdict(str), ""
    for cell in read_notebook(name).cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                heading = line[3:] if line.startswith("## ") else heading
                texts[heading] += "" if line.startswith("#") else line.strip()
        for output in cell.get("outputs", []):
            kinds = output.get("data", {})
            texts[heading] += kinds.get("text/markdown", "")
            pictures[heading] += "image/png" in kinds
            tables[heading] += "| --- |" in kinds.get("text/markdown", "")
    return {h: Section(texts[h], pictures[h], tables[h]) for h in texts}


def configured(name, constant):
    """The value of a constant in a notebook's cells."""
    source = "\n".join(
        cell.source for cell in run_notebooks.code_cells(read_notebook(name))
    )
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(t, ast.Name) and t.id == constant for t in targets):
            value = compile(ast.Expression(node.value), name, "eval")
            return eval(value, {"__builtins__": {}})
    need(False, f"{name} does not set {constant}")


# --- reports and pictures -------------------------------------------------------------


def read_page(name):
    """The text of a page (FailedError if it is missing)."""
    path = paths.ROOT / name
    need(path.is_file(), f"{name} is missing")
    return path.read_text(encoding="utf-8")


def shown_pictures(name):
    """What the pictures of a page are called and where they are; all must be there."""
    shown = PICTURE.findall(read_page(name))
    for _, target in shown:
        exists = ((paths.ROOT / name).parent / target).is_file()
        need(exists, f"{name} shows {target}, which is missing")
    return [f"{title} {target}" for title, target in shown]


def figures(pattern):
    """The names of committed figures."""
    return sorted(p.name for p in (paths.ROOT / "reports/figures").glob(pattern))


def need_figure(name):
    """FailedError if a figure is not committed."""
    need(figures(name), f"reports/figures/{name} is missing")
