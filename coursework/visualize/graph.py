"""A Keras model as a flat list of steps, models inside models taken apart.

Keras runs a functional model by itself but does not show what happens inside a nested
one. Here every call of a layer is a step with a path, ``backbone/conv1``, and running
the steps gives every value in between, for reading or for a gradient. The model itself
is not changed and no layer is copied.
"""

import dataclasses
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
        node: Keras' note of this call: its arguments as symbolic tensors.
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
        """Call the operation, in inference mode, on its inputs.

        Args:
            values: dict, key → tensor.

        Returns:
            List of tensors, one for each of ``outputs``.
        """
        given = zip(self.node.input_tensors, self.inputs, strict=True)
        filled = {id(tensor): values[key] for tensor, key in given}
        arguments, options = self.node.arguments.fill_in(filled)
        if dense.is_plain(self.operation):
            return [dense.call(self.operation, *arguments)]
        if self.is_layer and _takes_training(self.operation):
            options = options | {"training": False}
        return keras.tree.flatten(self.operation(*arguments, **options))


class Graph:
    """All steps of a model, each after those whose values it takes.

    Attributes:
        steps: list of ``Step``.
        inputs: keys of the model's inputs.
        outputs: keys of its outputs.
    """

    def __init__(self, model):
        """Take a model apart.

        Args:
            model: a functional or sequential ``keras.Model``, built.

        Raises:
            ValueError: it is of another kind, so that its layers cannot be seen.
        """
        self.steps, self._calls, self._size = [], {}, 0
        inputs = symbolic(model, "inputs")
        self.inputs = self._new_keys(len(inputs))
        self.outputs = self._add(model, self.inputs, prefix="")

    def _new_keys(self, count):
        first, self._size = self._size, self._size + count
        return tuple(range(first, self._size))

    def _add(self, model, inputs, prefix):
        """Append the steps of a model that is given ``inputs``; returns its outputs."""
        view = keras.Model(symbolic(model, "inputs"), symbolic(model, "outputs"))
        keys = dict(zip(map(id, view.inputs), inputs, strict=True))
        for node in _nodes_in_order(view):
            taken = tuple(keys[id(tensor)] for tensor in node.input_tensors)
            operation = node.operation
            path = self._path(prefix + operation.name)
            if _is_transparent(operation):
                given = self._add(operation, taken, f"{path}/")
            else:
                given = self._new_keys(len(node.outputs))
                self.steps.append(Step(path, operation, node, taken, given))
            keys.update(zip(map(id, node.outputs), given, strict=True))
        return tuple(keys[id(tensor)] for tensor in view.outputs)

    def _path(self, path):
        count = self._calls[path] = self._calls.get(path, 0) + 1
        return path if count == 1 else f"{path}@{count}"

    def run(self, image, wanted=None, watch=None):
        """Run the model step by step.

        Args:
            image: tensor for the single input.
            wanted: keys of the values that are needed; steps that do not lead to them
                are left out. None is all.
            watch: function of a key and its tensor, called when the value is there and
                before it is used.

        Returns:
            dict, key → tensor.
        """
        values = dict(zip(self.inputs, [image], strict=True))
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

    def maker(self, key):
        """The ``Step`` that gives a value; None for the input."""
        return next((step for step in self.steps if key in step.outputs), None)

    def depends(self, key, on):
        """Whether the value of ``key`` changes with that of ``on``."""
        return key in self._reached_from({on})

    def leads_past(self, between, key):
        """Whether a way from the inputs to ``key`` does not lead by ``between``."""
        return key in self._reached_from(set(self.inputs), closed=between)

    def _reached_from(self, keys, closed=None):
        """All keys that depend on some by a way that does not lead by ``closed``."""
        for step in self.steps:
            if keys.intersection(step.inputs):
                keys = keys.union(step.outputs) - {closed}
        return keys


def symbolic(model, which):
    """The symbolic inputs or outputs of a model (ValueError if it has none)."""
    tensors = getattr(model, which, None)
    if not tensors:
        raise ValueError(
            f"{model.name} is a {type(model).__name__} whose layers cannot be seen: "
            "expected a functional or sequential model that has been built"
        )
    return tensors


def _nodes_in_order(view):
    """The calls inside a functional model, inputs apart, each after what it needs.

    Where that leaves a choice they stand in the order in which they were made.
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


def _takes_training(layer):
    return "training" in inspect.signature(layer.call).parameters
