"""The check against the brief: it passes what is there, and fails what is missing."""

import dataclasses
import json
import shutil
import types

import keras
import nbformat
import numpy as np
import pytest

from coursework import heads, networks, paths, records, variations

import check_brief
import make_submission
import run_notebooks
from brief import FailedError, Requirement, deliverables, evidence, handed_in, inside
from brief import networks as networks_of_the_brief

PROJECT = paths.ROOT
CACHES = (
    *(evidence.predict_test, evidence.digit_data),
    *(handed_in.built, handed_in.imported_modules),
)
FIGURES = ("learning_curves", "f_scores", "confusion", "variations", "inside")
PARTS = "\n".join(
    f"## {title}\n{'From the first layers to the last: words. ' * 10}\n"
    f"![{title}](figures/inside.png)"
    for title in ("Activations", "Filters", "Class activation maps")
)
REPORT = f"""# Report
Learning curves, F-scores, confusion matrices, variations tried, inferences.
![curves](figures/learning_curves.png) ![matrix](figures/confusion.png)
{PARTS}
"""


@pytest.fixture
def project(sandbox, monkeypatch, all_lines):
    """Notebooks, records, networks and figures of the project; reports stand in."""
    for name in ("Q1", "Q2", "Q3", "models", "reports/figures"):
        ignored = shutil.ignore_patterns("plain_*.keras")
        shutil.copytree(PROJECT / name, sandbox / name, ignore=ignored)
    for name in ("plain_lines", "plain_mnist"):  # 16 MB each
        file = f"models/{name}.keras"
        (sandbox / file).symlink_to(PROJECT / file)
    for name in FIGURES:
        (sandbox / f"reports/figures/{name}.png").touch()
    for question in ("Q1", "Q2", "Q3"):
        (sandbox / f"reports/{question}.md").write_text(REPORT)
    shutil.copy(PROJECT / "requirements.txt", sandbox)
    monkeypatch.setattr(evidence, "line_data", lambda: all_lines)
    for cached in CACHES:
        cached.cache_clear()
    yield sandbox
    for cached in CACHES:
        cached.cache_clear()


def requirements(module, *numbers):
    return [r for r in module.REQUIREMENTS if r.number.startswith(numbers)]


def fails(check, *arguments, match, error=FailedError, **options):
    with pytest.raises(error, match=match):
        check(*arguments, **options)


def change_record(project, name, **fields):
    path = project / "models" / f"{name}.json"
    record = json.loads(path.read_text())
    for field, value in fields.items():
        record[field] = record[field] | value if isinstance(value, dict) else value
    path.write_text(json.dumps(record))
    evidence._load.cache_clear()


@pytest.fixture
def change_network(project, monkeypatch):
    """A function that puts another network in the place of a saved one."""

    def change(name, network):
        record = evidence.network(name)[1]
        real = evidence.network
        monkeypatch.setattr(
            evidence,
            "network",
            lambda asked: (network, record) if asked == name else real(asked),
        )

    return change


class TestData:
    def test_it_is_all_there(self, project):
        checked = networks_of_the_brief
        assert "57,600 to 38,400" in checked.sixty_to_forty()
        assert "96 classes × 1,000 images of 28×28×3" in checked.lines_are_96_classes()
        assert "70,000 digits" in checked.digits_are_mnist()

    def test_without_mnist_the_record_is_asked_and_that_is_said(self, project):
        assert "data/mnist.npz is not here" in networks_of_the_brief.digits_are_mnist()
        assert (
            "mnist 42,000 to 28,000 (record)" in networks_of_the_brief.sixty_to_forty()
        )
        share, words = evidence.accuracy("tuned_mnist")
        assert share > 0.99
        assert "(record; data/mnist.npz is not here)" in words

    def test_other_lines(self, project, few_lines, monkeypatch):
        monkeypatch.setattr(evidence, "line_data", lambda: few_lines)
        fails(networks_of_the_brief.lines_are_96_classes, match="have 5 to 5 images")

    def test_altered_lines(self, project, all_lines, monkeypatch):
        altered = dataclasses.replace(all_lines, classes=all_lines.classes.copy())
        altered.classes[[0, -1]] = altered.classes[[-1, 0]]
        monkeypatch.setattr(evidence, "line_data", lambda: altered)
        fails(networks_of_the_brief.lines_are_96_classes, match="checksum")

    def test_another_share_or_other_digits(self, project):
        change_record(project, "plain_mnist", dataset={"test": 27_000})
        fails(networks_of_the_brief.sixty_to_forty, match="42000 to 27000")
        fails(networks_of_the_brief.digits_are_mnist, match="69,000 digits")


