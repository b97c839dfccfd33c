"""A model as the visualizations see it: layers, heads, scores before the softmax."""

import dataclasses
import difflib
import json
import pathlib
import re
import zipfile

import h5py
import keras
import numpy as np
import tensorflow as tf

from . import geometry, graph

KINDS = {  # of the activations of heads: their probabilities from their scores
    "softmax": keras.ops.softmax,
    "sigmoid": keras.ops.sigmoid,
    "linear": lambda scores: scores,
}
WITH_ACTIVATION = (  # layers that put an activation behind a linear function
    *(keras.layers.Dense, keras.layers.EinsumDense, keras.layers.Conv2D),
    *(keras.layers.Conv2DTranspose, keras.layers.DepthwiseConv2D),
    keras.layers.SeparableConv2D,
)
UNCHANGING = (  # layers that in inference give on what they are given
    *(keras.layers.Identity, keras.layers.Dropout, keras.layers.SpatialDropout2D),
    *(keras.layers.GaussianNoise, keras.layers.GaussianDropout),
    *(keras.layers.AlphaDropout, keras.layers.ActivityRegularization),
)
MODEL_ENDINGS = (".keras", ".h5", ".hdf5")
CLOSE = 1e-2  # of a head's output to what its scores say, 16-bit floats considered
MOST_COMPILED = 64
_KEPT = "_coursework_visualize"  # where a model keeps its Network
MOST_VALUES = 2**27  # floats of all layers at once, half a gigabyte


@dataclasses.dataclass(frozen=True)
class PreActivation:
    """How to get at what a layer gives before its activation.

    Attributes:
        key: of the value itself, or of the one that ``layer`` makes it from.
        layer: a double of the layer, with its very weights and a linear activation, or
            None if the value is there without it.
    """

    key: int
    layer: object = None

    @property
    def needs(self):
        """Keys of the values that ``of`` takes."""
        return (self.key,)

    def of(self, values):
        """The value before the activation, a float32 tensor."""
        value = values[self.key]
        return tf.cast(self.layer(value) if self.layer else value, tf.float32)


