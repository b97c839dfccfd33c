"""The zips to hand in: whole, the same every time, and running on their own."""

import os
import re
import shutil
import subprocess
import sys
import zipfile

import nbformat
import pytest

from coursework import paths, records

import group
import make_submission
import run_notebooks

PROJECT = paths.ROOT
FORBIDDEN = re.compile(
    r"__pycache__|\.pyc|\.ipynb_checkpoints|\.git/|\.part|\.npz|build/|\.venv|/\.\w"
)
TEXTS = (".md", ".ipynb", ".py", ".json", ".toml", ".txt")


@pytest.fixture(scope="module")
def zips(tmp_path_factory):
    """The four zips of group 13."""
    folder = tmp_path_factory.mktemp("zips")
    made = make_submission.write("13", folder)
    assert made == [folder / name for name in ("1.zip", "2.zip", "3.zip", "13.zip")]
    return folder


@pytest.fixture(scope="module")
def unzipped(zips, tmp_path_factory):
    """What is in the three, in the folders 1, 2 and 3."""
    folder = tmp_path_factory.mktemp("unzipped")
    for number in make_submission.QUESTIONS:
        with zipfile.ZipFile(zips / f"{number}.zip") as archive:
            archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """The project in another folder, with files that are nobody's business."""
    folder = tmp_path_factory.mktemp("copy")
    names = [p.name for p in PROJECT.iterdir() if p.name[0] not in ".bs"]
    for name in names:
        copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
        copy(PROJECT / name, folder / name)
    (folder / "Q1" / ".ipynb_checkpoints").mkdir()
    (folder / "Q1" / ".1_hidden.ipynb").touch()
    return folder


