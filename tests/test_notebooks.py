"""The notebooks as graders read them: conventions, and what is committed."""

import re
import statistics

import nbclient
import pytest

from coursework import lines, mnist, networks, paths, records

import run_notebooks

REPOSITORY = paths.ROOT
NAMES = run_notebooks.all_notebooks()
TRAINING_SECTIONS = [
    *("Setup", "Configuration", "Data", "Network", "Training", "Learning curves"),
    *("F-scores", "Confusion matrix", "Variations", "Inferences", "Results table"),
    "Files saved",
]
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
    assert "**Question.**" in notebook.cells[0].source


def test_one_idea_to_a_cell(cells):
    lengths = [len(cell.source.splitlines()) for cell in cells]
    assert statistics.median(lengths) < 8
    assert max(lengths) <= 30


def test_imports_stand_at_the_top(cells):
    for cell in cells[1:]:
        assert not re.search(r"^\s*(import|from) ", cell.source, re.MULTILINE)


def test_no_installing_asking_or_machine_paths(cells):
    for cell in cells:
        assert not FORBIDDEN.search(cell.source), cell.source


def test_training_notebooks_tell_the_brief_s_deliverables_in_order(notebook, cells):
    if not any("training.train(" in cell.source for cell in cells):
        pytest.skip("nothing is trained in it")
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == TRAINING_SECTIONS
    code = "\n".join(cell.source for cell in cells)
    assert code.count("set_random_seed(") == 1


def test_links_lead_somewhere(notebook):
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    headings = set(re.findall(r"^#+ (.+)$", text, re.MULTILINE))
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in {heading.replace(" ", "-") for heading in headings}
        else:
            assert ((paths.ROOT / notebook.path).parent / target).exists(), target


class TestExecuted:
    """What is committed is the output of a full run of this very source."""

    def test_from_top_to_bottom_without_an_error(self, cells):
        counts = [cell.execution_count for cell in cells]
        assert counts == list(range(1, len(cells) + 1))
        kinds = {output.output_type for cell in cells for output in cell.outputs}
        assert "error" not in kinds

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


@pytest.fixture(scope="module")
def some_lines():
    """As many as it takes for a validation part with all classes."""
    return lines.build(per_class=40)


class TestLookingInside:
    """The notebooks of question 3 take the networks that others have made."""

    @pytest.fixture(params=[name for name in NAMES if name.startswith("Q3/")])
    def until_networks(self, request, sandbox, some_lines, monkeypatch):
        """A function that runs a notebook up to the cell that loads the networks."""
        monkeypatch.setattr(lines, "load", lambda: some_lines)
        monkeypatch.setattr(mnist, "load_or_stand_in", mnist.stand_in)
        cells = run_notebooks.code_cells(
            run_notebooks.read_notebook(REPOSITORY / request.param)
        )
        last = next(i for i, c in enumerate(cells) if "records.load_for(" in c.source)

        def run():
            namespace = {}
            for cell in cells[: last + 1]:
                exec(compile(cell.source, request.param, "exec"), namespace)
            return namespace["networks"]

        return run

    def save(self, name, dataset):
        network = networks.tuned_cnn()
        record = dict.fromkeys(records.FIELDS, 0) | {
            "dataset": {"name": "lines", "sha256": dataset.sha256},
            "parameters": network.count_params(),
            "test": {"accuracy": 0.5},
        }
        records.save(network, record, name, paths.ROOT / "models")

    def test_a_missing_network(self, until_networks):
        expected = r"plain_lines\.json is missing: run Q1/2_plain_cnn\.ipynb"
        with pytest.raises(FileNotFoundError, match=expected):
            until_networks()

    def test_a_network_that_its_record_does_not_describe(
        self, until_networks, some_lines
    ):
        self.save("plain_lines", some_lines)
        path = paths.ROOT / "models" / "plain_lines.keras"
        path.write_bytes(path.read_bytes()[:-1])
        expected = "not the network that .* run Q1/2_plain_cnn"
        with pytest.raises(ValueError, match=expected):
            until_networks()

    def test_without_mnist_the_digits_say_so_and_go_on(
        self, until_networks, some_lines, capsys
    ):
        for name in records.NOTEBOOKS:
            self.save(name, some_lines)
        assert set(until_networks()) == set(records.NOTEBOOKS)
        said = capsys.readouterr().out
        assert "plain_mnist was trained on MNIST; here it sees the stand-in" in said
        assert "plain_lines was trained" not in said


def test_a_notebook_can_be_started_from_another_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("QUICK", "1")
    notebook = run_notebooks.read_notebook(paths.ROOT / "Q1/1_datasets.ipynb")
    run_notebooks.clear_outputs(notebook)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(
        notebook, kernel_name="python3", resources=resources
    ).execute()
    assert list(tmp_path.iterdir()) == []
