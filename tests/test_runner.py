"""The runner on small notebooks: progress, stamps, failures, going on after a stop."""

import json
import shutil
import subprocess
import sys
import threading

import nbformat
import pytest

from coursework import paths
from coursework.data import mnist

import progress
import run_notebooks


@pytest.fixture
def project(sandbox, monkeypatch):
    """Two notebooks in a project of their own; both data sets are said to be there."""
    monkeypatch.setattr(run_notebooks, "prepare_data", lambda names: None)
    monkeypatch.setattr(run_notebooks, "STATE", sandbox / "build" / "state.json")
    (sandbox / "coursework").mkdir()
    write(sandbox, "Q1/1_first.ipynb", "x = 1", "print(x + 1)")
    write(sandbox, "Q1/2_second.ipynb", "print('second')")
    return sandbox


def write(folder, name, *sources):
    cells = [nbformat.v4.new_markdown_cell("# 1 Title\n\ntext\n\n## Part")]
    cells += [nbformat.v4.new_code_cell(source) for source in sources]
    (folder / name).parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / name)


def outputs(path):
    cells = run_notebooks.code_cells(run_notebooks.read_notebook(path))
    return ["".join(output.get("text", "") for output in c.outputs) for c in cells]


def test_all_notebooks_are_run_in_order_and_stamped(project, capsys):
    run_notebooks.run_all(run_notebooks.chosen_notebooks([]))
    assert outputs(project / "Q1/1_first.ipynb") == ["", "2\n"]
    assert outputs(project / "Q1/2_second.ipynb") == ["second\n"]
    notebook = run_notebooks.read_notebook(project / "Q1/1_first.ipynb")
    stamp = notebook.metadata[run_notebooks.STAMP]
    assert stamp["source_sha256"] == run_notebooks.source_sha256(notebook)
    assert len(stamp["seconds"]) == 2
    assert [cell.execution_count for cell in notebook.cells[1:]] == [1, 2]
    said = capsys.readouterr().out
    assert "[1/2] Q1/1_first.ipynb: cell 1, Part; 0:0" in said
    assert "done: 2 notebooks" in said


def test_a_quick_run_leaves_the_notebooks_alone(project, monkeypatch):
    monkeypatch.setattr(paths, "QUICK", True)
    before = (project / "Q1/1_first.ipynb").read_bytes()
    run_notebooks.STATE.parent.mkdir()
    run_notebooks.STATE.write_text("{}")  # of a full run that was stopped
    run_notebooks.run_all(run_notebooks.chosen_notebooks([]))
    assert (project / "Q1/1_first.ipynb").read_bytes() == before
    assert outputs(project / "build/quick/Q1/1_first.ipynb") == ["", "2\n"]
    assert run_notebooks.STATE.exists()


def test_a_quick_run_of_a_notebook_that_has_grown_since_the_last(project, monkeypatch):
    monkeypatch.setattr(paths, "QUICK", True)
    run_notebooks.run_all(["Q1/1_first.ipynb"])
    assert len(run_notebooks.expected_seconds("Q1/1_first.ipynb", paths.results())) == 2
    write(project, "Q1/1_first.ipynb", "x = 1", "y = 2", "print(x + y)")
    assert run_notebooks.expected_seconds("Q1/1_first.ipynb", paths.results()) == []
    run_notebooks.run_all(["Q1/1_first.ipynb"])
    assert outputs(paths.results() / "Q1/1_first.ipynb") == ["", "", "3\n"]


def test_a_stand_in_run_leaves_the_notebooks_alone(project):
    paths.use_stand_in()
    before = (project / "Q1/1_first.ipynb").read_bytes()
    run_notebooks.run_all(["Q1/1_first.ipynb"])
    assert (project / "Q1/1_first.ipynb").read_bytes() == before
    assert outputs(project / "build/stand_in/Q1/1_first.ipynb") == ["", "2\n"]


def test_mnist_is_looked_for_only_where_a_notebook_asks_for_it(sandbox, monkeypatch):
    monkeypatch.setattr(run_notebooks.lines, "load", mnist.stand_in)
    monkeypatch.setenv("KERAS_HOME", str(sandbox))
    write(sandbox, "Q2/1_lines.ipynb", "x = 1")
    write(sandbox, "Q1/1_digits.ipynb", "digits = mnist.load_or_stand_in()")
    run_notebooks.prepare_data(["Q2/1_lines.ipynb"])
    assert not paths.is_stand_in()
    run_notebooks.prepare_data(["Q1/1_digits.ipynb", "Q2/1_lines.ipynb"])
    assert paths.is_stand_in()


