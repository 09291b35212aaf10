"""How far an answer may be believed: a temperature for the probabilities, one score and threshold for "sure"."""

from dataclasses import dataclass

import numpy as np

from src.labels import EMOTIONS

# outputs, probabilities of the five -> (n,), in 0..1: the larger, the surer.
SURE_SCORES = {
    "confidence": lambda outputs, five: five.max(axis=1),
    # What a seven-way network leaves for the five: fear and neutral faces get little.
    "share of the five": lambda outputs, five: outputs[:, : len(EMOTIONS)].sum(axis=1),
    "both": lambda outputs, five: five.max(axis=1) * outputs[:, : len(EMOTIONS)].sum(axis=1),
}


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
