"""The class activation maps of our own networks, measured (section 3.2.3).

A *subject* is a network and one of its heads, a *way* is a method together with how
deep in the network it looks. Everything is measured for pairs of the two.
"""

import dataclasses
import time
import typing

import keras
import numpy as np

from coursework import visualize
from coursework.training import heads

LAYERS = {  # after the ReLU of a convolution; "last" is the layer that tools default to
    "plain_lines": {"first": "relu1", "last": "pool1"},
    "tuned_lines": {"first": "relu1", "middle": "relu2", "last": "relu3"},
    "four_head_lines": {"first": "relu1", "middle": "relu2", "last": "relu3"},
    "plain_mnist": {"first": "relu1", "last": "pool1"},
    "tuned_mnist": {"first": "relu1", "middle": "relu3", "last": "relu4"},
}
DEPTHS = ("first", "middle", "last")
LAYER_METHODS = ("gradcam", "gradcam++", "hirescam", "layercam")
SLOW_METHODS = ("integrated_gradients", "occlusion")
FOLLOWS_INK = {"integrated_gradients": "●", "occlusion": "○"}  # by construction; nearly
MOST_BLANK = 0.01  # share of blank maps that a recommended way may have
LEAST_SHOWN = 4  # maps that are not blank, for a sanity check
MOST_ALIKE = 0.5  # rank correlation of two images' maps that depend on the image
SURE = 2  # standard errors


class Way(typing.NamedTuple):
    """How to make a map: one of ``visualize.METHODS``; one of ``DEPTHS``, or None."""

    method: str
    depth: str | None = None

    @property
    def label(self):
        """For example "HiResCAM, middle"; marked if it follows the ink."""
        parts = [visualize.METHODS[self.method].title, self.depth]
        return ", ".join(filter(None, parts)) + FOLLOWS_INK.get(self.method, "")

    @property
    def slow(self):
        return self.method in SLOW_METHODS


WAYS = (
    *(Way(method, depth) for method in LAYER_METHODS for depth in DEPTHS),
    *(Way(method) for method in ("input_gradient", *SLOW_METHODS)),
)


@dataclasses.dataclass(frozen=True)
class Subject:
    """A network and one of its heads.

    Attributes:
        name: str, a key of ``LAYERS``.
        head: str, of the network's outputs.
        network: a ``keras.Model``.
    """

    name: str
    head: str
    network: keras.Model = dataclasses.field(compare=False, repr=False)

    @property
    def title(self):
        single = len(self.network.outputs) == 1
        return self.name if single else f"{self.name}: {self.head}"

    def layer(self, way):
        """The layer's name; None if the way needs none, or the network has no such."""
        return LAYERS[self.name].get(way.depth)

    def ways(self, among=WAYS):
        """Those ways that the network has a layer for."""
        return [way for way in among if way.depth is None or self.layer(way)]

    def maps(self, images, way, target=None):
        """``visualize.Maps`` of images, of the predicted class unless one is named."""
        return visualize.class_activation_maps(
            *(self.network, images, self.layer(way), self.head, target, way.method)
        )


def subjects_of(networks):
    """A subject for each head of each network.

    Args:
        networks: dict, name → ``keras.Model``.
    """
    return [
        Subject(name, head, network)
        for name, network in networks.items()
        for head in network.output_names
    ]


def score(subject, images, masks, way):
    """How well maps agree with masks, and what they cost.

    Args:
        images: (N, height, width, channels).
        masks: (N, height, width) bool.

    Returns:
        ``visualize.Scores`` and milliseconds an image, the time to compile left out.
    """
    subject.maps(images[:1], way)
    start = time.perf_counter()
    found = subject.maps(images, way)
    milliseconds = 1000 * (time.perf_counter() - start) / len(images)
    return visualize.evaluate_maps(found.maps, masks), milliseconds


