"""Write the zips that the brief asks for: one for each question, and one of the three.

    python tools/make_submission.py GROUP        submission/1.zip, 2, 3 and GROUP.zip

Each question's zip runs on its own: its notebooks, the package, the pins, its networks,
its README and its report. The same files give the same bytes.
"""

import argparse
import json
import pathlib
import posixpath
import re
import string
import sys
import typing
import zipfile

from coursework import files, paths
from coursework.figures import tables

import run_notebooks

TEMPLATES = pathlib.Path(__file__).parent / "submission"
GROUP = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
SHARED = (
    *("coursework/*.py", "coursework/*/*.py", "data/README.md", "LICENSE"),
    *("requirements.txt", "constraints.txt", "pyproject.toml"),
    *("tools/run_notebooks.py", "tools/progress.py", "tools/make_venv.sh"),
)
LINK = re.compile(r"!?\[([^\[\]]*)\]\(([^()\s#{}]+)(#[^()\s]*)?\)")
PACKED_ALREADY = (".keras", ".png", ".pdf", ".zip")
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file: the earliest that a zip can tell


class Question(typing.NamedTuple):
    """What a question's zip holds besides ``SHARED``.

    Attributes:
        title: str.
        networks: names of trained networks, each with its record.
        experiments: names of further records.
        patterns: of further files.
    """

    title: str
    networks: tuple
    experiments: tuple
    patterns: tuple = ()


_LINE_NETWORKS = ("plain_lines", "tuned_lines", "four_head_lines")
_DIGIT_NETWORKS = ("plain_mnist", "tuned_mnist")
QUESTIONS = {
    1: Question(
        "foundations of convolutional neural networks",
        ("plain_lines", "plain_mnist", "tuned_lines", "tuned_mnist"),
        (
            *("padding", "variations_lines", "variations_mnist", "sample_efficiency"),
            *("ablation_lines", "ablation_mnist"),
        ),
    ),
    2: Question(
        "multi-head classification",
        _LINE_NETWORKS,
        ("variations_four_heads", "unseen_lines"),
    ),
    3: Question(
        "looking into networks",
        (*_LINE_NETWORKS, *_DIGIT_NETWORKS),
        ("activations", "filters", "class_activation_maps", "map_tests"),
        ("models/README.md", "Q3/visualize.py", "Q3/examples/*.png"),
    ),
}


def main(arguments=None):
    """Write the zips; 0 is success, 2 bad input or a full disk, 130 Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("group", help="the group's number, 13 for example")
    words = sys.argv[1:] if arguments is None else arguments
    try:
        for path in write(parser.parse_args(["--", *words]).group, folder()):
            size = path.stat().st_size / 1e6
            print(f"{paths.relative(path)}: {size:.1f} MB")
    except (OSError, ValueError) as error:
        print(files.one_line(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the zips that are there are whole", file=sys.stderr)
        return 130
    return 0


def folder():
    return paths.ROOT / "submission"


def write(group, target):
    """Write all four zips to a folder; all is checked before the first is written.

    Args:
        group: str, the group's ID.
        target: the folder, made if need be.

    Returns:
        The four paths, the group's zip last.

    Raises:
        FileNotFoundError: a notebook, network, record, figure or report is missing.
        ValueError: the group's ID is none, or a record does not match its network.
        OSError: a zip cannot be written; what is in the folder is whole.
    """
    check_group(group)
    contents = {number: contents_of(number) for number in QUESTIONS}
    written = [target / f"{number}.zip" for number in QUESTIONS]
    for (number, content), path in zip(contents.items(), written, strict=True):
        write_zip(path, {f"{number}/{name}": data for name, data in content.items()})
    everything = {"README.md": assignment_readme()}
    everything |= {path.name: path.read_bytes() for path in written}
    written.append(target / group_file(group))
    write_zip(written[-1], everything)
    return written


def check_group(group):
    """ValueError if ``group`` cannot be a group's ID."""
    if not GROUP.fullmatch(group):
        raise ValueError(
            f"the group's ID is {group!r}; expected letters, digits, - and _: "
            "make submission GROUP=13"
        )


def group_file(group):
    """The name of a group's zip; groups 1 to 3 must not take that of a question's."""
    taken = group in map(str, QUESTIONS)
    return f"group_{group}.zip" if taken else f"{group}.zip"


# --- what a question's zip holds ------------------------------------------------------


def contents_of(number):
    """The files of a question's zip: dict, path in it → bytes, sorted.

    Raises:
        FileNotFoundError, ValueError: as ``write``.
    """
    names = names_of(number)
    texts = {name: _text(name) for name in names if name.endswith((".md", ".ipynb"))}
    for name, text in texts.items():
        names |= figures_in(name, text)
    content = {name: (paths.ROOT / name).read_bytes() for name in names}
    content["Makefile"] = (TEMPLATES / "Makefile").read_bytes()
    content["README.md"] = question_readme(number, names)
    for name, text in texts.items():
        content[name] = without_dead_links(name, text, content).encode()
    return dict(sorted(content.items()))


