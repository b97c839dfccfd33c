"""A Keras model as one web page: an image goes in, and every layer is to be seen.

The page computes by itself, in plain JavaScript (the folder ``live`` beside this file):
forward pass, class activation maps, gradient ascent. Nothing is loaded from elsewhere,
so that the file can be opened from a disk or sent to somebody.
"""

import base64
import functools
import html
import json
import pathlib
import re

import keras
import numpy as np

from . import graph

LIVE = pathlib.Path(__file__).parent / "live"
ENGINE = ("operations.js", "net.js", "maps.js", "painting.js")  # in this order
VIEWER = "viewer.js"
STYLE = "style.css"
MOST_MACS = 10**9  # multiplications and additions of an answer; a phone takes seconds
MARK = re.compile(r"{{(\w+)}}")


class Plan:
    """The steps of a network in the order in which the page computes them.

    Attributes:
        steps: list of dicts, one for each step; ``net.js`` reads them.
        made_by: dict, key of a value of the graph → number of the step; −1 is the
            image.
        macs: int, multiplications and additions of an answer.
    """

    def __init__(self, model):
        """Translate a model.

        Raises:
            ValueError: it has a layer, or a setting of one, that the page does not
                know; the message names the layer.
        """
        taken_apart = graph.Graph(model)
        self.steps, self.macs = [], 0
        self._arrays, self._places, self._size = [], {}, 0
        self.made_by = {taken_apart.inputs[0]: -1}
        for step in taken_apart.steps:
            self._translate(step)
        self.outputs = [self.made_by[key] for key in taken_apart.outputs]

    def _translate(self, step):
        self.at, self.path, operation = step, step.path, step.operation
        rule = RULES.get(type(operation)) or OPERATIONS.get(_operation_name(operation))
        if rule is None:
            kind = type(operation).__name__
            raise ValueError(
                f"layer {step.path} is a {kind}, which the page does not know; it "
                f"knows {', '.join(sorted(known.__name__ for known in RULES))}"
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
            self.made_by[key] = self._last

    @property
    def inputs(self):
        """Numbers of the steps that the present layer reads."""
        return [self.made_by[key] for key in self.at.inputs]

    @property
    def shape(self):
        """What the present layer gives, as a list without the first axis."""
        return [int(size) for size in self.at.node.outputs[0].shape[1:]]

    @property
    def input_shape(self):
        """The same of what it reads first."""
        return [int(size) for size in self.at.node.input_tensors[0].shape[1:]]

    def refuse(self, why):
        """Say that a layer cannot be on the page (ValueError)."""
        kind = type(self.at.operation).__name__
        raise ValueError(f"layer {self.path} ({kind}) {why}")

    def step(self, kind, inputs=None, name=None, shape=None, arrays=None, **settings):
        """Append a step; ``arrays`` are weights by their role.

        Returns:
            list with its number, the ``inputs`` of a step that reads it.
        """
        found = {
            "name": name or self.path,
            "kind": kind,
            "inputs": self.inputs if inputs is None else inputs,
            "shape": shape or self.shape,
            **settings,
        }
        if arrays := {role: a for role, a in (arrays or {}).items() if a is not None}:
            found["arrays"] = {role: self._keep(a) for role, a in arrays.items()}
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

    def linear(self, kind, layer, arrays, **settings):
        """Append a linear step and behind it the activation of the layer, if any."""
        bias = layer.bias if layer.use_bias else None
        name, values = activation_of(self, layer.activation)
        before = f"{self.path} (before its activation)"
        made = self.step(
            *(kind, None, self.path if name == "linear" else before),
            **{"arrays": arrays | {"bias": bias}, **settings},
        )
        if name != "linear":
            self.step("activation", made, function=name, **values)


def activation_of(plan, activation):
    """Name and settings of an activation function, a function of Keras or a layer."""
    if activation is None:
        return "linear", {}
    if isinstance(activation, keras.layers.Layer):
        settings = _layer_activation(plan, activation)
        return settings.pop("function"), settings
    name = getattr(activation, "__name__", "unknown")
    name = {"swish": "silu", "hard_swish": "hard_silu"}.get(name, name)
    if getattr(keras.activations, name, None) is not activation:
        plan.refuse(f"has the activation {name}, which the page does not know")
    if name not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        plan.refuse(f"has the activation {name}; the page knows {known}")
    return ACTIVATIONS[name][0], dict(ACTIVATIONS[name][1])


ACTIVATIONS = {  # of Keras → function of net.js, and its settings
    name: (name, {})
    for name in (
        *("linear", "relu", "elu", "selu", "gelu", "silu", "sigmoid", "tanh"),
        *("softplus", "hard_sigmoid", "hard_silu", "exponential", "softmax"),
    )
} | {"relu6": ("relu", {"most": 6}), "leaky_relu": ("relu", {"slope": 0.2})}


# --- layers -----------------------------------------------------------------------


def _window(plan, size, strides, padding, dilation=(1, 1)):
    """Settings of a window that slides over the image, with TensorFlow's padding."""
    pads = [0, 0]
    if padding == "same":
        for axis in range(2):
            length = plan.input_shape[axis]
            reach = (size[axis] - 1) * dilation[axis]
            last = (-(-length // strides[axis]) - 1) * strides[axis]
            pads[axis] = max(last + reach + 1 - length, 0) // 2
    return {"size": list(size), "strides": list(strides), "pads": pads}


def _conv(plan, layer):
    if layer.groups != 1:
        plan.refuse(f"has {layer.groups} groups; expected 1")
    plan.macs += int(np.prod(layer.kernel.shape)) * int(np.prod(plan.shape[:2]))
    window = _window(
        *(plan, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    )
    dilation = list(layer.dilation_rate)
    plan.linear("conv", layer, {"kernel": layer.kernel}, dilation=dilation, **window)


def _depthwise(plan, layer):
    plan.macs += int(np.prod(layer.kernel.shape)) * int(np.prod(plan.shape[:2]))
    window = _window(
        *(plan, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    )
    dilation = list(layer.dilation_rate)
    kernel = {"kernel": layer.kernel}
    plan.linear("depthwise", layer, kernel, dilation=dilation, **window)


def _separable(plan, layer):
    size = layer.kernel_size
    window = _window(plan, size, layer.strides, layer.padding, layer.dilation_rate)
    kernel = layer.depthwise_kernel
    between = [*plan.shape[:2], int(kernel.shape[2] * kernel.shape[3])]
    plan.macs += (
        int(np.prod(plan.shape[:2])) * between[2] * (size[0] * size[1] + plan.shape[2])
    )
    inside = plan.step(
        *("depthwise", None, f"{plan.path} (each channel)", between),
        **{"arrays": {"kernel": kernel}, "dilation": list(layer.dilation_rate)},
        **window,
    )
    name, values = activation_of(plan, layer.activation)
    before = f"{plan.path} (before its activation)"
    one = {"size": [1, 1], "strides": [1, 1], "pads": [0, 0], "dilation": [1, 1]}
    bias = layer.bias if layer.use_bias else None
    arrays = {"kernel": layer.pointwise_kernel, "bias": bias}
    made = plan.step(
        *("conv", inside, plan.path if name == "linear" else before),
        **{"arrays": arrays, **one},
    )
    if name != "linear":
        plan.step("activation", made, function=name, **values)


def _dense(plan, layer):
    if layer.quantization_mode:
        plan.refuse(f"is quantized ({layer.quantization_mode})")
    positions = int(np.prod(plan.shape[:-1]))
    plan.macs += int(np.prod(layer.kernel.shape)) * positions
    plan.linear("dense", layer, {"kernel": layer.kernel})


def _pool(kind, plan, layer):
    strides = layer.strides or layer.pool_size
    plan.step(kind, **_window(plan, layer.pool_size, strides, layer.padding))


def _batch_normalization(plan, layer):
    if layer.axis not in (-1, len(plan.shape)):
        plan.refuse(f"normalizes axis {layer.axis}; expected the last")
    mean, variance = map(_float64, (layer.moving_mean, layer.moving_variance))
    scale = _float64(layer.gamma) if layer.scale else np.ones_like(mean)
    factor = scale / np.sqrt(variance + layer.epsilon)
    offset = (_float64(layer.beta) if layer.center else 0) - mean * factor
    plan.step("affine", arrays={"factor": factor, "offset": offset})


def _rescaling(plan, layer):
    channels = np.ones(plan.shape[-1])
    factor, offset = np.asarray(layer.scale), np.asarray(layer.offset)
    arrays = {"factor": factor * channels, "offset": offset * channels}
    plan.step("affine", arrays=arrays, fixed=True)


def _normalization(plan, layer):
    channels = np.ones(plan.shape[-1])
    mean, variance = map(_float64, (layer.mean, layer.variance))
    if mean.size not in (1, channels.size) or layer.invert:
        plan.refuse("normalizes more than the channels; expected axis=-1")
    factor = channels / np.maximum(np.sqrt(variance.ravel()), keras.config.epsilon())
    arrays = {"factor": factor, "offset": -mean.ravel() * factor}
    plan.step("affine", arrays=arrays, fixed=True)


def _float64(variable):
    return np.asarray(keras.ops.convert_to_numpy(variable), np.float64)


def _layer_activation(plan, layer):
    """The function and settings of a layer that is nothing but an activation."""
    if isinstance(layer, keras.layers.ReLU):
        slope, threshold = float(layer.negative_slope), float(layer.threshold)
        most = None if layer.max_value is None else float(layer.max_value)
        settings = {"slope": slope, "threshold": threshold, "most": most}
        return {"function": "relu"} | {k: v for k, v in settings.items() if v}
    if isinstance(layer, keras.layers.LeakyReLU):
        return {"function": "relu", "slope": float(layer.negative_slope)}
    if isinstance(layer, keras.layers.ELU):
        return {"function": "elu", "alpha": float(layer.alpha)}
    if isinstance(layer, keras.layers.Softmax):
        if layer.axis not in (-1, len(plan.shape)):
            plan.refuse(f"is over axis {layer.axis}; expected the last")
        return {"function": "softmax"}
    name, settings = activation_of(plan, layer.activation)
    return {"function": name, **settings}


def _activation(plan, layer):
    settings = _layer_activation(plan, layer)
    if settings["function"] == "linear":
        plan.same()
    else:
        plan.step("activation", **settings)


def _zero_padding(plan, layer):
    plan.step("pad", pads=[first for first, _ in layer.padding])


def _merge(kind, plan, _):
    sizes = [t.shape[1:] for t in plan.at.node.input_tensors]
    for size in sizes:  # the whole, or one position that counts everywhere
        small = len(size) == len(plan.shape) and set(size[:-1]) == {1}
        if tuple(size) != tuple(plan.shape) and not (
            small and size[-1] == plan.shape[-1]
        ):
            plan.refuse(f"joins values of shapes {[tuple(size) for size in sizes]}")
    if len(sizes) < 2:
        plan.refuse("has a constant in it")
    plan.step(kind)


def _concatenate(plan, layer):
    if layer.axis not in (-1, len(plan.shape)):
        plan.refuse(f"joins axis {layer.axis}; expected the last")
    plan.step("concatenate")


def _global(kind, plan, _):
    plan.step(kind)


def _same(plan, _):
    plan.same()


def _copy(plan, _):
    plan.step("copy")


LAYERS = keras.layers
RULES = {
    LAYERS.Conv2D: _conv,
    LAYERS.DepthwiseConv2D: _depthwise,
    LAYERS.SeparableConv2D: _separable,
    LAYERS.Dense: _dense,
    LAYERS.MaxPooling2D: functools.partial(_pool, "maxpool"),
    LAYERS.AveragePooling2D: functools.partial(_pool, "avgpool"),
    LAYERS.GlobalAveragePooling2D: functools.partial(_global, "globalavg"),
    LAYERS.GlobalMaxPooling2D: functools.partial(_global, "globalmax"),
    LAYERS.BatchNormalization: _batch_normalization,
    LAYERS.Rescaling: _rescaling,
    LAYERS.Normalization: _normalization,
    LAYERS.ZeroPadding2D: _zero_padding,
    LAYERS.Add: functools.partial(_merge, "add"),
    LAYERS.Multiply: functools.partial(_merge, "multiply"),
    LAYERS.Concatenate: _concatenate,
    **dict.fromkeys((LAYERS.Flatten, LAYERS.Reshape), _copy),
    **dict.fromkeys(
        (
            *(LAYERS.Activation, LAYERS.ReLU, LAYERS.LeakyReLU, LAYERS.ELU),
            LAYERS.Softmax,
        ),
        _activation,
    ),
    **dict.fromkeys(
        (
            *(LAYERS.Dropout, LAYERS.SpatialDropout2D, LAYERS.GaussianDropout),
            *(LAYERS.GaussianNoise, LAYERS.AlphaDropout, LAYERS.ActivityRegularization),
            LAYERS.Identity,
        ),
        _same,
    ),
}
OPERATIONS = {  # x + y and x * y of a functional model
    "Add": functools.partial(_merge, "add"),
    "Multiply": functools.partial(_merge, "multiply"),
}


def _operation_name(operation):
    """The name of an operation of keras.ops; None for a layer."""
    is_layer = isinstance(operation, keras.layers.Layer)
    return None if is_layer else type(operation).__name__


# --- what is written ----------------------------------------------------------------


def describe(model, name):
    """A model as ``net.js`` reads it.

    Args:
        model: a functional or sequential ``keras.Model`` that takes one image.
        name: str, shown on the page.

    Returns:
        dict that JSON can hold. ``weights`` are 32-bit floats: with 16 bits one map in
        ten moves by more than a thousandth of its maximum.

    Raises:
        ValueError: it takes something else than one image of a known size, or has a
            layer that the page does not know, or needs more than ``MOST_MACS``.
    """
    graph.symbolic(model, "outputs")
    shapes = [tuple(tensor.shape)[1:] for tensor in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 3 or shapes[0][2] not in (1, 3):
        raise ValueError(
            f"the model takes {', '.join(map(str, shapes))}; expected one image of "
            "1 or 3 channels, the channels last"
        )
    if None in shapes[0]:
        raise ValueError(f"the model takes {shapes[0]}; expected a size that is known")
    plan = Plan(model)
    if plan.macs > MOST_MACS:
        raise ValueError(
            f"an answer takes {plan.macs / 1e6:,.0f} million multiplications; expected "
            f"at most {MOST_MACS / 1e6:,.0f} million, which a browser does in seconds"
        )
    names = keras.Model(model.inputs, model.outputs).output_names
    heads = [
        _head(plan, name, at) for name, at in zip(names, plan.outputs, strict=True)
    ]
    return {
        "name": name,
        "image": [int(size) for size in shapes[0]],
        "parameters": int(model.count_params()),
        "macs": plan.macs,
        "heads": heads,
        "steps": plan.steps,
        "weights": pack(plan.weights),
    }


def _head(plan, name, at):
    """An output: its scores before softmax or sigmoid, and how many classes."""
    step = plan.steps[at]
    if len(step["shape"]) != 1:
        raise ValueError(
            f"head {name} gives {tuple(step['shape'])}; expected a number a class"
        )
    kind = step.get("function") if step["kind"] == "activation" else "linear"
    kind = kind if kind in ("softmax", "sigmoid") else "linear"
    scores = at if kind == "linear" else step["inputs"][0]
    units = step["shape"][0]
    classes = 2 if kind == "sigmoid" and units == 1 else units
    return {"name": name, "kind": kind, "scores": scores, "classes": classes}


def pack(weights):
    """32-bit floats as base64 text, their bytes sorted by place.

    The first bytes of all, then the second ones …: sign and exponent are much alike,
    which makes the text a tenth smaller when a server compresses it.
    """
    sorted_bytes = weights.astype("<f4").view(np.uint8).reshape(-1, 4).T
    return base64.b64encode(sorted_bytes.tobytes()).decode("ascii")


def script(description):
    """A description as a JavaScript file that a page loads: text."""
    text = json.dumps(description, separators=(",", ":"), ensure_ascii=True)
    name = json.dumps(description["name"])
    # "</" could end a script inside of a page.
    text = text.replace("</", "<\\/")
    return f"(self.NETWORKS ||= {{}})[{name}] = {text};\n"


def make(model, name, pixels=(0.0, 255.0), classes=None):
    """The page of a model.

    Args:
        model: a ``keras.Model``.
        name: str, the title.
        pixels: the pixel range that the model expects, lower end first.
        classes: names of the classes, where the model has one head; None is numbers.

    Returns:
        str, HTML that needs nothing else.

    Raises:
        ValueError: as ``describe``; or another number of names than of classes.
    """
    description = describe(model, name)
    counts = [head["classes"] for head in description["heads"]]
    if classes is not None and counts != [len(classes)]:
        raise ValueError(
            f"{len(classes)} names of classes for heads of {counts}; expected one head "
            "with as many classes as names"
        )
    description |= {"pixels": list(map(float, pixels)), "classes": classes}
    parts = {
        "title": html.escape(name),
        "style": _read(STYLE),
        "scripts": "\n".join(map(_read, (*ENGINE, VIEWER))),
        "network": script(description),
    }
    return MARK.sub(lambda mark: parts[mark[1]], _read("viewer.html"))


def _read(name):
    return (LIVE / name).read_text(encoding="utf-8")
