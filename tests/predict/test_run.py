import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_reader import FakeReader, moving, picture, write_video
from PIL import Image

from src.figures.board import FACES, Board, caption, is_made_here, save_board
from src.predict.run import SHOWN_REASONS, Outputs, Run, for_videos
from src.predict.table import FaceTable

ONE, TWO = picture((80, 60, 40, 200)), picture((40, 60, 30, 200), (110, 60, 30, 110))


def run_over(folder, *paths, resume=False, **options):
    outputs = Outputs(folder / "out" / "faces.csv", folder / "out" / "board.png", paths)
    run = Run(FakeReader(), outputs, FaceTable(outputs.csv, resume=resume), **options)
    run.read_files(paths)
    run.table.close()
    return run, pd.read_csv(outputs.csv)


# ---------------------------------------------------------------- what is written


@pytest.fixture
def mine(tmp_path):
    """A user's own files."""
    Image.fromarray(ONE).save(tmp_path / "me.jpg")
    (tmp_path / "faces_videos").mkdir()
    write_video(tmp_path / "faces_videos" / "a.mp4", [ONE])
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "me.jpg")
    return tmp_path


@pytest.mark.parametrize(
    ("csv", "board", "paths", "words"),
    [
        ("t.csv", "me.jpg", ["me.jpg"], "me.jpg would be written over: give another --board"),
        ("me.jpg", "b.png", ["me.jpg"], "me.jpg would be written over: give another --csv"),
        ("t.csv", "link.png", ["me.jpg"], "me.jpg would be written over: give another --board"),
        (
            "t.csv",
            "me.jpg",
            ["missing.jpg"],
            "me.jpg is there already and no board of this program",
        ),
        ("t.csv", "folder.png", ["me.jpg"], "folder.png is there already and no board of this program"),
        ("faces.csv", "b.png", ["faces_videos"], "faces_videos would be written over: give another --csv"),
        ("faces.csv", "b.png", ["faces_videos/a.mp4"], "a.mp4 would be written over: give another --csv"),
        ("t.png", "t.png", ["me.jpg"], "t.png cannot be both table and board"),
    ],
)
def test_a_file_of_the_user_is_no_output(mine, csv, board, paths, words):
    before = (mine / "me.jpg").read_bytes()
    with pytest.raises(ValueError, match=words):
        Outputs(mine / csv, mine / board, [mine / path for path in paths])
    assert (mine / "me.jpg").read_bytes() == before
    assert not (mine / "t.csv").exists() and not (mine / "b.png").exists()


def test_where_nothing_can_be_written_is_said_before_the_run(mine):
    for csv, board, option in (("me.jpg/t.csv", "b.png", "csv"), ("t.csv", "me.jpg/b.png", "board")):
        with pytest.raises(OSError, match=rf"me.jpg cannot be written in \(.*\): give another --{option}"):
            Outputs(mine / csv, mine / board, [])


@pytest.mark.parametrize("name", ["board.png", "board.JPG", "board.pdf"])
def test_a_board_of_before_may_be_written_over(tmp_path, name):
    board = Board()
    for _ in range(FACES):
        board.add(ONE, FakeReader().read_photo(ONE))
    save_board(board.draw(), tmp_path / name)
    assert is_made_here(tmp_path / name)
    Outputs(tmp_path / "t.csv", tmp_path / name, [])


def test_videos_of_one_name_and_names_of_any_length_have_a_copy_each(tmp_path):
    outputs = Outputs(tmp_path / "t.csv", tmp_path / "b.png", [])
    names = ["a/clip.mp4", "b/clip.mp4", "x" * 250 + ".mp4", os.fsdecode(b"caf\xe9.mp4"), "two\nlines.mp4"]
    copies = [outputs.video_of(tmp_path / name) for name in names]
    assert len(set(copies)) == 5 and outputs.video_of(tmp_path / "b" / ".." / "a/clip.mp4") == copies[0]
    for copy in copies:
        assert copy.parent == tmp_path / "t_videos" and copy.name.endswith("_faces.mp4") and len(copy.name) < 100
        copy.name.encode()


# ---------------------------------------------------------------- what is read


