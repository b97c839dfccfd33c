"""The ranges of pixel values that models expect, and images in them."""

import typing

import numpy as np


class Pixels(typing.NamedTuple):
    """A range of pixel values.

    Attributes:
        low, high: floats, or one for each channel: what black and white become.
        reverse: bool, whether the channels are blue, green, red.
    """

    low: object
    high: object
    reverse: bool = False

    def from_bytes(self, values):
        """(…, channels) floats 0…255 in this range, float32."""
        values = values[..., ::-1] if self.reverse else values
        low, high = (np.asarray(end, np.float32) for end in (self.low, self.high))
        return (values / 255 * (high - low) + low).astype(np.float32)

    def shown(self, images):
        """Images as (…, 3) floats 0…1, without color unless they have 3 channels."""
        low, high = (np.asarray(end, np.float64) for end in (self.low, self.high))
        shown = ((np.asarray(images) - low) / (high - low)).clip(0, 1)
        shown = shown[..., ::-1] if self.reverse else shown
        if shown.shape[-1] != 3:
            shown = shown.mean(axis=-1, keepdims=True)
        return np.broadcast_to(shown, (*shown.shape[:-1], 3))


_MEAN = np.array([103.939, 116.779, 123.68], np.float32)  # of ImageNet, BGR
_TORCH_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_TORCH_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
PIXELS = {  # the last two as keras.applications' preprocess_input has them
    "0..255": Pixels(0.0, 255.0),
    "0..1": Pixels(0.0, 1.0),
    "-1..1": Pixels(-1.0, 1.0),
    "caffe": Pixels(tuple(-_MEAN), tuple(255 - _MEAN), True),
    "torch": Pixels(
        tuple(-_TORCH_MEAN / _TORCH_DEVIATION),
        tuple((1 - _TORCH_MEAN) / _TORCH_DEVIATION),
    ),
}


def pixels_of(pixels):
    """``Pixels`` from a name of ``PIXELS``, or from a lower and an upper end.

    Raises:
        ValueError: there is no such name, or the ends are not in order.
    """
    if isinstance(pixels, str):
        if pixels not in PIXELS:
            raise ValueError(f"pixels are {pixels!r}; known: {', '.join(PIXELS)}")
        return PIXELS[pixels]
    if isinstance(pixels, Pixels):
        return pixels
    low, high = map(float, pixels)
    if not low < high:
        raise ValueError(f"pixels are {(low, high)}; expected the lower end first")
    return Pixels(low, high)