class TestSpecified:
    def test_the_saved_networks_are_as_specified(self, project):
        layers = [r.check() for r in requirements(networks_of_the_brief, "1.2.1 (")]
        assert "filters 32 kernel_size (7, 7) strides (1, 1)" in layers[0]
        assert "pool_size (2, 2) strides (2, 2)" in layers[3]
        assert "units 1024" in layers[4]
        assert networks_of_the_brief.plain_outputs()
        assert networks_of_the_brief.adam_and_cross_entropy()

    @pytest.mark.parametrize(
        ("layer", "setting", "position"),
        [
            ("conv1", {"filters": 16}, 0),
            ("conv1", {"kernel_size": (5, 5)}, 0),
            ("conv1", {"strides": (2, 2)}, 0),
            ("pool1", {"strides": (1, 1)}, 3),
            ("pool1", {"pool_size": (3, 3)}, 3),
            ("dense1", {"units": 1000}, 5),
            ("class", {"activation": "sigmoid"}, 7),
        ],
    )
    def test_another_setting(self, change_network, layer, setting, position):
        config = networks.plain_cnn().get_config()
        for found in config["layers"]:
            found["config"] |= setting if found["name"] == layer else {}
            found.pop("build_config", None)
        change_network("plain_lines", keras.Model.from_config(config))
        check = networks_of_the_brief.specified_layers
        fails(check, position, match=f"{layer} has {next(iter(setting))}")

    def test_another_layer_or_one_too_many(self, change_network):
        change_network("plain_lines", networks.tuned_cnn())
        fails(networks_of_the_brief.specified_layers, 0, match="has the layers Conv2D")

    def test_another_optimizer_or_loss(self, project):
        check = networks_of_the_brief.adam_and_cross_entropy
        change_record(project, "plain_mnist", optimizer={"name": "SGD"})
        fails(check, match="plain_mnist was trained by SGD")
        change_record(project, "plain_mnist", optimizer={"name": "Adam", "loss": "x"})
        fails(check, match="plain_mnist was trained on x")

    def test_other_classes(self, change_network):
        change_network("plain_mnist", networks.plain_cnn((28, 28, 1), 11))
        fails(networks_of_the_brief.plain_outputs, match="11 classes, not 10")

    def test_a_missing_network_or_one_of_another_record(self, project):
        (project / "models/plain_lines.keras").unlink()
        evidence._load.cache_clear()
        check = networks_of_the_brief.specified_layers
        fails(check, 0, match="is missing", error=FileNotFoundError)
        shutil.copy(project / "models/tuned_lines.keras", project / "models/p.keras")
        (project / "models/p.keras").rename(project / "models/plain_lines.keras")
        fails(check, 0, match="not the network", error=ValueError)


class TestTuned:
    def test_all_was_tried(self, project):
        for found in requirements(networks_of_the_brief, "1.2.2"):
            if "Loss" in found.text or "Filter size" in found.text:
                assert "tried on lines and on digits: " in found.check()
        assert networks_of_the_brief.better_network()

    def test_something_was_not_tried(self, project, monkeypatch):
        every = variations.read("lines", project / "models")
        fewer = [c for c in every if not c.name.startswith("pooling")]
        monkeypatch.setattr(variations, "read", lambda name, folder: fewer)
        check = networks_of_the_brief.tried
        fails(check, ("pooling: ",), match="no variation “pooling: …” on lines")

    def test_it_is_not_better(self, project):
        change_record(project, "tuned_mnist", repeats=[{"accuracy": 0.9}])
        fails(networks_of_the_brief.better_network, match="not better than plain_mnist")

    def test_below_70_percent(self, project):
        change_record(project, "tuned_mnist", test={"accuracy": 0.69})
        check = networks_of_the_brief.at_least_70_percent
        fails(check, "tuned_mnist", match=r"only tuned_mnist 69\.00%")

    def test_an_accuracy_that_is_not_the_record_s(self, project, change_network):
        keras.utils.set_random_seed(0)
        change_network("tuned_lines", networks.tuned_cnn())
        check = networks_of_the_brief.at_least_70_percent
        fails(check, "tuned_lines", match=r"% here but on 100\.00% in its record")


