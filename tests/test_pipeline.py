import ast
import json

import nbformat
import pytest

from src import pipeline, records
from src.paths import NOTEBOOKS, PARAMS


def stream(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def test_streams_keep_the_last_state_of_a_progress_line_and_lose_the_start_up_log():
    bar = "\rsmall:   0%|  | 0/2\rsmall:  50%|# | 1/2\rsmall: 100%|##| 2/2\n"
    log = (
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
        "I0000 00:00:1763812345.123456   12345 service.cc:152] XLA service 0x7f\n"
        "E1122 12:00:01.5   12345 cuda.cc:1] no GPU\n"
    )
    picture = nbformat.v4.new_output("display_data", {"text/plain": "a\rb"})
    code = nbformat.v4.new_code_cell(
        "train()", outputs=[stream("before\n" + bar + "after\n"), stream(log, "stderr"), picture]
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("text"), code])
    pipeline.tidy_streams(notebook)
    words, kept = code.outputs
    assert words.text == "before\nsmall: 100%|##| 2/2\nafter\n"
    assert kept == picture and kept.data["text/plain"] == "a\rb"


# ---------------------------------------------------------------- shipping


@pytest.fixture
def folders(tmp_path, monkeypatch):
    for module in (pipeline, records):
        monkeypatch.setattr(module, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(pipeline, "WEIGHTS", tmp_path / "weights")
    return tmp_path / "runs", tmp_path / "weights"


def leave_run(runs, task, score, content):
    """What a run leaves of one training that scored `score` on validation."""
    folder = runs / "full" / task.name / "compact"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.json").write_text(json.dumps({"best": {task.score: score}}))
    (runs / "full" / "metrics.json").write_text(json.dumps({task.name: {"chosen": "compact"}}))
    for name in (task.model_json, task.weights, "calibration.json"):
        (runs / "full" / name).write_text(content)


@pytest.mark.parametrize(
    ("task", "first", "worse", "better"),
    [(records.KEYPOINTS, 2.0, 2.5, 1.5), (records.EMOTIONS, 0.7, 0.6, 0.8)],
    ids=["keypoints", "emotions"],
)
def test_weights_are_replaced_only_by_better_ones(folders, capsys, task, first, worse, better):
    runs, weights = folders
    name = pipeline.SHIPPED_NAMES[task]
    calibration = ["calibration.json"] if task is records.EMOTIONS else []
    for score, content, expected in (
        (first, "first", "first"),
        (worse, "worse", "first"),
        (first, "equal", "first"),
        (better, "better", "better"),
    ):
        leave_run(runs, task, score, content)
        pipeline.ship("full", task)
        assert [(weights / it).read_text() for it in (f"{name}.json", f"{name}.weights.h5", *calibration)] == [
            expected
        ] * (2 + len(calibration))
        assert ("the shipped network stays" in capsys.readouterr().out) == (expected != content)
    assert json.loads((weights / f"{name}.record.json").read_text())["best"] == {task.score: better}


def test_too_large_weights_are_not_shipped(folders, capsys, monkeypatch):
    runs, weights = folders
    monkeypatch.setattr(pipeline, "SHIPPED_LIMIT", 4)
    leave_run(runs, records.KEYPOINTS, 2.0, "12345")
    pipeline.ship("full", records.KEYPOINTS)
    assert "is too large to ship" in capsys.readouterr().out and not weights.exists()
    leave_run(runs, records.KEYPOINTS, 2.0, "1234")
    pipeline.ship("full", records.KEYPOINTS)
    assert (weights / "detection.weights.h5").read_text() == "1234"


# ---------------------------------------------------------------- parameters


@pytest.mark.parametrize("name", sorted(path.stem for path in PARAMS.glob("*.yaml")))
def test_the_parameter_files_name_notebooks_and_parameters_that_exist(name):
    sections = pipeline.read_parameters(name)
    assert tuple(sections) == pipeline.STUDY, "each notebook of the study, in its order"
    for notebook, given in sections.items():
        cells = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells
        (cell,) = [it for it in cells if "parameters" in it.metadata.get("tags", [])]
        known = {target.id for node in ast.parse(cell.source).body for target in node.targets}
        assert {*given, "run"} <= known


def test_what_a_run_lacks_is_trained_by_its_notebook(folders, monkeypatch):
    calls = []
    monkeypatch.setattr(pipeline, "run_notebook", lambda *arguments: calls.append(arguments))
    (folders[0] / "quick").mkdir(parents=True)
    (folders[0] / "quick" / records.EMOTIONS.weights).touch()
    pipeline.ensure_trained("quick", data="sample", seed=1)
    assert calls == [("02_keypoint_training", "quick", {"data": "sample", "seed": 1})]


def test_one_notebook_runs_alone_with_its_parameters(folders, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(pipeline, "run_notebook", lambda *arguments: calls.append(arguments))
    command = ["pipeline", "quick", "--only", "02_keypoint_training", "--epochs", "2", "--run", "mine"]
    monkeypatch.setattr("sys.argv", command)
    pipeline.main()
    assert calls == [("02_keypoint_training", "mine", {"data": "sample", "recipes": "small", "epochs": 2})]
    assert "Scores" not in capsys.readouterr().out


def test_scores_are_shown_and_published_after_the_evaluation_only(folders, monkeypatch):
    shown, published = [], []
    monkeypatch.setattr(pipeline, "run_notebook", lambda *arguments: None)
    monkeypatch.setattr(pipeline, "print_scores", shown.append)
    monkeypatch.setattr(pipeline, "publish", published.append)
    for only in (pipeline.EVALUATION, "05_your_photo"):
        monkeypatch.setattr("sys.argv", ["pipeline", "full", "--only", only])
        pipeline.main()
    assert shown == published == ["full"]
