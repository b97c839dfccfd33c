"""A report's Markdown as PDF: pandoc makes typst of it, typst sets the pages.

Both come as Python wheels. The same text and figures give the same bytes.
"""

import json
import pathlib
import tempfile

import pypandoc
import typst

from coursework import paths

TEMPLATE = "reports/templates/report.typ"


def make(text, title, figures, byline=""):
    """Set a report.

    Args:
        text: str, Markdown without its title; figures are ``figures/NAME``.
        title: str.
        figures: dict, file name → bytes of a PNG.
        byline: str, below the title.

    Returns:
        The bytes of a PDF.

    Raises:
        FileNotFoundError: the template is missing.
        ValueError: pandoc or typst does not take the template or the text.
    """
    template = paths.ROOT / TEMPLATE
    if not template.is_file():
        raise FileNotFoundError(f"{TEMPLATE} is missing: get it back from git")
    options = [f"--template={template}", f"--variable=title={title}", "--wrap=none"]
    if byline:  # as a string of typst's, in which no character is markup
        options.append(f"--variable=byline={json.dumps(byline, ensure_ascii=False)}")
    options += ["--shift-heading-level-by=-1", "--columns=10000"]
    try:
        source = pypandoc.convert_text(text, "typst", "markdown", extra_args=options)
    except RuntimeError as error:
        raise ValueError(f"{TEMPLATE}: pandoc says: {error}") from error
    with tempfile.TemporaryDirectory() as folder:
        return _set(source, figures, pathlib.Path(folder))


def _set(source, figures, folder):
    (folder / "figures").mkdir()
    for name, picture in figures.items():
        (folder / "figures" / name).write_bytes(picture)
    main = folder / "report.typ"
    main.write_text(source, encoding="utf-8")
    try:
        return typst.compile(main, root=folder, ignore_system_fonts=True, timestamp=0)
    except typst.TypstError as error:
        raise ValueError(f"{TEMPLATE}: typst says: {error}") from error
