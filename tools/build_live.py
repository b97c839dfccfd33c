"""The files of the live page: networks, examples, and the scripts that compute.

Part of ``tools/build_reports.py``. Each network becomes one JavaScript file with the
SHA-256 of the model that it was made from.
"""

import base64
import json

import numpy as np

from coursework import paths, records
from coursework.data import lines, mnist, splits
from coursework.visualize import page

FOLDER = "docs/live"
NETWORKS = ("tuned_mnist", "four_head_lines", "tuned_lines", "plain_lines")
RIGHT, WRONG = 10, 6  # examples of digits
SIDE = 28


def build():
    """All generated files of the page: path from the root → bytes.

    Raises:
        OSError, ValueError: a network or its record is missing, or they do not fit.
    """
    built = {f"{FOLDER}/{name}": script(name) for name in (*page.ENGINE, page.STYLE)}
    built |= {f"{FOLDER}/{name}.js": network(name) for name in NETWORKS}
    if (paths.DATA / "mnist.npz").is_file():  # else the committed examples stay
        built[f"{FOLDER}/examples.js"] = examples()
    return built


def script(name):
    """A script of ``coursework/visualize/live``, as it is there."""
    return (page.LIVE / name).read_bytes()


def network(name):
    """A network of ``models/`` as JavaScript: bytes."""
    model, record = records.load(name, paths.ROOT / "models")
    known = {"model_sha256": record["model_sha256"]}
    return page.script(known | page.describe(model, name)).encode()


def examples():
    """Test digits that the tuned network reads, and some that it does not: bytes.

    One of each class, the first of the test part; and of the errors, which the record
    lists, the first of each true class until there are enough.
    """
    digits, record = mnist.load(), records.read("tuned_mnist", paths.ROOT / "models")
    wrong = np.array(record["test"]["wrong"])
    right = np.setdiff1d(splits.split(digits.classes).test, wrong)
    chosen = [*first_of_each(right, digits.classes, RIGHT)]
    chosen += [*first_of_each(wrong, digits.classes, WRONG)]
    found = [
        {
            "label": int(digits.classes[index]),
            "misread": position >= RIGHT,
            "pixels": base64.b64encode(digits.images[index].tobytes()).decode(),
        }
        for position, index in enumerate(chosen)
    ]
    return (
        f"self.EXAMPLES = {json.dumps(found, separators=(',', ':'))};\n"
        f"self.MISREAD_LINES = {json.dumps(misread_lines())};\n"
    ).encode()


def misread_lines():
    """Test lines that the baseline CNN misreads, as ``lines.js`` sets them."""
    record = records.read("plain_lines", paths.ROOT / "models")
    dataset = lines.load().take(record["test"]["wrong"][:WRONG])
    return [
        {
            **{"length": lines.LENGTHS[length], "width": lines.WIDTHS[width]},
            **{"angle": lines.ANGLES[angle], "blue": int(color)},
            **{"x": float(x), "y": float(y)},
        }
        for (length, width, angle, color), (x, y) in zip(
            dataset.attributes, dataset.centers, strict=True
        )
    ]


def first_of_each(indices, classes, count):
    """The first image of each class, at most so many, in the order of the classes."""
    _, first = np.unique(classes[indices], return_index=True)
    return indices[first][:count]
