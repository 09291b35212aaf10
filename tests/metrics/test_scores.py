import numpy as np
import pytest

from src.labels import EMOTIONS, KEYPOINTS, OUTER_EYE_CORNERS
from src.metrics.scores import (
    accuracy_by_coverage,
    classwise_calibration_errors,
    emotion_scores,
    expected_calibration_error,
    keypoint_scores,
    likely_mislabelled,
    mcnemar_p,
    mean_interval,
    nme_percent,
    point_errors_px,
    reliability,
    rmse_px,
    wilson_interval,
)


@pytest.fixture
def truth():
    """Three faces whose outer eye corners are 40, 50 and 80 px apart."""
    points = np.random.default_rng(0).uniform(20, 70, (3, 15, 2))
    left, right = OUTER_EYE_CORNERS
    points[:, right] = (10, 40)
    points[:, left] = [(50, 40), (40, 80), (90, 40)]
    return points


def test_perfect_points_score_zero(truth):
    scores = keypoint_scores(truth, truth)
    assert scores["rmse_px"] == scores["nme_percent"] == scores["failures_percent"] == 0 and scores["auc_8"] == 1
    assert scores["point_error_px"] == dict.fromkeys(KEYPOINTS, 0.0) and scores["faces"] == 3


def test_a_shift_by_one_pixel_in_x(truth):
    shifted = truth + [1, 0]
    assert rmse_px(shifted, truth) == pytest.approx(np.sqrt(1 / 2))
    np.testing.assert_allclose(point_errors_px(shifted, truth), np.ones((3, 15)))
    np.testing.assert_allclose(nme_percent(shifted, truth), [100 / 40, 100 / 50, 100 / 80])
    scores = keypoint_scores(truth + [4, 0], truth)
    assert scores["nme_percent"] == pytest.approx((10 + 8 + 5) / 3) and scores["nme_median_percent"] == pytest.approx(8)
    assert scores["failures_percent"] == pytest.approx(100 / 3), "only 10 % is above 8 %"
    assert scores["failures_10_percent"] == 0 and keypoint_scores(truth + [4.1, 0], truth)["failures_10_percent"] > 33
    assert scores["auc_8"] == pytest.approx((0 + 0 + 3 / 8) / 3), "5 % leaves three eighths of the way to 8 %"
    assert scores["point_nme_percent"] == pytest.approx(dict.fromkeys(KEYPOINTS, (10 + 8 + 5) / 3))


def test_gaps_count_for_nothing(truth):
    nose = KEYPOINTS.index("nose_tip")
    predicted = truth + [3, 4]
    predicted[1, nose] += 1000
    truth[1, nose] = np.nan
    truth[2, OUTER_EYE_CORNERS[0]] = np.nan
    assert rmse_px(predicted, truth) == pytest.approx(np.sqrt((9 + 16) / 2))
    np.testing.assert_allclose(nme_percent(predicted, truth), [12.5, 10, np.nan])
    scores = keypoint_scores(predicted, truth)
    assert scores["nme_percent"] == pytest.approx(11.25) and scores["failures_percent"] == 100
    assert scores["point_error_px"]["nose_tip"] == pytest.approx(5)


def test_perfect_and_reversed_labels():
    labels = np.array([0, 1, 2, 3, 4, 3])
    perfect = emotion_scores(np.eye(5)[labels], labels, EMOTIONS)
    assert perfect["accuracy"] == perfect["macro_f1"] == 1 and perfect["ece"] == 0
    assert perfect["classes"]["happiness"] == {"precision": 1, "recall": 1, "f1": 1, "support": 2, "ece": 0}
    reversed_ = emotion_scores(np.eye(5)[4 - labels], labels, EMOTIONS)
    assert reversed_["accuracy"] == pytest.approx(1 / 6), "only the middle label is its own mirror"
    assert reversed_["macro_f1"] == pytest.approx(1 / 5) and reversed_["ece"] == pytest.approx(5 / 6)


