import ast
import base64
import io
import json
import re
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from PIL import Image

from src.files import FIGURES, NOTEBOOKS, WEIGHTS
from src.predict import export
from src.study import pipeline
from src.training import records
from src.training.recipes import EMOTION_RECIPES, KEYPOINT_RECIPES
from src.training.records import EMOTIONS, KEYPOINTS


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


def test_a_warning_names_no_folder_of_this_machine():
    cell, module = "/a/ipykernel_5789/3264628795.py", "/b/me/keras/functional.py"
    other = "runs/quick/figures is written, see src/study/pipeline.py\n"
    text = f"{cell}:6: UserWarning: old\n{module}:259: UserWarning: odd\n{other}"
    code = nbformat.v4.new_code_cell(outputs=[stream(text, "stderr")])
    pipeline.tidy_streams(nbformat.v4.new_notebook(cells=[code]))
    kept = f"3264628795.py:6: UserWarning: old\nfunctional.py:259: UserWarning: odd\n{other}"
    assert code.outputs[0].text == kept


def test_no_published_file_holds_a_path_of_a_machine():
    files = [path for folder in (NOTEBOOKS, FIGURES, WEIGHTS) for path in folder.rglob("*.*")]
    texts = {path: path.read_text() for path in files if path.suffix in (".ipynb", ".json", ".md")}
    machine = re.compile(r"ipykernel_\d|(?<![\w.:/])/(?:tmp|home|root|Users|work)/")
    assert all(machine.search(f"/{folder}/cell.py:6") for folder in ("tmp", "home", "work")) and len(texts) > 20
    assert [path.name for path, text in texts.items() if machine.search(text)] == []


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


def test_a_kernel_s_start_up_log_does_not_reach_the_terminal(capfd):
    command = [sys.executable, "-c", "import sys; print('no GPU', file=sys.stderr)"]
    with pytest.raises(ValueError), pipeline.silent_kernels():
        subprocess.run(command, check=True)
        print("50 %", file=sys.stderr, flush=True)
        raise ValueError
    subprocess.run(command, check=True)
    assert capfd.readouterr().err == "50 %\nno GPU\n"
    with pytest.raises(RuntimeError), pipeline.silent_kernels():
        subprocess.run(command, check=True)
        raise RuntimeError("the kernel died")
    assert capfd.readouterr().err == "no GPU\n", "what it wrote before"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "RUNS", tmp_path)
    return tmp_path


# ---------------------------------------------------------------- parameters


@pytest.mark.parametrize("name", pipeline.STUDIES)
def test_the_parameter_files_name_notebooks_and_parameters_that_exist(name):
    sections = pipeline.read_parameters(name)
    some = {pipeline.EVALUATE: (pipeline.EVALUATION,), pipeline.COMPARISONS: tuple(pipeline.TRAININGS.values())}
    expected = some.get(name, pipeline.NOTEBOOK_NAMES)
    assert tuple(sections) == expected, "each notebook of the study, in its order"
    for notebook, given in sections.items():
        cells = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells
        (cell,) = [it for it in cells if "parameters" in it.metadata.get("tags", [])]
        known = {target.id for node in ast.parse(cell.source).body for target in node.targets}
        assert {*given, "run"} <= known
        recipes = {**KEYPOINT_RECIPES, **EMOTION_RECIPES}
        assert {*given.get("recipes", "").split()} <= recipes.keys()


def test_what_a_run_lacks_is_trained_by_its_notebook(runs, monkeypatch):
    calls = []
    monkeypatch.setattr(pipeline, "run_notebook", lambda *arguments: calls.append(arguments))
    (runs / "quick").mkdir()
    for name in (records.EMOTIONS.weights, records.EMOTIONS.fitted):
        (runs / "quick" / name).touch()
    pipeline.ensure_trained("quick", data="sample", seed=1)
    assert calls == [("02_keypoint_training", "quick", {"data": "sample", "seed": 1})]
    (runs / "quick" / records.KEYPOINTS.weights).touch()
    (runs / "quick" / records.EMOTIONS.fitted).unlink()  # stopped before it was fitted
    pipeline.ensure_trained("quick")
    assert calls[1:] == [("03_emotion_training", "quick", {})]


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
        ("full", None, ["scores", "ship", "export", "publish"]),
        ("full", pipeline.EVALUATION, ["scores", "ship", "export", "publish"]),
        ("full", pipeline.SHORTCUTS, ["publish"]),
        ("full", "01_eda", []),
        ("comparisons", None, []),
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
        (pipeline, "ship", "ship"),
        (pipeline, "restore", "restore"),
        (export, "write_onnx", "export"),
    ):
        monkeypatch.setattr(owner, name, lambda target, word=word: calls.append((word, target)))
    monkeypatch.setattr("sys.argv", ["pipeline", study, *(["--only", only] if only else [])])
    pipeline.main()
    assert calls == [(word, pipeline.WEIGHTS if word == "export" else study) for word in done]


