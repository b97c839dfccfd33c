"""The tables that stand in the READMEs, from the records."""

import functools
import re

from coursework import paths, records
from coursework.data import lines, mnist
from coursework.figures import tables
from coursework.studies import maps as map_study

import report_numbers
import run_notebooks

NAMES = {
    "plain_cnn": "baseline (`plain_cnn`)",
    "tuned_cnn": "tuned (`tuned_cnn`)",
    "four_head_cnn": "four heads (`four_head_cnn`)",
}
DATA = {"lines": "lines", "mnist": "digits (MNIST)"}


def read_records():
    """The committed records of networks, by name."""
    return {name: records.read(name, _folder()) for name in records.NOTEBOOKS}


def _folder():
    return paths.ROOT / "models"


def results(question=None):
    """Test results of every network, or of a question's, with their spread."""
    columns = ["network", "data", "parameters", "test accuracy, mean ± sd"]
    columns += ["errors of each seed", "test images", "macro F-score", "training"]
    rows = []
    for record in read_records().values():
        if question in (None, record["question"]):
            joint = ", all four heads right" if "heads" in record["test"] else ""
            row = [NAMES[record["network"]], DATA[record["dataset"]["name"]] + joint]
            row += [f"{record['parameters']:,}", report_numbers.accuracy(record)]
            row += [report_numbers.errors_of_seeds(record)]
            time = f"{record['seconds'] / 60:.1f} min"
            row += [f"{record['dataset']['test']:,}"]
            row += [f"{record['test']['macro_f1']:.5f}"]
            rows.append([*row, f"{time} on {record['machine']['cores']} cores"])
    return tables.markdown(columns, rows)


def head_scores():
    """What each head of the four-head network scores, and three ways to sum it up."""
    test = read_records()["four_head_lines"]["test"]
    joint = test | {"accuracy": test["joint_accuracy"], "errors": test["joint_errors"]}
    each = test["heads"] | {"**all four right**": joint}
    rows = [
        (name, f"{head['accuracy']:.3%}", head["errors"], f"{head['macro_f1']:.5f}")
        for name, head in each.items()
    ]
    for kind in ("mean", "product"):
        rows.append((f"{kind} of the heads", f"{test[f'{kind}_of_heads']:.3%}", "", ""))
    return tables.markdown(["head", "test accuracy", "errors", "macro F-score"], rows)


def notebooks():
    """What each notebook takes on the machine that ran it."""
    rows, total = [], 0
    for name in run_notebooks.all_notebooks():
        notebook = run_notebooks.read_notebook(paths.ROOT / name)
        seconds = sum(run_notebooks.stamped_seconds(notebook))
        time = f"{seconds / 60:.1f} min" if seconds else "not run yet"
        rows.append((f"[{name}]({name})", run_notebooks.title_of(name), time))
        total += seconds
    rows.append(("all", "", f"{total / 60:.1f} min"))
    return tables.markdown(["notebook", "section of the brief", "time"], rows)


def versions(name):
    """What a record was made with; modules that it does not name are as pinned."""
    read = records.read if name in records.NOTEBOOKS else records.read_study
    record = read(name, _folder())
    machine = f"{record['machine']['cpu']}, {record['machine']['cores']} cores"
    others = {n: v for n, v in pinned().items() if n not in record["versions"]}
    rows = [*(record["versions"] | others).items(), ("processor", machine)]
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
        size = (_folder() / f"{name}.keras").stat().st_size / 1e6
        made = f"[{records.NOTEBOOKS[name]}](../{records.NOTEBOOKS[name]})"
        row = [f"`{name}`", made, f"{record['parameters']:,}", f"{size:.1f} MB"]
        rows.append([*row, f"`{record['model_sha256'][:16]}…`"])
    columns = ["name", "made by", "parameters", "size", "SHA-256 of NAME.keras"]
    return tables.markdown(columns, rows)


def checksums():
    """What the datasets' arrays are checked against."""
    rows = [("lines: all four arrays, one after the other", f"`{lines.SHA256}`")]
    rows += [(f"MNIST: `{name}`", f"`{value}`") for name, value in mnist.SHA256.items()]
    return tables.markdown(["array", "SHA-256 of its bytes"], rows)


def maps():
    """The four tests of maps: a row for each kind; bold is passed."""
    tests = map_study.tests(records.read_study("map_tests", _folder()))
    rows = [[k] + [_tested(t, k) for t in tests.values()] for k in map_study.KINDS]
    for rule in (rule for test in tests.values() for rule in test.rules):
        values = [test.rules.get(rule) for test in tests.values()]
        cells = ["" if value is None else f"{value:.3g}" for value in values]
        rows.append([f"to be exceeded: {rule}", *cells])
    return tables.markdown(["map", *tests], rows)


def _tested(test, kind):
    text = "{value:.2f} ({low:.2f} to {high:.2f})".format(**test.rows[kind])
    marked = {True: f"**{text}**", False: text, None: f"{text}, by construction"}
    return marked[test.verdicts[kind]]


TABLES = {
    "results": results,
    "results_q1": functools.partial(results, "Q1"),
    "results_q2": functools.partial(results, "Q2"),
    "heads": head_scores,
    "maps": maps,
    "notebooks": notebooks,
    "versions": functools.partial(versions, "plain_lines"),
    "versions_q3": functools.partial(versions, "map_tests"),
    "models": models,
    "checksums": checksums,
}
