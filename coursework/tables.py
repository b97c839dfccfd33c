"""Tables in Markdown, for the notebooks' output and for the READMEs."""

RULES = {"": "---", "l": ":---", "r": "---:"}


def markdown(columns, rows, align=""):
    """A table that GitHub renders.

    Args:
        columns: names of the columns.
        rows: sequences of as many cells; anything that has a str.
        align: str, "l" or "r" for each column; empty leaves it to the reader.

    Returns:
        str of several lines.
    """
    rule = [RULES[side] for side in align] or [RULES[""]] * len(columns)
    lines = [columns, rule, *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
