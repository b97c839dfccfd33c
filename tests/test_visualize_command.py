"""python Q3/visualize.py: an image, a layer, or both; one line for bad input."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from coursework import paths, visualize
from coursework.visualize import command, drawing, pictures, tiles

from foreign_models import chain


def heads():
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(6, 3, activation="relu", name="conv1")(image)
    x = layers.Conv2D(4, 3, activation="relu", name="conv2")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(
        layers.Rescaling(0.01, name="scale")(x)
    )
    color = layers.Dense(1, activation="sigmoid", name="color")(x)
    return keras.Model(image, [color, layers.Dense(5, "softmax", name="angle")(x)])


def gray():
    return chain(
        (16, 16, 1),
        layers.Conv2D(3, 3, activation="relu", name="conv1"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(2, name="out"),
    )


def mask():
    """A head without a map."""
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(2, 3, name="conv1")(image)
    label = layers.Dense(3, name="label")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, [layers.Conv2D(1, 1, name="mask")(x), label])


def flat():
    """No feature maps at all."""
    return chain((8, 8, 3), layers.Flatten(), layers.Dense(4, "relu"), layers.Dense(2))


def shared():
    """Two heads of one name."""
    image, pool = keras.Input((8, 8, 3)), layers.GlobalAveragePooling2D()
    last = layers.Dense(2, name="shared")
    maps = [layers.Conv2D(3, 3, name=name)(image) for name in "ab"]
    return keras.Model(image, [last(pool(each)) for each in maps])


def damaged():
    model = gray()
    model.get_layer("conv1").kernel.assign(np.full((3, 3, 1, 3), np.nan))
    return model


MODELS = heads, gray, mask, flat, shared, damaged


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A file of each of the models, and an image."""
    folder = tmp_path_factory.mktemp("visualize")
    keras.utils.set_random_seed(0)
    for build in MODELS:
        build().save(folder / f"{build.__name__}.keras")
    values = np.zeros((28, 28, 3), np.uint8)
    values[10, 5:20, 0] = 255
    Image.fromarray(values).save(folder / "line.png")
    return folder


@pytest.fixture
def run(folder, tmp_path, capsys):
    """Run the command in this process; returns status, lines printed, and errors."""

    def run(line, *more):
        words = line.replace("LINE", str(folder / "line.png")).split()
        arguments = [str(folder / words[0]), *words[1:], *map(str, more)]
        status = command.main([*arguments, "--out", str(tmp_path / "out")])
        printed = capsys.readouterr()
        return status, printed.out.splitlines(), printed.err

    return run


@pytest.fixture
def written(tmp_path):
    """Names of the files that a run wrote."""
    return lambda: sorted(path.name for path in (tmp_path / "out").glob("*"))


@pytest.fixture
def summary(tmp_path):
    return lambda: json.loads((tmp_path / "out" / "summary.json").read_text())


def test_an_image_alone_shows_all_layers_and_a_map_of_each_head(
    run, written, summary, folder
):
    status, printed, _ = run("heads.keras --image LINE --pixels -1..1")
    assert status == 0
    model = keras.models.load_model(folder / "heads.keras")
    shown = [name for name in written() if "_activations_" in name]
    names = [name.split("_", 3)[3].removesuffix(".png") for name in shown]
    assert names == [layer.name for layer in model.layers[1:]]
    assert "line_map_color_gradcam_scale.png" in written()
    told = summary()
    assert printed[0].startswith("pixels: -1..1 go into the model")
    note = "resized from 28×28 to 12×12 px"
    assert printed[1] == f"line: {note}"
    assert [note] == told["images"][0]["notes"]
    assert set(told["files"]) == set(written()) - {"summary.json"}
    pictures = [line.rsplit("/", 1)[-1] for line in printed if line.endswith(".png")]
    assert pictures == told["files"]
    image, _ = visualize.read_image(folder / "line.png", (12, 12, 3), (-1, 1))
    color, angle = model.predict(image[None], verbose=0)
    (found,) = told["images"][0]["heads"]["angle"]
    assert found["prediction"] == angle.argmax()
    assert found["probability"] == pytest.approx(angle.max(), abs=1e-5)
    (found,) = told["images"][0]["heads"]["color"]
    assert found["target"] == int(color[0, 0] > 0.5)


