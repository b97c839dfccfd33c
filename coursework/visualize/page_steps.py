"""A Keras model as the steps that a page computes, translated layer by layer."""

import functools

import keras
import numpy as np

from . import geometry, heads

LAYERS = keras.layers
POINT = {"size": [1, 1], "strides": [1, 1], "pads": [0, 0], "dilation": [1, 1]}


class Plan:
    """The steps of a network in the order in which the page computes them.

    Attributes:
        steps: list of dicts, one for each step; ``net.js`` reads them.
        outputs: numbers of the steps that give the model's outputs.
        macs: int, multiplications and additions of an answer.
    """

    def __init__(self, network, pixels):
        """Translate a model.

        Args:
            network: a ``network.Network``.
            pixels: a ``pixels.Pixels``: what the model makes of 0…255.

        Raises:
            ValueError: it has a layer, or a setting of one, that the page does not
                know; the message names the layer.
        """
        self.steps, self.macs, self._last = [], 0, -1
        self._arrays, self._places, self._size = [], {}, 0
        self._scale(network.input_shape, pixels)
        self._made_by = {network.graph.inputs[0]: self._last}
        for step in network.graph.steps:
            self._translate(step)
        self.outputs = [self._made_by[key] for key in network.graph.outputs]

    def _scale(self, shape, pixels):
        """From 0…255 into the pixel range of the model, if that is another."""
        scale = np.ones(shape[-1]) * np.subtract(pixels.high, pixels.low) / 255
        offset = np.ones(shape[-1]) * pixels.low
        given = {"inputs": [-1], "name": "pixels", "shape": list(shape), "fixed": True}
        if pixels.reverse:  # channels change places: a convolution of 1×1
            arrays = {"kernel": np.diag(scale)[::-1], "bias": offset}
            self.step("conv", arrays=arrays, **given, **POINT)
        elif (scale != 1).any() or offset.any():
            arrays = {"factor": scale, "offset": offset}
            self.step("affine", arrays=arrays, **given)

    def _translate(self, step):
        self.at, self.path, operation = step, step.path, step.operation
        kind = type(operation)
        rule = RULES.get(kind) if step.is_layer else OPERATIONS.get(kind.__name__)
        if rule is None:
            raise ValueError(
                f"layer {step.path} is a {kind.__name__}, which the page does not know;"
                f" it knows {', '.join(sorted(known.__name__ for known in RULES))}"
            )
        if getattr(operation, "data_format", None) == "channels_first":
            self.refuse("has the channels first; expected them last")
        shape = tuple(step.node.outputs[0].shape)
        if None in shape[1:]:
            self.refuse(f"gives {shape}; expected a size that is known")
        if len(step.inputs) != len(step.node.input_tensors):
            self.refuse("takes the same value twice")
        rule(self, operation)
        for key in step.outputs:
            self._made_by[key] = self._last

    @property
    def inputs(self):
        """Numbers of the steps that the present layer reads."""
        return [self._made_by[key] for key in self.at.inputs]

    @property
    def shape(self):
        """What the present layer gives, as a list without the first axis."""
        return [int(size) for size in self.at.node.outputs[0].shape[1:]]

    def refuse(self, why):
        """Say that a layer cannot be on the page (ValueError)."""
        kind = type(self.at.operation).__name__
        raise ValueError(f"layer {self.path} ({kind}) {why}")

    def step(self, kind, inputs=None, name=None, shape=None, arrays=None, **settings):
        """Append a step; ``arrays`` are weights by their role, None for none.

        Returns:
            list with its number, the ``inputs`` of a step that reads it.
        """
        shape = shape or self.shape
        inputs = self.inputs if inputs is None else inputs
        found = {"name": name or self.path, "kind": kind, "inputs": inputs}
        found |= {"shape": shape, **settings}
        arrays = {role: a for role, a in (arrays or {}).items() if a is not None}
        if arrays:
            found["arrays"] = {role: self._keep(a) for role, a in arrays.items()}
        if "kernel" in arrays:
            self.macs += found["arrays"]["kernel"][1] * int(np.prod(shape[:-1]))
        self._last = len(self.steps)
        self.steps.append(found)
        return [self._last]

    def same(self):
        """The present layer gives on what it reads."""
        self._last = self.inputs[0]

    def _keep(self, array):
        """Where an array is among the weights: its start and its size."""
        array = np.asarray(keras.ops.convert_to_numpy(array), np.float32).ravel()
        content = array.tobytes()
        if content not in self._places:  # a layer that is called twice has one copy
            self._places[content] = [self._size, array.size]
            self._arrays.append(array)
            self._size += array.size
        return self._places[content]

    @property
    def weights(self):
        """All weights, (n,) float32."""
        return np.concatenate([np.zeros(0, np.float32), *self._arrays])

    def linear(self, kind, layer, kernel, inputs=None, **settings):
        """Append a linear step and behind it the activation of the layer, if any."""
        arrays = {"kernel": kernel, "bias": layer.bias if layer.use_bias else None}
        activation = activation_of(self, layer.activation)
        linear = activation["function"] == "linear"
        name = self.path if linear else f"{self.path} (before its activation)"
        made = self.step(kind, inputs, name, arrays=arrays, **settings)
        if not linear:
            self.step("activation", made, **activation)


