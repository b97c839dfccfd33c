"""What is handed in: READMEs with versions, zips, and the web page."""

import ast
import functools
import html.parser
import importlib.metadata
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import zipfile

from coursework import paths

import make_submission
import run_notebooks
from brief import Requirement, evidence, need

GROUP = "13"
READMES = ("README.md", "Q1/README.md", "Q2/README.md", "Q3/README.md")
PACKED_IN = {"IPython": "jupyter"}  # modules that another one brings
NEVER = re.compile(r"__pycache__|\.pyc$|\.ipynb_checkpoints|\.npz$|/build/|/\.")
TEXTS = (".md", ".ipynb", ".json", ".py", ".toml", ".txt")


# --- READMEs --------------------------------------------------------------------------


def readme(name):
    """Instructions, and the version of Python and of each module that is imported."""
    text = evidence.read_page(name)
    need("make run" in text, f"{name} does not say how to run it")
    pinned = pins()
    python = re.search(r"^\| python \| (3\.\d+\.\d+) \|", text, re.M | re.I)
    need(python, f"{name} does not tell the version of Python")
    used = imported_modules()
    unpinned = sorted(used - set(pinned))
    need(not unpinned, f"requirements.txt does not pin {', '.join(unpinned)}")
    rows = [tuple(line.strip("| ").split(" | ")) for line in text.splitlines()]
    untold = sorted(module for module in used if (module, pinned[module]) not in rows)
    versions = ", ".join(f"{module} is {pinned[module]}" for module in untold)
    need(not untold, f"{name} does not tell that {versions}")
    return f"how to run it; versions of Python and of {len(used)} modules"


def pins():
    """The versions of requirements.txt, by name."""
    text = evidence.read_page("requirements.txt")
    return dict(re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)", text, re.MULTILINE))


@functools.cache
def imported_modules():
    """The distributions that the package, the notebooks and the command import."""
    sources = [p.read_text() for p in (paths.ROOT / "coursework").rglob("*.py")]
    sources += [p.read_text() for p in paths.ROOT.glob("Q[0-9]/*.py")]
    for name in run_notebooks.all_notebooks():
        notebook = run_notebooks.read_notebook(paths.ROOT / name)
        sources += [cell.source for cell in run_notebooks.code_cells(notebook)]
    tops = set().union(*map(_imports, sources)) - set(sys.stdlib_module_names)
    known = importlib.metadata.packages_distributions()
    return {PACKED_IN.get(top) or known[top][0] for top in tops - {"coursework"}}


def _imports(source):
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


# --- zips -----------------------------------------------------------------------------


@functools.cache
def built():
    """All zips, built in a temporary folder that lasts as long as the process."""
    folder = tempfile.TemporaryDirectory()
    make_submission.write(GROUP, pathlib.Path(folder.name))
    return folder


def unzipped(number):
    """A question's zip, unpacked; returns its folder."""
    folder = pathlib.Path(built().name)
    with zipfile.ZipFile(folder / f"{number}.zip") as archive:
        archive.extractall(folder / "unzipped")
    return folder / "unzipped" / str(number)


def question_zip(number):
    """The zip has what it must and nothing else, and its notebooks run quick in it."""
    folder = unzipped(number)
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    wanted = [f"Q{number}/README.md", "README.md", "Makefile", "requirements.txt"]
    wanted += [f"reports/Q{number}.md", f"reports/Q{number}.pdf", "constraints.txt"]
    networks = make_submission.QUESTIONS[number].networks
    wanted += [f"models/{n}.{end}" for n in networks for end in ("keras", "json")]
    wanted += evidence.notebooks(f"Q{number}")
    wanted += ["pyproject.toml", "tools/make_venv.sh", "tools/run_notebooks.py"]
    wanted += [
        f"models/{n}.json" for n in make_submission.QUESTIONS[number].experiments
    ]
    wanted += ["Q3/visualize.py", "Q3/examples/line.png"] if number == 3 else []
    missing = sorted(set(wanted) - set(names))
    need(not missing, f"{number}.zip lacks {', '.join(missing)}")
    needless = [name for name in names if NEVER.search(f"/{name}")]
    need(not needless, f"{number}.zip holds {', '.join(needless)}")
    need_no_absolute_path(folder)
    return f"{number}.zip, {len(names)} files; unzipped: {run_quick(folder, number)}"


