import keras
import numpy as np
import pytest
from keras import ops

from src.data.datasets import sample_keypoints, take_rows
from src.evaluation import stress
from src.evaluation.stress import (
    STRESSES,
    corrupted,
    fit_face_score,
    flip_distance_px,
    judge_face_score,
    keypoint_stress,
    rotated,
    shifted,
    stress_examples,
    stress_report,
)
from src.labels import FLIP_ORDER, FRAME, KEYPOINTS
from src.metrics.scores import point_errors_px

FACES = sample_keypoints(40, seed=3)
IMAGES, POINTS = FACES.images[:6], FACES.keypoints_px[:6]


def constant_network(points_px: np.ndarray) -> keras.Model:
    """A network that gives every face the same points, (15, 2) px."""
    inputs = keras.Input((FRAME, FRAME, 1))
    outputs = keras.layers.Lambda(lambda x: ops.mean(x, axis=(1, 2)) * 0 + points_px.reshape(1, 30))(inputs)
    return keras.Model(inputs, outputs)


def test_a_quarter_turn_moves_pixels_and_points_alike():
    images, points = rotated(IMAGES, POINTS, 90)
    np.testing.assert_array_equal(images, np.rot90(IMAGES, -1, axes=(1, 2)))  # clockwise
    x, y = POINTS[..., 0], POINTS[..., 1]
    np.testing.assert_allclose(points, np.stack([FRAME - 1 - y, x], axis=-1), atol=1e-4)


def test_a_face_with_surroundings_and_one_of_half_the_side_move_alike():
    wide = np.pad(IMAGES, ((0, 0), (24, 24), (24, 24)), mode="edge")
    half = IMAGES[:, ::2, ::2].repeat(2, axis=1).repeat(2, axis=2)  # pairs of equal pixels: half the detail
    for change, strength in ((rotated, 30), (shifted, 6)):
        np.testing.assert_array_equal(change(wide, POINTS, strength)[0], change(IMAGES, POINTS, strength)[0])
        small, _ = change(IMAGES[:, ::2, ::2], POINTS, strength)
        large, _ = change(half, POINTS, strength)
        assert small.shape == (6, 48, 48)
        assert np.abs(small - large.reshape(6, 48, 2, 48, 2).mean(axis=(2, 4))).mean() < 4


def test_a_shift_moves_pixels_and_points_to_the_right_and_down():
    images, points = shifted(IMAGES, POINTS, 4)
    np.testing.assert_array_equal(images[:, 4:, 4:], IMAGES[:, :-4, :-4])
    np.testing.assert_allclose(points, POINTS + 4, atol=1e-4)


@pytest.mark.parametrize("name", STRESSES)
def test_each_stress_takes_both_kinds_of_faces_and_hurts_more_as_it_grows(name):
    stress = STRESSES[name]
    assert len(stress.strengths) == 5
    for images in (IMAGES, IMAGES[:, ::2, ::2]):
        harm = []
        for strength in (stress.strengths[0], stress.strengths[-1]):
            changed, points = stress.change(images, POINTS, strength)
            assert changed.shape == images.shape and changed.dtype == np.uint8 and points.shape == POINTS.shape
            assert stress.moves or points is POINTS
            harm.append(np.abs(changed.astype(float) - images).mean())
        assert 0 < harm[0] < harm[1]


@pytest.mark.parametrize(
    ("name", "point"), [("eyes hidden", "right_eye_center"), ("mouth hidden", "mouth_left_corner")]
)
def test_what_is_hidden_is_grey_and_the_rest_is_untouched(name, point):
    changed, _ = STRESSES[name].change(IMAGES, POINTS, 0.3)
    for face, before, points in zip(changed, IMAGES, POINTS, strict=True):
        x, y = np.round(points[KEYPOINTS.index(point)]).astype(int)
        assert face[y, x] == 128
        x, y = np.round(points[KEYPOINTS.index("nose_tip")]).astype(int)
        assert face[y, x] == before[y, x]
        assert np.mean(face != before) < 0.2


def test_a_face_without_annotated_eyes_keeps_them_in_sight():
    points = POINTS.copy()
    points[0, KEYPOINTS.index("left_eye_outer_corner")] = np.nan
    changed, _ = STRESSES["eyes hidden"].change(IMAGES, points, 0.3)
    assert (changed[0] == IMAGES[0]).all() and not (changed[1] == IMAGES[1]).all()