def test_a_layer_alone_shows_its_filters(run, written, summary):
    assert run("gray.keras --layer conv1 --pixels 0..1 --steps 5")[0] == 0
    assert written() == ["filters_conv1.png", "kernels_conv1.png", "summary.json"]
    (layer,) = summary()["layers"]
    assert layer["layer"] == "conv1"
    assert [each["filter"] for each in layer["filters"]] == [0, 1, 2]
    assert {each["status"] for each in layer["filters"]} <= {"ok", "dead", "saturated"}
    assert summary()["images"] == []


def test_both_show_the_layer_for_the_image_and_filters_when_asked(
    run, written, summary
):
    line = "heads.keras --image LINE --layer conv2 --head angle --target 3"
    assert run(f"{line} --method hirescam")[0] == 0
    shown = ["line_activations_002_conv2.png", "line_map_angle_hirescam_conv2.png"]
    assert written() == [*shown, "summary.json"]
    status, printed, _ = run(f"{line} --units 3,0-1 --steps 2")
    assert status == 0
    assert any(line.startswith("conv2: 3 filters, 2 steps: about ") for line in printed)
    (layer,) = summary()["layers"]
    assert [each["filter"] for each in layer["filters"]] == [0, 1, 3]


def test_two_images_of_one_name_are_kept_apart(run, tmp_path, written):
    Image.new("L", (16, 16), 99).save(tmp_path / "line.png")
    line = "gray.keras --image LINE --layer conv1 --image"
    assert run(line, tmp_path / "line.png")[0] == 0
    assert "line_activations_001_conv1.png" in written()
    assert "line_2_activations_001_conv1.png" in written()


def test_the_list_has_layers_and_heads(run):
    status, printed, _ = run("heads.keras --list")
    assert status == 0
    assert "  conv1  Conv2D                  10×10×6" in printed
    assert printed[-2:] == ["  color  sigmoid  2", "  angle  softmax  5"]


@pytest.mark.parametrize(
    ("line", "said", "files"),
    [
        (
            "gray.keras --image LINE --layer out",
            "no map: layer out gives (None, 2)",
            ["line_activations_003_out.png"],
        ),
        (
            "mask.keras --image LINE",
            "no map: head mask gives (None, 6, 6, 1)",
            ["line_map_label_gradcam_conv1.png"],
        ),
        ("flat.keras --image LINE", "gives feature maps; use a method", []),
        (
            "shared.keras --image LINE",
            "pixels: 0..255 go",
            ["line_map_shared_gradcam_a.png", "line_map_shared@2_gradcam_b.png"],
        ),
    ],
)
def test_what_has_no_map_is_left_out_and_said(line, said, files, run, written):
    status, printed, _ = run(line)
    assert status == 0
    assert any(said in line for line in printed)
    assert {*files, "summary.json"} <= set(written())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("none.keras --list", "none.keras does not exist; expected a .keras"),
        ("line.png --list", "line.png ends in '.png'; expected .keras or .h5"),
        ("heads.keras --image none.png", "none.png does not exist; expected an image"),
        ("heads.keras --image .", ". is a folder; expected an image file"),
        ("heads.keras --layer conv9", "no layer named 'conv9'; nearest: conv"),
        ("heads.keras --layer conv2 --units 99", "units are [99]; conv2 has 0…3"),
        ("heads.keras --image LINE --head hue", "no head named 'hue'"),
        ("heads.keras --image LINE --head angle --target 5", "has classes 0…4"),
        ("damaged.keras --image LINE", "conv1 has weights that are not finite numbers"),
    ],
)
def test_bad_input_is_one_line_and_status_2(run, line, message, written):
    status, _, error = run(line)
    assert status == 2
    assert message in error
    assert len(error.splitlines()) == 1
    assert written() == []


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--layer conv1 --target 1",
        "--layer conv1 --head angle",
        "--method cam --list",
        "--pixels 0..9 --list",
        "--target x",
        "--layer conv1 --units 3-1",
        "--layer conv1 --units a",
        "--layer conv1 --steps 0",
        "--image LINE --filters",
    ],
)
def test_a_wrong_command_line_ends_with_status_2(run, line, capsys):
    with pytest.raises(SystemExit) as stop:
        run(f"heads.keras {line}")
    assert stop.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


