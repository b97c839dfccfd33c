"""The reports and the web page: what they say is what the records hold."""

import errno
import io
import json
import re

import jinja2
import pypdf
import pytest

from coursework import files, paths
from coursework.data import lines

import build_reports
import report_figures
import report_numbers
import report_pdf
import report_text

REAL = paths.ROOT
DRAWN = report_figures.DRAWN
SOURCES = [  # live.html.j2 has sizes of pixels and of layers, and no measured number
    path
    for path in sorted((paths.ROOT / report_text.TEMPLATES).glob("*.j2"))
    if path.name != "live.html.j2"
]
ALLOWED = re.compile(
    r"""
    Q[123]\b | Question\ [1-3] | Questions\ 1\ and\ 2 | CS671 | Assignment\ 2
    | seed\ 0 | [123]\.2\.[123] | Part\ [1-3] | \([123]\) | \d+×\d+(×\d+)? | \d+°
    | 96(?=\ (classes|outputs)) | [a-z]+[1-5]\b | 6[0]%|40%|70%|95%|100% | 0…1
    | stride\ [12] | 32\ filters | 1,024\ units | Seeds\ are\ 0,\ 1\ and\ 2
    | \d(:\d+){3} | L2(\ 0\.001)? | dropout\ 0\.25 | Keras\ 3 | 0\ for\ short
    | 1\ for\ long | with\ 100\ images
    """,
    re.VERBOSE,
)


@pytest.fixture(scope="module")
def known():
    return report_numbers.read_all()


@pytest.fixture(scope="module")
def drawn(known):
    return report_figures.draw_all(known)


@pytest.fixture(scope="module")
def built(known, drawn):
    """All texts and PDFs as the records have them now: path → bytes."""
    doubts, made = [], {}
    for name in build_reports.REPORTS:
        made |= build_reports.report(name, known, drawn, doubts)
    made |= build_reports.page(known, drawn, doubts)
    assert doubts == []
    return made


def pages_of(content):
    """The text of each page of a PDF."""
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]


class TestNumbers:
    """No number is typed by hand."""

    @pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
    def test_a_template_types_no_number_but_names_and_sizes(self, source):
        text = re.sub(r"(?s)<head>.*?</head>", "", source.read_text())
        tokens = jinja2.Environment().lex(re.sub(r"</?h\d[^>]*>", "", text))
        written = [t for _, kind, t in tokens if kind in ("data", "string")]
        for part in written:
            words = re.sub(r'\]\([^)]*\)|href=\S+|^"[\w./:]+"$', "", part)
            left = ALLOWED.sub("", words)
            assert not re.search(r"\d", left), re.findall(r".{20}\d.{10}", left)

    def test_texts_and_tables_are_those_of_the_records(self, built):
        for name, content in built.items():
            if name.endswith((".md", ".html")):
                assert (paths.ROOT / name).read_bytes() == content, name

    @pytest.mark.parametrize("name", build_reports.REPORTS)
    def test_a_pdf_says_what_the_records_say(self, name, built):
        content = built[f"reports/{name}.pdf"]
        committed = (paths.ROOT / "reports" / f"{name}.pdf").read_bytes()
        assert pages_of(content) == pages_of(committed)
        text = " ".join(pages_of(content))
        assert "Figure 1." in text
        assert text.count("Figure 6. ") <= 1
        assert "Figure 7." not in text

    def test_an_architecture_is_that_of_the_brief(self):
        found = report_numbers.architecture("plain_lines")
        assert found == ["7×7, 32 R N P", "1,024 R → 96 S"]


class TestPdf:
    def test_its_fonts_are_embedded(self, built):
        page = pypdf.PdfReader(io.BytesIO(built["reports/Q1.pdf"])).pages[0]
        for font in page["/Resources"]["/Font"].values():
            below = font.get_object()["/DescendantFonts"][0].get_object()
            descriptor = below["/FontDescriptor"].get_object()
            assert {"/FontFile2", "/FontFile3"} & set(descriptor)

    def test_the_same_bytes_from_build_to_build(self, built, known, drawn):
        again = build_reports.report("Q2", known, drawn, [])
        assert all(built[name] == content for name, content in again.items())

    def test_a_figure_is_the_same_each_time(self, known, drawn, monkeypatch):
        only = {"report_probes": DRAWN["report_probes"]}
        monkeypatch.setattr(report_figures, "DRAWN", only)
        again = report_figures.draw_all(known)
        assert again == {"report_probes.png": drawn["report_probes.png"]}


class TestPage:
    """That its links to files lead somewhere is among the requirements of the brief."""

    @pytest.fixture
    def page(self):
        return (paths.ROOT / build_reports.PAGE).read_text(encoding="utf-8")

    def test_every_anchor_is_there(self, page):
        targets = set(re.findall(r'href="#([^"]*)"', page))
        assert targets
        assert targets <= set(re.findall(r' id="([^"]+)"', page))

    def test_nothing_from_another_host(self, page):
        assert not re.search(r'src="(https?:)?//|@import|url\(', page)
        assert 'name="viewport"' in page

    def test_pictures_are_few_and_small(self):
        sizes = [p.stat().st_size for p in (paths.ROOT / "docs").rglob("*.png")]
        assert sum(sizes) < 1_000_000


