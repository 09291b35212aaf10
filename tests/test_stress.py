import keras
import numpy as np
import pytest
from keras import ops

from src.datasets import sample_keypoints
from src.labels import FLIP_ORDER, FRAME
from src.metrics import point_errors_px
from src.stress import keypoint_stress, mirror_distance_px, rotated, shrunk

FACES = sample_keypoints(40, seed=3)


def constant_network(points_px: np.ndarray) -> keras.Model:
    """A network that gives every face the same points, (15, 2) px."""
    inputs = keras.Input((FRAME, FRAME, 1))
    outputs = keras.layers.Lambda(lambda x: ops.mean(x, axis=(1, 2)) * 0 + points_px.reshape(1, 30))(inputs)
    return keras.Model(inputs, outputs)


def test_a_quarter_turn_moves_pixels_and_points_alike():
    images, points = rotated(FACES, 90)
    np.testing.assert_array_equal(images, np.rot90(FACES.images, -1, axes=(1, 2)))  # clockwise
    x, y = FACES.keypoints_px[..., 0], FACES.keypoints_px[..., 1]
    np.testing.assert_allclose(points, np.stack([FRAME - 1 - y, x], axis=-1), atol=1e-4)


def test_there_and_back_is_the_identity_of_points():
    _, points = rotated(FACES, 30)
    turned = type(FACES)(FACES.images, points, FACES.usage, FACES.subject)
    np.testing.assert_allclose(rotated(turned, -30)[1], FACES.keypoints_px, atol=1e-4)


def test_shrinking_keeps_shape_and_mean_and_loses_detail():
    small = shrunk(FACES.images, 24)
    assert small.shape == FACES.images.shape and small.dtype == np.uint8
    assert abs(small.mean() - FACES.images.mean()) < 1
    assert np.abs(np.diff(small.astype(int), axis=2)).mean() < np.abs(np.diff(FACES.images.astype(int), axis=2)).mean()


@pytest.mark.parametrize("shift", [0, 1.5])
def test_mirror_distance_of_a_symmetric_face_shifted_sideways_is_twice_the_shift(shift):
    points = FACES.keypoints_px[0].copy()
    points[:, 0] -= FRAME / 2
    points[:, 0] = (points[:, 0] - points[list(FLIP_ORDER), 0]) / 2 + (FRAME - 1) / 2 + shift
    points[:, 1] = (points[:, 1] + points[list(FLIP_ORDER), 1]) / 2
    assert mirror_distance_px(constant_network(points), FACES.images[:4]) == pytest.approx(2 * shift, abs=1e-3)


def test_stress_scores_a_network_that_never_looks_by_how_far_the_points_went():
    points = FACES.keypoints_px.mean(axis=0)
    still = keypoint_stress(constant_network(points), FACES, degrees=0)
    turned = keypoint_stress(constant_network(points), FACES, degrees=30)
    assert still["nme_percent_rotated"][0] == pytest.approx(still["nme_percent_shrunk"])
    assert min(turned["nme_percent_rotated"]) > 2 * still["nme_percent_shrunk"]
    assert point_errors_px(rotated(FACES, 30)[1], FACES.keypoints_px).mean() > 10
