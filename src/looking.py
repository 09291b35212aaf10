"""A network's glance at a face: its keypoints say which square of it the units behind are given.

Sampling follows Jaderberg et al. 2015, "Spatial Transformer Networks"; which square is computed, not learnt.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from src.alignment import PLACE
from src.labels import FRAME

_TINY = 1e-3  # keeps keypoints that lie all in one place, or upside down, from a division by 0


@keras.saving.register_keras_serializable("face_study")
class Look(layers.Layer):
    """Faces (n, s, s, 1) and keypoints (n, 30), px of the 96x96 frame -> what is seen, (n, side, side, 1), bilinear.

    mean_px: the mean face's keypoints, 30 numbers. The square is the glimpse of `src/alignment.py`; beyond its edge a
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

    def _glimpse(self, points, stored: int):
        """Keypoints (n, 30) -> x, y of the middle and the step dx, dy, (n, 4): px of a face of `stored` px.

        The fit to the mean face turns by an angle, whose cosine and sine are along / length and across / length; the
        step is one through its square root.
        """
        points = points - (FRAME - 1) / 2
        x, y, along, across = ops.split(ops.matmul(points, self._sums), 4, axis=1)
        spread = ops.sum(points * points, axis=1, keepdims=True) - len(self.mean_px) / 2 * (x * x + y * y)
        length = ops.maximum(ops.sqrt(along * along + across * across), _TINY)
        half_cos = ops.maximum(ops.sqrt(ops.relu(0.5 + 0.5 * along / length)), _TINY)
        half_sin = across / (2 * length * half_cos)
        size = ops.sqrt(ops.relu(spread) / length)
        dx, dy = size * half_cos, -size * half_sin
        right, down = (-PLACE * goal - (1 - PLACE) * it for it, goal in zip((x, y), self._goal, strict=True))
        x, y = x + dx * right - dy * down, y + dy * right + dx * down
        x, y = (it * (stored / FRAME) + (stored - 1) / 2 for it in (x, y))
        return ops.concatenate([x, y, dx, dy], axis=1)

    def call(self, inputs):
        faces, points = inputs
        stored = faces.shape[1]
        places = ops.clip(ops.matmul(self._glimpse(points, stored), self._grid), 0, stored - 1)
        first = ops.minimum(ops.floor(places), stored - 2)
        (right, down), (x, y) = (ops.split(it, 2, axis=1) for it in (places - first, first))
        corner = ops.cast(y * stored + x, "int32")
        grey = ops.reshape(faces, (-1, stored * stored))
        on = ops.concatenate([grey, grey[:, : stored + 1]], axis=1)  # beyond the last px, which is no corner
        squares = ops.stack([on[:, step : step + stored**2] for step in (0, 1, stored, stored + 1)], axis=2)
        # Not ops.take: its care for negative places takes longer than the rest of it.
        squares = tf.gather(squares, corner, batch_dims=1)
        left_above, right_above, left_below, right_below = (squares[..., i] for i in range(4))
        above = left_above + (right_above - left_above) * right
        below = left_below + (right_below - left_below) * right
        return ops.reshape(above + (below - above) * down, (-1, self.side, self.side, 1))

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], self.side, self.side, 1)

    def get_config(self):
        return {**super().get_config(), "side": self.side, "mean_px": self.mean_px}
