"""The runner on small notebooks: stamps, the bar, failures, going on after a stop."""

import subprocess
import sys

import nbformat
import pytest

from coursework import paths
from coursework.data import mnist

import run_notebooks

FIRST, SECOND = "Q1/1_first.ipynb", "Q1/2_second.ipynb"


@pytest.fixture
def project(sandbox, monkeypatch):
    """Two notebooks in a project of their own; both data sets are said to be there."""
    monkeypatch.setattr(run_notebooks, "prepare_data", lambda names: None)
    monkeypatch.setattr(run_notebooks, "STATE", sandbox / "build" / "state.json")
    (sandbox / "coursework").mkdir()
    write(sandbox / FIRST, "x = 1", "print(x + 1)")
    write(sandbox / SECOND, "print('second')")
    return sandbox


def write(path, *sources):
    cells = [nbformat.v4.new_markdown_cell("# 1 Title\n\ntext\n\n## Part")]
    cells += [nbformat.v4.new_code_cell(source) for source in sources]
    path.parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def outputs(path):
    cells = run_notebooks.code_cells(run_notebooks.read_notebook(path))
    return ["".join(output.get("text", "") for output in c.outputs) for c in cells]


def test_notebooks_are_run_in_order_and_stamped_and_a_run_goes_on(project, capsys):
    """After a failing cell, which is named and leaves its notebook as it was."""
    run_notebooks.STATE.parent.mkdir()
    run_notebooks.STATE.write_text("{", encoding="utf-8")  # damaged counts as none
    write(project / SECOND, "print('on the way')", "1 / 0")
    names = run_notebooks.chosen_notebooks([])
    with pytest.raises(run_notebooks.CellFailedError) as failure:
        run_notebooks.run_all(names)
    assert f"{SECOND} failed in code cell 2, “Part”" in str(failure.value)
    assert "ZeroDivisionError: division by zero" in str(failure.value)
    kept = outputs(project / "build/run/failed_2_second.ipynb")
    assert kept[0] == "on the way\n"
    assert outputs(project / FIRST) == ["", "2\n"]
    assert outputs(project / SECOND) == ["", ""]
    notebook = run_notebooks.read_notebook(project / FIRST)
    stamp = notebook.metadata[run_notebooks.STAMP]
    assert stamp["source_sha256"] == run_notebooks.source_sha256(notebook)
    assert run_notebooks.expected_seconds(FIRST) == stamp["seconds"]
    assert [cell.execution_count for cell in notebook.cells[1:]] == [1, 2]
    write(project / SECOND, "print('mended')")
    capsys.readouterr()
    run_notebooks.run_all(names)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{FIRST}: finished before the run was stopped"
    assert said[1:] == [f"{SECOND}: 1 cells", "done: 2 notebooks"]
    assert outputs(project / SECOND) == ["mended\n"]
    assert not run_notebooks.STATE.exists()


@pytest.mark.parametrize("folder", ["quick", "stand_in"])
def test_a_run_that_is_not_the_real_one_leaves_the_notebooks_alone(
    project, monkeypatch, folder
):
    monkeypatch.setattr(paths, "QUICK", folder == "quick")
    paths.use_stand_in(folder == "stand_in")
    before = (project / FIRST).read_bytes()
    run_notebooks.STATE.parent.mkdir()
    run_notebooks.STATE.write_text("{}", encoding="utf-8")  # a full run was stopped
    run_notebooks.run_all([FIRST])
    assert (project / FIRST).read_bytes() == before
    assert outputs(project / "build" / folder / FIRST) == ["", "2\n"]
    assert run_notebooks.STATE.exists()
    assert len(run_notebooks.expected_seconds(FIRST)) == 2
    write(project / FIRST, "x = 1", "y = 2", "print(x + y)")  # it has grown since
    assert run_notebooks.expected_seconds(FIRST) == [1, 1, 1]


