"""Scores, in NumPy and scikit-learn: keypoint errors in px and as NME, accuracy with an interval, ECE."""

import numpy as np
from scipy.stats import binomtest, t
from sklearn.metrics import precision_recall_fscore_support

from src.labels import KEYPOINTS, OUTER_EYE_CORNERS

FAILURE_NME = 8.0  # %; a face whose NME is above counts as failed
FAILURE_NME_300W = 10.0  # %; the same in the 300-W challenge


def point_errors_px(predicted_px: np.ndarray, true_px: np.ndarray) -> np.ndarray:
    """Euclidean error of each point: (n, 15, 2) px twice -> (n, 15) px; NaN where the truth is NaN."""
    return np.linalg.norm(predicted_px - true_px, axis=2)


def rmse_px(predicted_px: np.ndarray, true_px: np.ndarray) -> float:
    """Root mean squared error over all known coordinates, px: (n, 15, 2) twice."""
    return float(np.sqrt(np.nanmean((predicted_px - true_px) ** 2)))


def nme_percent(predicted_px: np.ndarray, true_px: np.ndarray) -> np.ndarray:
    """Normalised mean error, %, (n,): mean point error / distance of the true outer eye corners; NaN without these."""
    errors = point_errors_px(predicted_px, true_px)
    mean_error = np.nansum(errors, axis=1) / np.maximum(np.isfinite(errors).sum(axis=1), 1)
    return 100 * mean_error / eye_distance_px(true_px)


def eye_distance_px(points_px: np.ndarray) -> np.ndarray:
    """Distance of the outer eye corners, px, (n,): points (n, 15, 2) px; NaN without these."""
    left, right = OUTER_EYE_CORNERS
    return np.linalg.norm(points_px[:, left] - points_px[:, right], axis=1)


def keypoint_scores(predicted_px: np.ndarray, true_px: np.ndarray) -> dict:
    """The score card of one set of faces: (n, 15, 2) px twice -> plain numbers."""
    nme = nme_percent(predicted_px, true_px)
    errors = point_errors_px(predicted_px, true_px)
    of_eyes = 100 * errors / eye_distance_px(true_px)[:, None]
    known = nme[np.isfinite(nme)]
    return {
        "faces": len(true_px),
        "rmse_px": rmse_px(predicted_px, true_px),
        "nme_percent": float(np.nanmean(nme)),
        "nme_median_percent": float(np.nanmedian(nme)),
        "nme_p90_percent": float(np.nanpercentile(nme, 90)),
        "failures_percent": float(100 * np.mean(known > FAILURE_NME)),
        "failures_10_percent": float(100 * np.mean(known > FAILURE_NME_300W)),
        "auc_8": float(np.mean(np.maximum(0, 1 - known / FAILURE_NME))),  # under the cumulative errors up to 8 %
        "point_error_px": dict(zip(KEYPOINTS, np.nanmean(errors, axis=0).tolist(), strict=True)),
        "point_nme_percent": dict(zip(KEYPOINTS, np.nanmean(of_eyes, axis=0).tolist(), strict=True)),
    }


def wilson_interval(correct: int, total: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927): counts -> (low, high) in 0..1. ValueError where total is 0."""
    if total == 0:
        raise ValueError("an interval of a share needs at least one case")
    low, high = binomtest(correct, total).proportion_ci(method="wilson")
    return float(low), float(high)


def mean_interval(values: np.ndarray) -> dict:
    """Mean over seeds and its 95 % interval by Student's t: (n,) -> mean, low, high; the last two None where n is 1."""
    values = np.asarray(values, float)
    mean = float(values.mean())
    if len(values) == 1:
        return {"mean": mean, "low": None, "high": None}
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return {"mean": mean, "low": mean - half, "high": mean + half}


