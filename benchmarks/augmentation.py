"""Augmenting an epoch of digits with OpenCV, and with what Keras has for it.

    python benchmarks/augmentation.py

The same four kinds of change with similar amounts, on batches of 128; what Keras does
is compiled into a graph, as it would be in a tf.data pipeline.
"""

import statistics
import time

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from coursework.data import augment
from coursework.figures import tables

IMAGES, BATCH = 37_800, 128
RUNS = 5
AMOUNTS = augment.Augmentation(rotation=15, scale=0.15, shear=0.15, shift=2.5)


def main():
    batch = np.random.default_rng(0).integers(0, 256, (BATCH, 28, 28, 1), np.uint8)
    generator = np.random.default_rng(0)
    chain, one_step = keras_layers(), compiled_transform()
    ways = {
        "coursework.augment (OpenCV)": lambda: AMOUNTS.apply(batch, generator),
        "one keras.ops.image.affine_transform": lambda: one_step(batch, generator),
        "four Keras layers": lambda: np.asarray(chain(batch)),
    }
    seconds = {name: measure(way) for name, way in ways.items()}
    fastest = min(seconds.values())
    rows = [
        (name, f"{value:.2f}", f"{value / fastest:.1f}")
        for name, value in seconds.items()
    ]
    print(tables.markdown(["way", f"seconds for {IMAGES:,} digits", "times"], rows))


def keras_layers():
    """The layers that do the same, one interpolation each."""
    share, shared = AMOUNTS.shift / 28, {"fill_mode": "constant"}
    chain = [
        layers.RandomRotation(AMOUNTS.rotation / 360, **shared),
        layers.RandomZoom(AMOUNTS.scale, AMOUNTS.scale, **shared),
        layers.RandomShear(x_factor=AMOUNTS.shear, **shared),
        layers.RandomTranslation(share, share, **shared),
    ]

    @tf.function
    def augment_batch(images):
        images = tf.cast(images, tf.float32)
        for layer in chain:
            images = layer(images, training=True)
        return images

    return augment_batch


def compiled_transform():
    """All four in one interpolation, with the matrices of ``coursework.augment``."""
    transform = tf.function(keras.ops.image.affine_transform)

    def augment_batch(images, generator):
        forward = AMOUNTS.matrices(len(images), 28, 28, generator)
        square = np.tile(np.eye(3), (len(images), 1, 1))
        square[:, :2] = forward
        backward = np.linalg.inv(square).reshape(-1, 9)[:, :8].astype(np.float32)
        return np.asarray(transform(images.astype(np.float32), backward))

    return augment_batch


def measure(way):
    """Median seconds for an epoch, from a few batches each time."""
    way()
    batches = 20
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        for _ in range(batches):
            way()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) / batches * IMAGES / BATCH


if __name__ == "__main__":
    main()
