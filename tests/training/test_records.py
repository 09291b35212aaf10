import json

import pytest

from src.training import records


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Three trainings, one of them a comparison; by their validation score: head, ours, baseline."""
    monkeypatch.setattr(records, "RUNS", tmp_path)
    for name, score in {"baseline": 0.9, "ours": 0.6, "head": 0.5}.items():
        folder = tmp_path / "mine" / "emotions" / name
        folder.mkdir(parents=True)
        recipe = {
            "comparison": name == "head",
            "network": name,
            "augment": "crops",
            "optimizer": "sgd",
            "batch_size": 8,
        }
        score_name = records.EMOTIONS.score
        history = [{"epoch": epoch, score_name: score + 0.1 * (epoch == 1), "seconds": 90} for epoch in (1, 2)]
        (folder / "record.json").write_text(json.dumps({"recipe": recipe, "history": history, "best": history[1]}))
        (folder / "model.json").write_text(name)
        (folder / "best.weights.h5").write_text(name)
    return "mine"


def test_overview_lists_every_training_the_best_first(run):
    table = records.overview(run, records.EMOTIONS)
    assert table.index.tolist() == ["head", "ours", "baseline"]
    first = table.loc["ours"]
    assert (first["epochs"], first["minutes"], first["kept"]) == (2, 3, 2)
    assert first[records.EMOTIONS.score] == 0.6 and first["network"] == "ours"


def test_comparisons_are_shown_but_never_kept(run, tmp_path):
    assert list(records.finalists(run, records.EMOTIONS)) == ["baseline", "ours"]
    assert records.export_best(run, records.EMOTIONS) == "ours"
    assert (tmp_path / run / records.EMOTIONS.weights).read_text() == "ours"


@pytest.mark.parametrize(
    ("task", "scores", "best"),
    [
        (records.KEYPOINTS, {"baseline": 3.1, "ours": 2.2, "small": 2.9}, "ours"),
        (records.EMOTIONS, {"baseline": 0.61, "ours": 0.52, "small": 0.7}, "ours"),
    ],
    ids=["smallest error", "smallest cross-entropy"],
)
def test_the_network_that_is_best_on_validation_is_exported(tmp_path, monkeypatch, task, scores, best):
    monkeypatch.setattr(records, "RUNS", tmp_path)
    for name, score in scores.items():
        folder = tmp_path / "quick" / task.name / name
        folder.mkdir(parents=True)
        # The last epoch is not the kept one: its score decides nothing.
        record = {"recipe": {}, "best": {task.score: score}, "history": [{task.score: score}, {task.score: 0.1}]}
        (folder / "record.json").write_text(json.dumps(record))
        (folder / "model.json").write_text(f"model of {name}")
        (folder / "best.weights.h5").write_text(f"weights of {name}")
    assert records.export_best("quick", task) == best
    assert (tmp_path / "quick" / task.model_json).read_text() == f"model of {best}"
    assert (tmp_path / "quick" / task.weights).read_text() == f"weights of {best}"
    assert list(records.trainings("quick", task)) == sorted(scores)


def test_what_was_fitted_for_another_network_goes(run, tmp_path):
    fitted = tmp_path / run / records.EMOTIONS.fitted
    records.export_best(run, records.EMOTIONS)
    fitted.write_text("of ours")
    records.export_best(run, records.EMOTIONS)
    assert fitted.exists(), "the network is the same"
    (tmp_path / run / "emotions" / "ours" / "best.weights.h5").write_text("trained anew")
    records.export_best(run, records.EMOTIONS)
    assert not fitted.exists()
    fitted.write_text("on what the old keypoint network found")
    (tmp_path / run / "emotions").rename(tmp_path / run / "keypoints")
    record = {"recipe": {}, "history": [], "best": {records.KEYPOINTS.score: 2.0}}
    (tmp_path / run / "keypoints/ours/record.json").write_text(json.dumps(record))
    records.export_best(run, records.KEYPOINTS)
    assert not fitted.exists()


def test_a_run_without_a_network_that_competes_says_so(run, tmp_path):
    for name in ("baseline", "ours"):
        (tmp_path / run / "emotions" / name / "record.json").unlink()
    with pytest.raises(FileNotFoundError, match="runs/mine/emotions holds no network that competes: train one first"):
        records.best_recipe(run, records.EMOTIONS)