# --- names of classes -----------------------------------------------------------------


def test_classes_have_their_names(run, tmp_path, monkeypatch):
    names, headings, sheet = tmp_path / "names.txt", [], pictures.map_sheet
    names.write_text("\n".join(f"name {n}" for n in range(5)) + "\n")

    def noted(image, scaled, lines, pixels):
        headings.append(" ".join(lines))
        return sheet(image, scaled, lines, pixels)

    monkeypatch.setattr(pictures, "map_sheet", noted)
    line = "heads.keras --image LINE --layer conv2 --classes"
    assert run(line, names)[0] == 0
    assert run(line, names, "--head", "angle", "--target", "3")[0] == 0
    assert "name" not in headings[0]  # of the other head
    assert "map of class 3 (name 3)" in headings[2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\n", "has 2 names; expected 5 for head angle"),
        (b"", "has 0 names; expected 5"),
        (b"\xff\xfe\xff", "is not a text file in UTF-8"),
        (None, "No such file"),
    ],
)
def test_names_that_do_not_fit(run, content, message, tmp_path, written):
    names = tmp_path / "names.txt"
    if content is not None:
        names.write_bytes(content)
    status, _, error = run("heads.keras --image LINE --head angle --classes", names)
    assert status == 2
    assert message in error
    assert len(error.splitlines()) == 1
    assert written() == []


# --- time, memory, disk ---------------------------------------------------------------


def test_a_slow_layer_has_rough_images_first_and_keeps_them(run, monkeypatch, written):
    """Ten times the whole time is too long: a few steps, then portions, then Ctrl-C."""
    calls, original = [], drawing.maximization.filters

    def slow(model, path, units, pixels, **options):
        calls.append((list(units), options["steps"]))
        if len(calls) == 5:
            raise KeyboardInterrupt
        return original(model, path, units, pixels, **options | {"steps": 1})

    clock = iter(range(0, 10**6, 400))  # seconds, at each look
    monkeypatch.setattr(drawing.maximization, "filters", slow)
    monkeypatch.setattr(drawing.time, "perf_counter", lambda: next(clock))
    status, printed, error = run("heads.keras --layer conv1")
    assert (status, error) == (130, "\nstopped; the files listed above are complete\n")
    assert calls[2:4] == [(list(range(6)), 5), ([0], 200)]
    assert written() == ["filters_conv1.png"]
    assert any("about" in line and line.endswith(" h") for line in printed)


MEMORY = "the memory is not enough for this model and image\n"


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (command.tf.errors.ResourceExhaustedError(None, None, "OOM"), 2, MEMORY),
        (MemoryError(), 2, MEMORY),
        (ValueError("in user code:\n\n  ValueError: too small"), 2, "too small\n"),
        (OSError(28, "No space left on device"), 2, "the disk is full\n"),
    ],
)
def test_what_goes_wrong_on_the_way_is_one_line(
    error, status, message, run, monkeypatch, written
):
    def fail(*_):
        raise error

    monkeypatch.setattr(os, "replace", fail)  # with which every file ends
    assert run("gray.keras --layer conv1 --steps 1")[::2] == (status, message)
    assert written() == []


