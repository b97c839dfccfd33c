"""make.py in a small project: one target each, and what it says when it cannot."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from coursework import paths

import make

TOOL = """
import os, sys, time
try:
    print(os.path.basename(sys.argv[0]), *sys.argv[1:], "QUICK" in os.environ)
    time.sleep(float(os.environ.get("SLEEP", 0)))
except KeyboardInterrupt:
    sys.exit("the tool was stopped")
sys.exit(int(os.environ.get("FAIL", 0)))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with make.py, nothing to install, and tools that say they were called.

    Its .venv is made by the first test that needs it, and used by all.
    """
    folder = tmp_path_factory.mktemp("Übung 2 für CS671")
    for name in ("make.py", "Makefile"):
        shutil.copy(paths.ROOT / name, folder)
    for name in ("requirements.txt", "requirements-sweep.txt"):
        (folder / name).write_text("# nothing\n", encoding="utf-8")
    (folder / "constraints.txt").touch()
    (folder / "pyproject.toml").touch()
    (folder / "tools").mkdir()
    for name in ("run_notebooks", "build_reports", "sweep", "make_submission"):
        (folder / "tools" / f"{name}.py").write_text(TOOL, encoding="utf-8")
    return folder


@pytest.fixture
def run(project, tmp_path):
    """A function that runs make.py, from another folder: its exit status and output."""

    def called(*words, **variables):
        result = subprocess.run(
            [sys.executable, str(project / "make.py"), *words],
            cwd=tmp_path,
            env=os.environ | variables,
            capture_output=True,
            encoding="utf-8",
        )
        return result.returncode, result.stdout, result.stderr

    return called


def test_alone_it_lists_the_targets_of_this_folder(run):
    status, printed, _ = run()
    listed = re.findall(r"^  (\w+)  +\S.{,75}$", printed, re.MULTILINE)
    without = {"reports", "check", "test", "repeats", "benchmark"}
    assert status == 0
    assert set(listed) >= {"reports", *set(make.TARGETS) - without}
    assert "benchmark" not in listed  # its programs are not here


@pytest.mark.parametrize("words", [["rnu"], ["check"], ["--quick"]])
def test_an_unknown_target_is_refused(run, words):
    status, _, said = run(*words)
    assert status == 2
    assert re.fullmatch(rf"make\.py: no target '{words[0]}'; there is: .+\n", said)


def test_it_installs_once_and_again_when_the_requirements_change(project, run):
    status, printed, said = run("install")
    assert (status, said) == (0, "")
    assert "installing the packages of requirements.txt" in printed
    assert run("install") == (0, "", "")
    (project / "constraints.txt").write_text("# new\n", encoding="utf-8")
    assert "installing" in run("install")[1]


def test_a_half_made_environment_is_made_anew(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(make, "VENV", tmp_path)
    monkeypatch.setattr(make, "PYTHON", tmp_path / "bin" / "python")
    monkeypatch.setattr(make, "make_venv", lambda: made.append("made"))
    monkeypatch.setattr(make, "pip", lambda *words: made.append(words[0]))
    make.install("requirements.txt")
    assert made == ["made", "install"]


def test_a_target_runs_its_programs_with_what_follows_it(run):
    run("install")
    assert run("run")[1] == "run_notebooks.py False\nbuild_reports.py False\n"
    assert run("quick", "Q1/x.ipynb")[1] == "run_notebooks.py Q1/x.ipynb True\n"
    expected = "make_submission.py --help False\n"
    assert run("submission", "--help", GROUP="13")[1] == expected
    assert run("submission", GROUP="13")[1] == "make_submission.py 13 False\n"
    status, _, said = run("run", "Q1/x.ipynb")
    assert status == 2
    assert "run takes nothing else, got 'Q1/x.ipynb'" in said


def test_a_program_that_fails_ends_it_with_its_status(run):
    run("install")
    assert run("run", FAIL="3") == (3, "run_notebooks.py False\n", "")


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_the_makefile_forwards(project, run):
    run("install")
    run("optuna")
    command = ["make", "--no-print-directory", "sweep", "OPTIONS=--only 'a b'"]
    result = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert result.stdout == "sweep.py --only a b False\n"
    text = (paths.ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    named = re.search(r"^TARGETS := (.*)", text, re.MULTILINE).group(1)
    assert set(named.split()) == set(make.TARGETS)


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals on Windows")
def test_ctrl_c_leaves_the_last_word_to_the_program(project, run):
    run("install")
    running = subprocess.Popen(
        [sys.executable, str(project / "make.py"), "run"],
        env=os.environ | {"SLEEP": "60", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell that started this in the background may have had SIGINT ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    running.stdout.readline()
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert (running.returncode, said) == (130, "the tool was stopped\n")


def test_without_a_network_one_line_says_so(project, run):
    run("install")
    (project / "requirements-sweep.txt").write_text("nothing==1", encoding="utf-8")
    offline = {"PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_RETRIES": "1"}
    expected = "make.py: pip cannot reach the package index: is there a network?\n"
    for _ in range(2):  # the first try has left no stamp
        status, _, said = run("optuna", **offline)
        assert (status, said) == (2, expected)


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("3.12", "Python 3.12 has no module venv; on Debian and Ubuntu: sudo apt"),
        ("3.9", "Python 3.13, 3.12 or 3.11 is needed, and this is 3.9: get one"),
        ("3.14", "Python 3.13, 3.12 or 3.11 is needed, and this is 3.14: get one"),
        ("", "and python4 is none: get one from python.org, or name"),
    ],
)
def test_a_python_that_will_not_do(version, said, monkeypatch, tmp_path, capsys):
    asked = {make.VERSION: version}
    monkeypatch.setattr(make, "output_of", lambda *words: asked.get(words[-1]))
    monkeypatch.setattr(make, "VENV", tmp_path / ".venv")
    monkeypatch.delenv("PYTHON", raising=False)
    if not version:
        monkeypatch.setenv("PYTHON", "python4")
    assert make.main(["install"]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1
