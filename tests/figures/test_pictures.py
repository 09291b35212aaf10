import numpy as np
import pandas as pd
import pytest

from src.figures import pictures
from src.labels import EMOTIONS, KEYPOINT_COLUMNS, KEYPOINTS

pytestmark = pytest.mark.usefixtures("closed_figures")
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (10, 96, 96), dtype=np.uint8)
POINTS = RNG.uniform(10, 80, (10, 15, 2))


def drawn_points(axis):
    return np.concatenate([dots.get_offsets() for dots in axis.collections])


def test_labelled_rows_names_each_row():
    figure = pictures.labelled_rows({"anger": IMAGES[:3], "sad": IMAGES[3:5]}, columns=3)
    shown = [axis for axis in figure.axes if axis.images]
    assert len(figure.axes) == 6 and len(shown) == 5
    np.testing.assert_array_equal(shown[3].images[0].get_array(), IMAGES[3])
    assert [axis.get_ylabel() for axis in figure.axes if axis.get_ylabel()] == ["anger", "sad"]


def test_faces_with_keypoints_puts_the_points_on_their_pixels():
    figure = pictures.faces_with_keypoints(IMAGES, POINTS, [f"face {i}" for i in range(10)])
    shown = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title() for axis in shown] == [f"face {i}" for i in range(10)]
    for axis, points in zip(shown, POINTS, strict=True):
        np.testing.assert_allclose(np.sort(drawn_points(axis), axis=0), np.sort(points, axis=0))
    half = pictures.faces_with_keypoints(IMAGES[:1, ::2, ::2], POINTS[:1]).axes[0]
    # Pixel centre x of 96 is (x + 0.5) / 2 - 0.5 of 48.
    np.testing.assert_allclose(np.sort(drawn_points(half)), np.sort(POINTS[0][_by_part()] / 2 - 0.25))


def test_rows_of_faces_with_keypoints_bear_their_names():
    figure = pictures.faces_with_keypoints(IMAGES[:4], POINTS[:4], columns=2, rows=("stored", "flipped"))
    assert [axis.get_ylabel() for axis in figure.axes] == ["stored", "", "flipped", ""]


def test_titled_faces_stand_under_their_titles():
    shown = [axis for axis in pictures.titled_faces(IMAGES[:3], ["a", "b", "c"], columns=2).axes if axis.images]
    assert [axis.get_title() for axis in shown] == ["a", "b", "c"]
    np.testing.assert_array_equal(shown[2].images[0].get_array(), IMAGES[2])


def test_true_and_predicted_points_are_joined():
    figure = pictures.true_and_predicted(IMAGES[:2], POINTS[:2], POINTS[:2] + [3, 4], ["2 %", "3 %"])
    axis = figure.axes[1]
    *lines, rings, dots = axis.lines
    lines = np.stack([line.get_xydata() for line in lines])
    np.testing.assert_allclose(lines[:, 0], POINTS[1])
    np.testing.assert_allclose(lines[:, 1], POINTS[1] + [3, 4])
    np.testing.assert_allclose(rings.get_xydata(), POINTS[1])
    np.testing.assert_allclose(dots.get_xydata(), POINTS[1] + [3, 4])
    assert rings.get_markerfacecolor() == "none" and dots.get_markerfacecolor() == pictures.RIGHT
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["true point", "network's point", "error"]
    assert axis.get_title() == "3 %"
    small = pictures.true_and_predicted(IMAGES[:1, ::2, ::2], POINTS[:1], POINTS[:1], [""]).axes[0]
    np.testing.assert_allclose(small.lines[-1].get_xydata(), POINTS[0] / 2 - 0.25)


def test_heatmaps_lie_over_the_face_where_they_are_likely():
    heat = np.zeros((48, 48))
    heat[10, 30] = 0.9
    figure = pictures.heatmaps(IMAGES[0], {"nose_tip": heat, "left_eye_center": heat.T})
    *faces, bar = figure.axes
    assert [axis.get_title() for axis in faces] == ["nose tip", "left eye\ncenter"]
    assert bar.get_xlabel() == "probability of a cell, that of the likeliest being 1"
    face, over = figure.axes[0].images
    np.testing.assert_array_equal(face.get_array(), IMAGES[0])
    assert over.get_array().count() == 1 and over.get_array()[10, 30] == 1
    assert over.get_extent() == [-0.5, 95.5, 95.5, -0.5], "cell 30 of 48 covers px 60 and 61"


def test_left_and_right_colours_points_by_their_names():
    figure = pictures.left_and_right(IMAGES[:2], POINTS[:2], ["a", "b"])
    axis = figure.axes[1]
    left, right, middle = (dots.get_offsets() for dots in axis.collections)
    names = np.array(KEYPOINTS)
    np.testing.assert_allclose(left, POINTS[1][[("left" in name) for name in names]])
    np.testing.assert_allclose(right, POINTS[1][[("right" in name) for name in names]])
    assert len(left) == len(right) == 6 and len(middle) == 3 and axis.get_title() == "b"
    assert [it.get_text() for it in figure.legends[0].get_texts()] == ["named left", "named right", "on the midline"]


def _by_part():
    return [i for part in pictures.PART_COLOURS for i in pictures.PARTS[part]]


def test_the_face_board_says_what_is_right_wrong_and_unsure():
    table = pd.DataFrame(POINTS[:2].reshape(2, 30), columns=list(KEYPOINT_COLUMNS))
    table["emotion"] = ["sad", "anger"]
    table[[f"p_{name}" for name in EMOTIONS]] = [[0.1, 0, 0.8, 0.1, 0], [0.4, 0, 0.3, 0.3, 0]]
    table["sure"] = [True, False]
    figure = pictures.face_board(IMAGES[:2], table, ["sad", "surprise"])
    right, wrong, right_bars, wrong_bars = [axis for axis in figure.axes if axis.has_data()]
    assert (right.get_title(), wrong.get_title()) == ("sad", "anger ?\n(label: surprise)")
    assert (right.title.get_color(), wrong.title.get_color()) == (pictures.RIGHT, pictures.WRONG)
    assert [bar.get_height() for bar in right_bars.patches] == [0.1, 0, 0.8, 0.1, 0]
    assert len(drawn_points(wrong)) == 15 and len(wrong_bars.patches) == 5
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words[::2] == ["eyes", "brows", "nose", "mouth"], "one line"
    explained = ["right, or the label", "wrong answer, the label below", "?  not sure"]
    assert words[1::2] == [*explained, "bars: probability, 0 to the line at 1"]