def test_the_report_gives_a_score_for_each_strength():
    report = stress_report(lambda images, points: float(points.mean()), IMAGES, POINTS, IMAGES)
    assert list(report) == list(STRESSES)
    still = pytest.approx(POINTS.mean(), rel=1e-5)
    assert report["JPEG"]["scores"] == [report["JPEG"]["unchanged"]] * 5 == [still] * 5
    assert report["beside the face"]["strengths"] == [2, 4, 6, 9, 12]
    assert np.diff(report["beside the face"]["scores"]) == pytest.approx([2, 2, 3, 3], abs=1e-3)


def test_twice_the_light_is_twice_the_grey_up_to_white():
    changed, _ = STRESSES["bright"].change(IMAGES, POINTS, 2)
    np.testing.assert_array_equal(changed, np.minimum(IMAGES.astype(int) * 2, 255))


@pytest.mark.parametrize("shift", [0, 1.5])
def test_flip_distance_of_a_symmetric_face_shifted_sideways_is_twice_the_shift(shift):
    points = POINTS[0].copy()
    points[:, 0] -= FRAME / 2
    points[:, 0] = (points[:, 0] - points[list(FLIP_ORDER), 0]) / 2 + (FRAME - 1) / 2 + shift
    points[:, 1] = (points[:, 1] + points[list(FLIP_ORDER), 1]) / 2
    assert flip_distance_px(constant_network(points), IMAGES) == pytest.approx(2 * shift, abs=1e-3)


def test_keypoint_stress_scores_a_network_that_sees_nothing_by_how_far_the_points_went():
    points = FACES.keypoints_px.mean(axis=0)
    still = keypoint_stress(constant_network(points), FACES, degrees=0)
    turned = keypoint_stress(constant_network(points), FACES, degrees=30)
    assert still["nme_percent_rotated"][0] == pytest.approx(still["nme_percent_shrunk"])
    assert min(turned["nme_percent_rotated"]) > 2 * still["nme_percent_shrunk"]
    assert point_errors_px(rotated(IMAGES, POINTS, 30)[1], POINTS).mean() > 10


def test_examples_show_one_face_at_each_strength():
    examples = stress_examples(FACES, 2)
    assert list(examples) == list(STRESSES) and {rows.shape for rows in examples.values()} == {(5, FRAME, FRAME)}
    np.testing.assert_array_equal(examples["turned"][4], rotated(FACES.images[[2]], FACES.keypoints_px[[2]], 45)[0][0])


def test_corrupted_faces_are_moved_with_their_points():
    faces = take_rows(FACES, np.arange(3))
    images, points = corrupted(faces)
    assert len(images) == len(points) == 3 * (1 + 7 * 5 + 6) and images.dtype == np.uint8
    np.testing.assert_array_equal(images[:3], faces.images)
    np.testing.assert_array_equal(points[:3], faces.keypoints_px)
    np.testing.assert_allclose(points[-3:], faces.keypoints_px + 30, atol=1e-4)


def test_a_network_whose_spread_is_its_error_has_a_good_face_score(monkeypatch):
    faces, rng = take_rows(FACES, np.arange(20)), np.random.default_rng(0)
    images, points = corrupted(faces)
    known = {image.tobytes(): it for image, it in zip(images, points, strict=True)}

    def find_points(model, images):
        spread = np.exp(rng.uniform(0, 3, (len(images), 1)))
        spread[[image.tobytes() not in known for image in images]] = 60  # what is no face
        true = np.stack([known.get(image.tobytes(), points[0]) for image in images])
        return true + rng.normal(0, 1, true.shape) * spread[..., None], np.repeat(spread, 15, axis=1)

    monkeypatch.setattr(stress, "find_points", find_points)
    score = fit_face_score(None, faces, points[:20].mean(axis=0))
    judged = judge_face_score(None, score, faces)
    assert 0 < judged["right_share"] < 1 and judged["auroc_right"] > 0.95 and judged["auroc_face"] > 0.95


def test_a_network_that_is_never_right_gives_every_face_a_score_of_0():
    far = constant_network(np.random.default_rng(1).uniform(0, 96, (15, 2)))
    model = keras.Model(far.input, [far.output, keras.layers.Lambda(lambda it: it[:, :15] * 0 + 2)(far.output)])
    score = fit_face_score(model, take_rows(FACES, np.arange(4)), FACES.keypoints_px.mean(axis=0))
    np.testing.assert_allclose(score.of(FACES.keypoints_px[:2], np.full((2, 15), 2.0)), 0, atol=1e-9)
