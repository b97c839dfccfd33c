"""python Q3/visualize.py: an image, a layer, or both; one line for bad input."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from coursework import paths, visualize
from coursework.training import networks
from coursework.visualize import command, drawing, files, pictures, tiles


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network with four heads, one with a single linear output, and an image."""
    folder = tmp_path_factory.mktemp("visualize")
    keras.utils.set_random_seed(0)
    networks.four_head_cnn().save(folder / "heads.keras")
    image = keras.Input((16, 16, 1), name="image")
    x = layers.Conv2D(3, 3, activation="relu", name="conv1")(image)
    x = layers.Conv2D(2, 3, activation="relu", name="conv2")(x)
    outputs = layers.Dense(2, name="out")(layers.GlobalAveragePooling2D()(x))
    keras.Model(image, outputs).save(folder / "gray.keras")
    values = np.zeros((28, 28, 3), np.uint8)
    values[10, 5:20, 0] = 255
    Image.fromarray(values).save(folder / "line.png")
    return folder


@pytest.fixture
def run(folder, tmp_path, capsys):
    """Run the command in this process; returns status, lines printed, and errors."""

    def run(model, *arguments):
        out = ["--out", str(tmp_path / "out")]
        arguments = [str(folder / model), *arguments, *out]
        arguments = [a.replace("LINE", str(folder / "line.png")) for a in arguments]
        status = command.main(arguments)
        printed = capsys.readouterr()
        return status, printed.out.splitlines(), printed.err

    return run


@pytest.fixture
def written(tmp_path):
    """Names of the files that a run wrote."""
    return lambda: sorted(path.name for path in (tmp_path / "out").iterdir())


def summary(tmp_path):
    return json.loads((tmp_path / "out" / "summary.json").read_text())


def test_an_image_alone_shows_all_layers_and_a_map_of_each_head(
    run, written, folder, tmp_path
):
    status, printed, _ = run("heads.keras", "--image", "LINE")
    assert status == 0
    model = keras.models.load_model(folder / "heads.keras")
    shown = [name for name in written() if "_activations_" in name]
    names = [layer.name for layer in model.layers[1:]]
    assert [name.split("_", 3)[3].removesuffix(".png") for name in shown] == names
    for head in ("length", "width", "color", "angle"):
        assert f"line_map_{head}_gradcam_relu3.png" in written()
    told = summary(tmp_path)
    assert set(told["files"]) == set(written()) - {"summary.json"}
    assert [line.rsplit("/", 1)[-1] for line in printed[1:]] == [
        *told["files"],
        "summary.json",
    ]
    image = np.asarray(Image.open(folder / "line.png"))
    outputs = model.predict(image[None], verbose=0)
    heads = told["images"][0]["heads"]
    assert heads["angle"][0]["prediction"] == outputs[3].argmax()
    assert heads["angle"][0]["probability"] == pytest.approx(outputs[3].max(), abs=1e-5)
    assert heads["color"][0]["target"] == int(outputs[2][0, 0] > 0.5)


def test_a_layer_alone_shows_its_filters(run, written, tmp_path):
    status, _, _ = run("gray.keras", "--layer", "conv1", "--pixels", "0..1")
    assert status == 0
    assert written() == ["filters_conv1.png", "kernels_conv1.png", "summary.json"]
    layer = summary(tmp_path)["layers"][0]
    assert layer["layer"] == "conv1"
    assert [each["filter"] for each in layer["filters"]] == [0, 1, 2]
    assert {each["status"] for each in layer["filters"]} <= {"ok", "dead", "saturated"}
    assert summary(tmp_path)["images"] == []


def test_both_show_that_layer_for_the_image_and_filters_when_asked(run, written):
    status, _, _ = run(
        *("heads.keras", "--image", "LINE", "--layer", "conv2"),
        *("--head", "angle", "--target", "7", "--method", "hirescam"),
    )
    assert status == 0
    shown = ["line_activations_006_conv2.png", "line_map_angle_hirescam_conv2.png"]
    assert written() == [*shown, "summary.json"]
    asked = "--layer", "conv2", "--units", "0-2,5", "--steps", "3"
    assert run("heads.keras", "--image", "LINE", "--head", "angle", *asked)[0] == 0
    assert "filters_conv2.png" in written()


