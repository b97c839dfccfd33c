"""The command: an image, a layer's name, or both, and out come pictures."""

import argparse
import errno
import json
import pathlib
import sys

import numpy as np
import tensorflow as tf

from . import activation, ascent, files, maps, pictures
from . import network as networks

PIXELS = {"0..255": (0.0, 255.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}


def main(arguments=None):
    """Run the command; 0 is success, 2 bad input or a full disk, 130 Ctrl-C."""
    options = parse(arguments)
    try:
        network = networks.of(networks.load(options.model))
        if options.list:
            print(listing(network))
        else:
            visualize(network, options)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        return report("the disk is full" if full else error, status=2)
    except (tf.errors.ResourceExhaustedError, MemoryError):
        return report("the memory is not enough for this model and image", status=2)
    except (ValueError, TypeError, tf.errors.OpError) as error:
        return report(one_line(error), status=2)
    except KeyboardInterrupt:
        return report("stopped; the files listed above are complete", status=130)
    return 0


def one_line(error):
    """What an error says, without the code that TensorFlow puts around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    inside = [line for line in lines if line.startswith(("ValueError:", "TypeError:"))]
    return (inside or lines or [type(error).__name__])[0]


def parse(arguments):
    parser = argparse.ArgumentParser(
        description="See inside a Keras network.",
        epilog="An image alone: what every layer makes of it, and its class activation "
        "map. A layer alone: what its filters look for. Both: that layer's activations "
        "and map for the image, and its filters.",
    )
    add = parser.add_argument
    add("model", help="a .keras file, or a .h5 file of Keras 3")
    add("--image", action="append", default=[], metavar="FILE", help="may be repeated")
    add(
        "--layer",
        action="append",
        default=[],
        metavar="NAME",
        help="as --list names them; may be repeated: --layer conv1 --layer conv2",
    )
    add("--head", metavar="NAME", help="an output of the model, by default each")
    add(
        *("--target", "-t"),
        type=int,
        metavar="CLASS",
        help="the class of the map, by default the predicted one",
    )
    add("--method", choices=maps.METHODS, default="gradcam", help="by default gradcam")
    add(
        *("--pixels", "-p"),
        choices=PIXELS,
        default="0..255",
        help="the range that the model expects, by default 0..255",
    )
    add(
        "--out",
        default="visualizations",
        metavar="DIR",
        help="by default visualizations",
    )
    add(
        "--list", action="store_true", help="the layers and the heads, and nothing else"
    )
    options = parser.parse_args(_shield_negative(arguments))
    if not (options.list or options.image or options.layer):
        parser.error("give --image FILE, --layer NAME, both, or --list")
    if not options.image and (options.head or options.target is not None):
        parser.error("--head and --target are of maps, which need --image")
    return options


def _shield_negative(arguments):
    """Let argparse take "--pixels -1..1" for a value rather than an option."""
    words = sys.argv[1:] if arguments is None else arguments
    joined = []
    for word in words:
        if joined and joined[-1] in ("--pixels", "-p") and word.startswith("-1"):
            joined[-1] = f"--pixels={word}"
        else:
            joined.append(word)
    return joined


def report(message, status):
    print(f"\n{message}" if status == 130 else message, file=sys.stderr)
    return status


def listing(network):
    """The layers and heads of a model, one a line."""
    shapes = network.shapes()
    rows = [
        (path, type(step.operation).__name__, _by(shapes[path]))
        for path, step in network.steps.items()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["layers (name, kind, output shape):"]
    lines += ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    lines.append("heads (name, activation, classes):")
    lines += [f"  {h.name}  {h.kind}  {h.classes or '?'}" for h in network.heads]
    return "\n".join(lines)


def _by(shape):
    return "×".join("?" if size is None else str(size) for size in shape)


# --- the pictures ---------------------------------------------------------------------


class Writer:
    """Writes pictures to a folder and tells each."""

    def __init__(self, folder):
        self.folder, self.files = pathlib.Path(folder), []

    def write(self, picture, name, palette=False):
        """Write a ``PIL.Image``; returns the file's name."""
        path = self.folder / f"{name}.png"
        files.write_png(picture, path, palette)
        print(path, flush=True)
        self.files.append(path.name)
        return path.name


def visualize(network, options):
    """Make all pictures that were asked for, and ``summary.json``."""
    pixels = PIXELS[options.pixels]
    print(f"pixels: {options.pixels} go into the model (--pixels gives another range)")
    paths = list(dict.fromkeys(network.step(name).path for name in options.layer))
    names = _unique_stems(dict.fromkeys(options.image))
    images = {
        file: files.read_image(file, network.input_shape, pixels) for file in names
    }
    plan = plan_maps(network, paths, options) if images else {}
    writer = Writer(options.out)
    summary = {"model": pathlib.Path(options.model).name, "pixels": options.pixels}
    summary["images"] = [
        of_image(network, writer, names[file], *images[file], paths, plan, options)
        for file in names
    ]
    summary["layers"] = [of_layer(network, writer, path, pixels) for path in paths]
    summary["files"] = writer.files
    path = writer.folder / "summary.json"
    files.write_text(json.dumps(summary, indent=1) + "\n", path)
    print(path)


def plan_maps(network, paths, options):
    """Which maps can be made, before anything is written: head → list of layers.

    Heads and layers without a map are left out with a line that says so, unless they
    were asked for by name and nothing is left.

    Raises:
        ValueError: the head or the class does not exist.
    """
    plan, notes = {}, []
    named = options.head is not None
    for name in [options.head] if named else [head.name for head in network.heads]:
        try:
            head = network.head(name)
            maps.check_targets(options.target, head, 1)
            plan[name] = _layers_for_maps(network, paths, head, options, notes)
        except ValueError as error:
            if named:
                raise
            notes.append(f"no map: {error}")
    for note in dict.fromkeys(notes):
        print(note)
    if options.target is not None and not plan:
        raise ValueError(f"no head has a class {options.target}")
    return plan


def _layers_for_maps(network, paths, head, options, notes):
    """The layers whose map is asked for; None stands for the image itself.

    Why a layer is left out is appended to ``notes``.
    """
    if maps.METHODS[options.method].on == "image":
        return [None]
    if not paths:
        return [network.default_layer(head)]
    chosen = []
    for path in paths:
        try:
            chosen.append(maps.check_layer(network, path, head))
        except ValueError as error:
            notes.append(f"no map: {error}")
    return chosen


def _unique_stems(images):
    """File → its name without folder and ending, numbered where two are alike."""
    names = {}
    for file in images:
        stem = name = pathlib.Path(file).stem
        number = 1
        while name in names.values():
            number += 1
            name = f"{stem}_{number}"
        names[file] = name
    return names


def of_image(network, writer, name, image, notes, paths, plan, options):
    """Activations and maps of one image; returns what the summary tells of it."""
    for note in notes:
        print(f"{name}: {note}")
    made = activation.activations(network.model, image[None], paths or None)
    numbers = {path: number for number, path in enumerate(network.layers, start=1)}
    for path, values in made.items():
        if values.ndim not in (2, 4):
            print(f"{path}: gives {values.shape[1:]}, which is not drawn")
            continue
        kind = type(network.steps[path].operation).__name__
        lines = [f"{name}: {path} ({kind}, {_by(values.shape[1:])})"]
        values, kind = _finite(values[0], path), _activation_of(network, path)
        picture = pictures.activation_sheet(values, lines, kind)
        number = numbers.get(path, len(numbers))
        file = f"{name}_activations_{number:03d}_{_flat(path)}"
        writer.write(picture, file, palette=True)
    told = {"image": name, "notes": notes, "heads": {}}
    for head, layers in plan.items():
        told["heads"][head] = [
            draw_map(network, writer, name, image, head, path, options)
            for path in layers
        ]
    return told


def _activation_of(network, path):
    """What a layer ends with; for one that only passes a head's output on, the head's.

    Args:
        network: a ``network.Network``.
        path: str, of the layer.
    """
    step = network.steps[path]
    kinds = {network.graph.outputs[head.index]: head.kind for head in network.heads}
    return kinds.get(step.outputs[0], networks.activation_kind(step.operation))


def _finite(values, path):
    if not np.isfinite(values).all():
        raise ValueError(
            f"layer {path} gives values that are not finite numbers: weights before it "
            "are damaged, or the image is not in the model's pixel range"
        )
    return values


def draw_map(network, writer, name, image, head, path, options):
    """One map of one head; returns what the summary tells of it."""
    pixels, head = PIXELS[options.pixels], network.head(head)
    found = maps.class_activation_maps(
        *(network.model, image[None], path, head.name),
        *(options.target, options.method),
        background=pixels[0],
    )
    layer = f" of layer {found.layer} ({_size(network, found)})" if found.layer else ""
    told = {
        "method": found.method,
        "layer": found.layer,
        "prediction": int(found.predictions[0]),
        "target": int(found.targets[0]),
        "score" if head.kind == "linear" else "probability": float(
            found.probabilities[0]
        ),
        "without_evidence": bool(found.without_evidence[0]),
        "placed_by_receptive_field": found.placed,
    }
    lines = [
        f"{name}: {maps.METHODS[found.method].title}{layer}, head {head.name}",
        f"predicted class {told['prediction']}; map of class {told['target']}, "
        + _sureness(found.probabilities[0], head),
    ]
    if told["without_evidence"]:
        note = "no evidence for the class by this method: try another, or another layer"
        lines.append(note)
        print(f"{name}, head {head.name}: {note}")
    if not found.placed:
        lines.append("the layer's places are not known: the map is stretched")
    picture = pictures.map_sheet(image, found.scaled()[0], lines, pixels)
    parts = [name, "map", head.name, found.method, found.layer or "image"]
    return told | {"file": writer.write(picture, _flat("_".join(parts)))}


def _size(network, found):
    """How many places a map has: "3×3 places"."""
    shape = network.steps[found.layer].node.outputs[0].shape[1:3]
    return f"{_by(shape)} places"


def _sureness(probability, head):
    return f"score {probability:.3g}" if head.kind == "linear" else f"{probability:.1%}"


def of_layer(network, writer, path, pixels):
    """The filters of a layer; returns what the summary tells of them."""
    print(f"{path}: searching images for its filters", flush=True)
    found = ascent.filters(network.model, path, pixels=pixels, progress=_tell(path))
    kind = type(network.steps[path].operation).__name__
    lines = [f"{path} ({kind}): images that excite each filter most"]
    name = f"filters_{_flat(path)}"
    writer.write(pictures.filter_sheet(found, lines, pixels), name)
    if found.kernels is not None:
        lines = [f"{path} ({kind}): its kernels"]
        writer.write(
            pictures.kernel_sheet(found.kernels, lines), f"kernels_{_flat(path)}"
        )
    columns = found.units, found.statuses, found.objectives, found.before, found.after
    return {
        "layer": path,
        "filters": [
            {
                **{"filter": int(unit), "status": status, "objective": objective},
                **{"before": float(before), "after": float(after)},
            }
            for unit, status, objective, before, after in zip(*columns, strict=True)
        ],
    }


def _tell(path):
    """A function that tells progress, for layers that take several portions."""

    def tell(done, count):
        if count > ascent.MOST_AT_ONCE:
            print(f"{path}: {done} of {count} filters", file=sys.stderr, flush=True)

    return tell


def _flat(path):
    return path.replace("/", ".")
