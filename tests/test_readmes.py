"""What a README tells the reader to type works."""

import re

import numpy as np

from coursework import paths
from coursework.visualize import command, drawing

TEXT = (paths.ROOT / "Q3" / "README.md").read_text(encoding="utf-8")


def test_the_functions_do_what_the_readme_says(monkeypatch):
    monkeypatch.chdir(paths.ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    made = {}
    exec(compile(code, "Q3/README.md", "exec"), made)
    assert made["activations"]["conv1"].shape == (1, 28, 28, 16)
    assert made["maps"].maps.shape == (1, 28, 28)
    assert 0 < made["maps"].scaled().max() <= 1
    assert made["filters"].images.shape == (8, 28, 28, 3)
    assert np.isin(made["filters"].statuses, ["ok", "dead", "saturated"]).all()


def test_the_commands_of_the_readme_are_understood(monkeypatch, tmp_path):
    """Their models, images, layers and options exist; the pictures are left out."""
    monkeypatch.chdir(paths.ROOT)
    lines = re.findall(r"^\.venv/bin/python Q3/visualize\.py (models/.*)$", TEXT, re.M)
    assert len(lines) == 4
    planned = []
    monkeypatch.setattr(drawing.Page, "of_image", lambda *a: planned.append(a) or {})
    monkeypatch.setattr(drawing.Page, "of_layer", lambda *a: planned.append(a) or {})
    for line in lines:
        assert command.main([*line.split(), "--out", str(tmp_path)]) == 0, line
    assert len(planned) == 3
