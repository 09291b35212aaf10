"""How far an answer may be believed: a temperature for the probabilities, one score and threshold for "sure".

The temperature follows how undecided an answer is (entropy-based temperature scaling, Balanya et al. 2022, "Adaptive
temperature scaling for robust calibration of deep neural networks"; here T = temperature * entropy ** power).

The libraries that fitting takes are imported where it happens: reading a photo only applies what was fitted.
"""

from dataclasses import dataclass

import numpy as np

from src.labels import EMOTIONS


@dataclass(frozen=True)
class Calibration:
    """What is fitted on validation.

    temperature: of an answer that is equally for all five, above 0, 1 changes nothing; entropy_power: above 0, surer
    answers have a lower one, 0: all have the same; sure_by: key of SURE_SCORES; sure_above: score that is enough.
    """

    temperature: float = 1.0
    entropy_power: float = 0.0
    sure_above: float = 0.0
    sure_by: str = "confidence"


def five_probabilities(outputs: np.ndarray, temperature: float | np.ndarray = 1.0) -> np.ndarray:
    """Outputs of a five- or seven-class network -> probabilities of the five emotions.

    outputs (n, 5 or 7), probabilities; temperature: of all, or (n, 1); -> float64 (n, 5), rows sum to 1. The same as a
    softmax over the five logits divided by the temperature (Guo et al. 2017).
    """
    logits = np.log(np.maximum(outputs[:, : len(EMOTIONS)].astype(np.float64), 1e-30)) / temperature
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _entropy(outputs: np.ndarray) -> np.ndarray:
    """How undecided among the five each answer is, (n, 1): 1 is equally for all; never quite 0, which is no divisor."""
    five = five_probabilities(outputs)
    entropy = -(five * np.log(np.maximum(five, 1e-30))).sum(axis=1, keepdims=True) / np.log(len(EMOTIONS))
    return np.maximum(entropy, 1e-4)


def calibrated(outputs: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Outputs (n, 5 or 7) -> calibrated probabilities of the five emotions, float64 (n, 5). No answer changes."""
    temperature = calibration.temperature * _entropy(outputs) ** calibration.entropy_power
    return five_probabilities(outputs, temperature)


def _surprise(five: np.ndarray, labels: np.ndarray) -> float:
    """Cross-entropy of probabilities (n, 5) with labels (n,) in 0..4."""
    return float(-np.log(np.maximum(five[np.arange(len(labels)), labels], 1e-30)).mean())


def fit_temperature(outputs: np.ndarray, labels: np.ndarray) -> float:
    """The one temperature for all that makes the labels likeliest: outputs (n, 5 or 7), labels (n,) in 0..4."""
    from scipy.optimize import minimize_scalar

    def surprise(log_temperature):
        return _surprise(five_probabilities(outputs, np.exp(log_temperature)), labels)

    return float(np.exp(minimize_scalar(surprise, bounds=(-3, 3), method="bounded").x))


def fit_by_entropy(outputs: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """`temperature` and `entropy_power` that make the labels likeliest: outputs (n, 5 or 7), labels (n,) in 0..4."""
    from scipy.optimize import minimize

    def surprise(fitted):
        return _surprise(calibrated(outputs, Calibration(np.exp(fitted[0]), fitted[1])), labels)

    start = np.log(fit_temperature(outputs, labels)), 0.0
    log_temperature, power = minimize(surprise, start, method="L-BFGS-B", bounds=((-3, 3), (-1, 1))).x
    return float(np.exp(log_temperature)), float(power)


# outputs, probabilities of the five -> (n,), in 0..1: the larger, the surer.
SURE_SCORES = {
    "confidence": lambda outputs, five: five.max(axis=1),
    # What a seven-way network leaves for the five: fear and neutral faces get little.
    "share of the five": lambda outputs, five: outputs[:, : len(EMOTIONS)].sum(axis=1),
    "both": lambda outputs, five: five.max(axis=1) * outputs[:, : len(EMOTIONS)].sum(axis=1),
}


def sure_scores(outputs: np.ndarray, calibration: Calibration) -> np.ndarray:
    """How sure each answer is, (n,) in 0..1, for outputs (n, 5 or 7); sure means `sure_above` or more."""
    return SURE_SCORES[calibration.sure_by](outputs, calibrated(outputs, calibration))


def fit_threshold(scores: np.ndarray, correct: np.ndarray, accuracy: float = 0.9) -> float:
    """The lowest score above which `accuracy` of the answers are right; 1 where no threshold reaches it.

    scores (n,); correct (n,) bool. Equal scores stay together.
    """
    order = np.argsort(-scores, kind="stable")
    share = np.cumsum(correct[order]) / np.arange(1, len(scores) + 1)
    ends = np.append(np.diff(scores[order]) < 0, True)  # a threshold may lie behind the last of equals only
    good = np.flatnonzero((share >= accuracy) & ends)
    return float(scores[order][good[-1]]) if len(good) else 1.0


def calibrate(outputs: np.ndarray, labels: np.ndarray) -> Calibration:
    """Fits everything on validation faces: outputs (n, 5 or 7), labels (n,) in 0..6.

    The score is the one that best tells right answers from wrong ones and from faces of other emotions (AUROC); the
    temperatures and the threshold come from the faces of the five emotions.
    """
    from sklearn.metrics import roc_auc_score

    of_five = labels < len(EMOTIONS)
    fitted = fit_by_entropy(outputs[of_five], labels[of_five])
    five = calibrated(outputs, Calibration(*fitted))
    correct = five.argmax(axis=1) == labels
    names = list(SURE_SCORES) if outputs.shape[1] > len(EMOTIONS) else ["confidence"]
    scores = {name: SURE_SCORES[name](outputs, five) for name in names}
    both_kinds = 0 < correct.sum() < len(correct)
    best = max(names, key=lambda name: roc_auc_score(correct, scores[name])) if both_kinds else "confidence"
    return Calibration(*fitted, fit_threshold(scores[best][of_five], correct[of_five]), best)
