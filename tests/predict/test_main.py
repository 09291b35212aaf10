import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from fake_reader import FakeReader, bomb, moving, picture, write_video
from PIL import Image

from src.files import ROOT
from src.predict import program as shell
from src.predict.table import FaceTable
from src.predict.video import Video

ONE, TWO = picture((80, 60, 40, 200)), picture((40, 60, 30, 200), (110, 60, 30, 110))


@pytest.fixture(autouse=True)
def fake_networks(monkeypatch):
    monkeypatch.setattr(shell, "FaceReader", lambda folder, backend: FakeReader())


def call(folder, *arguments):
    """Exit code and table of a run that writes beside `folder`."""
    csv, board = folder.parent / "out" / "faces.csv", folder.parent / "out" / "board.png"
    with pytest.raises(SystemExit) as stop:
        shell.main([*map(str, arguments), "--csv", str(csv), "--board", str(board)])
    return stop.value.code, pd.read_csv(csv, encoding_errors="surrogateescape") if csv.exists() else None


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "holiday in são paulo"
    (folder / "deep").mkdir(parents=True)
    Image.fromarray(TWO).save(folder / "-board.png")
    Image.fromarray(ONE).save(folder / "deep" / "one.png")
    Image.fromarray(picture()).save(folder / "faceless.png")
    (folder / "notes.txt").write_text("no picture")
    bomb(folder / "bomb.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 90, (300, 300, 3), np.uint8)).save(folder / "cut.jpg")
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:4000])
    (folder / "deep" / "loop").symlink_to(folder)
    return folder


def test_every_file_of_a_folder_has_its_rows(folder, capsys):
    code, table = call(folder, folder)
    rows = table.assign(name=table["file"].str.replace(f"{folder}/", "", regex=False)).set_index("name")
    assert code == 0 and len(table) == 8
    assert rows.loc["-board.png", "face"].tolist() == [0, 1] and rows.loc["deep/one.png", "emotion"] == "happiness"
    reasons = rows["reason"].dropna()
    for name, words in {
        "faceless.png": "no face was found", "notes.txt": "is not a picture", "bomb.png": "too many pixels",
        "cut.jpg": "truncated", "deep/loop": "was read as",
    }.items():  # fmt: skip
        assert words in reasons.pop(name)
    assert reasons.empty
    printed = capsys.readouterr().out
    assert "7 files, 3 faces, 1 no face, 4 not read" in printed and "board.png" in printed
    assert all(reason in printed for reason in rows["reason"].dropna())
    assert Image.open(folder.parent / "out" / "board.png").size[0] > 300


def test_paths_like_flags_and_missing_ones_are_taken_by_name(folder, monkeypatch):
    monkeypatch.chdir(folder)
    csv, board = "../out/faces.csv", "../out/board.png"
    with pytest.raises(SystemExit) as stop:
        shell.main(["--csv", csv, "--board", board, "--", "-board.png", "missing.jpg"])
    assert stop.value.code == 0
    table = pd.read_csv(csv)
    assert table["file"].tolist() == ["-board.png", "-board.png", "missing.jpg"]
    assert "does not exist: check the name" in table.loc[2, "reason"]


def test_nothing_readable_is_a_failure(folder):
    assert call(folder, folder / "notes.txt")[0] == 1


def test_a_run_leaves_its_own_files_out(folder):
    shell_out = folder.parent / "out"
    write_video(folder / "v.mp4", [ONE] * 5)
    call(folder, folder.parent)
    _, table = call(folder, folder.parent)
    assert not table["file"].str.startswith(str(shell_out)).any()


def test_a_video_has_a_table_a_frame_and_an_annotated_copy(folder, capsys):
    video = folder / "two.mov.mp4"
    write_video(video, [*map(moving, range(30)), picture(), picture()])
    code, table = call(folder, video)
    assert code == 0 and table["frame"].tolist() == [*np.repeat(range(30), 2), 30, 31]
    np.testing.assert_allclose(table["time"], table["frame"] / 25, atol=2e-3)
    assert table["reason"].tolist()[60:] == ["no face was found"] * 2 and table["reason"][:60].isna().all()
    assert set(table["face"].dropna()) == {0, 1}
    (annotated,) = (folder.parent / "out" / "faces_videos").rglob("*.mp4")
    assert annotated.name.startswith("two.mov.mp4_") and annotated.stat().st_size > 1000
    assert "1 files, 32 frames, 2 faces" in capsys.readouterr().out


def test_a_video_without_frames_and_a_picture_that_breaks_the_reader_have_a_reason(folder, monkeypatch):
    monkeypatch.setattr("src.predict.video.read_frames", lambda reader, video: iter(()))
    write_video(folder / "v.mp4", [ONE])

    def break_off(reader, photo, *, faces):
        raise MemoryError

    monkeypatch.setattr(FakeReader, "read_photo", break_off)
    code, table = call(folder, folder / "v.mp4", folder / "-board.png")
    assert code == 1 and len(table) == 2
    assert "shows no frame" in table.loc[0, "reason"] and "needs too much memory" in table.loc[1, "reason"]


