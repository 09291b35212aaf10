import numpy as np
import pytest
from skimage import data

from src.predict import photos as framing
from src.faces import crop_face
from src.data.sample import draw_faces


@pytest.fixture(scope="module")
def points():
    """Keypoints of upright drawn faces, px of their 96x96 frame: (200, 15, 2)."""
    return draw_faces(200, seed=5)[1].astype(float)


def test_a_box_gives_a_square_that_lies_lower_and_grows_with_it():
    boxes = np.array([[10.0, 20, 50, 70], [20, 40, 100, 140]])
    small, large = framing.squares_from_boxes(boxes)
    assert small[0] == 30 and small[1] > 45 and 40 < small[2] < 60
    np.testing.assert_allclose(large, 2 * small)


def test_keypoints_give_nearly_the_square_they_were_framed_by(points):
    squares = framing.squares_from_points(points)
    assert np.abs(np.median(squares[:, :2], axis=0) - 47.5).max() < 8
    assert abs(np.median(squares[:, 2]) / 96 - 1) < 0.15


def test_a_square_moves_grows_and_turns_with_its_points(points):
    squares = framing.squares_from_points(points)
    moved = framing.squares_from_points(3 * points + [100, 50])
    np.testing.assert_allclose(moved, 3 * squares + [100, 50, 0])
    quarter = np.array([[0, 1], [-1, 0]])  # x, y -> -y, x
    turned = framing.squares_from_points(points @ quarter)
    np.testing.assert_allclose(turned[:, :2], squares[:, :2] @ quarter, atol=1e-9)
    np.testing.assert_allclose(turned[:, 2], squares[:, 2])


def test_points_on_one_spot_give_a_square_of_a_pixel():
    np.testing.assert_array_equal(framing.squares_from_points(np.full((1, 15, 2), 7.0)), [[7, 7, 1]])


def test_crops_are_those_of_training():
    photo = data.camera()
    points68 = np.random.default_rng(0).uniform(100, 300, (68, 2))
    low, high = points68.min(axis=0), points68.max(axis=0)
    square = np.append((low + high) / 2, 1.25 * (high - low).max())
    np.testing.assert_array_equal(framing.crop_squares(photo, square[None])[0], crop_face(photo, points68)[0])


def test_small_squares_are_enlarged_and_squares_outside_repeat_the_border():
    photo = np.zeros((40, 40), np.uint8)
    photo[:, 20:] = 200
    crops = framing.crop_squares(photo, np.array([[19.5, 19.5, 20.0], [500, 20, 30], [-500, 20, 200]]))
    assert crops.shape == (3, 96, 96) and (crops[1] == 200).all() and (crops[2] == 0).all()
    assert (crops[0][:, :40] == 0).all() and (crops[0][:, 56:] == 200).all()
    colour = framing.crop_squares(np.dstack([photo, photo // 2, photo]), np.array([[19.5, 19.5, 20.0]]))
    assert colour.shape == (1, 96, 96, 3) and (colour[..., 0] == crops[:1]).all() and colour[..., 1].max() == 100


def test_a_point_seen_in_a_crop_is_found_again_in_the_photo():
    photo = np.zeros((300, 400), np.uint8)
    photo[119:122, 219:222] = 255  # a spot around (220, 120)
    square = np.array([[200.0, 130, 120]])
    y, x = (axis.mean() for axis in np.nonzero(framing.crop_squares(photo, square)[0] > 100))
    np.testing.assert_allclose(framing.to_photo(np.array([[[x, y]]]), square), [[[220, 120]]], atol=0.7)


def test_ways_back_are_inverse(points):
    squares = np.array([[30.0, 40, 50]] * len(points))
    np.testing.assert_allclose(framing.to_frame(framing.to_photo(points, squares), squares), points)
    np.testing.assert_allclose(framing.squares_of_edges(framing.box_edges(squares)), squares)
    np.testing.assert_array_equal(framing.box_edges(squares)[0], [5, 15, 55, 65])