class TestFourHeads:
    def test_they_are_as_directed(self, project):
        told = [r.check() for r in requirements(networks_of_the_brief, "2.")]
        assert "outputs length, width, color, angle" in told[0]
        assert "length, width, color: 1 sigmoid neuron each, binary" in told[2]
        assert "angle: 12 softmax neurons" in told[3]
        assert "measured on 9,600 test images" in told[5]

    def test_one_is_missing(self, change_network):
        network = networks.four_head_cnn()
        change_network(
            "four_head_lines", keras.Model(network.inputs, network.outputs[:3])
        )
        check = networks_of_the_brief.four_outputs
        fails(check, match="expected length, width, color, angle", error=ValueError)

    def test_heads_without_layers_of_their_own_or_features_in_common(
        self, change_network
    ):
        check = networks_of_the_brief.feature_network_and_heads
        image = keras.Input((28, 28, 3))
        ends = [
            keras.layers.Dense(heads.UNITS[name], name=name)(
                keras.layers.Flatten()(keras.layers.Conv2D(2, 3)(image))
            )
            for name in heads.NAMES
        ]
        change_network("four_head_lines", keras.Model(image, ends))
        fails(check, match="the heads share no convolution")

    @pytest.mark.parametrize(
        ("names", "units", "activation", "match"),
        [
            (("length",), 2, "sigmoid", "length has units 1, not 2"),
            (("angle",), 12, "sigmoid", "angle has activation softmax"),
        ],
    )
    def test_another_end(self, project, names, units, activation, match):
        fails(networks_of_the_brief.head_ends, names, units, activation, match=match)

    def test_another_loss(self, project, monkeypatch):
        losses = dict.fromkeys(heads.NAMES, types.SimpleNamespace(name="mse"))
        monkeypatch.setattr(heads, "make_losses", lambda: losses)
        check = networks_of_the_brief.head_ends
        fails(check, ("angle",), 12, "softmax", match="trained on mse")

    def test_a_record_of_another_loss(self, project):
        change_record(project, "four_head_lines", optimizer={"loss": "mse"})
        check = networks_of_the_brief.head_ends
        fails(check, ("angle",), 12, "softmax", match="another loss: mse")

    def test_a_layer_that_is_not_trained(self, change_network):
        network = networks.four_head_cnn()
        network.get_layer("conv2").trainable = False
        change_network("four_head_lines", network)
        check = networks_of_the_brief.trainable_end_to_end
        fails(check, match="not trainable: conv2")

    def test_a_head_that_the_record_scores_otherwise(self, project):
        test = evidence.network("four_head_lines")[1]["test"]
        test["heads"]["angle"]["accuracy"] = 0.5
        change_record(project, "four_head_lines", test=test)
        check = networks_of_the_brief.accuracy_of_each_head
        fails(check, match="angle: .* record differs")


def edit_notebook(project, name, edit):
    """Change a notebook and stamp it anew, as if it had been executed like that."""
    path = project / name
    notebook = nbformat.read(path, as_version=4)
    edit(notebook)
    stamp = notebook.metadata[run_notebooks.STAMP]
    stamp["source_sha256"] = run_notebooks.source_sha256(notebook)
    nbformat.write(notebook, path)


def without_section(heading):
    def edit(notebook):
        for cell in notebook.cells:
            cell.source = cell.source.replace(f"## {heading}", "## Other")

    return edit


