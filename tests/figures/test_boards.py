import numpy as np
import pytest
from fake_reader import FakeReader, picture
from matplotlib.figure import Figure

from src.figures.pictures import FACES, PHOTO_SIDE, Board, annotated
from src.labels import EMOTIONS, KEYPOINT_COLUMNS

ONE = picture((80, 60, 40, 200))


@pytest.fixture(scope="module")
def reader():
    return FakeReader()


def titles(figure):
    return [axis.get_title() for axis in figure.axes if axis.get_title()]


def test_annotation_draws_into_a_copy_at_box_and_points(reader):
    table = reader.read_photo(ONE)
    drawn = annotated(ONE, table)
    assert drawn.shape == ONE.shape and not np.shares_memory(drawn, ONE)
    changed = (drawn != ONE).any(axis=2)
    x, y = table.loc[0, list(KEYPOINT_COLUMNS)].to_numpy(float).reshape(15, 2).round().astype(int).T
    assert changed[y, x].all()
    left, top, right, bottom = table.loc[0, "box_left":"box_bottom"].astype(float).round().astype(int)
    assert changed[top, left:right].mean() > 0.9 and changed[top:bottom, left].mean() > 0.9
    assert not changed[bottom + 4 :].any()


def test_annotation_without_faces_or_with_points_outside_changes_nothing_else(reader):
    table = reader.read_photo(ONE)
    np.testing.assert_array_equal(annotated(ONE, table[:0]), ONE)
    away = table.copy()
    away[list(KEYPOINT_COLUMNS)] += 5000.0
    assert annotated(ONE, away).shape == ONE.shape


def test_one_photo_stands_beside_its_faces_with_answer_and_doubt(reader):
    board = Board()
    table = reader.read_photo(picture((40, 60, 30, 200), (110, 60, 30, 110)))
    table.loc[1, "sure"] = False
    board.add(picture((40, 60, 30, 200), (110, 60, 30, 110)), table)
    figure = board.draw(Figure())
    assert len(figure.subfigs) == 2 and len(figure.subfigs[0].axes) == 1
    assert titles(figure) == ["0: happiness 80%", "1: anger 80% ?"]
    bars = [axis for axis in figure.subfigs[1].axes if axis.patches]
    heights = [[bar.get_height() for bar in axis.patches] for axis in bars]
    np.testing.assert_allclose(heights, table[[f"p_{name}" for name in EMOTIONS]])


def test_a_board_shows_the_first_faces_of_many_photos_and_grows_no_further(reader):
    board = Board()
    for _ in range(20):
        board.add(ONE, reader.read_photo(ONE))
        board.add(picture((40, 60, 30, 200), (110, 60, 30, 110)), reader.read_photo(picture((40, 60, 30, 140))))
    assert len(board.faces) == len(board.rows) == FACES and board.faces[0].shape == (96, 96, 3)
    figure = board.draw(Figure())
    assert not figure.subfigs and len(titles(figure)) == FACES


def test_a_board_without_faces_says_so(reader):
    for photos in (0, 1, 3):
        board = Board()
        for _ in range(photos):
            board.add(picture(), reader.read_photo(picture()))
        figure = board.draw(Figure())
        texts = [text.get_text() for axis in figure.axes for text in axis.texts]
        assert texts == ["no face found"]
        figure.canvas.draw()


def test_a_large_photo_is_kept_small(reader):
    board = Board()
    large = np.zeros((300, 3 * PHOTO_SIDE, 3), np.uint8)
    board.add(large, reader.read_photo(large))
    assert board.photo.shape == (100, PHOTO_SIDE, 3)


def test_many_faces_of_one_photo_and_a_very_wide_one_fit_a_page(reader):
    crowd = picture(*((20 + 30 * (i % 6), 20 + 30 * (i // 6), 14, 200) for i in range(24)), size=(2000, 130))
    board = Board()
    board.add(crowd, reader.read_photo(crowd))
    assert len(board.rows) == FACES
    width, height = board.draw(Figure()).get_size_inches()
    assert height < 15 and width < 40
