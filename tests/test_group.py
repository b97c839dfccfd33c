"""group.toml: what is filled in is used everywhere; what is wrong is named."""

import io
import re
import tomllib

import pypdf
import pytest

from coursework import paths

import build_reports
import group
import report_numbers
import report_text

PROJECT = paths.ROOT
FILLED = """
number = 13
members = ["Ada Lovelace", "Renée <Alan> Turing"]
repository = "https://github.com/ada/cnns/"
video = "https://youtu.be/abc"
assignment_1 = "https://github.com/ada/lines"
"""
ADA = group.Group(
    "13",
    ("Ada Lovelace", "Renée <Alan> Turing"),
    "https://github.com/ada/cnns",
    "https://youtu.be/abc",
    "https://github.com/ada/lines",
)


@pytest.fixture
def write(sandbox):
    return lambda text: (sandbox / group.FILE).write_text(text, encoding="utf-8")


def test_the_file_of_the_project_has_every_field_and_is_right():
    text = (PROJECT / group.FILE).read_text(encoding="utf-8")
    assert list(tomllib.loads(text)) == list(group.Group._fields)
    group.read()


def test_what_is_filled_in_is_read(write):
    assert group.read() == group.Group()  # without a file
    write(FILLED)
    assert group.read() == ADA


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('team = "13"', "no field 'team'; expected number, members, repository"),
        ("number = 1.5", "number is 1.5; expected letters"),
        ("number = true", "number is True; expected letters"),
        ('number = "../13"', "number is '../13'; expected letters"),
        ('members = "Ada"', "members is 'Ada'; expected names, "),
        ("members = [1]", "members is [1]; expected names, "),
        ('members = [" "]', "members is [' ']; expected names, "),
        ("video = []", "video is []; expected text in quotes"),
        ('video = "youtu.be/abc"', "video is 'youtu.be/abc'; expected an address"),
        ('repository = "https://"', "repository is 'https://'; expected an address"),
        ('repository = "http://[a.b"', "repository is 'http://[a.b'; expected an"),
        ('assignment_1 = "ftp://a.b"', "assignment_1 is 'ftp://a.b'; expected an"),
        ("number = ", "is not TOML: "),
    ],
)
def test_what_is_wrong_is_named(write, text, said):
    write(text)
    with pytest.raises(ValueError, match=re.escape(said)) as refused:
        group.read()
    assert str(refused.value).startswith("group.toml")


def test_the_reports_command_says_so_in_one_line(write, capsys):
    write('team = "13"')
    assert build_reports.main() == 2
    assert re.fullmatch(r"group\.toml: no field 'team'.*\n", capsys.readouterr().err)


class TestFilledIn:
    """What each place shows; the pages of the project itself stay as they are."""

    @pytest.fixture(autouse=True)
    def ada(self, monkeypatch):
        monkeypatch.setattr(group, "read", lambda: ADA)

    def test_the_links_of_the_page_lead_to_the_repository(self):
        page = report_text.Page("index.html.j2", {}, {})
        assert page.link("coursework") == f"{ADA.repository}/tree/main/coursework"
        assert page.link("README.md") == f"{ADA.repository}/blob/main/README.md"

    def test_the_page_names_the_group_and_links_to_its_things(self):
        known = report_numbers.read_all()
        page = report_text.Page("index.html.j2", known, {})
        page.figure = lambda *words: ""
        text = page.render()
        assert "<p>Group 13: Ada Lovelace, Renée &lt;Alan&gt; Turing</p>" in text
        assert f'href="{ADA.video}"' in text
        assert f'href="{ADA.assignment_1}"' in text
        assert 'href="../' not in text

    def test_a_report_names_its_authors(self, monkeypatch):
        text = "# A title\n\nText.\n"
        monkeypatch.setattr(report_text.Text, "render", lambda self: text)
        made = build_reports.report("Q1", {}, {}, [])
        line = r"Group 13 · Ada Lovelace, Renée \<Alan\> Turing · https://github"
        assert made["reports/Q1.md"].decode().startswith(f"# A title\n\n{line}")
        page = pypdf.PdfReader(io.BytesIO(made["reports/Q1.pdf"])).pages[0]
        assert "Group 13 · Ada Lovelace, Renée <Alan> Turing" in page.extract_text()

    def test_the_citation_names_them_and_forgets_them_again(self, sandbox):
        empty = (PROJECT / build_reports.CITATION).read_text(encoding="utf-8")
        path = sandbox / build_reports.CITATION
        path.write_text(empty, encoding="utf-8")
        filled = build_reports.citation(ADA)
        assert '\n  - name: "Ada Lovelace"\n  - name: "Renée <Alan> Turing"\n' in filled
        assert f'\nrepository-code: "{ADA.repository}"\n' in filled
        path.write_text(filled, encoding="utf-8")
        assert build_reports.citation(ADA) == filled
        assert build_reports.citation(group.Group()) == empty
