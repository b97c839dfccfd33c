"""Any function of a model's outputs, in place of a class of one of its heads."""

import typing

import keras
import numpy as np
import tensorflow as tf


class Score(typing.NamedTuple):
    """A function of the outputs, with what a ``heads.Head`` has for maps.

    Attributes:
        network: a ``network.Network``.
        function: the outputs, nested as the model has them, → (n,).
    """

    network: typing.Any
    function: typing.Callable
    what = "score"

    @property
    def key(self):
        """What sets it apart from others."""
        return self.function

    @property
    def name(self):
        """The function's."""
        name = getattr(self.function, "__name__", "score")
        return "score" if name == "<lambda>" else name

    @property
    def needs(self):
        """Keys of the values that ``choose`` takes."""
        return self.network.graph.outputs

    def choose(self, values, targets):
        """Scores (n, 1), the targets as they are, and the scores again, (n,)."""
        outputs = [values[key] for key in self.needs]
        outputs = keras.tree.pack_sequence_as(self.network.structure, outputs)
        given = call("score", self.function, outputs)
        if given.shape.rank != 1 or given.shape[0] is not None:
            raise ValueError(
                f"score gives shape {tuple(given.shape)}; expected (N,), one number "
                "for each image"
            )
        given = tf.cast(given, tf.float32)
        return given[:, None], targets, given

    def check_targets(self, target, count):
        """(count,) int64, all −1 (ValueError if there is a target)."""
        if target is not None:
            raise ValueError("target is of a head; score= gives the number itself")
        return np.full(count, -1)

    def answers(self, scores, targets):
        """What ``Maps`` say of the prediction."""
        return {
            "targets": targets,
            "predictions": targets,
            "probabilities": scores[:, 0],
        }


def ask(network, head, score, images):
    """The ``Head`` or ``Score`` of ``class_activation_maps`` (ValueError as there)."""
    if score is None:
        head = network.head(head)
        network.check_scores(head, images[0])
        return head
    if head is not None or not callable(score):
        raise ValueError("expected score=, a function of the outputs, or a head")
    return Score(network, score)


def call(name, function, *arguments):
    """What a function of the user's gives, a tensor (ValueError in one line if not)."""
    try:
        return tf.convert_to_tensor(function(*arguments))
    except Exception as error:  # whatever its own code raises
        line = next(iter(str(error).strip().splitlines()), "")
        raise ValueError(
            f"{name} fails on tensors ({type(error).__name__}: {line[:120]})"
        ) from error
