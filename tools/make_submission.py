"""Write the zips that the brief asks for: one for each question, and one of the three.

    python tools/make_submission.py [GROUP]     submission/1.zip, 2, 3 and GROUP.zip

Each question's zip runs on its own: its notebooks, the package, the pins, its networks,
its README and its report. The same files give the same bytes.
"""

import argparse
import pathlib
import posixpath
import re
import string
import sys
import zipfile
from typing import NamedTuple

from coursework import files, paths, records
from coursework.figures import tables

import group
import run_notebooks

TEMPLATES = pathlib.Path(__file__).parent / "submission"
SHARED = [
    "coursework/*.py",
    "coursework/*/*.py",
    "data/README.md",
    "LICENSE",
    "Makefile",
    "make.py",
    "requirements.txt",
    "constraints.txt",
    "pyproject.toml",
    "tools/run_notebooks.py",
]
LINK = re.compile(r"!?\[([^\[\]]*)\]\(([^()\s#{}]+)(#[^()\s]*)?\)")
PACKED_ALREADY = (".keras", ".png", ".pdf", ".zip")
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file: the earliest that a zip can tell
MNIST = (
    "MNIST is downloaded, or taken from `data/mnist.npz`; without either small "
    "stand-in digits are used, and the output says so."
)


def _made_by(*makers):
    """Studies whose notebook's or command's name begins like this."""
    return tuple(n for n, made in records.STUDIES.items() if made.startswith(makers))


class Question(NamedTuple):
    """What a question's zip holds besides ``SHARED``, its notebooks and its report."""

    title: str
    networks: tuple
    studies: tuple
    patterns: tuple = ()


QUESTIONS = {
    1: Question(
        "foundations of convolutional neural networks",
        networks=("plain_lines", "plain_mnist", "tuned_lines", "tuned_mnist"),
        studies=_made_by("Q1/", "make sweep"),
    ),
    2: Question(
        "multi-head classification",
        networks=("plain_lines", "tuned_lines", "four_head_lines"),
        studies=_made_by("Q2/"),
        patterns=("models/four_head_lines_seed_*.keras",),
    ),
    3: Question(
        "looking into networks",
        networks=tuple(records.NOTEBOOKS),
        studies=_made_by("Q3/"),
        patterns=(
            *("models/README.md", "models/*_seed_1.keras"),
            *("Q3/visualize.py", "Q3/examples/*.png"),
        ),
    ),
}


