"""How well maps point at what an image shows, and what they owe to the network."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from scipy import ndimage, stats

from . import maps as map_methods
from . import network as networks
from .activation import batches

BLOB = 0.15  # of the image's height: the standard deviation of the center blob


@dataclasses.dataclass(frozen=True)
class Scores:
    """How maps agree with masks, means over the images whose map has evidence.

    Attributes:
        pointing: share of maps whose highest pixel is on the mask.
        energy: share of a map's sum that is on the mask.
        rank_accuracy: share of the mask among the map's |mask| highest pixels.
        without_evidence: share of the maps without evidence, which count in no other
            score.
        images: int, how many were given.
    """

    pointing: float
    energy: float
    rank_accuracy: float
    without_evidence: float
    images: int


def evaluate_maps(maps, masks):
    """Compare maps with masks of what they should be on.

    Pointing game: Zhang and others, 2016; energy: Wang and others, 2020; rank accuracy:
    Arras and others, 2022. Where several pixels are highest, or equal in rank, each
    counts with the same share.

    Args:
        maps: (N, height, width), at least 0, as ``Maps.maps``: not scaled, and no
            minimum subtracted.
        masks: (N, height, width) bool, each with at least one pixel.

    Returns:
        ``Scores``; NaN where no map has evidence.

    Raises:
        ValueError: shapes differ, a map is negative or not finite, a mask is empty.
    """
    maps, masks = np.asarray(maps, np.float64), np.asarray(masks, bool)
    _check_maps(maps, masks)
    empty = maps.max(axis=(1, 2)) <= 0
    maps, masks = (a[~empty].reshape(-1, a[0].size) for a in (maps, masks))
    each = _pointing(maps, masks), _energy(maps, masks), _rank_accuracy(maps, masks)
    means = [float(values.mean()) if len(values) else float("nan") for values in each]
    return Scores(*means, without_evidence=float(empty.mean()), images=len(empty))


def _check_maps(maps, masks):
    if maps.ndim != 3 or maps.shape != masks.shape or not len(maps):
        raise ValueError(
            f"maps have shape {maps.shape} and masks {masks.shape}; expected the same "
            "(N, height, width), N at least 1"
        )
    if not np.isfinite(maps).all() or maps.min() < 0:
        raise ValueError("maps hold values that are negative or not finite")
    if not masks.any(axis=(1, 2)).all():
        raise ValueError("a mask is empty: there is nothing to point at")


def _pointing(maps, masks):
    highest = maps == maps.max(axis=1, keepdims=True)
    return (highest & masks).sum(axis=1) / highest.sum(axis=1)


def _energy(maps, masks):
    return (maps * masks).sum(axis=1) / maps.sum(axis=1)


def _rank_accuracy(maps, masks):
    size = masks.sum(axis=1)
    ordered = -np.sort(-maps, axis=1)
    least = np.take_along_axis(ordered, size[:, None] - 1, axis=1)
    above, equal = maps > least, maps == least
    left = size - above.sum(axis=1)  # places that pixels of equal rank share
    hits = (above & masks).sum(axis=1)
    shared = (equal & masks).sum(axis=1) * left / equal.sum(axis=1)
    return (hits + shared) / size


def baselines(images, masks):
    """What maps without any network score.

    Args:
        images: (N, height, width, channels).
        masks: (N, height, width) bool.

    Returns:
        dict, name → ``Scores``: "area" (the same value everywhere, so all scores are
        the mask's share of the image), "center blob", and "Sobel" (edges of the image,
        which follow the ink by construction).
    """
    flat = np.ones(masks.shape)
    blob = np.broadcast_to(_center_blob(masks.shape[1:]), masks.shape)
    return {
        "area": evaluate_maps(flat, masks),
        "center blob": evaluate_maps(blob, masks),
        "Sobel": evaluate_maps(sobel(images), masks),
    }


def _center_blob(shape):
    distances = [
        (np.arange(size) - (size - 1) / 2) / (BLOB * shape[0]) for size in shape
    ]
    return np.exp(-(distances[0][:, None] ** 2 + distances[1][None, :] ** 2) / 2)


def sobel(images):
    """(N, height, width) float64, the strength of the edges in any channel."""
    images = np.asarray(images, np.float64)
    edges = [
        ndimage.correlate1d(
            ndimage.correlate1d(images, (-1, 0, 1), axis=along), (1, 2, 1), axis=across
        )
        for along, across in ((1, 2), (2, 1))
    ]
    return np.hypot(*edges).max(axis=-1)


# --- what happens to the score when pixels go or come ---------------------------------


def deletion_and_insertion(model, images, maps, steps=28, background=0.0, seed=0):
    """Take away, or put back, the highest pixels first (Petsiuk and others, 2018).

    Pixels that are equally high, such as all those where a map is 0, are taken in a
    random order: in that of the image they would go from the top to the bottom.

    Args:
        model: a ``keras.Model``.
        images: (N, height, width, channels), in the pixel range of the model.
        maps: ``Maps`` of these images, as ``class_activation_maps`` gives them.
        steps: int, how many portions of pixels there are.
        background: float, the pixel value that stands for nothing.
        seed: int, of the order of pixels that are equally high.

    Returns:
        Two (N,) float64: the mean probability of the map's class while pixels are taken
        away (low is good) and while they are put on the background (high is good). NaN
        for maps without evidence, which put no pixel before another.

    Raises:
        ValueError: as many maps as images are needed, and at least one step.
    """
    network = networks.of(model)
    head = network.head(maps.head)
    images = networks.check_images(network, images)
    if len(images) != len(maps.maps) or steps < 1:
        raise ValueError(
            f"received {len(images)} images, {len(maps.maps)} maps and {steps} steps; "
            "expected a map for each image, and at least one step"
        )
    ranks = _ranks(maps.maps, np.random.default_rng(seed))
    shares = np.linspace(0, 1, steps + 1) * maps.maps[0].size
    predict = network.compiled(
        ("scores", head.name),
        lambda: (
            lambda batch: head.scores.of(network.graph.run(batch, head.scores.needs))
        ),
        images,
    )
    curves, size = (
        np.zeros((2, len(shares), len(images))),
        network.batch_size(images[0]),
    )
    for position, share in enumerate(shares):
        taken = (ranks < share)[..., None]
        for row, kept in enumerate((~taken, taken)):
            shown = batches(np.where(kept, images, np.float32(background)), size)
            scores = np.concatenate([predict(tf.constant(b)).numpy() for b in shown])
            given = map_methods.probabilities(scores, head)
            curves[row, position] = given[np.arange(len(given)), maps.targets]
    deletion, insertion = np.trapezoid(curves, dx=1 / steps, axis=1)
    return tuple(
        np.where(maps.without_evidence, np.nan, each) for each in (deletion, insertion)
    )


def _ranks(maps, random):
    """(N, height, width) int64: 0 for the highest pixel of a map, then 1 …"""
    flat = maps.reshape(len(maps), -1)
    order = np.lexsort((random.random(flat.shape), -flat), axis=1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(flat.shape[1])[None, :], axis=1)
    return ranks.reshape(maps.shape)


# --- does the map depend on what was learnt? ------------------------------------------


@dataclasses.dataclass(frozen=True)
class Sanity:
    """How alike maps stay while the weights are randomized from the top down.

    Attributes:
        layers: list of str, the layers in the order in which they were randomized, each
            together with those before it.
        spearman: for each of ``layers``, the rank correlation with the original map,
            mean over the images whose map has evidence, and over the repeats.
        ssim: the same for the structural similarity, 0…1 for maps scaled to 0…1.
        spearman_error, ssim_error: standard errors of their last values over the
            repeats; None for a single one.
        other_spearman, other_ssim: the same between the original map of an image and
            that of another image: what maps have in common without any reason.
        without_evidence: float, the share of such maps with all weights random.
    """

    layers: list
    spearman: list
    ssim: list
    spearman_error: float | None
    ssim_error: float | None
    other_spearman: float
    other_ssim: float
    without_evidence: float

    @property
    def passed(self):
        """Whether, all weights random, maps are as unlike as those of other images."""
        return (
            self.spearman[-1] <= self.other_spearman
            and self.ssim[-1] <= self.other_ssim
        )


def sanity_check(model, images, seed=0, repeats=1, cascade=True, **options):
    """Randomize a copy of the model layer by layer (Adebayo and others, 2018).

    Images whose original map is without evidence are left out. A map that stays as it
    was does not show what the network has learnt. The weights of a layer are shuffled, which keeps
    their distribution.

    Args:
        model: a ``keras.Model``; it is not changed.
        images: (N, height, width, channels), N at least 2, in the model's pixel range.
        seed: int, of the shuffling.
        repeats: int, how often all layers are shuffled anew; the results are means.
        cascade: bool, whether maps are made after each layer, or, which is faster, only
            once all are random.
        options: further arguments of ``class_activation_maps``; without a target, that
            which the model itself predicts.

    Returns:
        ``Sanity``.

    Raises:
        ValueError: fewer than two images with a map, no repeat, or as in
            ``class_activation_maps``.
    """
    if repeats < 1:
        raise ValueError(f"received repeats={repeats}; expected at least one")
    images = np.asarray(images)
    original = map_methods.class_activation_maps(model, images, **options)
    count = (~original.without_evidence).sum()
    if count < 2:
        raise ValueError(
            f"{count} of {len(images)} images have a map with "
            "evidence; the check compares images, so it needs at least two"
        )
    if original.without_evidence.any():
        shown = ~original.without_evidence
        options = options | {"target": original.targets[shown]}
        return sanity_check(model, images[shown], seed, repeats, cascade, **options)
    fixed = options | {"target": original.targets, "layer": original.layer}
    reference, copy = original.scaled(), _copy(model, images)
    rounds, random = [], np.random.default_rng(seed)
    for _ in range(repeats):
        copy.set_weights(model.get_weights())
        rounds.append(list(_survivals(copy, images, reference, random, cascade, fixed)))
    other = similarity(reference, np.roll(reference, 1, axis=0))
    return _summary(rounds, other)


def _survivals(copy, images, reference, random, cascade, options):
    """After each layer that is shuffled: its path, likeness of maps, share without."""
    stages = _randomize(copy, random)
    if not cascade:
        *_, last = stages  # which shuffles them all
        stages = [last]
    for path in stages:
        maps = map_methods.class_activation_maps(copy, images, **options)
        shown = ~maps.without_evidence
        alike = (
            similarity(reference[shown], maps.scaled()[shown])
            if shown.any()
            else (0, 0)
        )
        yield path, *alike, float(maps.without_evidence.mean())


def _summary(rounds, other):
    """``Sanity`` of several rounds of (path, Spearman, SSIM, blank share) each."""
    values = np.array([[stage[1:] for stage in stages] for stages in rounds])
    spearman, ssim, without = values.mean(axis=0).T
    errors = [None, None]
    if len(rounds) > 1:
        errors = (values[:, -1, :2].std(axis=0, ddof=1) / len(rounds) ** 0.5).tolist()
    return Sanity(
        layers=[path for path, *_ in rounds[0]],
        spearman=spearman.tolist(),
        ssim=ssim.tolist(),
        spearman_error=errors[0],
        ssim_error=errors[1],
        other_spearman=other[0],
        other_ssim=other[1],
        without_evidence=float(without[-1]),
    )


def randomized(model, images, seed=0):
    """Copies of a model with ever more layers of shuffled weights, from the top down.

    Args:
        model: a ``keras.Model``; it is not changed.
        images: (N, height, width, channels), on which the copy is compared with it.
        seed: int, of the shuffling.

    Yields:
        The path of the layer that was shuffled last, and the copy: the same one each
        time, so use it before the next.

    Raises:
        ValueError: the copy does not do the same as the model.
    """
    copy = _copy(model, images)
    for path in _randomize(copy, np.random.default_rng(seed)):
        yield path, copy


def _randomize(copy, random):
    """Shuffle the layers of a model from the top down; yields the path after each."""
    for path, step in reversed(networks.of(copy).layers.items()):
        fixed_by_data = isinstance(step.operation, keras.layers.Normalization)
        if not fixed_by_data and step.operation.get_weights():
            _shuffle(step.operation, random)
            yield path


def _copy(model, images):
    """A model with weights of its own (ValueError if it does not do the same)."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for layer in copy._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it has computed with its first weights
    ours, theirs = (_scores(networks.of(each), images[:2]) for each in (copy, model))
    for one, other in zip(ours, theirs, strict=True):
        if not np.allclose(one, other, rtol=1e-3, atol=1e-4):
            raise ValueError("a copy of the model does not do the same as the model")
    return copy


