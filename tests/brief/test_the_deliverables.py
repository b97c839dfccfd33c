"""Sections 0 (instructions), 1.3, 2.4 and 3.4 of the brief: what is handed in."""

import functools
import hashlib
import re
import zipfile

import pypdf
import pytest
from PIL import Image

from coursework import paths, records

import make_submission
import run_notebooks

FIGURES = paths.ROOT / "reports" / "figures"
QUESTIONS = {"1.3": "Q1", "2.4": "Q2", "3.4": "Q3"}
TRAINED = ("1.3", "2.4")  # the questions that train networks
NETWORKS = [
    (section, name)
    for section in TRAINED
    for name, made in records.NOTEBOOKS.items()
    if made.startswith(QUESTIONS[section])
]
IN_REPORTS = {  # what to look for in the text, the figures' names, the pages
    "3–4 pages": (QUESTIONS, r"PDF of [34] pages"),
    "learning curves": (TRAINED, r"\S*learning_curves\S*\.png"),
    "F-scores": (TRAINED, r"F-score.{1,150}?\b[01]\.\d{4,}"),
    "confusion matrices": (TRAINED, r"\S*confusion\S*\.png"),
    "variations tried": (TRAINED, r"\d×\d filters \(\d\.\d+×|loss weights:? \d\S*\d"),
    "activations": (["3.4"], r"\S*activations\S*\.png"),
    "filters": (["3.4"], r"\S*filters\S*\.png"),
    "heatmaps": (["3.4"], r"\S*maps\S*\.png"),
    "inferences": (QUESTIONS, r"Inferences( \S+){100}"),
}
IN_REPORT = [(s, what) for what, (every, _) in IN_REPORTS.items() for s in every]
of_each_question = pytest.mark.parametrize("section", QUESTIONS)
of_each_network = pytest.mark.parametrize(("section", "name"), NETWORKS)


@functools.cache
def code_cells(name):
    """The code cells of a notebook, which was executed without an error."""
    cells = run_notebooks.code_cells(run_notebooks.read_notebook(paths.ROOT / name))
    counts = [cell.execution_count for cell in cells]
    assert counts == list(range(1, len(cells) + 1)), f"{name} is not executed"
    kinds = {output.output_type for cell in cells for output in cell.outputs}
    assert "error" not in kinds, f"{name} has an error"
    return cells


def notebooks(section):
    every = run_notebooks.all_notebooks()
    return [name for name in every if name.startswith(QUESTIONS[section])]


@functools.cache
def report(section):
    """The text of a report's PDF, the figures whose pixels it has, and its pages."""
    pages = pypdf.PdfReader(paths.ROOT / f"reports/{QUESTIONS[section]}.pdf").pages
    inside = {pixels(found.image) for page in pages for found in page.images}
    every = {path.name: pixels(Image.open(path)) for path in FIGURES.glob("*.png")}
    words = [page.extract_text() for page in pages]
    words += [name for name in every if every[name] in inside]
    return " ".join(" ".join([*words, f"PDF of {len(pages)} pages"]).split())


def pixels(picture):
    return picture.size, hashlib.sha256(picture.convert("RGB").tobytes()).digest()


@pytest.fixture(scope="session")
def zips(tmp_path_factory):
    """What is in 1.zip, 2.zip, 3.zip and 13.zip: dict of sets of names."""
    made = make_submission.write("13", tmp_path_factory.mktemp("zips"))
    return {path.name: set(zipfile.ZipFile(path).namelist()) for path in made}


@pytest.mark.parametrize("page", ["README.md", *[f"Q{n}/README.md" for n in (1, 2, 3)]])
def test_0_readme(page, load, evidence):
    """README with instructions and the versions of all modules"""
    text = (paths.ROOT / page).read_text("utf-8")
    assert "make run" in text, "it does not say how to run the code"
    versions = load("plain_lines")[1]["versions"]
    missing = [n for n, v in versions.items() if f"| {n} | {v} |" not in text]
    assert not missing, f"no version of {', '.join(missing)}"
    evidence(f"how to run it; {', '.join(versions)}")


