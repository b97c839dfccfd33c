"""What is measured while a network trains."""

from keras import callbacks

from coursework.training import metrics


class JointAccuracy(callbacks.Callback):
    """Adds ``val_joint_accuracy`` to the history: all four heads right on an image.

    Keras measures each head alone. Prints a line for each epoch, since Keras' own has
    two dozen numbers.

    Args:
        images: (N, height, width, channels) uint8, for validation.
        attributes: (N, 4) integers in the order of ``lines.ATTRIBUTES``.
    """

    def __init__(self, images, attributes):
        super().__init__()
        self._images, self._attributes = images, attributes

    def on_epoch_end(self, epoch, logs=None):
        if "val_loss" in logs:  # an epoch that is validated
            outputs = self.model.predict(self._images, batch_size=512, verbose=0)
            measured = metrics.head_accuracies(self._attributes, outputs)
            logs["val_joint_accuracy"] = measured["joint"]
            print(
                f"epoch {epoch + 1}: loss {logs['loss']:.4f}, validation loss "
                f"{logs['val_loss']:.4f}, all heads right {measured['joint']:.2%}"
            )
