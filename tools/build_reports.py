"""Build what is read: the READMEs' tables, the reports, the web page.

    python tools/build_reports.py

All numbers come from ``models/*.json``. A README marks a table's place with
``<!-- results -->`` before and ``<!-- end -->`` after; reports and page are templates
in ``reports/templates``. Nothing is written unless everything could be built.
"""

import json
import re
import sys

from coursework import files, paths

import build_live
import group
import readme_tables
import report_figures
import report_numbers
import report_pdf
import report_text

READMES = (
    *("README.md", "Q1/README.md", "Q2/README.md", "Q3/README.md"),
    *("data/README.md", "models/README.md"),
)
REPORTS = ("Q1", "Q2", "Q3")
PAGE = "docs/index.html"
CITATION = "CITATION.cff"
BLOCK = re.compile(r"<!-- (?!end)(\w+) -->\n.*?<!-- end -->", re.DOTALL)
TITLE = re.compile(r"\A# (.+)\n")


def main():
    """Build all; 0 is success, 2 something missing or wrong, said in one line."""
    try:
        built, doubts = build()
        for name, content in built.items():
            files.write_bytes(paths.ROOT / name, content)
    except (OSError, ValueError) as error:
        print(files.one_line(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; every file is whole", file=sys.stderr)
        return 130
    report_text.warn(doubts)
    print(f"built {', '.join(name for name in built if not name.endswith('.png'))}")
    return 0


def build():
    """Everything, in memory.

    Returns:
        dict, path from the root → bytes; and list of claims that no longer hold.

    Raises:
        OSError, ValueError: something is missing or wrong.
    """
    ours = group.read()
    known = report_numbers.read_all()
    drawn = report_figures.draw_all(known)
    built = {f"reports/figures/{name}": drawing for name, drawing in drawn.items()}
    doubts = []
    for name in REPORTS:
        built |= report(name, known, drawn, doubts)
    built |= page(known, drawn, doubts)
    built |= build_live.build()
    built |= {name: filled(name).encode() for name in READMES}
    built[CITATION] = citation(ours).encode()
    return built, doubts


def report(name, known, drawn, doubts):
    """A report in Markdown and as PDF: path → bytes."""
    for_github = report_text.Text(f"{name}.md.j2", known, drawn)
    markdown = for_github.render()
    doubts += for_github.doubts
    for_pages = report_text.Text(f"{name}.md.j2", known, drawn, for_pages=True)
    text = for_pages.render()
    title = TITLE.match(text)
    if not title:
        raise ValueError(f"{report_text.TEMPLATES}/{name}.md.j2 begins without a title")
    line = byline(group.read())
    pdf = report_pdf.make(text[title.end() :], title[1], for_pages.figures, line)
    if line:
        escaped = re.sub(r"([\\`*_<>\[\]])", r"\\\1", line)
        markdown = markdown.replace("\n", f"\n\n{escaped}\n", 1)
    return {f"reports/{name}.md": markdown.encode(), f"reports/{name}.pdf": pdf}


def byline(ours):
    """Who wrote a report, as far as ``group.toml`` says so, one line of text."""
    number = f"Group {ours.number}" if ours.number else ""
    parts = (number, ", ".join(ours.members), ours.repository)
    return " · ".join(part for part in parts if part)


def citation(ours):
    """``CITATION.cff`` with the group's members and repository, str."""
    text = (paths.ROOT / CITATION).read_text(encoding="utf-8")
    names = [json.dumps(name, ensure_ascii=False) for name in ours.members]
    authors = "".join(f"  - name: {name}\n" for name in names or ["The authors"])
    text = re.sub(
        r"^authors:\n(  .*\n)+", lambda _: f"authors:\n{authors}", text, flags=re.M
    )
    text = re.sub(r"^repository-code: .*\n", "", text, flags=re.M)
    code = f'repository-code: "{ours.repository}"\n' if ours.repository else ""
    return text.replace("license: MIT\n", f"license: MIT\n{code}")


def page(known, drawn, doubts):
    """The web page and the pictures that it shows: path → bytes."""
    text = report_text.Page("index.html.j2", known, drawn)
    html = text.render()
    doubts += text.doubts
    pictures = {f"docs/figures/{name}": data for name, data in text.figures.items()}
    return {PAGE: html.encode(), **pictures}


def filled(name):
    """The text of a README with its tables as the records have them now."""
    text = (paths.ROOT / name).read_text(encoding="utf-8")
    return BLOCK.sub(_fill, text)


def _fill(match):
    block = match.group(1)
    known = readme_tables.TABLES
    if block not in known:
        raise ValueError(f"no table named {block}; there are: {', '.join(known)}")
    return f"<!-- {block} -->\n{known[block]()}\n<!-- end -->"


if __name__ == "__main__":
    sys.exit(main())
