"""What notebook 04 measures: every network of a run on the test split, which no other part of the study opens."""

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from src.data.datasets import Emotions, Keypoints
from src.evaluation.saliency import grad_cam
from src.evaluation.stress import keypoint_stress, stress_report
from src.files import RUNS
from src.labels import EMOTIONS, KEYPOINT_COLUMNS
from src.metrics.calibration import Calibration, calibrated, five_probabilities, sure_scores
from src.metrics.scores import (
    accuracy_by_coverage,
    classwise_calibration_errors,
    emotion_scores,
    expected_calibration_error,
    keypoint_scores,
    likely_mislabelled,
    mcnemar_p,
    nme_percent,
    reliability,
)
from src.predict.networks import load_keras, reads_points
from src.predict.reader import FaceReader, predict_both, predict_emotions, predict_keypoints, read_calibration
from src.training.records import EMOTIONS as EMOTION_TASK
from src.training.records import KEYPOINTS as KEYPOINT_TASK
from src.training.records import Task, best_recipe, finalists, trainings


def banner(run: str, data: str) -> str:
    """One sentence of Markdown on how far the scores of this run may be quoted."""
    if data == "sample":
        return "**Drawn sample faces.** The scores below show that the machinery works; they are not a result."
    parts = []
    for task in (EMOTION_TASK, KEYPOINT_TASK):
        for name, record in finalists(run, task).items():
            parts.append(f"{task.name} `{name}` {len(record['history'])} epochs")
    return f"**Real faces.** Trainings in this run: {'; '.join(parts)}."


def _facts(record: dict, parameters: int) -> dict:
    return {"parameters": parameters, "epochs": len(record["history"]), "kept_epoch": record["best"]["epoch"]}


def _networks(run: str, task: Task):
    """Name, record and network, its best epoch's weights loaded, of each training of a run, trials aside.

    A run made of weights/ has no network of trainings that were not shipped, but their scores, see `src.shipping`.
    """
    for name, record in finalists(run, task).items():
        folder = RUNS / run / task.name / name
        there = "test" not in record
        yield name, record, load_keras(folder / "model.json", folder / "best.weights.h5") if there else None


def evaluate_emotions(run: str, everyone: Emotions) -> dict:
    """Scores of each of the run's emotion networks on faces of all seven classes, mirror averaged and in one pass.

    All figures but "accuracy_seven_classes", which a five-way network has not, are of the faces of the five emotions.
    The calibration is that of the chosen network, fitted on validation, and applied to it alone.
    """
    chosen = best_recipe(run, EMOTION_TASK)
    of_five = everyone.labels < len(EMOTIONS)
    labels = everyone.labels[of_five]
    keypoints = FaceReader(RUNS / run).keypoints
    points, points_one_pass = (predict_keypoints(keypoints, everyone.images, mirror=it) for it in (True, False))
    scores, correct = {}, {}
    for name, record, model in _networks(run, EMOTION_TASK):
        if model is None:
            # its answers are gone, and what was chosen when it gave them may not be what is chosen now
            scores[name] = {key: it for key, it in record["test"].items() if key != "mcnemar_p_against_chosen"}
            continue
        calibration = read_calibration(RUNS / run) if name == chosen else Calibration()
        outputs = predict_emotions(model, everyone.images, points)
        raw = five_probabilities(outputs[of_five])
        single = predict_emotions(model, everyone.images[of_five], points_one_pass[of_five], mirror=False)
        correct[name] = raw.argmax(axis=1) == labels
        scores[name] = {
            **emotion_scores(calibrated(outputs[of_five], calibration), labels, EMOTIONS),
            "ece_uncalibrated": expected_calibration_error(raw, labels),
            "classes_ece_uncalibrated": dict(zip(EMOTIONS, classwise_calibration_errors(raw, labels), strict=True)),
            "accuracy_one_pass": float(np.mean(five_probabilities(single).argmax(axis=1) == labels)),
            **_facts(record, model.count_params()),
        }
        if outputs.shape[1] > len(EMOTIONS):
            scores[name]["accuracy_seven_classes"] = float(np.mean(outputs.argmax(axis=1) == everyone.labels))
    for name in correct.keys() - {chosen}:
        scores[name]["mcnemar_p_against_chosen"] = mcnemar_p(correct[chosen], correct[name])
    return {"chosen": chosen, "test": scores, "validation": _validation(run, EMOTION_TASK)}


