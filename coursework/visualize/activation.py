"""What every layer makes of an image."""

import numpy as np
import tensorflow as tf

from . import network as networks


def activations(model, images, layers=None, batch_size=None):
    """The outputs of layers, all in one compiled pass.

    Args:
        model: a ``keras.Model``.
        images: (N, height, width, channels), in the pixel range of the model.
        layers: names or paths, or one of them; None is all layers.
        batch_size: int, images at once; None is what fits into memory.

    Returns:
        dict in the order of the network, path → (N, …) float32.

    Raises:
        ValueError: the images do not fit the model, or there is no such layer.
    """
    network = networks.of(model)
    images = networks.check_images(network, images)
    batch_size = batch_size or network.batch_size(images[0])
    if layers is None:
        steps = list(network.layers.values())
    else:
        layers = [layers] if isinstance(layers, str) else layers
        asked = {network.step(name).path for name in layers}
        steps = [step for path, step in network.steps.items() if path in asked]
    keys = tuple(step.outputs[0] for step in steps)

    def make():
        def run(batch):
            values = network.graph.run(batch, wanted=keys)
            return [tf.cast(values[key], tf.float32) for key in keys]

        return run

    compiled = network.compiled(("activations", keys), make, images)
    parts = [
        [tensor.numpy() for tensor in compiled(tf.constant(batch))]
        for batch in batches(images, batch_size)
    ]
    joined = [
        p[0] if len(p) == 1 else np.concatenate(p) for p in zip(*parts, strict=True)
    ]
    return {step.path: array for step, array in zip(steps, joined, strict=True)}


def batches(images, size):
    """Images in portions of at most ``size``."""
    return [images[start : start + size] for start in range(0, len(images), size)]
