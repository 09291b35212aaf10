"""What a run leaves behind, and how it is found again. Knows files, not networks.

runs/<run>/keypoints/<recipe>/         record and weights of each training
runs/<run>/emotions/<recipe>/
runs/<run>/FacialKeyPoints-model.json + FacialKeyPoints.weights.h5           the best on validation
runs/<run>/FacialExpression-model.json + FacialExpression.weights.h5
runs/<run>/face_score.json, calibration.json                                 fitted on validation for these
"""

import filecmp
import json
from dataclasses import dataclass

import pandas as pd

from src.files import RUNS, copy


@dataclass(frozen=True)
class Task:
    """One of the two models of the study."""

    name: str  # folder of its trainings within a run
    model_json: str  # what a run of one's own writes
    weights: str
    score: str  # validation figure that compares recipes: the smaller, the better
    fitted: str  # file of what was then fitted on validation for that very network


KEYPOINTS = Task(
    "keypoints", "FacialKeyPoints-model.json", "FacialKeyPoints.weights.h5", "val_nme_percent", "face_score.json"
)
EMOTIONS = Task(
    "emotions",
    "FacialExpression-model.json",
    "FacialExpression.weights.h5",
    "val_flip_log_loss",
    "calibration.json",
)


def trainings(run: str, task: Task) -> dict[str, dict]:
    """Records of the trainings of a run by the recipe's name, in the order of the names."""
    folders = sorted((RUNS / run / task.name).glob("*/record.json"), key=lambda path: path.parent.name)
    return {path.parent.name: json.loads(path.read_text()) for path in folders}


def overview(run: str, task: Task) -> pd.DataFrame:
    """Every training of a run, the best on validation first: what was trained, how long, how well."""
    rows = {}
    for name, record in trainings(run, task).items():
        recipe, history, best = record["recipe"], record["history"], record["best"]
        rows[name] = {
            **{key: recipe.get(key, "") for key in ("network", "augment", "optimizer", "batch_size")},
            "epochs": len(history),
            "minutes": round(sum(row["seconds"] for row in history) / 60),
            "kept": best["epoch"],
            **{key: best[key] for key in best if key not in ("epoch", "seconds")},
        }
    return pd.DataFrame(rows).T.sort_values(task.score)


def finalists(run: str, task: Task) -> dict[str, dict]:
    """The trainings of a run that compete and are tested: not those that only show what one choice does."""
    return {name: it for name, it in trainings(run, task).items() if not it["recipe"].get("comparison")}


def export_best(run: str, task: Task) -> str:
    """Copies the run's network that scores best on validation to the run's fixed names; returns its recipe's name.

    What was fitted for another network goes.
    """
    best = best_recipe(run, task)
    folder = RUNS / run / task.name / best
    weights = RUNS / run / task.weights
    if not (weights.exists() and filecmp.cmp(weights, folder / "best.weights.h5", shallow=False)):
        for other in {task, EMOTIONS}:  # emotions are calibrated on what the keypoint network finds
            (RUNS / run / other.fitted).unlink(missing_ok=True)
    for source, target in (("model.json", task.model_json), ("best.weights.h5", task.weights)):
        copy(folder / source, RUNS / run / target)
    return best


def best_recipe(run: str, task: Task) -> str:
    """Name of the finalist whose kept epoch scores best on validation.

    One without such a score does not compete: it was trained before there was one, and its network is gone.
    FileNotFoundError: there is none.
    """
    scores = {name: record["best"].get(task.score) for name, record in finalists(run, task).items()}
    if not any(score is not None for score in scores.values()):
        raise FileNotFoundError(f"runs/{run}/{task.name} holds no network that competes: train one first (make full)")
    return min((name for name in scores if scores[name] is not None), key=scores.get)
