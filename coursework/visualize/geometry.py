"""Where the units of a layer are in the image: centers of their receptive fields.

A map over a layer's units, stretched to the size of the image, shows a spatial position
that may be several pixels off: a valid 7×7 convolution has no unit for the outer three
pixels. Here each step moves and spaces the centers by what it does, so that a map can
be put at its receptive fields (the arithmetic of Araujo, Norris and Sim, 2019).
"""

import typing

import numpy as np
from keras import layers


def named(names):
    """Kinds of Keras layers by their names, a tuple; those that there are."""
    return tuple(getattr(layers, n) for n in names.split() if hasattr(layers, n))


UNCHANGING = named(  # in inference they give on what they are given
    "Identity Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise "
    "GaussianDropout AlphaDropout ActivityRegularization"
)
POINTWISE = UNCHANGING + named(
    "BatchNormalization LayerNormalization GroupNormalization RMSNormalization "
    "UnitNormalization Rescaling Normalization Activation ReLU LeakyReLU PReLU ELU "
    "Softmax Dense RandomFlip RandomRotation RandomZoom RandomTranslation "
    "RandomContrast RandomBrightness"
)
POINTWISE_OPERATIONS = str.split(  # of keras.ops, by name
    "Add Subtract Multiply Divide TrueDivide Negative Maximum Minimum Clip Relu Relu6 "
    "LeakyRelu Elu Gelu Silu HardSigmoid HardSilu Sigmoid Tanh Softplus Cast Absolute"
)
MERGING = named("Add Subtract Multiply Average Maximum Minimum Concatenate")
MOVING = named("Permute Reshape Flatten Lambda")
MOVING_OPERATIONS = str.split(
    "Transpose Reshape Moveaxis Swapaxes Squeeze ExpandDims Ravel Einsum Stack Flip "
    "Rot90 Roll GetItem"
)
LAST, FIRST = "last", "first"  # which axis is that of the channels


class Axis(typing.NamedTuple):
    """Receptive fields of units along one axis.

    Attributes:
        start, stride: floats, px; the receptive field of unit i is centered at
            ``start + i * stride``.
        size: float, px, from the first to the last pixel that can count for a unit,
            those beyond the image included; interpolation is left out.
    """

    start: float
    stride: float
    size: float = 1.0


def layouts(graph, rank):
    """Which axis of every value of a ``Graph`` is that of the channels: a dict by key.

    "last", "first", or None where the value has another rank than the images, which is
    ``rank``, or its axes were moved. ValueError if the images have them first.
    """
    known = dict.fromkeys(graph.inputs, LAST)
    for step in graph.steps:
        taken = {known[key] for key in step.inputs}
        declared = getattr(step.operation, "data_format", None)
        if declared == "channels_first" and taken == {LAST} and _slides(step.operation):
            raise ValueError(
                f"layer {step.path} takes channels first, as its images are; expected "
                "a model of images with the channels last"
            )
        for key, tensor in zip(step.outputs, step.node.outputs, strict=True):
            known[key] = None
            if len(tensor.shape) == rank:
                known[key] = _layout(step.operation, taken, declared)
    return known


def _slides(operation):
    return any(kind in RULES for kind in type(operation).__mro__)


def _layout(operation, taken, declared):
    if isinstance(operation, MOVING) or type(operation).__name__ in MOVING_OPERATIONS:
        return None
    if declared:
        return FIRST if declared == "channels_first" else LAST
    return next(iter(taken)) if len(taken) == 1 else None


def grids(graph, shapes):
    """Where the units of every spatial value are.

    Args:
        graph: a ``Graph``.
        shapes: key → shape of the value, all sizes known but the first.

    Returns:
        dict, key → ``Axis`` for each spatial axis, or None where it is not known.
    """
    rank = len(shapes[graph.inputs[0]])
    known = dict.fromkeys(graph.inputs, (Axis(0.0, 1.0),) * (rank - 2))
    for step in graph.steps:
        taken = [known.get(key) for key in step.inputs]
        given = [shapes[key] for key in step.inputs]
        for key in step.outputs:
            known[key] = None
            if len(shapes[key]) == rank and taken:
                known[key] = _after(step.operation, taken, given, shapes[key])
    return known


