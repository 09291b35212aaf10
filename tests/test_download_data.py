"""DownloadData.py from end to end on a data set of a few faces: what it writes, and what it says when it cannot."""

import errno
import re
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pandas as pd
import pytest
import requests
from face_files import FACES, text, write
from tiny_mirror import FERPLUS_CSV, FERPLUS_ROWS, helen_files, write_mirror

import DownloadData
from src.data import archives, convert, votes
from src.data.archives import FER2013, HELEN, read_table
from src.data.datasets import load_repeated_emotions
from src.labels import VOTES

OUTPUTS = ("data.csv", "icml_face_data.csv", "wide_faces.npz")


def run(*arguments) -> int:
    return DownloadData.main([str(argument) for argument in arguments])


def contents(folder: Path) -> dict[str, bytes]:
    """Everything in a folder but for the archives: name -> bytes."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} if folder.exists() else {}


@pytest.fixture
def table(tmp_path):
    return write_mirror(tmp_path / "mirror")


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def refusal(data, capsys):
    """Call the command, which must fail with one sentence and leave `data` as it was; return the sentence."""

    def call(*arguments) -> str:
        before = contents(data)
        capsys.readouterr()
        assert run(*arguments, "--data-dir", data) == 1
        message = capsys.readouterr().err.split("Error: ")[-1]
        assert message.count("\n") == 1
        assert message.endswith(".\n")
        assert contents(data) == before
        return message

    return call


def test_the_summary_counts_rows_people_and_repeated_images(table, data, capsys):
    assert run("--sources", table, "--data-dir", data) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert "data.csv: 12 faces" in words
    assert "usage HelenTest Test Training all origin helen 1 0 3 4 youtube 0 2 6 8 all 1 2 9 12" in words
    assert "People (of HELEN and without names: photos): 3 helen, 4 youtube" in words
    assert "Keypoints cannot be validated: there are no such faces in Validation." in words
    assert "Disgust, sad, happiness, surprise cannot be learnt: there are no such faces in Training." in words
    assert "icml_face_data.csv: 6 faces, 1 repeat" in words
    assert "1 PublicTest images stand byte for byte in Training 0 PrivateTest images" in words
    assert "happiness 0 1 0 1" in words


def test_votes_are_written_where_the_index_is_about_these_archives(table, data, tmp_path, monkeypatch, capsys):
    assert run("--sources", table, "--data-dir", data) == 0
    said = capsys.readouterr().out
    assert said.count("no votes are written.") == said.count("no votes: labels alone") == 1
    assert (data / "icml_face_data.csv").read_text().startswith("emotion, Usage, pixels\n")
    fer2013, _, _, ferplus = read_table(table)
    monkeypatch.setattr(votes, "INDEX", tmp_path / "rows.npz")
    votes.write_index(np.array(FERPLUS_ROWS), fer2013, ferplus)
    assert run("--sources", table, "--data-dir", data) == 0
    said = capsys.readouterr().out
    assert "5 faces have votes" in said and "no votes" not in said
    written = pd.read_csv(data / "icml_face_data.csv")
    assert list(written) == ["emotion", " Usage", " pixels", *VOTES]
    assert written.fear.fillna(-1).tolist() == [8, 0, -1, 0, 0, 0]


def test_one_sentence_tells_what_is_wrong(tmp_path, refusal):
    files = helen_files() | {"helen/trainset/11_2.pts": b"0 0\n"}
    table = write_mirror(tmp_path / "mirror", {HELEN.repository: files})
    assert refusal("--sources", table).startswith("helen/trainset/11_2.pts is not 68 lines `x y`")
    assert "cannot be read" in refusal("--sources", tmp_path / "none.json")


def test_an_interrupted_conversion_goes_on_to_the_same_bytes(table, data, tmp_path, monkeypatch, capsys):
    assert run("--sources", table, "--data-dir", tmp_path / "whole") == 0

    def interrupt(pixels):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(convert, "_pixel_text", interrupt)
        assert run("--sources", table, "--data-dir", data) == 1
    assert contents(data) == {}
    assert run("--sources", table, "--data-dir", data) == 0
    assert contents(data) == contents(tmp_path / "whole")
    assert sorted(contents(data)) == sorted(OUTPUTS)


# ---------------------------------------------------------------- the way of the bytes


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves the mirror's archives; a path with `short` in it breaks off before its announced end."""

    def log_message(self, *_):
        pass

    def copyfile(self, source, outputfile):
        content = source.read()
        outputfile.write(content[: len(content) // 2] if "short" in self.server.mode else content)


@pytest.fixture
def server(table, monkeypatch):
    """An HTTP server in the place of GitHub; its `mode` may be set to "short"."""
    handler = partial(QuietHandler, directory=table.parent)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.mode = ""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/{{repository}}.tar.gz?commit={{commit}}"
    monkeypatch.setattr(archives, "ARCHIVE_URL", url)
    upstream = tuple(replace(source, archive=None, sha256=None) for source in read_table(table))
    monkeypatch.setattr(DownloadData, "UPSTREAM", upstream)
    yield server
    server.shutdown()
    server.server_close()


def test_archives_are_fetched_once(server, data, table):
    assert run("--data-dir", data) == 0
    first = contents(data)
    assert sorted(first) == sorted(OUTPUTS)
    assert len(list((data / "archives").iterdir())) == 4
    for archive in table.parent.rglob("*.tar.gz"):
        archive.unlink()
    assert run("--data-dir", data) == 0
    assert contents(data) == first


def test_a_missing_archive_at_the_server_is_told(server, data, table, refusal):
    (table.parent / f"{HELEN.repository}.tar.gz").unlink()
    assert "could not be fetched (HTTP 404); check the network and call again" in refusal()
    assert len(list((data / "archives").iterdir())) == 1


def test_a_broken_off_download_leaves_nothing(server, data, refusal):
    server.mode = "short"
    assert "could not be fetched (ChunkedEncodingError)" in refusal()
    assert list((data / "archives").iterdir()) == []


def test_no_network_is_told(server, refusal):
    server.shutdown()
    server.server_close()
    assert "could not be fetched (ConnectionError); check the network and call again" in refusal()


def test_a_changed_download_is_refused_also_when_it_is_there_already(server, data, refusal):
    assert run("--data-dir", data) == 0
    archive = next((data / "archives").glob("Duygu*"))
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    message = refusal()
    assert archive.name in message
    assert "delete or replace it and call again" in message


def disk_full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("owner", "name", "path"),
    [
        (requests, "get", f"Duygu-Tanima-{FER2013.commit}.tar.gz"),
        (np, "savez", "wide_faces.npz"),
        (convert, "_write_data_csv", "data.csv"),
    ],
)
def test_a_full_disk_is_told(server, refusal, monkeypatch, owner, name, path):
    monkeypatch.setattr(owner, name, disk_full)
    message = refusal()
    assert message.startswith("The disk is full: ")
    assert f"{path} could not be written" in message


# ---------------------------------------------------------------- files at hand


@pytest.fixture
def at_hand(table, tmp_path):
    """A folder with the two files that a tiny mirror gives."""
    folder = tmp_path / "hand"
    assert run("--sources", table, "--data-dir", folder) == 0
    return folder


def test_files_at_hand_are_taken_under_their_names_here(at_hand, data, capsys):
    (at_hand / "icml_face_data.csv").rename(at_hand / "fer2013.csv")
    with ZipFile(at_hand / "training.zip", "w") as packed:
        packed.write(at_hand / "data.csv", "training.csv")
    expected = (at_hand / "data.csv").read_bytes(), (at_hand / "fer2013.csv").read_bytes()
    (at_hand / "data.csv").unlink()
    data.mkdir()
    (data / "wide_faces.npz").write_bytes(b"of other faces")
    assert run("--from", at_hand, "--data-dir", data) == 0
    assert contents(data) == dict(zip(OUTPUTS, expected, strict=False))
    assert "Taken: training.zip, fer2013.csv" in capsys.readouterr().out


def test_an_invalid_row_at_hand_is_refused(at_hand, refusal):
    emotions = at_hand / "icml_face_data.csv"
    lines = emotions.read_text().splitlines()
    lines[3] = lines[3].rpartition(" ")[0]
    emotions.write_text("\n".join(lines))
    (at_hand / "data.csv").unlink()
    message = refusal("--from", at_hand)
    assert "icml_face_data.csv, line 4" in message
    assert "2303" in message
    assert ".part" not in message


@pytest.mark.parametrize(("at", "value"), [(0, 0), (6, 1), (60, 255)])  # no ZIP; with a password; its bytes changed
def test_a_zip_that_cannot_be_unpacked_is_refused(tmp_path, refusal, at, value):
    with ZipFile(tmp_path / "training.zip", "w", ZIP_DEFLATED) as packed:
        packed.writestr("training.csv", "left_eye_center_x,Image\n" * 9)
    content = bytearray((tmp_path / "training.zip").read_bytes())
    for start in (at, content.index(b"PK\x01\x02") + at + 2 if at == 6 else at):  # the directory repeats that flag
        content[start] = value
    (tmp_path / "training.zip").write_bytes(content)
    assert "training.zip is damaged" in refusal("--from", tmp_path)


def test_a_fault_in_a_zip_is_told_by_the_zip_s_name(tmp_path, refusal):
    with ZipFile(tmp_path / "training.zip", "w") as packed:
        packed.writestr("training.csv", "Image\n1 2 3\n")
    message = refusal("--from", tmp_path)
    assert message.startswith(f"{tmp_path}/training.zip, line 1: column left_eye_center_x is missing")


@pytest.fixture
def five(tmp_path):
    """A folder with a file of five codes, the number of each code's faces differing."""
    codes = [0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4]
    (tmp_path / "five").mkdir()
    rows = [(code, text(image)) for code, image in zip(codes, FACES, strict=False)]
    return write(tmp_path / "five" / "fer2013.csv", ("emotion", "pixels"), rows).parent


def test_codes_that_can_be_read_two_ways_are_asked_for_once(five, data, refusal, capsys):
    assert "fer2013.csv can be read two ways" in refusal("--from", five)
    for codes, sad, surprise in (("five", 3, 5), ("seven", 5, 0)):
        assert run("--from", five, "--data-dir", data, "--codes", codes) == 0
        faces = load_repeated_emotions(data / "icml_face_data.csv")
        np.testing.assert_array_equal(faces.images, FACES[:15])
        assert np.bincount(faces.labels, minlength=7)[[2, 4]].tolist() == [sad, surprise]
        assert re.search(rf"sad .* {sad}\n", capsys.readouterr().out)
    assert run("--from", data, "--data-dir", data.parent / "again") == 0  # what was written needs no question
    assert contents(data.parent / "again") == contents(data)


def test_codes_without_files_at_hand_are_refused(data, capsys):
    with pytest.raises(SystemExit):
        run("--codes", "five", "--data-dir", data)
    assert "--codes goes with --from" in capsys.readouterr().err


def test_the_user_s_own_files_are_never_written_over(at_hand, data, refusal, tmp_path):
    before = contents(at_hand)
    (tmp_path / "link").symlink_to(at_hand)
    for folder in (at_hand, tmp_path / "link", tmp_path / "none" / ".." / "hand"):
        assert run("--from", at_hand, "--data-dir", folder) == 1
        assert contents(at_hand) == before
    data.mkdir()
    (data / "icml_face_data.csv").write_text("ours")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "fer2013.csv").symlink_to(data / "icml_face_data.csv")
    assert "linked/fer2013.csv is where the data is written" in refusal("--from", tmp_path / "linked")


