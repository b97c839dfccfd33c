"""Class activation maps, filters and activations: this library and others.

    python benchmarks/visualization.py

The same work on the same plain CNN for digits, one after the other in one run, since
machines differ: compare the ratios. Beside tf-keras-vis stands a plain eager loop, one
image or filter at a time, as tutorials for Keras have it. Times are medians, without
the first call, in which functions are compiled.
"""

import statistics
import time

import keras
import numpy as np
import tensorflow as tf
import tf_keras_vis.activation_maximization
import tf_keras_vis.gradcam
from tf_keras_vis.utils import model_modifiers, scores

from coursework import records, visualize
from coursework.figures import tables

MAP_LAYER = "pool1"  # whose places the maps show: the last with feature maps
LAYER = "relu1"  # whose filters are climbed for
BATCH, FEW = 256, 8  # images
FILTERS, STEPS = 32, 200
REPEATS = 9
EAGER_IMAGES, EAGER_FILTERS = 16, 2  # the loop is slow: what one costs is enough


def main():
    keras.utils.set_random_seed(0)
    model, _ = records.load("plain_mnist")
    images = np.random.default_rng(0).uniform(0, 255, (BATCH, 28, 28, 1))
    images = images.astype(np.float32)
    rows = [*maps(model, images), *filters(model), *activations(model, images)]
    columns = ["work", "by", "ms each", "times as long as this library"]
    print(tables.markdown(columns, rows))


def seconds(work):
    """Median time of a few calls after a first one."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def compared(work, each):
    """Rows of a table.

    Args:
        work: str, what is done.
        each: dict, by whom → (function, how many images or filters it does); the first
            is this library.
    """
    costs = {name: 1000 * seconds(run) / count for name, (run, count) in each.items()}
    ours = next(iter(costs.values()))
    return [(work, name, f"{c:.3g}", f"{c / ours:.1f}") for name, c in costs.items()]


def maps(model, images):
    targets = model.predict(images, verbose=0).argmax(axis=1)
    peer = tf_keras_vis.gradcam.Gradcam(
        model, model_modifier=model_modifiers.ReplaceToLinear(), clone=True
    )
    score = scores.CategoricalScore(targets.tolist())
    loop = eager_maps(model)
    return compared(
        f"Grad-CAM of {MAP_LAYER}, {BATCH} images",
        {
            "this library": (
                lambda: visualize.class_activation_maps(model, images, MAP_LAYER),
                BATCH,
            ),
            "tf-keras-vis": (
                lambda: peer(score, images, penultimate_layer=MAP_LAYER),
                BATCH,
            ),
            "eager loop": (
                lambda: [loop(image[None]) for image in images[:EAGER_IMAGES]],
                EAGER_IMAGES,
            ),
        },
    )


def eager_maps(model):
    """Grad-CAM of one image on a model that gives the layer and the scores."""
    linear = keras.models.clone_model(model)
    linear.set_weights(model.get_weights())
    linear.layers[-1].activation = keras.activations.linear
    both = keras.Model(
        linear.inputs, [linear.get_layer(MAP_LAYER).output, linear.output]
    )

    def one(image):
        with tf.GradientTape() as tape:
            activation, score = both(image)
            best = score[:, int(tf.argmax(score[0]))]
        gradient = tape.gradient(best, activation)
        weights = tf.reduce_mean(gradient, axis=(0, 1, 2))
        raw = tf.maximum(tf.squeeze(activation[0] @ weights[:, None]), 0)
        return tf.image.resize((raw / tf.reduce_max(raw))[..., None], (28, 28)).numpy()

    return one


def filters(model):
    start = np.random.default_rng(0).uniform(120, 135, (FILTERS, 28, 28, 1))
    start = start.astype(np.float32)
    part = keras.Model(model.inputs, model.get_layer(LAYER).output)
    peer = tf_keras_vis.activation_maximization.ActivationMaximization(
        part, clone=False
    )
    score = scores.CategoricalScore(list(range(FILTERS)))
    options = {"steps": STEPS, "input_modifiers": [], "regularizers": []}
    return compared(
        f"{FILTERS} filters of {LAYER}, {STEPS} steps",
        {
            "this library": (
                lambda: visualize.filters(
                    model, LAYER, objective="channel", steps=STEPS
                ),
                FILTERS,
            ),
            "tf-keras-vis": (
                lambda: peer(score, seed_input=start, input_range=(0, 255), **options),
                FILTERS,
            ),
            "eager loop": (
                lambda: [eager_climb(part, start[:1], f) for f in range(EAGER_FILTERS)],
                EAGER_FILTERS,
            ),
        },
    )


def eager_climb(part, start, index):
    """Gradient ascent for one filter."""
    image = tf.constant(start)
    for _ in range(STEPS):
        with tf.GradientTape() as tape:
            tape.watch(image)
            value = tf.reduce_mean(part(image)[..., index])
        image += 2.55 * tf.math.l2_normalize(tape.gradient(value, image))
    return image.numpy()


def activations(model, images):
    every = keras.Model(model.inputs, [layer.output for layer in model.layers[1:]])
    rows = []
    for count in (BATCH, FEW):
        few = images[:count]
        rows += compared(
            f"activations of all layers, {count} images",
            {
                "this library": (
                    lambda few=few: visualize.activations(model, few),
                    count,
                ),
                "predict of a model with all outputs": (
                    lambda few=few: every.predict(few, verbose=0),
                    count,
                ),
            },
        )
    return rows


if __name__ == "__main__":
    main()
