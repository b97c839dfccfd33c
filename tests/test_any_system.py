"""Nothing that Windows or macOS lacks; folders with spaces and letters beyond ASCII."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from coursework import paths

ONLY_POSIX = re.compile(
    r"""os\.(fork|killpg|kill|setsid|chown|geteuid|getuid|mkfifo|uname|nice)\b
    | signal\.(SIGKILL|SIGXFSZ|SIGALRM|SIGHUP|alarm|pause)\b
    | ^import\ (resource|fcntl|pwd|grp|termios|tty)\b | /dev/null | "/tmp"
    """,
    re.VERBOSE | re.MULTILINE,
)
WITHOUT = """
import os, sys, warnings
import cv2, keras, matplotlib.pyplot, scipy.stats, sklearn.metrics, IPython.display
import joblib, nbclient, pypandoc, typst
for name in ("fork", "killpg", "sched_getaffinity", "geteuid", "getuid", "uname"):
    delattr(os, name)
for name in ("resource", "fcntl", "pwd", "grp", "termios"):
    sys.modules[name] = None
warnings.filterwarnings("error", category=EncodingWarning, module="coursework|__main__")
for name in ("make_submission", "build_reports", "group", "readme_tables"):
    warnings.filterwarnings("error", category=EncodingWarning, module=name)

import build_reports, group, make_submission
from coursework import files, paths, records
from coursework.data import lines
from coursework.visualize import command

assert records.machine()["cores"] >= 1
dataset = lines.build(per_class=1, seed=1)
lines.save(dataset, paths.BUILD / "lines.npz")
records.load("tuned_lines")
assert build_reports.filled("README.md") and group.read() is not None
make_submission.question_readme(3, make_submission.names_of(3))
example = str(paths.ROOT / "Q3" / "examples" / "line.png")
model = str(paths.ROOT / "models" / "tuned_lines.keras")
status = command.main([model, "--image", example, "--layer", "conv1", "--out", "out"])
files.write_text("said.txt", "×≥→ ü")
sys.exit(status)
"""


@pytest.mark.parametrize("folder", ["coursework", "tools", "Q3", "benchmarks", "."])
def test_no_call_that_only_posix_has(folder):
    search = "*.py" if folder == "." else "**/*.py"
    for path in (paths.ROOT / folder).glob(search):
        found = ONLY_POSIX.search(path.read_text(encoding="utf-8"))
        assert not found, f"{path}: {found.group()}"


def test_the_core_without_what_windows_lacks(tmp_path):
    """In a project whose path has a space and an umlaut, from another folder, with the
    default encoding and the output of a Western European Windows."""
    project = tmp_path / "Übung 2 für CS671"
    ignored = shutil.ignore_patterns("plain_*.keras", "*.npz", ".*", "build", "tests")
    shutil.copytree(paths.ROOT, project, ignore=ignored)
    for name in ("plain_lines", "plain_mnist"):
        shutil.copy(paths.ROOT / "models" / f"{name}.keras", project / "models")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(project), str(project / "tools")]),
        "PYTHONIOENCODING": "cp1252",
        "PYTHONUTF8": "0",
    }
    result = subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-c", WITHOUT],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="cp1252",
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert "Traceback" not in result.stderr
    assert (tmp_path / "out" / "summary.json").is_file()
    assert (tmp_path / "said.txt").read_bytes() == "×≥→ ü".encode()
    assert (project / "build" / "lines.npz").is_file()


def test_paths_are_shown_with_slashes(monkeypatch):
    monkeypatch.setattr(paths.pathlib, "Path", pathlib.PureWindowsPath)
    root = pathlib.PureWindowsPath(r"C:\Übung 2\cs671")
    monkeypatch.setattr(paths, "ROOT", root)
    assert str(paths.relative(root / "models" / "a.json")) == "models/a.json"
    assert str(paths.relative(r"D:\elsewhere\b.json")) == "D:/elsewhere/b.json"