def test_what_changed_and_all_after_it_are_run_again(project):
    def waiting():
        now = {name: run_notebooks.fingerprint(name) for name in (FIRST, SECOND)}
        return run_notebooks.skip_finished(now, finished), now

    finished = {}
    _, finished = waiting()
    assert waiting()[0] == []
    write(project / SECOND, "print('changed')")
    assert waiting()[0] == [SECOND]
    (project / "coursework" / "module.py").write_text("x = 1", encoding="utf-8")
    assert waiting()[0] == [FIRST, SECOND]
    _, finished = waiting()
    paths.use_stand_in()  # and MNIST is there again, or gone
    assert waiting()[0] == [FIRST, SECOND]


def test_mnist_is_looked_for_only_where_a_notebook_asks_for_it(sandbox, monkeypatch):
    monkeypatch.setattr(run_notebooks.lines, "load", mnist.stand_in)
    monkeypatch.setenv("KERAS_HOME", str(sandbox))
    write(sandbox / FIRST, "x = 1")
    write(sandbox / SECOND, "digits = mnist.load_or_stand_in()")
    run_notebooks.prepare_data([FIRST])
    assert not paths.is_stand_in()
    run_notebooks.prepare_data([SECOND, FIRST])
    assert paths.is_stand_in()


def test_a_notebook_that_is_edited_while_it_runs_is_not_overwritten(project):
    code = f"import pathlib; path = pathlib.Path({str(project / FIRST)!r})"
    edit = "path.write_text(path.read_text('utf-8').replace('edit', 'new'), 'utf-8')"
    write(project / FIRST, code, edit)
    with pytest.raises(ValueError, match=rf"{FIRST} was edited while it ran"):
        run_notebooks.run_all([FIRST])
    assert "'new', 'new'" in (project / FIRST).read_text(encoding="utf-8")


def test_a_dead_kernel_is_reported(project):
    write(project / FIRST, "import os; os._exit(1)")
    with pytest.raises(run_notebooks.CellFailedError, match="its Python process died"):
        run_notebooks.run_all([FIRST])


def test_on_a_terminal_the_bar_shows_the_time_left(project, monkeypatch, capsys):
    """In proportion to what the cells took the last time; cells not known count 1."""
    monkeypatch.setattr(run_notebooks.sys.stdout, "isatty", lambda: True, raising=False)
    known = {FIRST: [20, 10], SECOND: [30]}
    monkeypatch.setattr(run_notebooks, "expected_seconds", known.get)
    with run_notebooks.progress_bar(known) as bar:
        bar.start_t -= 40  # twice as slow as the last time
        bar.set_description_str(f"{FIRST}, Part", refresh=False)
        bar.update(20)
        bar.refresh()
    said = capsys.readouterr().out
    assert " 33%|████" in said
    assert f"00:40, 01:20 left: {FIRST}, Part" in said


def test_an_unknown_notebook_is_refused():
    command = [sys.executable, str(paths.ROOT / "tools/run_notebooks.py"), "Q9/x.ipynb"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert "no notebook Q9/x.ipynb; there are: Q1/1_datasets.ipynb" in result.stderr
    assert "Traceback" not in result.stderr


def test_import_notes_of_tensorflow_are_dropped_but_other_warnings_stay():
    cell = nbformat.v4.new_code_cell("import keras")
    notes = (
        "WARNING: All log messages before absl::InitializeLog() is called are written\n"
        "I0000 00:00:1 1 cpu_feature_guard.cc:227] This TensorFlow binary\n"
        "To enable the following instructions: AVX2 FMA\n"
        "E0000 00:00:1 1 cuda_platform.cc:52] failed call to cuInit: INTERNAL\n"
    )
    for text in (notes, "UserWarning: look at this\n"):
        output = nbformat.v4.new_output("stream", name="stderr", text=text)
        cell.outputs.append(output)
    run_notebooks.drop_startup_notes(nbformat.v4.new_notebook(cells=[cell]))
    assert [output.text for output in cell.outputs] == ["UserWarning: look at this\n"]
