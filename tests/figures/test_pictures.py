import numpy as np
import pandas as pd
import pytest
from fake_reader import FakeReader, picture
from matplotlib.figure import Figure

from src.figures import pictures
from src.labels import EMOTIONS, KEYPOINT_COLUMNS, KEYPOINTS

pytestmark = pytest.mark.usefixtures("closed_figures")
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (10, 96, 96), dtype=np.uint8)
POINTS = RNG.uniform(10, 80, (10, 15, 2))
ONE = picture((80, 60, 40, 200))


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
    assert (right.get_title(), wrong.get_title()) == ("sad", "anger\n(true: surprise) ?")
    assert (right.title.get_color(), wrong.title.get_color()) == (pictures.RIGHT, pictures.WRONG)
    assert [bar.get_height() for bar in right_bars.patches] == [0.1, 0, 0.8, 0.1, 0]
    assert len(drawn_points(wrong)) == 15 and len(wrong_bars.patches) == 5
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words[::2] == ["eyes", "brows", "nose", "mouth"], "one line"
    explained = ["right, or the label", "wrong answer, the label below", "?  not sure"]
    assert words[1::2] == [*explained, "bars: probability, 0 to the line at 1"]


# ---------------------------------------------------------------- own photos


@pytest.fixture(scope="module")
def reader():
    return FakeReader()


def titles(figure):
    return [axis.get_title() for axis in figure.axes if axis.get_title()]


def test_annotation_draws_into_a_copy_at_box_and_points(reader):
    table = reader.read_photo(ONE)
    drawn = pictures.annotated(ONE, table)
    assert drawn.shape == ONE.shape and not np.shares_memory(drawn, ONE)
    changed = (drawn != ONE).any(axis=2)
    x, y = table.loc[0, list(KEYPOINT_COLUMNS)].to_numpy(float).reshape(15, 2).round().astype(int).T
    assert changed[y, x].all()
    left, top, right, bottom = table.loc[0, "box_left":"box_bottom"].astype(float).round().astype(int)
    assert changed[top, left:right].mean() > 0.9 and changed[top:bottom, left].mean() > 0.9
    assert not changed[bottom + 4 :].any()


def test_annotation_without_faces_or_with_points_outside_changes_nothing_else(reader):
    table = reader.read_photo(ONE)
    np.testing.assert_array_equal(pictures.annotated(ONE, table[:0]), ONE)
    away = table.copy()
    away[list(KEYPOINT_COLUMNS)] += 5000.0
    assert pictures.annotated(ONE, away).shape == ONE.shape


def test_one_photo_stands_beside_its_faces_with_answer_and_doubt(reader):
    board = pictures.Board()
    table = reader.read_photo(picture((40, 60, 30, 200), (110, 60, 30, 110)))
    table.loc[1, "sure"] = False
    board.add(picture((40, 60, 30, 200), (110, 60, 30, 110)), table)
    figure = board.draw(Figure())
    assert len(figure.subfigs) == 2 and len(figure.subfigs[0].axes) == 1
    assert titles(figure) == ["0: happiness 80%", "1: anger 80% ?"]
    assert [text.get_text() for text in figure.subfigs[1].legends[0].get_texts()] == list(pictures.PART_COLOURS)
    bars = [axis for axis in figure.subfigs[1].axes if axis.patches]
    heights = [[bar.get_height() for bar in axis.patches] for axis in bars]
    np.testing.assert_allclose(heights, table[[f"p_{name}" for name in EMOTIONS]])


def test_a_board_shows_the_first_faces_of_many_photos_and_grows_no_further(reader):
    board = pictures.Board()
    for _ in range(20):
        board.add(ONE, reader.read_photo(ONE))
        board.add(picture((40, 60, 30, 200), (110, 60, 30, 110)), reader.read_photo(picture((40, 60, 30, 140))))
    assert len(board.faces) == len(board.rows) == pictures.FACES and board.faces[0].shape == (96, 96, 3)
    figure = board.draw(Figure())
    assert not figure.subfigs and len(titles(figure)) == pictures.FACES


def test_a_board_without_faces_says_so(reader):
    for photos in (0, 1, 3):
        board = pictures.Board()
        for _ in range(photos):
            board.add(picture(), reader.read_photo(picture()))
        figure = board.draw(Figure())
        texts = [text.get_text() for axis in figure.axes for text in axis.texts]
        assert texts == ["no face found"]
        figure.canvas.draw()


def test_a_large_photo_is_kept_small(reader):
    board = pictures.Board()
    large = np.zeros((300, 3 * pictures.PHOTO_SIDE, 3), np.uint8)
    board.add(large, reader.read_photo(large))
    assert board.photo.shape == (100, pictures.PHOTO_SIDE, 3)


def test_many_faces_of_one_photo_and_a_very_wide_one_fit_a_page(reader):
    crowd = picture(*((20 + 30 * (i % 6), 20 + 30 * (i // 6), 14, 200) for i in range(24)), size=(2000, 130))
    board = pictures.Board()
    board.add(crowd, reader.read_photo(crowd))
    assert len(board.rows) == pictures.FACES
    width, height = board.draw(Figure()).get_size_inches()
    assert height < 15 and width < 40
