from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from src.data.datasets import sample_emotions, sample_keypoints
from src.evaluation import confidence
from src.evaluation.confidence import confident_mistakes, evaluate_confidence, fit_calibration, what_people_say
from src.labels import EMOTIONS, VOTES, VOTES_OF
from src.metrics.calibration import Calibration, sure_scores
from src.predict.reader import FaceReader

PHOTOGRAPHS = sample_keypoints(20, seed=0)
FACES = sample_emotions(60, seed=0)
FEAR = np.arange(60) % 4 == 3
WRONG = ~FEAR & (np.arange(60) % 5 == 0)
FACES = replace(FACES, labels=np.where(FEAR, 5, FACES.labels).astype(np.int8))


def votes_of(labels, count=10):
    votes = np.zeros((len(labels), len(VOTES)), np.uint8)
    votes[np.arange(len(labels)), np.array(VOTES_OF)[labels]] = count
    return votes


class Oracle(FaceReader):
    """Says the labels of FACES, or hesitates: WRONG ones are taken for another, FEAR for anger. All else is no face."""

    def __init__(self, calibration):
        self.calibration, self.face_score = calibration, None

    @classmethod
    def of(cls, keypoints, emotions, calibration, face_score=None):
        return cls(calibration)

    def look_at(self, images):
        n = len(images)
        if images.shape[1] != 48:
            return np.zeros((n, 15, 2)), np.full(n, 0.1), np.tile(np.eye(7)[3], (n, 1))
        outputs, row = np.full((n, 7), 0.02), np.arange(n)
        outputs[row, np.where(FEAR, 0, FACES.labels)] = np.where(FEAR | WRONG, 0.4, 0.88)
        outputs[row[WRONG], (FACES.labels[WRONG] + 1) % 5] = 0.5
        outputs[FEAR, 5] = 0.4
        return np.zeros((n, 15, 2)), np.ones(n), outputs / outputs.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("votes", [None, votes_of(FACES.labels)], ids=["labels", "people"])
def test_sure_is_what_is_a_face_and_one_of_the_five(votes, monkeypatch):
    monkeypatch.setattr(confidence, "FaceReader", Oracle)
    faces = replace(FACES, votes=votes)
    calibration = fit_calibration(object(), object(), None, faces, PHOTOGRAPHS)
    found = evaluate_confidence(Oracle(calibration), faces, PHOTOGRAPHS)
    assert found["faceless_sure"] == dict.fromkeys(found["faceless_sure"], 0) and len(found["faceless_sure"]) == 9
    truths = ["labels"] if votes is None else ["labels", "people"]
    assert [name for name in ("labels", "people") if name in found] == truths
    for name in truths:
        its = found[name]
        assert its["sure_share"] == 1 - WRONG.sum() / (~FEAR).sum() and its["accuracy_when_sure"] == 1
        assert its["other_emotions_sure"] == 0
        assert its["faces"] == (~FEAR).sum() and its["auroc_five_against_other"] == 1
    assert found["sure_above"] == calibration.sure_above


def test_without_a_threshold_all_is_sure():
    found = evaluate_confidence(Oracle(Calibration()), FACES, PHOTOGRAPHS)
    assert found["labels"]["other_emotions_sure"] == found["faceless_sure"]["all"] == 1


def test_without_a_keypoint_network_the_outputs_alone_count(monkeypatch):
    monkeypatch.setattr(confidence, "predict_emotions", lambda network, images: Oracle(None).look_at(images)[2])
    calibration = fit_calibration(None, object(), None, FACES, PHOTOGRAPHS)
    outputs = Oracle(None).look_at(FACES.images)[2]
    scores = sure_scores(outputs, np.full(60, np.nan), calibration)
    assert calibration.sure_above == scores[~FEAR & ~WRONG].min(), "nine of ten are right from the clear ones on"


def answers(rows):
    """A reader's table for rows of five probabilities."""
    table = pd.DataFrame(rows, columns=[f"p_{name}" for name in EMOTIONS])
    table["emotion"] = [EMOTIONS[i] for i in table.to_numpy().argmax(axis=1)]
    return table.assign(confidence=table[[f"p_{name}" for name in EMOTIONS]].max(axis=1))


def test_confident_mistakes_come_boldest_first_with_their_label():
    rows = [[0.92, 0.02, 0.02, 0.02, 0.02], [0.6, 0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.6, 0.1, 0.1], [0, 0, 0, 0.9, 0.1]]
    table = answers(rows).assign(sure=[True, True, True, False])
    mistakes, found = confident_mistakes(table, np.array([2, 0, 2, 4]), 3)
    assert mistakes.index.tolist() == [0, 3] and mistakes["true"].tolist() == ["sad", "surprise"]
    # Face 0 is surer of anger (0.92) than the one labelled so (0.6); no face labelled happiness backs face 3's answer.
    assert mistakes["label_doubted"].tolist() == [True, False]
    assert found == {"doubted": 1, "mistakes": 2, "both": 1, "sure_mistakes": 1, "sure_both": 1}


def test_what_people_say_is_their_majority_and_its_size():
    votes = np.zeros((4, len(VOTES)), np.uint8)
    votes[0, [VOTES.index("sadness"), VOTES.index("anger")]] = 7, 3
    votes[1, VOTES.index("no_face")] = 5
    votes[2, [VOTES.index("fear"), VOTES.index("surprise"), VOTES.index("neutral")]] = 4, 4, 2
    assert what_people_say(votes) == ["sad 7/10", "no face 5/5", "undecided", "no votes"]
