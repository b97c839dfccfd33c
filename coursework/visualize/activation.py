"""What every layer makes of an image."""

import tensorflow as tf

from . import network as networks


def activations(model, images, layers=None, batch_size=None):
    """The outputs of layers, all in one compiled pass.

    Args:
        model: a ``keras.Model``.
        images: (N, height, width, channels), in the pixel range of the model; or
            sequences or volumes, with one or three spatial axes.
        layers: name, path or ``keras.Layer``, or a list of them; None is all layers.
        batch_size: int, images at once; None is what fits into memory.

    Returns:
        dict in the order of the network, path → (N, …) float32. Further outputs of a
        layer have ":1", ":2" … behind its path.

    Raises:
        ValueError: the images do not fit the model, or there is no such layer.
    """
    network = networks.of(model)
    images = networks.check_images(network, images)
    values = _values(network, layers)
    keys = tuple(value.key for value in values)

    def run(batch):
        made = network.graph.run(batch, wanted=keys)
        return [tf.cast(made[key], tf.float32) for key in keys]

    made = network.run(
        ("activations", keys), lambda: run, images, batch_size=batch_size
    )
    return {value.path: array for value, array in zip(values, made, strict=True)}


def _values(network, layers):
    """The outputs that are asked for, in the order of the network."""
    if layers is None:
        return [value for value in network.values.values() if value.step.is_layer]
    asked = {
        value.key
        for layer in networks.as_list(layers)
        for value in network.outputs_of(layer)
    }
    return [value for value in network.values.values() if value.key in asked]


def receptive_fields(model, layer, shape=None):
    """Where the units of a layer are in the image, and how much of it each sees.

    Args:
        model: a ``keras.Model``.
        layer: name, path or layer.
        shape: of an image, (…, channels), where the model takes any size.

    Returns:
        An ``Axis`` for each spatial axis: the receptive field of unit i is centered at
        ``start + i * stride`` px and ``size`` px long. None if it is not known.

    Raises:
        ValueError: there is no such layer, or no size of the image.
    """
    network = networks.of(model)
    shape = tuple(shape or network.input_shape)
    if None in shape:
        raise ValueError(f"images have shape {shape}; expected shape=, all sizes known")
    return network.grid(network.value(layer), shape)
