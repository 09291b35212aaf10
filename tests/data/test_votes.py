"""FERPlus's votes: read, joined to the right faces or refused, and their index found again by the pixels."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from face_files import FACES, text, write
from tiny_mirror import FERPLUS_CSV, FERPLUS_ROWS, fer_files, write_mirror

from src.data import votes
from src.data.archives import FER2013, FERPLUS, SourceError, open_archive, read_table
from src.data.convert import decode_grey, fer2013_rows
from src.data.datasets import load_repeated_emotions
from src.data.votes import archive_votes, find_rows, join_votes, match, read_votes, write_index

LINES = FERPLUS_CSV.splitlines()
# The faces of FERPLUS_CSV as FER2013 labels them: anger, (no face), fear, neutral, happiness, surprise, sad.
CODES = (0, 6, 2, 6, 3, 5, 4)
USAGES = ["Training"] * 4 + ["PublicTest"] + ["PrivateTest"] * 2


@pytest.fixture
def archives(tmp_path, monkeypatch):
    """FER2013 and FERPlus of a tiny mirror, and an index for them in the place of the shipped one."""
    fer2013, _, _, ferplus = read_table(write_mirror(tmp_path))
    monkeypatch.setattr(votes, "INDEX", tmp_path / "rows.npz")
    write_index(np.array(FERPLUS_ROWS), fer2013, ferplus)
    return open_archive(fer2013, tmp_path), open_archive(ferplus, tmp_path)


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize(("end", "encoding"), [("\n", "utf-8"), ("\r\n", "utf-8-sig")])
def test_rows_are_read(end, encoding):
    table = read_votes("votes.csv", end.join(LINES).encode(encoding))
    assert table.usage.tolist() == USAGES
    assert table.names[:3].tolist() == ["fer0000000.png", "", "fer0000001.png"]
    assert (table.votes.shape, table.votes.dtype) == ((7, 10), np.uint8)
    assert table.votes[0].tolist() == [0, 0, 0, 1, 7, 1, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("line", "text", "reason"),
    [
        (1, LINES[0].replace("NF", "no face"), "line 1: the columns are not Usage,Image name"),
        (3, LINES[2] + ",1", "line 3: 13 fields where the header names 12"),
        (3, "", "line 3: 1 fields where"),
        (4, LINES[3].replace("Training", "Test"), "line 4: Usage 'Test' is none of Training"),
        (4, LINES[3].replace("8", "8.5"), "line 4: '8.5' is no whole number"),
        (4, LINES[3].replace("8", "-1"), "line 4: '-1' is no whole number"),
        (4, LINES[3].replace("8", "256"), "line 4: '256' is no whole number"),
        (3, LINES[2].replace("10", "0"), "line 3: there is no vote"),
    ],
)
def test_malformed_rows_are_refused(line, text, reason):
    lines = [*LINES[: line - 1], text, *LINES[line:]]
    with pytest.raises(SourceError, match=rf"^votes.csv, {reason}.*; take fer2013new.csv from microsoft/FERPlus\.$"):
        read_votes("votes.csv", "\n".join(lines).encode())


@pytest.mark.parametrize(("content", "line"), [(b"", 1), (b"\xff\xfe\x00", 1), (LINES[0].encode(), 2)])
def test_a_file_without_rows_is_refused(content, line):
    with pytest.raises(SourceError, match=f"votes.csv, line {line}: "):
        read_votes("votes.csv", content)


# ---------------------------------------------------------------- joining


def test_each_face_of_the_archive_gets_the_votes_of_its_row(archives):
    found = archive_votes(*archives)
    assert found.dtype == np.uint8
    assert found[0].tolist() == [0, 0, 1, 0, 0, 0, 8, 0, 0, 1]
    assert found[2].tolist() == [0] * 10
    assert found[[3, 4, 5]].argmax(axis=1).tolist() == [1, 3, 2]


def test_other_archives_than_those_of_the_index_get_no_votes(archives):
    fer2013, ferplus = archives
    other = {**fer2013.source.git_objects, "train": "0" * 40}
    assert archive_votes(replace(fer2013, source=replace(fer2013.source, git_objects=other)), ferplus) is None


def test_the_shipped_index_is_about_the_pinned_archives():
    with np.load(votes.INDEX) as index:
        rows, contents = index["rows"], index["contents"].tolist()
    assert contents == [*FER2013.git_objects.values(), FERPLUS.git_objects["fer2013new.csv"]]
    assert (len(rows), rows.min(), rows.max()) == (35_887, -1, 35_886)
    assert np.count_nonzero(rows >= 0) == 35_712
    assert votes.INDEX.stat().st_size < 120_000


def kaggle(folder, usages=USAGES, codes=CODES, columns=("emotion", " Usage", " pixels")):
    """A file in Kaggle's columns, and FERPLUS_CSV beside it; return both."""
    fields = {"emotion": codes, "Usage": usages, "pixels": [text(image) for image in FACES[: len(codes)]]}
    rows = list(zip(*(fields[name.strip()] for name in columns), strict=True))
    (folder / "fer2013new.csv").write_text(FERPLUS_CSV)
    return write(folder / "fer2013.csv", columns, rows), folder / "fer2013new.csv"


