"""How far a probability may be believed: one temperature, and the confidence from which the answer counts as sure."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from src.labels import EMOTIONS


@dataclass(frozen=True)
class Calibration:
    """temperature: above 0, 1 changes nothing; sure_above: confidence in 0..1 from which a face counts as sure."""

    temperature: float = 1.0
    sure_above: float = 0.0


def five_probabilities(outputs: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Outputs of a five- or seven-class network -> calibrated probabilities of the five emotions.

    outputs (n, 5 or 7), probabilities; -> float64 (n, 5), rows sum to 1. The same as a softmax over the five logits
    divided by the temperature (Guo et al. 2017).
    """
    logits = np.log(np.maximum(outputs[:, : len(EMOTIONS)].astype(np.float64), 1e-30)) / temperature
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def fit_temperature(outputs: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that makes the labels likeliest: outputs (n, 5 or 7), labels (n,) in 0..4."""

    def surprise(log_temperature):
        probabilities = five_probabilities(outputs, np.exp(log_temperature))
        return -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-30)).mean()

    return float(np.exp(minimize_scalar(surprise, bounds=(-3, 3), method="bounded").x))


def fit_threshold(probabilities: np.ndarray, labels: np.ndarray, accuracy: float = 0.9) -> float:
    """The lowest confidence above which `accuracy` of the answers are right; 1 where no threshold reaches it.

    probabilities (n, 5); labels (n,). Ties in confidence stay together.
    """
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    correct = (probabilities.argmax(axis=1) == labels)[order]
    share = np.cumsum(correct) / np.arange(1, len(labels) + 1)
    ends = np.append(np.diff(confidence[order]) < 0, True)  # a threshold may lie behind the last of equals only
    good = np.flatnonzero((share >= accuracy) & ends)
    return float(confidence[order][good[-1]]) if len(good) else 1.0


def calibrate(outputs: np.ndarray, labels: np.ndarray) -> Calibration:
    """Fits both numbers on validation faces: outputs (n, 5 or 7), labels (n,) in 0..4."""
    temperature = fit_temperature(outputs, labels)
    return Calibration(temperature, fit_threshold(five_probabilities(outputs, temperature), labels))
