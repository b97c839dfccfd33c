"""Tables in Markdown, for the notebooks' output and for the READMEs."""


def markdown(columns, rows, align=""):
    """A table that GitHub renders.

    Args:
        columns: names of the columns.
        rows: sequences of as many cells; anything that has a str.
        align: str, a letter a column, "r" for those that stand on the right.

    Returns:
        str of several lines.
    """
    sides = align.ljust(len(columns), "l")
    rule = ["---:" if side == "r" else "---" for side in sides]
    lines = [columns, rule, *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
