"""The notebooks as graders read them: conventions, and what is committed."""

import re
import shutil

import nbclient
import nbformat
import pytest

from coursework import paths, records
from coursework.data import lines
from coursework.training import networks

import run_notebooks

REPOSITORY = paths.ROOT
NAMES = run_notebooks.all_notebooks()
ENDING = ["What we found", "Limits", "Try it yourself"]
FORBIDDEN = re.compile(r"!pip|%pip|\binput\(|sys\.path|os\.chdir|[\"'](/|~|[A-Z]:\\)")


@pytest.fixture(params=NAMES)
def notebook(request):
    notebook = run_notebooks.read_notebook(paths.ROOT / request.param)
    notebook.path = request.param
    return notebook


@pytest.fixture
def cells(notebook):
    return run_notebooks.code_cells(notebook)


def test_there_are_notebooks():
    assert NAMES[:2] == ["Q1/1_datasets.ipynb", "Q1/2_plain_cnn.ipynb"]


def test_the_title_has_the_section_number_of_the_brief(notebook):
    assert re.match(r"# \d\.\d(\.\d)? .+\n", notebook.cells[0].source)


def test_imports_stand_at_the_top(cells):
    for cell in cells[1:]:
        assert not re.search(r"^\s*(import|from) ", cell.source, re.MULTILINE)


def test_no_installing_asking_or_machine_paths(cells):
    for cell in cells:
        assert not FORBIDDEN.search(cell.source), cell.source


def markdown(notebook):
    return "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


def test_links_lead_somewhere(notebook):
    text = markdown(notebook)
    headings = set(re.findall(r"^#+ (.+)$", text, re.MULTILINE))
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in {heading.replace(" ", "-") for heading in headings}
        else:
            assert ((paths.ROOT / notebook.path).parent / target).exists(), target


class TestChapter:
    """A chapter is read from top to bottom, in half an hour."""

    def test_it_is_short(self, notebook, cells):
        assert len(notebook.cells) <= 45
        code = [line for cell in cells for line in cell.source.splitlines()]
        assert len([line for line in code if line.strip()]) <= 250
        assert len(markdown(notebook).split()) <= 1400

    def test_a_cell_fits_on_the_screen(self, cells):
        for cell in cells:
            assert len(cell.source.splitlines()) <= 18, cell.source

    def test_it_ends_as_all_do(self, notebook):
        sections = re.findall(r"^## (.+)$", markdown(notebook), re.MULTILINE)
        assert sections[-len(ENDING) :] == ENDING

    def test_nothing_is_written_before_it_is_known_where_to(self, cells):
        """Without MNIST, which loading the digits tells, results go elsewhere."""
        sources = [cell.source for cell in cells]
        writing = re.compile(r"figures\.(show|save)\(|runs\.save|write_study\(")
        first = next(i for i, source in enumerate(sources) if writing.search(source))
        if any("mnist" in source for source in sources):
            loading = "mnist.load_or_stand_in("
            assert any(loading in source for source in sources[:first])

    def test_what_is_trained_has_a_seed(self, cells):
        code = "\n".join(cell.source for cell in cells)
        seeded = re.search(r"keras\.utils\.set_random_seed\((0|seed)\)", code)
        assert ".compile(" not in code or seeded


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("Q1/2_plain_cnn.ipynb", ["Conv2D(", ".compile(", ".fit(", ".predict("]),
        ("Q3/2_filters.ipynb", ["tf.GradientTape()"]),
    ],
)
def test_what_is_essential_is_in_the_notebook_itself(name, calls):
    notebook = run_notebooks.read_notebook(paths.ROOT / name)
    code = "\n".join(cell.source for cell in run_notebooks.code_cells(notebook))
    assert all(call in code for call in calls)
    assert len(re.findall(r"^\s*def ", code, re.MULTILINE)) <= 2


class TestExecuted:
    """What is committed is the output of a full run of this very source.

    That it ran in order and without an error is among the requirements of the brief.
    """

    def test_from_this_source(self, notebook):
        stamp = notebook.metadata[run_notebooks.STAMP]
        assert stamp["source_sha256"] == run_notebooks.source_sha256(notebook)

    def test_in_full(self, cells):
        text = "\n".join(str(output) for cell in cells for output in cell.outputs)
        assert "QUICK RUN" not in text
        assert "STAND-IN" not in text
        assert not re.search(r"/(home|root|usr|tmp|work)/", text)

    def test_github_renders_it(self, notebook):
        assert (paths.ROOT / notebook.path).stat().st_size < 1_000_000
        assert "widgets" not in notebook.metadata

    def test_no_startup_noise(self, cells):
        for cell in cells:
            assert not any(output.get("name") == "stderr" for output in cell.outputs)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("Q3/")])
