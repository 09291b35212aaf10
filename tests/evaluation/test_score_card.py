import json
from dataclasses import replace

import numpy as np
import pytest

from src.data.datasets import sample_emotions, sample_keypoints, take_rows
from src.data.sample import draw_faces
from src.evaluation import score_card, score_tables
from src.files import ROOT, write_json
from src.labels import VOTES, VOTES_OF
from src.metrics.scores import rmse_px
from src.models.resnet import compact_emotions, compact_keypoints
from src.training import records

TINY = {"widths": (8, 8, 16, 16), "units": (1, 1, 1, 1)}


def test_the_board_takes_the_emotions_by_turns():
    labels = np.repeat(np.arange(5), [50, 3, 40, 60, 30])
    rows = score_card.board_rows(labels, 18, seed=0)
    np.testing.assert_array_equal(labels[rows][:15], np.tile(np.arange(5), 3))
    assert len(set(rows)) == 18 and 1 not in labels[rows][15:], "disgust has no fourth face"
    assert not np.array_equal(rows, score_card.board_rows(labels, 18, seed=1))
    others = score_card.board_rows(labels, 18, seed=0, left_out=rows[:2])
    assert not {*rows[:2]} & {*others} and {*rows[2:16]} < {*others}, "the next of the same emotion take their places"


@pytest.fixture(scope="module")
def networks():
    return {records.KEYPOINTS: compact_keypoints(1, **TINY), records.EMOTIONS: compact_emotions(1, **TINY)}


@pytest.fixture
def runs(tmp_path, monkeypatch):
    for module in (score_card, records):
        monkeypatch.setattr(module, "RUNS", tmp_path)
    return tmp_path


def write(network, model_json, weights):
    model_json.parent.mkdir(parents=True, exist_ok=True)
    model_json.write_text(network.to_json())
    network.save_weights(weights)


def write_training(folder, network, score, **more):
    record = {"recipe": {}, "best": {"epoch": 1, "seconds": 9.0, **score}, "history": [{}], **more}
    write_json(folder / "record.json", record)
    if "test" not in more:
        write(network, folder / "model.json", folder / "best.weights.h5")


def test_baseline_reader_needs_both_networks(runs, networks):
    for task, network in networks.items():
        assert score_card.baseline_reader("mine") is None
        folder = runs / "mine" / task.name / "baseline"
        write(network, folder / "model.json", folder / "best.weights.h5")
    table = score_card.baseline_reader("mine").read_faces(draw_faces(2, seed=0)[0])
    assert len(table) == 2 and table["sure"].all(), "uncalibrated: all answers count as sure"


def test_scores_of_a_network_that_is_gone_are_carried_over_without_its_test_against_the_chosen_one(runs, networks):
    task, folder = records.EMOTIONS, runs / "mine"
    gone = {"accuracy": 0.5, "mcnemar_p_against_chosen": 0.01}
    for name, surprise, more in (("gone", 0.7, {"test": gone}), ("other", 0.6, {}), ("chosen", 0.5, {})):
        write_training(folder / task.name / name, networks[task], {task.score: surprise}, **more)
    for kind, network in networks.items():
        write(network, folder / kind.model_json, folder / kind.weights)
    write_json(folder / "calibration.json", {"temperature": 2.0, "sure_above": 0.4})
    found = score_card.evaluate_emotions("mine", sample_emotions(20, seed=0))
    scores = found["test"]
    assert found["chosen"] == "chosen" and found["validation"]["gone"] == {"epoch": 1, task.score: 0.7}
    assert scores["gone"] == {"accuracy": 0.5}
    assert scores["other"]["mcnemar_p_against_chosen"] == 1, "the same answers"
    assert "mcnemar_p_against_chosen" not in scores["chosen"]
    assert scores["other"]["ece"] == scores["other"]["ece_uncalibrated"] == scores["chosen"]["ece_uncalibrated"]
    assert scores["chosen"]["ece"] != scores["chosen"]["ece_uncalibrated"], "the calibration is the chosen network's"


