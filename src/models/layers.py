"""Layers that Keras lacks: from heatmaps to coordinates, the aligned crop, batch normalisation in one operation.

Sources: Sun et al. 2018 "Integral Human Pose Regression" (soft-argmax); Jaderberg et al. 2015 "Spatial Transformer
Networks" (bilinear sampling within a network).
"""

import keras
import numpy as np
from keras import layers, ops

from src.labels import FRAME, KEYPOINTS

_TINY = 1e-3  # keeps keypoints that lie all in one place from a division by 0


def cell_centres(side: int, fine: int, frame: int = FRAME) -> np.ndarray:
    """x, y of the cells of a heatmap in the order of `cells`: float32 (side² fine², 2), px of the frame.

    A cell stands at the centre of the block of pixels that it covers, in the pixel-centre convention.
    """
    below, beside, down, right = np.indices((fine, fine, side, side)).reshape(4, -1)
    step = frame / (side * fine)
    places = np.stack([right * fine + beside, down * fine + below], axis=1)
    return np.float32(places * step + (step - 1) / 2)


def cells(heat, points: int):
    """Maps (n, side, side, points * fine²) -> one row of cells a point, (n, points, side² fine²).

    Each place of a map holds fine x fine cells of each point, so that a heatmap is finer than the maps it is made from.
    Channels come first, as most libraries compute them: ONNX Runtime then moves nothing.
    """
    side, channels = heat.shape[1], heat.shape[3]
    return ops.reshape(ops.transpose(heat, (0, 3, 1, 2)), (-1, points, channels // points * side * side))


@keras.saving.register_keras_serializable("face_study")
class SoftArgmax(layers.Layer):
    """Heatmap logits (n, side, side, points * fine²) -> expected position and spread of each point, px of `frame`.

    The softmax of a point's cells says how likely it lies in each. Positions (n, 2 * points): its mean; spread
    (n, points): the root of its mean squared distance from there, small where the network is certain.
    """

    def __init__(self, points: int = len(KEYPOINTS), frame: int = FRAME, **kwargs):
        super().__init__(**kwargs)
        self.points, self.frame = points, frame

    def call(self, heat):
        probabilities = ops.softmax(cells(heat, self.points), axis=2)
        fine = round((heat.shape[3] // self.points) ** 0.5)
        middle = (self.frame - 1) / 2  # summed from there, places lose less to rounding than from the edge
        centres = cell_centres(heat.shape[1], fine, self.frame) - middle
        sums = np.column_stack([centres, (centres**2).sum(axis=1)])
        means = ops.matmul(probabilities, sums)
        places, squares = means[..., :2], means[..., 2]
        spread = ops.sqrt(ops.maximum(squares - ops.sum(places * places, axis=2), 0.0))
        return ops.reshape(places + middle, (-1, 2 * self.points)), spread

    def get_config(self):
        return {**super().get_config(), "points": self.points, "frame": self.frame}


def _gather(rows, places):
    """Of each face the rows at some places: (n, m, k), int32 (n, p) -> (n, p, k)."""
    if keras.backend.backend() != "tensorflow":
        return ops.take_along_axis(rows, places[:, :, None], axis=1)
    import tensorflow as tf

    return tf.gather(rows, places, batch_dims=1)  # Keras's way minds negative places: a sixth of the network's time


@keras.saving.register_keras_serializable("face_study")
class AlignedCrop(layers.Layer):
    """Faces (n, s, s, 1) and keypoints (n, 30), px of the 96x96 frame -> aligned crops (n, side, side, 1), bilinear.

    mean_px: the mean face's keypoints, 30 numbers. Which square that is, `faces.aligned_crops` says; beyond its edge a
    face goes on as its outermost px. Whatever is a sum over the points, or over the axes of the square, is one matrix
    product: of a single face, each operation takes longer to call than to compute.
    """

    def __init__(self, side: int, mean_px: list[float], **kwargs):
        super().__init__(**kwargs)
        self.side, self.mean_px = side, [float(value) for value in mean_px]
        mean = np.reshape(self.mean_px, (-1, 2)) - (FRAME - 1) / 2
        self._goal = mean.mean(axis=0)
        x, y = (mean - self._goal).T
        flat = np.zeros_like(x)
        columns = (flat + 1 / len(x), flat), (flat, flat + 1 / len(x)), (x, y), (y, -x)
        self._sums = np.stack([np.stack(it, axis=1).ravel() for it in columns], axis=1).astype(np.float32)
        down, right = np.indices((side, side)).reshape(2, -1) - (side - 1) / 2
        one, none = np.ones_like(right), np.zeros_like(right)
        rows = (one, none), (none, one), (right, down), (-down, right)
        self._grid = np.stack([np.concatenate(it) for it in rows]).astype(np.float32)

    def _crops(self, points, stored: int):
        """Keypoints (n, 30) -> x, y of the middle and the step dx, dy, (n, 4): px of a face of `stored` px."""
        points = points - (FRAME - 1) / 2
        x, y, along, across = ops.split(ops.matmul(points, self._sums), 4, axis=1)
        spread = ops.sum(points * points, axis=1, keepdims=True) - len(self.mean_px) / 2 * (x * x + y * y)
        size = spread / ops.maximum(along * along + across * across, _TINY)
        dx, dy = size * along, -size * across
        right, down = -self._goal
        x, y = x + dx * right - dy * down, y + dy * right + dx * down
        x, y = (it * (stored / FRAME) + (stored - 1) / 2 for it in (x, y))
        return ops.concatenate([x, y, dx, dy], axis=1)

    def call(self, inputs):
        faces, points = inputs
        stored = faces.shape[1]
        places = ops.clip(ops.matmul(self._crops(points, stored), self._grid), 0, stored - 1)
        first = ops.minimum(ops.floor(places), stored - 2)  # so that each px has a neighbour to the right and below
        (right, down), (x, y) = (ops.split(it, 2, axis=1) for it in (places - first, first))
        corner = ops.cast(y * stored + x, "int32")
        grey, last = ops.reshape(faces, (-1, stored * stored)), stored * stored - stored - 1
        fours = ops.stack([grey[:, step : last + step] for step in (0, 1, stored, stored + 1)], axis=2)
        left_above, right_above, left_below, right_below = ops.unstack(_gather(fours, corner), axis=2)
        above = left_above + (right_above - left_above) * right
        below = left_below + (right_below - left_below) * right
        return ops.reshape(above + (below - above) * down, (-1, self.side, self.side, 1))

    def get_config(self):
        return {**super().get_config(), "side": self.side, "mean_px": self.mean_px}


@keras.saving.register_keras_serializable("face_study")
class BatchNormalization(layers.BatchNormalization):
    """Normalises each channel of float32 maps (n, h, w, c); under TensorFlow it trains by that library's own operation.

    The answers are those of Keras's layer, which takes mean, variance and every step of their gradients one by one,
    each a pass over all the maps. It has that layer's name, by which weights files name their contents.
    """

    def call(self, inputs, training=False, mask=None):
        by_keras = mask is not None or not (training and self.trainable)
        if by_keras or keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        n = tf.cast(tf.reduce_prod(tf.shape(inputs)[:-1]), variance.dtype)
        variance = variance * (n - 1) / n  # the operation's is the unbiased one
        for running, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            running.assign(running * self.momentum + now * (1 - self.momentum))
        return outputs
