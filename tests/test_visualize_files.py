"""Whatever is called an image: read, converted and said so, or refused in one line."""

import concurrent.futures
import os

import keras
import numpy as np
import pytest
from PIL import Image

from coursework import visualize
from coursework.visualize import files

SHAPE = (4, 6, 3)  # high, wide, channels


def save(picture, path, **options):
    picture.save(path, **options)
    return path


@pytest.fixture
def rgb():
    values = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(SHAPE) * 3
    return Image.fromarray(values)


def test_an_image_that_fits_is_read_as_it_is(rgb, tmp_path):
    values, notes = visualize.read_image(save(rgb, tmp_path / "a.png"), SHAPE)
    assert notes == []
    assert values.dtype == np.float32
    assert (values == np.asarray(rgb)).all()


@pytest.mark.parametrize("pixels", [(0, 255), (0, 1), (-1, 1)])
def test_values_lie_in_the_pixel_range(rgb, pixels, tmp_path):
    white = Image.new("RGB", (6, 4), "white")
    white.putpixel((0, 0), (0, 0, 0))
    values, _ = visualize.read_image(save(white, tmp_path / "a.png"), SHAPE, pixels)
    assert (values.min(), values.max()) == pixels


def test_the_shape_of_a_model_may_have_its_first_axis(rgb, tmp_path):
    path = save(rgb, tmp_path / "a.png")
    with_first, _ = visualize.read_image(path, (None, *SHAPE))
    assert (with_first == visualize.read_image(path, SHAPE)[0]).all()


def test_another_size_is_fitted(rgb, tmp_path):
    path = save(rgb.resize((12, 8)), tmp_path / "a.png")
    values, notes = visualize.read_image(path, SHAPE)
    assert values.shape == SHAPE
    assert notes == ["resized from 12×8 to 6×4 px"]
    values, notes = visualize.read_image(path, (None, None, 3))
    assert values.shape == (8, 12, 3)
    assert notes == []


def test_gray_and_color_become_each_other(rgb, tmp_path):
    gray, notes = visualize.read_image(save(rgb, tmp_path / "a.png"), (4, 6, 1))
    assert notes == ["converted from RGB to L"]
    assert (gray[..., 0] == np.asarray(rgb.convert("L"))).all()
    path = save(rgb.convert("L"), tmp_path / "b.png")
    color, notes = visualize.read_image(path, SHAPE)
    assert notes == ["converted from L to RGB"]
    assert (color == gray).all()


def test_transparent_parts_become_black(rgb, tmp_path):
    rgba = rgb.convert("RGBA")
    rgba.putpixel((1, 2), (200, 200, 200, 0))
    values, notes = visualize.read_image(save(rgba, tmp_path / "a.png"), SHAPE)
    assert notes == ["converted from RGBA to RGB", "transparent parts made black"]
    assert (values[2, 1] == 0).all()
    assert (values[0] == np.asarray(rgb)[0]).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_sixteen_bits_are_reduced(dtype, tmp_path):
    deep = np.linspace(0, 65535, 24).reshape(4, 6).astype(dtype)
    path = save(Image.fromarray(deep), tmp_path / "a.tif")
    values, notes = visualize.read_image(path, (4, 6, 1))
    assert notes[0].startswith("reduced from I")
    assert values.max() == 255
    assert np.abs(values[..., 0] - deep / 257).max() <= 1


@pytest.mark.parametrize(("most", "end"), [(1, 1), (200, 255), (9e5, 9e5)])
def test_floats_are_taken_for_what_they_hold(most, end, tmp_path):
    deep = np.linspace(0, most, 24).reshape(4, 6).astype(np.float32)
    path = save(Image.fromarray(deep), tmp_path / "a.tif")
    values, notes = visualize.read_image(path, (4, 6, 1))
    assert notes == ["reduced from F to 8 bits"]
    assert values.max() == pytest.approx(most / end * 255, abs=1)


