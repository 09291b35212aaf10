import numpy as np
import pytest

from src.calibration import calibrate, fit_temperature, fit_threshold, five_probabilities

TRUE_SHARES = np.array([0.6, 0.1, 0.1, 0.1, 0.1])
LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 2, 3, 4])  # what TRUE_SHARES promises of ten faces


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_temperature_that_distorted_known_probabilities_is_found_again(temperature):
    distorted = TRUE_SHARES**temperature / (TRUE_SHARES**temperature).sum()
    outputs = np.tile(distorted, (10, 1)).astype(np.float32)
    found = fit_temperature(outputs, LABELS)
    assert found == pytest.approx(temperature, abs=1e-2)
    np.testing.assert_allclose(five_probabilities(outputs, found)[0], TRUE_SHARES, atol=5e-3)
    assert calibrate(outputs, LABELS).temperature == found


def test_five_of_seven_outputs_are_the_softmax_of_their_five_logits():
    logits = np.random.default_rng(0).normal(0, 3, (20, 7))
    seven = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for temperature in (1.0, 2.5):
        five = np.exp(logits[:, :5] / temperature)
        np.testing.assert_allclose(five_probabilities(seven, temperature), five / five.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(five_probabilities(np.eye(7, dtype=np.float32)[:1], 3), np.eye(5)[:1], atol=1e-9)


def confident(*values):
    """Faces that are called 0 with these confidences."""
    return np.array([[value, 1 - value, 0, 0, 0] for value in values])


def test_the_threshold_is_the_lowest_confidence_that_keeps_the_accuracy():
    probabilities = confident(0.7, 0.95, 0.8, 0.9, 0.6)
    labels = np.array([1, 0, 0, 0, 0])  # from the most confident down: right, right, right, wrong, right
    assert fit_threshold(probabilities, labels, 0.9) == 0.8
    assert fit_threshold(probabilities, labels, 0.8) == 0.6
    assert fit_threshold(probabilities, labels, 0.75) == 0.6


def test_equal_confidences_stay_together_and_an_unreachable_accuracy_gives_1():
    probabilities = confident(0.9, 0.8, 0.8)
    assert fit_threshold(probabilities, np.array([0, 0, 1]), 0.9) == 0.9, "0.8 would let the wrong one in"
    assert fit_threshold(probabilities, np.array([0, 0, 1]), 0.6) == 0.8
    assert fit_threshold(probabilities, np.array([1, 1, 1]), 0.9) == 1