def test_as_a_program_it_prints_nothing_of_tensorflow(folder):
    done = subprocess.run(
        [sys.executable, paths.ROOT / "Q3/visualize.py", "heads.keras", "--list"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("layers (name, kind, output shape):\n")
    assert done.stderr == ""


# --- the pictures ---------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 8, 25, 128])
def test_every_channel_is_in_the_grid(count):
    """In reading order: tile i holds the color i, and the rest is the gray between."""
    pixels = np.zeros((count, 1, 1, 3))
    pixels[:, 0, 0, 0] = np.arange(count) / 255
    found = [
        pixel[0] for row in visualize.tile(pixels) for pixel in row if not pixel[1]
    ]
    assert list(dict.fromkeys(found)) == list(range(count))
    assert len(found) == count * found.count(0)


def test_labels_are_below_the_tiles_and_fit():
    tiles = np.zeros((4, 8, 8, 3))
    bare = visualize.tile(tiles, columns=4)
    short = visualize.tile(tiles, columns=4, labels=list("abcd"))
    assert short.shape[1] == bare.shape[1]
    assert (short[: bare.shape[0]] == bare).all()
    assert (short[bare.shape[0] :] < 100).any()  # something is there
    long = visualize.tile(tiles, columns=4, labels=["a very long label" * 3] * 4)
    assert long.shape[1] > short.shape[1]


def test_one_scale_serves_a_layer_and_silent_channels_are_gray():
    activation = np.zeros((4, 4, 3))
    activation[0, 0, 0], activation[1, 1, 1] = 2.0, 1.0
    picture, low, high, silent = pictures.activation_grid(activation)
    assert (low, high, silent) == (0, 2, 1)
    assert (picture == np.round(255 * np.array(pictures.SILENT))).all(axis=-1).any()
    assert pictures.activation_grid(activation - 1)[1:3] == (-1, 1)
    picture, _, high, silent = pictures.activation_grid(np.array([[[1.0, 0.0, 3.0]]]))
    assert (high, silent) == (3, 1)  # of a single position: values
    assert picture.shape[0] <= tiles.MOST_ENLARGED
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 4  # values, and between


def test_a_map_covers_the_image_where_it_is_high():
    image = np.full((2, 2, 1), 255.0)
    covered = visualize.overlay(image, np.array([[0, 1], [0, 0]]), (0, 255))
    assert covered.dtype == np.uint8
    assert (covered[1] == 255).all()
    assert (covered[0, 1] < 255).any()
    for wrong, message in ((np.zeros((3, 2)), "shapes"), ([[0, 2], [0, 0]], "0…1")):
        with pytest.raises(ValueError, match=message):
            visualize.overlay(image, wrong)


def test_outputs_are_drawn_on_the_scale_of_probabilities(run, folder, tmp_path):
    """By its own maximum an output of 0.0001 would be as bright as one of 1."""
    model = keras.models.load_model(folder / "heads.keras")
    image, _ = visualize.read_image(folder / "line.png", (12, 12, 3))
    share = float(model.predict(image[None], verbose=0)[0][0, 0])
    assert 0.01 < share < 0.99
    assert run("heads.keras --image LINE --layer color")[0] == 0
    (path,) = (tmp_path / "out").glob("line_activations_*_color.png")
    rows = np.asarray(Image.open(path).convert("RGB"), int)[-tiles.MOST_ENLARGED :]
    wanted = 255 * np.array(pictures.colormaps[pictures.SEQUENTIAL](share)[:3])
    assert np.abs(rows.reshape(-1, 3) - wanted).max(axis=1).min() < 3


def test_a_layer_that_passes_probabilities_on_is_an_output_too():
    inner = layers.Dense(2, activation="softmax", name="inner")
    last = layers.Identity(name="out")
    model = chain((8, 8, 3), layers.Flatten(name="flat"), inner, last)
    network = command.networks.of(model)
    kinds = {"flat": "linear", "inner": "softmax", "out": "softmax"}
    for name, kind in kinds.items():
        assert drawing.activation_of(network, network.value(name)) == kind