def _scores(network, images):
    """What each head gives before its activation."""
    images = networks.check_images(network, images)
    return [
        head.scores.of(network.graph.run(tf.constant(images), head.scores.needs))
        for head in network.heads
    ]


def _shuffle(layer, random):
    layer.set_weights(
        [random.permutation(w.ravel()).reshape(w.shape) for w in layer.get_weights()]
    )


def similarity(first, second):
    """Mean Spearman correlation and mean SSIM of maps, each 0…1; equal ones have 1.

    Args:
        first, second: (N, height, width), 0…1.

    Returns:
        Two floats. A flat map is like a flat one and unlike all others.
    """
    alike = tf.image.ssim(
        *(np.asarray(maps, np.float32)[..., None] for maps in (first, second)),
        max_val=1.0,
        filter_size=min(11, *first.shape[1:]),
    )
    return float(_spearman(first, second).mean()), float(np.mean(alike))


def _spearman(first, second):
    """(N,) rank correlations; a flat map is like a flat one and unlike all others."""
    ranks = [
        stats.rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second)
    ]
    centerd = [values - values.mean(axis=1, keepdims=True) for values in ranks]
    sizes = [np.linalg.norm(values, axis=1) for values in centerd]
    flat = [size == 0 for size in sizes]
    whole = np.where(flat[0] | flat[1], 1, sizes[0] * sizes[1])
    correlations = (centerd[0] * centerd[1]).sum(axis=1) / whole
    return np.where(flat[0] & flat[1], 1, correlations)
