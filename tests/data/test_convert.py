"""From archives to data files: what is written for which face, and what is refused."""

import cv2
import numpy as np
import pandas as pd
import pytest
from tiny_mirror import PEOPLE, encode, fer_files, helen_files, pts, ring, write_mirror, youtube_files

from src.data.archives import FER2013, HELEN, YOUTUBE, Archive, File, SourceError, open_archive, read_table
from src.data.convert import (
    EmotionRow,
    decode_grey,
    fer2013_rows,
    fifteen_points,
    helen_faces,
    parse_pts,
    split_subjects,
    write_emotions,
    write_keypoints,
    youtube_faces,
)
from src.faces import crop_face
from src.files import ROOT
from src.labels import KEYPOINT_COLUMNS, KEYPOINTS

MIRROR = ROOT.parent / "shared" / "mirror" / "sources.json"


def convert(folder, changed=None):
    """Write a tiny mirror, with some files changed, and convert it; return the folder of the results."""
    fer2013, helen, youtube, _ = (open_archive(source, folder) for source in read_table(write_mirror(folder, changed)))
    write_keypoints(helen, youtube, folder / "data")
    write_emotions(folder / "data" / "icml_face_data.csv", fer2013_rows(fer2013))
    return folder / "data"


def refusal(folder, repository, files) -> str:
    """The sentence with which a mirror of other files is refused; no file of its kind is written."""
    with pytest.raises(SourceError) as caught:
        convert(folder, {repository: files})
    assert not (folder / "data" / ("icml_face_data.csv" if repository == FER2013.repository else "data.csv")).exists()
    return str(caught.value)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return convert(tmp_path_factory.mktemp("mirror"))


@pytest.fixture(scope="module")
def faces(data):
    return pd.read_csv(data / "data.csv")


def test_each_keypoint_comes_from_its_landmarks():
    points = fifteen_points(np.stack([np.arange(68.0), 100 + np.arange(68.0)], axis=1))
    assert points.shape == (15, 2)
    assert points.dtype == np.float32
    x = dict(zip(KEYPOINTS, points[:, 0].tolist(), strict=True))
    assert (x["left_eye_center"], x["right_eye_center"]) == (44.5, 38.5)
    assert (x["left_eye_inner_corner"], x["left_eye_outer_corner"]) == (42, 45)
    assert (x["right_eye_inner_corner"], x["right_eye_outer_corner"]) == (39, 36)
    assert (x["left_eyebrow_inner_end"], x["left_eyebrow_outer_end"]) == (22, 26)
    assert (x["right_eyebrow_inner_end"], x["right_eyebrow_outer_end"]) == (21, 17)
    assert (x["nose_tip"], x["mouth_left_corner"], x["mouth_right_corner"]) == (30, 54, 48)
    assert (x["mouth_center_top_lip"], x["mouth_center_bottom_lip"]) == (51, 57)
    np.testing.assert_array_equal(points[:, 1] - points[:, 0], 100)


def test_rows_of_the_keypoint_file(faces):
    assert list(faces.columns) == [*KEYPOINT_COLUMNS, "Image", "Usage", "Subject"]
    people = [f"youtube/{person}" for person in PEOPLE]
    assert faces.Subject.tolist() == ["helen/11", "helen/11", "helen/22", "helen/33", *people, *people]
    assert faces.Usage[3] == "HelenTest"
    assert len(faces[["Subject", "Usage"]].drop_duplicates()) == faces.Subject.nunique()


def test_points_as_written(faces):
    expected = fifteen_points(ring((0, 0), 1) * 96 / 2.5 + 47.5)  # a circle fills 1 / 1.25 of the frame
    written = faces[list(KEYPOINT_COLUMNS)].to_numpy()
    np.testing.assert_allclose(written, np.tile(expected.ravel(), (12, 1)), atol=6e-4)


