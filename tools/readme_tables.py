"""The tables that stand in the READMEs, from the records."""

import functools
import re

from coursework import paths, records
from coursework.data import lines, mnist
from coursework.figures import tables

import report_numbers
import run_notebooks


def read_records():
    """The committed records, by name."""
    folder = paths.ROOT / "models"
    return {name: records.read(name, folder) for name in records.NOTEBOOKS}


def _study(name):
    return records.read_study(name, paths.ROOT / "models")


def results(question=None):
    """Test results of every network, or of a question's, with their spread."""
    columns = [
        *("network", "data", "parameters", "test accuracy, mean ± sd"),
        *("errors of each seed", "test images", "training"),
    ]
    rows = [
        _result(record)
        for record in read_records().values()
        if question in (None, record["question"])
    ]
    return tables.markdown(columns, rows)


def _result(record):
    cores = record["machine"]["cores"]
    all_right = ", all four heads right" if "heads" in record["test"] else ""
    return (
        f"`{record['network']}`",
        record["dataset"]["name"] + all_right,
        report_numbers.count(record["parameters"]),
        report_numbers.accuracy(record),
        report_numbers.errors_of_seeds(record),
        report_numbers.count(record["dataset"]["test"]),
        f"{report_numbers.minutes(record['seconds'])} min on {cores} cores",
    )


def head_scores():
    """What each head of the four-head network scores, and three ways to sum it up."""
    test = records.read("four_head_lines", paths.ROOT / "models")["test"]
    rows = [
        (name, f"{head['accuracy']:.3%}", head["errors"], f"{head['macro_f1']:.5f}")
        for name, head in test["heads"].items()
    ]
    rows += [
        (
            *("**all four right**", f"{test['joint_accuracy']:.3%}"),
            *(test["joint_errors"], f"{test['macro_f1']:.5f}"),
        ),
        ("mean of the heads", f"{test['mean_of_heads']:.3%}", "", ""),
        ("product of the heads", f"{test['product_of_heads']:.3%}", "", ""),
    ]
    columns = ["head", "test accuracy", "errors", "macro F-score"]
    return tables.markdown(columns, rows)


def notebooks():
    """What each notebook takes on the machine that ran it."""
    rows, total = [], 0
    for name in run_notebooks.all_notebooks():
        notebook = run_notebooks.read_notebook(paths.ROOT / name)
        seconds = sum(run_notebooks.stamped_seconds(notebook))
        time = f"{report_numbers.minutes(seconds)} min" if seconds else "not run yet"
        title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
        rows.append((f"[{name}]({name})", title, time))
        total += seconds
    rows.append(("all", "", f"{report_numbers.minutes(total)} min"))
    return tables.markdown(["notebook", "section of the brief", "time"], rows)


def versions():
    """Versions that the committed networks were trained with."""
    return _versions_of(next(iter(read_records().values())))


def versions_of_maps():
    """Versions that question 3 was run with."""
    return _versions_of(_study("map_tests"))


def _versions_of(record):
    """What a record was made with; modules that it does not name are as pinned."""
    machine = f"{record['machine']['cpu']}, {record['machine']['cores']} cores"
    versions = record["versions"] | {
        name: version
        for name, version in pinned().items()
        if name not in record["versions"]
    }
    rows = [*versions.items(), ("processor", machine)]
    return tables.markdown(["", "version"], rows)


def pinned():
    """The modules of requirements.txt that the project runs on, name → version."""
    text = (paths.ROOT / "requirements.txt").read_text(encoding="utf-8")
    used = text.split("# make reports")[0]
    return dict(re.findall(r"^([\w.-]+)==(\S+)$", used, re.MULTILINE))


def models():
    """The files of models/."""
    rows = []
    for name, record in read_records().items():
        size = (paths.ROOT / "models" / f"{name}.keras").stat().st_size / 1e6
        made = f"[{records.NOTEBOOKS[name]}](../{records.NOTEBOOKS[name]})"
        sha256 = f"`{record['model_sha256'][:16]}…`"
        rows.append(
            (f"`{name}`", made, f"{record['parameters']:,}", f"{size:.1f} MB", sha256)
        )
    columns = ["name", "made by", "parameters", "size", "SHA-256 of NAME.keras"]
    return tables.markdown(columns, rows)


def checksums():
    """What the datasets' arrays are checked against."""
    rows = [("lines: all four arrays, one after the other", f"`{lines.SHA256}`")]
    rows += [(f"MNIST: `{name}`", f"`{value}`") for name, value in mnist.SHA256.items()]
    return tables.markdown(["array", "SHA-256 of its bytes"], rows)


def maps():
    """Four tests of class activation maps: a row for each kind of map."""
    return report_numbers.maps(_study("map_tests"))


TABLES = {
    "results": results,
    "results_q1": functools.partial(results, "Q1"),
    "results_q2": functools.partial(results, "Q2"),
    "heads": head_scores,
    "maps": maps,
    "notebooks": notebooks,
    "versions": versions,
    "versions_q3": versions_of_maps,
    "models": models,
    "checksums": checksums,
}
