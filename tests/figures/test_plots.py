import numpy as np
import pandas as pd
import pytest

from src.figures import pictures as plots
from src.labels import EMOTIONS, KEYPOINT_COLUMNS, KEYPOINTS

pytestmark = pytest.mark.usefixtures("closed_figures")
RNG = np.random.default_rng(0)
FACES = RNG.integers(0, 256, (10, 96, 96), dtype=np.uint8)
POINTS = RNG.uniform(10, 80, (10, 15, 2))


def drawn_points(axis):
    return np.concatenate([dots.get_offsets() for dots in axis.collections])


def test_labelled_rows_names_each_row():
    figure = plots.labelled_rows({"anger": FACES[:3], "sad": FACES[3:5]}, columns=3)
    shown = [axis for axis in figure.axes if axis.images]
    assert len(figure.axes) == 6 and len(shown) == 5
    np.testing.assert_array_equal(shown[3].images[0].get_array(), FACES[3])
    assert [axis.get_ylabel() for axis in figure.axes if axis.get_ylabel()] == ["anger", "sad"]


def test_faces_with_keypoints_puts_the_points_on_their_pixels():
    figure = plots.faces_with_keypoints(FACES, POINTS, [f"face {i}" for i in range(10)])
    shown = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title() for axis in shown] == [f"face {i}" for i in range(10)]
    for axis, points in zip(shown, POINTS, strict=True):
        np.testing.assert_allclose(np.sort(drawn_points(axis), axis=0), np.sort(points, axis=0))
    half = plots.faces_with_keypoints(FACES[:1, ::2, ::2], POINTS[:1]).axes[0]
    # Pixel centre x of 96 is (x + 0.5) / 2 - 0.5 of 48.
    np.testing.assert_allclose(np.sort(drawn_points(half)), np.sort(POINTS[0][_by_part()] / 2 - 0.25))


def test_left_and_right_colours_points_by_their_names():
    axis = plots.left_and_right(FACES[:2], POINTS[:2], ["a", "b"]).axes[1]
    left, right, middle = (dots.get_offsets() for dots in axis.collections)
    names = np.array(KEYPOINTS)
    np.testing.assert_allclose(left, POINTS[1][[("left" in name) for name in names]])
    np.testing.assert_allclose(right, POINTS[1][[("right" in name) for name in names]])
    assert len(left) == len(right) == 6 and len(middle) == 3 and axis.get_title() == "b"


def _by_part():
    return [i for part in plots.PART_COLOURS for i in plots.PARTS[part]]


def test_keypoint_spread_draws_every_point_of_every_face_and_the_means():
    (axis,) = plots.keypoint_spread(POINTS, FACES.mean(axis=0)).axes
    assert len(drawn_points(axis)) == 150 + 15, "and the means"
    assert axis.get_ylim() == (95.5, -0.5)


def test_the_face_board_says_what_is_right_wrong_and_unsure():
    table = pd.DataFrame(POINTS[:2].reshape(2, 30), columns=list(KEYPOINT_COLUMNS))
    table["emotion"] = ["sad", "anger"]
    table[[f"p_{name}" for name in EMOTIONS]] = [[0.1, 0, 0.8, 0.1, 0], [0.4, 0, 0.3, 0.3, 0]]
    table["sure"] = [True, False]
    figure = plots.face_board(FACES[:2], table, ["sad", "surprise"])
    right, right_bars, wrong, wrong_bars = [axis for part in figure.subfigs for axis in part.axes]
    assert (right.get_title(), wrong.get_title()) == ("sad", "anger\n(true: surprise) ?")
    assert (right.title.get_color(), wrong.title.get_color()) == (plots.RIGHT, plots.WRONG)
    assert [bar.get_height() for bar in right_bars.patches] == [0.1, 0, 0.8, 0.1, 0]
    assert len(drawn_points(wrong)) == 15 and len(wrong_bars.patches) == 5


def test_mistakes_say_answer_label_and_doubt():
    table = pd.DataFrame({"emotion": ["sad", "anger"], "confidence": [0.98, 0.7], "true": ["anger", "disgust"]})
    figure = plots.mistakes(FACES[:2], table.assign(label_doubted=[True, False]), columns=2)
    assert [axis.get_title() for axis in figure.axes] == ["sad 98%\nlabel: anger *", "anger 70%\nlabel: disgust"]
