"""How far the answers may be believed: "sure" against both truths and on pictures without a face; bold mistakes."""

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from src.data.datasets import Emotions, Keypoints
from src.evaluation.faceless import without_a_face
from src.labels import EMOTIONS, VOTES, is_five
from src.metrics import scores as metrics
from src.metrics.calibration import (
    RIGHT_WHEN_SURE,
    Calibration,
    FaceScore,
    among_five,
    calibrate,
    calibrated,
    five_probabilities,
    sure_scores,
)
from src.metrics.people import MAJORITY, truths
from src.predict.answers import predict_emotions
from src.predict.networks import Network
from src.predict.reader import FaceReader

FACELESS = 125  # pictures without a face of each of the eight kinds


def fit_calibration(
    keypoints: Network | None,
    emotions: Network,
    face_score: FaceScore | None,
    validation: Emotions,
    photographs: Keypoints,
) -> Calibration:
    """The calibration of an emotion network, fitted on validation faces of all seven classes, see `calibrate`.

    People's votes are the truth where the faces have them, else the labels. photographs: training photographs, which
    pictures without a face are made from. Without a keypoint network there are no face scores: then they have no say.
    """
    name, (truth, shares) = list(truths(validation.labels, validation.votes).items())[-1]
    accuracy = RIGHT_WHEN_SURE[name]
    if keypoints is None:
        outputs = predict_emotions(emotions, validation.images)
        return calibrate(outputs, np.full(len(outputs), np.nan), truth, shares, accuracy=accuracy)
    reader = FaceReader.of(keypoints, emotions, Calibration(), face_score)
    _, face_scores, outputs = reader.look_at(validation.images)
    faceless = np.concatenate(list(without_a_face(photographs, FACELESS, seed=1).values()))
    _, its_scores, its_outputs = reader.look_at(faceless)
    return calibrate(outputs, face_scores, truth, shares, (its_outputs, its_scores), accuracy)


def evaluate_confidence(reader: FaceReader, faces: Emotions, photographs: Keypoints) -> dict:
    """How far the reader's "sure" may be trusted: plain numbers, and curves to draw.

    faces: of all seven classes. Under "labels" and, with votes, "people" stand the figures against that truth, of the
    faces of the five emotions: "sure_share", "accuracy_when_sure" (None where nothing is sure), accuracy by coverage,
    reliability before and after the temperature; and, where there are fear and neutral, how many of these are sure.
    photographs: what pictures without a face are made from, "faceless_pictures" of them; "faceless_sure" is the share
    of each kind that is sure, and of all.
    """
    _, face_scores, outputs = reader.look_at(faces.images)
    scores = sure_scores(outputs, face_scores, reader.calibration)
    found = {"sure_above": reader.calibration.sure_above}
    for name, truth in truths(faces.labels, faces.votes).items():
        found[name] = _against(*truth, outputs, scores, reader.calibration)
    faceless = without_a_face(photographs, FACELESS)
    sure = {kind: float(reader.read_faces(images)["sure"].mean()) for kind, images in faceless.items()}
    sure["all"] = float(np.mean(list(sure.values())))
    return found | {"faceless_pictures": sum(map(len, faceless.values())), "faceless_sure": sure}


def _against(truth: np.ndarray, shares: np.ndarray, outputs, scores: np.ndarray, calibration: Calibration) -> dict:
    """Figures of one truth: emotions (n,), negative where undecided; shares (n, 7); outputs and sure scores (n,)."""
    ours, others = is_five(truth), truth >= len(EMOTIONS)
    five, sure = calibrated(outputs[ours], calibration), scores >= calibration.sure_above
    correct, coverage = five.argmax(axis=1) == truth[ours], np.linspace(0.05, 1, 20)
    found = {
        "faces": int(ours.sum()),
        "sure_share": float(sure[ours].mean()),
        "accuracy_when_sure": float(correct[sure[ours]].mean()) if sure[ours].any() else None,
        "accuracy_at_80_percent": float(metrics.accuracy_by_coverage(scores[ours], correct, [0.8])[0]),
        "coverage": coverage.tolist(),
        "accuracy_by_coverage": metrics.accuracy_by_coverage(scores[ours], correct, coverage).tolist(),
        "reliability_before": metrics.reliability(five_probabilities(outputs[ours]), among_five(shares[ours])),
        "reliability": metrics.reliability(five, among_five(shares[ours])),
    }
    if others.any():  # fear and neutral ought to be "not sure": none of the five answers is right for them
        either = ours | others
        found["other_emotions_sure"] = float(sure[others].mean())
        found["auroc_five_against_other"] = float(roc_auc_score(ours[either], scores[either]))
    return found


def confident_mistakes(table: pd.DataFrame, labels: np.ndarray, count: int) -> tuple[pd.DataFrame, dict]:
    """The wrong answers given with the most confidence, the boldest first, and plain numbers on the doubtful labels.

    table: a `FaceReader` table of faces with `labels`, int (n,) in 0..4. The rows that come back keep their numbers as
    index and gain "true" and "label_doubted", see `metrics.scores.likely_mislabelled`.
    """
    probabilities = table[[f"p_{name}" for name in EMOTIONS]].to_numpy()
    doubted, wrong = metrics.likely_mislabelled(probabilities, labels), probabilities.argmax(axis=1) != labels
    judged = table.assign(true=np.array(EMOTIONS)[labels], label_doubted=doubted)
    rows = judged[wrong].sort_values("confidence", ascending=False, kind="stable").head(count)
    both, sure = doubted & wrong, table["sure"].to_numpy(bool)
    counts = {"doubted": doubted, "mistakes": wrong, "both": both}
    counts |= {"sure_mistakes": wrong & sure, "sure_both": both & sure}
    return rows, {name: int(which.sum()) for name, which in counts.items()}


def what_people_say(votes: np.ndarray) -> list[str]:
    """Their majority and how many chose it, such as "sad 8/10": counts (n, 10) in the order of `labels.VOTES`."""
    names = [{"sadness": "sad"}.get(name, name.replace("_", " ")) for name in VOTES]
    words = []
    for row in votes:
        first = f"{names[row.argmax()]} {row.max()}/{row.sum()}" if row.max() >= MAJORITY else "undecided"
        words.append(first if row.any() else "no votes")
    return words
