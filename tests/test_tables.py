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


def test_candidates_are_compared_where_all_folds_were_tried(monkeypatch):
    shown = []
    monkeypatch.setattr(tables, "display", lambda markdown: shown.append(markdown.data))

    def trials(*errors):
        same = {"tested": 1000, "parameters": 5000}
        return [{"errors": count} | same for count in errors]

    first = {"base": trials(40), "a": trials(50), "b": trials(20)}
    finals = {"base": trials(42, 44), "b": trials(18, 22)}
    tables.candidates(
        {"seeds": [0], "trials": first}, {"seeds": [1, 2], "trials": finals}
    )
    columns, _, base, a, b = shown[0].splitlines()
    assert "| errors of 1,000, each fold |" in columns
    assert base == "| base | 5,000 | 40, 42, 44 |  |"
    assert a == "| a | 5,000 | 50 |  |"
    assert b.startswith("| b | 5,000 | 20, 18, 22 | 0.48× (")
