"""The light pair: two smaller networks for slow machines, `python -m src.light [--run full]`.

weights/light/ gets a run's trainings `light_tuned` (keypoints) and `light_again` (emotions) under the names of
weights/, with a calibration of their own, so that `FaceReader("weights/light")` reads them, and validation.json: how
the pair does on validation faces beside the pair of weights/. The test split stays closed.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from src import networks
from src.calibration import calibrate, five_probabilities
from src.csv_reader import DataError
from src.datasets import Emotions, Keypoints, take_rows
from src.files import copy
from src.labels import EMOTIONS
from src.metrics import emotion_scores, keypoint_scores
from src.paths import RUNS, WEIGHTS, shown
from src.predict import predict_both, predict_keypoints
from src.records import EMOTIONS as EMOTION_TASK
from src.records import KEYPOINTS, write_json
from src.shipping import NAMES

FOLDER = WEIGHTS / "light"
RECIPES = {KEYPOINTS: "light_tuned", EMOTION_TASK: "light_again"}


def trained(run: str) -> bool:
    """Whether a run has both light networks."""
    return all((RUNS / run / task.name / name / "best.weights.h5").exists() for task, name in RECIPES.items())


def copy_networks(run: str, folder: Path) -> None:
    """The run's two light networks and their records, under the names that a folder of shipped networks has."""
    for task, name in RECIPES.items():
        source, target = RUNS / run / task.name / name, folder / NAMES[task]
        for ending, file in ((".json", "model.json"), (".weights.h5", "best.weights.h5")):
            copy(source / file, Path(f"{target}{ending}"))
        record = json.loads((source / "record.json").read_text())
        write_json(Path(f"{target}.record.json"), {"name": name, **record})


def judge(folder: Path, points: Keypoints, faces: Emotions) -> dict:
    """Scores of a folder's pair on faces with keypoints and on faces with emotions, in one pass and mirror averaged."""
    pair = [networks.load_network(folder, task, "keras") for task in networks.FILES]
    scores = {}
    for name, mirror in (("one pass", False), ("mirror averaged", True)):
        found = predict_keypoints(pair[0], points.images, mirror=mirror)
        outputs = predict_both(*pair, faces.images, mirror=mirror)[1]
        told = emotion_scores(five_probabilities(outputs), faces.labels, EMOTIONS)
        nme = keypoint_scores(found, points.keypoints_px)["nme_percent"]
        scores[name] = {"nme_percent": nme, "accuracy": told["accuracy"], "macro_f1": told["macro_f1"]}
    return scores


def ship(run: str, points: Keypoints, faces: Emotions, folder: Path = FOLDER) -> dict:
    """Fills the folder from a run; points, faces: all splits of both data sets. Returns what validation.json says."""
    copy_networks(run, folder)
    everyone = faces.split("PublicTest")
    pair = [networks.load_network(folder, task, "keras") for task in networks.FILES]
    write_json(folder / "calibration.json", asdict(calibrate(predict_both(*pair, everyone.images)[1], everyone.labels)))
    validation = points.split("Validation")
    trusted = take_rows(validation, validation.source == "helen")
    scores = {name: judge(it, trusted, everyone.five()) for name, it in {"light": folder, "whole": WEIGHTS}.items()}
    write_json(folder / "validation.json", scores)
    return scores


def publish(run: str) -> None:
    """weights/light/ from a run on the real faces, where it has trained both light networks."""
    if not trained(run):
        return
    from src import export, study  # they import TensorFlow, which answering that does not take

    scores = ship(run, study.read_keypoints("real", 0, 0), study.read_emotions("real", 0, 0))
    export.write_onnx(FOLDER)
    print(f"{shown(FOLDER)} holds the light networks of this run; on validation:\n{json.dumps(scores, indent=1)}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.light", description=__doc__.split(",", 1)[0])
    parser.add_argument("--run", default="full", help="folder below runs/ (%(default)s)")
    run = parser.parse_args().run
    if not trained(run):
        sys.exit(f"{shown(RUNS / run)} holds no light networks: train the recipes of that name by notebooks 02 and 03")
    try:
        publish(run)
    except (OSError, DataError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
