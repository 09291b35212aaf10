"""A face's pixels and points: where a point lands is where its pixels land, whatever is done to the face."""

import cv2
import numpy as np
import pytest
from skimage import data

from src.data.sample import draw_faces
from src.faces import (
    aligned_crops,
    box_edges,
    crop_face,
    crop_squares,
    flip_faces,
    flip_keypoints,
    into_crops,
    into_middle,
    squares_of_edges,
    to_frame,
    to_input,
    to_photo,
    warp_faces,
)
from src.labels import FRAME, KEYPOINTS

LEFT_EYE, RIGHT_EYE = KEYPOINTS.index("left_eye_center"), KEYPOINTS.index("right_eye_center")
MEAN = np.array([[30.0, 40.0], [66.0, 40.0], [48.0, 60.0], [40.0, 75.0], [56.0, 75.0]])


@pytest.fixture(scope="module")
def faces():
    images, points, _ = draw_faces(48, seed=5)
    points[3, [0, 10]] = np.nan
    return images, points


def test_to_input_scales_grey_values_and_sides(faces):
    same = to_input(faces[0], FRAME)
    assert same.shape == (48, 96, 96, 1) and same.dtype == np.float32
    np.testing.assert_array_equal(same[..., 0] * 255, faces[0])
    half = to_input(np.tile(np.uint8([[0, 100], [200, 100]]), (2, 48, 48)), 48)
    np.testing.assert_allclose(half, np.full((2, 48, 48, 1), 100 / 255))
    step = to_input(np.repeat(np.uint8([[[0, 255]]]), 2, axis=1), 4)
    np.testing.assert_allclose(step[0, 0, :, 0], [0, 64 / 255, 191 / 255, 1], atol=2 / 255)


# ---------------------------------------------------------------- flip


def test_flipping_twice_is_the_identity_gaps_included(faces):
    once = flip_faces(*faces)
    assert not np.array_equal(once[0], faces[0])
    twice = flip_faces(*once)
    np.testing.assert_array_equal(twice[0], faces[0])
    np.testing.assert_allclose(twice[1], faces[1], atol=1e-5)
    np.testing.assert_array_equal(flip_keypoints(faces[1]), once[1])


def test_a_flip_maps_x_to_95_minus_x_and_renames_the_sides(faces):
    images, points = faces
    flipped_images, flipped = flip_faces(images, points)
    np.testing.assert_array_equal(flipped_images[:, :, 0], images[:, :, 95])
    np.testing.assert_array_equal(flipped[:, LEFT_EYE, 0], 95 - points[:, RIGHT_EYE, 0])
    np.testing.assert_array_equal(flipped[:, LEFT_EYE, 1], points[:, RIGHT_EYE, 1])


def test_the_left_eye_stays_at_larger_x_after_a_flip(faces):
    _, points = flip_faces(*faces)
    gap = points[:, LEFT_EYE, 0] - points[:, RIGHT_EYE, 0]
    assert np.isfinite(gap).sum() == 47 and np.nanmin(gap) > 10


# ---------------------------------------------------------------- cut


def landmarks(left: float, top: float, width: float, height: float) -> np.ndarray:
    """68 points whose bounding box is the given one."""
    points = np.random.default_rng(0).random((68, 2))
    points[:2] = (0, 0), (1, 1)
    return points * (width, height) + (left, top)


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


def test_crops_are_those_of_training():
    photo = data.camera()
    points68 = np.random.default_rng(0).uniform(100, 300, (68, 2))
    low, high = points68.min(axis=0), points68.max(axis=0)
    square = np.append((low + high) / 2, 1.25 * (high - low).max())
    np.testing.assert_array_equal(crop_squares(photo, square[None])[0], crop_face(photo, points68)[0])


