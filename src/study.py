"""The two trainings of the study: data and a recipe in, a trained network and its record out.

Notebooks 02 and 03 call `train_keypoints` and `train_emotions`; `src.records` says what they leave behind.
"""

import json
from functools import partial
from pathlib import Path

import keras
import numpy as np
from sklearn.metrics import log_loss

from src import losses, teaching
from src.calibration import fit_temperature, five_probabilities
from src.datasets import (
    Emotions,
    Keypoints,
    load_emotions,
    load_keypoints,
    sample_emotions,
    sample_keypoints,
    take_rows,
)
from src.emotion_recipes import EMOTION_NETWORKS
from src.files import replacing
from src.folds import part_rows, unseen_answers
from src.fused import fuse
from src.labels import EMOTIONS, FRAME, KEYPOINT_COLUMNS
from src.metrics import nme_percent
from src.networks import Network, face_side
from src.paths import EMOTIONS_CSV, KEYPOINTS_CSV
from src.predict import predict_emotions, predict_keypoints
from src.preprocess import EMOTION_AUGMENTS, KEYPOINT_AUGMENTS, augment_faces, mix_faces, to_input, training_stream
from src.recipes import KEYPOINT_NETWORKS, Recipe
from src.records import EMOTIONS as EMOTION_TASK
from src.records import write_json
from src.slimming import hand_down, put_side_by_side
from src.squares import glimpses_of, points_px, seen_squares
from src.training import make_repeatable, train

MIRRORED = ("val_mirrored_accuracy", EMOTION_TASK.score)  # of a training's kept epoch
_FACES_OF_GATES = 1024  # training faces on which the gates that a network lacks are averaged


def read_keypoints(data: str, sample_faces: int, seed: int) -> Keypoints:
    """data: "sample" (drawn faces) or "real" (data/data.csv)."""
    return sample_keypoints(sample_faces, seed) if data == "sample" else load_keypoints(KEYPOINTS_CSV)


def read_emotions(data: str, sample_faces: int, seed: int) -> Emotions:
    """data: "sample" (drawn faces) or "real" (data/icml_face_data.csv)."""
    return sample_emotions(sample_faces, seed) if data == "sample" else load_emotions(EMOTIONS_CSV)


def _stream(make_batch, n: int, recipe: Recipe, first_epoch: int, shapes):
    return training_stream(
        make_batch,
        n,
        recipe.batch_size,
        epochs=recipe.epochs,
        first_epoch=first_epoch,
        seed=recipe.seed,
        shapes=shapes,
    )


def _write_network(model: keras.Model, folder: Path) -> None:
    with replacing(folder / "model.json") as part:
        part.write_text(model.to_json(indent=1))


def balanced_rows(source: np.ndarray) -> np.ndarray:
    """Row numbers with the rows of smaller sources repeated, so that each source counts about alike: str (n,)."""
    names, counts = np.unique(source, return_counts=True)
    repeats = dict(zip(names, np.round(counts.max(initial=0) / counts).astype(int), strict=True))
    return np.repeat(np.arange(len(source)), [repeats[name] for name in source])


def _trusted_nme_percent(model: keras.Model, validation: Keypoints) -> float:
    """Mean NME, mirror averaged, over the faces whose points people corrected; over all where there are none."""
    trusted = validation.source == "helen"
    if not trusted.any():
        trusted[:] = True
    nme = nme_percent(predict_keypoints(model, validation.images[trusted]), validation.keypoints_px[trusted])
    return float(np.nanmean(nme))


def _go_on_from(model: keras.Model, recipe: Recipe, folder: Path, faces: np.ndarray) -> dict:
    """Gives the model the kept weights of the training that the recipe starts from; returns what the record says of it.

    Of several, their mean, unless the recipe joins them. Layers that they do not have stay as they are;
    `slimming.hand_down` says how, and why it wants faces.
    """
    pasts = teaching.trainings(recipe.start, folder)
    if not pasts:
        return {}
    if recipe.joined:
        put_side_by_side([teaching.mean_network([past]) for past in pasts], model)
    else:
        hand_down(teaching.mean_network(pasts), model, faces)
    bests = {past.name: json.loads((past / "record.json").read_text())["best"] for past in pasts}
    for best in bests.values():
        for figure in MIRRORED:  # measured afterwards: they may come later than the training that starts here
            best.pop(figure, None)
    return {"start": bests if len(bests) > 1 else bests[recipe.start]}