def test_images_as_written(data, faces):
    images = np.array([row.split() for row in faces.Image], np.uint8).reshape(-1, 96, 96)
    beside = np.load(data / "wide_faces.npz")
    wide, landmarks = beside["images"], beside["landmarks_px"]
    assert wide.shape == (12, 144, 144) and landmarks.shape == (12, 68, 2)
    fifteen = faces[list(KEYPOINT_COLUMNS)].to_numpy().reshape(-1, 15, 2)
    np.testing.assert_allclose(fifteen_points(landmarks), fifteen, atol=0.0006)  # the CSV file has three decimals
    np.testing.assert_array_equal(wide[:, 24:120, 24:120], images)
    frame = np.frombuffer(youtube_files()["data/training/Bo_01.jpg"], np.uint8)
    grey = cv2.cvtColor(cv2.imdecode(frame, cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2GRAY)
    expected, _ = crop_face(grey, ring((61, 50), 40))
    np.testing.assert_array_equal(images[5], expected)


def test_emotions_as_written(data):
    header, *rows = (data / "icml_face_data.csv").read_text().splitlines()
    assert header == "emotion, Usage, pixels"
    labels = [row.rpartition(",")[0] for row in rows]
    assert labels[:3] == ["2,Training", "0,Training", "6,Training"]
    assert labels[3:] == ["3,PublicTest", "4,PrivateTest", "5,PrivateTest"]
    pixels = np.array(rows[1].split(",")[2].split(), int)
    image = decode_grey(fer_files()["train/angry/Training_20.jpg"], "")
    np.testing.assert_array_equal(pixels, image.ravel())


def test_votes_stand_behind_the_pixels_and_are_empty_where_a_face_has_none(tmp_path):
    rows = [EmotionRow(3, "Training", b"\x00\x07"), EmotionRow(6, "PublicTest", b"\xff\x01")]
    votes = np.array([[0, 9, 0, 0, 0, 0, 0, 0, 1, 0], [0] * 10], np.uint8)
    write_emotions(tmp_path / "faces.csv", rows, votes)
    assert (tmp_path / "faces.csv").read_text().splitlines() == [
        "emotion, Usage, pixels,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,no_face",
        "3,Training,0 7,0,9,0,0,0,0,0,0,1,0",
        "6,PublicTest,255 1,,,,,,,,,,",
    ]


def test_a_photo_of_the_testset_is_for_the_test_as_a_whole(tmp_path):
    files = helen_files()
    for ending in ("jpg", "pts"):
        files[f"helen/testset/11_3.{ending}"] = files[f"helen/trainset/11_2.{ending}"]
    faces = pd.read_csv(convert(tmp_path, {HELEN.repository: files}) / "data.csv")
    assert faces.Usage[faces.Subject == "helen/11"].tolist() == ["HelenTest"] * 3


def test_subjects_are_split_by_share_and_for_ever():
    names = [f"p{number}" for number in range(200)]
    shares = {"Test": 0.15, "Validation": 0.15, "Training": 0.7}
    splits = split_subjects(names * 2, shares)
    assert pd.Series(splits).value_counts().to_dict() == {"Training": 140, "Test": 30, "Validation": 30}
    assert splits == split_subjects(reversed(names), shares)
    assert [splits[name] for name in names[:4]] == ["Test", "Training", "Validation", "Validation"]


@pytest.mark.skipif(not MIRROR.exists(), reason="needs the offline mirror")
def test_the_mirror_lists_all_faces_and_people():
    _, helen, youtube, _ = read_table(MIRROR)
    faces = helen_faces(Archive(helen, helen.archive)) + youtube_faces(Archive(youtube, youtube.archive))
    folders = pd.Series([face.image.rpartition("/")[0] for face in faces]).value_counts().to_dict()
    assert folders == {"data/training": 3462, "helen/trainset": 870, "data/test": 770, "helen/testset": 330}
    splits = {(face.subject, face.usage) for face in faces}
    assert len(splits) == len({subject for subject, _ in splits})
    assert sum(subject.startswith("youtube/") for subject, _ in splits) == 347


def test_pts_count_from_one_with_or_without_header():
    points = ring((40, 30), 20)
    header = b"version: 1\nn_points: 68\n{\n"
    for content in (pts(points), header + pts(points) + b"}\n", pts(points).replace(b"\n", b"\r\n")):
        np.testing.assert_allclose(parse_pts(File("x.pts", "", content)), points, atol=1e-5)


def test_grey_and_colour_images_of_any_format():
    colour = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    grey = cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)
    np.testing.assert_array_equal(decode_grey(encode(colour, ".png"), "x.jpg"), grey)
    np.testing.assert_array_equal(decode_grey(encode(grey, ".png"), "x.jpg"), grey)
    jpeg = encode(grey)
    expected = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(decode_grey(jpeg, "x.jpg"), expected)


GOOD = pts(ring((180, 150), 90))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        GOOD.split(b"\n", 1)[1],
        GOOD.replace(b"271", b"six", 1),
        GOOD.replace(b"\n", b" 7\n", 1),
        GOOD.replace(b" ", b"\n", 1),
        b"nan nan\n" + GOOD.split(b"\n", 1)[1],
        b"5 5\n" * 68,
        b"{" + GOOD,
        b"\xff\xfe",
    ],
    ids=["empty", "67 lines", "text", "3 numbers", "1 number", "nan", "one spot", "open brace", "binary"],
)
def test_malformed_landmarks_are_refused(tmp_path, content):
    files = helen_files() | {"helen/trainset/11_2.pts": content}
    assert refusal(tmp_path, HELEN.repository, files).startswith("helen/trainset/11_2.pts is not 68 lines `x y`")


def test_malformed_rows_of_the_keypoint_tables_are_refused(tmp_path):
    name = "data/test_frames_keypoints.csv"
    lines = youtube_files()[name].split(b"\n")
    for line, complaint in ((lines[2].rpartition(b",")[0], "line 3, 'Bo_42.jpg'"), (lines[1], "stands twice")):
        files = youtube_files() | {name: b"\n".join([*lines[:2], line, *lines[3:]])}
        message = refusal(tmp_path, YOUTUBE.repository, files)
        assert message.startswith(f"{name} line 3")
        assert complaint in message


@pytest.mark.parametrize("name", ["helen/testset/33_1.jpg", "data/training/Dora_01.jpg"])
def test_a_face_without_image_is_refused(tmp_path, name):
    repository, files = (HELEN.repository, helen_files()) if "helen" in name else (YOUTUBE.repository, youtube_files())
    del files[name]
    assert f"has points for {name}, but not the image" in refusal(tmp_path, repository, files)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("train/fear/Training_3.jpg", b"", "cannot be read as an image"),
        ("train/fear/Training_3.jpg", b"not an image", "cannot be read as an image"),
        ("train/fear/Training_3.jpg", encode(np.zeros((48, 47), np.uint8)), "is not 48x48"),
        ("train/fear/PublicTest_3.jpg", encode(np.zeros((48, 48), np.uint8)), "is not named"),
        ("train/joy/Training_4.jpg", encode(np.zeros((48, 48), np.uint8)), "is not named"),
    ],
    ids=["empty", "text", "47 wide", "other part", "other class"],
)
def test_foreign_files_among_the_emotions_are_refused(tmp_path, name, content, complaint):
    message = refusal(tmp_path, FER2013.repository, fer_files() | {name: content})
    assert message.startswith(name)
    assert complaint in message