def test_large_photos_are_made_smaller_for_models_of_any_size(rgb, tmp_path):
    path = save(rgb.resize((1200, 600)), tmp_path / "a.png")
    values, notes = visualize.read_image(path, (None, None, 3))
    assert values.shape == (256, 512, 3)
    assert notes == ["resized from 1200×600 to 512×256 px"]


def test_a_palette_is_resolved(rgb, tmp_path):
    path = save(rgb.quantize(256), tmp_path / "a.png")
    values, notes = visualize.read_image(path, SHAPE)
    assert notes == ["converted from P to RGB"]
    assert np.abs(values - np.asarray(rgb)).max() <= 8


def test_cmyk_is_converted(rgb, tmp_path):
    path = save(Image.new("CMYK", (6, 4), (255, 0, 0, 0)), tmp_path / "a.jpg")
    values, notes = visualize.read_image(path, SHAPE)
    assert notes == ["converted from CMYK to RGB"]
    assert values[..., 0].max() < 30
    assert values[..., 1:].min() > 200


def test_a_photo_is_turned_as_its_exif_data_say(rgb, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right
    path = save(rgb, tmp_path / "a.png", exif=exif)
    values, notes = visualize.read_image(path, (6, 4, 3))
    assert notes == ["turned as its EXIF data say"]
    assert (values == np.rot90(np.asarray(rgb), -1)).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"just a text", "is not an image that Pillow can read"),
        (b"", "is empty; expected an image file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "is (not an image|a damaged image)"),
    ],
)
def test_what_is_no_image(content, message, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        visualize.read_image(path, SHAPE)


def test_an_image_cut_short(rgb, tmp_path):
    path = save(rgb.resize((600, 400)), tmp_path / "a.png")
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ValueError, match="is a damaged image"):
        visualize.read_image(path, SHAPE)


def test_what_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="is a folder; expected an image file"):
        visualize.read_image(tmp_path, SHAPE)
    with pytest.raises(FileNotFoundError, match="does not exist; expected an image"):
        visualize.read_image(tmp_path / "none.png", SHAPE)


def test_a_picture_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "a.png"
    files.write_png(Image.new("RGB", (9, 9), "red"), path)
    assert Image.open(path).convert("RGB").getpixel((4, 4)) == (255, 0, 0)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        files.write_png(Image.new("RGB", (9, 9), "blue"), path)
    with pytest.raises(OSError, match="No space"):
        files.write_text("{}", path.with_suffix(".json"))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_files_have_the_mode_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_png(Image.new("RGB", (9, 9)), tmp_path / "a.png")
        files.write_text("{}", tmp_path / "a.json")
    finally:
        os.umask(before)
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o777 == 0o640


def test_two_that_write_one_file_leave_one_of_the_two(tmp_path):
    """As two commands with one --out: neither a mixture nor an error."""
    path, colors = tmp_path / "a.png", ["red", "blue"] * 20
    pictures = [Image.new("RGB", (200, 200), color) for color in colors]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda picture: files.write_png(picture, path), pictures))
    with Image.open(path) as picture:
        assert len(picture.convert("RGB").getcolors()) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", ["caffe", "torch"])
def test_the_ranges_of_keras_applications(mode, rgb, tmp_path):
    path = save(rgb, tmp_path / "a.png")
    values, _ = visualize.read_image(path, SHAPE, mode)
    raw = np.asarray(rgb, np.float32)
    utilities = keras.applications.imagenet_utils
    expected = utilities.preprocess_input(raw.copy(), mode=mode)
    assert values == pytest.approx(expected, abs=1e-4)
    assert visualize.as_shown(values, mode) == pytest.approx(raw / 255, abs=1e-5)


@pytest.mark.parametrize("shape", [(28,), (None, 16, 6), (4, 4, 5), (1, 9, 9, 9, 3)])
def test_models_that_take_no_image(shape, rgb, tmp_path):
    path = save(rgb, tmp_path / "a.png")
    with pytest.raises(ValueError, match="the model takes arrays of shape"):
        visualize.read_image(path, shape)