def without_pictures(notebook):
    for cell in run_notebooks.code_cells(notebook):
        for output in cell.outputs:
            output.get("data", {}).pop("image/png", None)


class TestNotebooksAndReports:
    DELIVERABLES = (
        *("Learning curves", "F-scores", "Confusion matrix", "Variations"),
        "Inferences",
    )

    def test_all_are_there(self, project):
        for found in requirements(deliverables, "1.3", "2.4", "3.3"):
            if "pages" not in found.text:
                assert found.check()
        assert deliverables.visualizations_in_report()

    @pytest.mark.parametrize("heading", DELIVERABLES)
    def test_a_section_is_missing(self, project, heading):
        name = "Q2/1_four_head_network.ipynb"
        edit_notebook(project, name, without_section(heading))
        check = deliverables.shown_in_notebooks
        fails(check, "Q2", heading, match=f"{name} has no section {heading}")

    def test_a_section_without_pictures(self, project):
        edit_notebook(project, "Q1/3_tuned_cnn.ipynb", without_pictures)
        check = deliverables.learning_curves
        fails(check, "Q1", match="3_tuned_cnn.ipynb, Learning curves: 0 pictures")

    def test_no_history(self, project):
        change_record(project, "plain_lines", history=[])
        fails(deliverables.learning_curves, "Q1", match="has no history of")

    @pytest.mark.parametrize(
        ("edit", "match"),
        [
            (run_notebooks.clear_outputs, "is not executed"),
            (lambda n: n.cells[0].update(source="x"), None),
            (
                lambda n: run_notebooks.code_cells(n)[0].outputs.append(
                    nbformat.v4.new_output("stream", text="QUICK RUN: a few")
                ),
                "not run in full: QUICK RUN",
            ),
            (
                lambda n: run_notebooks.code_cells(n)[0].outputs.append(
                    nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])
                ),
                "not run in full: .*error",
            ),
        ],
    )
    def test_not_executed_in_full(self, project, edit, match):
        edit_notebook(project, "Q2/1_four_head_network.ipynb", edit)
        if match is None:  # words may change without a new run
            assert deliverables.code("Q2")
        else:
            fails(deliverables.code, "Q2", match=match)

    def test_executed_from_another_source(self, project):
        path = project / "Q2/1_four_head_network.ipynb"
        path.write_text(path.read_text().replace("SEED = 0", "SEED = 1"))
        fails(deliverables.code, "Q2", match="executed from another source")

    def test_no_notebook(self, project):
        (project / "Q2/1_four_head_network.ipynb").unlink()
        fails(deliverables.code, "Q2", match="Q2/ has no notebook")

    @pytest.mark.parametrize("heading", DELIVERABLES)
    def test_a_report_that_lacks_something(self, project, heading):
        (project / "reports/Q1.md").write_text("# Report\n")
        check = deliverables.in_report
        fails(check, "Q1", heading, match=f"says nothing of {heading.lower()}")

    def test_a_missing_report_or_figure(self, project):
        (project / "reports/figures/confusion.png").unlink()
        check = deliverables.in_report
        fails(check, "Q1", "Variations", match=r"shows figures/confusion\.png, which")
        (project / "reports/Q1.md").unlink()
        fails(check, "Q1", "Variations", match=r"reports/Q1\.md is missing")

    @pytest.mark.parametrize("pages", [2, 3, 4, 5])
    def test_the_pages_are_counted(self, project, pages):
        pypdf = pytest.importorskip("pypdf")
        writer = pypdf.PdfWriter()
        for _ in range(pages):
            writer.add_blank_page(595, 842)
        writer.write(project / "reports/Q1.pdf")
        if pages in (3, 4):
            assert f"{pages} pages" in deliverables.report_pages("Q1")
        else:
            fails(deliverables.report_pages, "Q1", match=f"has {pages} pages")

    def test_no_pdf(self, project):
        fails(deliverables.report_pages, "Q1", match=r"reports/Q1\.pdf is missing")
        pytest.importorskip("pypdf")
        (project / "reports/Q1.pdf").write_bytes(b"no pdf")
        fails(deliverables.report_pages, "Q1", match="is not a whole PDF")

    @pytest.mark.parametrize("part", deliverables.PARTS)
    def test_a_part_without_inference(self, project, part):
        check, pattern = deliverables.inference_of_each_part, deliverables.PARTS[part]
        page = project / "reports/Q3.md"
        page.write_text(REPORT.replace("to the last", "on"))
        fails(check, pattern, match="does not tell of the .*last")
        page.write_text("# Report\n\n## Something\n\nThe first to the last\n")
        fails(check, pattern, match="no section on it")

    def test_a_report_without_visualizations(self, project):
        without = REPORT.replace("![Filters](figures/inside.png)", "")
        (project / "reports/Q3.md").write_text(without)
        check = deliverables.visualizations_in_report
        fails(check, match="shows no figure in part 2: filters")


