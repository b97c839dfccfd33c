"""Tables that notebooks and READMEs show."""

from coursework.figures import tables


def test_columns_are_aligned_where_asked():
    text = tables.markdown(["a", "b"], [(1, "x"), (2, "y")], align="lr")
    lines = ["| a | b |", "| :--- | ---: |", "| 1 | x |", "| 2 | y |"]
    assert text.splitlines() == lines
    assert tables.markdown(["a", "b"], []).splitlines()[1] == "| --- | --- |"


def test_two_networks_are_paired_by_seed(monkeypatch):
    shown = []
    monkeypatch.setattr(tables, "display", lambda markdown: shown.append(markdown.data))
    first = [{"seed": s, "errors": 2, "wrong": [1, 5 + s]} for s in (0, 1, 2)]
    second = [{"seed": s, "errors": 3, "wrong": [1, 8, 9]} for s in (2, 1)]
    tables.paired(first, second, ("plain", "padded"), images=1000)
    (text,) = shown
    columns, _, *rows = text.splitlines()
    assert columns.endswith("| only plain wrong | only padded wrong | *p* (McNemar) |")
    two, three = "2 (0.055% to 0.726%)", "3 (0.102% to 0.878%)"
    expected = [f"| {seed} | {two} | {three} | 1 | 2 | 1 |" for seed in (1, 2)]
    assert rows == expected


def test_candidates_have_the_errors_of_their_folds(monkeypatch):
    shown = []
    monkeypatch.setattr(tables, "display", lambda markdown: shown.append(markdown.data))

    def trials(*errors):
        same = {"tested": 1000, "parameters": 5000}
        return [{"errors": count} | same for count in errors]

    first = {"base": trials(40), "a": trials(50), "b": trials(20)}
    finals = {"base": trials(42, 44), "b": trials(18, 22)}
    tables.candidates({"trials": first}, {"trials": finals})
    columns, _, *rows = shown[0].splitlines()
    assert "| errors in 1,000 digits, first fold | other two folds |" in columns
    expected = [
        "base | 5,000 | 40 | 42, 44",
        "a | 5,000 | 50 | ",
        "b | 5,000 | 20 | 18, 22",
    ]
    assert rows == [f"| {row} |" for row in expected]
