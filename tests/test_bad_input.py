"""What reports and page need and do not get: one line, status 2, nothing written."""

import errno
import json
import re
import shutil

import pytest

from coursework import files, paths, records

import build_reports
import report_text

PROJECT = paths.ROOT
FOLDERS = ("models", "reports", "Q1", "Q2", "Q3", "docs", "data")


@pytest.fixture
def project(sandbox):
    """What the reports are made of; whatever a test changes it writes anew."""
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("*.npz")
        shutil.copytree(PROJECT / name, sandbox / name, ignore=ignored)
    for path in (*PROJECT.glob("*.md"), *PROJECT.glob("requirements.txt")):
        shutil.copy(path, sandbox)
    shutil.copy(PROJECT / build_reports.CITATION, sandbox)
    return sandbox


def contents(folder):
    """Every file but the data, which are built where they are missing."""
    found = (path for path in folder.rglob("*") if path.suffix != ".npz")
    return {path: path.read_bytes() for path in found if path.is_file()}


def refused(capsys, expected):
    before = contents(paths.ROOT)
    assert build_reports.main() == 2
    said = capsys.readouterr().err
    assert re.fullmatch(f".*{expected}.*\n", said), said
    assert contents(paths.ROOT) == before


@pytest.mark.parametrize(
    ("name", "field"),
    [("activations", "probes"), ("map_tests", "pointing"), ("plain_lines", "f1")],
)
def test_a_record_without_a_field(name, field, project, capsys, monkeypatch):
    path = project / "models" / f"{name}.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    (record["test"] if field == "f1" else record).pop(field)
    files.write_text(path, json.dumps(record))
    monkeypatch.setattr(records, "read_checked", records.read)  # of the same network
    refused(capsys, f"(models/{name}.json lacks|has no attribute) '{field}'")


def test_a_missing_figure(project, capsys, monkeypatch):
    monkeypatch.setattr(build_reports.report_figures, "draw_all", lambda known: {})
    text = "# T\n\n{{ figure('map_tests', 'A caption.') }}\n"
    files.write_text(project / report_text.TEMPLATES / "Q1.md.j2", text)
    (project / "reports" / "figures" / "map_tests.png").unlink(missing_ok=True)
    refused(capsys, r"reports/figures/map_tests\.png is missing: run make run")


def test_a_folder_of_reports_that_is_read_only(project, capsys, monkeypatch):
    def denied(source, target):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(build_reports, "build", lambda: ({"reports/Q1.md": b""}, []))
    monkeypatch.setattr(files.os, "replace", denied)
    refused(
        capsys, r"cannot write reports/Q1\.md: Permission denied; make room or make"
    )


def test_a_field_is_missed_by_the_name_of_its_file(tmp_path):
    path = tmp_path / "record.json"
    files.write_text(path, '{"test": {"errors": 1}}')
    record = files.read_json(path)
    assert record == {"test": {"errors": 1}}
    with pytest.raises(ValueError, match=r"record\.json lacks 'accuracy'"):
        record["test"]["accuracy"]
