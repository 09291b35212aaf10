import numpy as np
import pytest

from src.data.sample import BLOCK, VALUES, draw_faces
from src.labels import EMOTIONS, FRAME, KEYPOINTS

POINT = {name: i for i, name in enumerate(KEYPOINTS)}


@pytest.fixture(scope="module")
def faces():
    return draw_faces(768, seed=3)


@pytest.fixture(scope="module")
def upright(faces):
    """Keypoints turned so that the eyes are level, in units of the distance between the eyes, from their middle."""
    _, keypoints, labels = faces
    left, right = keypoints[:, POINT["left_eye_center"]], keypoints[:, POINT["right_eye_center"]]
    axis = (left - right) / np.linalg.norm(left - right, axis=1, keepdims=True) ** 2
    from_middle = keypoints - (left + right)[:, None] / 2
    x = (from_middle * axis[:, None]).sum(-1)
    y = from_middle[..., 1] * axis[:, None, 0] - from_middle[..., 0] * axis[:, None, 1]
    return {name: np.stack([x[:, i], y[:, i]], axis=1) for name, i in POINT.items()}, labels


def by_emotion(values, labels):
    return {name: values[labels == i].mean() for i, name in enumerate(EMOTIONS)}


def test_a_seed_gives_the_same_bytes_and_more_faces_only_follow():
    few, many, other = draw_faces(5, seed=1), draw_faces(BLOCK + 2, seed=1), draw_faces(5, seed=2)
    for short, long in zip(few, many, strict=True):
        np.testing.assert_array_equal(short, long[:5])
    assert not np.array_equal(few[0], other[0])
    # The second block is not the first one again.
    assert not np.array_equal(many[0][:2], many[0][BLOCK:])


def test_arrays_have_the_promised_form(faces):
    images, keypoints, labels = faces
    assert images.shape == (768, FRAME, FRAME) and images.dtype == np.uint8
    assert keypoints.shape == (768, len(KEYPOINTS), 2) and keypoints.dtype == np.float32
    assert labels.shape == (768,) and labels.dtype == np.int8
    shares = np.bincount(labels, minlength=len(EMOTIONS)) / len(labels)
    np.testing.assert_allclose(shares, [VALUES["shares"][name] for name in EMOTIONS], atol=0.05)
    # No face is a blank or a cut-out: every one has tones between, and the set spans dark and light.
    assert min(len(np.unique(image)) for image in images) > 40
    assert images.mean((1, 2)).std() > 15
    assert draw_faces(0, seed=0)[0].shape == (0, FRAME, FRAME)


def test_keypoints_lie_in_the_frame_where_real_crops_have_them(faces):
    _, keypoints, _ = faces
    assert keypoints.min() >= 0 and keypoints.max() <= FRAME - 1
    # Means of HELEN under the crop of the project: eyes 26, nose tip 44, upper lip 57, lower lip 68.
    rows = keypoints[..., 1].mean(0)
    for name, row in (("left_eye_center", 26), ("nose_tip", 44), ("mouth_center_top_lip", 57)):
        assert abs(rows[POINT[name]] - row) < 4, name


def test_left_is_the_right_side_of_the_picture(faces):
    x = faces[1][..., 0]
    for name in ("eye_center", "eyebrow_inner_end", "eyebrow_outer_end", "eye_inner_corner", "eye_outer_corner"):
        assert (x[:, POINT[f"left_{name}"]] > x[:, POINT[f"right_{name}"]]).all(), name
    assert (x[:, POINT["mouth_left_corner"]] > x[:, POINT["mouth_right_corner"]]).all()
    order = [f"right_eye_{p}" for p in ("outer_corner", "center", "inner_corner")]
    order += [f"left_eye_{p}" for p in ("inner_corner", "center", "outer_corner")]
    assert (np.diff(x[:, [POINT[name] for name in order]], axis=1) > 0).all()


def mean_patch(images, points, reach=6):
    """Mean of the pictures around one keypoint, moved by less than a pixel so that the point is the middle one."""
    offsets = np.arange(-reach, reach + 1)
    patches = []
    for image, (x, y) in zip(images.astype(float), points, strict=True):
        rows, columns = np.clip(y + offsets, 0, FRAME - 1.001), np.clip(x + offsets, 0, FRAME - 1.001)
        r, c = rows.astype(int), columns.astype(int)
        fr, fc = (rows - r)[:, None], columns - c
        top = image[np.ix_(r, c)] * (1 - fc) + image[np.ix_(r, c + 1)] * fc
        bottom = image[np.ix_(r + 1, c)] * (1 - fc) + image[np.ix_(r + 1, c + 1)] * fc
        patches.append(top * (1 - fr) + bottom * fr)
    return np.mean(patches, axis=0)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_iris_is_dark_at_the_eye_centre_and_the_white_is_beside_it(faces, side):
    images, keypoints, _ = faces
    patch = mean_patch(images, keypoints[:, POINT[f"{side}_eye_center"]])
    row = patch[6]
    darkest = np.average(np.arange(13), weights=np.clip(row.min() + 25 - row, 0, None))
    assert abs(darkest - 6) < 0.75
    assert row[6] + 25 < row[[2, 10]].mean()


def test_brows_and_mouth_are_painted_at_their_keypoints(faces):
    images, keypoints, _ = faces
    for side, outwards in (("left", 1), ("right", -1)):
        # The brow begins at its inner end: darker outwards of it than inwards.
        brow = mean_patch(images, keypoints[:, POINT[f"{side}_eyebrow_inner_end"]])[6]
        assert brow[6 + 2 * outwards] + 25 < brow[6 - 3 * outwards]
        # The mouth ends at its corner.
        mouth = mean_patch(images, keypoints[:, POINT[f"mouth_{side}_corner"]])
        inside, outside = mouth[:, 6 - 3 * outwards].min(), mouth[:, 6 + 3 * outwards].min()
        assert inside + 10 < outside


def test_the_mouth_shows_the_emotion(upright):
    points, labels = upright
    corners = (points["mouth_left_corner"] + points["mouth_right_corner"])[:, 1] / 2
    lips = (points["mouth_center_top_lip"] + points["mouth_center_bottom_lip"])[:, 1] / 2
    droop = by_emotion(corners - lips, labels)
    assert droop["happiness"] == min(droop.values()) and droop["happiness"] < -0.05
    assert droop["sad"] > 0.02
    opening = by_emotion((points["mouth_center_bottom_lip"] - points["mouth_center_top_lip"])[:, 1], labels)
    assert opening["surprise"] == max(opening.values())
    width = by_emotion((points["mouth_left_corner"] - points["mouth_right_corner"])[:, 0], labels)
    assert width["happiness"] == max(width.values()) and width["surprise"] == min(width.values())


def test_the_brows_show_the_emotion(upright):
    points, labels = upright
    inner = (points["left_eyebrow_inner_end"] + points["right_eyebrow_inner_end"])[:, 1] / 2
    outer = (points["left_eyebrow_outer_end"] + points["right_eyebrow_outer_end"])[:, 1] / 2
    gap = (points["left_eyebrow_inner_end"] - points["right_eyebrow_inner_end"])[:, 0]
    inner, outer, gap = by_emotion(inner, labels), by_emotion(outer, labels), by_emotion(gap, labels)
    assert inner["anger"] == max(inner.values()) and gap["anger"] == min(gap.values())
    assert outer["surprise"] == min(outer.values())
    slope = {name: inner[name] - outer[name] for name in EMOTIONS}
    assert slope["sad"] == min(slope.values())
