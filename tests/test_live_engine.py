"""The page's JavaScript computes what Keras and ``coursework.visualize`` compute."""

import itertools
import json
import pathlib
import shutil
import subprocess

import numpy as np
import pytest

from coursework import paths, records, visualize
from coursework.data import lines
from coursework.visualize import page

import build_live
import foreign_models

NODE = shutil.which("node")
NETWORKS = (
    "tuned_mnist",
    "tuned_lines",
    "four_head_lines",
    "plain_lines",
    "plain_mnist",
)
LAYER_METHODS = ("gradcam", "hirescam", "layercam", "gradcam++")
IMAGE_METHODS = ("input_gradient", "integrated_gradients", "occlusion")
IMAGES = 100
OF_MAPS = 2  # images
RUNNER = pathlib.Path(__file__).parent / "live_engine.js"

needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")


def computed(folder, tasks, network=None):
    """What the page's JavaScript computes, (n,) float32.

    Args:
        folder: a temporary ``Path``.
        tasks: list of dicts, as ``live_engine.js`` takes them; arrays of images become
            files.
        network: a description of ``page.describe``.
    """
    scripts = [page.LIVE / name for name in page.ENGINE]
    scripts.append(paths.ROOT / build_live.FOLDER / "drawing.js")
    if network:
        scripts.append(folder / "network.js")
        scripts[-1].write_text(page.script(network), encoding="utf-8")
    for number, task in enumerate(tasks):
        if "images" in task:
            images = np.asarray(task["images"], np.float32)
            file = folder / f"images{number}"
            images.tofile(file)
            task |= {"images": str(file), "size": int(np.prod(images.shape[1:]))}
    job = {
        "scripts": list(map(str, scripts)),
        "network": network and network["name"],
        "tasks": tasks,
        "answers": str(folder / "answers"),
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    made = subprocess.run(
        [NODE, RUNNER, folder / "job.json"], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    return np.fromfile(folder / "answers", np.float32)


def load(name):
    return records.load(name, paths.ROOT / "models")[0]


def some_images(name, count=IMAGES):
    """Lines of the dataset, or lines as gray pictures where MNIST may be missing."""
    random = np.random.default_rng(1)
    angles, lengths = random.uniform(0, 180, count), random.uniform(5, 18, count)
    centers = random.uniform(8, 20, (count, 2))
    widths = random.uniform(0.8, 3.2, count)
    colors = random.uniform(0, 255, (count, 3)) * (1, 0, 1)
    images = lines.draw(lengths, widths, angles, colors, centers).astype(np.float32)
    return images if name.endswith("lines") else images.max(axis=-1, keepdims=True)


def all_probabilities(model, images):
    """Of all heads side by side, a sigmoid neuron as two classes."""
    made = model.predict(images, verbose=0)
    made = made if isinstance(made, list) else [made]
    return [np.concatenate([1 - p, p], 1) if p.shape[1] == 1 else p for p in made]


def assert_same(folder, model, name, images, methods, count=None, close=1e-5):
    """Probabilities of all images, and maps of a few: of each method, and each head.

    Args:
        methods: names.
        count: int, of the layers with a map, the first ones; None is all.
        close: of the probabilities.
    """
    network = page.describe(model, name)
    layers = [
        step["name"]
        for step in network["steps"]
        if len(step["shape"]) == 3 and step["kind"] == "activation"
    ]
    requests, expected = [], []
    heads = [head["name"] for head in network["heads"]]
    for head, method in itertools.product(heads, methods):
        on_layers = visualize.METHODS[method].on == "layer"
        options = {"head": head, "method": method}
        for layer in layers[:count] if on_layers else [None]:
            maps = visualize.class_activation_maps(
                model, images[:OF_MAPS], layer, **options
            )
            targets = maps.targets.tolist()
            requests.append(options | {"layer": layer, "targets": targets})
            expected.append(maps.maps)
    tasks = [
        {"task": "probabilities", "images": images},
        {"task": "maps", "images": images[:OF_MAPS], "requests": requests},
    ]
    found, told = computed(folder, tasks, network), all_probabilities(model, images)
    probabilities = np.concatenate(told, axis=1)
    mine, maps = np.split(found, [probabilities.size])
    mine = mine.reshape(probabilities.shape)
    assert np.abs(mine - probabilities).max() < close
    ends = np.cumsum([head.shape[1] for head in told])[:-1]
    for own, theirs in zip(np.split(mine, ends, axis=1), told, strict=True):
        np.testing.assert_array_equal(own.argmax(1), theirs.argmax(1))
    for own, theirs in zip(maps.reshape(np.shape(expected)), expected, strict=True):
        most = theirs.max(axis=(1, 2))
        assert (np.abs(own - theirs).max(axis=(1, 2)) <= 1e-3 * most + 1e-6).all()


@needs_node
@pytest.mark.parametrize("name", NETWORKS)
def test_the_networks_are_those_of_keras_and_the_library(name, tmp_path):
    methods = (*LAYER_METHODS, *IMAGE_METHODS)
    assert_same(tmp_path, load(name), name, some_images(name), methods)


@needs_node
@pytest.mark.parametrize("build", foreign_models.ALL)
def test_models_of_others_are_those_of_keras(build, tmp_path):
    model = foreign_models.make(build)
    images = np.random.default_rng(3).uniform(0, 255, (4, *model.input_shape[1:]))
    images, methods = images.astype(np.float32), ("hirescam", "input_gradient")
    assert_same(tmp_path, model, "model", images, methods, count=1, close=1e-4)


@needs_node
def test_gradient_ascent_is_that_of_the_library(tmp_path):
    model, units, steps = load("tuned_mnist"), [0, 7], 20
    noise = np.random.default_rng(0).uniform(-0.02, 0.02, (28, 28, 1))
    start = (255 * (0.5 + noise)).astype(np.float32)
    expected = visualize.filters(
        model, "relu2", units=units, steps=steps, objective="channel"
    )
    task = {"task": "ascent", "images": start, "layer": "relu2", "units": units}
    task |= {"steps": steps, "objective": "channel"}
    found = computed(tmp_path, [task], page.describe(model, "tuned_mnist"))
    assert np.abs(found.reshape(2, 28, 28, 1) - expected.images).max() < 0.1  # of 255


@needs_node
def test_lines_are_drawn_like_those_of_the_dataset(tmp_path):
    random = np.random.default_rng(2)
    names = "length", "width", "angle", "blue", "x", "y"
    ends = (1, 26), (0.3, 6), (0, 180), (0, 1), (0, 28), (0, 28)
    rows = np.array([random.uniform(*end, 500) for end in ends]).T
    lengths, widths, angles, blue, *centers = rows.T
    tasks = [
        {"task": "lines", "lines": [dict(zip(names, r, strict=True)) for r in rows]}
    ]
    colors = 255 * np.stack([1 - blue, 0 * blue, blue], axis=1)
    expected = lines.draw(lengths, widths, angles, colors, np.transpose(centers))
    found = computed(tmp_path, tasks)
    assert np.abs(found.reshape(expected.shape) - expected).max() <= 1


@needs_node
def test_shuffled_weights_change_the_answer_and_come_back(tmp_path):
    image = some_images("tuned_mnist", 1)
    tasks = [
        {"task": "probabilities", "images": image},
        {"task": "shuffled", "count": 3},
    ]
    network = page.describe(load("tuned_mnist"), "tuned_mnist")
    found = computed(tmp_path, tasks, network)
    first, layers, shuffled, back = np.split(found, [10, 11, 21])
    assert layers == 11  # with weights
    assert np.abs(shuffled - first).max() > 1e-3
    np.testing.assert_array_equal(back, first)


@needs_node
@pytest.mark.parametrize("pixels", visualize.PIXELS)
def test_pixels_are_put_into_the_range_of_the_model(pixels, tmp_path):
    model = foreign_models.make(foreign_models.two_heads)
    images = np.random.default_rng(4).uniform(0, 255, (4, *model.input_shape[1:]))
    scaled = visualize.PIXELS[pixels].from_bytes(images.astype(np.float32))
    expected = np.concatenate(all_probabilities(model, scaled), axis=1)
    tasks = [{"task": "probabilities", "images": images}]
    found = computed(tmp_path, tasks, page.describe(model, "model", pixels))
    assert np.abs(found.reshape(expected.shape) - expected).max() < 1e-4


@pytest.mark.parametrize("name", build_live.NETWORKS)
def test_committed_networks_are_those_of_the_models(name):
    committed = paths.ROOT / build_live.FOLDER / f"{name}.js"
    assert committed.read_bytes() == build_live.network(name)


@pytest.mark.parametrize("name", [*page.ENGINE, page.STYLE])
def test_committed_scripts_are_those_of_the_library(name):
    committed = paths.ROOT / build_live.FOLDER / name
    assert committed.read_bytes() == build_live.script(name)
