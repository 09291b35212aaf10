import json

import cv2
import numpy as np
import pytest

from src.faces import crop_squares
from src.live import lens

POINTS = np.stack(np.meshgrid([30, 48, 66], [20, 36, 52, 68, 76]), axis=-1).reshape(15, 2).astype(float)


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 256, (400, 400), np.uint8)


def face_points(turn=0):
    """Points of a face whose mouth lies below its eyes, about (200, 200), turned by quarters as `np.rot90` does."""
    points = np.zeros((15, 2))
    points[:10, 1], points[10:, 1], points[:, 0] = -40, 40, np.tile([-30, 30, 0], 5)
    for _ in range(turn):
        points = np.stack([points[:, 1], -points[:, 0]], axis=1)
    return points[None] + 199.5


def test_the_middle_of_a_wide_face_is_the_square_that_is_read(photo):
    squares = np.array([[199.5, 199.5, 192.0]])
    wide = lens.wide_faces(photo, squares, face_points())
    assert wide.shape == (1, 144, 144)
    np.testing.assert_array_equal(wide[:, 24:-24, 24:-24], crop_squares(photo, squares))
    np.testing.assert_array_equal(lens.changed(wide[0]), crop_squares(photo, squares)[0])


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_face_that_lies_on_its_side_is_put_upright(photo, quarters):
    squares = np.array([[199.5, 199.5, 192.0]])
    turned = lens.wide_faces(np.ascontiguousarray(np.rot90(photo, quarters)), squares, face_points(quarters))
    np.testing.assert_array_equal(turned, lens.wide_faces(photo, squares, face_points()))


def test_a_small_face_is_enlarged():
    photo = np.full((60, 60), 10, np.uint8)
    photo[20:40, 20:40] = 200
    face = lens.changed(lens.wide_faces(photo, np.array([[29.5, 29.5, 40.0]]), face_points())[0])
    assert face[48, 48] == 200 and face[5, 5] == 10
    assert abs(np.count_nonzero(face > 105) ** 0.5 - 48) < 1  # half of the square's side


def test_the_sliders_turn_blur_and_darken():
    wide = np.zeros((144, 144), np.uint8)
    wide[24:72, 24:72] = 200  # the top left quarter of the face
    assert lens.changed(wide, turn=90)[20, 75] == 200 == lens.changed(wide)[20, 20]  # clockwise: now top right
    assert lens.changed(wide, light=0.5)[20, 20] == 100
    assert 60 < lens.changed(wide, blur_px=3)[20, 47] < 140


def described(folder, side=40):
    layer = {"class_name": "AlignedCrop", "config": {"side": side, "mean_px": POINTS.ravel().tolist()}}
    describe(folder / "emotion.json", 48, layer)


def describe(file, side, *layers):
    inputs = [
        {"class_name": "InputLayer", "config": {"batch_shape": shape}} for shape in ([None, side, side, 1], [None, 30])
    ]
    file.write_text(json.dumps({"config": {"layers": [*inputs, *layers]}}))


def test_what_is_read_is_the_aligned_crop(tmp_path, photo):
    described(tmp_path)
    face = cv2.GaussianBlur(photo[:96, :96], (0, 0), 4)
    small = cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(lens.read_of(tmp_path, face, POINTS), small[4:44, 4:44])  # aligned already
    upside_down = lens.read_of(tmp_path, np.ascontiguousarray(face[::-1, ::-1]), 95 - POINTS)
    np.testing.assert_allclose(upside_down, small[4:44, 4:44], atol=2)


def test_without_an_aligning_network_the_face_is_read(tmp_path, photo):
    face = photo[:96, :96]
    small = cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(lens.read_of(tmp_path, face, POINTS), small)


def test_another_network_reads_the_face_in_its_own_size_or_the_middle(tmp_path, photo):
    face = photo[:96, :96]
    describe(tmp_path / "model.json", 96)  # as the original's network
    np.testing.assert_array_equal(lens.read_of(tmp_path, face, POINTS), face)
    (tmp_path / "middle").mkdir()
    middle = {"class_name": "Cropping2D", "config": {"cropping": [[4, 4], [4, 4]]}}
    describe(tmp_path / "middle" / "FacialExpression-model.json", 48, middle)
    small = cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(lens.read_of(tmp_path / "middle", face, POINTS), small[4:44, 4:44])


def test_where_the_networks_look(photo):
    from src.models.resnet import baseline_keypoints, compact_emotions, compact_keypoints

    tiny = {"seed": 1, "widths": (8, 16), "units": (1, 1)}
    emotions = compact_emotions(crop_px=40, mean_px=POINTS.ravel().tolist(), **tiny)
    pictures = lens.where_they_look(compact_keypoints(**tiny), emotions, photo[:96, :96], POINTS, 3)
    assert list(pictures) == ["heatmaps", "Grad-CAM"]
    assert all(it.shape == (96, 96, 3) and it.dtype == np.uint8 for it in pictures.values())
    pictures = lens.where_they_look(baseline_keypoints(), emotions, photo[:96, :96], POINTS, 3)
    assert list(pictures) == ["Grad-CAM"]  # it has no heatmaps


def test_a_veil_is_bright_where_its_map_is():
    seen = np.zeros((48, 48))
    seen[:24] = 1
    veiled = lens._veiled(np.full((96, 96), 100, np.uint8), seen)
    assert veiled[10, 10].min() > 100 > 60 > veiled[90, 90].max()
