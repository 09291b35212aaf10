"""What notebook 04 measures: every network of a run on the test split, which no other part of the study opens."""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from src.data.csv_files import checksum
from src.data.datasets import Emotions, Keypoints, take_rows
from src.evaluation.saliency import grad_cam
from src.evaluation.stress import keypoint_stress, stress_report
from src.files import RUNS, SPEEDS
from src.labels import EMOTIONS, is_five
from src.metrics import scores as metrics
from src.metrics.calibration import Calibration, calibrated, five_probabilities
from src.metrics.people import one_person, people_scores, plurality_against_labels, truths
from src.predict.answers import predict_both, predict_emotions, predict_keypoints
from src.predict.networks import load_keras
from src.predict.reader import FaceReader
from src.training import records

# Measured elsewhere on the same 330 faces of HELEN testset, % of the eye distance: SPIGA's published predictions
# (Prados-Torreblanca et al. 2022). How far one annotator's points lie from another's is an estimate that we were told;
# no publication backs it.
PUBLISHED = {
    "SPIGA": {"all 15 points": 1.88, "outer brow ends": 3.3, "eye corners": 1.1, "mouth corners": 1.3},
    "annotators": {"all 15 points": 1.75},
}


def banner(run: str, data: str) -> str:
    """One sentence of Markdown on how far the scores of this run may be quoted."""
    if data == "sample":
        return "**Synthetic faces.** The scores below show that the machinery works; they are not a result."
    parts = []
    for task in (records.EMOTIONS, records.KEYPOINTS):
        for name, record in records.finalists(run, task).items():
            parts.append(f"{task.name} `{name}` {len(record['history'])} epochs")
    return f"**Real faces.** Trainings in this run's records: {'; '.join(parts)}."


def _networks(run: str, task: records.Task):
    """Name, network and facts of each finalist; of a network that was not shipped: None and the test scores it had."""
    for name, record in records.finalists(run, task).items():
        if "test" in record:
            yield name, None, record["test"]
            continue
        folder = RUNS / run / task.name / name
        model = load_keras(folder / "model.json", folder / "best.weights.h5")
        facts = {"epochs": len(record["history"]), "kept_epoch": record["best"]["epoch"]}
        yield name, model, {"parameters": model.count_params(), **facts}


def _card(run: str, task: records.Task, test: dict) -> dict:
    """Test scores beside the validation figures of each training, without seconds, which differ from run to run."""
    rows = {name: record["best"] for name, record in records.trainings(run, task).items()}
    validation = {name: {key: value for key, value in row.items() if key != "seconds"} for name, row in rows.items()}
    return {"chosen": records.best_recipe(run, task), "test": test, "validation": validation}