def test_what_a_run_lacks_is_not_published(runs, monkeypatch, tmp_path):
    names = ["01_eda.ipynb", "02_trial.ipynb", "shortcuts.json", "calibration.json", "figures/Face_Board.png"]
    for name in names:
        (runs / "full" / name).parent.mkdir(parents=True, exist_ok=True)
        (runs / "full" / name).write_text(name)
    Image.new("L", (4, 4)).save(runs / "full/figures/Face_Board.png")
    for name in ("FIGURES", "NOTEBOOKS"):
        monkeypatch.setattr(pipeline, name, tmp_path / name)
    (tmp_path / "NOTEBOOKS").mkdir()
    monkeypatch.setattr(pipeline.tables, "main", lambda: None)
    pipeline.publish("full")
    assert {path.name for path in (tmp_path / "FIGURES").iterdir()} == {"Face_Board.png", "shortcuts.json"}
    assert {path.name for path in (tmp_path / "NOTEBOOKS" / "executed").iterdir()} == {"01_eda.ipynb"}


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("FacialExpression.weights.h5", "another one", "FacialExpression.weights.h5 is another network than"),
        ("metrics.json", '{"emotions": {}}', "metrics.json lacks votes"),
    ],
)
def test_results_of_other_networks_or_other_data_are_not_published(folders, monkeypatch, capsys, file, content, reason):
    runs, _ = folders
    monkeypatch.setattr(pipeline, "FIGURES", runs / "published")
    monkeypatch.setattr(pipeline.tables, "main", lambda: pytest.fail("README would be written"))
    leave_run(runs, 2.0, 0.5, "network")
    pipeline.ship("full")
    (runs / "full" / file).write_text(content)
    assert pipeline.why_not_published("full")
    pipeline.publish("full")
    assert reason in capsys.readouterr().out and not (runs / "published").exists()


def test_what_weights_holds_is_published(folders, monkeypatch):
    runs, _ = folders
    for name in ("FIGURES", "NOTEBOOKS"):
        monkeypatch.setattr(pipeline, name, runs / "published" / name)
    written = []
    monkeypatch.setattr(pipeline.tables, "main", lambda: written.append("tables"))
    leave_run(runs, 2.0, 0.5, "network")
    (runs / "full/figures").mkdir()
    Image.new("L", (4, 4)).save(runs / "full/figures/Face_Board.png")
    pipeline.ship("full")
    pipeline.publish("full")
    assert {path.name for path in (runs / "published/FIGURES").iterdir()} == {"Face_Board.png", "metrics.json"}
    assert written == ["tables"]


def test_networks_judged_on_other_data_do_not_ship(folders, capsys):
    runs, weights = folders
    leave_run(runs, 2.0, 0.5, "network")
    metrics = json.loads((runs / "full/metrics.json").read_text())
    del metrics["emotions"]["people"]
    (runs / "full/metrics.json").write_text(json.dumps(metrics))
    pipeline.ship("full")
    assert "weights/ stays as it is: the data of" in capsys.readouterr().out and not weights.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "--run", "full"], "leave --run out"),
        (["quick", "--run", "../elsewhere"], "it must be a folder name of letters, digits, - and _"),
        (["full", "--run", "."], "it must be a folder name"),
    ],
)
def test_a_run_that_would_harm_other_folders_is_refused(monkeypatch, capsys, arguments, words):
    monkeypatch.setattr(pipeline, "restore", lambda _: pytest.fail("a run would be deleted"))
    monkeypatch.setattr("sys.argv", ["pipeline", *arguments])
    with pytest.raises(SystemExit) as ended:
        pipeline.main()
    assert ended.value.code == 2 and words in capsys.readouterr().err


def test_no_epochs_are_handed_on_to_be_refused():
    assert pipeline._shortened("02_keypoint_training", 0) == {"epochs": 0}
    assert pipeline._shortened("02_keypoint_training", None) == pipeline._shortened("01_eda", 3) == {}


def test_published_pictures_have_screen_size_and_few_colours():
    rng = np.random.default_rng(0)
    whole = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (300, 2000, 3), np.uint8)).save(whole, "PNG")
    packed = pipeline.packed_png(whole.getvalue())
    picture = Image.open(io.BytesIO(packed))
    assert picture.size == (800, 120) and picture.mode == "P"
    face = np.repeat(np.repeat(rng.integers(0, 256, (80, 80, 1), np.uint8), 3, axis=2), 2, axis=0)
    face[40:48, 40:48] = colour = 240, 228, 66  # the yellow of a brow's point
    coloured = io.BytesIO()
    Image.fromarray(face).save(coloured, "PNG")
    for colours in (64, 128, 256):
        packed = Image.open(io.BytesIO(pipeline.packed_png(coloured.getvalue(), colours)))
        kept = np.array(packed.convert("RGB"))[44, 44]
        assert abs(kept.astype(int) - colour).max() < 12, "a colour among many greys stays"
    jpeg = io.BytesIO()
    Image.new("RGB", (2000, 10)).save(jpeg, "JPEG")
    assert pipeline.packed_png(jpeg.getvalue()) == jpeg.getvalue()
    pictures = [whole.getvalue(), coloured.getvalue()]
    outputs = [nbformat.v4.new_output("display_data", {"image/png": base64.b64encode(it).decode()}) for it in pictures]
    words = nbformat.v4.new_output("display_data", {"text/plain": "a table"})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("draw()", outputs=[*outputs, words])])
    pipeline.pack_pictures(notebook)
    packed = [base64.b64decode(it.data["image/png"]) for it in outputs]
    wanted = [pipeline.packed_png(it, colours) for it, colours in zip(pictures, (128, 64), strict=True)]
    assert packed == wanted, "a picture of greys needs fewer colours"
    assert words.data == {"text/plain": "a table"}