def test_macro_f1_weighs_classes_alike():
    labels = np.array([3] * 8 + [1, 1])
    scores = emotion_scores(np.eye(5)[np.full(10, 3)], labels, EMOTIONS)
    assert scores["accuracy"] == pytest.approx(0.8)
    assert scores["macro_f1"] == pytest.approx((2 * 0.8 / 1.8) / 5), "absent classes and disgust count as 0"


def test_interval_over_seeds_is_students():
    three = mean_interval([1.0, 2.0, 3.0])
    assert three == pytest.approx({"mean": 2, "low": 2 - 2.4841, "high": 2 + 2.4841}, abs=1e-4), "4.3027 / sqrt(3)"
    assert mean_interval([5.0, 5.0]) == {"mean": 5, "low": 5, "high": 5}
    assert mean_interval([5.0]) == {"mean": 5, "low": None, "high": None}


def test_wilson_interval_of_textbook_cases():
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson_interval(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    with pytest.raises(ValueError, match="at least one"):
        wilson_interval(0, 0)


def test_ece_of_calibrated_and_of_confidently_wrong_answers():
    sure, unsure = [0.7, 0.3, 0, 0, 0], [0.4, 0.3, 0.3, 0, 0]
    labels = np.array([0] * 7 + [1] * 3 + [0] * 4 + [1] * 3 + [2] * 3)
    assert expected_calibration_error(np.array([sure] * 10 + [unsure] * 10), labels) == pytest.approx(0)
    assert expected_calibration_error(np.eye(5)[[0, 1, 2]], np.array([1, 2, 3])) == pytest.approx(1)
    half = np.array([sure] * 10)
    assert expected_calibration_error(half, np.zeros(10, int)) == pytest.approx(0.3), "always right at 0.7"


def test_reliability_bins_hold_means_and_leave_out_the_empty():
    probabilities = np.array([[0.91, 0.09], [0.95, 0.05], [0.4, 0.6]])
    bins = reliability(probabilities, np.array([0, 1, 1]), bins=10)
    assert bins["faces"] == [1, 2] and bins["accuracy"] == [1, 0.5]
    assert bins["confidence"] == pytest.approx([0.6, 0.93])


def test_mcnemar_looks_only_at_faces_on_which_two_networks_differ():
    correct = np.array([True] * 10 + [False] * 2 + [True] * 50)
    other = np.array([False] * 10 + [True] * 2 + [True] * 50)
    assert mcnemar_p(correct, other) == pytest.approx(0.0386, abs=1e-4), "2 of 12, two-sided: textbook value"
    assert mcnemar_p(correct, other) == mcnemar_p(other, correct)
    assert mcnemar_p(correct, correct) == 1


def test_accuracy_by_coverage_takes_the_surest_first():
    scores, correct = np.array([0.2, 0.9, 0.5, 0.7]), np.array([False, True, False, True])
    assert accuracy_by_coverage(scores, correct, [0.25, 0.5, 0.75, 1]) == pytest.approx([1, 1, 2 / 3, 1 / 2])


def test_classwise_errors_of_a_perfect_and_of_an_overbold_class():
    labels = np.array([0, 0, 1, 1])
    perfect = np.eye(2)[labels]
    np.testing.assert_allclose(classwise_calibration_errors(perfect, labels), [0, 0])
    # Says 0.9 of class 0 on every face, which is right on half of them; of class 2, that never is, nothing.
    overbold = np.tile([0.9, 0.1, 0.0], (4, 1))
    np.testing.assert_allclose(classwise_calibration_errors(overbold, labels), [0.4, 0.4, 0])


def test_a_face_is_doubted_where_another_class_is_as_likely_as_it_usually_is():
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.85, 0.15], [0.2, 0.8], [0.45, 0.55]])
    labels = np.array([0, 0, 1, 1, 0])
    # Class 0 has 0.68 on its own faces on average, class 1 has 0.475. The third face reaches class 0's, and the last
    # one class 1's; the others reach their own.
    np.testing.assert_array_equal(likely_mislabelled(probabilities, labels), [False, False, True, False, True])
    assert not likely_mislabelled(np.eye(2)[labels], labels).any()


def test_a_class_without_faces_is_suggested_to_nobody():
    assert not likely_mislabelled(np.array([[0.4, 0.6], [0.6, 0.4]]), np.array([0, 0])).any()