def test_what_had_to_be_changed_is_said(run, tmp_path):
    status, printed, _ = run("gray.keras", "--image", "LINE", "--pixels", "-1..1")
    assert status == 0
    assert printed[0].startswith("pixels: -1..1 go into the model")
    notes = ["converted from RGB to L", "resized from 28×28 to 16×16 px"]
    assert printed[1:3] == [f"line: {note}" for note in notes]
    assert summary(tmp_path)["images"][0]["notes"] == notes


def test_two_images_of_one_name_are_kept_apart(run, folder, written):
    other = folder / "other"
    other.mkdir(exist_ok=True)
    Image.new("L", (16, 16), 99).save(other / "line.png")
    images = ["--image", "LINE", "--image", str(other / "line.png")]
    assert run("gray.keras", *images, "--layer", "conv1")[0] == 0
    assert "line_activations_001_conv1.png" in written()
    assert "line_2_activations_001_conv1.png" in written()


def test_the_list_has_layers_and_heads(run):
    status, printed, _ = run("heads.keras", "--list")
    assert status == 0
    assert "  conv1         Conv2D              28×28×16" in printed
    assert printed[-4:] == [
        "  length  sigmoid  2",
        "  width  sigmoid  2",
        "  color  sigmoid  2",
        "  angle  softmax  12",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.keras", "--list"), "none.keras does not exist; expected a .keras"),
        (("line.png", "--list"), "line.png ends in '.png'; expected .keras or .h5"),
        (
            ("heads.keras", "--image", "none.png"),
            "none.png does not exist; expected an",
        ),
        (("heads.keras", "--image", "."), ". is a folder; expected an image file"),
        (("heads.keras", "--layer", "conv9"), "no layer named 'conv9'; nearest: conv"),
        (("heads.keras", "--image", "LINE", "--head", "hue"), "no head named 'hue'"),
        (
            ("heads.keras", "--image", "LINE", "--head", "angle", "--target", "12"),
            "target is 12; head angle has classes 0…11",
        ),
    ],
)
def test_bad_input_is_one_line_and_status_2(run, arguments, message, tmp_path):
    status, _, error = run(*arguments)
    assert status == 2
    assert message in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out" / "summary.json").exists()


def test_a_layer_without_feature_maps_has_activations_but_no_map(run, written):
    status, printed, _ = run("gray.keras", "--image", "LINE", "--layer", "out")
    assert status == 0
    assert any(line.startswith("no map: layer out gives (None, 2)") for line in printed)
    assert "line_activations_004_out.png" in written()


def test_a_head_that_fits_no_map_is_left_out_and_said_so(folder, run, tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(2, 3, name="conv1")(image)
    mask = layers.Conv2D(1, 1, name="mask")(x)
    label = layers.Dense(3, name="label")(layers.GlobalAveragePooling2D()(x))
    keras.Model(image, [mask, label]).save(folder / "mask.keras")
    status, printed, _ = run("mask.keras", "--image", "LINE")
    assert status == 0
    assert any(
        line.startswith("no map: head mask gives (None, 6, 6, 1)") for line in printed
    )
    assert list(summary(tmp_path)["images"][0]["heads"]) == ["label"]


def test_a_model_without_any_map_still_shows_its_activations(folder, run, written):
    image = keras.Input((8, 8, 3))
    x = layers.Dense(4, activation="relu")(layers.Flatten()(image))
    keras.Model(image, layers.Dense(2)(x)).save(folder / "flat.keras")
    status, printed, _ = run("flat.keras", "--image", "LINE")
    assert status == 0
    assert any("gives feature maps; use a method" in line for line in printed)
    assert "summary.json" in written()


def test_heads_of_one_name_are_kept_apart(folder, run, written):
    image = keras.Input((8, 8, 3))
    shared = layers.Dense(2, name="shared")
    pooled = layers.GlobalAveragePooling2D()
    outputs = [
        shared(pooled(layers.Conv2D(3, 3, name=name)(image))) for name in ("a", "b")
    ]
    keras.Model(image, outputs).save(folder / "shared.keras")
    status, _, _ = run("shared.keras", "--image", "LINE")
    assert status == 0
    assert "line_map_shared_gradcam_a.png" in written()
    assert "line_map_shared@2_gradcam_b.png" in written()


def test_models_of_several_inputs_and_of_own_code_are_refused(folder, run):
    two = [keras.Input((8, 8, 3)), keras.Input((8, 8, 3))]
    keras.Model(two, layers.Flatten()(layers.Add()(two))).save(folder / "two.keras")
    status, _, error = run("two.keras", "--list")
    assert (status, error) == (2, "the model has 2 inputs; expected one image\n")
    image = keras.Input((8, 8, 3))
    own = layers.Lambda(lambda x: x * 2)(image)
    keras.Model(image, layers.Flatten()(own)).save(folder / "own.keras")
    status, _, error = run("own.keras", "--list")
    assert status == 2
    assert "brings code of its own (Lambda), which is not run" in error


def test_classes_have_their_names(run, folder, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"name {n}" for n in range(12)) + "\n")
    written = []
    given = ["--image", "LINE", "--layer", "conv2", "--classes", str(names)]
    assert run("heads.keras", *given)[0] == 0
    sheet = drawing.pictures.map_sheet
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            drawing.pictures,
            "map_sheet",
            lambda *a: written.append(a[2]) or sheet(*a),
        )
        assert run("heads.keras", *given, "--head", "angle", "--target", "7")[0] == 0
    assert "map of class 7 (name 7)" in written[0][1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\n", "has 2 names; expected 12 for head angle"),
        (b"", "has 0 names; expected 12"),
        (b"\xff\xfe\xff", "is not a text file in UTF-8"),
        (None, "No such file"),
    ],
)
def test_names_that_do_not_fit(run, content, message, tmp_path):
    names = tmp_path / "names.txt"
    if content is not None:
        names.write_bytes(content)
    given = "--image", "LINE", "--head", "angle", "--classes", str(names)
    status, _, error = run("heads.keras", *given)
    assert status == 2
    assert message in error
    assert len(error.splitlines()) == 1


