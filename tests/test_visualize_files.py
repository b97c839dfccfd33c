"""Whatever is called an image or a model: read, and changes said, or refused."""

import concurrent.futures
import os
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from coursework import visualize
from coursework.visualize import files

from foreign_models import chain

SHAPE = (4, 6, 3)  # high, wide, channels
RGB = Image.fromarray(np.arange(72, dtype=np.uint8).reshape(SHAPE) * 3)
GRAY = RGB.convert("L")


def read(picture, folder, shape=SHAPE, name="a.png", pixels=(0, 255), **options):
    """Write a Pillow image and read it as a model would."""
    picture.save(folder / name, **options)
    return visualize.read_image(folder / name, shape, pixels)


# --- images ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("picture", "shape", "expected", "notes"),
    [
        (RGB, SHAPE, np.asarray(RGB), []),
        (RGB, (None, *SHAPE), np.asarray(RGB), []),
        (RGB, (None, None, 3), np.asarray(RGB), []),
        (RGB, (4, 6, 1), np.asarray(GRAY)[..., None], ["converted from RGB to L"]),
        (GRAY, SHAPE, np.asarray(GRAY)[..., None], ["converted from L to RGB"]),
        (RGB.quantize(256), SHAPE, np.asarray(RGB), ["converted from P to RGB"]),
    ],
)
def test_an_image_is_fitted_to_the_channels(picture, shape, expected, notes, tmp_path):
    values, said = read(picture, tmp_path, shape)
    assert values.dtype == np.float32
    assert np.abs(values - expected).max() <= (8 if picture.mode == "P" else 0)
    assert said == notes


@pytest.mark.parametrize(
    ("size", "shape", "given", "note"),
    [
        ((12, 8), SHAPE, SHAPE, "resized from 12×8 to 6×4 px"),
        ((1200, 600), (None, None, 3), (256, 512, 3), "resized from 1200×600 to 512×2"),
    ],
)
def test_an_image_is_fitted_to_the_size(size, shape, given, note, tmp_path):
    values, notes = read(RGB.resize(size), tmp_path, shape)
    assert values.shape == given
    assert notes[0].startswith(note)


@pytest.mark.parametrize("pixels", [(0, 255), (0, 1), (-1, 1)])
def test_values_are_in_the_pixel_range(pixels, tmp_path):
    white = Image.new("RGB", (6, 4), "white")
    white.putpixel((0, 0), (0, 0, 0))
    values, _ = read(white, tmp_path, pixels=pixels)
    assert (values.min(), values.max()) == pixels


@pytest.mark.parametrize("mode", ["caffe", "torch"])
def test_the_ranges_of_keras_applications(mode, tmp_path):
    values, _ = read(RGB, tmp_path, pixels=mode)
    raw = np.asarray(RGB, np.float32)
    preprocess = keras.applications.imagenet_utils.preprocess_input
    assert values == pytest.approx(preprocess(raw.copy(), mode=mode), abs=1e-4)
    assert visualize.as_shown(values, mode) == pytest.approx(raw / 255, abs=1e-5)


def test_transparent_parts_become_black(tmp_path):
    rgba = RGB.convert("RGBA")
    rgba.putpixel((1, 2), (200, 200, 200, 0))
    values, notes = read(rgba, tmp_path)
    assert notes == ["converted from RGBA to RGB", "transparent parts made black"]
    assert (values[2, 1] == 0).all()
    assert (values[0] == np.asarray(RGB)[0]).all()


@pytest.mark.parametrize(
    ("dtype", "most", "end"),
    [
        (np.uint16, 65535, 65535),
        (np.int32, 65535, 65535),
        (np.float32, 1, 1),
        (np.float32, 200, 255),
        (np.float32, 9e5, 9e5),
    ],
)
def test_more_than_eight_bits_are_reduced(dtype, most, end, tmp_path):
    deep = np.linspace(0, most, 24).reshape(4, 6).astype(dtype)
    values, notes = read(Image.fromarray(deep), tmp_path, (4, 6, 1), "a.tif")
    assert notes[0].startswith("reduced from ")
    assert np.abs(values[..., 0] - deep / end * 255).max() <= 1


def test_cmyk_is_converted(tmp_path):
    values, _ = read(Image.new("CMYK", (6, 4), (255, 0, 0, 0)), tmp_path, name="a.jpg")
    assert values[..., 0].max() < 30
    assert values[..., 1:].min() > 200


def test_a_photo_is_turned_as_its_exif_data_say(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right
    values, notes = read(RGB, tmp_path, (6, 4, 3), exif=exif)
    assert notes == ["turned as its EXIF data say"]
    assert (values == np.rot90(np.asarray(RGB), -1)).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"just a text", "is not an image that Pillow can read"),
        (b"", "is empty; expected an image file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "is (not an image|a damaged image)"),
        ("cut", "is a damaged image"),
        ("folder", "is a folder; expected an image file"),
        (None, "does not exist; expected an image file"),
    ],
)
def test_what_is_no_image(content, message, tmp_path):
    path = tmp_path / "a.png"
    if content == "cut":
        RGB.resize((600, 400)).save(path)
        content = path.read_bytes()[:300]
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        visualize.read_image(path, SHAPE)
    assert isinstance(error.value, FileNotFoundError) == (content is None)