def evaluate_confidence(reader: FaceReader, faces: Emotions) -> dict:
    """How far the reader's "sure" may be trusted on faces of all seven classes: plain numbers, and curves to draw.

    Faces of fear and neutral, where there are any, ought to be "not sure": none of the five answers is right for them.
    """
    _, outputs = predict_both(reader.keypoints, reader.emotions, faces.images)
    calibration = reader.calibration
    five, scores = calibrated(outputs, calibration), sure_scores(outputs, calibration)
    ours, sure = faces.labels < len(EMOTIONS), scores >= calibration.sure_above
    correct = (five.argmax(axis=1) == faces.labels)[ours]
    coverage = np.linspace(0.05, 1, 20)
    found = {
        "sure_by": calibration.sure_by,
        "sure_above": calibration.sure_above,
        "sure_share": float(sure[ours].mean()),
        "accuracy_when_sure": float(correct[sure[ours]].mean()) if sure[ours].any() else None,
        "accuracy_at_80_percent": float(accuracy_by_coverage(scores[ours], correct, [0.8])[0]),
        "coverage": coverage.tolist(),
        "accuracy_by_coverage": accuracy_by_coverage(scores[ours], correct, coverage).tolist(),
        "reliability_before": reliability(five_probabilities(outputs)[ours], faces.labels[ours]),
        "reliability": reliability(five[ours], faces.labels[ours]),
    }
    if not ours.all():
        found["other_emotions_flagged"] = float((~sure[~ours]).mean())
        found["auroc_five_against_other"] = float(roc_auc_score(ours, scores))
    return found


def confident_mistakes(table: pd.DataFrame, labels: np.ndarray, count: int) -> tuple[pd.DataFrame, dict]:
    """The wrong answers given with the most confidence, the boldest first, and plain numbers on the doubtful labels.

    table: a `FaceReader` table of faces with `labels`, int (n,) in 0..4. The rows that come back keep their numbers as
    index and gain "true" and "label_doubted", see `metrics.likely_mislabelled`.
    """
    probabilities = table[[f"p_{name}" for name in EMOTIONS]].to_numpy()
    doubted = likely_mislabelled(probabilities, labels)
    wrong = probabilities.argmax(axis=1) != labels
    judged = table.assign(true=np.array(EMOTIONS)[labels], label_doubted=doubted)
    rows = judged[wrong].sort_values("confidence", ascending=False, kind="stable").head(count)
    both, sure = doubted & wrong, table["sure"].to_numpy(bool)
    counts = {
        "doubted": doubted,
        "mistakes": wrong,
        "both": both,
        "sure_mistakes": wrong & sure,
        "sure_both": both & sure,
    }
    return rows, {name: int(which.sum()) for name, which in counts.items()}


def evaluate_keypoints(run: str, training: Keypoints, tests: dict[str, Keypoints]) -> dict:
    """Scores of each of the run's keypoint networks, mirror averaged and in one pass, beside the mean face's.

    The mean face, "mean_face", gives every face the mean points of `training`: what no picture at all would score.
    """
    mean = np.nanmean(training.keypoints_px, axis=0)
    data = {
        split: {"mean_face": keypoint_scores(np.broadcast_to(mean, faces.keypoints_px.shape), faces.keypoints_px)}
        for split, faces in tests.items()
    }
    for name, record, model in _networks(run, KEYPOINT_TASK):
        for split, faces in tests.items():
            if model is None:
                data[split][name] = record["test"][split]
                continue
            scores = keypoint_scores(predict_keypoints(model, faces.images), faces.keypoints_px)
            single = keypoint_scores(predict_keypoints(model, faces.images, mirror=False), faces.keypoints_px)
            data[split][name] = {
                **scores,
                "nme_percent_one_pass": single["nme_percent"],
                "rmse_px_one_pass": single["rmse_px"],
                "stress": keypoint_stress(model, faces),
                **_facts(record, model.count_params()),
            }
    return {
        "chosen": best_recipe(run, KEYPOINT_TASK),
        "test": data,
        "validation": _validation(run, KEYPOINT_TASK),
    }


