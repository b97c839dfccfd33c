"""The product of a fully connected layer, with a gradient that is faster on a CPU.

For the gradient TensorFlow multiplies by the transposed kernel; its ``einsum`` takes
two thirds of the time of its ``matmul`` for that, and large kernels are most of the
work of a class activation map.
"""

import keras
import tensorflow as tf


def is_plain(layer):
    """Whether a layer is a Dense layer as usual: float32, and kernel, bias, activation.

    Others, low rank or quantized, are left to Keras.
    """
    return (
        type(layer) is keras.layers.Dense
        and layer.compute_dtype == layer.variable_dtype == "float32"
        and not getattr(layer, "quantization_mode", None)
        and not getattr(layer, "lora_enabled", False)
    )


def call(layer, x):
    """What a plain ``layer`` gives for ``x``, (…, features).

    Only the gradient with respect to ``x`` is defined, not that of the weights.
    """
    kernel = tf.stop_gradient(tf.convert_to_tensor(layer.kernel))

    @tf.custom_gradient
    def product(x):
        def gradient(upstream):
            return tf.einsum("...k,dk->...d", upstream, kernel)

        return keras.ops.matmul(x, kernel), gradient

    x = product(tf.cast(x, tf.float32))
    if layer.use_bias:
        x += tf.convert_to_tensor(layer.bias)
    return layer.activation(x) if layer.activation else x
