"""Image files as models take them, and pictures on disk."""

import contextlib
import os
import pathlib
import secrets

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from . import pixels as ranges

MOST_SIDE = 512  # px, of images for models that take any size
SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def read_image(path, input_shape, pixels=(0.0, 255.0)):
    """Read an image and fit it to a model.

    Args:
        path: of a file that Pillow can read.
        input_shape: of the model, (N, height, width, channels) or without N; None is
            any size, up to ``MOST_SIDE``.
        pixels: the pixel range that the model expects, (lowest, highest), or "caffe" or
            "torch", in which older models of ``keras.applications`` were trained.

    Returns:
        (height, width, channels) float32 in that range, and a list of str: what had to
        be changed.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not an image, or the model does not take one.
    """
    pixels = ranges.pixels_of(pixels)
    if len(input_shape) < 3 or len(input_shape) > 4 or input_shape[-1] not in MODES:
        raise ValueError(
            f"the model takes arrays of shape {tuple(input_shape)}; an image file "
            "gives (height, width, channels), of 1, 3 or 4 channels"
        )
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
    return pixels.from_bytes(values), notes


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
    """Gray for one channel, RGB for three; there transparent parts become black."""
    wanted = MODES[channels]
    if picture.mode == wanted:
        return picture, []
    notes = [f"converted from {picture.mode} to {wanted}"]
    if wanted == "RGBA":
        return picture.convert(wanted), notes
    if picture.has_transparency_data:
        notes.append("transparent parts made black")
        picture = picture.convert("RGBA")
        black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(black, picture)
    return picture.convert("RGB").convert(wanted), notes


def _by(size):
    return "×".join(map(str, size))


@contextlib.contextmanager
def _replacing(path):
    """A temporary path that takes the place of ``path`` when the block succeeds.

    It is of this process alone, and the file has the mode that new files have here.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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
    with _replacing(pathlib.Path(path)) as temporary:
        picture.save(temporary, "PNG", optimize=palette)


def write_text(text, path):
    """Write a text file, UTF-8, all of it or nothing (OSError)."""
    with _replacing(pathlib.Path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
