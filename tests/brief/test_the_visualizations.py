"""Sections 3.2 and 3.3 of the brief: activations, filters, heatmaps, the command."""

import json
import re
import runpy
import sys

import numpy as np
import pytest
from keras import layers

from coursework import paths, records, visualize
from coursework.data import splits

IMAGES = 6
GIVEN = {"--image": str(paths.ROOT / "Q3/examples/line.png"), "--layer": "conv1"}
MAPS = {  # network → figure
    **dict.fromkeys(("plain_lines", "tuned_lines"), "maps_lines"),
    **dict.fromkeys(("plain_mnist", "tuned_mnist"), "maps_digits"),
    "four_head_lines": "maps_four_heads",
}
SECTIONS = {"activations": r"(?<!class )activation", "filters": "filter", "maps": "map"}


@pytest.fixture(params=records.NOTEBOOKS)
def name(request):
    return request.param


@pytest.fixture
def images(dataset):
    test = splits.split(dataset.classes).test
    return dataset.images[test[:: len(test) // IMAGES][:IMAGES]]


@pytest.fixture
def convolutions(network):
    return [x for x in network.layers if isinstance(x, layers.Conv2D)]


def figures(pattern, least=1):
    """The evidence that there are so many figures of a pattern."""
    found = list((paths.ROOT / "reports" / "figures").glob(f"{pattern}.png"))
    assert len(found) >= least, f"{len(found)} figures {pattern}.png, not {least}"
    return f"figures {pattern}.png: {len(found)}"


def test_3_2_1_activations(name, network, images, evidence):
    """Activations of the layers for 6 images"""
    made = visualize.activations(network, images)
    assert len(made) == len(network.layers) - 1  # all but the input
    evidence(f"{len(made)} layers; {figures(f'activations_{name}_*', IMAGES)}")


def test_3_2_2_filters(name, convolutions, evidence):
    """Filters of the layers"""
    drawn = records.read_study("filters", paths.ROOT / "models")["filters"][name]
    for layer in convolutions:
        assert drawn[layer.name]["filters"] == layer.filters
        figures(f"filters_{name}_{layer.name}")
    evidence(figures(f"filters_{name}_*", len(convolutions)))


def test_3_2_2_from_a_blank_image(network, convolutions, evidence):
    """Maximizes a filter's response from a blank image"""
    layer = convolutions[0].name
    found = visualize.filters(network, layer, units=range(4), steps=20, background=0)
    risen = (found.after > found.before).sum()
    assert risen == 4, f"{risen} of 4 responses rise"
    evidence(f"{layer}: {found.before.mean():.2f} → {found.after.mean():.2f}")


def test_3_2_3_heatmaps(name, network, images, evidence):
    """Heatmaps of class activations for 6 images"""
    for head in network.output_names:
        maps = visualize.class_activation_maps(network, images, head=head).maps
        assert maps.shape == images.shape[:3]
        assert np.isfinite(maps).all()
        assert maps.any(), f"all maps of {head} are blank"
    evidence(figures(MAPS[name], 1))


@pytest.mark.parametrize("options", ["--image", "--layer", "--image --layer"])
def test_3_3_command(options, tmp_path, monkeypatch, evidence):
    """Takes an image or a layer's name or both"""
    words = [word for option in options.split() for word in (option, GIVEN[option])]
    words += ["--out", str(tmp_path), str(paths.ROOT / "models" / "tuned_lines.keras")]
    script = str(paths.ROOT / "Q3" / "visualize.py")
    monkeypatch.setattr(sys, "argv", [script, *words])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(script, run_name="__main__")
    assert stopped.value.code == 0, f"exit status {stopped.value.code}"
    made = json.loads((tmp_path / "summary.json").read_text("utf-8"))["files"]
    wanted = {"activations": "--image" in options, "filters": options == "--layer"}
    for kind, expected in wanted.items():
        assert any(kind in file for file in made) == expected, f"only {made}"
    assert all((tmp_path / file).is_file() for file in made)
    evidence(f"{len(made)} pictures, {made[0]} the first")


@pytest.mark.parametrize("part", SECTIONS)
def test_3_3_inference(part, evidence):
    """What was learned, from the initial layers to the last"""
    text = (paths.ROOT / "reports" / "Q3.md").read_text("utf-8")
    sections = [s.partition("\n") for s in re.split(r"^## ", text, flags=re.MULTILINE)]
    found = [s for s in sections if re.search(SECTIONS[part], s[0], re.IGNORECASE)]
    assert found, f"reports/Q3.md has no section on {part}"
    for layer in (r"\b(first|initial|early)\b", r"\b(last|final|output)"):
        assert re.search(layer, found[0][2]), f"nothing of {layer} in “{found[0][0]}”"
    evidence(f"reports/Q3.md, “{found[0][0]}”")
