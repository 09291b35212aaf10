"""Heads of keypoint networks: from feature maps to coordinates in pixels of the frame.

Sources: Sun et al. 2018 "Integral Human Pose Regression" (soft-argmax); Li et al. 2022 "SimCC" (one-dimensional bins).
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import layers, ops

from src.labels import FRAME


@keras.saving.register_keras_serializable("face_study")
class SoftArgmax(layers.Layer):
    """Heatmap logits (n, side, side, points) -> the expected position of each point, (n, 2 * points) px of `frame`.

    Cell (i, j) stands at the centre of the block of pixels that it covers, in the pixel-centre convention.
    """

    def __init__(self, frame: int = FRAME, **kwargs):
        super().__init__(**kwargs)
        self.frame = frame

    def call(self, heat):
        side, points = heat.shape[1], heat.shape[3]
        flat = ops.reshape(ops.transpose(heat, (0, 3, 1, 2)), (-1, side * side))
        middle = (self.frame - 1) / 2  # summed from there, places lose less to rounding than from the edge
        places = middle + ops.matmul(ops.softmax(flat, axis=1), self._centres(side) - middle)
        return ops.reshape(places, (-1, 2 * points))

    def _centres(self, side: int) -> np.ndarray:
        """x, y of each cell of a map, row after row: float32 (side * side, 2) px."""
        down, right = np.indices((side, side)).reshape(2, -1)
        step = self.frame / side
        return np.float32(np.stack([right, down], axis=1) * step + (step - 1) / 2)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2 * input_shape[3])

    def get_config(self):
        return {**super().get_config(), "frame": self.frame}


@keras.saving.register_keras_serializable("face_study")
class BinMean(layers.Layer):
    """Logits over bins of one axis, (n, points, bins) -> the expected position of each point, (n, points) px.

    The bins divide the `frame` px of a side evenly, as the coordinate bins of SimCC (Li et al. 2022) do.
    """

    def __init__(self, frame: int = FRAME, **kwargs):
        super().__init__(**kwargs)
        self.frame = frame

    def call(self, logits):
        step = self.frame / logits.shape[2]
        centres = ops.arange(logits.shape[2], dtype=logits.dtype) * step + (step - 1) / 2
        return ops.sum(ops.softmax(logits, axis=2) * centres, axis=2)

    def compute_output_shape(self, input_shape):
        return input_shape[:2]

    def get_config(self):
        return {**super().get_config(), "frame": self.frame}


def bins_head(heat, init: Callable[[], keras.initializers.Initializer], bins: int = 2 * FRAME):
    """Each point's map (n, side, side, points) read twice by a Dense layer that all points share: bins of x, of y."""
    side, points = heat.shape[1], heat.shape[3]
    flat = layers.Permute((2, 1), name="points_first")(layers.Reshape((side * side, points), name="flat")(heat))
    axes = [
        BinMean(name=f"{axis}_px")(layers.Dense(bins, kernel_initializer=init(), name=f"{axis}_bins")(flat))
        for axis in "xy"
    ]
    pairs = [layers.Reshape((points, 1), name=f"{axis}_column")(place) for axis, place in zip("xy", axes, strict=True)]
    return layers.Flatten(name="keypoints_px")(layers.Concatenate(name="xy")(pairs))
