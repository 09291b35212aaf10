"""Training towards weights whose neighbours do well too, meant to resist learning wrong labels by heart."""

import keras
import tensorflow as tf


class SharpnessAware(keras.Model):
    """A network that follows the slope at the worst weights near its own (SAM, Foret et al. 2021), at twice the work.

    rho: how far off these are, Euclidean distance over all weights. Shares the layers of the network that it is made
    of.
    """

    def __init__(self, network: keras.Model, rho: float):
        super().__init__(network.inputs, network.outputs, name=network.name)
        self.rho = rho

    def _slope(self, faces, targets):
        """The loss and its gradients by the trainable weights, and the answers."""
        with tf.GradientTape() as tape:
            answers = self(faces, training=True)
            loss = self.compute_loss(x=faces, y=targets, y_pred=answers)
        return loss, tape.gradient(loss, self.trainable_variables), answers

    def train_step(self, data):
        faces, targets = data
        loss, uphill, answers = self._slope(faces, targets)
        step = self.rho / (tf.linalg.global_norm(uphill) + 1e-12)
        here = [tf.identity(weights) for weights in self.trainable_variables]
        for weights, slope in zip(self.trainable_variables, uphill, strict=True):
            weights.assign_add(step * slope)
        _, gradients, _ = self._slope(faces, targets)
        for weights, before in zip(self.trainable_variables, here, strict=True):
            weights.assign(before)
        self.optimizer.apply(gradients, self.trainable_variables)
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(faces)[0])
        return self.compute_metrics(faces, targets, answers)
