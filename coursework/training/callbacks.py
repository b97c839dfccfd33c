"""What is done and measured while a network trains."""

from keras import callbacks

from coursework.training import heads, metrics


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