def pre_activation(step):
    """The ``PreActivation`` of a step; of a layer without one it is what it gives."""
    operation = step.operation
    if is_pure_activation(operation):
        return PreActivation(step.inputs[0])
    if not isinstance(operation, WITH_ACTIVATION):
        return PreActivation(step.outputs[0])
    if kind_of(operation.activation) == "linear":
        return PreActivation(step.outputs[0])
    double = object.__new__(type(operation))
    double.__dict__.update(operation.__dict__)
    double.__dict__["activation"] = keras.activations.linear
    return PreActivation(step.inputs[0], double)


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
        outputs: its outputs, symbolic tensors.
        graph: its ``graph.Graph``.
        heads: list of ``Head``.
        steps: dict, path → ``graph.Step``, of all layers and operations.
        layers: the same of the layers alone.
    """

    def __init__(self, model):
        """Take a model apart.

        Raises:
            ValueError: not a functional or sequential model, or it has several inputs,
                or its input is not an image of 1 or 3 channels, or it has weights that
                are not finite numbers.
        """
        self.model, self.graph = model, graph.Graph(model)
        self.outputs = list(graph.symbolic(model, "outputs"))
        shapes = [tuple(tensor.shape) for tensor in model.inputs]
        if len(shapes) != 1:
            raise ValueError(f"the model has {len(shapes)} inputs; expected one image")
        self.input_shape = shapes[0][1:]
        if len(self.input_shape) != 3 or self.input_shape[2] not in (1, 3):
            raise ValueError(
                f"the model's input has shape {shapes[0]}; expected (N, height, width, "
                "1 or 3)"
            )
        self.steps = {step.path: step for step in self.graph.steps}
        self.layers = {path: s for path, s in self.steps.items() if s.is_layer}
        names = _unique(keras.Model(model.inputs, model.outputs).output_names)
        self.heads = [
            self._make_head(index, name, key)
            for index, (name, key) in enumerate(
                zip(names, self.graph.outputs, strict=True)
            )
        ]
        self._check_weights()
        self._compiled, self._grids, self._sure = {}, {}, set()

    def _check_weights(self):
        for path, step in self.layers.items():
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
        while step and _passes_on(step):
            key = step.inputs[0]
            step = self.graph.maker(key)
        kind = activation_kind(step.operation) if step else "linear"
        if kind not in KINDS or kind == "linear":
            return Head(name, index, "linear", units, PreActivation(key))
        return Head(name, index, kind, units, pre_activation(step))

    def check_scores(self, head, image):
        """See, once for each head, that its scores lead to the model's output.

        Args:
            head: a ``Head``.
            image: (height, width, channels) float32.

        Raises:
            ValueError: they do not, so that maps of them would be of something else.
        """
        if head.name in self._sure:
            return
        batch = tf.constant(image[None])
        scores = head.scores.of(self.graph.run(batch, head.scores.needs))
        told = keras.tree.flatten(self.model(batch, training=False))[head.index]
        told = keras.ops.convert_to_numpy(keras.ops.cast(told, "float32"))
        ours = keras.ops.convert_to_numpy(KINDS[head.kind](scores)).reshape(told.shape)
        finite = np.isfinite(told).all() and np.isfinite(ours).all()
        if finite and np.abs(ours - told).max() > CLOSE * max(1, np.abs(told).max()):
            raise ValueError(
                f"head {head.name} does not follow from its layers as the model is "
                "made of them; has the model a call of its own?"
            )
        self._sure.add(head.name)

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
        inside = [path for path in self.steps if path.startswith(f"{name}/")]
        if inside:  # a model inside: what it gives
            return self.steps[inside[-1]]
        ends = [path for path in self.steps if path.endswith(f"/{name}")]
        if len(ends) > 1:
            raise ValueError(f"several layers are named {name}: {', '.join(ends)}")
        if not ends:
            raise ValueError(_unknown("layer", name, self.layers))
        return self.steps[ends[0]]

    def shapes(self):
        """Path → shape, without the first axis, of what each layer gives."""
        return {
            path: tuple(step.node.outputs[0].shape[1:])
            for path, step in self.layers.items()
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
        return [path for path, step in self.layers.items() if _has_places(step)]

    def default_layer(self, head):
        """The last layer with feature maps that all of a head depends on.

        The last one by which every way from the image to the head leads; where branches
        leave no such layer, the last on any of them.

        Raises:
            ValueError: there is none.
        """
        steps = [
            step
            for step in self.graph.needed(head.scores.needs)
            if _has_places(step)
            and self.graph.depends(step.outputs[0], self.graph.inputs[0])
        ]
        if not steps:
            raise ValueError(
                f"no layer that head {head.name} depends on gives feature maps; use a "
                "method that needs none: input_gradient, integrated_gradients or "
                "occlusion"
            )
        for step in reversed(steps):
            if not self.graph.leads_past(step.outputs[0], head.scores.key):
                return step.path
        return steps[-1].path

    def batch_size(self, image, most=256):
        """How many images of a size can be worked on at once."""
        shapes = [s.node.outputs[0].shape[1:] for s in self.graph.steps]
        sizes = [np.prod([n or max(image.shape) for n in shape]) for shape in shapes]
        return int(np.clip(MOST_VALUES // max(1, sum(sizes)), 1, most))

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
            function = tf.function(make()).get_concrete_function(*specifications)
            if len(self._compiled) == MOST_COMPILED:
                del self._compiled[next(iter(self._compiled))]  # the oldest
            self._compiled[key] = function
        return self._compiled[key]


def of(model):
    """The ``Network`` of a model, made once for as long as its outputs are the same.

    It is kept as an attribute of the model, so that both are freed together.

    Raises:
        ValueError: as ``Network``.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(f"expected a keras.Model; received a {type(model).__name__}")
    network = model.__dict__.get(_KEPT)
    outputs = graph.symbolic(model, "outputs")
    if network is None or list(map(id, network.outputs)) != list(map(id, outputs)):
        network = Network(model)
        model.__dict__[_KEPT] = network  # past Keras' tracking of attributes
    return network


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
    _refuse_keras_2(path)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # a damaged file raises whatever the damage hits
        raise ValueError(f"{path} {_reason(error)}") from error


