"""What the notebook on filters measures in the images that excite them."""

import keras
import numpy as np

from coursework import visualize

BLACK = 255 * visualize.NOISE  # up to which a value counts as black
LIT = 2 * BLACK  # above which it surely was not black at the start
OUTSIDE = 0.4, 0.3  # grey, and how much of the image is left, where a unit is blind


def stages(model):
    """Each convolution and the ReLU layer that it leads to.

    Args:
        model: a ``keras.Model`` whose layers stand one behind the other.

    Returns:
        dict, name of the convolution → name of the first ReLU layer behind it.
    """
    found, waiting = {}, None
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            waiting = layer.name
        elif isinstance(layer, keras.layers.ReLU) and waiting:
            found[waiting], waiting = layer.name, None
    return found


def kernels(model, layer):
    """A convolution's weights as (filters, height, width, channels)."""
    return model.get_layer(layer).kernel.numpy().transpose(3, 0, 1, 2)


def largest_weights(weights):
    """Largest sizes of weights, and what they could be before the training.

    Args:
        weights: (filters, height, width, channels), as ``kernels`` gives them.

    Returns:
        The limit of Glorot's uniform initialization, Keras' default, and (channels,)
        floats, the largest absolute weight for each channel.
    """
    filters, height, width, channels = weights.shape
    limit = np.sqrt(6 / (height * width * (filters + channels)))
    return float(limit), np.abs(weights).max(axis=(0, 1, 2))


def agreement(images, weights, channels):
    """How near images come to what excites linear units most.

    That is known: the end of the range where a weight is positive, black where it is
    negative.

    Args:
        images: (F, height, width, C), 0…255, made for the middle units of a convolution
            without padding that reads the image.
        weights: (F, size, size, C), its kernels.
        channels: ints, of the image, those that the images could change.

    Returns:
        Two floats, 0…1: the share of values that agree, and what the units' weighted
        sums reach, as a share of the largest possible.
    """
    size = weights.shape[1]
    top = (images.shape[1] - size + 1) // 2  # without padding unit i begins at pixel i
    fields = images[:, top : top + size, top : top + size, channels] / 255
    weights = weights[..., channels]
    alike = np.mean((fields > 0.5) == (weights > 0))
    return float(alike), float((fields * weights).sum() / weights.clip(0).sum())


# --- where units look -----------------------------------------------------------------


def field(model, layer, image):
    """The side, in px, of the square of pixels that a unit of a layer sees."""
    return int(visualize.receptive_fields(model, layer, image.shape)[0].size)


def in_field(image, grid, place):
    """An image as it is shown, greyed where the unit at a place does not look.

    Args:
        image: (height, width, channels), 0…255.
        grid: two ``visualize.Axis``, down and across, of the unit's layer.
        place: two ints, the unit's row and column.

    Returns:
        (height, width, 3) floats, 0…1.
    """
    down, across = (
        np.abs(np.arange(length) - axis.start - axis.stride * index) < axis.size / 2
        for axis, index, length in zip(grid, place, image.shape, strict=False)
    )
    shown, (grey, left) = visualize.as_shown(image), OUTSIDE
    return np.where(down[:, None, None] & across[:, None], shown, grey + left * shown)


def most_exciting(model, layer, images, units):
    """Where in the images some filters fire most.

    Args:
        model: a ``keras.Model``.
        layer: name of a layer with feature maps.
        images: (N, height, width, channels), 0…255.
        units: ints, the filters.

    Returns:
        (len(units), height, width, 3) floats, 0…1: the image on which each filter gives
        most, greyed where the unit that gives it does not look.
    """
    given = visualize.activations(model, images, layer)[layer]
    grid = visualize.receptive_fields(model, layer, images[0].shape)
    shown = []
    for unit in units:
        which, *place = np.unravel_index(given[..., unit].argmax(), given.shape[:3])
        shown.append(in_field(images[which], grid, place))
    return np.stack(shown)


# --- numbers --------------------------------------------------------------------------


