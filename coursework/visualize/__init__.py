"""See inside any Keras network: activations, filters, class activation maps.

    from coursework import visualize

    model = visualize.load("models/tuned_lines.keras")
    image, notes = visualize.read_image("Q3/examples/line.png", model.input_shape)
    found = visualize.class_activation_maps(model, image[None])
    found.scaled()  # (1, 28, 28), 0…1

Arrays in, arrays out; nothing of the model is changed. The folder needs nothing of the
project around it, only Keras on TensorFlow, NumPy, SciPy, matplotlib, h5py and Pillow.
"""

from .activation import activations
from .ascent import Ascent, Filters, filters
from .evaluation import (
    Sanity,
    Scores,
    baselines,
    deletion_and_insertion,
    evaluate_maps,
    randomized,
    sanity_check,
    similarity,
    sobel,
)
from .files import read_image
from .maps import METHODS, Maps, class_activation_maps
from .network import load
from .pictures import overlay

__all__ = [
    "METHODS",
    "Ascent",
    "Filters",
    "Maps",
    "Sanity",
    "Scores",
    "activations",
    "baselines",
    "class_activation_maps",
    "deletion_and_insertion",
    "evaluate_maps",
    "filters",
    "load",
    "overlay",
    "randomized",
    "read_image",
    "sanity_check",
    "similarity",
    "sobel",
]
