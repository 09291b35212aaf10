import numpy as np
import pytest
from fake_reader import FakeReader, picture
from PIL import Image, ImageColor, ImageDraw

from src.figures import OTHER, PART_COLOURS, RIGHT, board
from src.figures.board import Board, annotated
from src.labels import EMOTIONS, KEYPOINT_COLUMNS

ONE = picture((80, 60, 40, 200))
TWO = picture((40, 60, 30, 200), (110, 60, 30, 110))


@pytest.fixture(scope="module")
def reader():
    return FakeReader()


@pytest.fixture
def written(monkeypatch):
    """What is written on boards, word by word."""
    words, write = [], ImageDraw.ImageDraw.text

    def text(self, place, words_of_it, *arguments, **options):
        words.append(words_of_it)
        write(self, place, words_of_it, *arguments, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    return words


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


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (160, 120)])
@pytest.mark.parametrize("moved", [-500.0, 0.0, 500.0])
def test_annotation_draws_on_photos_of_any_size_with_boxes_anywhere(reader, size, moved):
    table = reader.read_photo(ONE)
    table[["box_left", "box_top", "box_right", "box_bottom"]] += moved
    photo = np.zeros((size[1], size[0], 3), np.uint8)
    assert annotated(photo, table).shape == photo.shape


def test_one_photo_stands_beside_its_faces_with_answer_and_doubt(reader, written):
    table = reader.read_photo(TWO)
    table.loc[1, "sure"] = False
    table.loc[0, "confidence"] = 0.996
    own = Board()
    own.add(TWO, table)
    assert written == ["0: happiness >99%", "1: anger 80% ?"], "in the photo"
    written.clear()
    drawn = np.asarray(own.draw())
    shorts = [name[:3] for name in EMOTIONS]
    assert written == ["0: happiness >99%", *shorts, "1: anger 80% ?", *shorts, *PART_COLOURS]
    height, width = board._HEIGHT, round(board._HEIGHT * TWO.shape[1] / TWO.shape[0])
    assert drawn.shape == (height, width + 2 * board._CELL, 3)
    assert (drawn[:, :width] != 255).mean() > 0.5, "the photo fills its side"
    for i, row in table.iterrows():  # as long as its probability is, of the bars' height
        cell = drawn[:, width + i * board._CELL :][:, : board._CELL]
        answer = (cell == ImageColor.getrgb(RIGHT)).all(axis=2)
        column = answer.sum(axis=0).max()
        assert abs(column - board._BARS * row[f"p_{row['emotion']}"]) <= 1.5
        assert (cell == ImageColor.getrgb(OTHER)).all(axis=2).any()


def test_a_board_shows_the_first_faces_of_many_photos_and_grows_no_further(reader, written):
    own = Board()
    for _ in range(20):
        own.add(ONE, reader.read_photo(ONE))
        own.add(TWO, reader.read_photo(picture((40, 60, 30, 140))))
    assert len(own.faces) == len(own.rows) == board.FACES and own.faces[0].shape == (96, 96, 3)
    written.clear()
    assert own.draw().size == (6 * board._CELL, 4 * board._ROW + board._LINE)
    assert sum(word.startswith("0: ") for word in written) == board.FACES


def test_a_board_without_faces_says_so(reader, written):
    for photos in (0, 1, 3):
        own = Board()
        for _ in range(photos):
            own.add(picture(), reader.read_photo(picture()))
        own.draw()
    assert written == 3 * ["no face found"]


def test_a_large_photo_is_kept_small_and_a_very_wide_one_fits_a_page(reader):
    own = Board()
    large = np.zeros((300, 3 * board.PHOTO_SIDE, 3), np.uint8)
    own.add(large, reader.read_photo(large))
    assert own.photo.shape == (100, board.PHOTO_SIDE, 3)
    assert own.draw().size == (2 * board._HEIGHT + board._CELL, board._HEIGHT)


def test_many_faces_of_one_photo_fit_a_page(reader):
    crowd = picture(*((20 + 30 * (i % 6), 20 + 30 * (i // 6), 14, 200) for i in range(24)), size=(2000, 130))
    own = Board()
    own.add(crowd, reader.read_photo(crowd))
    assert len(own.rows) == board.FACES
    width, height = own.draw().size
    assert height < 2500 and width < 6000


@pytest.mark.parametrize("name", ["board.png", "board.JPG", "board.pdf"])
def test_a_board_is_written_whole_and_known_again(tmp_path, name):
    drawn = Board().draw()
    assert board.save_board(drawn, tmp_path / name) == tmp_path / name
    assert board.is_made_here(tmp_path / name) and [it.name for it in tmp_path.iterdir()] == [name]
    if not name.endswith("pdf"):
        assert Image.open(tmp_path / name).size == drawn.size
    Image.new("L", (4, 4)).save(tmp_path / f"other_{name}")
    assert not board.is_made_here(tmp_path / f"other_{name}")
