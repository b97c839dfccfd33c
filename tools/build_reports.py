"""Fill the tables of the READMEs from the records, so that no number is typed by hand.

    python tools/build_reports.py

A README marks a table's place: ``<!-- results -->`` before, ``<!-- end -->`` after.
"""

import re
import sys

from coursework import files, lines, mnist, paths, records, tables, variations

import run_notebooks

READMES = ("README.md", "Q1/README.md", "data/README.md", "models/README.md")
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


def results():
    """Test results of every network with their spread over the seeds."""
    columns = [
        *("network", "data", "parameters", "test accuracy, mean ± sd"),
        *("errors of each seed", "test images", "training"),
    ]
    return tables.markdown(columns, [_result(r) for r in read_records().values()])


def _result(record):
    mean, deviation = records.spread(record)
    spread = "" if deviation is None else f" ± {deviation * 100:.3f}"
    cores = record["machine"]["cores"]
    return (
        f"`{record['network']}`",
        record["dataset"]["name"],
        f"{record['parameters']:,}",
        f"{mean:.3%}{spread}",
        ", ".join(str(repeat["errors"]) for repeat in record["repeats"]),
        f"{record['dataset']['test']:,}",
        f"{record['seconds'] / 60:.1f} min on {cores} cores",
    )


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


def variations_lines():
    """Every variation tried on the lines."""
    return variations.table(variations.read("lines", paths.ROOT / "models"))


def variations_mnist():
    """Every variation tried on the digits."""
    return variations.table(variations.read("mnist", paths.ROOT / "models"))


TABLES = {
    "results": results,
    "variations_lines": variations_lines,
    "variations_mnist": variations_mnist,
    "notebooks": notebooks,
    "versions": versions,
    "models": models,
    "checksums": checksums,
}


if __name__ == "__main__":
    sys.exit(main())
