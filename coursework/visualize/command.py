"""The command: an image, a layer's name, or both, and out come pictures."""

import argparse
import errno
import pathlib
import re
import sys

import tensorflow as tf

from . import drawing, files, loading, methods, page
from . import network as networks
from . import pixels as ranges


def main(arguments=None):
    """Run the command; 0 is success, 2 bad input or a full disk, 130 Ctrl-C."""
    options = parse(arguments)
    try:
        network = networks.of(loading.load(options.model))
        if options.list:
            print(listing(network))
            return 0
        if options.page:
            _write_page(network, options)
        if options.image or options.layer:
            drawing.visualize(network, options)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        return report("the disk is full" if full else error, status=2)
    except (tf.errors.ResourceExhaustedError, MemoryError):
        return report("the memory is not enough for this model and image", status=2)
    except (ValueError, TypeError, tf.errors.OpError) as error:
        return report(networks.one_line(error), status=2)
    except KeyboardInterrupt:
        return report("\nstopped; the files listed above are complete", status=130)
    return 0


def _write_page(network, options):
    names = drawing.read_classes(network, options) if options.classes else None
    name = pathlib.Path(options.model).stem
    files.write_text(
        page.make(network.model, name, options.pixels, names), options.page
    )
    print(options.page)


def report(message, status):
    print(message, file=sys.stderr)
    return status


def parse(arguments):
    """The options of a command line; if they are wrong it exits with status 2."""
    parser = argparse.ArgumentParser(
        description="See inside a Keras model.",
        epilog="An image alone: the activations of every layer, and its class "
        "activation map. A layer alone: what activates its filters most. Both: that "
        "layer's activations and map for the image; with --filters or --units its "
        "filters, too.",
    )
    _add_inputs(parser)
    _add_settings(parser)
    options = parser.parse_args(_shield_negative(arguments))
    if not (options.list or options.page or options.image or options.layer):
        parser.error("give --image FILE, --layer NAME, both, --page FILE, or --list")
    if not options.image and (options.head or options.target is not None):
        parser.error("--head and --target are of maps, which need --image")
    if options.steps < 1:
        parser.error(f"--steps is {options.steps}; expected at least 1")
    if (options.filters or options.units) and not options.layer:
        parser.error("--filters and --units are of a layer, which needs --layer")
    return options


def _add_inputs(parser):
    add = parser.add_argument
    add("model", help="a .keras file, or a .h5 file of Keras 3")
    add("--image", action="append", default=[], metavar="FILE", help="may be repeated")
    layer = "as --list names them; may be repeated: --layer conv1 --layer conv2"
    add("--layer", action="append", default=[], metavar="NAME", help=layer)
    add("--head", metavar="NAME", help="an output of the model, by default each")
    target = "the class of the map, by default the predicted one"
    add(*("--target", "-t"), type=int, metavar="CLASS", help=target)
    names = "the names of the classes, one a line"
    add("--classes", metavar="FILE", type=pathlib.Path, help=names)
    live = "one HTML file that runs the model in a browser: draw, see every layer"
    add("--page", metavar="FILE", help=live)
    everything = "the layers and the heads, and nothing else"
    add("--list", action="store_true", help=everything)


def _add_settings(parser):
    add = parser.add_argument
    known = ", ".join(f"{m.name} ({m.title})" for m in methods.METHODS.values())
    add(
        *("--method", "-m"),
        choices=methods.METHODS,
        default="gradcam",
        metavar="NAME",
        help=f"of the map, by default gradcam; known: {known}",
    )
    pixels = "what the model expects, by default 0..255; caffe and torch are those of "
    pixels += "keras.applications"
    add(*("--pixels", "-p"), choices=ranges.PIXELS, default="0..255", help=pixels)
    add("--filters", action="store_true", help="of each layer all filters")
    add("--units", type=_units, metavar="0-15,20", help="of each layer these filters")
    steps = "of the gradient ascent for each filter, by default 200"
    add("--steps", type=int, default=200, help=steps)
    out = "by default visualizations"
    add("--out", default="visualizations", metavar="DIR", help=out)


def _units(text):
    """[0, 1, 2, 20] from "0-2,20"."""
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not like 0-15,20")
    ends = [tuple(map(int, part.split("-"))) for part in text.split(",")]
    units = {unit for end in ends for unit in range(end[0], end[-1] + 1)}
    if not units:
        raise argparse.ArgumentTypeError(f"{text!r} has no units; expected 0-15")
    return sorted(units)


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


def listing(network):
    """The layers and heads of a model, one a line."""
    rows = [
        (value.path, type(value.step.operation).__name__, drawing.by(value.shape))
        for value in network.values.values()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["layers (name, kind, output shape):"]
    lines += ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    lines.append("heads (name, activation, classes):")
    lines += [f"  {h.name}  {h.kind}  {h.classes or '?'}" for h in network.heads]
    return "\n".join(lines)