class TestInside:
    @pytest.fixture(autouse=True)
    def executed(self, project):
        """Taken for executed as they are: whether they are is tested above."""
        for name in (inside.ACTIVATIONS, inside.FILTERS, inside.MAPS):
            edit_notebook(project, name, lambda notebook: None)

    CHECKS = (
        (
            inside.activations,
            "activations_tuned_lines_short_thin_red_0.png",
            "5 sheets",
        ),
        (inside.activations, "activations_tuned_lines.png", "is missing"),
        (inside.filters, "filters_tuned_lines_conv2.png", "is missing"),
        (inside.heatmaps, "maps_tuned_lines.png", "is missing"),
    )

    def test_all_is_shown(self):
        assert "all 18 layers" in inside.activations("tuned_lines")
        assert "conv1 16, conv2 32, conv3 48" in inside.filters("tuned_lines")
        assert "shows 6 images" in inside.heatmaps("tuned_mnist")
        assert "8 filters" in inside.gradient_ascent()

    @pytest.mark.parametrize(("check", "figure", "match"), CHECKS)
    def test_a_missing_figure(self, project, check, figure, match):
        (project / "reports/figures" / figure).unlink()
        fails(check, "tuned_lines", match=match)

    @pytest.mark.parametrize(
        ("check", "notebook"),
        [(inside.activations, inside.ACTIVATIONS), (inside.heatmaps, inside.MAPS)],
    )
    def test_five_images_or_a_network_left_out(self, project, check, notebook):
        def replace(old, new):
            def edit(found):
                for cell in run_notebooks.code_cells(found):
                    cell.source = cell.source.replace(old, new)

            edit_notebook(project, notebook, edit)

        replace("(0, 2, 3, 5, 7, 9)", "(0, 2, 3, 5, 7, 7)")
        fails(check, "tuned_mnist", match="shows 5 images of tuned_mnist")
        replace('"tuned_lines", ', "")
        fails(check, "tuned_lines", match="does not show tuned_lines")

    def test_a_filter_left_out(self, project):
        path = project / "models/filters.json"
        told = json.loads(path.read_text())
        told["filters"]["tuned_lines"]["conv2"]["filters"] = 31
        path.write_text(json.dumps(told))
        fails(inside.filters, "tuned_lines", match="conv2: 31 filters drawn of 32")

    def test_layers_left_out(self, monkeypatch):
        monkeypatch.setattr(inside.visualize, "activations", lambda *_: {"conv1": 0})
        fails(inside.activations, "tuned_lines", match="1 of 18 layers")

    def test_maps_that_are_none(self, monkeypatch):
        broken = types.SimpleNamespace(maps=np.full((6, 28, 28), np.nan))
        monkeypatch.setattr(
            inside.visualize, "class_activation_maps", lambda *_, **__: broken
        )
        fails(inside.heatmaps, "tuned_lines", match=r"maps of \(6, 28, 28\)")

    def test_an_ascent_that_does_not_rise(self, monkeypatch):
        units, ones = np.arange(8), np.ones(8)
        flat = types.SimpleNamespace(units=units, before=ones, after=ones)
        monkeypatch.setattr(inside.visualize, "filters", lambda *_, **__: flat)
        fails(inside.gradient_ascent, match="0 of 8 filters rise")

    def test_the_command_is_run(self, project):
        script = project / "Q3/visualize.py"
        script.write_text("import sys; sys.exit('broken')")
        fails(inside.command, "--layer", "conv1", match="status 1: broken")
        script.write_text(
            "import json, pathlib, sys\n"
            "out = pathlib.Path(sys.argv[-1])\n"
            "(out / 'summary.json').write_text(json.dumps({'files': ['a.png']}))\n"
        )
        fails(inside.command, "--layer", "conv1", match=r"not \['a.png'\]")
        script.write_text(script.read_text() + "(out / 'a.png').touch()\n")
        assert inside.command("--layer", "conv1").endswith("--layer conv1: pictures: 1")


