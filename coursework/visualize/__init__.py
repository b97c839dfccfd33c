"""See inside any Keras 3 model: activations, filters, class activation maps.

    from coursework import visualize

    model = visualize.load("models/tuned_lines.keras")
    image, notes = visualize.read_image("Q3/examples/line.png", model.input_shape)
    maps = visualize.class_activation_maps(model, image[None])
    visualize.show(image[None], maps)

Arrays in, arrays out; nothing of the model is changed. The folder needs nothing of the
project around it, only Keras on TensorFlow, NumPy, SciPy, matplotlib, h5py and Pillow.
The names below are loaded when they are first used, so that the import takes no time.
"""

import importlib

_MODULES = {
    "activation": "activations receptive_fields",
    "ascent": "Ascent",
    "evaluation": "Scores baselines deletion_and_insertion evaluate_maps sobel",
    "files": "read_image write_png",
    "geometry": "Axis placement",
    "loading": "load",
    "maps": "Maps class_activation_maps",
    "maximization": "NOISE Filters filters",
    "methods": "METHODS Method",
    "pictures": "activation_sheet filter_sheet kernel_sheet map_sheet sheet stack",
    "pixels": "PIXELS",
    "tiles": "as_shown overlay show tile",
    "sanity": "Sanity randomized sanity_check similarity",
}
_HOMES = {name: home for home, names in _MODULES.items() for name in names.split()}
__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f".{_HOMES[name]}", __name__)
    value = globals()[name] = getattr(module, name)
    return value


def __dir__():
    return __all__