def test_without_mnist_question_3_says_so_and_goes_on(
    name, sandbox, monkeypatch, capsys
):
    """Its cells down to the one that loads the networks, all by ``load_for``."""
    some = lines.build(per_class=40)  # a validation part with all classes
    monkeypatch.setattr(lines, "load", lambda: some)
    monkeypatch.setenv("KERAS_HOME", str(sandbox))  # so there is no MNIST
    network = networks.small_cnn()
    record = dict.fromkeys(records.FIELDS, 0) | {
        "dataset": {"name": "lines", "sha256": some.sha256},
        "parameters": network.count_params(),
        "test": {"accuracy": 0.5},
    }
    for saved in records.NOTEBOOKS:
        records.save(network, record, saved, paths.ROOT / "models")
    cells = run_notebooks.code_cells(run_notebooks.read_notebook(REPOSITORY / name))
    last = next(i for i, c in enumerate(cells) if "records.load_for(" in c.source)
    namespace = {}
    for cell in cells[: last + 1]:
        exec(compile(cell.source, name, "exec"), namespace)
    assert set(namespace["networks"]) == set(records.NOTEBOOKS)
    said = capsys.readouterr().out
    assert "plain_mnist was trained on MNIST; here it sees the stand-in" in said
    assert "plain_lines was trained" not in said


def execute(notebook, folder):
    """Run a notebook as Jupyter does that was started in a folder."""
    options = {"resources": {"metadata": {"path": str(folder)}}}
    nbclient.NotebookClient(notebook, kernel_name="python3", **options).execute()


def test_a_notebook_can_be_started_from_another_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("QUICK", "1")
    notebook = run_notebooks.read_notebook(paths.ROOT / "Q1/1_datasets.ipynb")
    run_notebooks.clear_outputs(notebook)
    execute(notebook, tmp_path)
    assert list(tmp_path.iterdir()) == []


JUPYTER = (
    "import keras\nfrom coursework import figures, paths",
    "from coursework.data import mnist, splits\nfrom coursework.training import runs",
    "assert str(paths.ROOT) == {root!r}",
    "digits = mnist.load_or_stand_in()\nparts = splits.split(digits.classes)",
    "image = keras.Input((28, 28, 1))\nx = keras.layers.Flatten()(image)",
    "network = keras.Model(image, keras.layers.Dense(10, 'softmax')(x), name='n')",
    "network.compile('adam', 'categorical_crossentropy', metrics=['accuracy'])",
    "x, y = runs.examples(network, digits, parts.train)",
    "history = network.fit(x, y, batch_size=64, verbose=0)",
    "outputs = runs.predict(network, digits, parts.test)",
    "arguments = ('plain_mnist', network, history, digits, parts, outputs)",
    "record = runs.save(*arguments, batch_size=64, seconds=1)",
    "figures.save(figures.gallery(digits.images[:2], 'ab'), 'digits')",
)


def test_run_by_jupyter_without_mnist_it_leaves_models_and_reports_alone(
    tmp_path, monkeypatch
):
    """No runner, which would say where to write: the notebook finds out alone."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "coursework", tmp_path / "coursework", ignore=ignored)
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    for name in ("Q1", "models", "reports"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    cells = [source.format(root=str(tmp_path)) for source in JUPYTER]
    cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook = nbformat.v4.new_notebook(cells=cells)
    execute(notebook, tmp_path / "Q1")
    assert "STAND-IN DIGITS" in notebook.cells[3].outputs[0].text
    assert not any((tmp_path / "models").iterdir())
    assert not any((tmp_path / "reports").iterdir())
    written = tmp_path / "build" / "stand_in"
    found = {path.relative_to(written) for path in written.rglob("*.*")}
    assert {path.as_posix() for path in found} == {
        *("models/plain_mnist.keras", "models/plain_mnist.json"),
        "reports/figures/digits.png",
    }
