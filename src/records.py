"""What a run leaves behind, and how it is found again. Knows files, not networks.

runs/<run>/keypoints/<recipe>/         record and weights of each training
runs/<run>/emotions/<recipe>/
runs/<run>/FacialKeyPoints-model.json + FacialKeyPoints.weights.h5           the best on validation
runs/<run>/FacialExpression-model.json + FacialExpression.weights.h5
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from src.files import copy, replacing
from src.paths import RUNS

TRIAL = "trial_"  # how the names of trials begin


def write_json(path: Path, content: dict) -> None:
    """Writes JSON whole or not at all."""
    with replacing(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n")


@dataclass(frozen=True)
class Task:
    """One of the two models of the study."""

    name: str  # folder of its trainings within a run
    model_json: str  # what a run of one's own writes
    weights: str
    score: str  # validation figure that compares recipes: the smaller, the better


KEYPOINTS = Task("keypoints", "FacialKeyPoints-model.json", "FacialKeyPoints.weights.h5", "val_nme_percent")
EMOTIONS = Task("emotions", "FacialExpression-model.json", "FacialExpression.weights.h5", "val_mirrored_crossentropy")


def trainings(run: str, task: Task) -> dict[str, dict]:
    """Records of the trainings of a run by the recipe's name, in the order of the names."""
    folders = sorted((RUNS / run / task.name).glob("*/record.json"), key=lambda path: path.parent.name)
    return {path.parent.name: json.loads(path.read_text()) for path in folders}


def overview(run: str, task: Task) -> pd.DataFrame:
    """Every training of a run, trials included, the best on validation first: what was trained, how long, how well."""
    rows = {}
    for name, record in trainings(run, task).items():
        recipe, history, best = record["recipe"], record["history"], record["best"]
        rows[name] = {
            **{key: recipe[key] for key in ("network", "augment", "optimizer", "batch_size")},
            "epochs": len(history),
            "minutes": round(sum(row["seconds"] for row in history) / 60),
            "kept": best["epoch"],
            **{key: best[key] for key in best if key not in ("epoch", "seconds")},
        }
    return pd.DataFrame(rows).T.sort_values(task.score)


def descent(run: str, task: Task, name: str) -> tuple[dict[str, list[dict]], dict[str, int]]:
    """A network's training and those that it goes on from, the oldest first: histories, and the epochs that were kept.

    Epochs are counted through, as in one long training. Of several that one goes on from, the first is followed.
    """
    found, line = trainings(run, task), []
    while name in found:
        line.insert(0, name)
        name = (found[name]["recipe"].get("start") or "").split(" ")[0]
    histories, kept, before = {}, {}, 0
    for name in (name for name in line if found[name]["history"]):
        histories[name] = [{**row, "epoch": row["epoch"] + before} for row in found[name]["history"]]
        kept[name] = found[name]["best"]["epoch"] + before
        before += len(histories[name])
    return histories, kept


def finalists(run: str, task: Task) -> dict[str, dict]:
    """The trainings of a run that compete and are tested.

    Not the trials, which only compare a choice, nor those that left out a part of the faces, which only teach.
    """

    def competes(name: str, record: dict) -> bool:
        return not (name.startswith(TRIAL) or record["recipe"].get("left_out"))

    return {name: record for name, record in trainings(run, task).items() if competes(name, record)}


def export_best(run: str, task: Task) -> str:
    """Copies the run's network that scores best on validation to the run's fixed names; returns its recipe's name."""
    best = best_recipe(run, task)
    folder = RUNS / run / task.name / best
    for source, target in (("model.json", task.model_json), ("best.weights.h5", task.weights)):
        copy(folder / source, RUNS / run / target)
    return best


def best_recipe(run: str, task: Task) -> str:
    """Name of the run's recipe whose kept epoch scores best on validation, trials aside.

    Records from before there was such a score do not compete: their networks are gone.
    """
    scores = {name: record["best"].get(task.score) for name, record in finalists(run, task).items()}
    return min((name for name in scores if scores[name] is not None), key=scores.get)