def _reason(error):
    """Why a model cannot be loaded, in a line."""
    text = str(error)
    if "lambda" in text.lower() and "safe" in text.lower():
        return "has a layer that brings code of its own (Lambda), which is not run"
    if missing := re.search(r"Could not locate class '(\w+)'", text):
        return f"needs the class {missing[1]}, which is not part of Keras"
    line = text.strip().splitlines()[0][:120] if text.strip() else ""
    return (
        f"is not a model that Keras {keras.__version__} can read "
        f"({type(error).__name__}: {line})"
    )


def _refuse_keras_2(path):
    version, whole = _written_by(path)
    if str(version).startswith(("1.", "2.")):
        raise ValueError(
            f"{path} was written by Keras {version}; expected a model of Keras 3: "
            "build it there and train it anew, or carry its weights over"
        )
    if not whole:
        raise ValueError(f"{path} holds weights only; expected a whole model")


def _written_by(path):
    """The version of Keras that wrote a file, and whether it holds a whole model."""
    if path.suffix == ".keras":
        try:
            with zipfile.ZipFile(path) as archive:
                metadata = json.loads(archive.read("metadata.json"))
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise ValueError(f"{path} is not a .keras file ({error})") from error
        return metadata.get("keras_version", ""), True
    try:
        with h5py.File(path) as file:
            return file.attrs.get("keras_version", ""), "model_config" in file.attrs
    except OSError as error:
        raise ValueError(f"{path} is not an HDF5 file ({error})") from error


def _unknown(what, name, known):
    near = difflib.get_close_matches(str(name), known, n=5, cutoff=0)
    return f"no {what} named {name!r}; nearest: {', '.join(near)}"


def _unique(names):
    """Names with "@2", "@3" … behind those that come again."""
    return [
        name
        if names.index(name) == index
        else f"{name}@{names[:index].count(name) + 1}"
        for index, name in enumerate(names)
    ]


def _has_places(step):
    shape = step.node.outputs[0].shape
    return len(shape) == 4 and tuple(shape[1:3]) != (1, 1)


# --- activations ----------------------------------------------------------------------


def activation_kind(operation):
    """What an operation ends with: a name of ``KINDS``, or of another activation."""
    if isinstance(operation, keras.layers.Softmax):
        return "softmax"
    if isinstance(operation, keras.layers.ReLU):
        return "relu"
    if isinstance(operation, (keras.layers.Activation, *WITH_ACTIVATION)):
        return kind_of(operation.activation)
    if isinstance(operation, keras.layers.Layer):
        return "linear"
    return type(operation).__name__.lower()  # of keras.ops: Softmax, Sigmoid, Relu …


def kind_of(activation):
    """The name of an activation function; "softmax" for TensorFlow's, too."""
    if activation is None:
        return "linear"
    if isinstance(activation, keras.layers.Layer):
        return activation_kind(activation)
    return getattr(activation, "__name__", "unknown").removesuffix("_v2")


def is_pure_activation(operation):
    """Whether an operation is nothing but an activation."""
    pure = (keras.layers.Activation, keras.layers.Softmax, keras.layers.ReLU)
    if isinstance(operation, keras.layers.Layer):
        return isinstance(operation, pure)
    return activation_kind(operation) in (*KINDS, "relu")


def _passes_on(step):
    """Whether a step gives on, in inference, what it is given."""
    operation = step.operation
    if isinstance(operation, UNCHANGING) or type(operation).__name__ == "Cast":
        return True
    if isinstance(operation, (keras.layers.Flatten, keras.layers.Reshape)):
        return step.node.input_tensors[0].shape == step.node.outputs[0].shape
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