# ---------------------------------------------------------------- what ships

FILES = ("detection.json", "detection.weights.h5", "face_score.json")
FILES += ("emotion.json", "emotion.weights.h5", "calibration.json")


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """runs/ and weights/, both empty; metrics lack votes where they have no "people"."""
    monkeypatch.setattr(pipeline.tables, "lacking", lambda it: "" if "people" in it["emotions"] else "votes")
    for module in (pipeline, records):
        monkeypatch.setattr(module, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(pipeline, "WEIGHTS", tmp_path / "weights")
    return tmp_path / "runs", tmp_path / "weights"


def leave_run(runs, nme, surprise, content):
    """What a full run leaves of `ours`, `baseline` and a comparison: the first is chosen, the first two are tested."""
    run = runs / "full"
    for task, score in ((KEYPOINTS, nme), (EMOTIONS, surprise)):
        for name in ("ours", "baseline", "head_a"):
            folder = run / task.name / name
            folder.mkdir(parents=True, exist_ok=True)
            best = {task.score: score if name == "ours" else 99}
            (folder / "record.json").write_text(json.dumps({"recipe": {"comparison": name == "head_a"}, "best": best}))
        for name in (task.model_json, task.weights, task.fitted):
            (run / name).write_text(content)
    scores = {"ours": {"score": content}, "baseline": {"score": 1}}
    metrics = {
        "keypoints": {"chosen": "ours", "test": {"Test": {"mean_face": {"score": 2}, **scores}}},
        "emotions": {"chosen": "ours", "test": scores, "people": {}},
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
        pipeline.ship("full")
        assert {(weights / name).read_text() for name in FILES} == {expected}
        assert capsys.readouterr().out.count("the shipped network stays") == 2 * (expected != content)
    record = json.loads((weights / "emotion.record.json").read_text())
    assert record == {"name": "ours", "recipe": {"comparison": False}, "best": {EMOTIONS.score: 0.4}}


def test_a_new_calibration_of_the_shipped_network_is_shipped_but_not_that_of_another(folders):
    runs, weights = folders
    leave_run(runs, 2.0, 0.5, "network")
    pipeline.ship("full")
    (runs / "full" / "calibration.json").write_text("anew")
    pipeline.ship("full")
    assert (weights / "calibration.json").read_text() == "anew"
    (runs / "full" / EMOTIONS.weights).write_text("another")
    (runs / "full" / "calibration.json").write_text("of another")
    pipeline.ship("full")
    assert (weights / "calibration.json").read_text() == "anew"
    assert (weights / "emotion.weights.h5").read_text() == "network"


def test_too_large_weights_are_not_shipped(folders, capsys, monkeypatch):
    runs, weights = folders
    monkeypatch.setattr(pipeline, "LIMIT", 4)
    leave_run(runs, 2.0, 0.7, "12345")
    pipeline.ship("full")
    assert capsys.readouterr().out.count("is too large to ship") == 2 and not weights.exists()
    leave_run(runs, 2.0, 0.7, "1234")
    pipeline.ship("full")
    assert (weights / "detection.weights.h5").read_text() == "1234"
    before = (weights / "compared.json").read_text()
    leave_run(runs, 1.0, 0.9, "123")  # one is better, the other stays
    pipeline.ship("full")
    assert (weights / "detection.weights.h5").read_text() == "123"
    assert (weights / "compared.json").read_text() == before, "it tells of runs whose two networks ship"


def test_a_run_made_of_the_shipped_networks_has_their_weights_and_the_scores_of_the_others(folders):
    runs, _ = folders
    leave_run(runs, 2.0, 0.7, "shipped")
    pipeline.ship("full")
    (runs / "again" / "keypoints" / "old").mkdir(parents=True)
    pipeline.restore("again")
    assert not (runs / "again" / "keypoints" / "old").exists(), "made anew"
    for task in (KEYPOINTS, EMOTIONS):
        assert records.best_recipe("again", task) == "ours"
        found = records.trainings("again", task)
        assert list(found) == ["baseline", "head_a", "ours"] and "test" not in found["ours"] | found["head_a"]
        folder = runs / "again" / task.name / "ours"
        assert {(folder / name).read_text() for name in ("model.json", "best.weights.h5")} == {"shipped"}
        names = task.model_json, task.weights, task.fitted
        assert {(runs / "again" / name).read_text() for name in names} == {"shipped"}
    assert records.trainings("again", KEYPOINTS)["baseline"]["test"] == {"Test": {"score": 1}}
    assert records.trainings("again", EMOTIONS)["baseline"]["test"] == {"score": 1}
