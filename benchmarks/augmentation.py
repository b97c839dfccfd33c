"""Augmenting an epoch of digits with OpenCV, and with Keras' layers.

    python benchmarks/augmentation.py

The same four kinds of change with similar amounts, on batches of 128.
"""

import statistics
import time

import numpy as np
from keras import layers

from coursework import augment, tables

IMAGES, BATCH = 37_800, 128
RUNS = 5
AMOUNTS = augment.Augmentation(rotation=15, scale=0.15, shear=0.15, shift=2.5)


def main():
    batch = np.random.default_rng(0).integers(0, 256, (BATCH, 28, 28, 1), np.uint8)
    generator = np.random.default_rng(0)
    pipeline = keras_layers()
    ways = {
        "coursework.augment (OpenCV)": lambda: AMOUNTS.apply(batch, generator),
        "Keras layers": lambda: augment_by_keras(pipeline, batch),
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
    size = 28
    shared = {"fill_mode": "constant", "fill_value": 0.0}
    return [
        layers.RandomRotation(AMOUNTS.rotation / 360, **shared),
        layers.RandomZoom(AMOUNTS.scale, AMOUNTS.scale, **shared),
        layers.RandomShear(x_factor=AMOUNTS.shear, **shared),
        layers.RandomTranslation(AMOUNTS.shift / size, AMOUNTS.shift / size, **shared),
    ]


def augment_by_keras(pipeline, batch):
    images = batch.astype(np.float32)
    for layer in pipeline:
        images = layer(images, training=True)
    return np.asarray(images)


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
