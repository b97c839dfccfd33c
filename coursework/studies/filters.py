"""What the chapter on filters measures: images by gradient ascent, and controls.

A filter has one response, what its ReLU gets at the center unit of its layer. All
images here are made for, or compared by, that unit.
"""

import dataclasses

import keras
import numpy as np

from coursework import visualize
from coursework.studies import ascent, similarity
from coursework.training import runs

STARTS = (  # networks that one notebook built one after the other, from seed 0
    ("plain_lines", "plain_mnist"),
    ("tuned_lines", "tuned_mnist"),
    ("four_head_lines",),
)
MIXED = 0.25  # share of the light that each of two colors has in a mixture
OUTSIDE = 0.4, 0.3  # gray, and the share of the image left, outside a receptive field


def stages(model):
    """Each convolution and the ReLU layer behind it.

    Args:
        model: a ``keras.Model`` whose layers are a chain up to the last ReLU.

    Returns:
        dict, name of the convolution → name of the first ReLU layer behind it.
    """
    relus, waiting = {}, None
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            waiting = layer.name
        elif isinstance(layer, keras.layers.ReLU) and waiting:
            relus[waiting], waiting = layer.name, None
    return relus


def untrained(models):
    """The networks as they were before training.

    Seed 0 gives the very weights with which the committed networks began, if those of
    one notebook are built in its order.

    Args:
        models: dict, name → ``keras.Model``.

    Returns:
        dict, name → ``keras.Model`` with new weights; nothing else is changed.
    """
    fresh = {}
    for names in STARTS:
        keras.utils.set_random_seed(0)
        fresh |= {name: runs.clone(models[name]) for name in names if name in models}
    return {name: fresh[name] for name in models}


def kernels(model, layer):
    """A convolution's weights as (filters, height, width, channels) float32."""
    return model.get_layer(layer).kernel.numpy().transpose(3, 0, 1, 2)


# --- scores ---------------------------------------------------------------------------