class TestHandedIn:
    @pytest.fixture
    def told(self, project, monkeypatch):
        """A README that tells all; two modules are imported."""
        used = {"numpy", "keras"}
        monkeypatch.setattr(handed_in, "imported_modules", lambda: used)
        rows = [f"| {name} | {handed_in.pins()[name]} |" for name in sorted(used)]
        text = "\n".join(["make run", "", "| python | 3.11.7 |", *rows])
        (project / "README.md").write_text(text)
        return text

    def test_a_readme(self, project, told):
        assert "versions of Python and of 2 modules" in handed_in.readme("README.md")

    @pytest.mark.parametrize(
        ("old", "new", "match"),
        [
            ("make run", "", "does not say how to run it"),
            ("3.11.7", "", "the version of Python"),
            ("| numpy |", "| scipy |", "does not tell that numpy is "),
            ("| keras | 3", "| keras | 2", "does not tell that keras is 3"),
        ],
    )
    def test_a_readme_that_lacks_something(self, project, told, old, new, match):
        (project / "README.md").write_text(told.replace(old, new))
        fails(handed_in.readme, "README.md", match=match)

    def test_the_imported_modules_are_found(self, monkeypatch):
        found = handed_in.imported_modules()
        assert {"keras", "numpy", "opencv-python-headless", "jupyter"} <= found

    def write_page(self, project, body):
        (project / "docs").mkdir(exist_ok=True)
        (project / "docs" / "own.png").touch()
        links = "".join(
            f'<a href="https://x.org/{to}">x</a>'
            for to in ("coursework", "Q1/1_a.ipynb", "reports/Q1.pdf")
        )
        (project / "docs" / "index.html").write_text(links + body)

    def test_a_web_page(self, project):
        self.write_page(project, '<img src="own.png"><style>a {color: red}</style>')
        assert "3 links, 1 files of its own, no script" in handed_in.web_page()

    @pytest.mark.parametrize(
        ("body", "match"),
        [
            ("<script>x</script>", "has a script"),
            ('<img src="https://x.org/a.png">', "from another host"),
            ('<link rel="stylesheet" href="//x.org/a.css">', "from another host"),
            ("<style>a {background: url(http://x.org/a)}</style>", "another host"),
            ('<img src="other.png">', r"other\.png, which is missing"),
        ],
    )
    def test_a_web_page_that_loads_what_it_must_not(self, project, body, match):
        self.write_page(project, body)
        fails(handed_in.web_page, match=match)

    def test_no_web_page_or_none_with_links(self, project):
        fails(handed_in.web_page, match=r"docs/index\.html is missing")
        (project / "docs").mkdir()
        (project / "docs" / "index.html").write_text("<p>nothing</p>")
        fails(handed_in.web_page, match="has no link to coursework")


