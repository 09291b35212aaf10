"""Batch normalisation in one operation, for networks that train without XLA."""

import keras
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable("face_study")
class FusedBatchNormalization(layers.BatchNormalization):
    """Normalises each channel of float32 maps (n, h, w, c); trains by TensorFlow's own operation, to the same answers.

    Keras's layer takes mean, variance and every step of their gradients one by one, each a pass over all the maps.
    """

    def call(self, inputs, training=False, mask=None):
        if not (training and self.trainable) or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        n = tf.cast(tf.reduce_prod(tf.shape(inputs)[:-1]), variance.dtype)
        self._follow(self.moving_mean, mean)
        self._follow(self.moving_variance, variance * (n - 1) / n)  # the operation's is the unbiased one
        return outputs

    def _follow(self, running: keras.Variable, now) -> None:
        running.assign(running * self.momentum + now * (1 - self.momentum))


# The same layer by the name of Keras's own: weights files name layers by their class.
_AsKeras = type(layers.BatchNormalization.__name__, (FusedBatchNormalization,), {})


def fuse(model: keras.Model) -> keras.Model:
    """The same layers anew, their batch normalisations fused; its weights files fit `model` and the other way round."""

    def anew(layer):
        kind = _AsKeras if type(layer) is layers.BatchNormalization else type(layer)
        return kind.from_config(layer.get_config())

    return keras.models.clone_model(model, clone_function=anew)