def center_units(model, layer, units=None):
    """The numbers that gradient ascent makes large, one for each filter of a layer.

    Args:
        model: a ``keras.Model``.
        layer: name of a ReLU layer.
        units: list of ints, the filters; None is all.

    Returns:
        A ``keras.Model``, images (N, height, width, channels) → (N, F) floats, what the
        ReLU gets at its center unit, before the cut at 0.
    """
    scores = model.get_layer(layer).input
    scores = scores[:, scores.shape[1] // 2, scores.shape[2] // 2]
    if units is not None:
        scores = keras.ops.take(scores, units, axis=-1)
    return keras.Model(model.inputs, scores)


def predict(model, images):
    """What a model of one output gives for images, (N, …) float32."""
    return model.predict(np.asarray(images, np.float32), batch_size=512, verbose=0)


# --- images that activate a filter most -----------------------------------------------


def top_images(scores, images, count=4):
    """The images with the highest scores.

    Args:
        scores: (N, F) floats, of ``center_units``.
        images: (N, height, width, channels).
        count: int, how many of each filter.

    Returns:
        (F, count, height, width, channels), the highest first; (F,) their best scores.
    """
    order = np.argsort(-scores, axis=0, kind="stable")[:count].T
    return images[order], scores.max(axis=0)


def inside_field(model, layer, image):
    """Which pixels the center unit of a layer sees.

    Args:
        model: a ``keras.Model``.
        layer: name of a layer with feature maps.
        image: (height, width, channels), one that the model takes.

    Returns:
        (height, width) bool.
    """
    shape = model.get_layer(layer).output.shape[1:3]
    axes = visualize.receptive_fields(model, layer, image.shape)
    down, across = (
        np.abs(np.arange(length) - axis.start - axis.stride * (units // 2))
        < axis.size / 2
        for axis, length, units in zip(axes, image.shape, shape, strict=False)
    )
    return down[:, None] & across


def dimmed(images, seen):
    """Images as they are shown, gray where a unit does not see them.

    Args:
        images: (N, height, width, channels), 0…255.
        seen: (height, width) bool, of ``inside_field``.

    Returns:
        (N, height, width, 3) floats, 0…1.
    """
    shown = np.stack([visualize.as_shown(image) for image in images])
    gray, left = OUTSIDE
    return np.where(seen[..., None], shown, gray + left * shown)


def cropped(image, seen):
    """The part of an image, (height, width, C), that a unit sees; as ``dimmed``."""
    return image[np.ix_(seen.any(axis=1), seen.any(axis=0))]


# --- layers ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Layer:
    """All that is shown of the F filters of a layer.

    Attributes:
        regularized: (F, height, width, C), 0…255, images by regularized ascent.
        raw: ``visualize.Filters``, by plain ascent; None where it was not made.
        patches: (F, K, height, width, C), of ``top_images``.
        best: (F,) floats, the responses to the best real images.
        measured: dict, of ``measure``, for ``regularized``.
        inactive: int, of ``inactive``.
        seen: (height, width) bool, of ``inside_field``.
        weights: (F, size, size, C), of the first convolution; None elsewhere.
    """

    regularized: np.ndarray
    raw: visualize.Filters | None
    patches: np.ndarray
    best: np.ndarray
    measured: dict
    inactive: int
    seen: np.ndarray
    weights: np.ndarray | None


def share_of_optimum(model, images, channels):
    """How close the best of many images comes to the optimum of each first filter.

    Args:
        model: a ``keras.Model`` whose first convolution, ``conv1``, reads pixels ÷ 255.
        images: (N, height, width, C), 0…255.
        channels: ints, of the image, those that are not black everywhere.

    Returns:
        (F,) floats: the largest weighted sum at any position of any image, as a share
        of the sum of the positive weights, which is the largest possible.
    """
    layer = model.get_layer("conv1")
    best = _largest(model, "conv1", images)
    bias = layer.bias.numpy() if layer.use_bias else 0
    weights = kernels(model, "conv1")[..., channels]
    return (best - bias) / weights.clip(0).sum(axis=(1, 2, 3))


def measure(own, best, images):
    """The measures of images that were made for the filters of a layer.

    Args:
        own: (F,) floats, the response of each filter to its image.
        best: (F,) floats, that to its best real image.
        images: (F, height, width, C), 0…255.

    Returns:
        dict: ``relative_response``, the median of own ÷ best over filters that a real
        image activates; ``smoothness``, the mean over the images.
    """
    active = best > 0
    return {
        "relative_response": float(np.median(own[active] / best[active])),
        "smoothness": float(np.nanmean(similarity.smoothness(images))),
    }


def compare(subject, layer, settings, steps):
    """What each of some regularizers makes of the filters of a layer.

    Args:
        subject: an ``ascent.Subject``.
        layer: name of a ReLU layer.
        settings: dict, name → options of ``ascent.ascend``; the first is without any.
        steps: int, of each ascent.

    Returns:
        Two dicts by those names: the images, (F, height, width, C), and behind them the
        best real ones; what ``measure`` and ``similarity.own_patches`` give.
    """
    scores = center_units(subject.model, layer)
    patches, best = top_images(predict(scores, subject.real), subject.real)
    made, measured = {}, {}
    for name, options in settings.items():
        images = ascent.ascend(scores, subject.channels, steps, **options)
        table = similarity.likeness(images, patches, subject.channels)
        made[name] = images
        measured[name] = measure(np.diag(predict(scores, images)), best, images)
        measured[name] |= similarity.own_patches(table)
    return made | {"best real image": patches[:, 0]}, measured


def inactive(model, layer, images):
    """How many filters give 0 at every position of every image.

    Args:
        model: a ``keras.Model``.
        layer: name of a ReLU layer.
        images: (N, height, width, channels), 0…255.
    """
    return int((_largest(model, layer, images) <= 0).sum())


def _largest(model, layer, images):
    """(F,) floats: what each filter gives at most, at any position of any image."""
    most = -np.inf
    for batch in np.array_split(images, -(-len(images) // 500)):
        maps = visualize.activations(model, batch, layer)[layer]
        most = np.maximum(most, maps.max(axis=(0, 1, 2)))
    return most


def examine(subject, layer, steps, raw=None):
    """Make images for the filters of a layer, and find the best real ones.

    Args:
        subject: an ``ascent.Subject``.
        layer: name of a ReLU layer.
        steps: int, of regularized ascent.
        raw: ``visualize.Filters`` of the layer, or None.

    Returns:
        A ``Layer``.
    """
    model, real = subject.model, subject.real
    scores = center_units(model, layer)
    images = subject.regularized(scores, steps)
    patches, best = top_images(predict(scores, real), real)
    weights = None
    if layer == "relu1":
        free = np.isin(np.arange(real.shape[-1]), subject.channels)
        weights = kernels(model, "conv1") * free
    return Layer(
        regularized=images,
        raw=raw,
        patches=patches,
        best=best,
        measured=measure(np.diag(predict(scores, images)), best, images),
        inactive=inactive(model, layer, real),
        seen=inside_field(model, layer, real[0]),
        weights=weights,
    )


def likeness(layer, channels):
    """How like the best real images of its filters the images of a layer are.

    Args:
        layer: a ``Layer`` whose receptive field is most of the image.
        channels: ints, those that are compared.

    Returns:
        dict, what ``similarity.own_patches`` gives, and ``ceiling``: its ``gain`` if
        the second-best real image of each filter is in the place of the image made.
    """
    second, rest = layer.patches[:, 1], np.delete(layer.patches, 1, axis=1)
    ceiling = similarity.own_patches(similarity.likeness(second, rest, channels))
    table = similarity.likeness(layer.regularized, layer.patches, channels)
    return similarity.own_patches(table) | {"ceiling": ceiling["gain"]}


def mixed(images):
    """How many images are red and blue: each has ``MIXED`` of the light, or more."""
    red, green, blue = images.sum(axis=(1, 2)).T
    return int((np.minimum(red, blue) >= MIXED * (red + green + blue)).sum())


def summary(layer):
    """What the record holds of a ``Layer``: ints and floats by name."""
    statuses = layer.raw.statuses
    raw = measure(layer.raw.after, layer.best, layer.raw.images)
    return {
        "receptive_field_px": field_size(layer),
        "filters": len(statuses),
        "dead": statuses.count("dead"),
        "saturated": statuses.count("saturated"),
        "inactive": layer.inactive,
        **{f"raw_{name}": value for name, value in raw.items()},
        **layer.measured,
    }


def field_size(layer):
    """Width of the receptive field of a ``Layer``, px, inside the image."""
    return int(np.sqrt(layer.seen.sum()).round())


def means(shares):
    """Mean over the filters of what ``share_of_optimum`` gives, kind by kind."""
    return {
        name: {kind: float(values.mean()) for kind, values in kinds.items()}
        for name, kinds in shares.items()
    }