def _after(layer, taken, shapes, shape):
    """The grid of what a step gives, or None."""
    if isinstance(layer, MERGING) or type(layer).__name__ in POINTWISE_OPERATIONS:
        return _merged(taken, shapes, shape)
    if taken[0] is None or len(shapes[0]) != len(shape):
        return None
    if isinstance(layer, POINTWISE):
        return taken[0] if shapes[0][1:-1] == shape[1:-1] else None
    if getattr(layer, "data_format", None) == "channels_first":
        return None
    if getattr(layer, "crop_to_aspect_ratio", False):
        return None
    rule = next((RULES[kind] for kind in type(layer).__mro__ if kind in RULES), None)
    if rule is None:
        return None
    sizes = zip(taken[0], shapes[0][1:-1], shape[1:-1], strict=True)
    return tuple(rule(layer, axis, *each) for axis, each in enumerate(sizes))


def _merged(taken, shapes, shape):
    """The common grid of all that is as large as the result; gates are smaller."""
    spatial = [
        grid
        for grid, given in zip(taken, shapes, strict=True)
        if len(given) == len(shape) and given[1:-1] == shape[1:-1]
    ]
    if not spatial or None in spatial:
        return None
    if any(_centers(grid) != _centers(spatial[0]) for grid in spatial):
        return None
    by_axis = zip(*spatial, strict=True)
    return tuple(max(axes, key=lambda axis: axis.size) for axes in by_axis)


def _centers(grid):
    """A grid without the sizes of its receptive fields."""
    return [axis[:2] for axis in grid]


def window(layer, axis, length):
    """Size, stride, dilation and padding before the first of ``length`` units, ints."""
    size = (getattr(layer, "kernel_size", None) or layer.pool_size)[axis]
    stride = layer.strides[axis]
    dilation = layer.dilation_rate[axis] if hasattr(layer, "dilation_rate") else 1
    reach, padded = (size - 1) * dilation, 0
    if layer.padding == "causal":
        padded = reach
    elif layer.padding == "same":
        padded = max((-(-length // stride) - 1) * stride + reach + 1 - length, 0) // 2
    return size, stride, dilation, padded


def _slid(layer, axis, before, length, _):
    size, stride, dilation, padded = window(layer, axis, length)
    reach = before.stride * (size - 1) * dilation
    start = before.start + reach / 2 - before.stride * padded
    return Axis(start, before.stride * stride, before.size + reach)


def _shifted(before, units):
    return before._replace(start=before.start + before.stride * units)


def _first(amounts, axis):
    """What is added or cut at the beginning of an axis; in 1D it is one pair."""
    return amounts[axis][0] if isinstance(amounts[0], tuple) else amounts[0]


def _padded(layer, axis, before, *_):
    return _shifted(before, -_first(layer.padding, axis))


def _cropped(layer, axis, before, *_):
    return _shifted(before, _first(layer.cropping, axis))


def _center_cropped(_, axis, before, length, new_length):
    return _shifted(before, (length - new_length) // 2)


def _resized(_, axis, before, length, new_length):
    ratio = length / new_length
    start = before.start + before.stride * (ratio / 2 - 0.5)
    return Axis(start, before.stride * ratio, before.size)


RULES = {
    kind: rule
    for names, rule in (
        ("Conv DepthwiseConv SeparableConv MaxPooling AveragePooling", _slid),
        ("ZeroPadding", _padded),
        ("Cropping", _cropped),
        ("UpSampling", _resized),
    )
    for kind in named(
        " ".join(f"{n}{rank}D" for n in names.split() for rank in (1, 2, 3))
    )
} | {layers.Resizing: _resized, layers.CenterCrop: _center_cropped}


def placement(axis, units, pixels):
    """How to put values of units on pixels, along one axis, by linear interpolation.

    Beyond the outermost centers of receptive fields the map fades to 0 within a
    stride: no unit is there. Where several units share a pixel it has their mean.

    Args:
        axis: an ``Axis``, or None: then the units are spread evenly over all pixels,
            and the outermost ones reach to the border.
        units, pixels: int, how many there are.

    Returns:
        (pixels, units) float32; a column of values times it from the left.
    """
    even = Axis(pixels / units / 2 - 0.5, pixels / units)
    start, stride, _ = axis or even
    position = (np.arange(pixels) - start) / stride
    if axis is None:
        position = position.clip(0, units - 1)
    reach = max(1, 1 / stride)  # in units
    tents = (1 - np.abs(position[:, None] - np.arange(units)) / reach).clip(0)
    if reach > 1:
        sums = tents.sum(axis=1, keepdims=True)
        tents /= sums if axis is None else np.maximum(sums, reach)
    return tents.astype(np.float32)
