"""What the command draws, and what it writes of it to ``summary.json``."""

import json
import pathlib
import time

import numpy as np

from . import activation, files, geometry, heads, maps, maximization, methods, pictures
from . import network as networks
from . import pixels as ranges

FIRST_UNITS, FIRST_SECONDS = 16, 25  # of a layer, drawn at once if only roughly
BOLDEST = 0.1  # rate of an ascent of few steps
TRIED = 4  # units and steps, to estimate the time of an ascent


def by(shape):
    """A shape as text: 28×28×3."""
    return "×".join("?" if size is None else str(size) for size in shape)


def visualize(network, options):
    """Make all pictures that were asked for, and ``summary.json``."""
    page = Page(network, options)
    print(f"pixels: {options.pixels} go into the model (--pixels gives another range)")
    paths = list(dict.fromkeys(network.value(name).path for name in options.layer))
    images = {
        file: files.read_image(file, network.input_shape, page.pixels)
        for file in options.image
    }
    names = networks.unique([pathlib.Path(file).stem for file in images], "_")
    plan = plan_maps(network, paths, options) if images else {}
    for path in paths if options.units else ():
        maximization.check_units(network, network.value(path), options.units)
    named = zip(names, images.values(), strict=True)
    wanted = not images or options.filters or options.units
    summary = {
        "model": pathlib.Path(options.model).name,
        "pixels": options.pixels,
        "images": [page.of_image(name, *image, paths, plan) for name, image in named],
        "layers": [page.of_layer(path) for path in paths] if wanted else [],
        "files": page.files,
    }
    path = page.folder / "summary.json"
    files.write_text(json.dumps(summary, indent=1) + "\n", path)
    print(path)


def read_classes(network, options):
    """Names of classes from a file (ValueError if no head has so many)."""
    try:
        text = options.classes.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{options.classes} is not a text file in UTF-8") from None
    names = [line.strip() for line in text.rstrip().splitlines()]
    chosen = [h for h in network.heads if options.head in (None, h.name)]
    counts = {head.name: head.classes for head in chosen}
    if len(names) not in counts.values():
        of = ", ".join(f"{count} for head {name}" for name, count in counts.items())
        raise ValueError(f"{options.classes} has {len(names)} names; expected {of}")
    return names


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
            head.check_targets(options.target, 1)
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
    if methods.METHODS[options.method].on == "image":
        return [None]
    if not paths:
        return [network.default_layer(head.needs, head.what).path]
    chosen = []
    for path in paths:
        try:
            chosen.append(maps.check_layer(network, path, head).path)
        except ValueError as error:
            notes.append(f"no map: {error}")
    return chosen


