"""The library as others take it: the folder alone, and every example of its README."""

import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from coursework import paths, visualize

FOLDER = paths.ROOT / "coursework" / "visualize"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SETTING = """
import keras, numpy as np
heads_model, segmenter, transformer = (
    inside.load(f"{name}.keras") for name in ("heads", "segmenter", "transformer")
)
many_images = np.random.default_rng(0).uniform(0, 255, (4, *images.shape[1:]))
masks = np.ones(images.shape[:3], bool)
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """An empty directory with the folder in it, and models that the examples name."""
    folder = tmp_path_factory.mktemp("elsewhere")
    unwanted = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    shutil.copytree(FOLDER, folder / "keras_see_inside", ignore=unwanted)
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(4, 3, activation="relu", name="conv1")(image)
    x = layers.Conv2D(6, 3, activation="relu", name="conv2")(x)
    pooled = layers.GlobalAveragePooling2D()(x)
    kind = layers.Dense(3, activation="softmax", name="kind")(pooled)
    long = layers.Dense(1, activation="sigmoid", name="long")(pooled)
    middle = layers.Conv2D(4, 3, padding="same", name="middle")(image)
    tokens = layers.Reshape((16, 8))(layers.Conv2D(8, 4, strides=4)(image))
    block = layers.MultiHeadAttention(2, 4, name="block1")(tokens, tokens)
    outputs = {
        "model": kind,
        "heads": [kind, long],
        "segmenter": layers.Conv2D(2, 1, activation="softmax")(middle),
        "transformer": layers.Dense(3)(layers.GlobalAveragePooling1D()(block)),
    }
    for name, output in outputs.items():
        keras.Model(image, output).save(folder / f"{name}.keras")
    values = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    Image.fromarray(values).save(folder / "image.png")
    return folder


def python(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-I", *arguments], cwd=folder, capture_output=True, text=True
    )


def test_all_examples_of_the_readme_run_with_nothing_but_the_folder(elsewhere):
    assert len(EXAMPLES) == 11  # what they share, and ten tasks
    code = ["import sys; sys.path.insert(0, '.')", EXAMPLES[0], SETTING, *EXAMPLES[1:]]
    code += ["assert 'coursework' not in sys.modules"]
    (elsewhere / "examples.py").write_text("\n".join(code), encoding="utf-8")
    done = python(elsewhere, "examples.py")
    assert done.returncode == 0, done.stderr[-2000:]
    assert (elsewhere / "maps.png").exists()


def test_the_copied_folder_is_a_command(elsewhere):
    code = "import sys; sys.path.insert(0, '.'); import runpy; "
    code += "sys.argv = ['keras_see_inside', 'model.keras', '--list']; "
    code += "runpy.run_module('keras_see_inside', run_name='__main__')"
    done = python(elsewhere, "-c", code)
    assert done.returncode == 0
    assert done.stdout.startswith("layers (name, kind, output shape):\n")
    assert done.stderr == ""


@pytest.mark.slow
def test_it_installs_by_itself(elsewhere, tmp_path):
    """Into a folder of its own, with the console script of its name."""
    target = tmp_path / "installed"
    pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    pip += ["--no-index", "--target", str(target), str(elsewhere / "keras_see_inside")]
    done = python(tmp_path, *pip)
    assert done.returncode == 0, done.stderr
    assert (target / "keras_see_inside" / "maps.py").exists()
    assert (target / "bin" / "keras-see-inside").exists()


def test_the_readme_has_every_method_and_every_public_name_is_there():
    for name in visualize.METHODS:
        assert f"| `{name}` |" in README
    for name in visualize.__all__:
        assert getattr(visualize, name) is not None
