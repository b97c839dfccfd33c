"""The number that a map explains: a class of a head, or any function of the outputs."""

import typing

import keras
import numpy as np
import tensorflow as tf


class Asked(typing.NamedTuple):
    """The score that maps are asked of.

    Attributes:
        name: str, of the head or the function.
        needs: keys of the values that ``scores`` takes.
        scores: function of the graph's values → (n, classes), or (n, 1).
        head: ``heads.Head``, or None for a function of the outputs.
        key: what sets it apart from others.
    """

    name: str
    needs: tuple
    scores: typing.Callable
    head: object
    key: object

    @property
    def what(self):
        return f"head {self.name}" if self.head else "score"

    def choose(self, values, targets):
        """Scores, the target of each image, predicted where −1, and its score."""
        scores = self.scores(values)
        if not self.head:
            return scores, targets, scores[:, 0]
        classes = self.head.class_scores(scores)
        targets = tf.where(targets < 0, tf.argmax(classes, axis=1), targets)
        return scores, targets, tf.gather(classes, targets, axis=1, batch_dims=1)

    def check_targets(self, target, count):
        """Classes as (N,) int64, −1 for the predicted one (ValueError if none)."""
        if target is None:
            return np.full(count, -1)
        if not self.head:
            raise ValueError("target is of a head; score= gives the number itself")
        return self.head.check_targets(target, count)

    def answers(self, scores, targets):
        """What ``Maps`` say of the prediction."""
        if not self.head:
            none = np.full(len(scores), -1)
            return {"targets": none, "predictions": none, "probabilities": scores[:, 0]}
        probabilities = self.head.probabilities(scores)
        classes = np.asarray(self.head.class_scores(scores))
        return {
            "targets": targets,
            "probabilities": probabilities[np.arange(len(targets)), targets],
            "predictions": classes.argmax(axis=1),
        }


def ask(network, head, score, images):
    """What ``class_activation_maps`` is asked for (ValueError as there)."""
    if score is None:
        head = network.head(head)
        network.check_scores(head, images[0])
        return Asked(head.name, head.needs, head.scores, head, head.name)
    if head is not None or not callable(score):
        raise ValueError("expected score=, a function of the outputs, or a head")
    keys = network.graph.outputs

    def scores(values):
        outputs = [values[key] for key in keys]
        outputs = keras.tree.pack_sequence_as(network.structure, outputs)
        given = call("score", score, outputs)
        if given.shape.rank != 1 or given.shape[0] is not None:
            raise ValueError(
                f"score gives shape {tuple(given.shape)}; expected (N,), one number "
                "for each image"
            )
        return tf.cast(given, tf.float32)[:, None]

    name = getattr(score, "__name__", "score")
    return Asked("score" if name == "<lambda>" else name, keys, scores, None, score)


def call(name, function, *arguments):
    """What a function of the user's gives, a tensor (ValueError in one line if not)."""
    try:
        return tf.convert_to_tensor(function(*arguments))
    except Exception as error:  # whatever its own code raises
        line = next(iter(str(error).strip().splitlines()), "")
        raise ValueError(
            f"{name} fails on tensors ({type(error).__name__}: {line[:120]})"
        ) from error
