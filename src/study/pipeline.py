"""Runs the study headless with papermill: `python -m src.pipeline quick`, `full` or `evaluate`.

params/<study>.yaml holds the parameters, a section a notebook. Executed notebooks, weights, figures and metrics.json go
to runs/<run>/. A full run is then copied to the tracked figures/, notebooks/executed/ and, where its network scores
better on validation than the shipped one, weights/; `evaluate` repeats its notebook 04 with what weights/ holds. The
appendix comes last and nothing else needs it.
"""

import argparse
import contextlib
import filecmp
import json
import re
import shutil
import sys

import nbformat
import papermill
import yaml

from src.files import FIGURES, NOTEBOOKS, PARAMS, ROOT, RUNS, WEIGHTS, copy, shown, write_json
from src.study import pipeline as shipping
from src.study import tables as readme
from src.training.records import EMOTIONS, KEYPOINTS, Task, trainings

FULL, EVALUATE = "full", "evaluate"  # the studies on real data, whose results are published
EVALUATION, SHORTCUTS = "04_evaluation_and_face_board", "06_shortcuts"
STUDY = ("01_eda", "02_keypoint_training", "03_emotion_training", EVALUATION, "05_your_photo", SHORTCUTS)
TRAININGS = {KEYPOINTS: STUDY[1], EMOTIONS: STUDY[2]}
# TensorFlow's start-up lines, and its hint that a network was traced anew for a batch of another size.
STARTUP_LOG = re.compile(
    r"WARNING: All log messages before absl|[IWE]\d{4} \d\d:\d\d:|.* triggered tf.function retracing"
)


def tidy_streams(notebook) -> None:
    """Leaves of each progress line only its last state, as a terminal would, and drops TensorFlow's start-up log."""
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        cell.outputs = _joined_streams(cell.outputs)
        for output in cell.outputs:
            if output.output_type == "stream":
                lines = [line.rstrip("\r").split("\r")[-1] for line in output.text.split("\n")]
                output.text = "\n".join(line for line in lines if not STARTUP_LOG.match(line))
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


def run_notebook(name: str, run: str, parameters: dict) -> None:
    """Executes one notebook into runs/<run>/<name>.ipynb; papermill's exception tells what failed in it."""
    target = RUNS / run / f"{name}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    print(f"\n{name}  ->  {shown(target)}", flush=True)
    with contextlib.chdir(ROOT):  # papermill writes the paths it is given into the notebook: relative ones
        papermill.execute_notebook(
            shown(NOTEBOOKS / f"{name}.ipynb"), shown(target), {**parameters, "run": run}, kernel_name="python3"
        )
    notebook = nbformat.read(target, as_version=4)
    tidy_streams(notebook)
    deepen_links(notebook)
    nbformat.write(notebook, target)


def read_parameters(study: str) -> dict[str, dict]:
    """Notebook -> parameters, from params/<study>.yaml."""
    return yaml.safe_load((PARAMS / f"{study}.yaml").read_text())


def ensure_trained(run: str, **parameters) -> None:
    """Trains what a run lacks, by the notebook that does it, so that notebook 04 can be opened first."""
    for task, notebook in TRAININGS.items():
        if not (RUNS / run / task.weights).exists():
            print(f"{shown(RUNS / run)} holds no {task.weights}: notebook {notebook} runs first.")
            run_notebook(notebook, run, parameters)


def print_scores(run: str) -> None:
    """The run's scores, and where its pictures are."""
    metrics = json.loads((RUNS / run / "metrics.json").read_text())
    data = "drawn sample faces, not a result" if metrics["run"]["data"] == "sample" else "real faces"
    print(f"\nScores on the test split ({data}):")
    for split, scores in metrics["keypoints"]["test"].items():
        best = scores[metrics["keypoints"]["chosen"]]
        print(f"  keypoints  {split:<12} NME {best['nme_percent']:.2f} %   RMSE {best['rmse_px']:.2f} px")
    best = metrics["emotions"]["test"][metrics["emotions"]["chosen"]]
    print(f"  emotions   {'top-1':<12} {best['accuracy']:.1%}   macro-F1 {best['macro_f1']:.3f}")
    print(f"\nFace board   {shown(RUNS / run / 'figures' / 'Face_Board.png')}")
    print(f"Figures      {shown(RUNS / run / 'figures')}/\nNotebooks    {shown(RUNS / run)}/*.ipynb, with outputs")