def test_a_folder_of_the_user_s_in_the_data_folder_stays(at_hand, data):
    data.mkdir()
    at_hand = at_hand.rename(data / "incoming")
    before = contents(at_hand)
    assert run("--from", at_hand, "--data-dir", data) == 0
    assert contents(at_hand) == before


def test_a_damaged_file_of_an_earlier_call_is_told(at_hand, data, refusal):
    (at_hand / "data.csv").unlink()
    assert run("--from", at_hand, "--data-dir", data) == 0
    (data / "data.csv").write_bytes(b"")
    assert "data.csv is empty" in refusal("--from", at_hand)


def test_after_a_kill_the_same_call_goes_on(at_hand, data):
    data.mkdir()
    for name in OUTPUTS:
        (data / f"part_{name}").write_bytes(b"half")  # as a killed call leaves them
    assert run("--from", at_hand, "--data-dir", data) == 0
    assert (data / "data.csv").read_bytes() == (at_hand / "data.csv").read_bytes()
    assert sorted(contents(data)) == ["data.csv", "icml_face_data.csv", "part_wide_faces.npz"]


@pytest.mark.parametrize("name", ["data.csv", "icml_face_data.csv"])
def test_a_full_disk_is_told_of_files_at_hand(at_hand, refusal, monkeypatch, name):
    for other in OUTPUTS:
        if other != name:
            (at_hand / other).unlink()
    monkeypatch.setattr(DownloadData.shutil, "copyfile", disk_full)
    assert f"{name} could not be written" in refusal("--from", at_hand)