def test_0_three_zips_in_one(zips, evidence):
    """The three zips in one, e.g. 13.zip"""
    assert {"1.zip", "2.zip", "3.zip"} <= zips["13.zip"]
    evidence(f"13.zip: {', '.join(sorted(zips['13.zip']))}")


def test_0_web_page(evidence):
    """Web page with links to code and project pages"""
    links = re.findall(
        r'(?:href|src)="([^"#]+)', (paths.ROOT / "docs/index.html").read_text("utf-8")
    )
    for link in links:
        exists = re.match(r"\w+:", link) or (paths.ROOT / "docs" / link).exists()
        assert exists, f"it links to {link}, which is missing"
    for wanted in ("coursework", "reports/Q1.pdf", *run_notebooks.all_notebooks()):
        assert any(wanted in link for link in links), f"no link to {wanted}"
    evidence(f"docs/index.html: {len(links)} links, among them all notebooks")


def test_1_2_1_code(evidence):
    """The network is implemented, compiled and trained"""
    made = records.NOTEBOOKS["plain_lines"]
    source = "\n".join(cell.source for cell in code_cells(made))
    missing = [x for x in ("Conv2D(", ".compile(", ".fit(") if x not in source]
    assert not missing, f"{made} has no {missing[0]}"
    evidence(f"{made}: Conv2D(…), compile(…), fit(…)")


@of_each_question
def test_code(section, evidence):
    """Code"""
    cells = {name: len(code_cells(name)) for name in notebooks(section)}
    assert cells
    evidence(f"{', '.join(cells)}: {sum(cells.values())} cells executed")


@of_each_network
def test_model(section, name, record, evidence):
    """Model"""
    evidence(f"models/{name}.keras, {record['parameters']:,} parameters")


@pytest.mark.parametrize("kind", ["learning_curves", "f_scores", "confusion"])
@of_each_network
def test_results(section, name, kind, record, evidence):
    """In the record and in the notebook"""
    made, figure = records.NOTEBOOKS[name], f"{name}_{kind}"
    curves = [key for key in record["history"] if key.endswith(("loss", "accuracy"))]
    f_scores, confusion = record["test"]["f1"], record["confusion"]
    recorded = {"learning_curves": curves, "f_scores": f_scores, "confusion": confusion}
    assert len(recorded[kind]) >= 4, f"not in models/{name}.json"
    cells = [cell for cell in code_cells(made) if f'"{figure}"' in cell.source]
    shown = ["image/png" in o.get("data", {}) for c in cells for o in c.outputs]
    assert any(shown), f"{made} does not show {figure}"
    assert (FIGURES / f"{figure}.png").is_file(), f"no figure {figure}.png"
    evidence(f"models/{name}.json, {made}")


@pytest.mark.parametrize(("section", "what"), IN_REPORT)
def test_report(section, what, evidence):
    """The report has"""
    found = re.search(IN_REPORTS[what][1], report(section))
    assert found, f"no {what} in reports/{QUESTIONS[section]}.pdf"
    evidence(f"reports/{QUESTIONS[section]}.pdf: {found.group()[:60]}")


@of_each_question
def test_zip(section, zips, evidence):
    """Zip of the code and the report"""
    question, files = QUESTIONS[section], zips[f"{section[0]}.zip"]
    wanted = {"README.md", f"reports/{question}.pdf", *notebooks(section)}
    wanted |= {f"models/{n}.keras" for s, n in NETWORKS if section in (s, "3.4")}
    missing = {f"{section[0]}/{name}" for name in wanted} - files
    assert not missing, f"it lacks {', '.join(missing)}"
    evidence(f"{section[0]}.zip: {len(files)} files")