class TestZips:
    @pytest.fixture
    def zips(self, project, monkeypatch):
        """Question 2's zip, small; its runner makes the notebook without running it."""
        runner = (
            "import pathlib, shutil\n"
            "made = pathlib.Path('build/quick/Q2'); made.mkdir(parents=True)\n"
            "shutil.copy('Q2/1_four_head_network.ipynb', made)\n"
        )
        content = dict.fromkeys(
            (
                *("2/README.md", "2/Makefile", "2/requirements.txt", "2/Q2/README.md"),
                *("2/constraints.txt", "2/reports/Q2.md", "2/reports/Q2.pdf"),
                *("2/models/four_head_lines.keras", "2/models/four_head_lines.json"),
                *("2/models/variations_four_heads.json", "2/pyproject.toml"),
                *("2/Q2/1_four_head_network.ipynb", "2/tools/make_venv.sh"),
            ),
            b"",
        ) | {"2/tools/run_notebooks.py": runner.encode()}

        def write(group, target):
            make_submission.write_zip(target / "2.zip", content)

        monkeypatch.setattr(make_submission, "write", write)
        return content

    def test_a_whole_one(self, zips):
        assert "quick run of all its notebooks (1)" in handed_in.question_zip(2)

    @pytest.mark.parametrize(
        ("name", "data", "match"),
        [
            ("2/reports/Q2.pdf", None, r"2\.zip lacks reports/Q2\.pdf"),
            ("2/models/four_head_lines.json", None, "lacks models/four_head"),
            ("2/models/variations_four_heads.json", None, "lacks models/variations"),
            ("2/tools/make_venv.sh", None, r"lacks tools/make_venv\.sh"),
            ("2/coursework/__pycache__/a.pyc", b"", "holds coursework/__pycache__"),
            ("2/data/mnist.npz", b"", r"holds data/mnist\.npz"),
            ("2/tools/run_notebooks.py", b"1 / 0", "quick run failed: .*by zero"),
            ("2/tools/run_notebooks.py", b"", "made 0 of 1 notebooks"),
        ],
    )
    def test_one_with_a_fault(self, zips, name, data, match):
        zips[name] = data
        if data is None:
            del zips[name]
        with pytest.raises(FailedError, match=f"(?s){match}"):
            handed_in.question_zip(2)

    def test_one_that_names_this_machine(self, zips, project):
        zips["2/README.md"] = f"in {project}/Q2".encode()
        fails(handed_in.question_zip, 2, match=r"README\.md names this machine")

    def test_something_needed_is_missing(self, project):
        error = FileNotFoundError
        fails(handed_in.question_zip, 1, match="is missing: ", error=error)

    def test_the_group_s_zip_lacks_one(self, project, monkeypatch):
        def write(group, target):
            make_submission.write_zip(target / "13.zip", {"1.zip": b"", "2.zip": b""})

        monkeypatch.setattr(make_submission, "write", write)
        fails(handed_in.group_zip, match=r"13\.zip holds 1\.zip, 2\.zip")


class TestCommand:
    @pytest.fixture
    def chosen(self, monkeypatch):
        """The command with three requirements of the test's own."""

        def fail():
            raise FailedError("none\nfound")

        found = [Requirement("1.1", "one", lambda: "evidence")]
        found += [
            Requirement("1.2", "two", fail),
            Requirement("1.3", "x", lambda: 1 / 0),
        ]
        monkeypatch.setattr(check_brief, "choose", lambda sections: found)
        return found

    def test_one_line_each_and_status_1_if_something_fails(self, chosen, capsys):
        assert check_brief.main([]) == 1
        assert capsys.readouterr().out.splitlines() == [
            "pass  1.1  one: evidence",
            "FAIL  1.2  two: none found",
            "FAIL  1.3  x: ZeroDivisionError: division by zero",
            "1 of 3 requirements are met",
        ]

    def test_status_0_if_all_is_met(self, chosen, capsys):
        del chosen[1:]
        assert check_brief.main([]) == 0

    def test_an_unknown_section(self, capsys):
        assert check_brief.main(["9"]) == 2
        assert capsys.readouterr().err.startswith("no section 9; there are 1.1, 1.2")

    def test_every_section_of_the_brief_is_gone_through(self):
        numbers = {found.number.split()[0] for found in check_brief.choose([])}
        assert numbers == {
            *("1.1", "1.2", "1.2.1", "1.2.2", "1.3", "2.2", "2.3", "2.4"),
            *("3.2.1", "3.2.2", "3.2.3", "3.3", "3.4", "README", "zips", "page"),
        }
        parts = [found.number for found in check_brief.choose(["3.2"])]
        assert len(parts) == 3 * len(records.NOTEBOOKS) + 1
