"""Fill the tables of the READMEs from the records, so that no number is typed by hand.

    python tools/build_reports.py

A README marks a table's place: ``<!-- results -->`` before, ``<!-- end -->`` after.
"""

import functools
import re
import sys

from coursework import files, lines, mnist, paths, records, tables, variations

import run_notebooks

READMES = (
    *("README.md", "Q1/README.md", "Q2/README.md"),
    *("data/README.md", "models/README.md"),
)
BLOCK = re.compile(r"<!-- (?!end)(\w+) -->\n.*?<!-- end -->", re.DOTALL)


def main():
    """Fill all READMEs; 0 is success, 2 a missing record or an unknown table."""
    try:
        texts = {name: filled(name) for name in READMES}
        for name, text in texts.items():
            files.write_text(paths.ROOT / name, text)
        print(f"tables of {', '.join(READMES)} filled from models/*.json")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def filled(name):
    """The text of a README with its tables as the records have them now."""
    text = (paths.ROOT / name).read_text(encoding="utf-8")
    return BLOCK.sub(_fill, text)


def _fill(match):
    block = match.group(1)
    if block not in TABLES:
        raise ValueError(f"no table named {block}; there are: {', '.join(TABLES)}")
    return f"<!-- {block} -->\n{TABLES[block]()}\n<!-- end -->"


def read_records():
    """The committed records, by name."""
    folder = paths.ROOT / "models"
    return {name: records.read(name, folder) for name in records.NOTEBOOKS}


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
    mean, deviation = records.spread(record)
    spread = "" if deviation is None else f" ± {deviation * 100:.3f}"
    cores = record["machine"]["cores"]
    all_right = ", all four heads right" if "heads" in record["test"] else ""
    return (
        f"`{record['network']}`",
        record["dataset"]["name"] + all_right,
        f"{record['parameters']:,}",
        f"{mean:.3%}{spread}",
        ", ".join(str(repeat["errors"]) for repeat in record["repeats"]),
        f"{record['dataset']['test']:,}",
        f"{record['seconds'] / 60:.1f} min on {cores} cores",
    )


def heads():
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
        time = f"{seconds / 60:.1f} min" if seconds else "not run yet"
        title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
        rows.append((f"[{name}]({name})", title, time))
        total += seconds
    rows.append(("all", "", f"{total / 60:.1f} min"))
    return tables.markdown(["notebook", "section of the brief", "time"], rows)


def versions():
    """Versions that the committed networks were trained with."""
    record = next(iter(read_records().values()))
    rows = [(name, version) for name, version in record["versions"].items()]
    machine = f"{record['machine']['cpu']}, {record['machine']['cores']} cores"
    return tables.markdown(["", "version"], [*rows, ("processor", machine)])


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


def tried(name):
    """Every variation of an experiment."""
    return variations.table(variations.read(name, paths.ROOT / "models"))


TABLES = {
    "results": results,
    "results_q1": functools.partial(results, "Q1"),
    "results_q2": functools.partial(results, "Q2"),
    "heads": heads,
    **{
        f"variations_{name}": functools.partial(tried, name)
        for name in variations.EXPERIMENTS
    },
    "notebooks": notebooks,
    "versions": versions,
    "models": models,
    "checksums": checksums,
}


if __name__ == "__main__":
    sys.exit(main())