def ceiling(subject, masks, way):
    """The most energy on masks that a map of this grid of places can have.

    A map of a layer is a sum of tents, one for each place, so that none has a larger
    share of its sum on the mask than the best of its tents.

    Args:
        masks: (N, height, width) bool.

    Returns:
        float, mean over the masks.
    """
    name, sizes = subject.layer(way), masks.shape[1:]
    units = subject.network.get_layer(name).output.shape[1:3]
    grid = visualize.receptive_fields(subject.network, name)
    if any(axis.size > size for axis, size in zip(grid, sizes, strict=True)):
        grid = None, None  # such maps are spread evenly
    down, across = map(visualize.placement, grid, units, sizes)
    inside = np.einsum("Hh,nHW,Ww->nhw", down, masks, across)
    whole = down.sum(axis=0)[:, None] * across.sum(axis=0)
    return float((inside / whole).max(axis=(1, 2)).mean())


def check_sanity(subject, images, way, repeats):
    """``visualize.Sanity`` of all weights, or None where nearly all maps are blank."""
    found = subject.maps(images, way)
    if (~found.without_evidence).sum() < LEAST_SHOWN:
        return None
    options = {"layer": found.layer, "head": subject.head, "method": way.method}
    return visualize.sanity_check(
        subject.network, images, repeats=repeats, cascade=False, **options
    )


def survival(sanity):
    """What is left of a map with random weights, beyond its likeness to another's."""
    return sanity.spearman[-1] - sanity.other_spearman


def passes(sanity):
    """Whether random weights surely leave less of a map than another image's has.

    It cannot pass if maps of different images are alike in the first place: then it
    depends neither on the image nor, for all one can tell, on the weights.
    """
    limits = (
        (sanity.spearman[-1], sanity.spearman_error, sanity.other_spearman),
        (sanity.ssim[-1], sanity.ssim_error, sanity.other_ssim),
    )
    below = all(value + SURE * (error or 0) < other for value, error, other in limits)
    return below and sanity.other_spearman < MOST_ALIKE


def delete_and_insert(subject, images, way):
    """Mean deletion and insertion over the maps that are not blank; share of these."""
    return scores_of_deletion(subject, images, subject.maps(images, way))


def scores_of_deletion(subject, images, found):
    """The same for ``visualize.Maps``, which need not come from a method."""
    both = visualize.deletion_and_insertion(subject.network, images, found)
    deletion, insertion = (float(np.nanmean(values)) for values in both)
    return deletion, insertion, float(found.without_evidence.mean())


def sharpness(subject, images, masks, way):
    """Energy on the mask, or insertion minus deletion where there is none.

    Args:
        masks: (N, height, width) bool, or None.

    Returns:
        float; None if more than ``MOST_BLANK`` of the maps are blank.
    """
    found = subject.maps(images, way)
    if found.without_evidence.mean() > MOST_BLANK:
        return None
    if masks is not None:
        return visualize.evaluate_maps(found.maps, masks).energy
    deletion, insertion, _ = scores_of_deletion(subject, images, found)
    return insertion - deletion


class Choice(typing.NamedTuple):
    """Two ways for two purposes; None where no map will do."""

    sharpest: Way | None
    most_dependent: Way | None


def choose(subject, images, masks, sanity):
    """The map of a layer that is sharpest, and that which owes most to the weights.

    The second one is chosen among maps that differ from image to image.

    Args:
        images: (N, height, width, channels), not of the test part.
        masks: (N, height, width) bool, or None.
        sanity: dict, way → ``visualize.Sanity`` or None.

    Returns:
        ``Choice``.
    """
    ways = [way for way, result in sanity.items() if way.depth and result]
    sharp = {way: sharpness(subject, images, masks, way) for way in ways}
    kept = [way for way in ways if sharp[way] is not None]
    varied = [way for way in kept if sanity[way].other_spearman < MOST_ALIKE]
    return Choice(
        max(kept, key=sharp.get, default=None),
        min(varied, key=lambda way: survival(sanity[way]), default=None),
    )


def answers(network, images):
    """Head → probabilities of its classes, (N, classes) floats."""
    outputs = network.predict(images, batch_size=512, verbose=0)
    if heads.are_on(network):
        return heads.probabilities(outputs)
    return {network.output_names[0]: outputs}
