"""Squares of a photo: cut out, and the way back to the photo."""

import numpy as np
from skimage import data

from src.data.sample import draw_faces
from src.faces import box_edges, crop_face, crop_squares, squares_of_edges, to_frame, to_photo


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
    points = draw_faces(20, seed=5)[1].astype(float)
    squares = np.array([[30.0, 40, 50]] * len(points))
    np.testing.assert_allclose(to_frame(to_photo(points, squares), squares), points)
    np.testing.assert_allclose(squares_of_edges(box_edges(squares)), squares)
    np.testing.assert_array_equal(box_edges(squares)[0], [5, 15, 55, 65])
