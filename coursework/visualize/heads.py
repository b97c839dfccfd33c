"""The outputs of a model, and their scores before the softmax or sigmoid."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from . import geometry

KINDS = {  # of the activations of heads: their probabilities from their scores
    "softmax": keras.ops.softmax,
    "sigmoid": keras.ops.sigmoid,
    "linear": lambda scores: scores,
}
WITH_ACTIVATION = geometry.named(  # they put an activation behind a linear function
    "Dense EinsumDense Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose "
    "Conv3DTranspose DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D"
)
PASSING = {"Flatten", "Reshape", "Squeeze", "ExpandDims", "Ravel", "Cast"}


@dataclasses.dataclass(frozen=True)
class PreActivation:
    """How to get at what a layer gives before its activation.

    Attributes:
        key: of the value itself, or of the one that ``layer`` makes it from.
        layer: a double of the layer, with its very weights and a linear activation, or
            None if the value is there without it.
    """

    key: int
    layer: object = None

    def of(self, values):
        """The value before the activation, a float32 tensor."""
        value = values[self.key]
        return tf.cast(self.layer(value) if self.layer else value, tf.float32)


def pre_activation(step):
    """The ``PreActivation`` of a step; of a layer without one it is what it gives."""
    operation = step.operation
    if is_pure_activation(operation):
        return PreActivation(step.inputs[0])
    if not isinstance(operation, WITH_ACTIVATION):
        return PreActivation(step.outputs[0])
    if kind_of(operation.activation) == "linear":
        return PreActivation(step.outputs[0])
    double = object.__new__(type(operation))
    double.__dict__.update(operation.__dict__)
    double.__dict__["activation"] = keras.activations.linear
    return PreActivation(step.inputs[0], double)


@dataclasses.dataclass(frozen=True)
class Head:
    """One output of a model.

    Attributes:
        name: str.
        index: int, position among the outputs.
        kind: "softmax", "sigmoid" or "linear"; "grouped" is a softmax over parts of it.
        units: int, how many numbers it gives for an image; 0 if it gives no vector.
        before: the ``PreActivation`` of its last layer.
    """

    name: str
    index: int
    kind: str
    units: int
    before: PreActivation

    @property
    def needs(self):
        """Keys of the values that ``scores`` takes."""
        return (self.before.key,)

    @property
    def key(self):
        """What sets it apart from other heads."""
        return self.name

    @property
    def what(self):
        """What messages call it."""
        return f"head {self.name}"

    @property
    def classes(self):
        """How many classes can be asked for: a single sigmoid neuron has two."""
        return 2 if self.kind == "sigmoid" and self.units == 1 else self.units

    def scores(self, values):
        """(N, units) float32, before the activation, from the graph's values."""
        scores = self.before.of(values)
        if len(scores.shape) == 2:
            return scores
        return tf.reshape(scores, (tf.shape(scores)[0], self.units))

    def class_scores(self, scores):
        """(N, classes): a single sigmoid neuron's score is of class 1, −score of 0."""
        if self.classes == self.units:
            return scores
        return keras.ops.concatenate([-scores, scores], axis=1)

    def probabilities(self, scores):
        """(N, classes) float32 array from scores before the activation, (N, units)."""
        probabilities = KINDS[self.kind](self.class_scores(scores))
        return keras.ops.convert_to_numpy(probabilities)

    def choose(self, values, targets):
        """Scores (n, units), targets, predicted where −1, and each target's score."""
        scores = self.scores(values)
        classes = self.class_scores(scores)
        targets = tf.where(targets < 0, tf.argmax(classes, axis=1), targets)
        return scores, targets, tf.gather(classes, targets, axis=1, batch_dims=1)

    def answers(self, scores, targets):
        """What ``Maps`` say of the prediction."""
        return {
            "targets": targets,
            "predictions": np.asarray(self.class_scores(scores)).argmax(axis=1),
            "probabilities": self.probabilities(scores)[range(len(targets)), targets],
        }

    def check_targets(self, target, count):
        """(count,) int64, −1 for the predicted class (ValueError if out of range)."""
        if target is None:
            return np.full(count, -1)
        classes = np.asarray(target)
        if classes.shape not in ((), (count,)) or classes.dtype.kind not in "iu":
            raise ValueError(
                f"target is {target!r}; expected a class or {count} of them, whole "
                "numbers"
            )
        if classes.min() < 0 or classes.max() >= self.classes:
            last = self.classes - 1
            raise ValueError(
                f"target is {target!r}; head {self.name} has classes 0…{last}"
            )
        return np.broadcast_to(classes, (count,)).astype(np.int64)


def make_head(graph, output, name, index):
    """The ``Head`` of an output tensor, from which one walks back to its scores."""
    key = last = graph.outputs[index]
    units = (output.shape[-1] or 0) if len(output.shape) == 2 else 0
    step = graph.makers.get(key)
    while step and _passes_on(step):
        key = step.inputs[0]
        step = graph.makers.get(key)
    kind = activation_kind(step.operation) if step else "linear"
    if kind not in KINDS or kind == "linear":
        return Head(name, index, "linear", units, PreActivation(last))
    shape = step.node.outputs[0].shape
    axis = getattr(step.operation, "axis", -1)
    whole = axis in (-1, len(shape) - 1) and shape[-1] == units
    if kind == "softmax" and units and not whole:
        kind = "grouped"
    return Head(name, index, kind, units, pre_activation(step))


# --- activations ----------------------------------------------------------------------


def activation_kind(operation):
    """What an operation ends with: a name of ``KINDS``, or of another activation."""
    if isinstance(operation, keras.layers.Softmax):
        return "softmax"
    if isinstance(operation, keras.layers.ReLU):
        return "relu"
    if isinstance(operation, (keras.layers.Activation, *WITH_ACTIVATION)):
        return kind_of(operation.activation)
    if isinstance(operation, keras.layers.Layer):
        return "linear"
    return type(operation).__name__.lower()  # of keras.ops: Softmax, Sigmoid, Relu …


def kind_of(activation):
    """The name of an activation function; "softmax" for TensorFlow's, too."""
    if activation is None:
        return "linear"
    if isinstance(activation, keras.layers.Layer):
        return activation_kind(activation)
    return getattr(activation, "__name__", "unknown").removesuffix("_v2")


def is_pure_activation(operation):
    """Whether an operation is nothing but an activation."""
    pure = (keras.layers.Activation, keras.layers.Softmax, keras.layers.ReLU)
    if isinstance(operation, keras.layers.Layer):
        return isinstance(operation, pure)
    return activation_kind(operation) in (*KINDS, "relu")


def _passes_on(step):
    """Whether a step gives on, in inference, the numbers that it is given."""
    operation = step.operation
    unchanging = isinstance(operation, geometry.UNCHANGING)
    if unchanging or type(operation).__name__ in PASSING:
        return True
    pure = isinstance(operation, keras.layers.Activation)
    return pure and activation_kind(operation) == "linear"
