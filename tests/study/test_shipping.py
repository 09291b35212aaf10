import json

import pytest

from src.training import records
from src.study import pipeline as shipping
from src.training.records import EMOTIONS, KEYPOINTS

FILES = ("detection.json", "detection.weights.h5", "emotion.json", "emotion.weights.h5", "calibration.json")


@pytest.fixture
def folders(tmp_path, monkeypatch):
    for module in (shipping, records):
        monkeypatch.setattr(module, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(shipping, "WEIGHTS", tmp_path / "weights")
    return tmp_path / "runs", tmp_path / "weights"


def leave_run(runs, nme, surprise, content):
    """What a full run leaves of `ours`, `baseline` and a trial: the first is chosen, the first two are tested."""
    run = runs / "full"
    for task, score in ((KEYPOINTS, nme), (EMOTIONS, surprise)):
        for name in ("ours", "baseline", "trial_a"):
            folder = run / task.name / name
            folder.mkdir(parents=True, exist_ok=True)
            best = {task.score: score if name == "ours" else 99}
            (folder / "record.json").write_text(json.dumps({"recipe": {}, "best": best}))
        for name in (task.model_json, task.weights, "calibration.json"):
            (run / name).write_text(content)
    scores = {"ours": {"score": content}, "baseline": {"score": 1}}
    metrics = {
        "keypoints": {"chosen": "ours", "test": {"Test": {"mean_face": {"score": 2}, **scores}}},
        "emotions": {"chosen": "ours", "test": scores},
    }
    (run / "metrics.json").write_text(json.dumps(metrics))


def test_weights_are_replaced_only_by_better_ones(folders, capsys):
    runs, weights = folders
    for nme, surprise, content, expected in (
        (2.0, 0.5, "first", "first"),
        (2.5, 0.6, "worse", "first"),
        (2.0, 0.5, "equal", "first"),
        (1.5, 0.4, "better", "better"),
    ):
        leave_run(runs, nme, surprise, content)
        shipping.ship("full")
        assert {(weights / name).read_text() for name in FILES} == {expected}
        assert capsys.readouterr().out.count("the shipped network stays") == 2 * (expected != content)
    record = json.loads((weights / "emotion.record.json").read_text())
    assert record == {"name": "ours", "recipe": {}, "best": {EMOTIONS.score: 0.4}}


def test_a_new_calibration_of_the_shipped_network_is_shipped_but_not_that_of_another(folders):
    runs, weights = folders
    leave_run(runs, 2.0, 0.5, "network")
    shipping.ship("full")
    (runs / "full" / "calibration.json").write_text("anew")
    shipping.ship("full")
    assert (weights / "calibration.json").read_text() == "anew"
    (runs / "full" / EMOTIONS.weights).write_text("another")
    (runs / "full" / "calibration.json").write_text("of another")
    shipping.ship("full")
    assert (weights / "calibration.json").read_text() == "anew"
    assert (weights / "emotion.weights.h5").read_text() == "network"


def test_too_large_weights_are_not_shipped(folders, capsys, monkeypatch):
    runs, weights = folders
    monkeypatch.setattr(shipping, "LIMIT", 4)
    leave_run(runs, 2.0, 0.7, "12345")
    shipping.ship("full")
    assert capsys.readouterr().out.count("is too large to ship") == 2
    assert [path.name for path in weights.iterdir()] == ["compared.json"]
    assert json.loads((weights / "compared.json").read_text())["emotions"]["ours"]["test"] == {"score": "12345"}
    leave_run(runs, 2.0, 0.7, "1234")
    shipping.ship("full")
    assert (weights / "detection.weights.h5").read_text() == "1234"


def test_a_run_made_of_the_shipped_networks_has_their_weights_and_the_scores_of_the_others(folders):
    runs, _ = folders
    leave_run(runs, 2.0, 0.7, "shipped")
    shipping.ship("full")
    (runs / "again" / "keypoints" / "old").mkdir(parents=True)
    shipping.restore("again")
    assert not (runs / "again" / "keypoints" / "old").exists(), "made anew"
    for task in (KEYPOINTS, EMOTIONS):
        assert records.best_recipe("again", task) == "ours"
        found = records.trainings("again", task)
        assert list(found) == ["baseline", "ours", "trial_a"] and "test" not in found["ours"] | found["trial_a"]
        folder = runs / "again" / task.name / "ours"
        assert {(folder / name).read_text() for name in ("model.json", "best.weights.h5")} == {"shipped"}
        assert {(runs / "again" / name).read_text() for name in (task.model_json, task.weights)} == {"shipped"}
    assert records.trainings("again", KEYPOINTS)["baseline"]["test"] == {"Test": {"score": 1}}
    assert records.trainings("again", EMOTIONS)["baseline"]["test"] == {"score": 1}
    assert (runs / "again" / "calibration.json").read_text() == "shipped"
