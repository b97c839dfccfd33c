"""Slightly moved, turned and stretched copies of images, new ones in every epoch.

No flips: a mirrored 2 is no 2, and a mirrored line has another angle.
"""

import dataclasses
import math

import cv2
import keras
import numpy as np


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How far an image may be moved; every amount is drawn evenly from ±its limit.

    Attributes:
        rotation: float, degrees around the middle of the image.
        scale: float, share by which it grows or shrinks, width and height apart.
        shear: float, px to the side for each px of height.
        shift: float, px, in each direction.
    """

    rotation: float = 0
    scale: float = 0
    shear: float = 0
    shift: float = 0

    def matrices(self, count, height, width, generator):
        """Affine maps from a source pixel to where it goes.

        Args:
            count: int, N.
            height, width: of the images, px.
            generator: ``numpy.random.Generator``.

        Returns:
            (N, 2, 3) float64, as ``cv2.warpAffine`` takes them.
        """
        draw = generator.uniform
        angle = np.radians(draw(-self.rotation, self.rotation, count))
        cosine, sine = np.cos(angle), np.sin(angle)
        rotation = np.stack([cosine, -sine, sine, cosine], axis=1).reshape(-1, 2, 2)
        stretch = np.zeros((count, 2, 2))
        stretch[:, [0, 1], [0, 1]] = 1 + draw(-self.scale, self.scale, (count, 2))
        stretch[:, 0, 1] = draw(-self.shear, self.shear, count)
        linear = rotation @ stretch
        middle = np.array([(width - 1) / 2, (height - 1) / 2])
        shift = draw(-self.shift, self.shift, (count, 2)) + middle - linear @ middle
        return np.concatenate([linear, shift[:, :, np.newaxis]], axis=2)

    def apply(self, images, generator):
        """Move every image by its own amount; what comes in from outside is black.

        Args:
            images: (N, height, width, 1 or 3) uint8.
            generator: ``numpy.random.Generator``.

        Returns:
            Moved copies, same shape and dtype.
        """
        count, height, width, _ = images.shape
        moved = np.empty_like(images)
        for source, target, matrix in zip(
            images,
            moved,
            self.matrices(count, height, width, generator),
            strict=True,
        ):
            cv2.warpAffine(source, matrix, (width, height), dst=target)
        return moved


class AugmentedBatches(keras.utils.PyDataset):
    """Batches of a train part, shuffled and augmented anew in each epoch.

    The amounts depend on seed, epoch and batch alone, not on when a batch is made, so
    that a run repeats.
    """

    def __init__(self, images, targets, batch_size, augmentation, seed):
        """Take the train part.

        Args:
            images: (N, height, width, 1 or 3) uint8.
            targets: (N, …) array.
            batch_size: int; the last batch of an epoch may be smaller.
            augmentation: an ``Augmentation``.
            seed: int.
        """
        super().__init__()
        self.images, self.targets = images, targets
        self.batch_size, self.augmentation = batch_size, augmentation
        self.seed, self.epoch = seed, 0
        self._shuffle()

    def __len__(self):
        return math.ceil(len(self.images) / self.batch_size)

    def __getitem__(self, index):
        first = index * self.batch_size
        chosen = self._order[first : first + self.batch_size]
        generator = np.random.default_rng([self.seed, self.epoch, index + 1])
        moved = self.augmentation.apply(self.images[chosen], generator)
        return moved, self.targets[chosen]

    def on_epoch_end(self):
        self.epoch += 1
        self._shuffle()

    def _shuffle(self):
        generator = np.random.default_rng([self.seed, self.epoch, 0])
        self._order = generator.permutation(len(self.images))