def test_votes_give_every_network_a_second_truth(runs, networks):
    task, folder = records.EMOTIONS, runs / "mine"
    write_training(folder / task.name / "chosen", networks[task], {task.score: 0.5})
    for kind, network in networks.items():
        write(network, folder / kind.model_json, folder / kind.weights)
    write_json(folder / "calibration.json", {"temperature": 2.0, "sure_above": 0.4})
    faces = sample_emotions(20, seed=0)
    votes = np.zeros((20, len(VOTES)), np.uint8)
    votes[np.arange(20), np.array(VOTES_OF)[faces.labels]] = 10
    found = score_card.evaluate_emotions("mine", replace(faces, votes=votes), np.arange(20) < 8)
    score = found["test"]["chosen"]
    kept = score["without_near_copies"]
    assert kept["labels"] == kept["people"] and kept["labels"]["faces"] == 12
    alone = score_card.evaluate_emotions("mine", take_rows(faces, np.arange(8, 20)))["test"]["chosen"]
    assert kept["labels"]["accuracy"] == alone["accuracy"]
    table = score_tables.without_near_copies(score)
    assert table.loc["against people", ("without near copies", "faces")] == "12"
    assert table.loc["against labels", ("all", "accuracy")] == f"{score['accuracy']:.1%}"
    assert score["people"]["accuracy"] == score["accuracy"] and score["people"]["faces"] == score["faces"] == 20
    assert found["people"]["one_person"]["accuracy"] == found["people"]["plurality_against_labels"]["accuracy"] == 1


def test_each_network_that_the_test_split_was_opened_for_counts_once(runs):
    def train(task, name, content, **recipe):
        folder = runs / "mine" / task.name / name
        write_json(folder / "record.json", {"recipe": recipe, "best": {}, "history": []})
        (folder / "best.weights.h5").write_bytes(content)

    train(records.KEYPOINTS, "ours", b"points")
    train(records.EMOTIONS, "ours", b"new")
    train(records.EMOTIONS, "baseline", b"their")
    train(records.EMOTIONS, "ablation", b"never tested", comparison=True)
    first = score_card.openings("mine", {"emotions": ["older"]})
    assert [len(it) for it in first.values()] == [1, 3] and first["emotions"][0] == "older"
    assert score_card.openings("mine", first) == first
    train(records.EMOTIONS, "ours", b"newer")
    then = score_card.openings("mine", first)
    assert then["keypoints"] == first["keypoints"] and then["emotions"][:3] == first["emotions"]
    assert len(then["emotions"]) == 4


def test_keypoint_networks_stand_beside_the_mean_face_and_those_that_are_gone(runs, networks):
    task, faces = records.KEYPOINTS, sample_keypoints(40, seed=0)
    gone = {"Test": {"nme_percent": 3.0}}
    write_training(runs / "mine" / task.name / "gone", None, {task.score: 7.0}, test=gone)
    write_training(runs / "mine" / task.name / "small", networks[task], {task.score: 5.0})
    training = faces.split("Training")
    found = score_card.evaluate_keypoints("mine", training, {"Test": faces.split("Test")})
    scores = found["test"]["Test"]
    assert found["chosen"] == "small" and list(scores) == ["mean_face", "gone", "small"]
    mean = np.broadcast_to(training.keypoints_px.mean(axis=0), faces.split("Test").keypoints_px.shape)
    assert scores["mean_face"]["rmse_px"] == pytest.approx(rmse_px(mean, faces.split("Test").keypoints_px))
    assert scores["gone"] == gone["Test"]
    small = scores["small"]
    assert small["parameters"] == networks[task].count_params() and small["epochs"] == small["kept_epoch"] == 1
    assert small["stress"]["flip_distance_px"] > 0 and small["nme_percent"] != small["single_pass"]["nme_percent"]
    assert small["nme_percent_without_lean"] < small["nme_percent"], "an untrained network lies beside every point"
    table = score_tables.keypoint_table({"Test": {"small": small, "mean_face": scores["mean_face"]}}, "small")
    assert set(table.index) == {("Test", "mean face"), ("Test", "ours")}
    assert table.loc[("Test", "ours"), "NME, %"] == small["nme_percent"] and table.loc[("Test", "ours")].notna().all()
    assert np.isnan(table.loc[("Test", "mean face"), "NME turned by 30°"])


def test_another_program_s_accuracy_is_the_one_that_was_measured():
    measured = json.loads((ROOT / "benchmarks/results.json").read_text())["readers"]["test"]["fer, Keras"]
    assert score_card.quoted("fer, Keras") == measured["accuracy_labels"] > 0.5