def main(arguments=None):
    """Write the zips; 0 is success, 2 bad input or a full disk, 130 Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    about = f"the group's number, 13 for example; by default that of {group.FILE}"
    parser.add_argument("group", nargs="?", help=about)
    number = parser.parse_args(arguments).group
    try:
        number = group.read().number if number is None else number
        for path in write(number, paths.ROOT / "submission"):
            size = path.stat().st_size / 1e6
            print(f"{paths.relative(path)}: {size:.1f} MB")
    except (OSError, ValueError) as error:
        print(files.one_line(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the zips that are there are whole", file=sys.stderr)
        return 130
    return 0


def write(number, target):
    """Write all four zips to a folder; all is checked before the first is written.

    Args:
        number: str, of the group.
        target: the folder, made if need be.

    Returns:
        The four paths, the group's zip last.

    Raises:
        FileNotFoundError: a notebook, network, record, figure or report is missing.
        ValueError: it is no number of a group, or a record does not fit its network.
        OSError: a zip cannot be written; what is in the folder is whole.
    """
    own = f"{group.check_number(number)}.zip"
    zips = {f"{question}.zip": contents_of(question) for question in QUESTIONS}
    own = f"group_{own}" if own in zips else own
    for name, content in zips.items():
        write_zip(target / name, content)
    everything = {name: (target / name).read_bytes() for name in zips}
    write_zip(target / own, {"README.md": assignment_readme(number), **everything})
    return [target / name for name in (*zips, own)]


# --- what a question's zip holds ------------------------------------------------------


def contents_of(number):
    """The files of a question's zip: dict, path in it → bytes, sorted.

    Raises:
        FileNotFoundError, ValueError: as ``write``.
    """
    names = names_of(number)
    pages = {name: _text(name) for name in names if name.endswith((".md", ".ipynb"))}
    for name, text in pages.items():
        links = [_seen_from_root(name, found.group(2)) for found in LINK.finditer(text)]
        shown = [link for link in links if "reports/figures/" in link]
        names |= {found for link in shown for found in _glob(link)}
    content = {name: (paths.ROOT / name).read_bytes() for name in names}
    content["README.md"] = question_readme(number, names)
    for name, text in pages.items():
        content[name] = without_dead_links(name, text, content).encode()
    return {f"{number}/{name}": content[name] for name in sorted(content)}


def names_of(number):
    """The files of a question, without the figures that its pages show: set of str."""
    question, models = QUESTIONS[number], paths.ROOT / "models"
    for network in question.networks:
        records.read_checked(network, models)
    for study in question.studies:
        records.read_study(study, models)
    patterns = [*SHARED, *question.patterns, f"Q{number}/[0-9]_*.ipynb"]
    patterns += [f"{name}.md" for name in (f"Q{number}/README", f"reports/Q{number}")]
    patterns += [f"reports/Q{number}.pdf"]
    patterns += [f"models/{name}.keras" for name in question.networks]
    patterns += [f"models/{name}.json" for name in question.networks + question.studies]
    return {name for pattern in patterns for name in _glob(pattern)}


def _glob(pattern):
    """Files of a pattern, hidden ones left out (FileNotFoundError if there is none)."""
    found = [
        path.relative_to(paths.ROOT).as_posix()
        for path in paths.ROOT.glob(pattern)
        if path.is_file() and not path.name.startswith(".")
    ]
    if not found:
        raise FileNotFoundError(
            f"{pattern} is missing: make run writes figures, make reports the reports; "
            "all else belongs to the project"
        )
    return found


def _text(name):
    return (paths.ROOT / name).read_text(encoding="utf-8")


def _seen_from_root(name, target):
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), target))


def without_dead_links(name, text, content):
    """A page whose links to what is not in the zip are plain words."""

    def keep_or_not(match):
        target = _seen_from_root(name, match.group(2))
        inside = any(n == target or n.startswith(f"{target}/") for n in content)
        dead = not inside and (paths.ROOT / target).exists()
        return match.group(1) if dead else match.group(0)

    return LINK.sub(keep_or_not, text)


# --- the READMEs at the top -----------------------------------------------------------


def question_readme(number, names):
    """The page that says how to install and run a question's zip, bytes."""
    notebooks = sorted(name for name in names if name.endswith(".ipynb"))
    titles = {name: run_notebooks.title_of(name) for name in notebooks}
    rows = [f"| [{name}]({name}) | {title} |" for name, title in titles.items()]
    if "Q3/visualize.py" in names:
        rows.append("| `Q3/visualize.py` | the command that looks inside a network |")
    digits = any(run_notebooks.needs_digits(name) for name in notebooks)
    return _filled(
        "question.md",
        question=number,
        title=QUESTIONS[number].title,
        mnist=MNIST if digits else "No network is needed to run.",
        notebooks="\n".join(rows),
        networks=", ".join(QUESTIONS[number].networks),
    )


def assignment_readme(number):
    """The page beside the three zips, bytes."""
    rows = [f"| `{n}.zip` | question {n}: {q.title} |" for n, q in QUESTIONS.items()]
    names = ", ".join(group.read().members)
    by = f"Group {number}: {names}" if names else f"Group {number}"
    return _filled("assignment.md", group=by, contents="\n".join(rows))


def _filled(template, **fields):
    """A template with its fields, and Python and every pinned module as a table."""
    pins = re.findall(
        r"^([\w.-]+)(?:\[.*\])?==(\S+)", _text("requirements.txt"), re.MULTILINE
    )
    pins = [("Python", "3.11, 3.12 or 3.13"), *pins]
    fields["versions"] = tables.markdown(["", "version"], pins)
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    return string.Template(text).substitute(fields).encode()


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
