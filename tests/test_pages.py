"""The pages that no table of a record is in: what they name is there."""

import importlib
import pathlib
import re

import pytest

from coursework import paths

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
    project = pathlib.Path(paths.ROOT / "pyproject.toml").read_text(encoding="utf-8")
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
