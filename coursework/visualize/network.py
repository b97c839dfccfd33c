"""A model as the visualizations see it: layers, heads, scores before the softmax."""

import dataclasses
import difflib
import functools
import pathlib

import h5py
import keras
import numpy as np
import tensorflow as tf

from coursework.visualize import geometry, graph

KINDS = ("softmax", "sigmoid")
MODEL_ENDINGS = (".keras", ".h5", ".hdf5")


@dataclasses.dataclass(frozen=True)
class PreActivation:
    """How to get at what a layer gives before its activation.

    Attributes:
        key: of the value itself, or of the one that ``layer`` makes it from.
        layer: the layer whose activation is to be left out, or None.
        twin: a layer like it with a linear activation and no weights of its own.
    """

    key: int
    layer: object = None
    twin: object = None

    @property
    def needs(self):
        """Keys of the values that ``of`` takes."""
        return (self.key,)

    def of(self, values):
        """The value before the activation, a tensor; the model is not changed."""
        if self.twin is None:
            return values[self.key]
        outputs, _ = self.twin.stateless_call(
            self.layer.trainable_variables,
            self.layer.non_trainable_variables,
            values[self.key],
        )
        return outputs


def pre_activation(graph, step):
    """The ``PreActivation`` of a step; for a layer without one, what it gives."""
    layer = step.operation
    if is_pure_activation(layer):
        return PreActivation(step.inputs[0])
    if activation_kind(layer) == "linear":
        return PreActivation(step.outputs[0])
    twin = type(layer).from_config(layer.get_config() | {"activation": "linear"})
    twin.build(step.node.input_tensors[0].shape)
    twin.trainable = layer.trainable
    return PreActivation(step.inputs[0], layer, twin)


@dataclasses.dataclass(frozen=True)
class Head:
    """One output of a model.

    Attributes:
        name: str.
        index: int, position among the outputs.
        kind: "softmax", "sigmoid" or "linear".
        units: int, how many numbers it gives for an image; 0 if it gives no vector.
        scores: the ``PreActivation`` of its last layer.
    """

    name: str
    index: int
    kind: str
    units: int
    scores: PreActivation

    @property
    def classes(self):
        """How many classes can be asked for: a single sigmoid neuron tells two."""
        return 2 if self.kind == "sigmoid" and self.units == 1 else self.units


class Network:
    """A model taken apart; nothing in it is changed.

    Attributes:
        model: the ``keras.Model``.
        graph: its ``graph.Graph``.
        heads: list of ``Head``.
        steps: dict, path → ``graph.Step``, of all layers.
    """

    def __init__(self, model):
        """Take a model apart.

        Raises:
            ValueError: not a functional or sequential model, or it has several inputs,
                or its input is not an image of 1 or 3 channels, or it has weights that
                are not finite numbers.
        """
        self.model, self.graph = model, graph.Graph(model)
        shapes = [tuple(tensor.shape) for tensor in model.inputs]
        if len(shapes) != 1:
            raise ValueError(f"the model has {len(shapes)} inputs; expected one image")
        self.input_shape = shapes[0][1:]
        if len(self.input_shape) != 3 or self.input_shape[2] not in (1, 3):
            raise ValueError(
                f"the model's input has shape {shapes[0]}; expected (N, height, width, "
                "1 or 3)"
            )
        self.steps = {step.path: step for step in self.graph.steps if step.is_layer}
        names = keras.Model(
            model.inputs, model.outputs
        ).output_names  # of Sequential too
        self.heads = [
            self._make_head(index, name, key)
            for index, (name, key) in enumerate(
                zip(names, self.graph.outputs, strict=True)
            )
        ]
        self._check_weights()
        self._compiled, self._grids = {}, {}

    def _check_weights(self):
        for path, step in self.steps.items():
            for weights in step.operation.get_weights():
                if weights.dtype.kind == "f" and not np.isfinite(weights).all():
                    raise ValueError(
                        f"layer {path} has weights that are not finite numbers: the "
                        "model is damaged, or its training has failed"
                    )

    def _make_head(self, index, name, key):
        """Walk from an output back to its scores."""
        tensor = self.model.outputs[index]
        units = tensor.shape[-1] if len(tensor.shape) == 2 else 0
        step = self.graph.maker(key)
        while step and _passes_on(step.operation):
            key = step.inputs[0]
            step = self.graph.maker(key)
        kind = activation_kind(step.operation) if step else "linear"
        if kind not in KINDS:
            return Head(name, index, "linear", units, PreActivation(key))
        return Head(name, index, kind, units, pre_activation(self.graph, step))

    def head(self, name=None):
        """A head by its name; the first for None.

        Raises:
            ValueError: there is none of this name, or it does not give a vector.
        """
        by_name = {head.name: head for head in self.heads}
        if name is not None and name not in by_name:
            raise ValueError(_unknown("head", name, by_name))
        head = by_name[name] if name is not None else self.heads[0]
        if not head.units:
            shape = tuple(self.model.outputs[head.index].shape)
            raise ValueError(f"head {head.name} gives {shape}; expected (N, classes)")
        return head

    def step(self, name):
        """A layer's step by its path, or by the end of it where only one layer fits.

        Raises:
            ValueError: there is none, or several; the message names the nearest.
        """
        if name in self.steps:
            return self.steps[name]
        ends = [path for path in self.steps if path.endswith(f"/{name}")]
        if len(ends) > 1:
            raise ValueError(f"several layers are named {name}: {', '.join(ends)}")
        if not ends:
            raise ValueError(_unknown("layer", name, self.steps))
        return self.steps[ends[0]]

    def shapes(self):
        """Path → shape, without the first axis, of what each layer gives."""
        return {
            path: tuple(step.node.outputs[0].shape[1:])
            for path, step in self.steps.items()
        }

    def grid(self, path, image):
        """Where the units of a layer look: see ``geometry``.

        Args:
            path: str, of a layer with feature maps.
            image: (height, width, channels) array; its size counts where the model
                takes any.

        Returns:
            Two ``geometry.Axis``, down and across, or None if it is not known.
        """
        if image.shape not in self._grids:
            values = self.graph.run(tf.zeros((1, *image.shape)))
            self._grids[image.shape] = geometry.grids(self.graph, values)
        return self._grids[image.shape][self.steps[path].outputs[0]]

    def spatial_layers(self):
        """Paths of the layers that give feature maps of more than one place."""
        return [
            path
            for path, shape in self.shapes().items()
            if len(shape) == 3 and shape[:2] != (1, 1)
        ]

    def default_layer(self, head):
        """The last layer with feature maps that a head depends on.

        Raises:
            ValueError: there is none.
        """
        for path in reversed(self.spatial_layers()):
            if self.graph.depends(head.scores.key, self.steps[path].outputs[0]):
                return path
        raise ValueError(
            f"no layer that head {head.name} depends on gives feature maps; use a "
            "method that needs none: input_gradient, integrated_gradients or "
            "occlusion"
        )

    def compiled(self, key, make, *examples):
        """A compiled function, made once for each key.

        Args:
            key: what sets it apart from other functions on this network.
            make: makes the function of tensors that is to be compiled.
            examples: arrays like those that it will be called with; the length of their
                first axis may change.
        """
        key = key, *(example.shape[1:] for example in examples)
        if key not in self._compiled:
            specifications = [
                tf.TensorSpec((None, *example.shape[1:]), example.dtype)
                for example in examples
            ]
            function = tf.function(make(), autograph=True)
            self._compiled[key] = function.get_concrete_function(*specifications)
        return self._compiled[key]


