"""Sections 1.3, 2.4 and 3.4: code, models, and what the reports must contain."""

import functools
import re

from coursework import paths, records

from brief import FailedError, Requirement, evidence, need

PAGES = (3, 4)
TRAINING = {  # the notebooks that train a question's networks
    "Q1": ("Q1/2_plain_cnn.ipynb", "Q1/3_tuned_cnn.ipynb"),
    "Q2": ("Q2/1_four_head_network.ipynb",),
}
VARIED = {"Q1": "Q1/3_tuned_cnn.ipynb", "Q2": "Q2/1_four_head_network.ipynb"}
IN_REPORTS = {  # how a report speaks of each deliverable
    "Learning curves": r"learning curve",
    "F-scores": r"F-?score",
    "Confusion matrix": r"confusion",
    "Variations": r"variation",
    "Inferences": r"inference",
}
PARTS = {  # of question 3: how a heading of the report names each
    "1: activations": r"(?<!class )activation(?! map)",
    "2: filters": r"filter",
    "3: heatmaps of class activations": r"heat ?map|class activation|activation map",
}
FROM_FIRST_TO_LAST = (r"\b(first|initial|early|earliest)\b", r"\b(last|final|output)\b")


def code(question):
    names = evidence.notebooks(question)
    need(names, f"{question}/ has no notebook")
    for name in names:
        evidence.read_notebook(name)
    return f"{', '.join(names)}: executed in full, from this source, without an error"


def models(question):
    names = [n for n, made in records.NOTEBOOKS.items() if made.startswith(question)]
    told = [f"{n} ({evidence.network(n)[1]['dataset']['name']})" for n in names]
    return f"{', '.join(told)}: loaded, each fits its record"


def report_pages(question):
    path = paths.ROOT / "reports" / f"{question}.pdf"
    need(path.is_file(), f"reports/{question}.pdf is missing")
    pages = count_pages(path)
    low, high = PAGES
    need(low <= pages <= high, f"reports/{question}.pdf has {pages} pages")
    return f"reports/{question}.pdf: {pages} pages"


def count_pages(path):
    """The pages of a PDF (FailedError if it is none)."""
    import pypdf  # only here: all else can be checked without it
    from pypdf import errors

    try:
        return len(pypdf.PdfReader(path).pages)
    except errors.PyPdfError as error:
        raise FailedError(f"{path.name} is not a whole PDF: {error}") from error


def in_report(question, deliverable):
    """Where a report's page speaks of a deliverable, or shows it."""
    name = f"reports/{question}.md"
    text = evidence.read_page(name)
    found = re.findall(IN_REPORTS[deliverable], text, re.IGNORECASE)
    need(found, f"{name} says nothing of {deliverable.lower()}")
    shown = [
        picture
        for picture in evidence.shown_pictures(name)
        if re.search(IN_REPORTS[deliverable].replace(" ", "[ _]"), picture, re.I)
    ]
    drawn = deliverable in ("Learning curves", "Confusion matrices")
    need(shown or not drawn, f"{name} shows no figure of {deliverable.lower()}")
    return f"{name}: named {len(found)}×, figures: {len(shown)}"


def learning_curves(question):
    for name in evidence.NETWORKS:
        record = evidence.network(name)[1]
        if record["question"] != question:
            continue
        missing = {"loss", "val_loss"} - set(record["history"])
        need(not missing, f"the record of {name} has no history of {missing}")
        kept = any(key.endswith("accuracy") for key in record["history"])
        need(kept, f"the record of {name} has no history of the accuracy")
    return shown_in_notebooks(question, "Learning curves", pictures=1)


def shown_in_notebooks(question, heading, pictures=0, tables=0):
    """A section of the training notebooks with so many pictures and tables at least."""
    told = []
    varied = heading == "Variations"
    for name in [VARIED[question]] if varied else TRAINING[question]:
        section = evidence.sections(name).get(heading)
        need(section, f"{name} has no section {heading}")
        what = f"{name}, {heading}"
        need(section.pictures >= pictures, f"{what}: {section.pictures} pictures")
        need(section.tables >= tables, f"{what}: {section.tables} tables")
        need(section.text, f"{what}: no word")
        told.append(f"{name} (pictures: {section.pictures}, tables: {section.tables})")
    return f"{', '.join(told)}; {in_report(question, heading)}"


def inference_of_each_part(heading_pattern):
    """The report's sections on a part of question 3, from the first layers to the last.

    Raises:
        FailedError: there are none, or they do not go from first to last.
    """
    name = "reports/Q3.md"
    text = _sections_on(evidence.read_page(name), heading_pattern)
    need(text, f"{name} has no section on it")
    for end in FROM_FIRST_TO_LAST:
        need(re.search(end, text, re.I), f"{name} does not tell of the {end} layers")
    words = len(text.split())
    need(words >= 50, f"{name} has only {words} words on it")
    return f"{name}: {words} words, from the first layers to the last"


def _sections_on(text, heading_pattern):
    """What stands under the headings that match, and under those below them."""
    found, level = [], 0
    for line in text.splitlines():
        heading = re.match(r"(#{2,}) (.*)", line)
        if heading and (not level or len(heading.group(1)) <= level):
            matches = re.search(heading_pattern, heading.group(2), re.IGNORECASE)
            level = len(heading.group(1)) if matches else 0
        elif level:
            found.append(line)
    return "\n".join(found)


def visualizations_in_report():
    name = "reports/Q3.md"
    shown = evidence.shown_pictures(name)
    text, told = evidence.read_page(name), []
    for part, heading_pattern in PARTS.items():
        count = len(evidence.PICTURE.findall(_sections_on(text, heading_pattern)))
        need(count, f"{name} shows no figure in part {part}")
        told.append(f"{count} in part {part}")
    return f"{name} shows {len(shown)} figures: {', '.join(told)}"


partial = functools.partial


def _of_trained(section, question):
    """The requirements of 1.3 or of 2.4, which are the same."""
    shown = partial(shown_in_notebooks, question)
    checks = {
        "Code": partial(code, question),
        "Models" if question == "Q1" else "Model": partial(models, question),
        "A report of 3–4 pages": partial(report_pages, question),
        "Learning curves (accuracy and loss)": partial(learning_curves, question),
        "F-scores": partial(shown, "F-scores", pictures=1, tables=1),
        "Confusion matrices": partial(shown, "Confusion matrix", pictures=1),
        "Variations tried": partial(shown, "Variations", pictures=1, tables=1),
        "Inferences": partial(shown, "Inferences"),
    }
    return [Requirement(section, text, check) for text, check in checks.items()]


REQUIREMENTS = [
    *_of_trained("1.3", "Q1"),
    *_of_trained("2.4", "Q2"),
    *(
        Requirement(
            *("3.3 (2)", f"A report with inference for part {part}"),
            partial(inference_of_each_part, pattern),
        )
        for part, pattern in PARTS.items()
    ),
    Requirement("3.4", "Code for the task", partial(code, "Q3")),
    Requirement("3.4", "A report of 3–4 pages", partial(report_pages, "Q3")),
    Requirement("3.4", "Network visualization in it", visualizations_in_report),
]
