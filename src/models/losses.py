"""Losses and training-time metrics. In a keypoint target, a NaN coordinate (a gap) counts for nothing."""

import keras
from keras import ops

from src.labels import EMOTIONS, FRAME
from src.models.layers import cell_centres, cells


def _known(keypoints_px):
    """Targets with gaps set to 0, and 1 where a coordinate is known, else 0."""
    known = ops.logical_not(ops.isnan(keypoints_px))
    return ops.where(known, keypoints_px, 0.0), ops.cast(known, keypoints_px.dtype)


def _mean_of_known(values, known):
    return ops.sum(values * known) / ops.maximum(ops.sum(known), 1.0)


def masked_mse(keypoints_px, predicted_px):
    """Mean squared error over the known coordinates, px²; (n, 30) each."""
    target, known = _known(keypoints_px)
    return _mean_of_known(ops.square(target - predicted_px), known)


def masked_rmse(keypoints_px, predicted_px):
    """Root of `masked_mse` over a batch, px: for progress lines; scores come from `src.metrics`."""
    return ops.sqrt(masked_mse(keypoints_px, predicted_px))


def wing(keypoints_px, predicted_px, width: float = 4.0, curvature: float = 1.0):
    """Wing loss (Feng et al. 2018): logarithmic within `width` px, so that small errors count, linear beyond."""
    target, known = _known(keypoints_px)
    error = ops.abs(target - predicted_px)
    near = width * ops.log(1 + error / curvature)
    far = error - (width - width * ops.log(1 + ops.convert_to_tensor(width / curvature)))
    return _mean_of_known(ops.where(error < width, near, far), known)


def heatmap_crossentropy(keypoints_px, heat, sigma_px: float = 1.5):
    """Cross-entropy of heatmaps to a Gaussian around each known point: (n, 2 * points) px, (n, side, side, k) logits.

    It asks that a heatmap be high where the point is and low elsewhere; the mean of its cells alone would not tell a
    certain heatmap from one of two peaks. Points outside the frame count for nothing.
    """
    target, known = _known(keypoints_px)
    points, middle = keypoints_px.shape[1] // 2, (FRAME - 1) / 2
    target = ops.reshape(target, (-1, points, 2)) - middle
    known = ops.min(ops.reshape(known, (-1, points, 2)), axis=2)
    inside = ops.cast(ops.all(ops.abs(target) <= FRAME / 2, axis=2), known.dtype)
    centres = cell_centres(heat.shape[1], round((heat.shape[3] // points) ** 0.5)) - middle
    # The squared distance to each cell, without the target's own square: softmax does not mind it.
    nearness = ops.matmul(target, centres.T) - (centres**2).sum(axis=1) / 2
    wanted, logits = ops.softmax(nearness / sigma_px**2, axis=2), cells(heat, points)
    surprise = ops.logsumexp(logits, axis=2) - ops.sum(wanted * logits, axis=2)
    return _mean_of_known(surprise, known * inside)


class FiveAccuracy(keras.metrics.Mean):
    """Share of the five emotions' faces whose likeliest among the five is right: targets, outputs, (n, 5 or 7) each.

    Right is what has most of a face's target. Faces of fear and neutral, which a seven-way network also trains on,
    count for nothing.
    """

    def __init__(self, name: str = "five_accuracy", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, targets, probabilities, sample_weight=None):
        label = ops.argmax(targets, axis=-1)
        hit = label == ops.argmax(probabilities[:, : len(EMOTIONS)], axis=-1)
        super().update_state(ops.cast(hit, "float32"), ops.cast(label < len(EMOTIONS), "float32"))