def train_keypoints(faces: Keypoints, recipe: Recipe, folder: Path) -> tuple[keras.Model, dict]:
    """Trains on the people of Training, chooses the epoch on those of Validation; (model, record).

    The epoch is chosen on faces of both sources, which count alike, or of the one that the recipe trains on; recipes
    are compared by `val_nme_percent` of the kept epoch, over HELEN's validation faces where there are any.
    """
    make_repeatable(recipe)
    model = KEYPOINT_NETWORKS[recipe.network](recipe.seed)
    _write_network(model, folder)
    training, validation = faces.split("Training"), faces.split("Validation")
    stored, augment = training.stored, KEYPOINT_AUGMENTS[recipe.augment]
    repeats = np.where(training.source == "helen", recipe.helen_repeats, 1)
    if recipe.source:
        repeats *= training.source == recipe.source
    if not repeats.any():
        raise ValueError(f"The recipe trains on faces of {recipe.source}, of which this data holds none: take another")
    rows_of_an_epoch = np.repeat(np.arange(len(stored)), repeats)
    if recipe.teacher:
        teacher = teaching.answers_to_batches(teaching.teachers(recipe, folder), (recipe.batch_size, FRAME, FRAME, 1))

    def make_batch(indices, rng):
        rows = rows_of_an_epoch[indices]
        inputs, points = augment_faces(
            stored[rows], training.keypoints_px[rows], augment, rng, side=FRAME, frame_in_source=FRAME
        )
        points = points.reshape(len(points), -1)
        return inputs, teaching.taught_points(points, teacher(inputs), recipe.soft_labels) if recipe.teacher else points

    def stream(first_epoch):
        shapes = ((FRAME, FRAME, 1), (len(KEYPOINT_COLUMNS),))
        return _stream(make_batch, len(rows_of_an_epoch), recipe, first_epoch, shapes)

    judged = balanced_rows(validation.source)
    if recipe.source:
        judged = np.flatnonzero(validation.source == recipe.source)
    targets = validation.keypoints_px.reshape(len(validation), -1)[judged]
    record = train(
        model,
        stream,
        (to_input(validation.images[judged], FRAME), targets),
        recipe,
        folder,
        metrics=[losses.masked_rmse],
        data={
            "training_faces": int(np.count_nonzero(repeats)),
            "validation_faces": len(validation),
            **_go_on_from(model, recipe, folder, to_input(training.images[:_FACES_OF_GATES], FRAME)),
        },
    )
    if "val_nme_percent" not in record["best"]:  # a finished training keeps its figure to the last bit
        record["best"] = {**record["best"], "val_nme_percent": _trusted_nme_percent(model, validation)}
        write_json(folder / "record.json", record)
    return model, record


def _emotion_networks(recipe: Recipe, mean_px: list | None) -> tuple[keras.Model, keras.Model]:
    """The recipe's network, and the same layers to train, in its precision; on squares, for faces of any side."""
    build = partial(EMOTION_NETWORKS[recipe.network], recipe.seed, recipe.classes)
    view = {name: it for name, it in (("reads_px", recipe.reads_px), ("mean_px", mean_px)) if it}
    model = build(**view)
    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        if not recipe.crop_px:
            return model, build(**view)
        return model, build(side=None) if recipe.jit_compile else fuse(build(side=None))
    finally:
        keras.config.set_dtype_policy(usual)


def _mirrored_figures(model: keras.Model, validation: Emotions, keypoints: Network | None) -> dict[str, float]:
    """Mirror averaged as `FaceReader` answers: share of faces answered rightly, cross-entropy at its best temperature.

    Cross-entropy says more of networks that differ in a few faces: it counts how sure each answer is, too.
    """
    points = None if keypoints is None else points_px(keypoints, validation.images)
    outputs = predict_emotions(model, validation.images, points)
    fitted = five_probabilities(outputs, fit_temperature(outputs, validation.labels))
    accuracy = np.mean(fitted.argmax(axis=1) == validation.labels)
    figures = accuracy, log_loss(validation.labels, fitted, labels=range(len(EMOTIONS)))
    return dict(zip(MIRRORED, map(float, figures), strict=True))


def _one_hot(labels: np.ndarray, recipe: Recipe) -> np.ndarray:
    return np.eye(recipe.classes, dtype=np.float32)[labels]


