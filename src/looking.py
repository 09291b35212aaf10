"""A network's glance at a face: its keypoints say which square of it the units behind are given.

Sampling follows Jaderberg et al. 2015, "Spatial Transformer Networks"; which square is computed, not learnt.
"""

import keras
from keras import layers, ops

from src.alignment import PLACE
from src.labels import FRAME


@keras.saving.register_keras_serializable("face_study")
class Look(layers.Layer):
    """Faces (n, s, s, 1) and keypoints (n, 30), px of the 96x96 frame -> what is seen, (n, side, side, 1), bilinear.

    mean_px: the mean face's keypoints, 30 numbers. The square is the glimpse of `src/alignment.py`; beyond its edge a
    face goes on as its outermost px. Each px seen weighs every row and every column of the face by how near it is, in
    a matrix product: more work than looking four px up, but every exporter knows how.
    """

    def __init__(self, side: int, mean_px: list[float], **kwargs):
        super().__init__(**kwargs)
        self.side, self.mean_px = side, [float(value) for value in mean_px]

    def _glimpse(self, points, stored: int):
        """Points (n, 15, 2) -> x, y of the middle and the step dx, dy, each (n, 1): px of a face of `stored` px."""
        mean = ops.reshape(ops.array(self.mean_px, "float32"), (1, -1, 2))
        centre, goal = ops.mean(points, axis=1, keepdims=True), ops.mean(mean, axis=1, keepdims=True)
        away, wanted = points - centre, mean - goal
        size = ops.sum(away**2, axis=(1, 2), keepdims=False)[:, None]
        cos = ops.sum(away * wanted, axis=(1, 2))[:, None] / size
        sin = ops.sum(away[..., 0] * wanted[..., 1] - away[..., 1] * wanted[..., 0], axis=1)[:, None] / size
        scale = ops.sqrt(cos**2 + sin**2)
        half_cos = ops.sqrt((scale + cos) / 2)  # of the complex square root, whose size is that of `scale`
        half_sin = sin / (2 * half_cos)
        dx, dy = half_cos / scale, -half_sin / scale
        rest = (FRAME - 1) / 2 - centre - PLACE * (goal - centre)
        right, down = rest[..., 0], rest[..., 1]
        x, y = centre[..., 0] + dx * right - dy * down, centre[..., 1] + dy * right + dx * down
        x, y = ((it + 0.5) * (stored / FRAME) - 0.5 for it in (x, y))
        return x, y, dx, dy

    def call(self, inputs):
        faces, points = inputs
        stored = faces.shape[1]
        x, y, dx, dy = self._glimpse(ops.reshape(points, (-1, len(self.mean_px) // 2, 2)), stored)
        offset = ops.arange(self.side, dtype="float32") - (self.side - 1) / 2
        right = ops.reshape(ops.tile(offset, [self.side]), (1, -1))
        down = ops.reshape(ops.repeat(offset, self.side), (1, -1))
        cells = ops.reshape(ops.arange(stored, dtype="float32"), (1, 1, -1))
        near_x, near_y = (
            ops.relu(1 - ops.abs(ops.clip(place, 0, stored - 1)[:, :, None] - cells))
            for place in (x + dx * right - dy * down, y + dy * right + dx * down)
        )
        rows = ops.matmul(near_x, ops.transpose(faces[..., 0], (0, 2, 1)))  # (n, px seen, rows of the face)
        return ops.reshape(ops.sum(rows * near_y, axis=2), (-1, self.side, self.side, 1))

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], self.side, self.side, 1)

    def get_config(self):
        return {**super().get_config(), "side": self.side, "mean_px": self.mean_px}
