"""Install, run, check and pack the coursework: ``python make.py TARGET``.

On Windows it is ``py make.py TARGET``; where there is make, ``make TARGET`` does the
same. Any Python from 3.7 on can start it: it finds one that the packages are for.
"""

import difflib
import hashlib
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent
VENV = ROOT / ".venv"
WINDOWS = os.name == "nt"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
VERSIONS = ("3.13", "3.12", "3.11")  # that the pins are for
VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"  # for any Python
ENVIRONMENT = {
    "KERAS_BACKEND": "tensorflow",
    "PYTHONUTF8": "1",  # what is printed on Windows, too
    "TF_CPP_MIN_LOG_LEVEL": "3",  # no notes about this processor
}
STOPPED = 130  # exit status after Ctrl-C
NO_NETWORK = re.compile(
    "ConnectionError|ConnectTimeout|NameResolution|getaddrinfo|unreachable|ProxyError"
)


class Target(NamedTuple):
    """What a target does, as the list of targets says it, and how.

    Attributes:
        does: str, one line.
        runs: str, words after ``python``, with variables before them; ";" between
            commands. Where there is one command, it is given what follows the target.
        variable: str, holds what follows it with make: ``make submission GROUP=13``.
        needs: str, requirements beyond requirements.txt.
    """

    does: str
    runs: str = ""
    variable: str = ""
    needs: str = ""


NOTEBOOKS, REPORTS = "tools/run_notebooks.py", "tools/build_reports.py"
SWEEP = "requirements-sweep.txt"
TARGETS = {
    "install": Target("install the packages into .venv, and nothing else"),
    "run": Target(
        "run all notebooks in full, then build tables, reports and web page",
        runs=f"{NOTEBOOKS}; {REPORTS}",
    ),
    "quick": Target(
        "run all notebooks on a few images, written under build/quick",
        runs=f"QUICK=1 {NOTEBOOKS}",
    ),
    "reports": Target("build tables, reports and web page", runs=REPORTS),
    "submission": Target(
        "write the zips to hand in: submission 13",
        runs="tools/make_submission.py",
        variable="GROUP",
    ),
    "check": Target(
        "go through the requirements of the brief, or of sections: check 1.2.1 2.2",
        runs="-m pytest tests/brief --requirements",
        variable="CHECKED",
    ),
    "test": Target(
        "lint, tests, and a quick run of all notebooks",
        runs="-m ruff check; -m ruff format --check; "
        "-m pytest tests/ -n auto --maxprocesses 4 --dist loadfile "
        "--no-loadscope-reorder",
    ),
    "repeats": Target(
        "train every final network with two more seeds",
        runs=f"tools/run_repeats.py; {REPORTS}",
    ),
    "sweep": Target(
        "train the long experiments: sweep --only ablation",
        runs="tools/sweep.py",
        variable="OPTIONS",
        needs=SWEEP,
    ),
    "optuna": Target("install what sweep needs as well", needs=SWEEP),
    "benchmark": Target(
        "measure how fast lines, digits, maps, trainings and trials are",
        runs="benchmarks/line_dataset.py; benchmarks/augmentation.py; "
        "benchmarks/visualization.py; benchmarks/training.py; benchmarks/trials.py; "
        "benchmarks/live_page.py",
        needs="requirements-benchmark.txt",
    ),
    "pins": Target(f"ask pip whether Python {', '.join(VERSIONS)} can have all pins"),
    "clean": Target("remove build, submission and .venv; nothing that is committed"),
}


class MakeError(Exception):
    """What is wrong and what to do, in one line."""


def main(words):
    """Do a target; 0 is success, 2 bad input, else the status of what failed."""
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    try:
        return make(words[0], words[1:])
    except (MakeError, OSError, ValueError) as error:
        print(f"make.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        return STOPPED


def usage():
    """The targets, a line each."""
    rows = [f"  {name:10}  {target.does}" for name, target in available().items()]
    return "\n".join([f"{'py' if WINDOWS else 'python3'} make.py TARGET", "", *rows])


def available():
    """The targets that can be done here: a question's zip holds what some need."""
    return {
        name: target
        for name, target in TARGETS.items()
        if (ROOT / target.needs).exists()
        and bool(commands_of(target)) == bool(target.runs)
    }


def commands_of(target):
    """The words of each command; none if a file is missing.

    Only the reports need not be built: what builds them is in no question's zip.
    """
    commands = [command.split() for command in target.runs.split(";") if command]
    here = [c for c in commands if all((ROOT / w).exists() for w in c if "/" in w)]
    missing = [c for c in commands if c not in here]
    return here if missing in ([], [[REPORTS]]) else []


def make(name, words):
    """Install what a target needs and run its commands until one fails."""
    if name not in available():
        near = difflib.get_close_matches(name, available(), 1) or available()
        raise MakeError(f"no target {name!r}; there is: {', '.join(near)}")
    target = TARGETS[name]
    commands = commands_of(target)
    if target.variable:
        words = words or shlex.split(os.environ.get(target.variable, ""))
    elif words and len(commands) != 1:
        raise MakeError(f"{name} takes nothing else, got {' '.join(words)!r}")
    if name == "clean":
        return clean()
    install("requirements.txt")
    if target.needs:
        install(target.needs)
    if name == "pins":
        return pins()
    for command in commands:
        status = call([*command, *words])
        if status:
            return status
    return 0


def call(words):
    """Run Python in .venv with ``words``, NAME=VALUE first; returns its exit status."""
    variables = dict(word.split("=", 1) for word in words if re.match("[A-Z]+=", word))
    process = subprocess.Popen(
        [str(PYTHON), *words[len(variables) :]],
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT, **variables},
    )
    try:
        return process.wait()
    except KeyboardInterrupt:  # the program has got it, too, and says what is kept
        process.wait()
        return STOPPED


