"""The zips to hand in: whole, the same every time, and running on their own."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import zipfile

import nbformat
import pytest

from coursework import files, paths, records

import make_submission
import run_notebooks

PROJECT = paths.ROOT
FORBIDDEN = re.compile(
    r"__pycache__|\.pyc|\.ipynb_checkpoints|\.git/|\.part|mnist\.npz|\.npz|build/|\.venv"
)


@pytest.fixture
def project(sandbox):
    """All that is handed in, in a folder of the test's own; reports stand in."""
    for name in ("coursework", "models", "tools", "Q1", "Q2", "Q3", "data"):
        ignored = shutil.ignore_patterns("*.npz", "lines_png", "plain_*.keras")
        shutil.copytree(PROJECT / name, sandbox / name, ignore=ignored)
    shutil.copytree(PROJECT / "reports" / "figures", sandbox / "reports" / "figures")
    for name in ("requirements.txt", "constraints.txt", "pyproject.toml", "LICENSE"):
        shutil.copy(PROJECT / name, sandbox)
    for network in ("plain_lines", "plain_mnist"):  # 16 MB each
        stand_in_network(sandbox, network)
    for number in make_submission.QUESTIONS:
        page = "![a](figures/lines_contact_sheet.png) [b](../tests/conftest.py)"
        (sandbox / f"reports/Q{number}.md").write_text(page)
        (sandbox / f"reports/Q{number}.pdf").write_bytes(b"%PDF-1.7")
    (sandbox / "tests").mkdir()
    (sandbox / "tests" / "conftest.py").touch()
    (sandbox / "Q1" / ".ipynb_checkpoints").mkdir()
    (sandbox / "Q1" / ".1_hidden.ipynb").touch()
    return sandbox


def stand_in_network(folder, network):
    model, record = (folder / f"models/{network}.{end}" for end in ("keras", "json"))
    model.write_bytes(b"network")
    told = json.loads(record.read_text()) | {
        "model_sha256": files.sha256_of_file(model)
    }
    record.write_text(json.dumps(told))


def submit(group="13"):
    return make_submission.main([group])


def unzipped(project, number):
    with zipfile.ZipFile(project / "submission" / f"{number}.zip") as archive:
        archive.extractall(project / "unzipped")
    return project / "unzipped" / str(number)


class TestContent:
    @pytest.fixture
    def zips(self, project):
        assert submit() == 0
        return project / "submission"

    def names(self, zips, number):
        return zipfile.ZipFile(zips / f"{number}.zip").namelist()

    def test_the_group_s_zip_holds_the_three(self, zips):
        assert sorted(path.name for path in zips.iterdir()) == [
            *("1.zip", "13.zip", "2.zip", "3.zip")
        ]
        with zipfile.ZipFile(zips / "13.zip") as archive:
            assert archive.namelist() == ["README.md", "1.zip", "2.zip", "3.zip"]
            for number in "123":
                inside = archive.read(f"{number}.zip")
                assert inside == (zips / f"{number}.zip").read_bytes()

    def test_two_builds_are_alike_to_the_byte(self, zips, project):
        before = {path.name: path.read_bytes() for path in zips.iterdir()}
        for path in project.rglob("*.py"):
            os.utime(path, (1e9, 1e9))
            path.chmod(0o600)
        assert submit() == 0
        assert {path.name: path.read_bytes() for path in zips.iterdir()} == before

    @pytest.mark.parametrize("number", make_submission.QUESTIONS)
    def test_it_is_all_there_and_nothing_else(self, zips, number):
        names = self.names(zips, number)
        question = make_submission.QUESTIONS[number]
        wanted = [
            f"models/{n}.{e}" for n in question.networks for e in ("keras", "json")
        ]
        wanted += [f"models/{name}.json" for name in question.experiments]
        wanted += ["README.md", "Makefile", "requirements.txt", "constraints.txt"]
        wanted += ["pyproject.toml", "LICENSE", "coursework/visualize/command.py"]
        wanted += [f"Q{number}/README.md", f"reports/Q{number}.md"]
        wanted += [f"reports/Q{number}.pdf", "reports/figures/lines_contact_sheet.png"]
        own = [n for n in run_notebooks.all_notebooks() if n[:2] == f"Q{number}"]
        assert {f"{number}/{name}" for name in [*wanted, *own]} <= set(names)
        assert not [name for name in names if FORBIDDEN.search(name)]
        assert all(name.startswith(f"{number}/") for name in names)
        others = {f"Q{other}/" for other in make_submission.QUESTIONS} - {f"Q{number}/"}
        assert not [name for name in names if name[2:5] in others]

    @pytest.mark.parametrize("number", make_submission.QUESTIONS)
    def test_no_page_names_a_machine_or_links_to_what_is_not_there(
        self, zips, project, number
    ):
        folder = unzipped(project, number)
        for path in folder.rglob("*"):
            if path.suffix in (".md", ".ipynb", ".py", ".json", ".toml", ".txt"):
                assert str(project) not in path.read_text()
                assert str(PROJECT) not in path.read_text()
        for page in folder.rglob("*.md"):
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
                if not target.startswith("http"):
                    assert (page.parent / target).exists(), f"{page}: {target}"

    def test_the_run_it_section_that_pages_link_to_is_there(self, zips, project):
        assert "\n## Run it\n" in (unzipped(project, 3) / "README.md").read_text()

    def test_the_code_of_notebooks_is_what_was_executed(self, zips, project):
        """Links of their texts may change, no cell of code: the stamp has to fit."""
        for path in unzipped(project, 2).glob("Q2/*.ipynb"):
            ours, theirs = (
                run_notebooks.read_notebook(folder / "Q2" / path.name)
                for folder in (PROJECT, path.parents[1])
            )
            assert (
                theirs.metadata[run_notebooks.STAMP]
                == (ours.metadata[run_notebooks.STAMP])
            )
            sums = map(run_notebooks.source_sha256, (ours, theirs))
            assert len(set(sums)) == 1

    def test_what_a_notebook_loads_is_there(self, zips, project):
        folder = unzipped(project, 2)
        notebook = run_notebooks.read_notebook(folder / "Q2" / "2_unseen_lines.ipynb")
        code = "".join(cell.source for cell in run_notebooks.code_cells(notebook))
        loaded = re.findall(r'records\.load\("(\w+)"\)', code)
        assert len(loaded) == 3
        for name in loaded:
            records.read_checked(name, folder / "models")

    def test_it_runs_on_its_own(self, zips, project):
        """The first cells of its notebook, by its own runner and its own package."""
        folder = unzipped(project, 2)
        shorten(folder / "Q2" / "1_four_head_network.ipynb", "## Training")
        (folder / "Q2" / "2_unseen_lines.ipynb").unlink()  # needs digits, too
        for built in (PROJECT / "data").glob("lines.npz"):  # saves seconds
            shutil.copy(built, folder / "data")
        environment = os.environ | {"QUICK": "1", "PYTHONPATH": str(folder)}
        command = [sys.executable, "tools/run_notebooks.py"]
        result = subprocess.run(
            *(command,),
            **{"cwd": folder, "env": environment, "capture_output": True, "text": True},
            check=False,
        )
        assert result.returncode == 0, result.stderr
        made = folder / "build/quick/Q2/1_four_head_network.ipynb"
        assert "four_head_cnn" in made.read_text()
        assert "digits" not in result.stdout  # it needs none, so it asks for none


