"""The datasets: lines drawn exactly, MNIST, their split, augmentation."""
