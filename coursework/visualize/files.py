"""Image files as models take them, and pictures on disk."""

import os
import pathlib
import tempfile

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MOST_SIDE = 512  # px, of images for models that take any size
SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")


def read_image(path, input_shape, pixels=(0.0, 255.0)):
    """Read an image and fit it to a model.

    Args:
        path: of a file that Pillow can read.
        input_shape: of the model, (N, height, width, channels) or without N; None is
            any size, up to ``MOST_SIDE``.
        pixels: the pixel range that the model expects.

    Returns:
        (height, width, channels) float32 in that range, and a list of str: what had to
        be changed.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not an image.
    """
    picture, notes = _open(pathlib.Path(path))
    height, width, channels = input_shape[-3:]
    picture, more = _fit_channels(picture, channels)
    notes += more
    wanted = (width or picture.width, height or picture.height)
    if max(wanted) > MOST_SIDE and not (width and height):
        wanted = tuple(max(1, side * MOST_SIDE // max(wanted)) for side in wanted)
    if picture.size != wanted:
        notes.append(f"resized from {_by(picture.size)} to {_by(wanted)} px")
        picture = picture.resize(wanted, Image.Resampling.BILINEAR)
    values = np.asarray(picture, np.float32).reshape(wanted[1], wanted[0], channels)
    low, high = pixels
    return values / 255 * (high - low) + low, notes


def _open(path):
    """A picture of 8 bits a channel, upright, and what was changed."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; expected an image file")
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; expected an image file")
    if not path.stat().st_size:
        raise ValueError(f"{path} is empty; expected an image file")
    try:
        picture = Image.open(path)
        picture.load()
    except UnidentifiedImageError:
        raise ValueError(f"{path} is not an image that Pillow can read") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is a damaged image ({error})") from error
    upright = ImageOps.exif_transpose(picture)
    notes = ["turned as its EXIF data say"] if _was_turned(picture) else []
    if upright.mode in SIXTEEN_BIT:
        notes.append(f"reduced from {upright.mode} to 8 bits")
        upright = _to_eight_bits(upright)
    return upright, notes


def _was_turned(picture):
    return picture.getexif().get(0x0112, 1) != 1


def _to_eight_bits(picture):
    """From 16 or 32 bits, whose end is taken to be 1, 255 or 65535, or the maximum."""
    values = np.asarray(picture, np.float64)
    ends = [65535] if picture.mode.startswith("I;16") else [1, 255, 65535]
    most = next((end for end in ends if values.max() <= end), values.max())
    return Image.fromarray((values / most * 255).clip(0, 255).round().astype(np.uint8))


def _fit_channels(picture, channels):
    """Gray for one channel, RGB for three; transparent parts become black."""
    wanted = "L" if channels == 1 else "RGB"
    if picture.mode == wanted:
        return picture, []
    notes = [f"converted from {picture.mode} to {wanted}"]
    if picture.has_transparency_data:
        notes.append("transparent parts made black")
        picture = picture.convert("RGBA")
        black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(black, picture)
    return picture.convert("RGB").convert(wanted), notes


def _by(size):
    return "×".join(map(str, size))


def write_png(picture, path, palette=False):
    """Write a Pillow image, all of it or nothing (OSError).

    Args:
        picture: a ``PIL.Image``.
        path: where to.
        palette: bool, whether 256 colors are enough: a third of the size.
    """
    picture = picture.convert("RGB")
    if palette:
        picture = picture.quantize(256)
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(".png", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            picture.save(file, "PNG", optimize=palette)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_text(text, path):
    """Write a text file, all of it or nothing (OSError)."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