def test_small_squares_are_enlarged_and_squares_outside_repeat_the_border():
    photo = np.zeros((40, 40), np.uint8)
    photo[:, 20:] = 200
    crops = crop_squares(photo, np.array([[19.5, 19.5, 20.0], [500, 20, 30], [-500, 20, 200]]))
    assert crops.shape == (3, 96, 96) and (crops[1] == 200).all() and (crops[2] == 0).all()
    assert (crops[0][:, :40] == 0).all() and (crops[0][:, 56:] == 200).all()
    colour = crop_squares(np.dstack([photo, photo // 2, photo]), np.array([[19.5, 19.5, 20.0]]))
    assert colour.shape == (1, 96, 96, 3) and (colour[..., 0] == crops[:1]).all() and colour[..., 1].max() == 100


def test_a_point_seen_in_a_crop_is_found_again_in_the_photo():
    photo = np.zeros((300, 400), np.uint8)
    photo[119:122, 219:222] = 255  # a spot around (220, 120)
    square = np.array([[200.0, 130, 120]])
    y, x = (axis.mean() for axis in np.nonzero(crop_squares(photo, square)[0] > 100))
    np.testing.assert_allclose(to_photo(np.array([[[x, y]]]), square), [[[220, 120]]], atol=0.7)


def test_ways_back_are_inverse():
    points = np.random.default_rng(1).uniform(0, 96, (200, 15, 2))
    squares = np.array([[30.0, 40, 50]] * len(points))
    np.testing.assert_allclose(to_frame(to_photo(points, squares), squares), points)
    np.testing.assert_allclose(squares_of_edges(box_edges(squares)), squares)
    np.testing.assert_array_equal(box_edges(squares)[0], [5, 15, 55, 65])


# ---------------------------------------------------------------- align and warp


def moved(scale: float, degrees: float, shift=(0.0, 0.0)) -> np.ndarray:
    """The mean face, enlarged and turned around the middle of its points, then shifted."""
    turn = np.exp(1j * np.deg2rad(degrees)) * scale
    points = (MEAN - MEAN.mean(axis=0)) @ [[1], [1j]]
    found = (points * turn)[:, 0]
    return np.stack([found.real, found.imag], axis=1) + MEAN.mean(axis=0) + shift


@pytest.mark.parametrize("side", [48, 96])
def test_the_mean_face_is_read_in_the_middle_as_it_is(side):
    np.testing.assert_allclose(
        aligned_crops(MEAN[None], MEAN, side), [[(side - 1) / 2, (side - 1) / 2, 1, 0]], atol=1e-12
    )


@pytest.mark.parametrize(("scale", "degrees", "shift"), [(1.5, 0, (0, 0)), (0.7, 25, (8, -4)), (1.2, -40, (-3, 9))])
def test_an_aligned_crop_brings_a_moved_mean_face_back_to_its_place(scale, degrees, shift):
    face = moved(scale, degrees, shift)[None]
    crop = aligned_crops(face, MEAN, 96)
    step = crop[0, 2:] @ [1, 1j]
    assert abs(step) == pytest.approx(scale) and np.rad2deg(np.angle(step)) == pytest.approx(degrees)
    there = into_crops(crop, 96)[0]
    np.testing.assert_allclose(face[0] @ there[:2, :2].T + there[:2, 2], MEAN, atol=1e-9)


def test_points_come_nearer_to_the_mean_face_and_flipped_points_to_the_flipped_one():
    rng = np.random.default_rng(0)
    faces = np.stack([moved(rng.uniform(0.7, 1.4), rng.uniform(-40, 40)) for _ in range(50)])
    maps = into_crops(aligned_crops(faces, MEAN, 96), 96)
    seen = faces @ maps[:, :2, :2].swapaxes(1, 2) + maps[:, None, :2, 2]
    shape = [it - it.mean(axis=1, keepdims=True) for it in (seen, faces, np.broadcast_to(MEAN, faces.shape))]
    near, far = (np.linalg.norm(it - shape[2], axis=(1, 2)) for it in shape[:2])
    assert (near < 0.6 * far).all()
    flip = np.array([-1.0, 1.0])
    flipped = aligned_crops(faces * flip + [95, 0], MEAN * flip + [95, 0], 96)
    np.testing.assert_allclose(flipped, aligned_crops(faces, MEAN, 96) * [-1, 1, 1, -1] + [95, 0, 0, 0])


def test_an_aligned_crop_of_another_side_has_the_same_middle():
    seen = aligned_crops(moved(1.3, 20, (5, 3))[None], MEAN, 48)
    for side in (40, 48):
        middle = into_crops(seen, side)[0] @ [*seen[0, :2], 1]
        np.testing.assert_allclose(middle, [(side - 1) / 2, (side - 1) / 2, 1])


def test_the_middle_of_a_stored_face_is_its_frame(faces):
    images, _ = faces
    wide = np.pad(images, ((0, 0), (24, 24), (24, 24)), constant_values=77)
    for stored in (images, wide):
        into_frame = into_middle(stored.shape[1], FRAME, FRAME)
        np.testing.assert_array_equal(warp_faces(stored, np.eye(3)[None, :2], FRAME, into_frame), images)