class Page:
    """What all pictures of a call have in common.

    Attributes:
        folder: ``pathlib.Path``, where they are written.
        files: list of str, their names so far.
    """

    def __init__(self, network, options):
        if len(network.input_shape) != 3:
            raise ValueError(
                f"the model takes arrays of shape {by(network.input_shape)}, which "
                "cannot be drawn as images; the functions of the package work on them"
            )
        self.network, self.options = network, options
        self.pixels = ranges.PIXELS[options.pixels]
        self.class_names = read_classes(network, options) if options.classes else None
        self.folder, self.files = pathlib.Path(options.out), []

    def _write(self, picture, name, palette=False):
        """Write a ``PIL.Image`` and name it; returns the file's name."""
        path = self.folder / f"{name}.png"
        files.write_png(picture, path, palette)
        if path.name not in self.files:
            print(path, flush=True)
            self.files.append(path.name)
        return path.name

    def of_image(self, name, image, notes, paths, plan):
        """Activations and maps of one image; returns what the summary has of it."""
        for note in notes:
            print(f"{name}: {note}")
        made = activation.activations(self.network.model, image[None], paths or None)
        layers = [v.path for v in self.network.values.values() if v.step.is_layer]
        for path, values in made.items():
            number = layers.index(path) + 1 if path in layers else len(layers) + 1
            file = f"{name}_activations_{number:03d}_{_flat(path)}"
            self._draw_activations(name, path, values[0], file)
        each = {
            head: [self._draw_map(name, image, head, path) for path in layers]
            for head, layers in plan.items()
        }
        return {"image": name, "notes": notes, "heads": each}

    def _draw_activations(self, name, path, values, file):
        value = self.network.value(path)
        moved = values.ndim == 3 and value.layout is None
        if values.ndim not in (1, 3) or moved:
            print(f"{path}: gives {by(values.shape)}, which is not drawn")
            return
        if value.layout == geometry.FIRST:
            values = np.moveaxis(values, 0, -1)
        if not np.isfinite(values).all():
            raise ValueError(
                f"layer {path} gives values that are not finite numbers: weights before"
                " it are damaged, or the image is not in the model's pixel range"
            )
        kind = type(value.step.operation).__name__
        lines = [f"{name}: {path} ({kind}, {by(values.shape)})"]
        ends = activation_of(self.network, value)
        sheet = pictures.activation_sheet(values, lines, ends)
        self._write(sheet, file, palette=True)

    def _draw_map(self, name, image, head, path):
        """One map of one head; returns what the summary has of it."""
        head, options = self.network.head(head), self.options
        asked = path, head.name, options.target, options.method
        model, background = self.network.model, self.pixels.low
        made = maps.class_activation_maps(
            model, image[None], *asked, background=background
        )
        title = methods.METHODS[made.method].title
        of = f" of layer {made.layer} ({by(made.coarse.shape[1:])})" if path else ""
        lines = [f"{name}: {title}{of}, head {head.name}", *self._answer(made, head)]
        if made.without_evidence[0]:
            note = "no evidence for the class by this method: try another, or a layer"
            lines.append(note)
            print(f"{name}, head {head.name}: {note}")
        sheet = pictures.map_sheet(image, made.scaled()[0], lines, self.pixels)
        parts = [name, "map", head.name, made.method, made.layer or "image"]
        file = self._write(sheet, _flat("_".join(parts)))
        return self._summary(made, head) | {"file": file}

    def _name(self, number, head):
        """A class by its number, and its name if the names are of this head."""
        if not self.class_names or len(self.class_names) != head.classes:
            return str(number)
        return f"{number} ({self.class_names[number]})"

    def _answer(self, made, head):
        value = made.probabilities[0]
        given = f"score {value:.3g}" if head.kind == "linear" else f"{value:.1%}"
        predicted = self._name(made.predictions[0], head)
        target = self._name(made.targets[0], head)
        yield f"predicted class {predicted}; map of class {target}, {given}"
        if not made.placed:
            yield "spread evenly: receptive fields are larger than the image or unknown"

    def _summary(self, made, head):
        value = "score" if head.kind == "linear" else "probability"
        return {
            "method": made.method,
            "layer": made.layer,
            "prediction": int(made.predictions[0]),
            "target": int(made.targets[0]),
            value: float(made.probabilities[0]),
            "without_evidence": bool(made.without_evidence[0]),
            "placed_by_receptive_field": made.placed,
        }

    def of_layer(self, path):
        """The filters of a layer; returns what the summary has of them."""
        units = maximization.check_units(
            self.network, self.network.value(path), self.options.units
        )
        made = None
        for portion, steps, rate in self._portions(path, units):
            new = self._filters(path, portion, steps=steps, rate=rate)
            made = made.join(new) if made else new
            done = "" if steps == self.options.steps else f", after {steps} steps"
            kind = type(self.network.value(path).step.operation).__name__
            lines = [f"{path} ({kind}): what activates each filter most{done}"]
            if len(made.units) < len(units) or (made.units != range(len(units))).any():
                lines.append(f"units {_ranges(made.units)}")
            sheet = pictures.filter_sheet(made, lines, self.pixels)
            self._write(sheet, f"filters_{_flat(path)}")
        if made.kernels is not None:
            sheet = pictures.kernel_sheet(made.kernels, [f"{path} ({kind}): kernels"])
            self._write(sheet, f"kernels_{_flat(path)}")
        names = "filter", "status", "objective", "before", "after"
        columns = [made.units, made.statuses, made.objectives, made.before, made.after]
        rows = zip(*(np.asarray(column).tolist() for column in columns), strict=True)
        return {
            "layer": path,
            "filters": [dict(zip(names, r, strict=True)) for r in rows],
        }

    def _filters(self, path, units, **options):
        model = self.network.model
        return maximization.filters(model, path, units, self.pixels, **options)

    def _portions(self, path, units):
        """Units, steps and rate of each round, the first within half a minute."""
        steps, rate = self.options.steps, maximization.ascents.Ascent.rate
        self._filters(path, units[:TRIED], steps=1)  # compiles
        start = time.perf_counter()
        self._filters(path, units[:TRIED], steps=TRIED)
        each = (time.perf_counter() - start) / len(units[:TRIED]) / TRIED
        total = each * len(units) * steps
        print(f"{path}: {len(units)} filters, {steps} steps: about {_duration(total)}")
        first = units[:FIRST_UNITS]
        few = int(FIRST_SECONDS / each / len(first))
        if few < steps and total > 2 * FIRST_SECONDS:
            print("  rougher images first; Ctrl-C keeps what is there; --units 0-15 or")
            print("  --steps 50 take less", flush=True)
            yield first, max(5, few), min(BOLDEST, 2 / max(5, few))
        size = int(np.clip(FIRST_SECONDS / each / steps, 1, 64))
        for portion in np.array_split(units, -(-len(units) // size)):
            yield portion, steps, rate


def activation_of(network, value):
    """What a layer ends with; for one that only passes a head's output on, the head's.

    Args:
        network: a ``network.Network``.
        value: a ``network.Value``.
    """
    kinds = {network.graph.outputs[head.index]: head.kind for head in network.heads}
    return kinds.get(value.key, heads.activation_kind(value.step.operation))


def _duration(seconds):
    """In words: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def _ranges(units):
    """0-3,7 for [0, 1, 2, 3, 7]."""
    starts = [u for u in units if u - 1 not in units]
    ends = [u for u in units if u + 1 not in units]
    pairs = zip(starts, ends, strict=True)
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in pairs)


def _flat(path):
    return path.replace("/", ".").replace(":", "_")