# --- activations --------------------------------------------------------------------

_SAME_NAME = "linear relu elu selu gelu silu sigmoid tanh softplus hard_sigmoid"
ACTIVATIONS = {  # of Keras → function of activations.js, and its settings
    name: {"function": name}
    for name in f"{_SAME_NAME} hard_silu exponential softmax".split()
} | {
    "relu6": {"function": "relu", "most": 6},
    "leaky_relu": {"function": "relu", "slope": 0.2},
}


def activation_of(plan, activation):
    """Name and settings of an activation, a function of Keras or a layer."""
    if isinstance(activation, keras.layers.Layer):
        return _layer_activation(plan, activation)
    name = heads.kind_of(activation)
    name = {"swish": "silu", "hard_swish": "hard_silu"}.get(name, name)
    if activation and getattr(keras.activations, name, None) is not activation:
        plan.refuse(f"has an activation of its own, {name}; expected one of Keras")
    if name not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        plan.refuse(f"has the activation {name}; the page knows {known}")
    return dict(ACTIVATIONS[name])


def _layer_activation(plan, layer):
    """The same of a layer that is nothing but an activation."""
    if isinstance(layer, LAYERS.ReLU):
        slope, threshold = float(layer.negative_slope), float(layer.threshold)
        most = None if layer.max_value is None else float(layer.max_value)
        settings = {"slope": slope, "threshold": threshold, "most": most}
        return {"function": "relu"} | {k: v for k, v in settings.items() if v}
    if isinstance(layer, LAYERS.LeakyReLU):
        return {"function": "relu", "slope": float(layer.negative_slope)}
    if isinstance(layer, LAYERS.ELU):
        return {"function": "elu", "alpha": float(layer.alpha)}
    if isinstance(layer, LAYERS.Softmax):
        _check_last(plan, layer.axis)
        return {"function": "softmax"}
    return activation_of(plan, layer.activation)


def _activation(plan, layer):
    settings = _layer_activation(plan, layer)
    if settings["function"] == "linear":
        plan.same()
    else:
        plan.step("activation", **settings)


# --- layers -------------------------------------------------------------------------


def _check_last(plan, axis):
    if axis not in (-1, len(plan.shape)):
        plan.refuse(f"works along axis {axis}; expected the last")


def _window(plan, layer):
    """Settings of a window that slides over the image, with TensorFlow's padding."""
    lengths = plan.at.node.input_tensors[0].shape[1:3]
    both = [geometry.window(layer, axis, n) for axis, n in enumerate(lengths)]
    names = "size", "strides", "dilation", "pads"
    return {
        name: list(each)
        for name, each in zip(names, zip(*both, strict=True), strict=True)
    }


def _convolution(kind, plan, layer):
    if getattr(layer, "groups", 1) != 1:
        plan.refuse(f"has {layer.groups} groups; expected 1")
    plan.linear(kind, layer, layer.kernel, **_window(plan, layer))