def _binned(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> dict[str, list]:
    """Equal-width bins of `confidence` (n,): faces in each, their mean confidence, the mean of `correct`."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    faces, *sums = (np.bincount(which, weights=it, minlength=bins) for it in (None, confidence, correct))
    filled = faces > 0
    means = [(total[filled] / faces[filled]).tolist() for total in sums]
    return {"faces": faces[filled].astype(int).tolist(), "confidence": means[0], "accuracy": means[1]}


def _mean_gap(binned: dict[str, list]) -> float:
    faces, confidence, accuracy = (np.array(it) for it in binned.values())
    return float((faces * np.abs(confidence - accuracy)).sum() / faces.sum())


def reliability(probabilities: np.ndarray, truth: np.ndarray, bins: int = 15) -> dict[str, list]:
    """Equal-width bins of confidence, empty ones left out: how many faces, their mean confidence, their accuracy.

    probabilities (n, classes) that sum to 1; truth: integers (n,), or shares (n, classes), of which an answer is right
    by as much as it has.
    """
    answers = probabilities.argmax(axis=1)
    right = answers == truth if truth.ndim == 1 else truth[np.arange(len(truth)), answers]
    return _binned(probabilities.max(axis=1), right, bins)


def expected_calibration_error(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """ECE (Naeini 2015): mean gap between confidence and accuracy over the bins of `reliability`, in 0..1."""
    return _mean_gap(reliability(probabilities, truth))


def classwise_calibration_errors(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """ECE of each class by itself (Kull et al. 2019): gap between its probability and how often it is true, (classes,).

    probabilities (n, classes); labels (n,). Every face counts for every class, so a rare class has a small figure.
    """
    return np.array([_mean_gap(_binned(column, labels == code)) for code, column in enumerate(probabilities.T)])


def likely_mislabelled(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Faces whose label the network has good reason to doubt, bool (n,), by confident learning (Northcutt et al. 2021).

    A class is *confidently* that of a face if its probability reaches the mean that it has on faces of that label. A
    face is doubted if the likeliest of its confident classes is not its label. The network must not have been trained
    on these faces. probabilities (n, classes); labels (n,).
    """
    of_label = [probabilities[labels == code, code] for code in range(probabilities.shape[1])]
    confident = probabilities >= np.array([it.mean() if len(it) else np.inf for it in of_label])
    likeliest = np.where(confident, probabilities, -1).argmax(axis=1)
    return confident.any(axis=1) & (likeliest != labels)


def mcnemar_p(correct: np.ndarray, other_correct: np.ndarray) -> float:
    """Exact McNemar test of two networks on the same faces: bool (n,) each -> two-sided p of "equally good"."""
    only_one, only_other = int((correct & ~other_correct).sum()), int((other_correct & ~correct).sum())
    return binomtest(only_one, only_one + only_other).pvalue if only_one + only_other else 1.0


def accuracy_by_coverage(scores: np.ndarray, correct: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """Accuracy of the surest share of the faces, for each share in `coverage`: scores (n,), correct bool (n,)."""
    ranked = correct[np.argsort(-scores, kind="stable")]
    counts = np.maximum(1, np.round(np.asarray(coverage) * len(scores)).astype(int))
    return np.cumsum(ranked)[counts - 1] / counts


def emotion_scores(probabilities: np.ndarray, labels: np.ndarray, names: tuple[str, ...]) -> dict:
    """The score card of one set of faces: probabilities (n, classes), labels (n,) -> plain numbers in 0..1."""
    predicted = probabilities.argmax(axis=1)
    correct = int((predicted == labels).sum())
    table = precision_recall_fscore_support(labels, predicted, labels=range(len(names)), zero_division=0)
    rows = zip(names, *table, classwise_calibration_errors(probabilities, labels), strict=True)
    return {
        "faces": len(labels),
        "accuracy": correct / len(labels),
        "accuracy_interval_95": wilson_interval(correct, len(labels)),
        "macro_f1": float(np.mean(table[2])),
        "mean_recall": float(np.mean(table[1][table[3] > 0])),  # of the classes that have faces
        "ece": expected_calibration_error(probabilities, labels),
        "classes": {
            name: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(n), "ece": float(gap)}
            for name, p, r, f, n, gap in rows
        },
    }