def test_a_failing_cell_is_named_and_the_run_goes_on_from_there(project, capsys):
    write(project, "Q1/2_second.ipynb", "print('on the way')", "1 / 0")
    names = run_notebooks.chosen_notebooks([])
    with pytest.raises(run_notebooks.CellFailedError) as failure:
        run_notebooks.run_all(names)
    message = str(failure.value)
    assert "Q1/2_second.ipynb failed in code cell 2, “Part”" in message
    assert "ZeroDivisionError: division by zero" in message
    kept = outputs(project / "build/run/failed_2_second.ipynb")
    assert kept[0] == "on the way\n"
    assert outputs(project / "Q1/2_second.ipynb") == ["", ""]  # not half-executed
    write(project, "Q1/2_second.ipynb", "print('mended')")
    capsys.readouterr()
    run_notebooks.run_all(names)
    assert "Q1/1_first.ipynb: finished before the run was stopped" in (
        capsys.readouterr().out
    )
    assert outputs(project / "Q1/2_second.ipynb") == ["mended\n"]
    assert not run_notebooks.STATE.exists()


def test_a_changed_notebook_and_all_after_it_are_run_again(project):
    names = run_notebooks.chosen_notebooks([])
    finished = prints(names)
    assert run_notebooks.skip_finished(prints(names), finished) == []
    write(project, "Q1/2_second.ipynb", "print('changed')")
    assert run_notebooks.skip_finished(prints(names), finished) == names[1:]
    (project / "coursework" / "module.py").write_text("x = 1")
    assert run_notebooks.skip_finished(prints(names), finished) == names


def test_what_was_run_on_the_stand_in_is_run_again_when_mnist_is_there(project):
    names = run_notebooks.chosen_notebooks([])
    paths.use_stand_in()
    finished = prints(names)
    paths.use_stand_in(False)
    assert run_notebooks.skip_finished(prints(names), finished) == names


def prints(names):
    return {name: run_notebooks.fingerprint(name) for name in names}


def test_a_notebook_that_is_edited_while_it_runs_is_not_overwritten(project):
    write(project, "Q1/1_first.ipynb", "import time; time.sleep(2)")
    edit = threading.Timer(1, write, (project, "Q1/1_first.ipynb", "print('edited')"))
    edit.start()
    with pytest.raises(ValueError, match=r"Q1/1_first\.ipynb was edited while it ran"):
        run_notebooks.run_all(["Q1/1_first.ipynb"])
    edit.join()
    notebook = run_notebooks.read_notebook(project / "Q1/1_first.ipynb")
    assert notebook.cells[1].source == "print('edited')"


def test_on_a_terminal_the_line_is_renewed_and_fits(monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stdout, "isatty", lambda: True, raising=False)
    timetable = progress.Timetable({"a" * 300: [1]})
    timetable.start_cell("a" * 300, 0, "x")
    with timetable.shown():
        progress.time.sleep(1.5)
    said = capsys.readouterr().out
    assert "\r" in said
    assert len(said.strip()) < shutil.get_terminal_size().columns + len("\r\x1b[K")


def test_a_dead_kernel_is_reported(project):
    write(project, "Q1/1_first.ipynb", "import os; os._exit(1)")
    with pytest.raises(run_notebooks.CellFailedError, match="its Python process died"):
        run_notebooks.run_all(["Q1/1_first.ipynb"])


def test_an_unknown_notebook_is_refused():
    command = [sys.executable, str(paths.ROOT / "tools/run_notebooks.py"), "Q9/x.ipynb"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
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


def test_the_time_left_is_scaled_by_the_speed_of_this_machine(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    timetable = progress.Timetable({"a": [20, 10], "b": [30]})
    timetable.start_cell("a", 0, "x")
    assert timetable.seconds_left() == 60
    now[0] = 40  # twice as slow as the last time
    timetable.finish_cell()
    timetable.start_cell("a", 1, "x")
    assert timetable.seconds_left() == 80
    now[0] = 50
    assert timetable.seconds_left() == 70
    assert "about 1:10 left" in timetable.line()


def test_a_notebook_that_was_never_run_has_no_estimate():
    timetable = progress.Timetable({"a": [1], "b": []})
    timetable.start_cell("a", 0, "x")
    assert timetable.seconds_left() is None
    assert "time left not known yet" in timetable.line()


def test_without_python_the_message_names_the_package(tmp_path):
    script = paths.ROOT / "tools" / "make_venv.sh"
    result = subprocess.run(
        ["/bin/sh", str(script)],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "'sudo apt install python3 python3-venv'" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_state_of_a_stopped_run_that_is_damaged_counts_as_none(project):
    run_notebooks.STATE.parent.mkdir(parents=True)
    run_notebooks.STATE.write_text("{")
    assert run_notebooks.read_state() == {}
    run_notebooks.STATE.write_text(json.dumps({"a": "b"}))
    assert run_notebooks.read_state() == {"a": "b"}