def _separable(plan, layer):
    kernel = layer.depthwise_kernel
    inside = plan.step(
        "depthwise",
        name=f"{plan.path} (each channel)",
        shape=[*plan.shape[:2], int(kernel.shape[2] * kernel.shape[3])],
        arrays={"kernel": kernel},
        **_window(plan, layer),
    )
    plan.linear("conv", layer, layer.pointwise_kernel, inside, **POINT)


def _dense(plan, layer):
    if layer.quantization_mode:
        plan.refuse(f"is quantized ({layer.quantization_mode})")
    plan.linear("dense", layer, layer.kernel)


def _pool(kind, plan, layer):
    plan.step(kind, **_window(plan, layer))


def _affine(plan, factor, offset, **settings):
    channels = np.ones(plan.shape[-1])
    arrays = {"factor": factor * channels, "offset": offset * channels}
    plan.step("affine", arrays=arrays, **settings)


def _batch_normalization(plan, layer):
    _check_last(plan, layer.axis)
    mean, variance = map(_float64, (layer.moving_mean, layer.moving_variance))
    factor = (_float64(layer.gamma) if layer.scale else 1) / np.sqrt(
        variance + layer.epsilon
    )
    offset = _float64(layer.beta) if layer.center else 0
    _affine(plan, factor, offset - mean * factor)


def _rescaling(plan, layer):
    _affine(plan, np.asarray(layer.scale), np.asarray(layer.offset), fixed=True)


def _normalization(plan, layer):
    mean, variance = (_float64(v).ravel() for v in (layer.mean, layer.variance))
    if mean.size not in (1, plan.shape[-1]) or layer.invert:
        plan.refuse("normalizes more than the channels; expected axis=-1")
    factor = 1 / np.maximum(np.sqrt(variance), keras.config.epsilon())
    _affine(plan, factor, -mean * factor, fixed=True)


def _float64(variable):
    return np.asarray(keras.ops.convert_to_numpy(variable), np.float64)


def _zero_padding(plan, layer):
    plan.step("pad", pads=[first for first, _ in layer.padding])


def _merge(kind, plan, _):
    sizes = [tuple(t.shape[1:]) for t in plan.at.node.input_tensors]
    whole = tuple(plan.shape)
    position = (*(1 for _ in whole[:-1]), *whole[-1:])  # one that counts everywhere
    if not set(sizes) <= {whole, position}:
        plan.refuse(f"joins values of shapes {sizes}")
    if len(sizes) < 2:
        plan.refuse("has a constant in it")
    plan.step(kind)


def _concatenate(plan, layer):
    _check_last(plan, layer.axis)
    plan.step("concatenate")


def _plain(kind, plan, _):
    plan.step(kind)


_partial = functools.partial
_ACTIVATIONS = "Activation ReLU LeakyReLU ELU Softmax"
RULES = {  # kind of layer → function of the plan and the layer
    LAYERS.Conv2D: _partial(_convolution, "conv"),
    LAYERS.DepthwiseConv2D: _partial(_convolution, "depthwise"),
    LAYERS.SeparableConv2D: _separable,
    LAYERS.Dense: _dense,
    LAYERS.MaxPooling2D: _partial(_pool, "maxpool"),
    LAYERS.AveragePooling2D: _partial(_pool, "avgpool"),
    LAYERS.GlobalAveragePooling2D: _partial(_plain, "globalavg"),
    LAYERS.GlobalMaxPooling2D: _partial(_plain, "globalmax"),
    LAYERS.BatchNormalization: _batch_normalization,
    LAYERS.Rescaling: _rescaling,
    LAYERS.Normalization: _normalization,
    LAYERS.ZeroPadding2D: _zero_padding,
    LAYERS.Add: _partial(_merge, "add"),
    LAYERS.Multiply: _partial(_merge, "multiply"),
    LAYERS.Concatenate: _concatenate,
    LAYERS.Flatten: _partial(_plain, "copy"),
    LAYERS.Reshape: _partial(_plain, "copy"),
    **dict.fromkeys(geometry.named(_ACTIVATIONS), _activation),
    **dict.fromkeys(geometry.UNCHANGING, lambda plan, _: plan.same()),
}
OPERATIONS = {  # x + y and x * y of a functional model
    "Add": _partial(_merge, "add"),
    "Multiply": _partial(_merge, "multiply"),
}
