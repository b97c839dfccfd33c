"""A Keras model as one web page: an image goes in, and every layer is to be seen.

The page computes by itself, in plain JavaScript (the folder ``live`` beside this file):
forward pass, class activation maps, gradient ascent. Nothing is loaded from elsewhere,
so that the file can be opened from a disk or sent to somebody.
"""

import base64
import html
import json
import pathlib
import re

import numpy as np

from . import network as networks
from . import page_steps
from . import pixels as ranges

LIVE = pathlib.Path(__file__).parent / "live"
ENGINE = (  # in this order
    *("convolution.js", "activations.js", "operations.js", "net.js", "maps.js"),
    "painting.js",
)
VIEWER = "viewer.js"
STYLE = "style.css"
MOST_MACS = 10**9  # multiplications and additions of an answer; a phone takes seconds
MARK = re.compile(r"{{(\w+)}}")


def describe(model, name, pixels="0..255"):
    """A model as ``net.js`` reads it, for images of 0…255.

    Args:
        model: a ``keras.Model`` that takes one image.
        name: str, shown on the page.
        pixels: the pixel range that the model expects, see ``pixels.pixels_of``.

    Returns:
        dict that JSON can hold. ``weights`` are 32-bit floats: with 16 bits one map in
        ten moves by more than a thousandth of its maximum.

    Raises:
        ValueError: it takes something else than one image of a known size, or has a
            layer that the page does not know, or needs more than ``MOST_MACS``.
    """
    network = networks.of(model)
    shape = network.input_shape
    if len(shape) != 3 or shape[-1] not in (1, 3) or None in shape:
        raise ValueError(
            f"the model takes {shape}; a page needs one image of 1 or 3 channels, of a "
            "size that is known, the channels last"
        )
    plan = page_steps.Plan(network, ranges.pixels_of(pixels))
    if plan.macs > MOST_MACS:
        raise ValueError(
            f"an answer takes {plan.macs / 1e6:,.0f} million multiplications; expected "
            f"at most {MOST_MACS / 1e6:,.0f} million, which a browser does in seconds"
        )
    return {
        "name": name,
        "image": list(shape),
        "parameters": int(model.count_params()),
        "macs": plan.macs,
        "heads": [_head(plan, head) for head in network.heads],
        "steps": plan.steps,
        "weights": pack(plan.weights),
    }


def _head(plan, head):
    """An output: its scores before softmax or sigmoid, and how many classes."""
    at = plan.outputs[head.index]
    if not head.units:
        raise ValueError(
            f"head {head.name} gives {tuple(plan.steps[at]['shape'])}; expected a "
            "number for each class"
        )
    found = {"name": head.name, "classes": head.classes}
    scores = at
    while head.kind in ("softmax", "sigmoid") and plan.steps[scores]["kind"] == "copy":
        scores = plan.steps[scores]["inputs"][0]
    if plan.steps[scores].get("function") != head.kind:
        return found | {"kind": "linear", "scores": at, "classes": head.units}
    return found | {"kind": head.kind, "scores": plan.steps[scores]["inputs"][0]}


def pack(weights):
    """32-bit floats as base85 text, their bytes sorted by place.

    The first bytes of all, then the second ones …: sign and exponent are much alike,
    which makes the text a tenth smaller when a server compresses it.
    """
    sorted_bytes = weights.astype("<f4").view(np.uint8).reshape(-1, 4).T
    return base64.b85encode(sorted_bytes.tobytes()).decode("ascii")


def script(description):
    """A description as a JavaScript file that a page loads: text."""
    text = json.dumps(description, separators=(",", ":"), ensure_ascii=True)
    name = json.dumps(description["name"])
    script = f"(self.NETWORKS ||= {{}})[{name}] = {text};\n"
    return script.replace("</", "<\\/")  # "</script>" in a name would end the script


def make(model, name, pixels="0..255", classes=None):
    """The page of a model.

    Args:
        model: a ``keras.Model``.
        name: str, the title.
        pixels: the pixel range that the model expects, see ``pixels.pixels_of``.
        classes: names of the classes, of the heads that have so many; None is numbers.

    Returns:
        str, HTML that needs nothing else.

    Raises:
        ValueError: as ``describe``; or no head has as many classes as names.
    """
    description = describe(model, name, pixels)
    counts = [head["classes"] for head in description["heads"]]
    if classes is not None and len(classes) not in counts:
        raise ValueError(
            f"{len(classes)} names of classes for heads of {counts}; expected as many "
            "names as a head has classes"
        )
    parts = {
        "title": html.escape(name),
        "style": _read(STYLE),
        "scripts": "\n".join(map(_read, (*ENGINE, VIEWER))),
        "network": script(description | {"class_names": classes}),
    }
    return MARK.sub(lambda mark: parts[mark[1]], _read("viewer.html"))


def _read(name):
    return (LIVE / name).read_text(encoding="utf-8")
