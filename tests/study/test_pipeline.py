import ast
import re

import nbformat
import pytest

from src.predict import export
from src.study import pipeline
from src.training import records
# DROPPED src.light
from src.files import NOTEBOOKS, PARAMS


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


def links(notebook) -> list[str]:
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return re.findall(r"\]\((\.\./[^)#]*)", text)


def test_links_of_a_copy_lead_from_its_deeper_folder_to_the_same_files():
    notebook = nbformat.read(NOTEBOOKS / "03_emotion_training.ipynb", as_version=4)
    before = links(notebook)
    assert before and all((NOTEBOOKS / link).exists() for link in before)
    pipeline.deepen_links(notebook)
    assert [(NOTEBOOKS / "executed" / link).resolve() for link in links(notebook)] == [
        (NOTEBOOKS / link).resolve() for link in before
    ]


def test_links_of_the_published_copies_lead_to_files_that_are_there():
    copies = list((NOTEBOOKS / "executed").glob("*.ipynb"))
    found = [copy.parent / link for copy in copies for link in links(nbformat.read(copy, as_version=4))]
    assert found and not [link for link in found if not link.exists()]


def test_tidying_joins_a_progress_line_that_came_in_pieces():
    pieces = ["bar:   0%", "\rbar:  50%", "\rbar: 100%\n", "after\n"]
    code = nbformat.v4.new_code_cell("train()", outputs=[stream(it) for it in pieces])
    pipeline.tidy_streams(nbformat.v4.new_notebook(cells=[code]))
    assert [it.text for it in code.outputs] == ["bar: 100%\nafter\n"]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "RUNS", tmp_path)
    return tmp_path


# ---------------------------------------------------------------- parameters


@pytest.mark.parametrize("name", sorted(path.stem for path in PARAMS.glob("*.yaml")))
def test_the_parameter_files_name_notebooks_and_parameters_that_exist(name):
    sections = pipeline.read_parameters(name)
    expected = (pipeline.EVALUATION,) if name == pipeline.EVALUATE else pipeline.STUDY
    assert tuple(sections) == expected, "each notebook of the study, in its order"
    for notebook, given in sections.items():
        cells = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells
        (cell,) = [it for it in cells if "parameters" in it.metadata.get("tags", [])]
        known = {target.id for node in ast.parse(cell.source).body for target in node.targets}
        assert {*given, "run"} <= known


def test_what_a_run_lacks_is_trained_by_its_notebook(runs, monkeypatch):
    calls = []
    monkeypatch.setattr(pipeline, "run_notebook", lambda *arguments: calls.append(arguments))
    (runs / "quick").mkdir()
    (runs / "quick" / records.EMOTIONS.weights).touch()
    pipeline.ensure_trained("quick", data="sample", seed=1)
    assert calls == [("02_keypoint_training", "quick", {"data": "sample", "seed": 1})]


def test_one_notebook_runs_alone_with_its_parameters(monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(pipeline, "run_notebook", lambda *arguments: calls.append(arguments))
    command = ["pipeline", "quick", "--only", "02_keypoint_training", "--epochs", "2", "--run", "mine"]
    monkeypatch.setattr("sys.argv", command)
    pipeline.main()
    assert calls == [("02_keypoint_training", "mine", {"data": "sample", "recipes": "small", "epochs": 2})]
    assert "Scores" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("study", "only", "done"),
    [
        ("full", None, ["scores", "publish", "ship", "export", "light"]),
        ("full", pipeline.EVALUATION, ["scores", "publish", "ship", "export", "light"]),
        ("full", pipeline.SHORTCUTS, ["publish"]),
        ("full", "01_eda", []),
        ("evaluate", None, ["restore", "scores", "publish"]),
        ("quick", None, ["scores"]),
    ],
)
def test_only_results_on_real_faces_are_published(monkeypatch, study, only, done):
    calls = []
    monkeypatch.setattr(pipeline, "run_notebook", lambda *_: None)
    for owner, name, word in (
        (pipeline, "print_scores", "scores"),
        (pipeline, "publish", "publish"),
        (pipeline.shipping, "ship", "ship"),
        (pipeline.shipping, "restore", "restore"),
        (export, "write_onnx", "export"),
        (light, "publish", "light"),
    ):
        monkeypatch.setattr(owner, name, lambda target, word=word: calls.append((word, target)))
    monkeypatch.setattr("sys.argv", ["pipeline", study, *(["--only", only] if only else [])])
    pipeline.main()
    assert calls == [(word, pipeline.WEIGHTS if word == "export" else study) for word in done]


def test_what_a_run_lacks_is_not_published(runs, monkeypatch, tmp_path):
    names = ["01_eda.ipynb", "02_trial.ipynb", "metrics.json", "calibration.json", "figures/Face_Board.png"]
    for name in names:
        (runs / "full" / name).parent.mkdir(parents=True, exist_ok=True)
        (runs / "full" / name).write_text(name)
    for name in ("FIGURES", "NOTEBOOKS"):
        monkeypatch.setattr(pipeline, name, tmp_path / name)
    (tmp_path / "NOTEBOOKS").mkdir()
    monkeypatch.setattr(pipeline.readme, "main", lambda: None)
    pipeline.publish("full")
    assert {path.name for path in (tmp_path / "FIGURES").iterdir()} == {"Face_Board.png", "metrics.json"}
    assert {path.name for path in (tmp_path / "NOTEBOOKS" / "executed").iterdir()} == {"01_eda.ipynb"}
