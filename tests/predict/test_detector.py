import cv2
import numpy as np
import pytest
from skimage import data

from src.data.sample import draw_faces
from src.predict.detector import (
    FINER_SIDE,
    LONG_SIDE,
    THRESHOLD,
    FaceDetector,
    squares_from_boxes,
    squares_from_points,
)
from src.predict.photos import to_grey

FACE = np.array([224, 122])  # the middle of the portrait's face, px
SIDE = 100  # of the face, about


@pytest.fixture(scope="module")
def detector():
    """Boxes of what is a face, in a grey picture."""
    network = FaceDetector()

    def faces(grey):
        boxes, scores = network(grey)
        assert (np.diff(scores) <= 0).all() and len(boxes) == len(scores)
        return boxes[scores >= THRESHOLD]

    return faces


@pytest.fixture(scope="module")
def portrait():
    return to_grey(data.astronaut())


def placed(portrait, scale, degrees, to, size):
    """The portrait's face, scaled and turned, with its middle at `to` in a grey picture of `size`."""
    matrix = cv2.getRotationMatrix2D(FACE.tolist(), degrees, scale)
    matrix[:, 2] += np.array(to) - FACE
    return cv2.warpAffine(portrait, matrix, size, flags=cv2.INTER_AREA, borderValue=120)


def only_centre(boxes):
    assert boxes.shape == (1, 4)
    return (boxes[0, :2] + boxes[0, 2:]) / 2


def test_the_face_of_a_portrait_is_found_where_it_is(detector, portrait):
    boxes = detector(portrait)
    np.testing.assert_allclose(only_centre(boxes), FACE, atol=15)
    assert 60 < boxes[0, 2] - boxes[0, 0] < 130


def test_nothing_is_found_where_nothing_is(detector):
    for picture in (np.full((200, 300), 90, np.uint8), to_grey(data.coffee()), data.brick(), data.page()):
        assert detector(picture).shape == (0, 4)


@pytest.mark.parametrize("degrees", [-60, -30, 30, 60])
def test_a_turned_face_is_found(detector, portrait, degrees):
    boxes = detector(placed(portrait, 1, degrees, (160, 160), (320, 320)))
    np.testing.assert_allclose(only_centre(boxes), (160, 160), atol=20)


def test_a_face_of_24_px_is_found(detector, portrait):
    boxes = detector(placed(portrait, 24 / SIDE, 0, (230, 90), (320, 240)))
    np.testing.assert_allclose(only_centre(boxes), (230, 90), atol=6)


@pytest.mark.parametrize(("x", "y"), [(30, 160), (290, 160), (160, 290)])
def test_a_face_cut_by_the_border_is_found(detector, portrait, x, y):
    boxes = detector(placed(portrait, 1, 0, (x, y), (320, 320)))
    np.testing.assert_allclose(only_centre(boxes), (x, y), atol=35)


def test_boxes_of_a_large_picture_are_in_its_own_pixels(detector, portrait):
    large = cv2.resize(portrait, None, fx=4, fy=4)
    assert max(large.shape) > LONG_SIDE
    centre = only_centre(detector(large))
    np.testing.assert_allclose((centre + 0.5) / 4 - 0.5, only_centre(detector(portrait)), atol=4)


def crowd(portrait, side, size):
    """A large picture, (height, width), in which the portrait's face is small and stands in rows; the middles, px."""
    middles = [(x, y) for y in (size[0] // 4, size[0] * 3 // 4) for x in range(100, size[1] - 100, size[1] // 5)]
    picture = np.full(size, 120, np.uint8)
    scale = side / SIDE
    small = cv2.resize(portrait[20:240, 110:330], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for x, y in middles:
        picture[y : y + small.shape[0], x : x + small.shape[1]] = small
    return picture, np.array(middles) + scale * (FACE - [110, 20])


@pytest.mark.parametrize(("side", "width"), [(80, 3 * FINER_SIDE), (40, 4000)])
def test_small_faces_of_a_large_picture_are_found_once_each(detector, portrait, side, width):
    picture, middles = crowd(portrait, side, (900, width))
    boxes = detector(picture)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    assert len(boxes) == len(middles)
    distances = np.linalg.norm(centres[:, None] - middles, axis=2)
    assert distances.min(axis=0).max() < side / 4


def test_what_a_tile_cuts_is_left_out_but_what_ends_with_the_picture_is_whole(monkeypatch):
    def at_the_right_end(self, tile, *_):
        return np.array([[tile.shape[1] - 30, 50, tile.shape[1] - 0.5, 80, 0.9]])

    monkeypatch.setattr(FaceDetector, "_at", at_the_right_end)
    found = np.concatenate(list(FaceDetector()._in_tiles(np.zeros((FINER_SIDE, 2 * FINER_SIDE), np.uint8))))
    assert found[:, :4].tolist() == [[2 * FINER_SIDE - 30, 50, 2 * FINER_SIDE - 0.5, 80]]


def test_a_large_face_needs_no_second_search(portrait, monkeypatch):
    searched = []
    at = FaceDetector._at
    monkeypatch.setattr(FaceDetector, "_at", lambda self, *way: searched.append(way[1]) or at(self, *way))
    FaceDetector()(cv2.resize(portrait, None, fx=5, fy=5))
    assert searched == [LONG_SIDE]


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 2), (7, 5), (1, 20_000)])
def test_a_strip_has_no_face(detector, shape):
    assert detector(np.zeros(shape, np.uint8)).shape == (0, 4)


# ---------------------------------------------------------------- squares


@pytest.fixture(scope="module")
def points():
    """Keypoints of upright synthetic faces, px of their 96x96 frame: (200, 15, 2)."""
    return draw_faces(200, seed=5)[1].astype(float)


def test_a_box_gives_a_square_that_lies_lower_and_grows_with_it():
    boxes = np.array([[10.0, 20, 50, 70], [20, 40, 100, 140]])
    small, large = squares_from_boxes(boxes)
    assert small[0] == 30 and small[1] > 45 and 40 < small[2] < 60
    np.testing.assert_allclose(large, 2 * small)


def test_keypoints_give_nearly_the_square_they_were_framed_by(points):
    squares = squares_from_points(points)
    assert np.abs(np.median(squares[:, :2], axis=0) - 47.5).max() < 8
    assert abs(np.median(squares[:, 2]) / 96 - 1) < 0.15


def test_a_square_moves_grows_and_turns_with_its_points(points):
    squares = squares_from_points(points)
    moved = squares_from_points(3 * points + [100, 50])
    np.testing.assert_allclose(moved, 3 * squares + [100, 50, 0])
    quarter = np.array([[0, 1], [-1, 0]])  # x, y -> -y, x
    turned = squares_from_points(points @ quarter)
    np.testing.assert_allclose(turned[:, :2], squares[:, :2] @ quarter, atol=1e-9)
    np.testing.assert_allclose(turned[:, 2], squares[:, 2])


def test_points_on_one_spot_give_a_square_of_a_pixel():
    np.testing.assert_array_equal(squares_from_points(np.full((1, 15, 2), 7.0)), [[7, 7, 1]])
