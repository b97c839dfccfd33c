"""Where the units of a layer look: the centers of their receptive fields.

A map over a layer's units, stretched to the size of the image, shows a place that may
be several pixels off: a valid 7×7 convolution has no unit for the outer three pixels.
Here each step moves and spaces the centers by what it does, so that a map can be put
where its units look (the arithmetic of Araujo, Norris and Sim, 2019).
"""

import typing

import numpy as np
from keras import layers

POINTWISE = (
    *(layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization),
    *(layers.Rescaling, layers.Normalization, layers.Activation, layers.ReLU),
    *(layers.LeakyReLU, layers.PReLU, layers.ELU, layers.Softmax, layers.Identity),
    *(layers.Dropout, layers.SpatialDropout2D, layers.GaussianNoise),
    *(layers.GaussianDropout, layers.AlphaDropout, layers.ActivityRegularization),
    *(layers.UnitNormalization, layers.RMSNormalization, layers.Dense),
    *(layers.RandomFlip, layers.RandomRotation, layers.RandomZoom),
    *(layers.RandomTranslation, layers.RandomContrast, layers.RandomBrightness),
)
POINTWISE_OPERATIONS = {  # of keras.ops, by name
    *("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Negative", "Maximum"),
    *("Minimum", "Clip", "Relu", "Relu6", "LeakyRelu", "Elu", "Gelu", "Silu"),
    *("HardSigmoid", "HardSilu", "Sigmoid", "Tanh", "Softplus", "Cast", "Absolute"),
}
MERGING = (
    *(layers.Add, layers.Subtract, layers.Multiply, layers.Average),
    *(layers.Maximum, layers.Minimum, layers.Concatenate),
)


class Axis(typing.NamedTuple):
    """Receptive fields of units along one axis.

    Attributes:
        start, stride: floats, px; the field of unit i is centerd at
            ``start + i * stride``.
        size: float, px, from the first to the last pixel that can count for a unit,
            those beyond the image included; interpolation is left out.
    """

    start: float
    stride: float
    size: float = 1.0


IMAGE = (Axis(0.0, 1.0), Axis(0.0, 1.0))


def grids(graph, values):
    """Where the units of every spatial value look.

    Args:
        graph: a ``Graph``.
        values: key → tensor, of a run.

    Returns:
        dict, key → (``Axis`` down, ``Axis`` across), or None where it is not known.
    """
    known = dict.fromkeys(graph.inputs, IMAGE)
    for step in graph.steps:
        for key in step.outputs:
            shapes = [tuple(values[k].shape) for k in step.inputs]
            taken = [known.get(k) for k in step.inputs]
            known[key] = _after(step, taken, shapes, tuple(values[key].shape))
    return known


def _after(step, taken, shapes, shape):
    """The grid of what a step gives, or None."""
    layer = step.operation
    if len(shape) != 4 or not taken:
        return None
    if isinstance(layer, MERGING) or type(layer).__name__ in POINTWISE_OPERATIONS:
        return _merged(taken, shapes, shape)
    if taken[0] is None or len(shapes[0]) != 4:
        return None
    if isinstance(layer, POINTWISE):
        return taken[0] if shapes[0][1:3] == shape[1:3] else None
    if getattr(layer, "crop_to_aspect_ratio", False):
        return None
    rule = next((RULES[kind] for kind in type(layer).__mro__ if kind in RULES), None)
    if rule is None:
        return None
    return tuple(
        rule(layer, axis, taken[0][axis], shapes[0][1 + axis], shape[1 + axis])
        for axis in range(2)
    )


def _merged(taken, shapes, shape):
    """The common grid of all that is as large as the result; gates are smaller."""
    spatial = [
        grid
        for grid, given in zip(taken, shapes, strict=True)
        if len(given) == 4 and given[1:3] == shape[1:3]
    ]
    if not spatial or None in spatial:
        return None
    if any(_centers(grid) != _centers(spatial[0]) for grid in spatial):
        return None
    by_axis = zip(*spatial, strict=True)
    return tuple(max(axes, key=lambda axis: axis.size) for axes in by_axis)


def _centers(grid):
    """A grid without the sizes of its fields."""
    return [axis[:2] for axis in grid]


def _window(size, stride, dilation, padding, before, length):
    """After a window that slides over ``length`` units."""
    reach = (size - 1) * dilation
    padded = 0
    if padding == "same":
        padded = max((-(-length // stride) - 1) * stride + reach + 1 - length, 0) // 2
    start = before.start + before.stride * (reach / 2 - padded)
    size = before.size + before.stride * reach
    return Axis(start, before.stride * stride, size)


def _after_convolution(layer, axis, before, length, _):
    settings = layer.kernel_size[axis], layer.strides[axis], layer.dilation_rate[axis]
    return _window(*settings, layer.padding, before, length)


def _after_pooling(layer, axis, before, length, _):
    settings = layer.pool_size[axis], layer.strides[axis], 1
    return _window(*settings, layer.padding, before, length)


def _after_padding(layer, axis, before, *_):
    return before._replace(start=before.start - before.stride * layer.padding[axis][0])


def _after_cropping(layer, axis, before, *_):
    return before._replace(start=before.start + before.stride * layer.cropping[axis][0])


def _after_resizing(layer, axis, before, length, new_length):
    ratio = length / new_length
    start = before.start + before.stride * (ratio / 2 - 0.5)
    return Axis(start, before.stride * ratio, before.size)


def _after_center_crop(_, axis, before, length, new_length):
    first = (length - new_length) // 2
    return before._replace(start=before.start + before.stride * first)


RULES = {
    layers.Conv2D: _after_convolution,
    layers.DepthwiseConv2D: _after_convolution,
    layers.SeparableConv2D: _after_convolution,
    layers.MaxPooling2D: _after_pooling,
    layers.AveragePooling2D: _after_pooling,
    layers.ZeroPadding2D: _after_padding,
    layers.Cropping2D: _after_cropping,
    layers.UpSampling2D: _after_resizing,
    layers.Resizing: _after_resizing,
    layers.CenterCrop: _after_center_crop,
}


def placement(axis, units, pixels):
    """How to put values of units on pixels, along one axis.

    Each unit is a tent: highest where it looks, down to 0 at its neighbours. Between
    the centers of two units that is linear interpolation; beyond the outermost units
    the map fades, for nothing looks there.

    Args:
        axis: an ``Axis``, or None: then the units are spread evenly over all pixels.
        units, pixels: int, how many there are.

    Returns:
        (pixels, units) float32; a column of values times it from the left.
    """
    axis = axis or Axis(pixels / units / 2 - 0.5, pixels / units)
    position = (np.arange(pixels) - axis.start) / axis.stride
    tents = 1 - np.abs(position[:, None] - np.arange(units))
    return tents.clip(0).astype(np.float32)
