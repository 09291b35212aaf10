import numpy as np
import pytest

from src.metrics.calibration import (
    Calibration,
    FaceScore,
    calibrate,
    calibrated,
    fit_temperature,
    fit_threshold,
    five_probabilities,
    sure_scores,
)

TRUE_SHARES = np.array([0.6, 0.1, 0.1, 0.1, 0.1])
LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 2, 3, 4])  # what TRUE_SHARES promises of ten faces
SHARES, NO_SCORE = np.eye(5)[LABELS], np.full(10, np.nan)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_temperature_that_distorted_known_probabilities_is_found_again(temperature):
    distorted = TRUE_SHARES**temperature / (TRUE_SHARES**temperature).sum()
    outputs = np.tile(distorted, (10, 1)).astype(np.float32)
    found = fit_temperature(outputs, SHARES)
    assert found == pytest.approx(temperature, abs=1e-2)
    np.testing.assert_allclose(five_probabilities(outputs, found)[0], TRUE_SHARES, atol=5e-3)
    assert fit_temperature(outputs[:1], TRUE_SHARES[None]) == pytest.approx(found), "shares of votes count like labels"
    assert calibrate(outputs, NO_SCORE, LABELS, np.eye(7)[LABELS]).temperature == found


def seven_outputs(n, seed):
    logits = np.random.default_rng(seed).normal(0, 3, (n, 7))
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_a_temperature_changes_how_sure_an_answer_is_and_not_what_it_says():
    outputs, raw = seven_outputs(200, 1), five_probabilities(seven_outputs(200, 1))
    np.testing.assert_array_equal(calibrated(outputs, Calibration()), raw)
    five = calibrated(outputs, Calibration(2.0))
    np.testing.assert_array_equal(five, five_probabilities(outputs, 2.0))
    np.testing.assert_array_equal(five.argmax(axis=1), raw.argmax(axis=1))
    assert (five.max(axis=1) < raw.max(axis=1)).all()
    sure, undecided = np.eye(7)[:1], np.full((1, 7), 1 / 7)
    np.testing.assert_allclose(calibrated(undecided, Calibration(2.0)), 0.2)
    np.testing.assert_allclose(calibrated(sure, Calibration(2.0)), np.eye(5)[:1], atol=1e-9)


@pytest.mark.parametrize("temperature", [0.9, 1.5])
def test_the_temperature_is_found_from_labels_drawn_by_it(temperature):
    outputs = seven_outputs(40_000, 2)
    promised = five_probabilities(outputs, temperature).cumsum(axis=1)
    labels = (promised < np.random.default_rng(3).random((len(outputs), 1))).sum(axis=1)
    assert fit_temperature(outputs, np.eye(5)[labels]) == pytest.approx(temperature, abs=0.04)
    others = seven_outputs(4_000, 4)  # faces of fear and undecided ones, which have no say in the temperature
    everyone = np.concatenate([outputs[:4_000], others])
    truth = np.concatenate([labels[:4_000], np.full(2_000, 5), np.full(2_000, -1)])
    found = calibrate(everyone, np.full(8_000, np.nan), truth, np.eye(7)[truth])
    assert found.temperature == fit_temperature(outputs[:4_000], np.eye(5)[labels[:4_000]])


