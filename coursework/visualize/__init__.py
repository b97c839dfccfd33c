"""See inside any Keras network: activations, filters, class activation maps.

    from coursework import visualize

    model = visualize.load("models/tuned_lines.keras")
    image, notes = visualize.read_image("Q3/examples/line.png", model.input_shape)
    found = visualize.class_activation_maps(model, image[None])
    found.scaled()  # (1, 28, 28), 0…1

Arrays in, arrays out; nothing of the model is changed. The folder needs nothing of the
project around it, only Keras on TensorFlow, NumPy, SciPy, matplotlib, h5py and Pillow.
"""

from coursework.visualize.activation import activations
from coursework.visualize.ascent import Climb, Filters, filters
from coursework.visualize.evaluation import (
    Sanity,
    Scores,
    baselines,
    deletion_and_insertion,
    evaluate_maps,
    randomized,
    sanity_check,
)
from coursework.visualize.files import read_image
from coursework.visualize.maps import METHODS, Maps, class_activation_maps
from coursework.visualize.network import load

__all__ = [
    "METHODS",
    "Climb",
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
    "randomized",
    "read_image",
    "sanity_check",
]
