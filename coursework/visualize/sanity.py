"""Do maps depend on what the network has learned? Randomize its weights and see."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from scipy import stats

from . import maps as map_methods
from . import network as networks


@dataclasses.dataclass(frozen=True)
class Sanity:
    """How similar maps stay while the weights are randomized from the top down.

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
        """Whether, all weights random, maps differ as much as those of other images."""
        return (
            self.spearman[-1] <= self.other_spearman
            and self.ssim[-1] <= self.other_ssim
        )


def sanity_check(model, images, seed=0, repeats=1, cascade=True, **options):
    """Randomize a copy of the model layer by layer (Adebayo and others, 2018).

    Images whose original map is without evidence are left out. A map that stays as it
    was does not show what the network has learned. The weights of a layer are shuffled,
    which keeps their distribution.

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
    kept = ~original.without_evidence
    if kept.sum() < 2:
        raise ValueError(
            f"{kept.sum()} of {len(images)} images have a map with evidence; the check "
            "compares images, so it needs at least two"
        )
    fixed = options | {"layer": original.layer}
    if "score" not in options:
        fixed["target"] = original.targets[kept]
    if not kept.all():
        return sanity_check(model, images[kept], seed, repeats, cascade, **fixed)
    reference, copy = original.scaled(), _copy(model, images)
    rounds, random = [], np.random.default_rng(seed)
    for _ in range(repeats):
        copy.set_weights(networks.of(model).view.get_weights())
        stages = _stages(copy, images, reference, random, cascade, fixed)
        rounds.append(list(stages))
    return _summary(rounds, similarity(reference, np.roll(reference, 1, axis=0)))


def _stages(copy, images, reference, random, cascade, options):
    """After each layer that is shuffled: its path, similarities, share without."""
    paths = _randomize(copy, random)
    if not cascade:
        *_, last = paths  # which shuffles them all
        paths = [last]
    for path in paths:
        maps = map_methods.class_activation_maps(copy, images, **options)
        kept, alike = ~maps.without_evidence, (0, 0)
        if kept.any():
            alike = similarity(reference[kept], maps.scaled()[kept])
        yield path, *alike, float(1 - kept.mean())


def _summary(rounds, other):
    """``Sanity`` of rounds of (path, Spearman, SSIM, share without evidence) each."""
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
    for path, step in reversed(networks.of(copy).steps.items()):
        layer = step.operation
        if not step.is_layer or isinstance(layer, keras.layers.Normalization):
            continue  # its statistics are of the data
        weights = layer.get_weights()
        if weights:
            layer.set_weights(
                [random.permutation(w.ravel()).reshape(w.shape) for w in weights]
            )
            yield path


def _copy(model, images):
    """A model with weights of its own (ValueError if it does not do the same)."""
    view = networks.of(model).view
    copy = keras.models.clone_model(view)
    copy.set_weights(view.get_weights())
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
    images = tf.constant(networks.check_images(network, images))
    return [h.before.of(network.graph.run(images, h.needs)) for h in network.heads]


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
    centered = [values - values.mean(axis=1, keepdims=True) for values in ranks]
    sizes = [np.linalg.norm(values, axis=1) for values in centered]
    flat = [size == 0 for size in sizes]
    whole = np.where(flat[0] | flat[1], 1, sizes[0] * sizes[1])
    correlations = (centered[0] * centered[1]).sum(axis=1) / whole
    return np.where(flat[0] & flat[1], 1, correlations)
