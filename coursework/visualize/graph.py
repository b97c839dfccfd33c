"""A Keras model as a flat list of steps, with nested models taken apart.

Keras runs a functional model by itself but does not show what happens inside a nested
one. Here every call of a layer is a step with a path, ``backbone/conv1``, and running
the steps gives every value in between, for reading or for a gradient. The model itself
is not changed and no layer is copied.
"""

import dataclasses
import functools
import inspect

import keras

from . import dense


@dataclasses.dataclass(frozen=True)
class Step:
    """One call of a layer or of another Keras operation.

    Attributes:
        path: str, the layer's name after the names of the models around it; a layer
            that is called again has "@2", "@3" … behind it.
        operation: the layer or operation.
        node: Keras' record of this call: its arguments as symbolic tensors.
        inputs: keys of the values that it takes.
        outputs: keys of the values that it gives.
    """

    path: str
    operation: object
    node: object
    inputs: tuple
    outputs: tuple

    @property
    def is_layer(self):
        return isinstance(self.operation, keras.layers.Layer)

    def run(self, values):
        """What the operation gives in inference, a list of tensors, from ``values``."""
        if dense.is_plain(self.operation):
            return [dense.call(self.operation, values[self.inputs[0]])]
        given = zip(self.node.input_tensors, self.inputs, strict=True)
        filled = {id(tensor): values[key] for tensor, key in given}
        arguments, options = self.node.arguments.fill_in(filled)
        if self.is_layer and _takes_training(type(self.operation)):
            options = options | {"training": False}
        return keras.tree.flatten(self.operation(*arguments, **options))


class Graph:
    """All steps of a model, each after those whose values it takes.

    Attributes:
        steps: list of ``Step``.
        inputs: keys of the model's inputs.
        outputs: keys of its outputs.
        makers: dict, key → the ``Step`` that gives it; inputs have none.
        nested: dict, path of a nested model → a ``Step`` that stands for all of it.
    """

    def __init__(self, model):
        """Take a functional or sequential ``keras.Model`` apart."""
        self.steps, self.nested, self._calls, self._size = [], {}, {}, 0
        self.inputs = self._new_keys(len(model.inputs))
        self.outputs = self._add(model, self.inputs, prefix="")
        self.makers = {key: step for step in self.steps for key in step.outputs}

    def _new_keys(self, count):
        first, self._size = self._size, self._size + count
        return tuple(range(first, self._size))

    def _add(self, model, inputs, prefix):
        """Append the steps of a model that is given ``inputs``; returns its outputs."""
        view = keras.Model(model.inputs, model.outputs)
        keys = dict(zip(map(id, view.inputs), inputs, strict=True))
        for node in _nodes_in_order(view):
            taken = tuple(keys[id(tensor)] for tensor in node.input_tensors)
            operation = node.operation
            path = self._path(prefix + operation.name)
            if _is_transparent(operation):
                given = self._add(operation, taken, f"{path}/")
                self.nested[path] = Step(path, operation, node, taken, given)
            else:
                given = self._new_keys(len(node.outputs))
                self.steps.append(Step(path, operation, node, taken, given))
            keys.update(zip(map(id, node.outputs), given, strict=True))
        return tuple(keys[id(tensor)] for tensor in view.outputs)

    def _path(self, path):
        count = self._calls[path] = self._calls.get(path, 0) + 1
        return path if count == 1 else f"{path}@{count}"

    def run(self, image, wanted=None, watch=None):
        """Values of an image by their keys, from running the model step by step.

        Args:
            image: tensor for the single input.
            wanted: keys of the values that are needed, and no others; None is all.
            watch: function of a key and its tensor, called before the value is used.
        """
        values = dict(zip(self.inputs, [image], strict=True))
        if watch:
            watch(self.inputs[0], image)
        for step in self.needed(wanted):
            for key, tensor in zip(step.outputs, step.run(values), strict=True):
                values[key] = tensor
                if watch:
                    watch(key, tensor)
        return values

    def needed(self, wanted):
        """The steps that lead to some keys, in order; all for None."""
        if wanted is None:
            return self.steps
        keys, chosen = set(wanted), []
        for step in reversed(self.steps):
            if keys.intersection(step.outputs):
                keys.update(step.inputs)
                chosen.append(step)
        return chosen[::-1]

    def between(self, wanted, origin=None, without=None):
        """The steps on the ways to some keys, in order.

        Args:
            wanted: keys to which the ways lead.
            origin: key from which they come; None is the model's input.
            without: a ``Step`` that they may not pass.
        """
        reached, chosen = {self.inputs[0] if origin is None else origin}, []
        for step in self.needed(wanted):
            if step is not without and reached.intersection(step.inputs):
                reached.update(step.outputs)
                chosen.append(step)
        return chosen

    def must_pass(self, step, wanted):
        """Whether every way from the model's input to some keys passes a step."""
        reached = {*self.inputs}
        for other in self.between(wanted, without=step):
            reached.update(other.outputs)
        return not reached.intersection(wanted)


def opened(model):
    """A model as a functional one, and its outputs as it nests them.

    A subclassed model is called on a symbolic image, which shows its layers.

    Raises:
        ValueError: its layers cannot be seen.
    """
    if getattr(model, "inputs", None) and getattr(model, "outputs", None):
        sequential = isinstance(model, keras.Sequential)
        view = keras.Model(model.inputs, model.outputs) if sequential else model
        return view, model.outputs[0] if sequential else model.output
    try:
        shape = model.get_build_config()["input_shape"]
        image = keras.Input(shape[1:])
        structure = model.call(image)
        return keras.Model(image, structure), structure
    except Exception as error:  # whatever its own code raises
        raise ValueError(
            f"{model.name} is a {type(model).__name__} whose layers cannot be seen: "
            "expected a functional or sequential model, or one that was called on an "
            "image and takes symbolic ones"
        ) from error


def input_shape(view):
    """The shape of an image (ValueError if the model takes something else)."""
    shapes = [tuple(tensor.shape) for tensor in view.inputs]
    if len(shapes) != 1:
        raise ValueError(f"the model has {len(shapes)} inputs; expected one image")
    if len(shapes[0]) not in (3, 4, 5) or not shapes[0][-1]:
        raise ValueError(
            f"the model's input has shape {shapes[0]}; expected (N, height, width, "
            "channels), or one or three spatial axes for sequences and volumes"
        )
    return shapes[0][1:]


def output_names(view, structure):
    """Names of the outputs: keys of a dictionary, else the names of their layers."""
    if not isinstance(structure, dict):
        return view.output_names
    paths = (path for path, _ in keras.tree.flatten_with_path(structure))
    return ["/".join(map(str, path)) for path in paths]


def _nodes_in_order(view):
    """The calls inside a functional model, inputs apart, each after what it needs.

    Where that leaves a choice they are in the order in which they were made.
    """
    made = {id(operation): n for n, operation in enumerate(view.operations)}
    depths = sorted(view._nodes_by_depth, reverse=True)
    return [
        node
        for depth in depths
        for node in sorted(
            view._nodes_by_depth[depth], key=lambda node: made[id(node.operation)]
        )
        if not node.is_input
    ]


def _is_transparent(operation):
    """Whether an operation is itself a model whose layers can be seen."""
    return isinstance(operation, keras.Model) and bool(
        getattr(operation, "inputs", None) and getattr(operation, "outputs", None)
    )


@functools.cache
def _takes_training(kind):
    return "training" in inspect.signature(kind.call).parameters
