import numpy as np
import pytest
from skimage import data

from src.labels import KEYPOINT_COLUMNS
from src.predict import FaceReader
from src.predict.photos import to_grey

PORTRAIT = to_grey(data.astronaut())
FACE = PORTRAIT[60:190, 160:290]  # cut out, as close as training faces are


@pytest.fixture(scope="module")
def reader():
    return FaceReader()


def points(table):
    return table.loc[0, list(KEYPOINT_COLUMNS)].to_numpy(float).reshape(15, 2)


def turned(points_px, quarters, height, width):
    """Points of a picture in px of `np.rot90(picture, quarters)`."""
    for _ in range(quarters):
        points_px = np.stack([points_px[:, 1], width - 1 - points_px[:, 0]], axis=1)
        height, width = width, height
    return points_px


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_photo_has_the_points_of_the_upright_one(reader, quarters):
    photo = PORTRAIT[:400]
    upright, other = reader.read_photo(photo), reader.read_photo(np.ascontiguousarray(np.rot90(photo, quarters)))
    assert len(upright) == len(other) == 1 and other.loc[0, "found_by"] == "detector"
    np.testing.assert_allclose(points(other), turned(points(upright), quarters, *photo.shape), atol=1e-6)
    assert other.loc[0, "emotion"] == upright.loc[0, "emotion"] and other.loc[0, "face_score"] > 0.9


def test_an_upright_photo_is_searched_once(reader, monkeypatch):
    monkeypatch.setattr("src.predict.search._find_turned", None)  # would fail
    assert reader.read_photo(PORTRAIT).loc[0, "detector_score"] > 0.5


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_picture_that_is_a_face_is_read_as_one(reader, monkeypatch, quarters):
    monkeypatch.setattr(reader, "detector", lambda grey: (np.zeros((0, 4)), np.zeros(0)))
    picture = np.ascontiguousarray(np.rot90(FACE, quarters))
    table, alone = reader.read_photo(picture), reader.read_faces(FACE[None])
    assert table["found_by"].tolist() == ["whole picture"] and np.isnan(table.loc[0, "detector_score"])
    in_face = points(alone) * len(FACE) / 96 + (len(FACE) / 96 - 1) / 2
    np.testing.assert_allclose(points(table), turned(in_face, quarters, *FACE.shape), atol=1e-4)
    np.testing.assert_allclose(table["p_sad"], alone["p_sad"], atol=1e-6)
    assert table.loc[0, ["box_left", "box_bottom"]].tolist() == [-0.5, len(FACE) - 0.5]


def test_an_oblong_face_is_read_without_stretching(reader):
    picture = PORTRAIT[45:205, 165:285]
    table = reader.read_photo(picture, faces=True)
    found = reader.read_photo(PORTRAIT)
    assert table["found_by"].tolist() == ["whole picture"]
    assert np.abs(points(table) + [165, 45] - points(found)).max() < 4


def test_what_is_no_face_has_no_row_unless_it_is_asked_for_or_small(reader):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200)).astype(np.uint8)
    assert len(reader.read_photo(noise)) == 0 and len(reader.read_photo(noise[:48, :200])) == 0
    assert len(reader.read_photo(np.full((48, 48), 90, np.uint8))) == 0
    for table in (reader.read_photo(noise, faces=True), reader.read_photo(noise[:48, :48])):
        assert table["found_by"].tolist() == ["whole picture"] and not table.loc[0, "sure"]


def test_networks_without_a_face_score_keep_what_the_detector_finds(reader):
    plain = FaceReader.of(reader.keypoints, reader.emotions, reader.calibration)
    assert plain.read_photo(PORTRAIT)["found_by"].tolist() == ["detector"]
    assert len(plain.read_photo(np.full((200, 300), 90, np.uint8))) == 0
