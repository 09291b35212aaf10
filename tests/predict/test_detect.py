import cv2
import numpy as np
import pytest
from skimage import data

from src.predict.photos import LONG_SIDE, FaceDetector
from src.predict.photos import to_grey

FACE = np.array([224, 122])  # the middle of the portrait's face, px
SIDE = 100  # of the face, about


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


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


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 2), (7, 5)])
def test_a_strip_has_no_face(detector, shape):
    assert detector(np.zeros(shape, np.uint8)).shape == (0, 4)
