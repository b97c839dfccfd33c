"""The methods of class activation maps: formulas from their papers, in one table."""

import dataclasses
import math
import typing

import tensorflow as tf

PATH_STEPS = 32  # of integrated gradients
SAMPLES, NOISE = 25, 0.15  # of SmoothGrad; deviation as a share of the image's range
PATCH = 0.18  # of occlusion, as a share of the image: 5 px of 28


class Case(typing.NamedTuple):
    """What a method makes a map from; n images at once, tensors in float32.

    Attributes:
        images: (n, height, width, channels), or with one or three spatial axes.
        background: the pixel value that stands for nothing.
        activation: (n, h, w, c) of the layer; for methods on the image, the images.
        gradient: function without arguments → that of the score, of the same shape.
        score: function of images like these → (n,), the score of each one's target.
        what: str, whose score it is, for messages.
        place: function of maps (n, h, w) of the layer → on the pixels of the images.
    """

    images: tf.Tensor
    background: tf.Tensor
    activation: tf.Tensor
    gradient: typing.Callable
    score: typing.Callable
    what: str
    place: typing.Callable

    def image_gradient(self, images):
        """The gradient of ``score`` for images like these, of their shape."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            score = self.score(images)
        return check_gradient(tape.gradient(score, images), self.what)


def check_gradient(gradient, what):
    """A gradient as float32 (ValueError if something on the way has none)."""
    if gradient is None:
        raise ValueError(
            f"{what} has no gradient there: an operation on the way, such as "
            "stop_gradient or a cast to integers, has none"
        )
    return tf.cast(gradient, tf.float32)


@dataclasses.dataclass(frozen=True)
class Method:
    """A way to make maps.

    Attributes:
        name: str, its key in ``METHODS``.
        title: str, what people call it.
        function: of a ``Case`` → (n, h, w), on the grid of the case's activation;
            what is negative in it becomes 0.
        on: "layer" or "image".
        source: str, the paper.
    """

    name: str
    title: str
    function: typing.Callable
    on: str
    source: str


def _spatial(tensor):
    return list(range(1, len(tensor.shape) - 1))


def _weighted(weights, activation):
    return tf.reduce_sum(weights * activation, axis=-1)


def _gradcam(case):
    gradient = case.gradient()
    weights = tf.reduce_mean(gradient, axis=_spatial(gradient), keepdims=True)
    return _weighted(weights, case.activation)


def _gradcam_plus_plus(case):
    gradient, axes = case.gradient(), _spatial(case.activation)
    total = tf.reduce_sum(case.activation, axis=axes, keepdims=True)
    # The paper's g² / (2g² + A·g³), divided by g²; where g is 0, so is its ReLU.
    shares = tf.math.divide_no_nan(1.0, 2 + total * gradient)
    weights = tf.reduce_sum(shares * tf.nn.relu(gradient), axis=axes, keepdims=True)
    return _weighted(weights, case.activation)


def _hirescam(case):
    return _weighted(case.gradient(), case.activation)


def _layercam(case):
    return _weighted(tf.nn.relu(case.gradient()), case.activation)


def _eigencam(case):
    """The first singular vector's part of the activation, its mean not negative.

    From the smaller of the two products of the (positions × channels) matrix with
    itself, in double precision, since a product squares the rounding.
    """
    shape = case.activation.shape
    positions = math.prod(shape[1:-1])
    matrix = tf.reshape(
        tf.cast(case.activation, tf.float64), (-1, positions, shape[-1])
    )
    if positions <= shape[-1]:
        values, vectors = tf.linalg.eigh(tf.matmul(matrix, matrix, transpose_b=True))
        made = vectors[..., -1] * tf.sqrt(tf.nn.relu(values[:, -1:]))
    else:
        _, vectors = tf.linalg.eigh(tf.matmul(matrix, matrix, transpose_a=True))
        made = tf.linalg.matvec(matrix, vectors[..., -1])
    made = tf.cast(tf.reshape(made, (-1, *shape[1:-1])), tf.float32)
    total = tf.reduce_sum(made, axis=_spatial(case.activation), keepdims=True)
    return tf.where(total < 0, -made, made)


def _scorecam(case):
    """Channels weighted by the score of the image masked with each of them."""
    axes = _spatial(case.images)
    nothing = case.score(tf.zeros_like(case.images) + case.background)

    def gain(channel):
        mask = case.place(case.activation[..., channel])
        low = tf.reduce_min(mask, axis=axes, keepdims=True)
        high = tf.reduce_max(mask, axis=axes, keepdims=True)
        mask = tf.math.divide_no_nan(mask - low, high - low)[..., None]
        shown = case.background + mask * (case.images - case.background)
        return case.score(shown) - nothing

    channels = tf.range(tf.shape(case.activation)[-1])
    gains = tf.map_fn(gain, channels, fn_output_signature=tf.float32)
    weights = tf.nn.softmax(tf.transpose(gains), axis=1)
    return tf.einsum("n...c,nc->n...", case.activation, weights)


def _gradient(case):
    return tf.reduce_max(tf.abs(case.gradient()), axis=-1)


def _smoothgrad(case):
    axes = list(range(1, len(case.images.shape)))
    low = tf.reduce_min(case.images, axis=axes, keepdims=True)
    deviation = NOISE * (tf.reduce_max(case.images, axis=axes, keepdims=True) - low)
    total = tf.zeros_like(case.images)
    for sample in tf.range(SAMPLES):  # the same noise for all images of a batch
        noise = tf.random.stateless_normal((1, *case.images.shape[1:]), [0, sample])
        total += case.image_gradient(case.images + deviation * noise)
    return tf.reduce_max(tf.abs(total / SAMPLES), axis=-1)


def _integrated_gradients(case):
    difference = case.images - case.background
    total = tf.zeros_like(case.images)
    for step in tf.range(PATH_STEPS):
        share = (tf.cast(step, tf.float32) + 0.5) / PATH_STEPS
        total += case.image_gradient(case.background + share * difference)
    return tf.reduce_sum(difference * total / PATH_STEPS, axis=-1)


def _occlusion(case):
    """What the score loses under a square patch, mean over the patches on a pixel."""
    sizes = case.images.shape[1:-1]
    side = max(1, round(PATCH * min(sizes)))
    chosen = case.score(case.images)
    first = [tf.range(1 - side, size, max(1, side // 2)) for size in sizes]
    corners = tf.reshape(
        tf.stack(tf.meshgrid(*first, indexing="ij"), -1), (-1, len(sizes))
    )
    total, times = tf.zeros(tf.shape(case.images)[:-1]), tf.zeros((1, *sizes))
    for corner in corners:
        patch = _patch(sizes, corner, side)
        covered = case.images + patch[..., None] * (case.background - case.images)
        loss = chosen - case.score(covered)
        total += tf.reshape(loss, (-1, *(1 for _ in sizes))) * patch
        times += patch
    return total / times


def _patch(sizes, corner, side):
    """(1, height, width) float32: 1 in a square that begins at ``corner``, else 0."""
    patch = tf.ones((1,) * (len(sizes) + 1))
    for axis, size in enumerate(sizes):
        pixels = tf.range(size)
        inside = (pixels >= corner[axis]) & (pixels < corner[axis] + side)
        shape = [size if axis == other else 1 for other in range(len(sizes))]
        patch *= tf.reshape(tf.cast(inside, tf.float32), (1, *shape))
    return patch


METHODS = {
    name: Method(name, title, function, on, source)
    for name, title, function, on, source in (
        ("gradcam", "Grad-CAM", _gradcam, "layer", "arXiv:1610.02391"),
        ("gradcam++", "Grad-CAM++", _gradcam_plus_plus, "layer", "arXiv:1710.11063"),
        ("hirescam", "HiResCAM", _hirescam, "layer", "arXiv:2011.08891"),
        ("layercam", "LayerCAM", _layercam, "layer", "doi:10.1109/TIP.2021.3089943"),
        ("scorecam", "Score-CAM", _scorecam, "layer", "arXiv:1910.01279"),
        ("eigencam", "Eigen-CAM", _eigencam, "layer", "arXiv:2008.00299"),
        ("input_gradient", "input gradient", _gradient, "image", "arXiv:1312.6034"),
        ("smoothgrad", "SmoothGrad", _smoothgrad, "image", "arXiv:1706.03825"),
        (
            "integrated_gradients",
            "integrated gradients",
            _integrated_gradients,
            "image",
            "arXiv:1703.01365",
        ),
        ("occlusion", "occlusion", _occlusion, "image", "arXiv:1311.2901"),
    )
}
