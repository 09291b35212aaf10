"""What people see in a face as a second truth beside its label: FERPlus's ten votes (Barsoum et al. 2016)."""

import numpy as np
from scipy.stats import spearmanr

from src.labels import ALL_EMOTIONS, EMOTIONS, VOTES, VOTES_OF, is_five
from src.metrics.calibration import among_five
from src.metrics.scores import emotion_scores, expected_calibration_error

MAJORITY = 5  # votes, of ten people's, that make a majority


def majority(votes: np.ndarray) -> np.ndarray:
    """What most of ten people see, int8 (n,): an index into `labels.ALL_EMOTIONS`, or -1 where there is no majority.

    votes: counts (n, 10) in the order of `labels.VOTES`. The majority is the column with the most votes, the first of
    several, if it has at least 5; where that is contempt, unknown or no face, or there are no votes, it is -1.
    """
    emotion_of = np.full(len(VOTES), -1, np.int8)
    emotion_of[list(VOTES_OF)] = range(len(VOTES_OF))
    return np.where(votes.max(axis=1) >= MAJORITY, emotion_of[votes.argmax(axis=1)], np.int8(-1))


def vote_shares(votes: np.ndarray) -> np.ndarray:
    """Shares of the votes for the seven emotions, (n, 7) floats in the order of `labels.ALL_EMOTIONS`.

    votes: counts (n, 10) in the order of `labels.VOTES`; those for contempt, unknown and no face do not count. A row
    sums to 1, or is 0 where none of the seven has a vote.
    """
    seven = votes[:, VOTES_OF].astype(float)
    return seven / np.maximum(seven.sum(axis=1, keepdims=True), 1)


def one_person(votes: np.ndarray) -> dict:
    """How well one person agrees with the others on the five emotions: plain numbers in 0..1, exact expectations.

    votes: counts (n, 10) in the order of `labels.VOTES`. Faces count whose `majority` is one of the five, and of their
    votes those for the five. On each face one voter is drawn at random; true is what most of the others chose, without
    that vote; where several of the five are first among the others, one of them is drawn at random. The recall of an
    emotion is over the faces where it is true so; NaN where it never is. Raises ValueError if no face counts.
    """
    code = majority(votes)
    five = votes[is_five(code)][:, VOTES_OF[: len(EMOTIONS)]].astype(float)
    if not len(five):
        raise ValueError("no face has a majority for one of the five emotions")
    others = five[:, None] - np.eye(len(EMOTIONS))  # (faces, what the one chose, votes left)
    first = others == others.max(axis=2, keepdims=True)
    drawn = five / five.sum(axis=1, keepdims=True)
    faces = (drawn[:, :, None] * first / first.sum(axis=2, keepdims=True)).sum(axis=0)  # (chosen, true), expected
    true = faces.sum(axis=0)
    recall = np.divide(faces.diagonal(), true, out=np.full(len(EMOTIONS), np.nan), where=true > 0)
    return {
        "faces": len(five),
        "accuracy": float(faces.trace() / len(five)),
        "mean_recall": float(np.nanmean(recall)),
        "recall": dict(zip(EMOTIONS, recall.tolist(), strict=True)),
    }


def plurality_against_labels(votes: np.ndarray, labels: np.ndarray) -> dict:
    """How often what most people choose among the five emotions is the label, a number in 0..1: exact expectation.

    votes: counts (n, 10) in the order of `labels.VOTES`; labels (n,) in 0..4. Where several of the five are first, one
    is drawn at random. Faces count that have a vote for one of the five.
    """
    five, labels = votes[:, VOTES_OF[: len(EMOTIONS)]], np.asarray(labels)
    known = five.any(axis=1)
    first = five[known] == five[known].max(axis=1, keepdims=True)
    right = first[np.arange(len(first)), labels[known]] / first.sum(axis=1)
    return {"faces": len(first), "accuracy": float(right.mean())}


def people_scores(five: np.ndarray, outputs: np.ndarray, votes: np.ndarray) -> dict:
    """The score card of one set of faces against people: plain numbers in 0..1, those of `emotion_scores` and more.

    five: probabilities (n, 5); outputs (n, 5 or 7), the network's own; votes: counts (n, 10) in the order of
    `labels.VOTES`. Faces count whose `majority` is one of the five, which then is the truth. Besides the figures of
    `emotion_scores`: "mean_recall_without_disgust"; "ece_shares", how far a confidence lies from the share of people's
    votes for that answer, of those for the five. Of a seven-way network, too: "accuracy_seven_classes", over the
    "faces_seven_classes" with a majority; "entropy_correlation", Spearman's rank correlation of how undecided the
    network is and how undecided people are, over all faces that people voted on.
    """
    code, shares = majority(votes), vote_shares(votes)
    ours = is_five(code)
    found = emotion_scores(five[ours], code[ours], EMOTIONS)
    common = [it["recall"] for name, it in found["classes"].items() if it["support"] and name != "disgust"]
    found["mean_recall_without_disgust"] = float(np.mean(common))  # few people see disgust: too few faces for a mean
    found["ece_shares"] = expected_calibration_error(five[ours], among_five(shares)[ours])
    if outputs.shape[1] > len(EMOTIONS):
        decided, voted = code >= 0, shares.any(axis=1)
        found["faces_seven_classes"] = int(decided.sum())
        found["accuracy_seven_classes"] = float((outputs.argmax(axis=1) == code)[decided].mean())
        found["entropy_correlation"] = float(spearmanr(_entropy(outputs[voted]), _entropy(shares[voted])).statistic)
    return found


def truths(labels: np.ndarray, votes: np.ndarray | None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Both truths of faces by name: what each shows, int (n,), an index into `labels.ALL_EMOTIONS`, and shares (n, 7).

    "labels": the label, which has all of the share. "people", where there are votes: their `majority`, negative where
    there is none, and their `vote_shares`.
    """
    found = {"labels": (labels, np.eye(len(ALL_EMOTIONS))[labels])}
    return found if votes is None else found | {"people": (majority(votes), vote_shares(votes))}


def _entropy(shares: np.ndarray) -> np.ndarray:
    return -(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=1)
