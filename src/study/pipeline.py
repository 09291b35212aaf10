"""Runs the study headless with papermill: `python -m src.study.pipeline quick`, `full`, `comparisons` or `evaluate`.

params/<study>.yaml holds the parameters, a section a notebook. Executed notebooks, weights, figures and metrics.json go
to runs/<run>/. Where the network of a full run scores better on validation than the shipped one, it goes to weights/.
What shows the networks of weights/ is then copied to the tracked figures/ and notebooks/executed/ and to the tables of
README.md and the card; `evaluate` repeats notebook 04 with what weights/ holds:

weights/detection.json, .weights.h5, .record.json     the keypoint network
weights/emotion.json, .weights.h5, .record.json       the emotion network
weights/face_score.json, calibration.json             what was fitted for each: how likely its keypoints are right; its
                                                      temperature and what counts as sure
weights/compared.json                                 records and test scores of the run's other networks
"""

import argparse
import base64
import contextlib
import filecmp
import io
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator

import nbformat
import papermill
import yaml
from PIL import Image

from src.files import FIGURES, NOTEBOOKS, PARAMS, ROOT, RUNS, WEIGHTS, copy, replacing, shown, write_json
from src.study import tables
from src.study.notebooks import folder_name
from src.training.records import EMOTIONS, KEYPOINTS, Task, trainings

FULL, COMPARISONS, EVALUATE = "full", "comparisons", "evaluate"
STUDIES = ("quick", FULL, COMPARISONS, EVALUATE)
EVALUATION, SHORTCUTS = "04_evaluation_and_face_board", "06_shortcuts"
NOTEBOOK_NAMES = ("01_eda", "02_keypoint_training", "03_emotion_training", EVALUATION, "05_your_photo", SHORTCUTS)
TRAININGS = {KEYPOINTS: NOTEBOOK_NAMES[1], EMOTIONS: NOTEBOOK_NAMES[2]}
SHIPPED = {KEYPOINTS: "detection", EMOTIONS: "emotion"}  # what the names of their files in weights/ begin with
LIMIT = 20e6  # bytes of a weights file; git keeps every version of a file for ever
SCREEN_PX = 800  # width of a published picture
# The folder of this machine in which a warning's file lies.
FOLDER = re.compile(r"\S*[/\\](?=[^/\\\s]+\.py:\d+)")
# TensorFlow's start-up lines, and its hint that a network was traced anew for a batch of another size.
STARTUP_LOG = re.compile(
    r"WARNING: All log messages before absl|[IWE]\d{4} \d\d:\d\d:|.* triggered tf.function retracing"
)


# ---------------------------------------------------------------- notebooks


def tidy_streams(notebook) -> None:
    """Leaves of each progress line only its last state, as a terminal would; drops start-up logs, files' folders."""
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        cell.outputs = _joined_streams(cell.outputs)
        for output in cell.outputs:
            if output.output_type == "stream":
                lines = [line.rstrip("\r").split("\r")[-1] for line in output.text.split("\n")]
                text = "\n".join(line for line in lines if not STARTUP_LOG.match(line))
                output.text = FOLDER.sub("", text)
        cell.outputs = [it for it in cell.outputs if it.output_type != "stream" or it.text.strip()]


def _joined_streams(outputs: list) -> list:
    """The same outputs; pieces of one stream that follow each other, as a slow cell prints them, become one."""
    joined = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and output.output_type == "stream" and output.get("name") == last.get("name"):
            last.text += output.text
        else:
            joined.append(output)
    return joined


def deepen_links(notebook) -> None:
    """Turns links that lead from notebooks/ into those from a folder one deeper: runs/<run>/, notebooks/executed/."""
    for cell in (cell for cell in notebook.cells if cell.cell_type == "markdown"):
        cell.source = cell.source.replace("](../", "](../../")


