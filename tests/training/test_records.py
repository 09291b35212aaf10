import json

import pytest

from src.training import records


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Three trainings, one of them a trial; by their validation score: trial_a, ours, baseline."""
    monkeypatch.setattr(records, "RUNS", tmp_path)
    for name, score in {"baseline": 0.9, "ours": 0.6, "trial_a": 0.5}.items():
        folder = tmp_path / "mine" / "emotions" / name
        folder.mkdir(parents=True)
        recipe = {"network": name, "augment": "crops", "optimizer": "sgd", "batch_size": 8}
        score_name = records.EMOTIONS.score
        history = [{"epoch": epoch, score_name: score + 0.1 * (epoch == 1), "seconds": 90} for epoch in (1, 2)]
        (folder / "record.json").write_text(json.dumps({"recipe": recipe, "history": history, "best": history[1]}))
        (folder / "model.json").write_text(name)
        (folder / "best.weights.h5").write_text(name)
    return "mine"


def test_overview_lists_every_training_the_best_first(run):
    table = records.overview(run, records.EMOTIONS)
    assert table.index.tolist() == ["trial_a", "ours", "baseline"]
    first = table.loc["ours"]
    assert (first["epochs"], first["minutes"], first["kept"]) == (2, 3, 2)
    assert first[records.EMOTIONS.score] == 0.6 and first["network"] == "ours"


def test_descent_counts_the_epochs_through_from_the_oldest_and_leaves_out_what_was_not_trained(run, tmp_path):
    for name, start in (("ours", "baseline trial_a"), ("mean", "ours")):
        path = tmp_path / run / "emotions" / name / "record.json"
        path.parent.mkdir(exist_ok=True)
        record = json.loads((tmp_path / run / "emotions" / "ours" / "record.json").read_text())
        history = [] if name == "mean" else record["history"]
        path.write_text(json.dumps({**record, "recipe": {**record["recipe"], "start": start}, "history": history}))
    histories, kept = records.descent(run, records.EMOTIONS, "mean")
    assert list(histories) == ["baseline", "ours"] and kept == {"baseline": 2, "ours": 4}
    assert [row["epoch"] for rows in histories.values() for row in rows] == [1, 2, 3, 4]
    assert histories["ours"][0][records.EMOTIONS.score] == pytest.approx(0.7), "figures stay as they were"


def test_trials_are_compared_but_never_kept(run, tmp_path):
    assert list(records.finalists(run, records.EMOTIONS)) == ["baseline", "ours"]
    assert records.export_best(run, records.EMOTIONS) == "ours"
    assert (tmp_path / run / records.EMOTIONS.weights).read_text() == "ours"
