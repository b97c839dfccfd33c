"""Regularized gradient ascent for many units at once: what Q3/2 writes for one."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from coursework import visualize

RATE = 0.02  # of a step, as a share of the pixel range
HELD_OUT = 2400  # real images that those by gradient ascent are compared with


def held_out(images, validation):
    """Real images: ``HELD_OUT`` of a validation part, or all, evenly spread.

    Args:
        images: (N, height, width, C).
        validation: sorted int array, of ``splits.split``.
    """
    count = min(HELD_OUT, len(validation))
    chosen = np.linspace(0, len(validation) - 1, count).astype(int)
    return images[validation[chosen]]


def amplitude_root(images):
    """How strong each spatial frequency is in some images, as a factor of a gradient.

    Args:
        images: (N, height, width, channels), 0…255.

    Returns:
        (height, width) float32, the square root of the amplitude, in the order of
        ``np.fft.fft2``.
    """
    waves = np.fft.fft2(np.asarray(images, np.float32), axes=(1, 2))
    return np.mean(np.abs(waves) ** 2, axis=(0, 3)).astype(np.float32) ** 0.25


def ascend(scores, channels, steps, spectrum=None, jitter=0, blur=0.0):
    """Images that raise the outputs of a model, from black with a little noise.

    Args:
        scores: ``keras.Model``, images (N, height, width, C), 0…255 → (N, F).
        channels: ints, of the image, those that may change.
        steps: int.
        spectrum: (height, width) float32, of ``amplitude_root``, that the gradient is
            multiplied by, frequency by frequency; None is 1 (Olah and others, 2017).
        jitter: int, px, by up to which the images are shifted, in a circle, before each
            step, and back behind it.
        blur: float, px, standard deviation of a Gaussian behind each step; 0 is none.

    Returns:
        (F, height, width, C) float32, 0…255, the image of each output.
    """
    shape = scores.input_shape[1:]
    free = np.isin(np.arange(shape[-1]), channels).astype(np.float32)
    rng = np.random.default_rng(0)
    noise = rng.uniform(-visualize.NOISE, visualize.NOISE, shape) * free
    start = (255 * noise).clip(0).astype(np.float32)
    images = tf.repeat(start[None], scores.output_shape[-1], axis=0)
    step = _step(scores, free, spectrum, blur)
    rng = np.random.default_rng(0)
    for shift in rng.integers(-jitter, jitter + 1, (steps, 2)):
        images = step(images, tf.constant(shift))
    return images.numpy()


@dataclasses.dataclass(frozen=True)
class Subject:
    """A network, and what images for it are made with and compared with.

    Attributes:
        model: a ``keras.Model``.
        real: (N, height, width, C), 0…255, images that it was not trained on.
        channels: ints, those that gradient ascent may change.
        spectrum, jitter: of ``ascend``, for regularized images.
    """

    model: keras.Model
    real: np.ndarray
    channels: list
    spectrum: np.ndarray | None = None
    jitter: int = 0

    def regularized(self, scores, steps):
        """The images of ``ascend`` with the subject's regularizers."""
        settings = {"spectrum": self.spectrum, "jitter": self.jitter}
        return ascend(scores, self.channels, steps, **settings)


def _step(scores, free, spectrum, blur):
    @tf.function
    def step(images, shift):
        images = tf.roll(images, shift, axis=(1, 2))
        with tf.GradientTape() as tape:
            tape.watch(images)
            own = tf.linalg.diag_part(scores(images))  # image i is for output i
        gradient = tape.gradient(own, images) * free
        if spectrum is not None:
            gradient = _by_frequency(gradient, spectrum)
        square = tf.reduce_mean(gradient**2, axis=(1, 2, 3), keepdims=True)
        images += 255 * RATE * tf.math.divide_no_nan(gradient, tf.sqrt(square))
        images = tf.clip_by_value(_blurred(images, blur) if blur else images, 0, 255)
        return tf.roll(images, -shift, axis=(1, 2))

    return step


def _by_frequency(gradient, factors):
    """A gradient, (N, height, width, C), each of whose frequencies got a factor."""
    waves = tf.signal.fft2d(tf.cast(tf.transpose(gradient, (0, 3, 1, 2)), tf.complex64))
    changed = tf.math.real(tf.signal.ifft2d(waves * factors))
    return tf.transpose(changed, (0, 2, 3, 1))


def _blurred(images, deviation):
    """Images after a Gaussian filter of 5×5 px, black behind the border."""
    weights = np.exp(-((np.arange(-2, 3) / deviation) ** 2) / 2)
    kernel = np.outer(weights, weights) / weights.sum() ** 2
    kernel = np.repeat(kernel[..., None, None], images.shape[-1], axis=2)
    return tf.nn.depthwise_conv2d(images, kernel.astype("f4"), (1, 1, 1, 1), "SAME")
