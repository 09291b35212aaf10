"""weights/: what a full run leaves there, and how a run is made of it again.

weights/detection.json, .weights.h5, .record.json     the keypoint network
weights/emotion.json, .weights.h5, .record.json       the emotion network
weights/calibration.json                              its temperatures and what counts as sure
weights/compared.json                                 records and test scores of the run's other networks
"""

import filecmp
import json
import shutil

from src.files import copy
from src.paths import RUNS, WEIGHTS, shown
from src.records import EMOTIONS, KEYPOINTS, Task, trainings, write_json

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