@pytest.fixture
def project(copied, sandbox, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", copied)
    return copied


@pytest.mark.parametrize("number", make_submission.QUESTIONS)
class TestContent:
    def test_it_is_all_there_and_nothing_else(self, number, zips):
        names = set(zipfile.ZipFile(zips / f"{number}.zip").namelist())
        question = make_submission.QUESTIONS[number]
        wanted = "README.md Makefile make.py requirements.txt constraints.txt LICENSE "
        wanted += f"pyproject.toml coursework/visualize/command.py Q{number}/README.md "
        wanted += f"reports/Q{number}.md reports/Q{number}.pdf "
        wanted = wanted.split() + [f"models/{n}.keras" for n in question.networks]
        wanted += [f"models/{n}.json" for n in question.networks + question.studies]
        wanted += [n for n in run_notebooks.all_notebooks() if n[1] == str(number)]
        wanted += ["models/four_head_lines_seed_1.keras"] * (number > 1)
        assert {f"{number}/{name}" for name in wanted} <= names
        assert not [name for name in names if FORBIDDEN.search(name)]
        others = "123".replace(str(number), "")
        assert not [n for n in names if re.match(rf"(?!{number}/)|./Q[{others}]/", n)]

    def test_no_page_names_a_machine_or_links_to_what_is_not_there(
        self, number, unzipped
    ):
        pages = [p for p in (unzipped / str(number)).rglob("*") if p.suffix in TEXTS]
        for page in pages:
            text = page.read_text(encoding="utf-8")
            assert str(PROJECT) not in text
            links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
            for target in links if page.suffix == ".md" else []:
                assert target[:4] == "http" or (page.parent / target).exists(), target
        assert "\n## Run it\n" in (unzipped / f"{number}/README.md").read_text("utf-8")

    def test_two_builds_are_alike_to_the_byte(self, number, zips, project, tmp_path):
        """The second one of files that were written later, in another folder."""
        content = make_submission.contents_of(number)
        make_submission.write_zip(tmp_path / "again.zip", content)
        again = (tmp_path / "again.zip").read_bytes()
        assert again == (zips / f"{number}.zip").read_bytes()

    def test_notebooks_are_as_executed_and_find_their_networks(self, number, unzipped):
        """Links of their texts may change, no cell of code: the stamp has to fit."""
        folder = unzipped / str(number)
        for path in folder.glob("Q*/*.ipynb"):
            notebook = run_notebooks.read_notebook(path)
            cells = run_notebooks.code_cells(notebook)
            code = "".join(cell.source for cell in cells)
            for name in re.findall(r'records\.load\("(\w+)"\)', code):
                records.read_checked(name, folder / "models")
            stamp = notebook.metadata[run_notebooks.STAMP]
            assert stamp["source_sha256"] == run_notebooks.source_sha256(notebook)


def test_the_group_s_zip_holds_the_three(zips):
    with zipfile.ZipFile(zips / "13.zip") as archive:
        assert archive.namelist() == ["README.md", "1.zip", "2.zip", "3.zip"]
        assert b"Group 13\n" in archive.read("README.md")
        for name in archive.namelist()[1:]:
            assert archive.read(name) == (zips / name).read_bytes()


def test_it_runs_on_its_own(unzipped):
    """The first cells of a notebook, by the runner and the package that are in it."""
    folder = unzipped / "2"
    shorten(folder / "Q2" / "1_four_head_network.ipynb", "## Training")
    for built in (PROJECT / "data").glob("lines.npz"):  # saves seconds
        shutil.copy(built, folder / "data")
    command = [sys.executable, "tools/run_notebooks.py", "Q2/1_four_head_network.ipynb"]
    environment = os.environ | {"QUICK": "1", "PYTHONPATH": str(folder)}
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    made = folder / "build/quick/Q2/1_four_head_network.ipynb"
    assert "four_head_cnn" in made.read_text(encoding="utf-8")
    assert "digits" not in result.stdout  # it needs none, so it asks for none
    listed = subprocess.run(
        [sys.executable, "make.py"], cwd=folder, capture_output=True, text=True
    ).stdout
    targets = re.findall(r"^  (\w+)", listed, re.MULTILINE)
    assert targets == ["install", "run", "quick", "pins", "clean"]


def shorten(path, heading):
    """Leave out of a notebook what follows a heading."""
    notebook = nbformat.read(path, as_version=4)
    sources = [cell.source for cell in notebook.cells]
    last = next(i for i, source in enumerate(sources) if source.startswith(heading))
    notebook.cells = notebook.cells[:last]
    nbformat.write(notebook, path)


class TestNumber:
    def test_that_of_the_command_line_wins(self, sandbox, monkeypatch):
        asked = []
        monkeypatch.setattr(group, "read", lambda: group.Group(number="7"))
        monkeypatch.setattr(
            make_submission, "write", lambda number, target: asked.append(number) or []
        )
        assert make_submission.main([]) == make_submission.main(["13"]) == 0
        assert asked == ["7", "13"]

    def test_one_that_is_a_question_s_too(self, tmp_path, monkeypatch):
        monkeypatch.setattr(make_submission, "contents_of", lambda number: {})
        assert make_submission.write("2", tmp_path)[-1].name == "group_2.zip"

    def test_help(self, capsys, sandbox):
        with pytest.raises(SystemExit) as stopped:
            make_submission.main(["--help"])
        assert stopped.value.code == 0
        assert "usage: " in capsys.readouterr().out

    @pytest.mark.parametrize(
        "number",
        ["", "1/3", "..", "../13", "C:\\13", "1 3", "1\n", "é", "13.zip", None],
    )
    def test_one_that_is_none(self, number, sandbox, capsys):
        assert make_submission.main([] if number is None else [number]) == 2
        said = capsys.readouterr().err
        assert f"number is {number or ''!r}; expected letters, digits, - and _" in said
        assert len(said.splitlines()) == 1
        assert list(sandbox.iterdir()) == []


class TestBadInput:
    """One clear line, and nothing is written."""

    @pytest.fixture
    def refused(self, project, capsys, tmp_path):
        def check(name, content, expected):
            kept = (project / name).rename(tmp_path / "kept")
            if content is not None:
                (project / name).write_bytes(content)
            try:
                assert make_submission.main(["13"]) == 2
            finally:
                kept.replace(project / name)
            said = capsys.readouterr().err
            assert re.fullmatch(f".*{re.escape(expected)}.*\n", said), said
            assert not (project / "submission").exists()

        return check

    @pytest.mark.parametrize(
        "name",
        [
            "models/four_head_lines.json",
            "models/variations_mnist.json",
            "reports/Q2.md",
            "models/tuned_lines.keras",
            "reports/Q3.pdf",
            "Q1/README.md",
            "make.py",
            "reports/figures/four_head_network.png",
        ],
    )
    def test_a_missing_file(self, refused, name):
        refused(name, None, f"{name} is missing: ")

    def test_a_record_that_does_not_fit_its_network(self, refused):
        name = "models/tuned_lines.keras"
        refused(name, b"other", f"{name} is not the network that tuned_lines.json")

    def test_a_record_that_is_none(self, refused):
        refused("models/tuned_lines.json", b"[]", "tuned_lines.json is not a record")

    def test_a_full_disk_leaves_what_was_there(self, tmp_path, monkeypatch, capsys):
        def full(*_):
            raise OSError(28, "No space left on device")

        (tmp_path / "1.zip").write_text("old", encoding="utf-8")
        monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
        with pytest.raises(OSError, match=r"cannot write .*1\.zip: No space left"):
            make_submission.write_zip(tmp_path / "1.zip", {"a": b""})
        assert [p.read_text("utf-8") for p in tmp_path.iterdir()] == ["old"]