def evaluate_emotions(run: str, everyone: Emotions, copied: np.ndarray | None = None) -> dict:
    """Scores of each of the run's emotion networks on faces of all seven classes, flip averaged and in one pass.

    All figures but "accuracy_seven_classes", which a five-way network has not, are of the faces of the five emotions
    and against their labels; those below "people" are against what people see, where the faces have votes. The
    calibration is that of the chosen network, fitted on validation, and applied to it alone. copied: which faces have
    a near copy in Training, bool (n,); with it, "without_near_copies" has the accuracy on the others.
    """
    reader, chosen = FaceReader(RUNS / run), records.best_recipe(run, records.EMOTIONS)
    of_five = everyone.labels < len(EMOTIONS)
    faces, labels = everyone.images[of_five], everyone.labels[of_five]
    points, points_single_pass = (predict_keypoints(reader.keypoints, everyone.images, flip=it) for it in (True, False))
    scores, correct = {}, {}
    for name, model, known in _networks(run, records.EMOTIONS):
        if model is None:
            # what was chosen when it was tested may not be what is chosen now
            scores[name] = {key: it for key, it in known.items() if key != "mcnemar_p_against_chosen"}
            continue
        outputs = predict_emotions(model, everyone.images, points)
        raw = five_probabilities(outputs[of_five])
        everyone_five = calibrated(outputs, reader.calibration if name == chosen else Calibration())
        five = everyone_five[of_five]
        single = predict_emotions(model, faces, points_single_pass[of_five], flip=False)
        by_class = metrics.classwise_calibration_errors(raw, labels)
        correct[name] = raw.argmax(axis=1) == labels
        scores[name] = {
            **metrics.emotion_scores(five, labels, EMOTIONS),
            "ece_uncalibrated": metrics.expected_calibration_error(raw, labels),
            "classes_ece_uncalibrated": dict(zip(EMOTIONS, by_class.tolist(), strict=True)),
            "accuracy_single_pass": float(np.mean(single[:, : len(EMOTIONS)].argmax(axis=1) == labels)),
            **known,
        }
        if outputs.shape[1] > len(EMOTIONS):
            scores[name]["accuracy_seven_classes"] = float(np.mean(outputs.argmax(axis=1) == everyone.labels))
        if everyone.votes is not None:
            scores[name]["people"] = people_scores(everyone_five, outputs, everyone.votes)
        if copied is not None:
            scores[name]["without_near_copies"] = _accuracies(everyone_five.argmax(axis=1), everyone, ~copied)
    for name in correct.keys() - {chosen}:
        scores[name]["mcnemar_p_against_chosen"] = metrics.mcnemar_p(correct[chosen], correct[name])
    card = _card(run, records.EMOTIONS, scores)
    if everyone.votes is not None:
        plurality = plurality_against_labels(everyone.votes[of_five], labels)
        card["people"] = {"one_person": one_person(everyone.votes), "plurality_against_labels": plurality}
    return card


def _accuracies(answers: np.ndarray, everyone: Emotions, these: np.ndarray) -> dict[str, dict]:
    """Of some faces, bool (n,), those that show one of the five by either truth: how many, and how many are right."""
    found = {}
    for name, (truth, _) in truths(everyone.labels, everyone.votes).items():
        known = these & is_five(truth)
        found[name] = {"faces": int(known.sum()), "accuracy": float(np.mean(answers[known] == truth[known]))}
    return found


def openings(run: str, past: dict[str, list[str]]) -> dict[str, list[str]]:
    """For which networks the test split has been opened: task -> checksums of their weights.

    past: the same as it was published before; a network that was judged already is not counted twice.
    """
    found = {}
    for task in (records.KEYPOINTS, records.EMOTIONS):
        folders = [RUNS / run / task.name / name for name in records.finalists(run, task)]
        weights = [it / "best.weights.h5" for it in folders if (it / "best.weights.h5").exists()]
        opened = [checksum(it.read_bytes()) for it in weights]
        found[task.name] = list(dict.fromkeys([*past.get(task.name, []), *opened]))
    return found


def evaluate_keypoints(run: str, training: Keypoints, tests: dict[str, Keypoints]) -> dict:
    """Scores of each of the run's keypoint networks, flip averaged and in one pass, beside the mean face's.

    The mean face, "mean_face", gives every face the mean points of `training`: what no picture at all would score.
    "nme_percent_without_lean": after what a source's points lie beside the network's on training faces, a constant for
    each point, was taken away: sources mark the same point in slightly different places.
    """
    mean, networks = np.nanmean(training.keypoints_px, axis=0), list(_networks(run, records.KEYPOINTS))
    scores = {}
    for split, faces in tests.items():
        true = faces.keypoints_px
        scores[split] = {"mean_face": metrics.keypoint_scores(np.broadcast_to(mean, true.shape), true)}
        for name, model, known in networks:
            if model is None:
                scores[split][name] = known[split]
                continue
            predicted = predict_keypoints(model, faces.images)
            same_source = take_rows(training, np.isin(training.source, faces.source))
            scores[split][name] = {
                **metrics.keypoint_scores(predicted, true),
                "nme_percent_without_lean": _without_lean(model, same_source, predicted, true),
                "single_pass": metrics.keypoint_scores(predict_keypoints(model, faces.images, flip=False), true),
                "stress": keypoint_stress(model, faces),
                **known,
            }
    return _card(run, records.KEYPOINTS, scores) | {"published": PUBLISHED}