def test_a_run_goes_on_with_the_faces_of_both_on_its_board(tmp_path):
    for name, photo in (("a.png", TWO), ("b.png", ONE), ("c.png", ONE), ("e.png", picture())):
        Image.fromarray(photo).save(tmp_path / name)
    write_video(tmp_path / "d.mp4", [moving(i) for i in range(98, 112)])
    whole, table = run_over(tmp_path, *sorted(tmp_path.glob("?.*")))
    for kept in ("b.png", "e.png"):
        lines = (tmp_path / "out" / "faces.csv").read_text().splitlines(keepends=True)
        stop = max(i for i, line in enumerate(lines) if f"/{kept}" in line)
        (tmp_path / "out" / "faces.csv").write_text("".join(lines[: stop + 1]) + lines[stop][:30])
        run, resumed = run_over(tmp_path, *sorted(tmp_path.glob("?.*")), resume=True)
        pd.testing.assert_frame_equal(resumed, table)
        assert run.met["files"] < whole.met["files"]
        assert len(run.board.faces) == len(whole.board.faces) == 6
        np.testing.assert_array_equal(run.board.faces, whole.board.faces)
        assert [*map(caption, run.board.rows)] == [*map(caption, whole.board.rows)]
        assert "1: anger 80%" in map(caption, run.board.rows) and run.board.draw().size == whole.board.draw().size
        assert run.board.photos == whole.board.photos


def test_a_run_goes_on_whatever_its_files_are_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, photo in (("0", picture()), ("1", ONE), ("NA", ONE), ("2", ONE)):
        Image.fromarray(photo).save(name, "PNG")
    paths = [Path(name) for name in ("0", "1", "NA", "2")]
    run_over(tmp_path, *paths)
    run, _ = run_over(tmp_path, *paths, resume=True)
    assert run.met["files"] == 1 and len(run.board.rows) == 3 and run.board.photos == 4


def test_the_board_of_many_photos_holds_the_first_faces(tmp_path):
    for i in range(30):
        Image.fromarray(ONE).save(tmp_path / f"{i}.png")
    run, _ = run_over(tmp_path, *tmp_path.glob("*.png"))
    assert len(run.board.rows) == FACES and run.met["faces"] == 30


def test_faces_of_a_low_score_are_left_out(tmp_path):
    Image.fromarray(TWO).save(tmp_path / "a.png")  # face_score 0.75
    assert len(run_over(tmp_path, tmp_path / "a.png", min_score=0.75)[1]) == 2
    run, table = run_over(tmp_path, tmp_path / "a.png", min_score=0.76)
    assert table["reason"].tolist() == ["no face was found: if the picture is a face already, give --faces"]
    assert run.met["no face"] == 1


def test_the_first_reasons_are_kept_for_the_screen_with_the_name(tmp_path):
    for i in range(SHOWN_REASONS + 3):
        (tmp_path / f"{i:02}.txt").write_text("no picture")
    Image.fromarray(picture()).save(tmp_path / "00.png")
    run, table = run_over(tmp_path, tmp_path / "00.png", *sorted(tmp_path.glob("*.txt")))
    assert len(table) == SHOWN_REASONS + 4 and table["reason"].notna().all()
    assert (
        run.told == SHOWN_REASONS + 4
        and len(run.reasons) == SHOWN_REASONS
        and run.reasons[0].endswith("00.png: " + table.loc[0, "reason"])
    )
    assert run.reasons[1:] == table["reason"].tolist()[1:SHOWN_REASONS]


def test_the_first_of_several_frames_is_read_with_a_word_of_the_rest(tmp_path):
    Image.fromarray(ONE).save(tmp_path / "a.gif", save_all=True, append_images=[Image.fromarray(TWO)])
    _, table = run_over(tmp_path, tmp_path / "a.gif")
    assert table["emotion"].notna().tolist() == [True] and table.loc[0, "reason"].startswith("the first of 2 frames")


def test_an_empty_folder_has_a_reason(tmp_path):
    (tmp_path / "empty").mkdir()
    run, table = run_over(tmp_path, tmp_path / "empty")
    assert "empty holds no file to read" in table.loc[0, "reason"] and run.met["not read"] == 1


def test_only_a_package_that_is_missing_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "src.predict.video", None)  # as where the program itself is at fault
    monkeypatch.delattr("src.predict.video", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"src\.predict\.video"):
        for_videos(Path("clip.mp4"))