def test_a_file_that_may_not_be_read_is_told(at_hand, refusal, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied", "data.csv")

    monkeypatch.setattr(DownloadData.shutil, "copyfile", refuse)
    assert refusal("--from", at_hand) == "[Errno 13] Permission denied: 'data.csv'; mend this and call again.\n"


def test_a_folder_without_known_files_is_refused(tmp_path, refusal):
    (tmp_path / "empty").mkdir()
    assert "holds none of data.csv, training.csv" in refusal("--from", tmp_path / "empty")
    assert "no\\nne is no folder" in refusal("--from", tmp_path / "no\nne")
    (tmp_path / "empty" / "data.csv").mkdir()
    assert "holds none of data.csv, training.csv" in refusal("--from", tmp_path / "empty")


def test_votes_beside_kaggle_s_file_are_taken_along(at_hand, data, refusal, capsys):
    table = pd.read_csv(at_hand / "icml_face_data.csv")
    ordered = table.iloc[[1, 2, 0, 2, 3, 5, 4]]  # as in FERPLUS_CSV, whose second row is no face
    ordered.to_csv(at_hand / "fer2013.csv", index=False)
    for name in ("icml_face_data.csv", "data.csv"):
        (at_hand / name).unlink()
    (at_hand / "fer2013new.csv").write_text(FERPLUS_CSV.replace("PublicTest", "PrivateTest"))
    assert "fer2013.csv, row 5: its Usage is not that of" in refusal("--from", at_hand)
    (at_hand / "fer2013new.csv").write_text(FERPLUS_CSV)
    assert run("--from", at_hand, "--data-dir", data) == 0
    said = capsys.readouterr().out
    assert "Taken: fer2013.csv, fer2013new.csv" in said and "7 faces have votes" in said
    assert pd.read_csv(data / "icml_face_data.csv").happiness.tolist() == [0, 0, 0, 0, 10, 0, 0]
    for odd in (b",\xff", b',"x', b",\0"):  # the name of a column that nobody reads
        header, *rows = (at_hand / "fer2013.csv").read_bytes().splitlines()
        (at_hand / "odd").mkdir(exist_ok=True)
        (at_hand / "odd/fer2013.csv").write_bytes(b"\n".join([header + odd, *(row + b",0" for row in rows)]))
        (at_hand / "odd/fer2013new.csv").write_text(FERPLUS_CSV)
        assert run("--from", at_hand / "odd", "--data-dir", data) == 0
        assert "7 faces have votes" in capsys.readouterr().out