def need_no_absolute_path(folder):
    """FailedError if a text names this project's folder, or that of the home."""
    machine = (str(paths.ROOT), str(pathlib.Path.home()) + "/")
    for path in folder.rglob("*"):
        if path.suffix in TEXTS:
            text = path.read_text(encoding="utf-8")
            need(not any(m in text for m in machine), f"{path.name} names this machine")


def run_quick(folder, number):
    """Run all notebooks of an unpacked zip, with its own package and runner."""
    environment = os.environ | {"QUICK": "1", "PYTHONPATH": str(folder)}
    start = time.perf_counter()
    result = subprocess.run(
        [sys.executable, "tools/run_notebooks.py"],
        **{"cwd": folder, "env": environment, "check": False},
        **{"capture_output": True, "text": True},
    )
    need(not result.returncode, f"its quick run failed: {result.stderr[-500:]}")
    made = list((folder / "build" / "quick").glob(f"Q{number}/*.ipynb"))
    wanted = len(evidence.notebooks(f"Q{number}"))
    need(len(made) == wanted, f"its quick run made {len(made)} of {wanted} notebooks")
    seconds = time.perf_counter() - start
    return f"quick run of all its notebooks ({wanted}) in {seconds:.0f} s"


def group_zip():
    path = pathlib.Path(built().name) / f"{GROUP}.zip"
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        need(archive.testzip() is None, f"{path.name} is damaged")
    wanted = {f"{number}.zip" for number in make_submission.QUESTIONS}
    need(wanted < set(names), f"{path.name} holds {', '.join(names)}")
    return f"{path.name} holds {', '.join(names)}, {path.stat().st_size / 1e6:.0f} MB"


# --- the web page ---------------------------------------------------------------------


class Page(html.parser.HTMLParser):
    """The tags of a page, what it loads, and where it links to."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.loaded, self.links = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        self.tags.add(tag)
        self.loaded += [
            told[name] for name in ("src", "srcset", "data") if name in told
        ]
        if "href" in told:
            (self.links if tag == "a" else self.loaded).append(told["href"])


def web_page():
    text = evidence.read_page("docs/index.html")
    page = Page(text)
    need("script" not in page.tags, "docs/index.html has a script")
    loaded = page.loaded + re.findall(r"url\(['\"]?([^)'\"]+)", text)
    loaded += re.findall(r"@import\s+['\"]([^'\"]+)", text)
    for target in loaded:
        foreign = re.match(r"(\w+:)?//", target)
        need(not foreign, f"docs/index.html loads {target} from another host")
        here = target.startswith(("data:", "#")) or _exists(target)
        need(here, f"docs/index.html loads {target}, which is missing")
    for what in ("coursework", r"Q\d.*ipynb|ipynb", r"reports/.*Q\d|Q\d\.pdf"):
        found = any(re.search(what, link) for link in page.links)
        need(found, f"docs/index.html has no link to {what}")
    return (
        f"docs/index.html: {len(page.links)} links, {len(loaded)} files of its own, "
        "no script, nothing from another host"
    )


def _exists(target):
    return (paths.ROOT / "docs" / target.split("#")[0].split("?")[0]).is_file()


partial = functools.partial
REQUIREMENTS = [
    Requirement("1.3", "Code and report in 1.zip", partial(question_zip, 1)),
    Requirement("2.4", "Code and report in 2.zip", partial(question_zip, 2)),
    Requirement("3.4", "Code and report in 3.zip", partial(question_zip, 3)),
    Requirement("zips", f"The three zips in one, e.g. {GROUP}.zip", group_zip),
    *(
        Requirement("README", f"Instructions, versions: {name}", partial(readme, name))
        for name in READMES
    ),
    Requirement("page", "A web page with links to the code", web_page),
]
