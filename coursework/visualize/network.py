"""A model as the visualizations see it: layers, heads, scores before the softmax."""

import difflib
import functools
import itertools
import math
import typing

import keras
import numpy as np
import tensorflow as tf

from . import geometry, graph, heads

CLOSE = 1e-2  # of a head's output to what its scores say, 16-bit floats considered
MOST_COMPILED = 64
MOST_VALUES = 2**27  # floats of all layers at once, half a gigabyte
_KEPT = "_keras_see_inside"  # where a model keeps its Network


class Value(typing.NamedTuple):
    """One output of a layer.

    Attributes:
        path: str; ":1", ":2" … behind it for further outputs of the layer.
        key: int, of the value in the graph.
        shape: tuple, without the first axis.
        layout: "last" or "first", where the channels are; None if it has no spatial
            positions, or axes that were moved.
        step: the ``graph.Step`` that gives it.
    """

    path: str
    key: int
    shape: tuple
    layout: str | None
    step: graph.Step

    @property
    def is_spatial(self):
        """Whether it has feature maps of more than one position."""
        sizes = self.shape[1:] if self.layout == geometry.FIRST else self.shape[:-1]
        return self.layout is not None and set(sizes) != {1}


class Network:
    """A ``keras.Model`` taken apart; nothing in it is changed.

    Attributes:
        view: the same ``model`` as a functional one.
        structure: its outputs as the model nests them: a tensor, list or dict.
        input_shape: tuple, of an image; None for sizes that may be any.
        graph: its ``graph.Graph``.
        heads: list of ``heads.Head``.
        steps: dict, path → ``graph.Step``, of all layers and operations.
        values: dict, path → ``Value``, of all outputs of all steps.
    """

    def __init__(self, model):
        """Take a model apart (ValueError if that, or its input, is not possible)."""
        self.model = model
        self.view, self.structure = graph.opened(model)
        self.outputs = list(getattr(model, "outputs", None) or self.view.outputs)
        self.input_shape = graph.input_shape(self.view)
        self.graph = graph.Graph(self.view)
        self.steps = {step.path: step for step in self.graph.steps}
        layouts = geometry.layouts(self.graph, len(self.input_shape) + 1)
        self._by_key = {v.key: v for s in self.graph.steps for v in _values(s, layouts)}
        self.values = {value.path: value for value in self._by_key.values()}
        names = unique(graph.output_names(self.view, self.structure))
        self.heads = [
            heads.make_head(self.graph, output, name, index)
            for index, (output, name) in enumerate(
                zip(self.outputs, names, strict=True)
            )
        ]
        self._check_weights()
        self._compiled, self._defaults, self._sure = {}, {}, set()
        self._grids = functools.cache(self._grids)

    def _check_weights(self):
        for path, step in self.steps.items():
            for weights in step.operation.get_weights() if step.is_layer else ():
                if weights.dtype.kind == "f" and not np.isfinite(weights).all():
                    raise ValueError(
                        f"layer {path} has weights that are not finite numbers: the "
                        "model is damaged, or its training has failed"
                    )

    def check_scores(self, head, image):
        """See once that a head's scores lead to the model's output (else ValueError).

        Maps of them would be of something else.
        """
        if head.name in self._sure:
            return
        batch = tf.constant(image[None])
        scores = head.scores(self.graph.run(batch, head.needs))
        given = keras.tree.flatten(self.model(batch, training=False))[head.index]
        given = tf.cast(given, tf.float32).numpy()
        ours = heads.KINDS[head.kind](scores).numpy().reshape(given.shape)
        finite = np.isfinite(given).all() and np.isfinite(ours).all()
        if finite and np.abs(ours - given).max() > CLOSE * max(1, np.abs(given).max()):
            raise ValueError(
                f"head {head.name} does not follow from its layers as the model is "
                "made of them; has the model a call of its own?"
            )
        self._sure.add(head.name)

    def head(self, name=None):
        """A head by its name; the first for None.

        Raises:
            ValueError: there is none of this name, or it does not give one score for
                each class.
        """
        by_name = {head.name: head for head in self.heads}
        if name is not None and name not in by_name:
            raise ValueError(_unknown("head", name, by_name))
        head = by_name[name] if name is not None else self.heads[0]
        if not head.units:
            shape = tuple(self.outputs[head.index].shape)
            raise ValueError(
                f"head {head.name} gives {shape}; expected (N, classes), or score=, a "
                "function of the outputs"
            )
        if head.kind == "grouped":
            raise ValueError(
                f"head {head.name} is a softmax over parts of its {head.units} numbers;"
                " expected one over all, or score=, a function of the outputs"
            )
        return head

    def step(self, layer):
        """The step of a layer, or of a nested model, by its name, path or object.

        The end of a path is enough where only one layer fits.

        Raises:
            ValueError: there is none, or several; the message names the nearest.
        """
        known = self.graph.nested | self.steps
        if isinstance(layer, keras.layers.Layer):
            same = [path for path, s in known.items() if s.operation is layer]
            if not same:
                raise ValueError(f"layer {layer.name} is not part of the model")
            return known[same[0]]
        if layer in known:
            return known[layer]
        ends = [path for path in known if path.endswith(f"/{layer}")]
        if len(ends) > 1:
            raise ValueError(f"several layers are named {layer}: {', '.join(ends)}")
        if not ends:
            raise ValueError(_unknown("layer", layer, self.steps))
        return known[ends[0]]

    def outputs_of(self, layer):
        """List of ``Value``: all outputs of a layer, or the one named "layer:1"."""
        if layer in self.values and layer not in self.steps:
            return [self.values[layer]]
        return [self._by_key[key] for key in self.step(layer).outputs]

    def value(self, layer):
        """The first of ``outputs_of``."""
        return self.outputs_of(layer)[0]

    def grid(self, value, shape):
        """An ``Axis`` for each spatial axis of a ``Value``, or None if not known."""
        return self._grids(shape)[value.key]

    def _grids(self, shape):
        shapes = {k: (None, *v.shape) for k, v in self._by_key.items()}
        shapes[self.graph.inputs[0]] = (None, *shape)
        if any(None in sizes[1:] for sizes in shapes.values()):
            values = self.graph.run(tf.zeros((1, *shape)))
            shapes = {key: tuple(tensor.shape) for key, tensor in values.items()}
        return geometry.grids(self.graph, shapes)

    def default_layer(self, needs, what):
        """The last ``Value`` with feature maps on every way from the image to a score.

        Where branches leave none, the last on any of them. Never one whose axes were
        moved; nor, for scores of images, one that is such an output itself.

        Args:
            needs: tuple of keys, of the values that the score is made from.
            what: str, whose score it is, for the message.

        Raises:
            ValueError: there is none.
        """
        if needs not in self._defaults:
            ends = {head.before.key for head in self.heads if not head.before.layer}
            ends.update(self.graph.outputs)
            steps = self.graph.between(needs)
            found = [self._by_key[step.outputs[0]] for step in reversed(steps)]
            found = [value for value in found if value.is_spatial]
            inner = [value for value in found if value.key not in ends] or found
            passed = (v for v in inner if self.graph.must_pass(v.step, needs))
            self._defaults[needs] = next(passed, inner[0] if inner else None)
        if self._defaults[needs] is None:
            raise ValueError(
                f"no layer that {what} depends on gives feature maps; use a method on "
                "the image, such as integrated_gradients or occlusion"
            )
        return self._defaults[needs]

    def batch_size(self, image, most=256):
        """How many images of a size can be worked on at once."""
        sizes = (
            math.prod(size or max(image.shape) for size in value.shape)
            for value in self.values.values()
        )
        return int(np.clip(MOST_VALUES // max(1, sum(sizes)), 1, most))

    def run(self, key, make, *arrays, batch_size=None, progress=None):
        """Apply a compiled function to portions of arrays of the same length.

        Args:
            key: what sets it apart from other functions on this network.
            make: makes the function of tensors that is to be compiled, once for a key.
            arrays: what it is called with, the images first.
            batch_size: int, rows at once, at most; None is what fits into memory.
            progress: function of two ints, how many rows are done and of how many.

        Returns:
            List of arrays, one for each tensor that the function gives.
        """
        function = self._compiled_for(key, make, arrays)
        count, parts = len(arrays[0]), []
        portions = -(-count // (batch_size or self.batch_size(arrays[0][0])))
        size = -(-count // portions)
        for start in range(0, count, size):
            given = [tf.constant(array[start : start + size]) for array in arrays]
            parts.append([tensor.numpy() for tensor in function(*given)])
            if progress:
                progress(min(start + size, count), count)
        if len(parts) == 1:
            return parts[0]
        return [np.concatenate(each) for each in zip(*parts, strict=True)]

    def _compiled_for(self, key, make, arrays):
        kinds = [((None, *array.shape[1:]), array.dtype) for array in arrays]
        key = key, *kinds
        if key not in self._compiled:
            specifications = [tf.TensorSpec(*kind) for kind in kinds]
            try:
                function = tf.function(make()).get_concrete_function(*specifications)
            except (ValueError, TypeError) as error:
                raise type(error)(one_line(error)) from error
            if len(self._compiled) == MOST_COMPILED:
                del self._compiled[next(iter(self._compiled))]  # the oldest
            self._compiled[key] = function
        return self._compiled[key]


def _values(step, layouts):
    """The ``Value`` of each output of a step."""
    tensors = zip(step.outputs, step.node.outputs, strict=True)
    return [
        Value(
            f"{step.path}:{number}" if number else step.path,
            key,
            tuple(tensor.shape[1:]),
            layouts[key],
            step,
        )
        for number, (key, tensor) in enumerate(tensors)
    ]


def of(model):
    """The ``Network`` of a model, made once for as long as its outputs are the same.

    It is kept as an attribute of the model, so that both are freed together.

    Raises:
        ValueError: its layers cannot be seen, or it has several inputs, or its input is
            no image, sequence or volume with channels last, or it has weights that are
            not finite numbers.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(f"expected a keras.Model; received a {type(model).__name__}")
    network = model.__dict__.get(_KEPT)
    outputs = getattr(model, "outputs", None) or (network and network.outputs)
    if network is None or list(map(id, network.outputs)) != list(map(id, outputs)):
        network = Network(model)
        model.__dict__[_KEPT] = network  # past Keras' tracking of attributes
    return network


def _unknown(what, name, known):
    near = difflib.get_close_matches(str(name), known, n=5, cutoff=0)
    return f"no {what} named {name!r}; nearest: {', '.join(near)}"


def unique(names, mark="@"):
    """Names with a mark and 2, 3 … behind those that come again."""
    made = []
    for name in names:
        numbered = (f"{name}{mark}{n}" if n > 1 else name for n in itertools.count(1))
        made.append(next(each for each in numbered if each not in made))
    return made


def check_images(network, images):
    """Images as the model takes them, (N, …, channels) float32.

    Raises:
        ValueError: another shape than the model's, or values that are not finite.
    """
    images = np.asarray(images)
    expected = network.input_shape
    fits = images.ndim == len(expected) + 1 and all(
        size in (None, given)
        for size, given in zip(expected, images.shape[1:], strict=True)
    )
    if not fits or not len(images):
        raise ValueError(
            f"images have shape {images.shape}; expected (N, "
            f"{', '.join(str(size or 'any') for size in expected)}), N at least 1"
        )
    images = images.astype(np.float32, copy=False)
    if not np.isfinite(images).all():
        raise ValueError("images hold values that are not finite numbers")
    return images


def one_line(error):
    """What an error says, without the code that TensorFlow puts around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    inside = [line for line in lines if line.startswith(("ValueError:", "TypeError:"))]
    line = (inside or lines or [type(error).__name__])[0]
    return line.removeprefix("ValueError: ").removeprefix("TypeError: ")


def as_list(layers):
    """One layer or several, by name, path or object, as a list."""
    one = isinstance(layers, (str, keras.layers.Layer))
    return [layers] if one else list(layers)
