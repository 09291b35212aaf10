"""68 landmarks -> 15 keypoints, and the crop: where a point lands is where its pixels land."""

import cv2
import numpy as np
import pytest

from src.labels import KEYPOINTS
from src.faces import crop_face
from src.data.convert import fifteen_points


def landmarks(left: float, top: float, width: float, height: float) -> np.ndarray:
    """68 points whose bounding box is the given one."""
    points = np.random.default_rng(0).random((68, 2))
    points[:2] = (0, 0), (1, 1)
    return points * (width, height) + (left, top)


def test_each_keypoint_comes_from_its_landmarks():
    points = fifteen_points(np.stack([np.arange(68.0), 100 + np.arange(68.0)], axis=1))
    assert points.shape == (15, 2)
    assert points.dtype == np.float32
    x = dict(zip(KEYPOINTS, points[:, 0].tolist(), strict=True))
    assert (x["left_eye_center"], x["right_eye_center"]) == (44.5, 38.5)
    assert (x["left_eye_inner_corner"], x["left_eye_outer_corner"]) == (42, 45)
    assert (x["right_eye_inner_corner"], x["right_eye_outer_corner"]) == (39, 36)
    assert (x["left_eyebrow_inner_end"], x["left_eyebrow_outer_end"]) == (22, 26)
    assert (x["right_eyebrow_inner_end"], x["right_eyebrow_outer_end"]) == (21, 17)
    assert (x["nose_tip"], x["mouth_left_corner"], x["mouth_right_corner"]) == (30, 54, 48)
    assert (x["mouth_center_top_lip"], x["mouth_center_bottom_lip"]) == (51, 57)
    np.testing.assert_array_equal(points[:, 1] - points[:, 0], 100)


@pytest.mark.parametrize("width", [150.3, 60.0])  # shrunk, enlarged
def test_points_follow_their_pixels(width):
    """On an image whose grey value is its x (or y), the crop's grey value at a point is that point's x (or y)."""
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    points = landmarks(70.7, 55.1, width, 0.8 * width)
    for axis, image in enumerate((ramp, ramp.T)):
        crop, moved = crop_face(image, points)
        assert crop.shape == (96, 96)
        assert crop.dtype == np.uint8
        line = crop[48] if axis == 0 else crop[:, 48]
        found = np.interp(moved[:, axis], np.arange(96), line)
        np.testing.assert_allclose(found, points[:, axis], atol=0.6)  # half a grey value is rounded away


def test_the_frame_is_a_square_of_five_quarters_around_the_centre_of_the_box():
    _, points = crop_face(np.zeros((300, 300), np.uint8), landmarks(100, 80, 96, 60))
    np.testing.assert_allclose(points.min(axis=0) + points.max(axis=0), 95, atol=1e-4)  # the centre is at 47.5
    assert np.ptp(points[:, 0]) == pytest.approx(96 / 1.25, abs=1e-4)


def test_whole_pixel_squares_are_averaged_as_opencv_does():
    image = np.random.default_rng(1).integers(0, 256, (300, 300), dtype=np.uint8)
    points = landmarks(60 - 0.5 + 19.2, 40 - 0.5 + 19.2, 153.6, 153.6)  # the square is pixels 60..251 by 40..231
    crop, _ = crop_face(image, points)
    expected = cv2.resize(image[40:232, 60:252], (96, 96), interpolation=cv2.INTER_AREA)
    assert np.abs(crop.astype(int) - expected).max() <= 1  # ties are rounded differently


def test_outside_the_photo_its_border_is_repeated():
    image = np.random.default_rng(2).integers(0, 256, (120, 100), dtype=np.uint8)
    points = landmarks(-10.2, 60.4, 90, 90)
    padded, _ = crop_face(np.pad(image, 80, mode="edge"), points + 80, margin=1.5)
    crop, _ = crop_face(image, points, margin=1.5)
    np.testing.assert_array_equal(crop, padded)


def test_a_margin_adds_surroundings_and_leaves_frame_and_points():
    image = np.random.default_rng(3).integers(0, 256, (400, 500), dtype=np.uint8)
    points = landmarks(150.3, 120.9, 170, 140)
    crop, moved = crop_face(image, points)
    wide, wide_moved = crop_face(image, points, margin=1.5)
    assert wide.shape == (144, 144)
    np.testing.assert_array_equal(wide[24:120, 24:120], crop)
    np.testing.assert_array_equal(wide_moved, moved)


def test_landmarks_on_one_spot_are_refused():
    with pytest.raises(ValueError, match="one spot"):
        crop_face(np.zeros((10, 10), np.uint8), np.full((68, 2), 5.0))
