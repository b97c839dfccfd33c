"""Sections 3.2.1 to 3.3: the three kinds of pictures, and the command for them."""

import functools
import json
import pathlib
import subprocess
import sys
import tempfile

import keras
import numpy as np

from coursework import lines, mnist, paths, splits, visualize

from brief import Requirement, evidence, need

LEAST_IMAGES = 6
ACTIVATIONS, FILTERS, MAPS = (
    *("Q3/1_activations.ipynb", "Q3/2_filters.ipynb"),
    "Q3/3_class_activation_maps.ipynb",
)
CLIMBED = "tuned_lines", "conv2"  # where the ascent is tried
MODEL, IMAGE, LAYER = "models/four_head_lines.keras", "Q3/examples/line.png", "conv1"


def some_images(name):
    """Six test images that a network takes; small digits where MNIST is not."""
    if name in evidence.LINE_NETWORKS:
        data = evidence.line_data()
    else:
        data = evidence.digit_data() or mnist.stand_in()
    test = splits.split(data.classes).test
    return data.images[test[:: len(test) // LEAST_IMAGES][:LEAST_IMAGES]]


def count_shown(notebook, name):
    """How many images a notebook shows of a network (FailedError if below six)."""
    on_lines = name in evidence.LINE_NETWORKS
    for group in ("LINE_NETWORKS", "DIGIT_NETWORKS"):
        if on_lines == (group == "LINE_NETWORKS"):
            shown = evidence.configured(notebook, group)
            need(name in shown, f"{notebook} does not show {name}")
    constant = "SHOWN_LINES" if on_lines else "SHOWN_DIGITS"
    count = len(set(evidence.configured(notebook, constant)))
    need(count >= LEAST_IMAGES, f"{notebook} shows {count} images of {name}")
    return count


def activations(name):
    count = count_shown(ACTIVATIONS, name)
    evidence.need_figure(f"activations_{name}.png")
    sheets = evidence.figures(f"activations_{name}_*.png")
    need(len(sheets) >= LEAST_IMAGES, f"{len(sheets)} sheets activations_{name}_*.png")
    made = visualize.activations(evidence.network(name)[0], some_images(name))
    layers = len(evidence.network(name)[0].layers) - 1  # without the input
    need(len(made) == layers, f"{len(made)} of {layers} layers have activations")
    return (
        f"{ACTIVATIONS} shows {count} images, {len(sheets)} sheets of all channels; "
        f"made here of all {layers} layers for {LEAST_IMAGES} images"
    )


def filters(name):
    """Each filter of each convolution must be in a picture and in the notebook's count.

    Raises:
        FailedError: one is not.
    """
    evidence.read_notebook(FILTERS)
    drawn = json.loads(evidence.read_page("models/filters.json"))["filters"][name]
    told = []
    for layer in evidence.network(name)[0].layers:
        if isinstance(layer, keras.layers.Conv2D):
            evidence.need_figure(f"filters_{name}_{layer.name}.png")
            found = drawn.get(layer.name, {}).get("filters")
            wanted = layer.filters
            need(found == wanted, f"{layer.name}: {found} filters drawn of {wanted}")
            told.append(f"{layer.name} {found}")
    return f"filters_{name}_*.png, pictures of every filter: {', '.join(told)}"


def gradient_ascent():
    name, layer = CLIMBED
    network = evidence.network(name)[0]
    found = visualize.filters(network, layer, units=range(8), steps=30, blank=0)
    higher = int((found.after > found.before).sum())
    need(higher == len(found.units), f"{higher} of {len(found.units)} filters rise")
    before, after = found.before.mean(), found.after.mean()
    told = f"mean response {before:.3f} → {after:.3f}"
    return f"{len(found.units)} filters of {name}, {layer}, from a black image: {told}"


def heatmaps(name):
    count = count_shown(MAPS, name)
    network, images = evidence.network(name)[0], some_images(name)
    outputs = network.output_names
    heads = [f"_{head}" for head in outputs] if len(outputs) > 1 else [""]
    for head in heads:
        evidence.need_figure(f"maps_{name}{head}.png")
    for head in network.output_names:
        made = visualize.class_activation_maps(network, images, head=head)
        whole = made.maps.shape == (LEAST_IMAGES, lines.SIZE, lines.SIZE)
        need(whole and np.isfinite(made.maps).all(), f"maps of {made.maps.shape}")
    sheets = ", ".join(f"maps_{name}{head}.png" for head in heads)
    return f"{MAPS} shows {count} images: {sheets}; made here for {LEAST_IMAGES} images"


def command(*arguments):
    """Run the command; it must write pictures and say which."""
    with tempfile.TemporaryDirectory() as out:
        script = str(paths.ROOT / "Q3" / "visualize.py")
        words = [str(paths.ROOT / word) if "/" in word else word for word in arguments]
        result = subprocess.run(
            [sys.executable, script, str(paths.ROOT / MODEL), *words, "--out", out],
            **{"capture_output": True, "text": True, "check": False},
        )
        need(not result.returncode, f"status {result.returncode}: {result.stderr}")
        made = json.loads((pathlib.Path(out) / "summary.json").read_text())["files"]
        missing = [name for name in made if not (pathlib.Path(out) / name).is_file()]
        need(made and not missing, f"it wrote {len(made)} pictures, not {missing}")
    given = " ".join(arguments)
    return f"Q3/visualize.py {MODEL} {given}: pictures: {len(made)}"


partial = functools.partial


def _of_networks(section, text, check):
    return [
        Requirement(section, f"{text}: {name}", partial(check, name))
        for name in evidence.NETWORKS
    ]


REQUIREMENTS = [
    *_of_networks("3.2.1", "Activations of the layers, 6 images", activations),
    *_of_networks("3.2.2", "Filters of the layers", filters),
    Requirement("3.2.2", "Ascent from a blank image to the response", gradient_ascent),
    *_of_networks("3.2.3", "Heatmaps of class activations, 6 images", heatmaps),
    Requirement("3.3 (1)", "Takes an image", partial(command, "--image", IMAGE)),
    Requirement("3.3 (1)", "Takes a layer", partial(command, "--layer", LAYER)),
    Requirement(
        *("3.3 (1)", "Takes both"),
        partial(command, "--image", IMAGE, "--layer", LAYER),
    ),
]