@pytest.mark.parametrize("columns", [("emotion", " Usage", " pixels"), ("emotion", "pixels", "Usage")])
def test_kaggle_s_rows_get_the_votes_of_the_same_rows(tmp_path, columns):
    file, votes_file = kaggle(tmp_path, columns=columns)
    joined = join_votes(load_repeated_emotions(file), file, votes_file)
    np.testing.assert_array_equal(joined, read_votes("", FERPLUS_CSV.encode()).votes)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"usages": [*USAGES[:4], "Training", *USAGES[5:]]}, r"row 5: its Usage is not that .* \(7 and 7 rows"),
        ({"usages": USAGES[:6], "codes": CODES[:6]}, r"row 7: its Usage is not that .* \(6 and 7 rows"),
        ({"usages": [*USAGES, "PrivateTest"], "codes": (*CODES, 0)}, r"row 8: its Usage is not that .* \(8 and 7 rows"),
        ({"columns": ("emotion", "pixels")}, "has no column Usage"),
        ({"codes": (6, 0, 6, 2, 3, 4, 5)}, "has not the row order of"),
    ],
    ids=["usage", "short", "long", "no usage", "order"],
)
def test_kaggle_s_rows_that_do_not_fit_are_refused(tmp_path, changed, reason):
    file, votes_file = kaggle(tmp_path, **changed)
    with pytest.raises(SourceError, match=rf"fer2013\.csv.* {reason}.*take fer2013new.csv away\.$"):
        join_votes(load_repeated_emotions(file), file, votes_file)


# ---------------------------------------------------------------- the index


@pytest.fixture
def pictures(archives, tmp_path):
    """FERPlus's PNG files: the faces but for Training_100, a little changed as JPEG would, and one of nobody."""
    folder, rng = tmp_path / "pictures" / "FER2013Train", np.random.default_rng(0)
    folder.mkdir(parents=True)
    names = read_votes("", FERPLUS_CSV.encode()).names
    for face, row in zip(fer2013_rows(archives[0]), FERPLUS_ROWS, strict=True):
        if row >= 0:
            image = np.frombuffer(face.pixels, np.uint8).reshape(48, 48) ^ rng.integers(0, 3, (48, 48), dtype=np.uint8)
            cv2.imwrite(str(folder / names[row]), image)
    cv2.imwrite(str(folder / names[3]), FACES[0])
    return folder.parent


def test_the_index_is_found_again_by_the_pixels(archives, pictures, tmp_path, capsys):
    assert find_rows(pictures, *archives).tolist() == list(FERPLUS_ROWS)
    write_index(np.full(6, -1), *(archive.source for archive in archives))
    assert votes.main([str(pictures), "--sources", str(tmp_path / "sources.json")]) == 0
    assert "rows.npz: 5 of 6 faces have a row" in capsys.readouterr().out
    assert archive_votes(*archives).any(axis=1).sum() == 5


def test_a_missing_picture_is_told_and_the_index_stays(archives, pictures, tmp_path, capsys):
    before = votes.INDEX.read_bytes()
    next(pictures.rglob("fer0000003.png")).unlink()
    assert votes.main([str(pictures), "--sources", str(tmp_path / "sources.json")]) == 1
    assert "fer0000003.png is no picture of 48x48 pixels" in capsys.readouterr().err
    assert votes.INDEX.read_bytes() == before


def test_a_match_is_mutual_and_close():
    face = decode_grey(fer_files()["train/fear/Training_3.jpg"], "").reshape(1, -1)
    assert match(face, np.concatenate([FACES[:2].reshape(2, -1), face + np.uint8(3)])).tolist() == [2]
    assert match(face, face + np.uint8(6)).tolist() == [-1]
    assert match(np.concatenate([face, face + np.uint8(2)]), face + np.uint8(3)).tolist() == [-1, 0]
    assert match(face, face[:0]).tolist() == [-1] and match(face[:0], face).tolist() == []


def test_equal_faces_share_out_equal_pictures():
    same, other = FACES[:2].reshape(2, -1)
    assert match(np.stack([same, other, same]), np.stack([other, same, same])).tolist() == [1, 0, 2]
    assert match(np.stack([same, same]), same[None]).tolist() == [0, -1]