def _targets(trained: keras.Model, recipe: Recipe, folder: Path, training: Emotions, seen) -> np.ndarray:
    """Labels of the training faces with the answers in them that networks give once, float32 (n, classes).

    seen() -> what networks read of the faces, unchanged.
    """
    targets = _one_hot(training.labels, recipe)
    if recipe.folds:
        targets = (targets + unseen_answers(recipe, folder, training.images, seen())) / 2
    if recipe.soft_labels and not recipe.teacher:
        targets = (1 - recipe.soft_labels) * targets + recipe.soft_labels * teaching.mirrored_answers(trained, seen())
    return targets


def _teacher(recipe: Recipe, folder: Path, side: int):
    """What answers each changed face: a function on arrays (batch_size, side, side, 1)."""
    networks = [teaching.on_squares(network) for network in teaching.teachers(recipe, folder)]
    if recipe.teacher_mirrored:
        networks = [teaching.in_precision(network, recipe.precision) for network in networks]
    shape = (recipe.batch_size, side, side, 1)
    return teaching.answers_to_batches(networks, shape, mirrored=recipe.teacher_mirrored)


def _rows_of_an_epoch(labels: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Row numbers of the faces, each as often as an epoch shows it."""
    repeats = np.where(labels < len(EMOTIONS), recipe.five_repeats, 1)
    repeats[labels == EMOTIONS.index("disgust")] *= recipe.disgust_repeats
    return np.repeat(np.arange(len(labels)), repeats)


def train_emotions(
    faces: Emotions, recipe: Recipe, folder: Path, keypoints: Network | None = None
) -> tuple[keras.Model, dict]:
    """Trains on Training (repeats of other splits are gone already), chooses the epoch on PublicTest; (model, record).

    Validation counts the five emotions alone, whatever else the recipe trains on; recipes are compared by
    `val_mirrored_crossentropy` of the kept epoch. Soft labels (born-again networks,
    Furlanello et al. 2018) are made on training faces only, by the network that the recipe names. keypoints: the
    run's keypoint network, where the recipe looks where its points say.
    """
    make_repeatable(recipe)
    training, validation = faces.split("Training"), faces.split("PublicTest").five()
    if recipe.classes == 5:
        training = training.five()
    looked_at, mean_px = glimpses_of(recipe, keypoints, training, validation)
    if recipe.left_out:
        seen_rows = ~part_rows(training.images, recipe.left_out)
        training = take_rows(training, seen_rows)
        looked_at[0] = looked_at[0] if looked_at[0] is None else looked_at[0][seen_rows]
    model, trained = _emotion_networks(recipe, mean_px)
    _write_network(model, folder)
    whole = face_side(model)
    few = slice(_FACES_OF_GATES)
    glimpsed = None if looked_at[0] is None else looked_at[0][few]
    past = _go_on_from(trained, recipe, folder, seen_squares(training.images[few], recipe, whole, glimpsed))
    side = recipe.crop_px or whole
    width = training.images.shape[1] * side / whole
    targets = _targets(
        trained, recipe, folder, training, lambda: seen_squares(training.images, recipe, whole, looked_at[0])
    )
    teacher = _teacher(recipe, folder, side) if recipe.teacher else None
    rows_of_an_epoch = _rows_of_an_epoch(training.labels, recipe)
    augment = EMOTION_AUGMENTS[recipe.augment]

    def make_batch(indices, rng):
        rows = rows_of_an_epoch[indices]
        frame = {"glimpses_px": looked_at[0][rows]} if recipe.looks else {"frame_in_source": width}
        inputs, _ = augment_faces(training.images[rows], None, augment, rng, side=side, **frame)
        labels = targets[rows]
        if recipe.mixup:
            inputs, labels = mix_faces(inputs, labels, recipe.mixup, rng)
        if teacher:
            labels = (1 - recipe.soft_labels) * labels + recipe.soft_labels * teacher(inputs)
        return inputs, labels

    def stream(first_epoch):
        shapes = ((side, side, 1), (recipe.classes,))
        return _stream(make_batch, len(rows_of_an_epoch), recipe, first_epoch, shapes)

    record = train(
        trained,
        stream,
        (seen_squares(validation.images, recipe, whole, looked_at[1]), _one_hot(validation.labels, recipe)),
        recipe,
        folder,
        metrics=[losses.FiveAccuracy()],
        data={
            "training_faces": len(training.images),
            "validation_faces": len(validation.images),
            "dropped": faces.dropped,
            **past,
        },
    )
    model.set_weights(trained.get_weights())
    if not set(MIRRORED) <= record["best"].keys():  # a finished training keeps its figures to the last bit
        figures = _mirrored_figures(model, validation, keypoints if recipe.looks else None)
        record["best"] = {**figures, **record["best"]}
        write_json(folder / "record.json", record)
    return model, record
