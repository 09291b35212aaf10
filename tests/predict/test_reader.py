import json
import shutil

import numpy as np
import pytest
from skimage import data

from src.data.sample import draw_faces
from src.faces import crop_squares, flip_keypoints, squares_of_edges, to_photo
from src.labels import BOX_COLUMNS, EMOTIONS, FLIP_ORDER, KEYPOINT_COLUMNS
from src.metrics.calibration import FaceScore, five_probabilities, sure_scores
from src.models.resnet import compact_emotions, compact_keypoints
from src.predict.answers import as_faces, find_points, predict_emotions, predict_keypoints
from src.predict.photos import PhotoError, to_grey
from src.predict.program import PORTRAIT
from src.predict.reader import FaceReader

TINY = {"widths": (8, 8, 16, 16), "units": (1, 1, 1, 1)}
COLUMNS = [*KEYPOINT_COLUMNS, "face_score", "emotion", *(f"p_{name}" for name in EMOTIONS), "confidence", "sure"]
PHOTO_COLUMNS = ["file", "face", *BOX_COLUMNS, *KEYPOINT_COLUMNS, "found_by", "detector_score", *COLUMNS[30:]]


def save(model, folder, model_json, weights):
    (folder / model_json).write_text(model.to_json())
    model.save_weights(folder / weights)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two untrained networks under the names of a run."""
    folder = tmp_path_factory.mktemp("run")
    save(compact_keypoints(1, **TINY), folder, "FacialKeyPoints-model.json", "FacialKeyPoints.weights.h5")
    save(compact_emotions(1, **TINY), folder, "FacialExpression-model.json", "FacialExpression.weights.h5")
    (folder / "calibration.json").write_text(json.dumps({"temperature": 2.0, "sure_above": 0.4}))
    return folder


@pytest.fixture(scope="module")
def reader(folder):
    return FaceReader(folder)


@pytest.fixture(scope="module")
def faces():
    return draw_faces(5, seed=2)[0]


def test_as_faces_takes_what_a_user_may_hold(faces):
    np.testing.assert_array_equal(as_faces(faces), faces)
    np.testing.assert_array_equal(as_faces(faces[..., None]), faces)
    np.testing.assert_array_equal(as_faces(np.maximum(faces - 0.4, 0)), faces)
    np.testing.assert_array_equal(as_faces(list(faces[:, ::2, ::2])), faces[:, ::2, ::2])
    mixed = as_faces([faces[0], np.full((30, 200), 9), np.full((150, 10), 250.0)])
    assert mixed.shape == (3, 96, 96) and mixed.dtype == np.uint8
    np.testing.assert_array_equal(mixed[0], faces[0])
    assert (mixed[1] == 9).all() and (mixed[2] == 250).all()
    assert as_faces([]).shape == (0, 96, 96)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (np.zeros((40, 40, 3)), r"face 1 has shape \(40, 40, 3\); give one grey value a pixel"),
        (np.zeros((0, 40)), r"face 1 has shape \(0, 40\)"),
        (np.full((40, 40), np.nan), "face 1 holds values outside 0..255"),
        (np.full((40, 40), 256), "face 1 holds values outside 0..255"),
        (np.full((40, 40), -1.0), "face 1 holds values outside 0..255"),
    ],
    ids=["colour", "empty", "nan", "too bright", "negative"],
)
def test_as_faces_names_the_face_that_is_none(faces, wrong, words):
    with pytest.raises(ValueError, match=words):
        as_faces([faces[0], wrong])


def test_as_faces_refuses_one_face_and_colour_faces(faces):
    for wrong in (faces[0], np.stack([faces] * 3, axis=-1)):
        with pytest.raises(ValueError, match=r"faces have shape .*; give \(n, h, w\) or \(n, h, w, 1\)"):
            as_faces(wrong)


def test_the_table_has_a_row_a_face_and_calibrated_probabilities(reader, faces):
    table = reader.read_faces(faces)
    assert list(table) == COLUMNS and len(table) == 5
    probabilities = table[[f"p_{name}" for name in EMOTIONS]].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_allclose(probabilities, five_probabilities(predict_emotions(reader.emotions, faces), 2.0))
    assert table["emotion"].tolist() == [EMOTIONS[i] for i in probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(table["confidence"], probabilities.max(axis=1))
    outputs = predict_emotions(reader.emotions, faces)
    sure = sure_scores(outputs, np.full(5, np.nan), reader.calibration) >= 0.4
    assert table["sure"].dtype == bool and table["sure"].tolist() == sure.tolist()
    assert table[list(KEYPOINT_COLUMNS)].to_numpy().min() >= 0
    assert table[list(KEYPOINT_COLUMNS)].to_numpy().max() <= 95


def test_no_faces_give_an_empty_table_with_the_same_columns(reader):
    for nothing in ([], np.zeros((0, 96, 96))):
        table = reader.read_faces(nothing)
        assert list(table) == COLUMNS and len(table) == 0


def test_a_flipped_face_gets_flipped_points(reader, faces):
    flipped = faces[:, :, ::-1]
    averaged, of_flipped = (predict_keypoints(reader.keypoints, images) for images in (faces, flipped))
    np.testing.assert_allclose(of_flipped, flip_keypoints(averaged), atol=1e-3)
    once, of_flipped = (predict_keypoints(reader.keypoints, images, flip=False) for images in (faces, flipped))
    assert np.abs(of_flipped - flip_keypoints(once)).max() > 0.1, "the network alone is not symmetric"
    np.testing.assert_allclose(averaged, (once + flip_keypoints(of_flipped)) / 2, atol=1e-3)


def test_a_flipped_face_gets_the_same_emotions_if_its_points_are_flipped_too(exported, faces):
    model = FaceReader(exported).emotions
    points = draw_faces(5, seed=2)[1]
    flipped, of_flipped = faces[:, :, ::-1], flip_keypoints(points)
    averaged = predict_emotions(model, faces, points)
    np.testing.assert_allclose(predict_emotions(model, flipped, of_flipped), averaged, atol=1e-5)
    once, other = (predict_emotions(model, *it, flip=False) for it in ((faces, points), (flipped, of_flipped)))
    np.testing.assert_allclose(averaged, (once + other) / 2, atol=1e-5)
    assert np.abs(once - other).max() > 1e-3, "the network alone is not symmetric"
    with pytest.raises(ValueError, match="aligns faces by their keypoints: give points_px"):
        predict_emotions(model, faces)


def test_shipped_names_are_read_and_a_missing_file_is_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no detection.json or FacialKeyPoints-model.json.*make run"):
        FaceReader(tmp_path)
    for shipped, own in (
        ("detection.json", "FacialKeyPoints-model.json"),
        ("emotion.json", "FacialExpression-model.json"),
    ):
        (tmp_path / shipped).write_bytes((folder / own).read_bytes())
    with pytest.raises(FileNotFoundError, match=r"detection.weights.h5 is missing"):
        FaceReader(tmp_path)
    (tmp_path / "detection.weights.h5").write_bytes((folder / "FacialKeyPoints.weights.h5").read_bytes())
    with pytest.raises(FileNotFoundError, match=r"emotion.weights.h5 is missing"):
        FaceReader(tmp_path)
    (tmp_path / "emotion.weights.h5").write_bytes((folder / "FacialExpression.weights.h5").read_bytes())
    with pytest.raises(FileNotFoundError, match=r"calibration.json is missing"):
        FaceReader(tmp_path)
    (tmp_path / "calibration.json").write_bytes((folder / "calibration.json").read_bytes())
    assert FaceReader(tmp_path).calibration.temperature == 2
    (tmp_path / "calibration.json").write_text(json.dumps({"temperature": 2.0, "sure_above": 0.4, "sure_by": "both"}))
    with pytest.raises(ValueError, match=r"calibration.json was written by another version: run notebook 03"):
        FaceReader(tmp_path)


def test_a_face_score_is_given_where_one_was_fitted(reader, folder, faces, tmp_path):
    assert reader.read_faces(faces)["face_score"].isna().all()
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    face_score = {"mean_px": draw_faces(9, seed=1)[1].mean(axis=0).ravel().tolist(), "spread": -1.0, "misfit": -1.0}
    (tmp_path / "face_score.json").write_text(json.dumps({**face_score, "bias": 2.0}))
    table = FaceReader(tmp_path).read_faces(faces)
    points, spread = find_points(reader.keypoints, faces)
    expected = FaceScore(**face_score, bias=2.0).of(points, spread)
    np.testing.assert_allclose(table["face_score"], expected, atol=1e-5)
    assert table["face_score"].between(0, 1).all()


def test_spreads_of_a_flipped_face_change_sides_with_its_points(reader, faces):
    flipped = np.ascontiguousarray(faces[:, :, ::-1])
    (points, spread), (its_points, its_spread) = (find_points(reader.keypoints, it) for it in (faces, flipped))
    np.testing.assert_allclose(its_spread[:, list(FLIP_ORDER)], spread, rtol=1e-4)
    np.testing.assert_allclose(flip_keypoints(its_points), points, atol=1e-2)


def test_a_wall_has_a_lower_face_score_than_a_face(shipped):
    face = shipped.read_photo(PORTRAIT)["face_score"]
    wall = shipped.read_faces([data.brick()[:200, :200]])["face_score"]
    assert face[0] > 0.9 and wall[0] < 0.1


def test_a_float_face_in_0_to_1_is_refused_instead_of_read_as_black():
    with pytest.raises(ValueError, match=r"face 1 holds values of 0\.\.1; multiply it by 255"):
        as_faces([np.full((8, 8), 200.0), np.full((8, 8), 0.8)])


@pytest.mark.parametrize("kind", [np.uint8, np.int64, bool])
def test_whole_numbers_of_0_and_1_are_refused_but_not_one_dark_grey(kind):
    with pytest.raises(ValueError, match=r"face 0 holds values of 0\.\.1; multiply it by 255"):
        as_faces(np.eye(8, dtype=kind)[None])
    np.testing.assert_array_equal(as_faces(np.ones((1, 8, 8), kind)), 1)
    np.testing.assert_array_equal(as_faces(np.zeros((1, 8, 8), kind)), 0)


# ---------------------------------------------------------------- photos


@pytest.fixture(scope="module")
def shipped():
    return FaceReader()


def points_of(table):
    return table[list(KEYPOINT_COLUMNS)].to_numpy().reshape(-1, 15, 2)


def test_a_photo_gives_a_row_a_face_in_its_own_pixels(shipped):
    table = shipped.read_photo(PORTRAIT)
    assert list(table) == PHOTO_COLUMNS
    assert len(table) == 1 and table.loc[0, "file"] == str(PORTRAIT) and table.loc[0, "face"] == 0
    eyes, nose = points_of(table)[0, :2], points_of(table)[0, 10]
    np.testing.assert_allclose(eyes, [[246, 104], [204, 102]], atol=5)  # left eye first: on the right of the picture
    np.testing.assert_allclose(nose, [225, 128], atol=6)
    left, top, right, bottom = table.loc[0, list(BOX_COLUMNS)]
    assert left < 185 and top < 95 and right > 265 and bottom > 165


def test_the_table_holds_what_is_read_in_the_second_square(reader, shipped):
    reader.detector = shipped.detector
    photo = to_grey(data.astronaut())
    table = reader.read_photo(photo)
    squares = squares_of_edges(table[list(BOX_COLUMNS)].to_numpy(float))
    crops = crop_squares(photo, squares)
    np.testing.assert_allclose(
        points_of(table), to_photo(predict_keypoints(reader.keypoints, crops), squares), atol=0.01
    )
    again = reader.read_faces(crops)
    np.testing.assert_allclose(table["confidence"], again["confidence"], atol=1e-5)
    assert table["file"].tolist() == [""]


def test_arrays_files_grey_and_swapped_channels_give_the_same_answer(shipped):
    picture = data.astronaut()
    table = shipped.read_photo(picture)
    for same in (to_grey(picture), picture[..., ::-1]):
        other = shipped.read_photo(same)
        np.testing.assert_allclose(points_of(other), points_of(table), atol=0.3)
        np.testing.assert_allclose(other["confidence"], table["confidence"], atol=0.02)
    np.testing.assert_allclose(points_of(shipped.read_photo(PORTRAIT)), points_of(table))


def test_five_faces_are_five_rows(shipped):
    row = data.astronaut()[40:250, 120:330]
    table = shipped.read_photo(np.hstack([row] * 5))
    assert len(table) == 5 and table["face"].tolist() == [0, 1, 2, 3, 4]
    middles = np.sort(points_of(table).mean(axis=1)[:, 0])
    np.testing.assert_allclose(np.diff(middles), 210, atol=4)


def test_a_photo_without_faces_is_an_empty_table_and_what_is_no_photo_is_refused(shipped, tmp_path):
    table = shipped.read_photo(data.brick())
    assert list(table) == PHOTO_COLUMNS and not len(table)
    with pytest.raises(PhotoError, match=r"no\.jpg does not exist"):
        shipped.read_photo(tmp_path / "no.jpg")
    with pytest.raises(ValueError, match="give uint8"):
        shipped.read_photo(data.astronaut() / 255)