@pytest.mark.parametrize("shape", [(28,), (None, 16, 6), (4, 4, 5), (1, 9, 9, 9, 3)])
def test_models_that_take_no_image(shape, tmp_path):
    with pytest.raises(ValueError, match="the model takes arrays of shape"):
        read(RGB, tmp_path, shape)


# --- files that are written -----------------------------------------------------------


def test_files_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "a.png"
    files.write_png(Image.new("RGB", (9, 9), "red"), path)
    assert Image.open(path).convert("RGB").getpixel((4, 4)) == (255, 0, 0)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        files.write_png(Image.new("RGB", (9, 9), "blue"), path)
    with pytest.raises(OSError, match="No space"):
        files.write_text("{}", path.with_suffix(".json"))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_files_have_the_mode_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_png(RGB, tmp_path / "a.png")
        files.write_text("{}", tmp_path / "a.json")
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o640}


def test_two_that_write_one_file_leave_one_of_the_two(tmp_path):
    """As two commands with one --out: neither a mixture nor an error."""
    path, colors = tmp_path / "a.png", ["red", "blue"] * 20
    pictures = [Image.new("RGB", (200, 200), color) for color in colors]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda picture: files.write_png(picture, path), pictures))
    with Image.open(path) as picture:
        assert len(picture.convert("RGB").getcolors()) == 1
    assert list(tmp_path.iterdir()) == [path]


# --- model files ----------------------------------------------------------------------


class Homemade(layers.Layer):
    """Of no package."""

    def call(self, x):
        return x


def saved(path, *steps):
    chain((8, 8, 3), *steps, layers.Flatten(), layers.Dense(2)).save(path)


def of_keras_2(path):
    saved(path)
    with h5py.File(path, "a") as file:
        file.attrs["keras_version"] = "2.11.0"


def cut(path):
    saved(path)
    path.write_bytes(path.read_bytes()[:-200])


def encrypted(path):
    saved(path)
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.find(signature)
        while start >= 0:  # the flag of encryption, in each header
            content[start + offset] |= 1
            start = content.find(signature, start + 1)
    path.write_bytes(content)


def archive(metadata, **more):
    def write(path):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("metadata.json", metadata)
            for name, content in more.items():
                file.writestr(f"{name}.json", content)

    return write


def text(path):
    path.write_text("not a model")


def weights(path):
    chain((8, 8, 3), layers.Dense(2)).save_weights(path)


def homemade(path):
    saved(path, Homemade())


def own_code(path):
    saved(path, layers.Lambda(lambda x: x * 2))


KERAS_3, DEEP = '{"keras_version": "3.0.0"}', "[" * 100_000
OWN_CODE = r"brings code of its own \(Lambda\)"
MODEL_FILES = [
    ("a.keras", lambda path: None, "does not exist; expected a .keras"),
    ("a.keras", lambda path: path.mkdir(), "is a folder"),
    ("a.keras", text, r"is not a \.keras file"),
    ("a.h5", text, "is not an HDF5 file"),
    ("a.onnx", text, r"ends in '\.onnx'; expected \.keras"),
    ("a.keras", cut, r"is not a \.keras file"),
    ("a.keras", encrypted, r"is not a \.keras file .*encrypted"),
    ("a.keras", own_code, OWN_CODE),
    ("a.h5", own_code, OWN_CODE),
    ("a.keras", homemade, "needs the class Homemade, which is not part of Keras"),
    ("a.h5", of_keras_2, r"written by Keras 2\.11\.0; expected a model of Keras 3"),
    ("a.keras", archive('{"keras_version": "2.15.0"}'), r"by Keras 2\.15\.0; expected"),
    ("a.keras", archive(KERAS_3, config=DEEP), "is not a model that Keras"),
    ("a.weights.h5", weights, "holds weights only"),
    *(
        ("a.keras", archive(metadata), r"is not a \.keras file")
        for metadata in (*("[]", "null", '"text"', "{}", DEEP, KERAS_3[:-1], b"\xff"),)
    ),
]


@pytest.mark.parametrize(("name", "write", "message"), MODEL_FILES)
def test_model_files_that_are_refused(name, write, message, tmp_path):
    write(tmp_path / name)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        visualize.load(tmp_path / name)
    assert len(str(error.value).splitlines()) == 1
    missing = not (tmp_path / name).is_file()
    assert isinstance(error.value, FileNotFoundError) == missing


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_model_file_is_loaded(ending, tmp_path):
    nested = chain((8, 8, 3), layers.Conv2D(2, 3, name="conv1"))
    model = chain((8, 8, 3), nested, layers.Flatten(), layers.Dense(2))
    model.save(tmp_path / f"model{ending}")
    loaded, images = visualize.load(tmp_path / f"model{ending}"), np.ones((1, 8, 8, 3))
    ours, theirs = (visualize.activations(m, images) for m in (loaded, model))
    assert list(ours) == list(theirs)
    for path, values in theirs.items():
        assert ours[path] == pytest.approx(values, rel=1e-5, abs=1e-6)
