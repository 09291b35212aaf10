"""How far an answer may be believed: a score for keypoints; a temperature for probabilities, a threshold for "sure"."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from src.labels import EMOTIONS, is_five

# What validation asks of answers that are sure: a little more than 97, 20 and 2 %, since other faces differ.
RIGHT_WHEN_SURE = {"people": 0.975, "labels": 0.9}  # of the answers on the five emotions; labels err themselves
OTHERS_SURE = 0.17  # of faces of other emotions, at most
FACELESS_SURE = 0.01  # of pictures without a face, at most
_TINY = 1e-6  # keeps points that lie all in one place from a logarithm of 0


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
    """Fitted on validation: temperature (above 0; 1 changes nothing), the score from which on an answer is sure."""

    temperature: float = 1.0
    sure_above: float = 0.0


def among_five(shares: np.ndarray) -> np.ndarray:
    """Shares of the seven emotions (n, 7) -> of the five alone (n, 5); rows that had none for these stay 0."""
    five = shares[:, : len(EMOTIONS)]
    return five / np.maximum(five.sum(axis=1, keepdims=True), 1e-12)


def _tempered(outputs: np.ndarray, temperature: float) -> np.ndarray:
    """Softmax of the logits / temperature (Guo et al. 2017): probabilities (n, k) -> float64 (n, k)."""
    logits = np.log(np.maximum(outputs.astype(np.float64), 1e-30)) / temperature
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def five_probabilities(outputs: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Outputs (n, 5 or 7) -> softmax of the five's logits / temperature (Guo et al. 2017), float64 (n, 5), sum 1."""
    return _tempered(outputs[:, : len(EMOTIONS)], temperature)


def calibrated(outputs: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Outputs (n, 5 or 7) -> calibrated probabilities of the five emotions, float64 (n, 5). No answer changes."""
    return five_probabilities(outputs, calibration.temperature)


def sure_scores(outputs: np.ndarray, face_scores: np.ndarray, calibration: Calibration) -> np.ndarray:
    """How likely there is a face and it shows the answer, (n,) in 0..1; an answer is sure from `sure_above` on.

    The calibrated probability that the answer has among all that the network can say, times the face score: outputs
    (n, 5 or 7); face_scores (n,), NaN where there is none, which then does not count.
    """
    answer = _tempered(outputs, calibration.temperature)[:, : len(EMOTIONS)].max(axis=1)
    return answer * np.where(np.isnan(face_scores), 1.0, face_scores)


def fit_temperature(outputs: np.ndarray, shares: np.ndarray) -> float:
    """The temperature that makes the truth likeliest: outputs (n, 5 or 7), shares of the five emotions (n, 5).

    The shares are those of people's votes, or 1 for the label.
    """
    from scipy.optimize import minimize_scalar  # here, since reading a photo only applies what was fitted

    def surprise(log_temperature):
        return soft_crossentropy(five_probabilities(outputs, np.exp(log_temperature)), shares)

    return float(np.exp(minimize_scalar(surprise, bounds=(-3, 3), method="bounded").x))


def soft_crossentropy(probabilities: np.ndarray, shares: np.ndarray) -> float:
    """Mean cross-entropy, nats: probabilities and shares, (n, k) each."""
    return float(-(shares * np.log(np.maximum(probabilities, 1e-30))).sum(axis=1).mean())


def fit_threshold(scores: np.ndarray, correct: np.ndarray, accuracy: float = 0.9) -> float:
    """The lowest score from which on `accuracy` of the answers are right: (n,), bool (n,); 1 where none reaches it."""
    return next((float(it) for it in np.unique(scores) if correct[scores >= it].mean() >= accuracy), 1.0)


def calibrate(
    outputs: np.ndarray,
    face_scores: np.ndarray,
    truth: np.ndarray,
    shares: np.ndarray,
    without_face: tuple[np.ndarray, np.ndarray] | None = None,
    accuracy: float = RIGHT_WHEN_SURE["people"],
) -> Calibration:
    """Fits the temperature and the threshold of *sure* on validation faces.

    outputs (n, 5 or 7); face_scores (n,), NaN where there is none; truth: what each face shows, an index into
    `labels.ALL_EMOTIONS`, (n,), negative where that is undecided; shares (n, 7): of people's votes for each, or 1 for
    the truth. without_face: outputs and face scores of pictures without a face. The temperature comes from the faces of
    the five emotions. The threshold is the lowest score from which on `accuracy` of the answers on the five are right,
    and that few of the other emotions' faces and of the pictures without a face reach.
    """
    ours = is_five(truth)
    found = Calibration(fit_temperature(outputs[ours], among_five(shares[ours])))
    scores, correct = sure_scores(outputs, face_scores, found), outputs[:, : len(EMOTIONS)].argmax(axis=1) == truth
    bounds = [fit_threshold(scores[ours], correct[ours], accuracy)]
    bounds.append(_passed_by(scores[truth >= len(EMOTIONS)], OTHERS_SURE))
    if without_face:
        bounds.append(_passed_by(sure_scores(*without_face, found), FACELESS_SURE))
    return Calibration(found.temperature, max(bounds))


def _passed_by(scores: np.ndarray, share: float) -> float:
    """The lowest score that at most `share` of the scores reach; 0 where there are none."""
    if not len(scores):
        return 0.0
    ranked = np.sort(scores)[::-1]
    return float(np.nextafter(ranked[int(share * len(ranked))], np.inf))
