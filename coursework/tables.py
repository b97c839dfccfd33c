"""Tables in Markdown, for the notebooks' output and for the READMEs."""


def markdown(columns, rows):
    """A table that GitHub renders.

    Args:
        columns: names of the columns.
        rows: sequences of as many cells; anything that has a str.

    Returns:
        str of several lines.
    """
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