def publish(run: str) -> None:
    """Refreshes the tracked figures, scores and executed notebooks from what a run has of them."""
    folder = RUNS / run
    results = {
        FIGURES: [*(folder / "figures").iterdir(), folder / "metrics.json", folder / "shortcuts.json"],
        NOTEBOOKS / "executed": [folder / f"{name}.ipynb" for name in STUDY],
    }
    for target, paths in results.items():
        target.mkdir(exist_ok=True)
        for path in (path for path in paths if path.exists()):
            shutil.copyfile(path, target / path.name)
    readme.main()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.pipeline", description=__doc__.splitlines()[0])
    parser.add_argument("study", choices=sorted(path.stem for path in PARAMS.glob("*.yaml")))
    parser.add_argument("--run", help="folder below runs/ (default: the study's name)")
    parser.add_argument("--only", choices=STUDY, help="one notebook of the study instead of all")
    parser.add_argument("--epochs", type=int, help="epochs of every training, instead of the recipes' own")
    arguments = parser.parse_args()
    run = arguments.run or arguments.study
    if arguments.study == EVALUATE:
        shipping.restore(run)
    for name, parameters in read_parameters(arguments.study).items():
        if arguments.only not in (None, name):
            continue
        if arguments.epochs and name in TRAININGS.values():
            parameters = {**parameters, "epochs": arguments.epochs}
        try:
            run_notebook(name, run, parameters)
        except papermill.PapermillExecutionError as error:
            sys.exit(f"{name} stopped in cell {error.exec_count}: {error.ename}: {error.evalue}")
    if arguments.only in (None, EVALUATION):  # only the evaluation makes new scores
        print_scores(run)
    if arguments.study in (FULL, EVALUATE) and arguments.only in (None, EVALUATION, SHORTCUTS):
        publish(run)
    if arguments.study == FULL and arguments.only in (None, EVALUATION):
        shipping.ship(run)
        from src.predict import export  # they import TensorFlow, which nothing else here needs
        # DROPPED src.light

        export.write_onnx(WEIGHTS)
        light.publish(run)


if __name__ == "__main__":
    main()


NAMES = {KEYPOINTS: "detection", EMOTIONS: "emotion"}
LIMIT = 20e6  # bytes of a weights file; git keeps every version of a file for ever


def ship(run: str) -> None:
    """Copies the run's networks to weights/ where they are better on validation than the shipped ones.

    Of the shipped emotion network itself, a run that calibrated it anew brings that.
    The scores of the run's other networks go to compared.json: some are too large to ship.
    """
    metrics = json.loads((RUNS / run / "metrics.json").read_text())
    for task in NAMES:
        _ship_network(run, task, metrics[task.name]["chosen"])
    compared = {task.name: _others(run, task, metrics[task.name]["test"]) for task in NAMES}
    write_json(WEIGHTS / "compared.json", compared)


def _ship_network(run: str, task: Task, recipe: str) -> None:
    record, weights = trainings(run, task)[recipe], RUNS / run / task.weights
    name = NAMES[task]
    shipped = WEIGHTS / f"{name}.record.json"
    if shipped.exists():
        now, past = (it["best"].get(task.score) for it in (record, json.loads(shipped.read_text())))
        if past is not None and now >= past:
            print(f"{name}: the shipped network stays, it is no worse on validation.")
            if filecmp.cmp(weights, WEIGHTS / f"{name}.weights.h5", shallow=False):
                _ship_calibration(run, task)
            return
    if weights.stat().st_size > LIMIT:
        print(f"{name}: {shown(weights)} is too large to ship ({weights.stat().st_size / 1e6:.0f} MB).")
        return
    copy(RUNS / run / task.model_json, WEIGHTS / f"{name}.json")
    copy(weights, WEIGHTS / f"{name}.weights.h5")
    _ship_calibration(run, task)
    write_json(shipped, {"name": recipe, **record})
    print(f"{name}: weights/ now holds the network of this run ({recipe}).")


def _ship_calibration(run: str, task: Task) -> None:
    if task is EMOTIONS:
        copy(RUNS / run / "calibration.json", WEIGHTS / "calibration.json")


def _others(run: str, task: Task, test: dict) -> dict[str, dict]:
    """Records of the run's trainings that are not shipped, with the test scores of those that were tested."""
    path = WEIGHTS / f"{NAMES[task]}.record.json"
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
    for task, name in NAMES.items():
        record = json.loads((WEIGHTS / f"{name}.record.json").read_text())
        for model_json, weights in (
            (folder / task.model_json, folder / task.weights),
            (
                folder / task.name / record["name"] / "model.json",
                folder / task.name / record["name"] / "best.weights.h5",
            ),
        ):
            copy(WEIGHTS / f"{name}.json", model_json)
            copy(WEIGHTS / f"{name}.weights.h5", weights)
        for other, its_record in {record["name"]: record, **compared[task.name]}.items():
            write_json(folder / task.name / other / "record.json", its_record)
    copy(WEIGHTS / "calibration.json", folder / "calibration.json")