def test_resume_goes_on_where_ctrl_c_stopped(folder, monkeypatch, capsys):
    _, whole = call(folder, folder)
    capsys.readouterr()
    read = FakeReader.read_photo

    def stopping(reader, photo, *, faces):
        if len(photo) and photo.max() < 30:  # the faceless one
            raise KeyboardInterrupt
        return read(reader, photo, faces=faces)

    monkeypatch.setattr(FakeReader, "read_photo", stopping)
    code, part = call(folder, folder)
    assert code == 130 and 0 < len(part) < len(whole)
    assert "Stopped; the same command with --resume goes on." in capsys.readouterr().out
    monkeypatch.setattr(shell.Run, "_show_earlier", lambda *_: stopping(None, picture(), faces=False))
    assert call(folder, folder, "--resume")[0] == 130, "stopped before its first new file"
    monkeypatch.undo()
    monkeypatch.setattr(shell, "FaceReader", lambda folder, backend: FakeReader())
    code, resumed = call(folder, folder, "--resume")
    assert code == 0
    pd.testing.assert_frame_equal(resumed, whole)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--board", "b.xyz"], "end its name in .png, .jpg or .pdf"),
        (["--camera", "0", "a.jpg"], "--camera stands alone"),
        (["--camera", "zero"], "invalid int value"),
        (["--min-score", "50"], "--min-score 50.0: give 0 to 1"),
        (["s3://bucket/photos"], "is read with --engine ray"),
        (["--engine", "ray", "--camera", "0"], "--camera is read without --engine ray"),
    ],
)
def test_a_wrong_call_is_refused_in_words(arguments, words, capsys):
    with pytest.raises(SystemExit):
        shell.parse(arguments)
    assert words in capsys.readouterr().err


def test_a_missing_camera_and_missing_networks_are_said_in_a_sentence(folder, monkeypatch, capsys):
    assert call(folder, "--camera", "97")[0].startswith("There is no camera 97")
    monkeypatch.undo()
    code, table = call(folder, folder, "--networks", folder)
    assert code == 2 and "holds no detection.json" in capsys.readouterr().err and table is not None


def test_a_mistake_in_the_networks_name_leaves_an_earlier_table_alone(folder, monkeypatch):
    _, before = call(folder, folder)
    monkeypatch.undo()
    code, after = call(folder, folder, "--networks", folder / "missing")
    assert code == 2 and len(after) > 0
    pd.testing.assert_frame_equal(after, before)


def test_a_camera_is_read_without_the_portrait(folder, monkeypatch):
    monkeypatch.setattr(shell, "PORTRAIT", None)
    assert call(folder, "--camera", "97")[0].startswith("There is no camera 97")


SLOW_RUN = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # where the tests run in a shell's background, it is ignored
sys.path.insert(0, "tests")
from fake_reader import FakeReader
from src.predict import program as shell
class Slow(FakeReader):
    def find(self, grey):
        time.sleep(0.05)
        return super().find(grey)
shell.FaceReader = lambda folder, backend: Slow()
shell.main(sys.argv[1:])
"""


def test_ctrl_c_in_a_video_leaves_whole_rows_and_a_video_that_plays(folder):
    video, csv = folder / "v.mp4", folder.parent / "t.csv"
    write_video(video, map(moving, range(250)))
    command = [sys.executable, "-c", SLOW_RUN, str(video), "--csv", str(csv), "--board", str(folder.parent / "b.png")]
    run = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    while not (csv.exists() and csv.read_text().count("\n") > 10):
        time.sleep(0.1)
        assert run.poll() is None
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does it: to ffmpeg too
    assert run.wait(60) == 130
    table = pd.read_csv(csv)
    assert csv.read_text().endswith("\n") and 4 < len(table) < 500 and table["p_anger"].notna().all()
    (annotated,) = (folder.parent / "t_videos").rglob("*.mp4")
    frames = list(Video(annotated))
    assert 1 <= len(frames) <= table["frame"].max() + 2


def test_the_users_file_and_a_table_in_use_are_refused_in_a_sentence(folder, capsys):
    photo = folder / "-board.png"
    before = photo.read_bytes()
    for arguments in (["--board", str(photo)], ["--csv", str(photo), "--board", str(folder / "b.png")]):
        with pytest.raises(SystemExit) as stop:
            shell.main([*arguments, "--", str(photo)])
        assert stop.value.code == 2 and "-board.png would be written over" in capsys.readouterr().err
    table = FaceTable(folder.parent / "out" / "faces.csv")
    assert call(folder, folder)[0] == 2 and "is written by another run" in capsys.readouterr().err
    table.close()
    assert photo.read_bytes() == before and not (folder.parent / "out" / "board.png").exists()