def likeness(image):
    """How alike neighbouring pixels are in the part of an image that is not black.

    Args:
        image: (height, width, channels), 0…255.

    Returns:
        float, the correlation of values with those beside and below them, in the box
        around all that is not black; 0 for noise; NaN where all is the same.
    """
    lit = (image > LIT).any(axis=2)
    if not lit.any():
        return np.nan
    down, across = (np.flatnonzero(lit.any(axis=axis)) for axis in (1, 0))
    patch = image[down[0] : down[-1] + 1, across[0] : across[-1] + 1]
    patch = patch[..., (patch > LIT).any(axis=(0, 1))]  # without channels left black
    if np.ptp(patch) == 0:
        return np.nan
    first = np.concatenate([patch[1:].ravel(), patch[:, 1:].ravel()])
    second = np.concatenate([patch[:-1].ravel(), patch[:, :-1].ravel()])
    return float(np.corrcoef(first, second)[0, 1])


def direction(image):
    """The direction along which an image changes least.

    Args:
        image: (height, width, channels).

    Returns:
        float, degrees from the x-axis, counter-clockwise, y up, in 0…180: that of a
        line or of stripes.
    """
    x = image.astype(float).sum(axis=2)
    across = x[:-1, 1:] + x[1:, 1:] - x[:-1, :-1] - x[1:, :-1]
    down = x[1:, 1:] + x[1:, :-1] - x[:-1, 1:] - x[:-1, :-1]
    double = np.arctan2(2 * (across * down).sum(), (across**2 - down**2).sum())
    return float(90 - np.degrees(double) / 2) % 180


def turned(images, angles):
    """Degrees, 0…90, between images' directions and angles that they should have."""
    apart = np.array(list(map(direction, images))) - np.asarray(angles)
    return np.abs((apart + 90) % 180 - 90)


def measure(model, layer, found, tried):
    """How the filters of a layer respond to their own images and to others.

    Args:
        model: a ``keras.Model``.
        layer: name of the ReLU layer that the images were made for.
        found: ``visualize.Filters``, one for each filter of the layer.
        tried: (N, height, width, channels), 0…255, other images.

    Returns:
        dict of ints and floats: ``field_px``; the number of ``filters``, of those that
        give more than 0 on their own image and on one of the others, and of those that
        give more on their own than on any other (at their strongest place); the median
        of how many times as much; the share of black pixels; the median ``likeness``.
    """
    own, most = (
        visualize.activations(model, images, layer)[layer].max(axis=(1, 2))
        for images in (found.images, tried)
    )
    own, most = np.diag(own), most.max(axis=0)
    black = (found.images <= BLACK).all(axis=-1)
    return {
        "field_px": field(model, layer, tried[0]),
        "filters": len(own),
        "fire_on_own_image": int((own > 0).sum()),
        "fire_on_a_test_image": int((most > 0).sum()),
        "more_than_on_any_test_image": int((own > most).sum()),
        "times_as_strongly": float(np.median(own[most > 0] / most[most > 0])),
        "black_pixels": float(black.mean()),
        "likeness_of_neighbours": float(
            np.nanmedian(list(map(likeness, found.images)))
        ),
    }


# --- classes --------------------------------------------------------------------------


def two_sided(model, head):
    """A model with two neurons for the single one of a head.

    Args:
        model: a ``keras.Model``.
        head: name of a dense layer of one unit.

    Returns:
        A ``keras.Model`` of that head alone: (N, 2), the negative of the unit's score
        and the score, before the activation.
    """
    layer = model.get_layer(head)
    both = keras.layers.Dense(2, name=head)
    output = both(layer.input)
    both.set_weights([np.hstack([-values, values]) for values in layer.get_weights()])
    return keras.Model(model.inputs, output)


def climb_classes(model, head, **options):
    """``visualize.Filters`` of the classes of a head, for one neuron both of its sides.

    Args:
        model: a ``keras.Model``.
        head: name of the dense layer that gives the output.
        options: of ``visualize.filters``.
    """
    if model.get_layer(head).units == 1:
        model = two_sided(model, head)
    return visualize.filters(model, head, **options)


def probabilities(model, head, images):
    """(N, classes) probabilities that a head of softmax or one sigmoid neuron gives."""
    told = visualize.activations(model, images, head)[head]
    return told if told.shape[1] > 1 else np.hstack([1 - told, told])