def stress_reports(run: str, emotions: Emotions, keypoints: Keypoints, faces: int, seed: int) -> dict[str, dict]:
    """How the run's two chosen networks bear every stress, in one pass: task -> report of `stress_report`.

    At most `faces` of each set, drawn by lot. Emotions score their accuracy, keypoints their NME in percent. Where eyes
    and mouth of an emotion face are, the keypoint network says.
    """
    reader = FaceReader(RUNS / run)
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(emotions))[:faces]
    images, labels = emotions.images[some], emotions.labels[some]
    points = predict_keypoints(reader.keypoints, images)

    def accuracy(changed, _):
        _, outputs = predict_both(reader.keypoints, reader.emotions, changed, mirror=False)
        five = five_probabilities(outputs)
        return float((five.argmax(axis=1) == labels).mean())

    def nme(changed, keypoints_px):
        found = predict_keypoints(reader.keypoints, changed, mirror=False)
        return float(np.nanmean(nme_percent(found, keypoints_px)))

    others = rng.permutation(len(keypoints))[:faces]
    return {
        "emotions": stress_report(accuracy, images, points, images),
        "keypoints": stress_report(
            nme, keypoints.images[others], keypoints.keypoints_px[others], keypoints.stored[others]
        ),
    }


def kept_under_stress(reports: dict[str, dict]) -> pd.DataFrame:
    """Rows for `charts.stress_curves`: accuracy over unchanged accuracy, unchanged NME over NME."""
    rows = []
    for task, report in reports.items():
        for name, stress in report.items():
            first = stress["unchanged"]
            words = ["none", *(f"{strength:g}" for strength in stress["strengths"])]
            for level, (strength, score) in enumerate(zip(words, [first, *stress["scores"]], strict=True)):
                kept = score / first if task == "emotions" else first / score
                where = {"stress": f"{name} ({stress['unit']})", "network": task}
                rows.append({**where, "level": level, "strength": strength, "kept": kept})
    return pd.DataFrame(rows)


def looked_at(reader: FaceReader, emotions: keras.Model, images: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Grad-CAM of an emotion network, which gets the reader's keypoints if it asks for them: float32 (n, h, h)."""
    points = predict_keypoints(reader.keypoints, images) if reads_points(emotions) else None
    return grad_cam(emotions, images, answers, points)


def where_it_looks(
    reader: FaceReader, faces: Emotions, answers: np.ndarray, board: np.ndarray, per_class: int = 60
) -> dict:
    """Rows for `plots.looked_at`: the first face of each true emotion on the board, and the mean of `per_class` faces.

    The maps say what speaks for the network's own answers, int (n,), right or wrong; board: row numbers of faces.
    """
    codes = range(len(EMOTIONS))
    shown = np.array([next(row for row in board if faces.labels[row] == code) for code in codes])
    many = [np.flatnonzero(faces.labels == code)[:per_class] for code in codes]
    maps = [looked_at(reader, reader.emotions, faces.images[rows], answers[rows]) for rows in many]
    return {
        "on the board": (
            faces.images[shown],
            looked_at(reader, reader.emotions, faces.images[shown], answers[shown]),
        ),
        "mean": (np.stack([faces.images[it].mean(axis=0) for it in many]), np.stack([it.mean(axis=0) for it in maps])),
    }


def _validation(run: str, task: Task) -> dict:
    """The kept epoch's validation figures of each training, without the seconds, which differ from run to run."""
    rows = {name: record["best"] for name, record in trainings(run, task).items()}
    return {name: {key: value for key, value in row.items() if key != "seconds"} for name, row in rows.items()}


def baseline_reader(run: str) -> FaceReader | None:
    """The original study's two networks of this run behind one call, uncalibrated; None where one is missing."""
    folders = [RUNS / run / task.name / "baseline" for task in (KEYPOINT_TASK, EMOTION_TASK)]
    if not all((folder / "best.weights.h5").exists() for folder in folders):
        return None
    return FaceReader.of(*(load_keras(it / "model.json", it / "best.weights.h5") for it in folders), Calibration())


def keypoints_of(table: pd.DataFrame) -> np.ndarray:
    """The keypoint columns of a `FaceReader` table: (n, 15, 2) px."""
    return table[list(KEYPOINT_COLUMNS)].to_numpy(np.float32).reshape(len(table), -1, 2)


def board_rows(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Rows for the board: by lot, the emotions taking turns, results unseen; labels (n,) -> (count,) indices."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    turn = np.zeros(len(labels), int)  # how many of its emotion were drawn before
    for code in np.unique(labels):
        mine = np.flatnonzero(labels[order] == code)
        turn[mine] = np.arange(len(mine))
    ranked = order[np.lexsort((labels[order], turn))]
    return ranked[:count]
