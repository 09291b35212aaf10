"""How far an answer may be believed: a score for keypoints; a temperature for probabilities, a threshold for "sure"."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from src.labels import EMOTIONS

_TINY = 1e-6  # keeps points that lie all in one place from a logarithm of 0

# outputs, probabilities of the five -> (n,), in 0..1: the larger, the surer.
SURE_SCORES = {
    "confidence": lambda outputs, five: five.max(axis=1),
    # What a seven-way network leaves for the five: fear and neutral faces get little.
    "share of the five": lambda outputs, five: outputs[:, : len(EMOTIONS)].sum(axis=1),
    "both": lambda outputs, five: five.max(axis=1) * outputs[:, : len(EMOTIONS)].sum(axis=1),
}


@dataclass(frozen=True)
class FaceScore:
    """Fitted on validation: how likely the keypoints of a face are right, by how concentrated and face-shaped they are.

    mean_px: the mean face's keypoints, 30 numbers; spread, misfit, bias: of a logistic regression on the logarithms of
    the mean spread of the heatmaps, px of the 96x96 frame, and of the distance to the mean face.
    """

    mean_px: list[float]
    spread: float
    misfit: float
    bias: float

    def of(self, points_px: np.ndarray, spread_px: np.ndarray) -> np.ndarray:
        """Score of each face, 0..1: points (n, 15, 2) and their spreads (n, 15), px of the 96x96 frame -> (n,)."""
        weights = np.array([self.spread, self.misfit])
        evidence = _face_evidence(points_px, spread_px, np.reshape(self.mean_px, (-1, 2))) @ weights + self.bias
        return 1 / (1 + np.exp(-np.clip(evidence, -50, 50)))

    @classmethod
    def fit(cls, points_px: np.ndarray, spread_px: np.ndarray, right: np.ndarray, mean_px: np.ndarray) -> Self:
        """points (n, 15, 2), spreads (n, 15), which of them are right, bool (n,) with both, mean face (15, 2)."""
        from sklearn.linear_model import LogisticRegression  # here, since reading a photo only applies what was fitted

        mean = np.ravel(mean_px).tolist()
        if not np.any(right):  # a network that has hardly been trained
            return cls(mean, spread=0.0, misfit=0.0, bias=-50.0)
        regression = LogisticRegression(C=100, max_iter=1000)
        regression.fit(_face_evidence(points_px, spread_px, mean_px), right)
        return cls(mean, *regression.coef_[0].tolist(), float(regression.intercept_[0]))


def _face_evidence(points_px: np.ndarray, spread_px: np.ndarray, mean_px: np.ndarray) -> np.ndarray:
    """Log of the mean spread, log of the misfit: (n, 2).

    Misfit: what is left of the points' distances from their middle when the mean face is brought there as well as
    size, turn and place allow (Procrustes distance), between 0 and 1. Points are complex numbers here, x + iy.
    """
    points, mean = (np.asarray(it[..., 0] + 1j * it[..., 1], np.complex128) for it in (points_px, mean_px))
    points, mean = (it - it.mean(axis=-1, keepdims=True) for it in (points, mean))
    size = np.linalg.norm(points, axis=1)
    shared = abs(points @ mean.conj()) / np.maximum(size * np.linalg.norm(mean), _TINY)
    misfit = np.sqrt(np.maximum(1 - shared**2, 0))
    spread = np.asarray(spread_px, np.float64).mean(axis=1)
    return np.log(np.maximum(np.column_stack([spread, misfit]), _TINY))


@dataclass(frozen=True)
class Calibration:
    """Fitted on validation: temperature (above 0; 1 changes nothing), score that is enough, key of SURE_SCORES."""

    temperature: float = 1.0
    sure_above: float = 0.0
    sure_by: str = "confidence"


def five_probabilities(outputs: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Outputs (n, 5 or 7) -> softmax of the five's logits / temperature (Guo et al. 2017), float64 (n, 5), sum 1."""
    logits = np.log(np.maximum(outputs[:, : len(EMOTIONS)].astype(np.float64), 1e-30)) / temperature
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def calibrated(outputs: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Outputs (n, 5 or 7) -> calibrated probabilities of the five emotions, float64 (n, 5). No answer changes."""
    return five_probabilities(outputs, calibration.temperature)


def sure_scores(outputs: np.ndarray, calibration: Calibration) -> np.ndarray:
    """How sure each answer is, (n,) in 0..1, for outputs (n, 5 or 7); sure means `sure_above` or more."""
    return SURE_SCORES[calibration.sure_by](outputs, calibrated(outputs, calibration))


def fit_temperature(outputs: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that makes the labels likeliest: outputs (n, 5 or 7), labels (n,) in 0..4."""
    from scipy.optimize import minimize_scalar  # here, since reading a photo only applies what was fitted

    def surprise(log_temperature):
        five = five_probabilities(outputs, np.exp(log_temperature))
        return -np.log(np.maximum(five[np.arange(len(labels)), labels], 1e-30)).mean()

    return float(np.exp(minimize_scalar(surprise, bounds=(-3, 3), method="bounded").x))


def fit_threshold(scores: np.ndarray, correct: np.ndarray, accuracy: float = 0.9) -> float:
    """The lowest score from which on `accuracy` of the answers are right: (n,), bool (n,); 1 where none reaches it."""
    return next((float(it) for it in np.unique(scores) if correct[scores >= it].mean() >= accuracy), 1.0)


def calibrate(outputs: np.ndarray, labels: np.ndarray) -> Calibration:
    """Fits everything on validation faces: outputs (n, 5 or 7), labels (n,) in 0..6.

    The score is the one that best tells right answers from wrong ones and from faces of other emotions (AUROC); the
    temperature and the threshold come from the faces of the five emotions.
    """
    from sklearn.metrics import roc_auc_score

    of_five, sure_by = labels < len(EMOTIONS), "confidence"
    temperature = fit_temperature(outputs[of_five], labels[of_five])
    five = five_probabilities(outputs, temperature)
    correct = five.argmax(axis=1) == labels
    if outputs.shape[1] > len(EMOTIONS) and 0 < correct.sum() < len(correct):
        sure_by = max(SURE_SCORES, key=lambda it: roc_auc_score(correct, SURE_SCORES[it](outputs, five)))
    scores = SURE_SCORES[sure_by](outputs, five)
    return Calibration(temperature, fit_threshold(scores[of_five], correct[of_five]), sure_by)
