"""The command: an image, a layer's name, or both, and out come pictures."""

import argparse
import collections
import errno
import json
import pathlib
import sys

import numpy as np

from coursework.visualize import activation, ascent, files, maps, pictures
from coursework.visualize import network as networks

PIXELS = {"0..255": (0.0, 255.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}
NAMES = {
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "input_gradient": "input gradient",
    "integrated_gradients": "integrated gradients",
    "occlusion": "occlusion",
}


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
    except ValueError as error:
        return report(error, status=2)
    except KeyboardInterrupt:
        return report("stopped; the files listed above are complete", status=130)
    return 0


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
    add("--layer", action="append", default=[], metavar="NAME", help="may be repeated")
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

    def write(self, picture, name):
        """Write a ``PIL.Image``; returns the file's name."""
        path = self.folder / f"{name}.png"
        files.write_png(picture, path)
        print(path, flush=True)
        self.files.append(path.name)
        return path.name


def visualize(network, options):
    """Make all pictures that were asked for, and ``summary.json``."""
    pixels = PIXELS[options.pixels]
    print(f"pixels: the model is taken to expect {options.pixels}")
    paths = [network.step(name).path for name in options.layer]
    heads = [network.head(options.head)] if options.head else network.heads
    images = {
        file: files.read_image(file, _image_shape(network), pixels)
        for file in options.image
    }
    writer = Writer(options.out)
    summary = {"model": pathlib.Path(options.model).name, "pixels": options.pixels}
    names = _unique_stems(options.image)
    summary["images"] = [
        of_image(network, writer, names[file], *images[file], paths, heads, options)
        for file in options.image
    ]
    summary["layers"] = [of_layer(network, writer, path, pixels) for path in paths]
    summary["files"] = writer.files
    path = writer.folder / "summary.json"
    files.write_text(json.dumps(summary, indent=1) + "\n", path)
    print(path)


def _image_shape(network):
    return network.input_shape


def _unique_stems(images):
    """File → its name without folder and ending, numbered where two are alike."""
    counts, names = collections.Counter(), {}
    for file in images:
        stem = pathlib.Path(file).stem
        counts[stem] += 1
        names[file] = stem if counts[stem] == 1 else f"{stem}_{counts[stem]}"
    return names


def of_image(network, writer, name, image, notes, paths, heads, options):
    """Activations and maps of one image; returns what the summary tells of it."""
    for note in notes:
        print(f"{name}: {note}")
    pixels = PIXELS[options.pixels]
    made = activation.activations(network.model, image[None], paths or None)
    for number, (path, values) in enumerate(made.items(), start=1):
        if values.ndim not in (2, 4):
            print(f"{path}: gives {values.shape[1:]}, which is not drawn")
            continue
        kind = type(network.steps[path].operation).__name__
        lines = [f"{name}: {path} ({kind}, {_by(values.shape[1:])})"]
        picture = pictures.activation_sheet(_finite(values[0], path), lines)
        writer.write(picture, f"{name}_activations_{number:03d}_{_flat(path)}")
    told = {"image": name, "notes": notes, "heads": {}}
    for head in heads:
        shown = [
            draw_map(network, writer, name, image, head, path, options, pixels)
            for path in _layers_for_maps(network, paths, head, options)
        ]
        told["heads"][head.name] = shown
    return told


def _finite(values, path):
    if not np.isfinite(values).all():
        raise ValueError(
            f"layer {path} gives values that are not finite numbers: weights before it "
            "are damaged, or the image is not in the model's pixel range"
        )
    return values


def _layers_for_maps(network, paths, head, options):
    """The layers whose map is asked for; None is the method's own choice."""
    if options.method in maps.IMAGE_METHODS or not paths:
        return [None]
    spatial = [p for p in paths if len(network.steps[p].node.outputs[0].shape) == 4]
    for path in set(paths).difference(spatial):
        print(f"{path}: has no places, so there is no map of it")
    return spatial


def draw_map(network, writer, name, image, head, path, options, pixels):
    """One map of one head; returns what the summary tells of it."""
    found = maps.class_activation_maps(
        *(network.model, image[None], path, head.name),
        *(options.target, options.method),
        blank=pixels[0],
    )
    layer = f" of layer {found.layer}" if found.layer else ""
    told = {
        "method": found.method,
        "layer": found.layer,
        "prediction": int(found.predictions[0]),
        "target": int(found.targets[0]),
        "probability": float(found.probabilities[0]),
        "blank": bool(found.blank[0]),
        "placed_by_receptive_field": found.placed,
    }
    lines = [
        f"{name}: {NAMES[found.method]}{layer}, head {head.name}",
        f"predicted class {told['prediction']}; map of class {told['target']}, "
        + _sureness(told["probability"], head),
    ]
    if told["blank"]:
        lines.append("blank: nothing in the image speaks for this class")
    if not found.placed:
        lines.append("the layer's places are not known: the map is stretched")
    picture = pictures.map_sheet(image, found.scaled()[0], lines, pixels)
    parts = [name, "map", head.name, found.method, found.layer or "image"]
    return told | {"file": writer.write(picture, _flat("_".join(parts)))}


def _sureness(probability, head):
    return f"score {probability:.3g}" if head.kind == "linear" else f"{probability:.1%}"


def of_layer(network, writer, path, pixels):
    """The filters of a layer; returns what the summary tells of them."""
    print(f"{path}: climbing", flush=True)
    found = ascent.filters(network.model, path, pixels=pixels)
    kind = type(network.steps[path].operation).__name__
    lines = [f"{path} ({kind}): images that excite each filter most"]
    name = f"filters_{_flat(path)}"
    writer.write(pictures.filter_sheet(found, lines, pixels), name)
    if found.kernels is not None:
        lines = [f"{path} ({kind}): its kernels"]
        writer.write(pictures.kernel_sheet(found, lines), f"kernels_{_flat(path)}")
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


def _flat(path):
    return path.replace("/", ".")
