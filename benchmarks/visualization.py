"""Class activation maps, filters and activations: this library and others.

    python benchmarks/visualization.py

The same work on the same networks, one after the other in one run, since machines
differ: compare the ratios. "Bare" is a compiled forward and backward pass to the layer,
with nothing made of its gradient: what no library can do without. Times are medians
without the first call, in which functions are compiled.
"""

import importlib.util
import statistics
import sys
import time

import keras
import numpy as np
import tensorflow as tf

from coursework import records, visualize
from coursework.figures import tables

PEER = "tf_keras_vis"
MAP_LAYER = "pool1"  # the last of the plain network with feature maps
LAYER = "relu1"  # whose filters are visualized
BATCH, FEW = 256, 8  # images
FILTERS, STEPS = 32, 200
REPEATS = 9
BARS = {  # at most so many times the bare pass
    "plain_lines, 256 images": 1.05,
    "MobileNetV2 of 96 px, 32 images": 1.25,
    "NASNetMobile, 1 image": 1.5,
}
PEER_BARS = {"maps": 5.5, "filters": 7.0}  # at least so many times as fast


def main():
    keras.utils.set_random_seed(0)
    rows = [row for case in bare_cases() for row in against_bare(*case)]
    model, _ = records.load("plain_mnist")
    images = random_images(BATCH, model)
    rows += [*maps(model, images), *filters(model), *activations(model, images)]
    columns = ["work", "by", "ms each", "times as long as this library", "bar"]
    print(tables.markdown(columns, rows))
    if not has_peer():
        print("tf-keras-vis is not installed: pip install tf-keras-vis==0.8.7")


def has_peer():
    return importlib.util.find_spec(PEER) is not None


def random_images(count, model):
    shape = count, *model.input_shape[1:]
    return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)


def seconds(*works):
    """Median times of some functions, called in turn after a first call of each."""
    times = [[] for _ in works]
    for repeat in range(REPEATS + 1):
        for work, kept in zip(works, times, strict=True):
            start = time.perf_counter()
            work()
            if repeat:
                kept.append(time.perf_counter() - start)
    return [statistics.median(kept) for kept in times]


def compared(work, each, bar=""):
    """Rows of a table.

    Args:
        work: str, what is done.
        each: dict, by whom → (function, how many images or filters it does); the first
            is this library.
        bar: str, what is asked for.
    """
    times = seconds(*(run for run, _ in each.values()))
    costs = [
        1000 * each_time / count
        for each_time, (_, count) in zip(times, each.values(), strict=True)
    ]
    return [
        (work, name, f"{cost:.3g}", f"{cost / costs[0]:.2f}", bar)
        for name, cost in zip(each, costs, strict=True)
    ]


# --- against a bare forward and backward pass -----------------------------------------


def bare_cases():
    """Name, model and number of images of each case."""
    plain, _ = records.load("plain_lines")
    mobile = keras.applications.MobileNetV2((96, 96, 3), weights=None)
    nas = keras.applications.NASNetMobile(weights=None)
    return zip(BARS, (plain, mobile, nas), (BATCH, 32, 1), strict=True)


def against_bare(name, model, count):
    images = random_images(count, model)
    layer = visualize.class_activation_maps(model, images[:1]).layer
    bare = bare_pass(model, layer)
    batch = tf.constant(images)
    each = {
        "this library": (
            lambda: visualize.class_activation_maps(model, images),
            count,
        ),
        "bare pass": (lambda: [t.numpy() for t in bare(batch)], count),
    }
    return compared(f"Grad-CAM of {name}", each, f"library ≤ {BARS[name]}× bare")


def bare_pass(model, layer):
    """Activation and gradient of the predicted class at a layer, compiled."""
    last = model.layers[-1]
    linear = keras.layers.Dense(last.units)
    scores = linear(last.input)
    linear.set_weights(last.get_weights())
    both = keras.Model(model.inputs, [model.get_layer(layer).output, scores])

    @tf.function
    def run(batch):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(batch)
            activation, scores = both(batch, training=False)
            best = tf.reduce_max(scores, axis=1)
        return activation, tape.gradient(best, activation)

    return run


# --- against tf-keras-vis -------------------------------------------------------------


def maps(model, images):
    """Grad-CAM of many images."""
    each = {
        "this library": (
            lambda: visualize.class_activation_maps(model, images, MAP_LAYER),
            BATCH,
        )
    }
    if has_peer():
        from tf_keras_vis import gradcam
        from tf_keras_vis.utils import model_modifiers, scores

        targets = model.predict(images, verbose=0).argmax(axis=1)
        linear = model_modifiers.ReplaceToLinear()
        peer = gradcam.Gradcam(model, model_modifier=linear, clone=True)
        score = scores.CategoricalScore(targets.tolist())
        each["tf-keras-vis"] = (
            lambda: peer(score, images, penultimate_layer=MAP_LAYER),
            BATCH,
        )
    bar = f"tf-keras-vis ≥ {PEER_BARS['maps']}"
    return compared(f"Grad-CAM of {MAP_LAYER}, {BATCH} images", each, bar)


def filters(model):
    """Gradient ascent for all filters of the first layer."""
    options = {"objective": "channel", "steps": STEPS}
    each = {
        "this library": (lambda: visualize.filters(model, LAYER, **options), FILTERS)
    }
    if has_peer():
        from tf_keras_vis import activation_maximization as maximization
        from tf_keras_vis.utils import scores

        start = np.random.default_rng(0).uniform(120, 135, (FILTERS, 28, 28, 1))
        start = start.astype(np.float32)
        part = keras.Model(model.inputs, model.get_layer(LAYER).output)
        peer = maximization.ActivationMaximization(part, clone=False)
        score = scores.CategoricalScore(list(range(FILTERS)))
        plain = {"steps": STEPS, "input_modifiers": [], "regularizers": []}
        each["tf-keras-vis"] = (
            lambda: peer(
                score,
                seed_input=start.astype(np.float32),
                input_range=(0, 255),
                **plain,
            ),
            FILTERS,
        )
    bar = f"tf-keras-vis ≥ {PEER_BARS['filters']}"
    return compared(f"{FILTERS} filters of {LAYER}, {STEPS} steps", each, bar)


def activations(model, images):
    every = keras.Model(model.inputs, [layer.output for layer in model.layers[1:]])
    rows = []
    for count in (BATCH, FEW):
        few = images[:count]
        each = {
            "this library": (lambda few=few: visualize.activations(model, few), count),
            "predict of a model with all outputs": (
                lambda few=few: every.predict(few, verbose=0),
                count,
            ),
        }
        rows += compared(f"activations of all layers, {count} images", each)
    return rows


if __name__ == "__main__":
    sys.exit(main())