def names_of(number):
    """The files of a question, without the figures that its pages show: set of str."""
    question = QUESTIONS[number]
    for network in question.networks:
        check_pair(network)
    single = [f"models/{network}.keras" for network in question.networks]
    single += [
        f"models/{record}.json" for record in question.networks + question.experiments
    ]
    single += [f"reports/Q{number}.md", f"reports/Q{number}.pdf"]
    patterns = (*SHARED, f"Q{number}/[0-9]_*.ipynb", f"Q{number}/README.md")
    found = {
        name for pattern in (*patterns, *question.patterns) for name in _glob(pattern)
    }
    return found | {name for pattern in single for name in _glob(pattern)}


def check_pair(network):
    """See that a network and its record are there and belong together.

    Raises:
        FileNotFoundError, ValueError: one is missing, or they do not.
    """
    model, record = (f"models/{network}.{ending}" for ending in ("keras", "json"))
    _glob(model)
    _glob(record)
    try:
        expected = json.loads(_text(record))["model_sha256"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{record} is not a record: {_remedy(record)}") from error
    if files.sha256_of_file(paths.ROOT / model) != expected:
        raise ValueError(
            f"{model} is not the network that {record} describes: {_remedy(record)}"
        )


def _glob(pattern):
    """Files of a pattern, hidden ones left out (FileNotFoundError if there is none)."""
    found = [
        path.relative_to(paths.ROOT).as_posix()
        for path in paths.ROOT.glob(pattern)
        if path.is_file() and not path.name.startswith(".")
    ]
    if not found:
        raise FileNotFoundError(f"{pattern} is missing: {_remedy(pattern)}")
    return found


def _remedy(pattern):
    if pattern.startswith("reports/"):
        return "make reports writes the reports, make run the figures"
    if pattern.startswith("models/"):
        return "make run writes the networks and their records"
    return "it belongs to the project; fetch it again"


def _text(name):
    return (paths.ROOT / name).read_text(encoding="utf-8")


def links_in(name, text):
    """Local files that a page links to, seen from the project's folder: list of str."""
    base = posixpath.dirname(name)
    targets = [match.group(2) for match in LINK.finditer(text)]
    return [posixpath.normpath(posixpath.join(base, target)) for target in targets]


def figures_in(name, text):
    """The figures that a page shows or links to (FileNotFoundError if missing)."""
    linked = {t for t in links_in(name, text) if t.startswith("reports/figures/")}
    return {found for target in sorted(linked) for found in _glob(target)}


def without_dead_links(name, text, content):
    """A page whose links to what is not in the zip are plain words."""
    base = posixpath.dirname(name)

    def keep_or_not(match):
        target = posixpath.normpath(posixpath.join(base, match.group(2)))
        inside = any(n == target or n.startswith(f"{target}/") for n in content)
        dead = not inside and (paths.ROOT / target).exists()
        return match.group(1) if dead else match.group(0)

    return LINK.sub(keep_or_not, text)


# --- the READMEs at the top -----------------------------------------------------------


def question_readme(number, names):
    """The page that says how to install and run a question's zip, bytes."""
    notebooks = sorted(name for name in names if name.endswith(".ipynb"))
    rows = [(f"[{name}]({name})", title_of(name)) for name in notebooks]
    if "Q3/visualize.py" in names:
        rows.append(("`Q3/visualize.py`", "the command that looks inside a network"))
    rows += [
        ("`models/`", f"{', '.join(QUESTIONS[number].networks)}; records of all runs"),
        ("`reports/`", "the report, and the figures"),
        ("`coursework/`, `tools/`", "the code that the notebooks and `make` call"),
        ("[data/README.md](data/README.md)", "where the data come from"),
    ]
    digits = any(run_notebooks.needs_digits(name) for name in notebooks)
    mnist = (
        "MNIST is downloaded, or taken from `data/mnist.npz`; without either "
        "small stand-in digits are used, and the output says so."
    )
    return _filled(
        "question.md",
        question=number,
        title=QUESTIONS[number].title,
        mnist=mnist if digits else "No network is needed to run.",
        contents="\n".join(tables.markdown(["", ""], rows).splitlines()[2:]),
    )


def assignment_readme():
    """The page beside the three zips, bytes."""
    rows = [(f"`{n}.zip`", f"question {n}: {q.title}") for n, q in QUESTIONS.items()]
    contents = "\n".join(tables.markdown(["", ""], rows).splitlines()[2:])
    return _filled("assignment.md", contents=contents)


def title_of(name):
    """A notebook's title, with the section of the brief."""
    notebook = run_notebooks.read_notebook(paths.ROOT / name)
    return notebook.cells[0].source.splitlines()[0].lstrip("# ")


def versions():
    """Python and every module that the requirements name, as a table."""
    text = _text("requirements.txt")
    pins = re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)", text, re.MULTILINE)
    return tables.markdown(["", "version"], [("Python", "3.11, 3.12 or 3.13"), *pins])


def _filled(template, **fields):
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    return string.Template(text).substitute(versions=versions(), **fields).encode()


# --- writing --------------------------------------------------------------------------


def write_zip(path, content):
    """Write a zip whose bytes depend on nothing but the content.

    Args:
        path: of the zip.
        content: dict, name → bytes.

    Raises:
        OSError: it cannot be written; an older zip stays as it was.
    """
    with files.replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, data in content.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # Unix, wherever it is made
            entry.external_attr = 0o100644 << 16
            stored = name.endswith(PACKED_ALREADY)
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)


if __name__ == "__main__":
    sys.exit(main())
