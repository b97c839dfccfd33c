"""See inside any Keras network: activations, filters, class activation maps.

Arrays in, arrays out; nothing of the model is changed. The folder needs nothing of the
project around it, only Keras on TensorFlow, NumPy, SciPy, matplotlib, h5py and Pillow.
"""

from coursework.visualize.activation import activations
from coursework.visualize.ascent import Filters, filters
from coursework.visualize.evaluation import (
    Sanity,
    Scores,
    baselines,
    deletion_and_insertion,
    evaluate_maps,
    sanity_check,
)
from coursework.visualize.files import read_image
from coursework.visualize.maps import METHODS, Maps, class_activation_maps
from coursework.visualize.network import load

__all__ = [
    "METHODS",
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
    "read_image",
    "sanity_check",
]