class TestBadInput:
    """One clear line, exit status 2, and nothing is written."""

    @pytest.fixture
    def project(self, sandbox, monkeypatch):
        """A project of links to the real files, any of which may be replaced."""
        monkeypatch.setattr(report_figures, "DRAWN", {})
        for name in ("models", "reports"):
            for path in (REAL / name).rglob("*"):
                if path.is_file():
                    link = sandbox / path.relative_to(REAL)
                    link.parent.mkdir(parents=True, exist_ok=True)
                    link.symlink_to(path)
        return sandbox

    @pytest.fixture
    def refused(self, project, capsys):
        def written():
            found = (path for path in project.rglob("*") if path.is_file())
            return {path: path.stat().st_mtime_ns for path in found}

        def check(expected):
            before = written()
            assert build_reports.main() == 2
            said = capsys.readouterr().err
            assert re.fullmatch(f".*{expected}.*\n", said), said
            assert written() == before

        return check

    def replace(self, path, content):
        path.unlink()
        path.write_bytes(content)

    @pytest.mark.parametrize("name", ["plain_mnist", "activations", "variations_mnist"])
    def test_a_missing_record(self, name, project, refused):
        (project / "models" / f"{name}.json").unlink()
        refused(rf"models/{name}\.json is missing: run Q\d/")

    def test_a_record_that_does_not_match_its_model(self, project, refused):
        path = project / "models" / "tuned_lines.keras"
        self.replace(path, path.read_bytes()[:-1])
        refused("not the network that tuned_lines.json describes")

    @pytest.mark.parametrize(
        ("name", "field", "figure"),
        [
            ("activations", "probes", "report_probes"),
            ("map_tests", "pointing", "report_map_tests"),
            ("plain_lines", "f1", "report_f_scores"),
        ],
    )
    def test_a_record_without_a_field(
        self, name, field, figure, project, refused, monkeypatch
    ):
        path = project / "models" / f"{name}.json"
        record = json.loads(path.read_text(encoding="utf-8"))
        (record["test"] if field == "f1" else record).pop(field)
        self.replace(path, json.dumps(record).encode())
        monkeypatch.setattr(report_figures, "DRAWN", {figure: DRAWN[figure]})
        refused(f"models/{name}.json lacks '{field}'")

    def test_a_study_of_other_lines(self, project, refused):
        path = project / "models" / "activations.json"
        content = path.read_bytes().replace(lines.SHA256.encode(), b"0" * 64)
        self.replace(path, content)
        refused("not made on the data of this project: run Q3/1_activations")

    @pytest.mark.parametrize("name", ["maps_of_nothing", "report_probes"])
    def test_a_missing_figure(self, name, project, refused):
        (project / "reports" / "figures" / f"{name}.png").unlink(missing_ok=True)
        text = f'# T\n\n{{{{ figure("{name}", "A caption.") }}}}\n'
        self.replace(project / report_text.TEMPLATES / "Q1.md.j2", text.encode())
        refused(rf"reports/figures/{name}\.png is missing: run make run")

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("{{ plain_lines.test.luck }}", "has no attribute 'luck'"),
            ("{{ plain_lines.luck | percent }}", "has no attribute 'luck'"),
            ("{{ n.fortune(plain_lines) }}", "has no attribute 'fortune'"),
            ("{{ plain_line }}", "'plain_line' is undefined"),
            ("{{ see('nothing') }}", "'nothing'"),
            ("{{ plain_lines.test", "unexpected end"),
        ],
    )
    def test_a_template_with_an_unknown_field(self, text, expected, project, refused):
        template = project / report_text.TEMPLATES / "Q1.md.j2"
        self.replace(template, f"# T\n\n{text}".encode())
        refused(rf"reports/templates/Q1\.md\.j2:3: .*{expected}")

    def test_a_missing_template(self, project, refused):
        (project / report_text.TEMPLATES / "Q1.md.j2").unlink()
        refused(r"reports/templates/Q1\.md\.j2 is missing")

    def test_a_folder_of_reports_that_is_read_only(self, refused, monkeypatch):
        def denied(source, target):
            raise PermissionError(errno.EACCES, "Permission denied")

        built = {"reports/Q1.md": b""}
        monkeypatch.setattr(build_reports, "build", lambda: (built, []))
        monkeypatch.setattr(files.os, "replace", denied)
        refused(r"cannot write reports/Q1\.md: Permission denied; make room or make")

    def test_text_that_the_typesetter_does_not_take(self):
        with pytest.raises(ValueError, match=r"report\.typ: typst says"):
            report_pdf.make("![A](figures/none.png)", "T", {})

    def test_a_claim_that_no_longer_holds_is_told(self, known, capsys):
        text = report_text.Text("Q1.md.j2", known, {})
        text.claim(1 > 2, "one is more than two")
        report_text.warn(text.doubts)
        assert "no longer true: one is more than two" in capsys.readouterr().err