def packed_png(content: bytes, colours: int = 256) -> bytes:
    """A PNG of screen size in so many colours at most, a sixth of the bytes; a JPEG stays as it is."""
    picture = Image.open(io.BytesIO(content))
    if picture.format != "PNG":
        return content
    picture, packed = picture.convert("RGB"), io.BytesIO()
    picture.thumbnail((SCREEN_PX, 10 * SCREEN_PX))
    # Of all ways this one keeps the few coloured points among many greys.
    picture = picture.quantize(colours, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    picture.save(packed, "PNG", optimize=True)
    return packed.getvalue()


def _colours_of(content: bytes) -> int:
    """How many colours a picture in a notebook needs: greys with some coloured points fewer than a photo in colour."""
    saturation = Image.open(io.BytesIO(content)).convert("HSV").getchannel("S")
    coloured = sum(saturation.histogram()[64:]) / (saturation.width * saturation.height)
    return 128 if coloured > 0.2 else 64


def pack_pictures(notebook) -> None:
    """The same for each picture that a notebook's cells have put out."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    for data in (output.data for output in outputs if "image/png" in output.get("data", {})):
        content = base64.b64decode(data["image/png"])
        data["image/png"] = base64.b64encode(packed_png(content, _colours_of(content))).decode()


@contextlib.contextmanager
def silent_kernels() -> Iterator[None]:
    """Kernels that start meanwhile have no terminal, to which TensorFlow would tell which GPU it misses; we keep ours.

    What a cell writes comes into its notebook all the same, and what a kernel that dies has written is told then.
    """
    sys.stderr.flush()
    with open(os.dup(2), "w") as own, tempfile.TemporaryFile("w+") as log:  # noqa: PTH123  no path
        os.dup2(log.fileno(), 2)
        try:
            with contextlib.redirect_stderr(own):
                yield
        except RuntimeError:  # a dead kernel's, no cell's
            log.seek(0)
            own.write(log.read())
            raise
        finally:
            os.dup2(own.fileno(), 2)


def run_notebook(name: str, run: str, parameters: dict) -> None:
    """Executes one notebook into runs/<run>/<name>.ipynb; papermill's exception tells what failed in it."""
    target = RUNS / run / f"{name}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    print(f"\n{name}  ->  {shown(target)}", flush=True)
    # Papermill writes the paths that it is given into the notebook: relative ones.
    with silent_kernels(), contextlib.chdir(ROOT):
        papermill.execute_notebook(
            shown(NOTEBOOKS / f"{name}.ipynb"), shown(target), {**parameters, "run": run}, kernel_name="python3"
        )
    notebook = nbformat.read(target, as_version=4)
    tidy_streams(notebook)
    deepen_links(notebook)
    pack_pictures(notebook)
    nbformat.write(notebook, target)


def read_parameters(study: str) -> dict[str, dict]:
    """Notebook -> parameters, from params/<study>.yaml."""
    return yaml.safe_load((PARAMS / f"{study}.yaml").read_text())


def ensure_trained(run: str, **parameters) -> None:
    """Trains what a run lacks, by the notebook that does it, so that notebook 04 can be opened first."""
    needed = {KEYPOINTS: (KEYPOINTS.weights,), EMOTIONS: (EMOTIONS.weights, EMOTIONS.fitted)}
    for task, notebook in TRAININGS.items():
        if missing := [name for name in needed[task] if not (RUNS / run / name).exists()]:
            print(f"{shown(RUNS / run)} holds no {missing[0]}: notebook {notebook} runs first.")
            run_notebook(notebook, run, parameters)


# ---------------------------------------------------------------- results


def print_scores(run: str) -> None:
    """The run's scores, and where its pictures are."""
    metrics = json.loads((RUNS / run / "metrics.json").read_text())
    data = "synthetic sample faces, not a result" if metrics["run"]["data"] == "sample" else "real faces"
    print(f"\nScores on the test split ({data}):")
    for split, scores in metrics["keypoints"]["test"].items():
        best = scores[metrics["keypoints"]["chosen"]]
        print(f"  keypoints  {split:<12} NME {best['nme_percent']:.2f} %   RMSE {best['rmse_px']:.2f} px")
    best = metrics["emotions"]["test"][metrics["emotions"]["chosen"]]
    print(f"  emotions   {'labels':<12} accuracy {best['accuracy']:.1%}   macro-F1 {best['macro_f1']:.3f}")
    if people := best.get("people"):
        print(
            f"  emotions   {'people':<12} accuracy {people['accuracy']:.1%}   mean recall {people['mean_recall']:.3f}"
        )
    print(f"\nFace board   {shown(RUNS / run / 'figures' / 'Face_Board.png')}")
    print(f"Figures      {shown(RUNS / run / 'figures')}/\nNotebooks    {shown(RUNS / run)}/*.ipynb, with outputs")


def why_not_published(run: str) -> str:
    """What keeps a run's results out of the tracked files, in words; "": nothing does."""
    for task, name in SHIPPED.items():
        weights, shipped = RUNS / run / task.weights, WEIGHTS / f"{name}.weights.h5"
        if weights.exists() and not (shipped.exists() and filecmp.cmp(weights, shipped, shallow=False)):
            return f"{shown(weights)} is another network than {shown(shipped)}, which `make evaluate` shows"
    metrics = RUNS / run / "metrics.json"
    lacking = tables.lacking(json.loads(metrics.read_text())) if metrics.exists() else ""
    return f"{shown(metrics)} lacks {lacking}" if lacking else ""


def publish(run: str) -> None:
    """Refreshes the tracked figures, scores and executed notebooks from what a run has of them.

    Unless they are of other networks than weights/ holds, or of files that lack what the tables say.
    """
    if reason := why_not_published(run):
        print(f"figures/, notebooks/executed/, README.md and weights/CARD.md stay as they are: {reason}.")
        return
    folder = RUNS / run
    for path in (folder / "figures").iterdir():
        with replacing(FIGURES / path.name) as part:
            part.write_bytes(packed_png(path.read_bytes()))
    results = dict.fromkeys(("metrics.json", "shortcuts.json"), FIGURES)
    results |= {f"{name}.ipynb": NOTEBOOKS / "executed" for name in NOTEBOOK_NAMES}
    for name, target in results.items():
        if (folder / name).exists():
            copy(folder / name, target / name)
    tables.main()


def ship(run: str) -> None:
    """Copies the run's networks to weights/ where they are better on validation than the shipped ones.

    Of a shipped network itself, a run that calibrated it anew brings that. Where both are then the run's, the scores of
    its other networks go to compared.json: some are too large to ship. Scores on other data say nothing of that.
    """
    metrics = json.loads((RUNS / run / "metrics.json").read_text())
    if lacking := tables.lacking(metrics):
        print(f"weights/ stays as it is: the data of {shown(RUNS / run)} lacks {lacking}.")
        return
    for task in SHIPPED:
        _ship_network(run, task, metrics[task.name]["chosen"])
    if not why_not_published(run):
        compared = {task.name: _others(run, task, metrics[task.name]["test"]) for task in SHIPPED}
        write_json(WEIGHTS / "compared.json", compared)


def _ship_network(run: str, task: Task, recipe: str) -> None:
    name, weights = SHIPPED[task], RUNS / run / task.weights
    record, kept = trainings(run, task)[recipe], WEIGHTS / f"{SHIPPED[task]}.record.json"
    past = json.loads(kept.read_text())["best"].get(task.score) if kept.exists() else None
    better = past is None or record["best"][task.score] < past
    if better and weights.stat().st_size > LIMIT:
        print(f"{name}: {shown(weights)} is too large to ship ({weights.stat().st_size / 1e6:.0f} MB).")
        return
    if better:
        copy(RUNS / run / task.model_json, WEIGHTS / f"{name}.json")
        copy(weights, WEIGHTS / f"{name}.weights.h5")
        write_json(kept, {"name": recipe, **record})
        print(f"{name}: weights/ now holds the network of this run ({recipe}).")
    else:
        print(f"{name}: the shipped network stays, it is no worse on validation.")
    fitted = RUNS / run / task.fitted
    if fitted.exists() and filecmp.cmp(weights, WEIGHTS / f"{name}.weights.h5", shallow=False):
        copy(fitted, WEIGHTS / fitted.name)


def _others(run: str, task: Task, test: dict) -> dict[str, dict]:
    """Records of the run's trainings that are not shipped, with the test scores of those that were tested."""
    path = WEIGHTS / f"{SHIPPED[task]}.record.json"
    shipped = json.loads(path.read_text())["name"] if path.exists() else None
    others = {name: record for name, record in trainings(run, task).items() if name != shipped}
    for name, record in others.items():
        scores = {split: it[name] for split, it in test.items() if name in it} if task is KEYPOINTS else test.get(name)
        if scores:
            others[name] = {**record, "test": scores}
    return others


def restore(run: str) -> None:
    """Makes runs/<run>/ anew from weights/, so that notebook 04 finds the shipped networks and the others' scores."""
    folder = RUNS / run
    shutil.rmtree(folder, ignore_errors=True)
    compared = json.loads((WEIGHTS / "compared.json").read_text())
    for task, name in SHIPPED.items():
        record = json.loads((WEIGHTS / f"{name}.record.json").read_text())
        training = folder / task.name / record["name"]
        for model_json, weights in (
            (folder / task.model_json, folder / task.weights),
            (training / "model.json", training / "best.weights.h5"),
        ):
            copy(WEIGHTS / f"{name}.json", model_json)
            copy(WEIGHTS / f"{name}.weights.h5", weights)
        for other, its_record in {record["name"]: record, **compared[task.name]}.items():
            write_json(folder / task.name / other / "record.json", its_record)
        copy(WEIGHTS / task.fitted, folder / task.fitted)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.study.pipeline", description=__doc__.splitlines()[0])
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--run", help="folder below runs/ (default: the study's name)")
    parser.add_argument("--only", choices=NOTEBOOK_NAMES, help="one notebook of the study instead of all")
    parser.add_argument("--epochs", type=int, help="epochs of every training, instead of the recipes' own")
    arguments = parser.parse_args()
    study, only = arguments.study, arguments.only
    run = arguments.run or (FULL if study == COMPARISONS else study)
    if study == EVALUATE and arguments.run:
        parser.error("evaluate makes runs/evaluate anew each time: leave --run out")
    is_right, words = folder_name
    if not is_right(run):
        parser.error(f"--run {run}: it {words}")
    if study == EVALUATE:
        restore(run)
    planned = {name: it for name, it in read_parameters(study).items() if only in (None, name)}
    for name, parameters in planned.items():
        try:
            run_notebook(name, run, {**parameters, **_shortened(name, arguments.epochs)})
        except papermill.PapermillExecutionError as error:
            sys.exit(f"{name} stopped in cell {error.exec_count}: {error.ename}: {error.evalue}")
    if EVALUATION in planned:  # only the evaluation makes new scores
        print_scores(run)
    if study == FULL and EVALUATION in planned:
        ship(run)
        from src.predict import export  # it imports TensorFlow, which nothing else here needs

        export.write_onnx(WEIGHTS)
    if study in (FULL, EVALUATE) and planned.keys() & {EVALUATION, SHORTCUTS}:
        publish(run)


def _shortened(name: str, epochs: int | None) -> dict[str, int]:
    """The parameters that give every training of a notebook so many epochs; None: none."""
    by_notebook = dict.fromkeys(TRAININGS.values(), ("epochs",)) | {SHORTCUTS: ("emotion_epochs", "keypoint_epochs")}
    return {} if epochs is None else dict.fromkeys(by_notebook.get(name, ()), epochs)


if __name__ == "__main__":
    main()