def clean():
    for folder in (ROOT / "build", ROOT / "submission", VENV):
        if folder.exists():
            shutil.rmtree(folder)
    return 0


# --- installing -----------------------------------------------------------------------


def install(requirements):
    """Install a requirements file into .venv, unless a stamp says that it is there."""
    if is_of_other_python():
        make_venv()
    stamp, wanted = VENV / f".{requirements}", fingerprint(requirements)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    if output_of(PYTHON, "-m", "pip", "--version") is None:
        make_venv()
    size = " (2.8 GB), a minute or more" if requirements == "requirements.txt" else ""
    print(f"installing the packages of {requirements}{size}", flush=True)
    pip("install", "-r", requirements)
    stamp.write_text(wanted, encoding="utf-8")


def fingerprint(requirements):
    """SHA-256 of what says what is installed."""
    names = (requirements, "constraints.txt", "pyproject.toml")
    return hashlib.sha256(
        b"\0".join((ROOT / n).read_bytes() for n in names)
    ).hexdigest()


def pip(*words):
    """Run pip in .venv; what it says when it fails becomes one line (MakeError)."""
    result = subprocess.run(
        [str(PYTHON), "-m", "pip", "--quiet", "--disable-pip-version-check", *words],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if result.returncode == 0:
        return
    if NO_NETWORK.search(result.stderr):
        raise MakeError("pip cannot reach the package index: is there a network?")
    errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
    raise MakeError(f"pip: {errors[-1] if errors else result.stderr.strip()}")


def pins():
    """Whether each Python could have all pins; asks the resolver, installs nothing."""
    listed = ROOT / "build" / "pins.txt"
    listed.parent.mkdir(exist_ok=True)
    pinned = [
        line
        for path in sorted(ROOT.glob("requirements*.txt"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.startswith("-")
    ]
    listed.write_text("\n".join(pinned), encoding="utf-8")
    options = "--dry-run --ignore-installed --only-binary=:all: --target build/pins"
    for version in VERSIONS:
        of = ["--python-version", version, "-c", "constraints.txt", "-r", str(listed)]
        pip("install", *options.split(), *of)
        print(f"Python {version}: all pins can be had together", flush=True)
    return 0


# --- which Python ---------------------------------------------------------------------


def make_venv():
    """Make .venv anew with $PYTHON, with the Python that runs this, or another one."""
    command = choose_python()
    print(f"making .venv with Python {version_of(command)}", flush=True)
    subprocess.run([*command, "-m", "venv", "--clear", str(VENV)], check=True)


def is_of_other_python():
    """Whether .venv is of another version than $PYTHON."""
    wanted, config = os.environ.get("PYTHON"), VENV / "pyvenv.cfg"
    if not wanted or not config.is_file():
        return False
    made = re.search(r"version = (\d+\.\d+)", config.read_text(encoding="utf-8"))
    return made is None or made.group(1) != version_of([wanted])


def choose_python():
    """The command of a Python that the pins are for.

    Raises:
        MakeError: there is none, or it cannot make a .venv.
    """
    wanted = os.environ.get("PYTHON")
    others = [["py", f"-{v}"] if WINDOWS else [f"python{v}"] for v in VERSIONS]
    commands = [[wanted]] if wanted else [[sys.executable], *others]
    right = [command for command in commands if version_of(command) in VERSIONS]
    for command in right:
        if output_of(*command, "-c", "import ensurepip, venv") is not None:
            return command
    if right:
        version = version_of(right[0])
        advice = f"on Debian and Ubuntu: sudo apt install python{version}-venv"
        raise MakeError(f"Python {version} has no module venv; {advice}")
    found = version_of(commands[0])
    raise MakeError(
        f"Python {', '.join(VERSIONS[:-1])} or {VERSIONS[-1]} is needed, and "
        f"{wanted or 'this'} is {found or 'none'}: get one from python.org, or name "
        "one that is here as PYTHON (PYTHON=python3.12)"
    )


def version_of(command):
    """A Python's version, 3.12 for example; empty where there is no such Python."""
    return (output_of(*command, "-c", VERSION) or "").strip()


def output_of(*command):
    """What a command prints; None where it is missing or fails."""
    words = [str(word) for word in command]
    try:
        result = subprocess.run(words, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
