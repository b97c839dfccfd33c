"""What pages name is there, and what they tell the reader to type works."""

import importlib
import re

import numpy as np
import pytest

from coursework import paths
from coursework.visualize import command, drawing

import build_reports
import group
import make

PAGES = ("README.md", "CONTRIBUTING.md", "Q1/README.md", "Q2/README.md", "Q3/README.md")
CONTRIBUTING = (paths.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
REPORTS = [f"reports/{name}.md" for name in build_reports.REPORTS]
LINKING = ("CONTRIBUTING.md", *build_reports.READMES, *REPORTS)
REGISTERS = {
    "DATASETS": "run_repeats",
    "NOTEBOOKS": "coursework.records",
    "LAYERS": "coursework.studies.maps",
    "QUESTIONS": "make_submission",
    "METHODS": "coursework.visualize.methods",
}


def test_what_contributors_are_told_to_change_is_there():
    told = set(re.findall(r"`([A-Z_]{5,})`", CONTRIBUTING)) - {"NAME"}
    assert told == set(REGISTERS)
    for name, module in REGISTERS.items():
        assert len(getattr(importlib.import_module(module), name)) > 0


@pytest.mark.parametrize("page", LINKING)
def test_links_lead_somewhere(page):
    text = (paths.ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", text)
    assert len(targets) > 5 or page not in REPORTS
    for target in targets:
        assert (paths.ROOT / page).parent.joinpath(target).exists(), target


def test_every_file_named_is_there():
    for name in re.findall(r"`((?:tests|tools|Q\d)/[\w/.]+)`", CONTRIBUTING):
        assert (paths.ROOT / name).exists(), name


def test_license_and_citation_agree():
    citation = (paths.ROOT / "CITATION.cff").read_text(encoding="utf-8")
    license_text = (paths.ROOT / "LICENSE").read_text(encoding="utf-8")
    assert license_text.startswith("MIT License\n\nCopyright (c) 2026 The authors\n")
    for field in ("cff-version: 1.2.0", "message: ", "title: ", "abstract: >-"):
        assert f"\n{field}" in f"\n{citation}"
    assert "\nlicense: MIT\n" in citation
    assert build_reports.citation(group.read()) == citation
    project = (paths.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"$', project, re.MULTILINE).group(1)
    assert f"\nversion: {version}\n" in citation


@pytest.mark.parametrize("page", PAGES)
def test_what_readers_are_told_to_make_can_be_made(page):
    text = (paths.ROOT / page).read_text(encoding="utf-8")
    typed = re.findall(r"```(.*?)```|`([^`\n]+)`", text, re.DOTALL)
    typed = "\n".join("".join(pair) for pair in typed)
    told = re.findall(r"\bmake(?:\.py)? (\w+)", typed)
    assert told
    assert set(told) <= set(make.TARGETS)


def test_the_example_of_the_models_runs():
    text = (paths.ROOT / "models" / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    made = {}
    exec(compile(code, "models/README.md", "exec"), made)
    assert made["images"].shape == (5, 28, 28, 3)


class TestReadmeOfQuestion3:
    TEXT = (paths.ROOT / "Q3" / "README.md").read_text(encoding="utf-8")

    def test_the_functions_do_what_it_says(self, monkeypatch):
        monkeypatch.chdir(paths.ROOT)
        (code,) = re.findall(r"```python\n(.*?)```", self.TEXT, re.DOTALL)
        made = {}
        exec(compile(code, "Q3/README.md", "exec"), made)
        assert made["activations"]["conv1"].shape == (1, 28, 28, 16)
        assert made["maps"].maps.shape == (1, 28, 28)
        assert 0 < made["maps"].scaled().max() <= 1
        assert made["filters"].images.shape == (8, 28, 28, 3)
        assert np.isin(made["filters"].statuses, ["ok", "dead", "saturated"]).all()

    def test_its_commands_are_understood(self, monkeypatch, tmp_path):
        """Models, images, layers and options exist; the pictures are left out."""
        monkeypatch.chdir(paths.ROOT)
        typed = r"^\.venv/bin/python Q3/visualize\.py (models/.*)$"
        commands = re.findall(typed, self.TEXT, re.MULTILINE)
        assert len(commands) == 4
        planned = []
        for name in ("of_image", "of_layer"):
            monkeypatch.setattr(drawing.Page, name, lambda *a: planned.append(a) or {})
        for words in commands:
            assert command.main([*words.split(), "--out", str(tmp_path)]) == 0, words
        assert len(planned) == 3
