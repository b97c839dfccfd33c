"""Fill a template: hand-written text, numbers from the records, numbered figures.

A template says ``figure("name", "caption")`` and ``filter with_caption("name", …)``
where they stand and ``see("name")`` where the text speaks of them.
"""

import io
import re
import sys
import traceback

import jinja2
import markupsafe
from PIL import Image

from coursework import paths

import group
import report_figures
import report_numbers
import run_notebooks

TEMPLATES = "reports/templates"
FULL_WIDTH = report_figures.WIDTH * report_figures.DPI  # px of a figure as wide as text
MOST_FIGURES = 6
MADE = {f"reports/Q{number}.{kind}" for number in (1, 2, 3) for kind in ("md", "pdf")}
HEADING = re.compile(r"^(##+) (.+)$", re.MULTILINE)


class Unknown(jinja2.StrictUndefined):
    """What no record holds; to format it says so, too."""

    __format__ = jinja2.StrictUndefined._fail_with_undefined_error


class Text:
    """What a template turns into, for GitHub or for the typesetter.

    Args:
        name: str, of the template: "Q1.md.j2".
        known: dict, as ``report_numbers.read_all`` gives it.
        drawn: dict, file name → bytes, the figures made for the reports.
        for_pages: bool, whether pandoc will read it, which numbers by itself.
    """

    def __init__(self, name, known, drawn, for_pages=False):
        self.name, self.known, self.drawn = name, known, drawn
        self.for_pages = for_pages
        self.numbers, self.seen = {}, None  # key → "Figure 1"; all once it is known
        self.figures, self.doubts = {}, []

    def render(self):
        """The text; twice, since it may speak of a figure before it stands there.

        Raises:
            ValueError: a field that no record holds, or a broken template; the message
                names the template and the line.
        """
        self._fill()
        self.seen, self.numbers = self.numbers, {}
        text = self._fill()
        return text if self.for_pages else _number_headings(text)

    def _fill(self):
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(paths.ROOT / TEMPLATES),
            undefined=Unknown,
            autoescape=self.name.endswith(".html.j2"),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.filters |= report_numbers.FILTERS | {"with_caption": self.table}
        try:
            template = environment.get_template(self.name)
            return template.render(**self.known, **self.own())
        except jinja2.TemplateNotFound:
            path = f"{TEMPLATES}/{self.name}"
            raise FileNotFoundError(
                f"{path} is missing: get it back from git"
            ) from None
        except (jinja2.TemplateError, LookupError, TypeError, ValueError) as error:
            line = _line_of(error, self.name)
            message = str(error).splitlines()[0] if str(error) else repr(error)
            raise ValueError(f"{TEMPLATES}/{self.name}:{line}: {message}") from error

    def own(self):
        """What a template can call."""
        called = {"figure": self.figure, "see": self.see, "claim": self.claim}
        return called | {"n": report_numbers} | report_numbers.GIVEN

    def see(self, key):
        """The number of a figure or table."""
        return "?" if self.seen is None else self.seen[key]

    def figure(self, name, caption):
        """A figure of ``reports/figures`` with its number and caption."""
        number = self._numbered(name, "Figure")
        file = f"{name}.png"
        self.figures[file] = self.picture(file)
        caption = " ".join(caption.split())
        if not self.for_pages:
            plain = re.sub(r"[`*\[\]]|\([^)]*\)", "", caption.split(". ")[0])
            return f"![{plain}](figures/{file})\n\n**{number}.** {caption}"
        share = Image.open(io.BytesIO(self.figures[file])).width / FULL_WIDTH
        share = share if file in self.drawn else 0.8
        return f"![{caption}](figures/{file}){{width={min(share, 1):.0%}}}"

    def picture(self, file):
        """The bytes of a figure: made for the reports, or a notebook's."""
        if file in self.drawn:
            return self.drawn[file]
        path = paths.ROOT / "reports" / "figures" / file
        if not path.is_file():
            advice = "is missing: run make run, whose notebooks make it"
            raise FileNotFoundError(f"{paths.relative(path)} {advice}")
        return path.read_bytes()

    def table(self, rows, key, caption):
        """A table, which ends with a newline, with its number and caption."""
        number = self._numbered(key, "Table")
        caption = " ".join(caption.split())
        if self.for_pages:
            return f"{rows}\n: {caption}\n"
        return f"**{number}.** {caption}\n\n{rows}"

    def _numbered(self, key, kind):
        if key in self.numbers:
            raise ValueError(f"{key} stands there twice")
        count = sum(value.startswith(kind) for value in self.numbers.values())
        self.numbers[key] = f"{kind} {count + 1}"
        if kind == "Figure" and count == MOST_FIGURES:
            raise ValueError(f"more than {MOST_FIGURES} figures")
        return self.numbers[key]

    def claim(self, holds, what):
        """Words that the records bear out; said on stderr when they no longer do."""
        if not holds:
            self.doubts.append(f"{TEMPLATES}/{self.name}: no longer true: {what}")
        return ""


class Page(Text):
    """The web page; its pictures are copied beside it.

    A server shows ``docs/`` alone, so links lead to the repository where ``group.toml``
    names one.
    """

    def own(self):
        notebooks = run_notebooks.all_notebooks()
        called = {"link": self.link, "notebooks": notebooks, "group": group.read()}
        return super().own() | called

    def link(self, path):
        """Where a file or folder of the project is to be seen."""
        if not (paths.ROOT / path).exists() and path not in MADE:
            raise ValueError(f"the page links to {path}, which is missing")
        kind = "tree" if (paths.ROOT / path).is_dir() else "blob"
        repository = group.read().repository
        return f"{repository}/{kind}/main/{path}" if repository else f"../{path}"

    def figure(self, name, caption):
        """A picture with its caption, and its size, so that the page does not jump."""
        file = f"{name}.png"
        self.figures[file] = self.picture(file)
        size = Image.open(io.BytesIO(self.figures[file])).size
        caption = markupsafe.escape(" ".join(caption.split()))
        return markupsafe.Markup(
            '<figure><a href="figures/{}"><img src="figures/{}" width="{}" height="{}" '
            'loading="lazy" alt="{}"></a><figcaption>{}</figcaption></figure>'
        ).format(file, file, *size, caption, caption)


def _line_of(error, name):
    if getattr(error, "lineno", None):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if str(frame.filename).endswith(name)]
    return lines[-1] if lines else "?"


def _number_headings(text):
    """Headings with the numbers that the typesetter gives them."""
    counts = [0, 0]

    def numbered(match):
        level = len(match[1]) - 2
        counts[level] += 1
        counts[level + 1 :] = [0] * (1 - level)
        number = ".".join(map(str, counts[: level + 1]))
        return f"{match[1]} {number} {match[2]}"

    return HEADING.sub(numbered, text)


def warn(doubts):
    """One line for each thing that a text says and the records do not."""
    for doubt in dict.fromkeys(doubts):
        print(doubt, file=sys.stderr)
