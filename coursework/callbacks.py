"""What is done and measured while a network trains."""

import math
import statistics

from keras import callbacks

from coursework import heads, metrics

STALL_STEPS = 50  # whose mean loss is compared with that of the 50 before


def keep_best_epoch(epochs):
    """Never stops early; sets the best epoch's weights at the end."""
    return callbacks.EarlyStopping(
        monitor="val_loss", patience=epochs, restore_best_weights=True
    )


class StallDecay(callbacks.Callback):
    """Divides the learning rate by ten whenever the train loss has stalled.

    The mean loss of ``STALL_STEPS`` steps is compared with that of as many before; a
    short training has too few epochs to wait for one without progress.
    """

    def on_train_begin(self, logs=None):
        self._losses, self._best = [], math.inf

    def on_epoch_begin(self, epoch, logs=None):
        self._sum = 0.0

    def on_train_batch_end(self, batch, logs=None):
        total = logs["loss"] * (batch + 1)  # Keras tells the epoch's mean so far
        self._losses.append(total - self._sum)
        self._sum = total
        if len(self._losses) == STALL_STEPS:
            self._compare(statistics.mean(self._losses))
            self._losses.clear()

    def _compare(self, loss):
        if loss >= self._best:
            rate = self.model.optimizer.learning_rate
            rate.assign(rate / 10)
        self._best = min(self._best, loss)

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class JointAccuracy(callbacks.Callback):
    """Adds ``val_joint_accuracy`` to the history: all four heads right on an image.

    Keras measures each head alone.

    Args:
        images: (N, height, width, channels) uint8, for validation.
        attributes: (N, 4) integers in the order of ``lines.ATTRIBUTES``.
    """

    def __init__(self, images, attributes):
        super().__init__()
        self._images, self._attributes = images, attributes

    def on_epoch_end(self, epoch, logs=None):
        if "val_loss" in logs:  # an epoch that is validated
            measured = _measure(self.model, self._images, self._attributes)
            logs["val_joint_accuracy"] = measured["joint"]


class AccuraciesByStep(callbacks.Callback):
    """How well each attribute of a line is told, measured during the epochs.

    Args:
        images, attributes: as for ``JointAccuracy``.
        steps: set of int, the gradient steps after which to measure.

    Attributes:
        curves: dict of lists, one entry a measurement: "step", each of ``heads.NAMES``
            and "joint", the shares of images 0…1.
    """

    def __init__(self, images, attributes, steps):
        super().__init__()
        self._images, self._attributes = images, attributes
        self._steps, self._step = steps, 0
        self.curves = {name: [] for name in ("step", *heads.NAMES, "joint")}

    def on_train_batch_end(self, batch, logs=None):
        self._step += 1
        if self._step in self._steps:
            measured = _measure(self.model, self._images, self._attributes)
            for name, value in ({"step": self._step} | measured).items():
                self.curves[name].append(value)


def _measure(network, images, attributes):
    outputs = network.predict(images, batch_size=512, verbose=0)
    return metrics.head_accuracies(attributes, outputs)