def test_some_units_in_the_order_of_their_numbers(run, tmp_path):
    given = "--layer", "conv2", "--units", "4,0-1", "--steps", "2"
    status, printed, _ = run("heads.keras", *given)
    assert status == 0
    assert any(line.startswith("conv2: 3 filters, 2 steps: about ") for line in printed)
    (layer,) = summary(tmp_path)["layers"]
    assert [each["filter"] for each in layer["filters"]] == [0, 1, 4]
    status, _, error = run("heads.keras", "--layer", "conv2", "--units", "99")
    assert status == 2
    assert "units are [99]; conv2 has 0…" in error


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
    status, printed, _ = run("heads.keras", "--layer", "conv1")
    assert status == 130
    assert calls[2] == (list(range(16)), 5)
    assert calls[3] == ([0], 200)
    assert "filters_conv1.png" in written()
    assert any("about" in line and line.endswith(" h") for line in printed)


@pytest.mark.parametrize("content", [b"text", b""])
def test_files_that_only_seem_to_be_images(content, tmp_path, run, written):
    (tmp_path / "a.png").write_bytes(content)
    status, _, error = run("gray.keras", "--image", str(tmp_path / "a.png"))
    assert status == 2
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            command.tf.errors.ResourceExhaustedError(None, None, "OOM"),
            "the memory is not enough for this model and image",
        ),
        (MemoryError(), "the memory is not enough for this model and image"),
        (
            ValueError("in user code:\n\n  File x\n\n  ValueError: too small"),
            "too small",
        ),
    ],
)
def test_what_tensorflow_says_becomes_one_line(error, message, run, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr(drawing, "visualize", fail)
    status, _, said = run("gray.keras", "--layer", "conv1")
    assert status == 2
    assert message in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--layer", "conv1", "--target", "1"],
        ["--layer", "conv1", "--head", "angle"],
        ["--method", "cam", "--list"],
        ["--pixels", "0..9", "--list"],
        ["--target", "x"],
        ["--layer", "conv1", "--units", "3-1"],
        ["--layer", "conv1", "--units", "a"],
        ["--image", "LINE", "--filters"],
    ],
)
def test_a_wrong_command_line_ends_with_status_2(run, arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        run("heads.keras", *arguments)
    assert stop.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_weights_that_are_not_numbers(folder, run):
    model = keras.models.load_model(folder / "gray.keras")
    model.get_layer("conv1").kernel.assign(np.full((3, 3, 1, 3), np.nan))
    model.save(folder / "damaged.keras")
    status, _, error = run("damaged.keras", "--image", "LINE")
    assert status == 2
    assert "layer conv1 has weights that are not finite numbers" in error


def test_a_full_disk(run, monkeypatch, written):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", fail)
    status, _, error = run("gray.keras", "--layer", "conv1")
    assert (status, error) == (2, "the disk is full\n")
    assert written() == []


def test_ctrl_c(run, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(drawing, "visualize", interrupt)
    status, _, error = run("gray.keras", "--layer", "conv1")
    assert status == 130
    assert error == "\nstopped; the files listed above are complete\n"


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


@pytest.mark.parametrize("count", [1, 8, 24, 25, 32, 128])
def test_every_channel_is_in_the_grid(count):
    """In reading order: tile i holds the color i, and the rest is the gray between."""
    pixels = np.zeros((count, 1, 1, 3))
    pixels[:, 0, 0, 0] = np.arange(count) / 255
    sheet = visualize.tile(pixels)
    found = [pixel[0] for row in sheet for pixel in row if pixel[1] == 0]
    order = [value for i, value in enumerate(found) if i == 0 or value != found[i - 1]]
    size = sum(value == 0 for value in found) ** 0.5
    firsts = list(dict.fromkeys(order))
    assert sorted(firsts) == list(range(count))
    assert firsts == list(range(count))
    assert len(found) == count * size**2


def test_one_scale_serves_a_layer_and_silent_channels_are_gray():
    activation = np.zeros((4, 4, 3))
    activation[0, 0, 0], activation[1, 1, 1] = 2.0, 1.0
    picture, low, high, silent = pictures.activation_grid(activation)
    assert (low, high, silent) == (0, 2, 1)
    assert (picture == np.round(255 * np.array(pictures.SILENT))).all(axis=-1).any()
    _, low, high, _ = pictures.activation_grid(activation - 1)
    assert (low, high) == (-1, 1)


def test_channels_of_a_single_place_are_drawn_as_values():
    picture, _, high, silent = pictures.activation_grid(np.array([[[1.0, 0.0, 3.0]]]))
    assert (high, silent) == (3, 1)
    assert picture.shape[0] <= tiles.MOST_ENLARGED
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 4  # values, and between


def test_a_map_covers_the_image_where_it_is_high():
    image = np.full((2, 2, 1), 255.0)
    covered = visualize.overlay(image, np.array([[0, 1], [0, 0]]), (0, 255))
    assert covered.dtype == np.uint8
    assert (covered[1] == 255).all()
    assert (covered[0, 1] < 255).any()


def colors_in(path):
    """Colors of a picture, (N, 3) integers, without the heading's scale."""
    with Image.open(path) as picture:
        rows = np.asarray(picture.convert("RGB"), int)
    return rows[rows.shape[0] - tiles.MOST_ENLARGED :].reshape(-1, 3)


def test_outputs_are_drawn_on_the_scale_of_probabilities(run, folder, tmp_path):
    """By its own maximum an output of 0.0001 would be as bright as one of 1."""
    model = keras.models.load_model(folder / "heads.keras")
    image = np.asarray(Image.open(folder / "line.png"))
    share = float(model.predict(image[None], verbose=0)[0][0, 0])
    assert 0.01 < share < 0.99
    assert run("heads.keras", "--image", "LINE", "--layer", "length")[0] == 0
    (path,) = (tmp_path / "out").glob("line_activations_*_length.png")
    wanted = 255 * np.array(pictures.colormaps[pictures.SEQUENTIAL](share)[:3])
    assert np.abs(colors_in(path) - wanted).max(axis=1).min() < 3


@pytest.mark.parametrize(("kind", "high"), [("sigmoid", 1), ("relu", 0.25)])
def test_the_scale_of_a_layer_by_its_activation(kind, high, monkeypatch):
    told = []
    monkeypatch.setattr(pictures, "sheet", lambda *given: told.append(given[2]))
    pictures.activation_sheet(np.array([0.25, 0.0]), ["x"], kind)
    assert told == [(0, high)]


def test_a_layer_that_passes_probabilities_on_is_an_output_too():
    image = keras.Input((8, 8, 3))
    x = layers.Flatten(name="flat")(image)
    x = layers.Dense(2, activation="softmax", name="inner")(x)
    network = command.networks.of(keras.Model(image, layers.Identity(name="out")(x)))
    assert drawing.activation_of(network, network.value("inner")) == "softmax"
    assert drawing.activation_of(network, network.value("out")) == "softmax"
    assert drawing.activation_of(network, network.value("flat")) == "linear"