def _without_lean(model, training: Keypoints, predicted: np.ndarray, true: np.ndarray) -> float | None:
    """Mean NME, %, when the network's median error on training faces of the source is taken off each point; None: none.

    predicted, true: (n, 15, 2) px.
    """
    if not len(training):
        return None
    some = take_rows(training, np.random.default_rng(0).permutation(len(training))[:800])
    offset = np.nanmedian(predict_keypoints(model, some.images) - some.keypoints_px, axis=0)
    return float(np.nanmean(metrics.nme_percent(predicted - offset, true)))


def baseline_reader(run: str) -> FaceReader | None:
    """The original study's two networks of this run behind one call, uncalibrated; None where one is missing."""
    folders = [RUNS / run / task.name / "baseline" for task in (records.KEYPOINTS, records.EMOTIONS)]
    if not all((folder / "best.weights.h5").exists() for folder in folders):
        return None
    return FaceReader.of(*(load_keras(it / "model.json", it / "best.weights.h5") for it in folders), Calibration())


def stress_reports(run: str, emotions: Emotions, keypoints: Keypoints, faces: int, seed: int) -> dict[str, dict]:
    """How the run's two chosen networks bear every stress, in one pass: task -> report of `stress_report`.

    Scores: accuracy; NME in percent. At most `faces` of each set, at random. Points of emotion faces: as predicted.
    """
    reader, rng = FaceReader(RUNS / run), np.random.default_rng(seed)
    emotions, keypoints = (take_rows(it, rng.permutation(len(it))[:faces]) for it in (emotions, keypoints))

    def accuracy(changed, _):
        *_, outputs = predict_both(reader.keypoints, reader.emotions, changed, flip=False)
        return float(np.mean(outputs[:, : len(EMOTIONS)].argmax(axis=1) == emotions.labels))

    def nme(changed, keypoints_px):
        found = predict_keypoints(reader.keypoints, changed, flip=False)
        return float(np.nanmean(metrics.nme_percent(found, keypoints_px)))

    points = predict_keypoints(reader.keypoints, emotions.images)
    return {
        "emotions": stress_report(accuracy, emotions.images, points, emotions.images),
        "keypoints": stress_report(nme, keypoints.images, keypoints.keypoints_px, keypoints.stored),
    }


def board_rows(labels: np.ndarray, count: int, seed: int, left_out: Sequence[int] = ()) -> np.ndarray:
    """Rows for the board: at random, the emotions taking turns, results unseen; labels (n,) -> (count,) indices.

    left_out: rows that are passed over.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[~np.isin(order, left_out)]
    drawn = pd.Series(labels[order])
    turn = drawn.groupby(drawn).cumcount()  # how many of its emotion were drawn before
    return order[np.lexsort((drawn, turn))][:count]


def where_it_looks(reader: FaceReader, faces: Emotions, answers: np.ndarray, board: np.ndarray) -> dict:
    """Rows for `judged.looked_at`: the first face of each true emotion on the board, by its code, and means of 60.

    The maps say what speaks for the network's own answers, int (n,), right or wrong; board: row numbers of faces.
    """

    def seen(rows):
        points = predict_keypoints(reader.keypoints, faces.images[rows])
        return faces.images[rows], grad_cam(reader.emotions, faces.images[rows], answers[rows], points)

    codes, first = np.unique(faces.labels[board], return_index=True)
    many = [seen(np.flatnonzero(faces.labels == code)[:60]) for code in codes]
    means = tuple(np.stack([it.mean(axis=0) for it in part]) for part in zip(*many, strict=True))
    return {"on the board": seen(board[first]), "mean": means}


def quoted(program: str) -> float:
    """Another program's accuracy against labels, 0..1, by `make bench`: over test faces that are not in Training."""
    results = json.loads(SPEEDS.read_text())
    readers = next(part for name, part in results.items() if name.startswith("readers"))  # on any kind of processor
    return readers["test"][program]["accuracy_labels"]
