"""How much of each pixel a rectangle covers: exact area, in float64.

Method: A(x, y) is the area of the rectangle left of x and above y. It has a closed
form, and its second difference over the corners of the pixels is their coverage.

A is a sum over the four edges, by Green's theorem. An edge that runs from x_left to
x_right along Y(X) adds the integral of max(y − Y(X), 0) over X, from x_left to x, at
most to x_right. The sign is + for edges passed from left to right in clockwise order.
"""

import numpy as np

_TINY = 1e-300  # px, divides instead of 0: 56 px / _TINY is large but no overflow
_PARTS = {"colors": 3, "centers": 2}  # numbers for a line; 1 for all else
_POSITIVE = (np.nextafter(0, 1), np.inf, "finite numbers, above 0")
_RANGES = {
    "lengths": _POSITIVE,
    "widths": _POSITIVE,
    "colors": (0, 255, "finite numbers, 0 to 255"),
}


def as_columns(**given):
    """The arguments of ``lines.draw``, checked and brought to the same number of lines.

    Returns:
        (8, N) float64: length, width, angle, red, green, blue, x and y of N lines.

    Raises:
        ValueError: as ``lines.draw`` says.
    """
    columns = []
    for name, values in given.items():
        array = np.asarray(values, np.float64)
        parts = _PARTS.get(name, 1)
        if parts == 1 and array.ndim > 1:
            raise ValueError(
                f"{name} has shape {array.shape}; expected a number or (N,)"
            )
        if parts > 1 and (array.ndim > 2 or array.shape[-1:] != (parts,)):
            wanted = f"({parts},) or (N, {parts})"
            raise ValueError(f"{name} has shape {array.shape}; expected {wanted}")
        _check_range(name, array)
        columns += [array] if parts == 1 else list(np.moveaxis(array, -1, 0))
    try:
        return np.array([np.atleast_1d(c) for c in np.broadcast_arrays(*columns)])
    except ValueError as error:
        shapes = ", ".join(f"{name} {np.shape(v)}" for name, v in given.items())
        raise ValueError(f"the numbers of lines differ: {shapes}") from error


def _check_range(name, array):
    low, high, wanted = _RANGES.get(name, (-np.inf, np.inf, "finite numbers"))
    wrong = array[~(np.isfinite(array) & (array >= low) & (array <= high))]
    if wrong.size:
        raise ValueError(f"{name} has {wrong[0]}; expected {wanted}")


def of_rectangles(lengths, widths, angles, centers, size):
    """Share of each pixel's area that lies in a rectangle.

    Args:
        lengths: (N,) float64, px, > 0: sides along the angle.
        widths: (N,) float64, px, > 0: sides across it.
        angles: (N,) float64, degrees, counter-clockwise from the x-axis with y up.
        centers: (N, 2) float64, x and y in px, from the upper left corner of the image,
            y down.
        size: int, px, height and width of the image.

    Returns:
        (N, size, size) float64, 0…1 with rounding errors below 1e-11; first row on top.
    """
    x, y = _corners(lengths, widths, np.radians(angles), centers)
    grid = np.arange(size + 1.0)
    areas = np.zeros((len(lengths), size + 1, size + 1))
    for start, end in ((0, 1), (1, 2), (2, 3), (3, 0)):
        areas += _edge_integrals(x[start], y[start], x[end], y[end], grid)
    return np.diff(np.diff(areas, axis=1), axis=2)


def _corners(lengths, widths, angles, centers):
    """x and y of the four corners, (4, N) float64 each, px, y down, clockwise."""
    cosine, sine = np.cos(angles), np.sin(angles)
    along = np.array([[-0.5], [0.5], [0.5], [-0.5]]) * lengths
    across = np.array([[-0.5], [-0.5], [0.5], [0.5]]) * widths
    x = centers[:, 0] + along * cosine + across * sine
    return x, centers[:, 1] + across * cosine - along * sine


def _edge_integrals(x_start, y_start, x_end, y_end, grid):
    """What edges add to A at each corner of the pixels.

    Args:
        x_start, y_start, x_end, y_end: (N,) float64, px, one edge of each rectangle;
            clockwise.
        grid: (G,) float64, px, x and also y of the corners of the pixels, ascending.

    Returns:
        (N, G, G) float64, px²; rows are y, columns x.
    """
    x, y = np.array([x_start, x_end]), np.array([y_start, y_end])
    order = x.argsort(axis=0)  # from left to right
    left, right = np.take_along_axis(x, order, axis=0)[..., None]
    y_left, y_right = np.take_along_axis(y, order, axis=0)[..., None]
    # The part of the edge left of x, and where it ends.
    part = np.clip((grid - left) / np.maximum(right - left, _TINY), 0, 1)
    y_cut = y_left + part * (y_right - y_left)
    run = part * (x_end - x_start)[:, None]
    return _ramp_integrals(run[:, None], y_left[:, None], y_cut[:, None], grid)


def _ramp_integrals(run, y_left, y_cut, grid):
    """Integral of max(y − Y, 0) over ``run`` px on which Y goes from y_left to y_cut.

    It is the mean of the ramp at both ends, times the run, times the share of the run
    on which the ramp is not 0. That is stable however flat or steep the edge.
    """
    y = grid[:, None]
    at_left, at_cut = np.maximum(y - y_left, 0), np.maximum(y - y_cut, 0)
    share = np.maximum(at_left, at_cut) / np.maximum(np.abs(y_cut - y_left), _TINY)
    return np.minimum(share, 1) * (at_left + at_cut) / 2 * run