def test_five_of_seven_outputs_are_the_softmax_of_their_five_logits():
    logits = np.random.default_rng(0).normal(0, 3, (20, 7))
    seven = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for temperature in (1.0, 2.5):
        five = np.exp(logits[:, :5] / temperature)
        np.testing.assert_allclose(five_probabilities(seven, temperature), five / five.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(five_probabilities(np.eye(7, dtype=np.float32)[:1], 3), np.eye(5)[:1], atol=1e-9)


def test_the_threshold_is_the_lowest_score_that_keeps_the_accuracy():
    scores = np.array([0.7, 0.95, 0.8, 0.9, 0.6])
    correct = np.array([False, True, True, True, True])  # from the surest down: right, right, right, wrong, right
    assert fit_threshold(scores, correct, 0.9) == 0.8
    assert fit_threshold(scores, correct, 0.8) == 0.6
    assert fit_threshold(scores, correct, 0.75) == 0.6


def test_equal_scores_stay_together_and_an_unreachable_accuracy_gives_1():
    scores, correct = np.array([0.9, 0.8, 0.8]), np.array([True, True, False])
    assert fit_threshold(scores, correct, 0.9) == 0.9, "0.8 would let the wrong one in"
    assert fit_threshold(scores, correct, 0.6) == 0.8
    assert fit_threshold(scores, np.zeros(3, bool), 0.9) == 1


def seven(confidence, five):
    """Outputs that call a face 0: `confidence` of the five is its, the five have `five` of all."""
    rest = (1 - confidence) / 4
    return [*(five * np.array([confidence, rest, rest, rest, rest])), (1 - five) / 2, (1 - five) / 2]


def test_a_sure_answer_needs_a_face_and_no_other_emotion():
    outputs = np.array([seven(0.9, 1.0), seven(0.9, 0.5), seven(0.9, 1.0), seven(0.9, 1.0)])
    scores = sure_scores(outputs, np.array([1.0, 1.0, 0.1, np.nan]), Calibration())
    np.testing.assert_allclose(scores, [0.9, 0.45, 0.09, 0.9])
    five = outputs[:1, :5]
    cooler = Calibration(2.0)
    np.testing.assert_allclose(sure_scores(five, NO_SCORE[:1], cooler), calibrated(five, cooler).max(axis=1))


def fitted(scores, truth, without_face=(), **how):
    """Calibration of answers "0" with these sure scores; the truth's shares keep the temperature at 1."""
    outputs = np.array([seven(it, 1.0) for it in scores])
    shares = np.pad(outputs[:, :5], ((0, 0), (0, 2)))
    faceless = np.array([seven(it, 1.0) for it in without_face]).reshape(-1, 7), np.ones(len(without_face))
    return calibrate(outputs, np.ones(len(scores)), np.array(truth), shares, faceless, **how)


def test_the_threshold_keeps_wrong_answers_other_emotions_and_what_is_no_face_out():
    of_five = [0.95, 0.9, 0.6, 0.5], [0, 0, 1, 0]
    assert fitted(*of_five, accuracy=0.97).sure_above == pytest.approx(0.9)
    assert fitted(*of_five, accuracy=0.75).sure_above == pytest.approx(0.5)
    scores, truth = [*of_five[0], *np.linspace(0.4, 0.92, 10)], [*of_five[1], *[5] * 10]
    found = fitted(scores, truth, accuracy=0.75)
    fear = sure_scores(np.array([seven(it, 1.0) for it in scores[4:]]), np.ones(10), found)
    assert (fear >= found.sure_above).sum() == 1, "17 % of ten faces of fear are one"
    found = fitted(*of_five, [0.93, 0.2, 0.3], accuracy=0.75)
    faceless = sure_scores(np.array([seven(0.93, 1.0)]), np.ones(1), found)
    assert faceless < found.sure_above < faceless + 1e-9, "one in a hundred of three pictures without a face are none"


RNG = np.random.default_rng(4)
MEAN_FACE = RNG.uniform(20, 76, (15, 2))


def placed(points, turn_deg, size, shift):
    """The points, turned, enlarged and moved."""
    angle = np.deg2rad(turn_deg)
    turn = size * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (points - 48) @ turn + 48 + shift


def test_a_face_score_asks_for_narrow_heatmaps_and_the_shape_of_a_face_wherever_it_lies():
    score = FaceScore(MEAN_FACE.ravel().tolist(), spread=-3.0, misfit=-2.0, bias=0.0)
    points = np.stack([MEAN_FACE, placed(MEAN_FACE, 70, 0.5, [9, -4]), MEAN_FACE + RNG.normal(0, 6, (15, 2))])
    same, moved, bent = score.of(points, np.full((3, 15), 2.0))
    assert same == pytest.approx(moved) and same > bent
    assert score.of(points[2:], np.full((1, 15), 4.0))[0] < bent
    reversed_ = score.of(points[:1] * [-1, 1], np.full((1, 15), 2.0))[0]
    assert reversed_ < same, "a mirror picture is another shape"
    assert np.isfinite(score.of(np.zeros((1, 15, 2)), np.zeros((1, 15)))).all()
    assert np.isnan(score.of(points, np.full((3, 15), np.nan))).all()


def test_a_fitted_face_score_tells_right_from_wrong_and_says_how_often_it_is_right():
    n = 4000
    noise = np.exp(RNG.uniform(-2, 2, n))
    points = MEAN_FACE + RNG.normal(0, 1, (n, 15, 2)) * noise[:, None, None]
    spread = np.tile(noise[:, None], (1, 15)) * np.exp(RNG.normal(0, 0.1, (n, 15)))
    right = RNG.random(n) < 1 / (1 + noise**2)
    score = FaceScore.fit(points, spread, right, MEAN_FACE)
    assert score.spread < 0 or score.misfit < 0
    found = score.of(points, spread)
    for low, high in ((0, 0.3), (0.3, 0.7), (0.7, 1)):
        these = (found >= low) & (found < high)
        assert right[these].mean() == pytest.approx(found[these].mean(), abs=0.05)
