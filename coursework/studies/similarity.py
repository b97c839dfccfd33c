"""How alike images are: to a known optimum, to patches, neighboring pixels."""

import numpy as np
from scipy import stats

from coursework import visualize

SHIFT = 3  # px, by which an image and a patch may be displaced
BLACK = 255 * visualize.NOISE  # up to which a value counts as black


def against_optimum(images, weights, channels):
    """Compare images with those that activate linear units most, which are known.

    The largest sum of weight times pixel within 0…255 is reached where a pixel is 255
    if its weight is positive, and 0 if it is negative.

    Args:
        images: (F, height, width, C), 0…255, made for the center units of a convolution
            without padding that reads the image.
        weights: (F, size, size, C), its kernels.
        channels: ints, of the image, those that the ascent could change.

    Returns:
        dict of floats: ``correlation`` of the pixels with the optimum, mean over the
        filters; ``with_another_filter``, the same with the optimum of the next filter;
        ``score``, the weighted sum as a share of the largest possible.
    """
    size = weights.shape[1]
    top = (images.shape[1] - size + 1) // 2  # without padding unit i begins at pixel i
    patches = images[:, top : top + size, top : top + size, channels] / 255
    weights = weights[..., channels]
    best = (weights > 0).astype(float)
    own, others = (
        float(np.mean(list(map(_correlation, patches, optimum))))
        for optimum in (best, np.roll(best, 1, axis=0))
    )
    score = float((patches * weights).sum() / (best * weights).sum())
    return {"correlation": own, "with_another_filter": others, "score": score}


def _correlation(first, second):
    return np.corrcoef(np.ravel(first), np.ravel(second))[0, 1]


def smoothness(images):
    """How alike neighboring pixels are.

    Args:
        images: (N, height, width, channels), 0…255.

    Returns:
        (N,) floats, the correlation of values with those beside and below them, in the
        box around all that is not black; 0 for static; NaN for a uniform image.
    """
    return np.array([_neighbors(image) for image in np.asarray(images, float)])


def _neighbors(image):
    lit = (image > 2 * BLACK).any(axis=2)
    if not lit.any():
        return np.nan
    down, across = (np.flatnonzero(lit.any(axis=axis)) for axis in (1, 0))
    patch = image[down[0] : down[-1] + 1, across[0] : across[-1] + 1]
    patch = patch[..., (patch > 2 * BLACK).any(axis=(0, 1))]  # no channel left black
    if np.ptp(patch) == 0 or min(patch.shape[:2]) == 1:
        return np.nan
    first = np.concatenate([patch[1:].ravel(), patch[:, 1:].ravel()])
    second = np.concatenate([patch[:-1].ravel(), patch[:, :-1].ravel()])
    return float(_correlation(first, second))


def likeness(images, patches, channels):
    """Correlation of each filter's image with the patches of each filter.

    An image and a patch may be displaced by up to ``SHIFT`` px; the best of these
    displacements counts. The likeness to another filter's patches is the control.

    Args:
        images: (F, height, width, C).
        patches: (F, K, height, width, C), of ``top_images``.
        channels: ints, those that are compared.

    Returns:
        (F, F) floats, −1…1: image by filter of the patches, mean over the K patches.
    """
    made = _standardized(images[..., channels].reshape(len(images), -1))
    steps = range(-SHIFT, SHIFT + 1)
    columns = []
    for tops in patches[..., channels].astype(np.float32):
        shifted = [np.roll(tops, (i, j), axis=(1, 2)) for i in steps for j in steps]
        rows = _standardized(np.stack(shifted).reshape(len(shifted), len(tops), -1))
        columns.append((rows @ made.T).max(axis=0).mean(axis=0))
    return np.stack(columns, axis=1)


def _standardized(values):
    """Values along the last axis, mean 0 and length 1; zeros where all are equal."""
    values = values - values.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(values, axis=-1, keepdims=True)
    return values / np.where(length > 0, length, 1)


def own_patches(table):
    """Whether images are more like their own filter's patches than like others'.

    Args:
        table: (F, F) floats, of ``likeness``.

    Returns:
        dict of floats: ``own`` and ``others``, mean likeness; ``gain``, the mean
        difference, and ``margin``, half of its 95 % interval (t, over the filters);
        ``gains``, the difference of each filter.
    """
    own = np.diag(table)
    others = (table.sum(axis=1) - own) / (len(table) - 1)
    gain, margin = mean_interval(own - others)
    return {
        "own": float(own.mean()),
        "others": float(others.mean()),
        "gain": gain,
        "margin": margin,
        "gains": (own - others).round(4).tolist(),
    }


def mean_interval(values):
    """The mean of some numbers, and half of its 95 % interval (t)."""
    margin = stats.sem(values) * stats.t.ppf(0.975, len(values) - 1)
    return float(np.mean(values)), float(margin)
