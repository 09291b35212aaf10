import json

import numpy as np
import pandas as pd

from src.evaluation import score_card as evaluation
from src.training import records
from src.data.datasets import sample_emotions
from src.labels import EMOTIONS
from src.training.records import EMOTIONS as EMOTION_TASK
from src.training.records import KEYPOINTS as KEYPOINT_TASK
from src.models.resnet import compact_emotions, compact_keypoints
from src.data.sample import draw_faces

TINY = {"widths": (8, 8, 16, 16), "units": (1, 1, 1, 1)}


def answers(rows):
    """A reader's table for rows of five probabilities."""
    table = pd.DataFrame(rows, columns=[f"p_{name}" for name in EMOTIONS])
    table["emotion"] = [EMOTIONS[i] for i in table.to_numpy().argmax(axis=1)]
    return table.assign(confidence=table[[f"p_{name}" for name in EMOTIONS]].max(axis=1))


def test_confident_mistakes_come_boldest_first_with_their_label():
    rows = [[0.92, 0.02, 0.02, 0.02, 0.02], [0.6, 0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.6, 0.1, 0.1], [0, 0, 0, 0.9, 0.1]]
    table = answers(rows).assign(sure=[True, True, True, False])
    mistakes, found = evaluation.confident_mistakes(table, np.array([2, 0, 2, 4]), 3)
    assert mistakes.index.tolist() == [0, 3] and mistakes["true"].tolist() == ["sad", "surprise"]
    # Face 0 is surer of anger (0.92) than the one labelled so (0.6); no face labelled happiness backs face 3's answer.
    assert mistakes["label_doubted"].tolist() == [True, False]
    assert found == {"doubted": 1, "mistakes": 2, "both": 1, "sure_mistakes": 1, "sure_both": 1}


def test_the_board_takes_the_emotions_by_turns():
    labels = np.repeat(np.arange(5), [50, 3, 40, 60, 30])
    rows = evaluation.board_rows(labels, 18, seed=0)
    np.testing.assert_array_equal(labels[rows][:15], np.tile(np.arange(5), 3))
    assert len(set(rows)) == 18 and 1 not in labels[rows][15:], "disgust has no fourth face"
    assert not np.array_equal(rows, evaluation.board_rows(labels, 18, seed=1))


def test_baseline_reader_needs_both_networks(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "RUNS", tmp_path)
    networks = {KEYPOINT_TASK: compact_keypoints(1, **TINY), EMOTION_TASK: compact_emotions(1, **TINY)}
    for task, network in networks.items():
        assert evaluation.baseline_reader("mine") is None
        folder = tmp_path / "mine" / task.name / "baseline"
        folder.mkdir(parents=True)
        (folder / "model.json").write_text(network.to_json())
        network.save_weights(folder / "best.weights.h5")
    table = evaluation.baseline_reader("mine").read_faces(draw_faces(2, seed=0)[0])
    assert len(table) == 2 and table["sure"].all(), "uncalibrated: all answers count as sure"


def test_scores_of_a_network_that_is_gone_are_carried_over_without_its_test_against_the_chosen_one(
    tmp_path, monkeypatch
):
    for module in (evaluation, records):
        monkeypatch.setattr(module, "RUNS", tmp_path)
    keypoints, emotions = compact_keypoints(1, **TINY), compact_emotions(1, **TINY)
    run = tmp_path / "mine"
    gone = {"accuracy": 0.5, "mcnemar_p_against_chosen": 0.01}
    for name, surprise, more in (("gone", 0.7, {"test": gone}), ("other", 0.6, {}), ("chosen", 0.5, {})):
        folder = run / EMOTION_TASK.name / name
        folder.mkdir(parents=True)
        record = {"recipe": {}, "best": {"epoch": 1, EMOTION_TASK.score: surprise}, "history": [{}], **more}
        (folder / "record.json").write_text(json.dumps(record))
        if not more:
            (folder / "model.json").write_text(emotions.to_json())
            emotions.save_weights(folder / "best.weights.h5")
    for task, network in ((KEYPOINT_TASK, keypoints), (EMOTION_TASK, emotions)):
        (run / task.model_json).write_text(network.to_json())
        network.save_weights(run / task.weights)
    (run / "calibration.json").write_text(json.dumps({"temperature": 2.0, "sure_above": 0.4}))
    scores = evaluation.evaluate_emotions("mine", sample_emotions(20, seed=0))["test"]
    assert scores["gone"] == {"accuracy": 0.5}
    assert scores["other"]["mcnemar_p_against_chosen"] == 1, "the same answers"
    assert "mcnemar_p_against_chosen" not in scores["chosen"]