def shorten(path, heading):
    """Leave out of a notebook what follows a heading."""
    notebook = nbformat.read(path, as_version=4)
    sources = [cell.source for cell in notebook.cells]
    last = next(i for i, source in enumerate(sources) if source.startswith(heading))
    notebook.cells = notebook.cells[:last]
    nbformat.write(notebook, path)


def test_the_makefile_installs_as_the_project_s_does():
    rule = re.compile(r"^\$\(INSTALLED\):.*?\n\n|^\$\(INSTALLED\):.*", re.M | re.S)
    ours, theirs = (
        rule.search(path.read_text()).group().strip()
        for path in (PROJECT / "Makefile", make_submission.TEMPLATES / "Makefile")
    )
    assert ours == theirs


class TestBadInput:
    def refused(self, capsys, group="13"):
        """The one line that a refusal prints."""
        assert submit(group) == 2
        printed = capsys.readouterr().err.splitlines()
        assert len(printed) == 1
        assert not list(paths.ROOT.glob("submission/*"))
        return printed[0]

    @pytest.mark.parametrize("group", ["", "1/3", "..", "1 3", "1\n", "é", "13.zip"])
    def test_a_group_that_is_none(self, sandbox, capsys, group):
        said = self.refused(capsys, group)
        assert f"the group's ID is {group!r}; expected letters, digits" in said

    @pytest.mark.parametrize(
        "name",
        [
            *("models/four_head_lines.json", "models/variations_mnist.json"),
            *("models/tuned_lines.keras", "reports/Q2.md", "reports/Q3.pdf"),
            *("reports/figures/four_head_network.png", "Q1/README.md"),
        ],
    )
    def test_a_missing_file(self, project, capsys, name):
        (project / name).unlink()
        assert f"{name} is missing: " in self.refused(capsys)

    def test_no_notebook(self, project, capsys):
        for notebook in (project / "Q2").glob("*.ipynb"):
            notebook.unlink()
        assert "Q2/[0-9]_*.ipynb is missing" in self.refused(capsys)

    def test_a_record_that_does_not_match_its_model(self, project, capsys):
        (project / "models" / "tuned_lines.keras").write_bytes(b"other")
        assert "models/tuned_lines.keras is not the network" in self.refused(capsys)

    def test_a_record_that_is_none(self, project, capsys):
        (project / "models" / "tuned_lines.json").write_text("[]")
        assert "models/tuned_lines.json is not a record" in self.refused(capsys)

    def test_a_full_disk_half_way_leaves_what_was_there(self, project, capsys):
        old = project / "submission" / "13.zip"
        files.write_text(old, "old")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:  # a file may grow no larger than this, so the write fails half-way
            resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
            assert submit() == 2
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, handler)
        said = capsys.readouterr().err
        assert "cannot write submission/1.zip: File too large; make room" in said
        assert len(said.splitlines()) == 1
        assert list(old.parent.iterdir()) == [old]
        assert old.read_text() == "old"

    def test_the_groups_whose_number_is_a_question_s(self):
        assert make_submission.group_file("2") == "group_2.zip"
        assert make_submission.group_file("13") == "13.zip"