@functools.lru_cache(maxsize=4)
def of(model):
    """The ``Network`` of a model; the last few are kept, with what was compiled."""
    return Network(model)


def load(path):
    """Read a model file without running any code that it may bring.

    Args:
        path: of a ``.keras`` file, or of a ``.h5`` file that Keras 3 wrote.

    Returns:
        A ``keras.Model``, not compiled.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no Keras 3 model, or it needs unsafe code.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"{path} {what}; expected a .keras or .h5 file")
    if path.suffix not in MODEL_ENDINGS:
        raise ValueError(f"{path} ends in {path.suffix!r}; expected .keras or .h5")
    if path.suffix != ".keras":
        _refuse_keras_2(path)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # a damaged file raises whatever the damage hits
        reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
        if "safe" in str(error).lower() and "lambda" in str(error).lower():
            raise ValueError(
                f"{path} has a layer that brings code of its own (Lambda), which is "
                "not run"
            ) from error
        raise ValueError(
            f"{path} is not a model that Keras {keras.__version__} can read "
            f"({type(error).__name__}: {reason[:120]})"
        ) from error


def _refuse_keras_2(path):
    try:
        with h5py.File(path) as file:
            version = file.attrs.get("keras_version", "")
            whole = "model_config" in file.attrs
    except OSError as error:
        raise ValueError(f"{path} is not an HDF5 file ({error})") from error
    if str(version).startswith(("1.", "2.")):
        raise ValueError(
            f"{path} was written by Keras {version}; expected a model of Keras 3: "
            "build it there and train it anew, or carry its weights over"
        )
    if not whole:
        raise ValueError(f"{path} holds weights only; expected a whole model")


def _unknown(what, name, known):
    near = difflib.get_close_matches(str(name), known, n=5, cutoff=0)
    return f"no {what} named {name!r}; nearest: {', '.join(near)}"


# --- activations ----------------------------------------------------------------------


def activation_kind(operation):
    """ "softmax", "sigmoid", "linear" or the name of another activation."""
    if isinstance(operation, keras.layers.Softmax):
        return "softmax"
    if not isinstance(operation, keras.layers.Layer):
        return type(operation).__name__.lower()
    activation = getattr(operation, "activation", None)
    return getattr(activation, "__name__", "linear") if activation else "linear"


def is_pure_activation(operation):
    """Whether an operation is nothing but an activation."""
    pure = (keras.layers.Activation, keras.layers.Softmax, keras.layers.ReLU)
    return isinstance(operation, pure) or not isinstance(operation, keras.layers.Layer)


def _passes_on(operation):
    """Whether an operation gives on, in inference, what it is given."""
    if isinstance(operation, (keras.layers.Dropout, keras.layers.Identity)):
        return True
    pure = isinstance(operation, keras.layers.Activation)
    return pure and activation_kind(operation) == "linear"


# --- images ---------------------------------------------------------------------------


def check_images(network, images):
    """Images as the model takes them, (N, height, width, channels) float32.

    Raises:
        ValueError: another shape than the model's, or values that are not finite.
    """
    images = np.asarray(images)
    expected = network.input_shape
    fits = images.ndim == 4 and all(
        size in (None, given)
        for size, given in zip(expected, images.shape[1:], strict=True)
    )
    if not fits or not len(images):
        raise ValueError(
            f"images have shape {images.shape}; expected (N, "
            f"{', '.join(str(size or 'any') for size in expected)}), N at least 1"
        )
    images = images.astype(np.float32, copy=False)
    if not np.isfinite(images).all():
        raise ValueError("images hold values that are not finite numbers")
    return images
