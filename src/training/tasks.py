"""The two trainings of the study: faces and a recipe in, a trained network and its record out.

Notebooks 02 and 03 call `train_keypoints` and `train_emotions`; `src.training.records` says what they leave behind.
"""

from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from src.data.csv_files import checksum
from src.data.datasets import Emotions, Keypoints, take_rows
from src.faces import aligned_crops, into_crops, into_middle, to_input
from src.files import WEIGHTS, write_json
from src.labels import EMOTIONS, FER_SIDE, FRAME, KEYPOINT_COLUMNS, LANDMARKS, VOTES, is_five
from src.metrics.calibration import among_five, fit_temperature, five_probabilities, soft_crossentropy
from src.metrics.people import truths, vote_shares
from src.metrics.scores import emotion_scores, nme_percent
from src.models import losses, resnet
from src.predict.answers import predict_emotions, predict_keypoints
from src.predict.networks import Network, digest_of, face_side
from src.training.augmentation import augment_faces
from src.training.fit import LOSSES, Batches, Stream, make_repeatable, train
from src.training.recipes import AUGMENTS, Recipe
from src.training.records import EMOTIONS as EMOTION_TASK
from src.training.records import KEYPOINTS as KEYPOINT_TASK
from src.training.teacher import read_teacher, start_from, with_teacher

_found: dict = {}  # what a keypoint network found in faces: every recipe of a notebook asks for the same


def build_keypoints(recipe: Recipe) -> keras.Model:
    """The recipe's keypoint network, untrained: (n, 96, 96, 1) -> (n, 30) px; ours gives spreads (n, 15) px too."""
    if recipe.network == "baseline":
        return resnet.baseline_keypoints(recipe.seed)
    return resnet.compact_keypoints(recipe.seed, **_shape(recipe))


def build_emotions(recipe: Recipe, mean_px: list[float] | None = None) -> keras.Model:
    """The recipe's emotion network, untrained: (n, side, side, 1) -> (n, classes).

    mean_px: the mean face's 30 keypoints, px of the 96x96 frame, for a network that is to read aligned crops.
    """
    if recipe.network == "baseline":
        return resnet.baseline_emotions(recipe.seed, classes=recipe.classes)
    own = {"classes": recipe.classes, "gated": recipe.squeeze_excite, "crop_px": recipe.crop_px, "mean_px": mean_px}
    return resnet.compact_emotions(recipe.seed, **own, **_shape(recipe))


def _shape(recipe: Recipe) -> dict:
    return {name: getattr(recipe, name) for name in ("widths", "units") if getattr(recipe, name)}


# ---------------------------------------------------------------- keypoints


def train_keypoints(faces: Keypoints, recipe: Recipe, folder: Path) -> tuple[keras.Model, dict]:
    """Trains on the people of Training, judges on those of Validation; (model, record).

    It is judged on the faces whose points are trusted: HELEN's, which people corrected, where there are any,
    else all; and recipes are compared by `val_nme_percent` of the kept epoch over these.
    """
    make_repeatable(recipe.seed)
    model = build_keypoints(recipe)
    taught = model
    if recipe.network == "compact":
        taught = resnet.keypoint_teaching(model, recipe.seed, landmarks=recipe.landmark_weight > 0)
    training, validation = faces.split("Training"), faces.split("Validation")
    validation = take_rows(validation, trusted(validation.source))
    data = {"training_faces": len(training), "validation_faces": len(validation)}
    data["faces_checksum"] = _checksum(
        array for it in (training, validation) for array in (it.stored, _with_landmarks(it), it.source.astype("S"))
    )
    rmse = [keras.metrics.MeanMetricWrapper(losses.masked_rmse, "masked_rmse")]
    record = train(
        taught,
        _keypoint_stream(training, validation, recipe),
        recipe,
        folder,
        metrics=rmse if taught is model else {"keypoints_px": rmse},
        data=data,
        kept=None if taught is model else model,
    )
    if "val_nme_percent" not in record["best"]:  # a finished training keeps its figure to the last bit
        nme = nme_percent(predict_keypoints(model, validation.images), validation.keypoints_px)
        record["best"] = {**record["best"], "val_nme_percent": float(np.nanmean(nme))}
        write_json(folder / "record.json", record)
    return model, record


def _checksum(arrays: Iterable[np.ndarray]) -> str:
    """Tells the faces of one training from those of another with as many."""
    return checksum(b"".join(it.tobytes() for it in arrays))


def trusted(source: np.ndarray) -> np.ndarray:
    """Which faces' points are right as they stand, bool (n,): HELEN's where there are any, else all; str (n,)."""
    helen = source == "helen"
    return helen if helen.any() else ~helen


def _keypoint_stream(training: Keypoints, validation: Keypoints, recipe: Recipe) -> Stream:
    stored, own = training.stored, trusted(training.source)
    into_frame = into_middle(stored.shape[1], FRAME, FRAME)
    repeats = np.where(training.source == "helen", recipe.helen_repeats, 1)
    if recipe.network == "compact" and not recipe.landmark_weight:
        repeats = repeats * own  # there is nothing that the others could teach
    rows_of_an_epoch = np.repeat(np.arange(len(stored)), repeats)
    points_px = _with_landmarks(training)

    def make_batch(indices, rng):
        rows = rows_of_an_epoch[indices]
        inputs, points = augment_faces(
            stored[rows], points_px[rows], AUGMENTS[recipe.augment], rng, side=FRAME, into_frame=into_frame
        )
        return inputs, _keypoint_targets(points, own[rows], recipe)

    batches = Batches(make_batch, len(rows_of_an_epoch), recipe.batch_size, recipe.seed)
    targets = _keypoint_targets(_with_landmarks(validation), trusted(validation.source), recipe)
    by_output = () if recipe.network == "baseline" else _teaching_losses(recipe)
    return Stream(batches, (to_input(validation.images, FRAME), targets), *by_output)


def _with_landmarks(faces: Keypoints) -> np.ndarray:
    """Keypoints and, behind them, landmarks, NaN where there are none: (n, 15 + 68, 2) px of the 96x96 frame."""
    landmarks = faces.landmarks_px
    if landmarks is None:
        landmarks = np.full((len(faces), LANDMARKS, 2), np.nan, np.float32)
    return np.concatenate([faces.keypoints_px, landmarks], axis=1)


def _keypoint_targets(points_px: np.ndarray, is_trusted: np.ndarray, recipe: Recipe):
    """Targets of `resnet.keypoint_teaching`, or (n, 30) for a network without further outputs."""
    everything = points_px.reshape(len(points_px), -1)
    keypoints, landmarks = np.split(everything, [len(KEYPOINT_COLUMNS)], axis=1)
    if recipe.network == "baseline":
        return keypoints
    own, nan = is_trusted[:, None], np.float32(np.nan)
    keypoints = np.where(own, keypoints, nan)
    targets = {"keypoints_px": keypoints, resnet.HEATMAPS: keypoints}
    if recipe.landmark_weight:
        targets |= {"landmarks": np.where(own, landmarks, nan), "other_source": np.where(own, nan, everything)}
    return targets


def _teaching_losses(recipe: Recipe) -> tuple[dict, dict]:
    """Loss and its weight for each output of `resnet.keypoint_teaching`."""
    weights = {"keypoints_px": 1.0, resnet.HEATMAPS: recipe.heatmap_weight}
    if recipe.landmark_weight:
        weights |= dict.fromkeys(("landmarks", "other_source"), recipe.landmark_weight)
    return {**dict.fromkeys(weights, losses.heatmap_crossentropy), "keypoints_px": LOSSES[recipe.loss]}, weights


# ---------------------------------------------------------------- emotions


def train_emotions(
    faces: Emotions, recipe: Recipe, folder: Path, keypoints: Network | None = None
) -> tuple[keras.Model, dict]:
    """Trains on Training (repeats of other splits are gone already), watched on PublicTest; (model, record).

    Recipes are compared by `val_flip_log_loss` of the kept epoch: on faces of the five emotions, against people's votes
    where the faces have them, else against the labels. keypoints: the run's keypoint network, for recipes of aligned
    crops. A teacher answers for training faces only, not for validation's; `read_teacher` says when it is missing.
    """
    make_repeatable(recipe.seed)
    everyone = faces.split("Training"), faces.split("PublicTest")
    if recipe.classes == len(EMOTIONS):
        everyone = tuple(split.five() for split in everyone)
    training, validation = (take_rows(split, shows_emotion(split)) for split in everyone)
    into_frames, mean_px = _into_crops(recipe, keypoints, training, validation)
    model = build_emotions(recipe, mean_px)
    side = recipe.crop_px or face_side(model)
    teacher, its_digest = read_teacher(recipe, folder)
    if teacher:
        start_from(teacher, model)
        teacher = _as_trained(teacher, recipe)
    validated = _unchanged(validation.images, side, into_frames[1]), emotion_targets(validation, recipe)
    stream = Stream(_emotion_batches(training, recipe, side, into_frames[0], teacher), validated)
    left_out = sum(map(len, everyone)) - len(training) - len(validation)
    record = train(
        _as_trained(model, recipe),
        stream,
        recipe,
        folder,
        metrics=[losses.FiveAccuracy()],
        data={
            **{"training_faces": len(training), "validation_faces": len(validation), "dropped": faces.dropped},
            **({} if faces.votes is None else {"without_emotion": left_out}),
            "faces_checksum": _checksum(
                array for it in (training, validation) for array in (it.images, emotion_targets(it, recipe))
            ),
            **({"keypoints": _keypoints_digest(folder)} if recipe.aligned else {}),
            **({"teacher": its_digest} if teacher else {}),
        },
        kept=model if recipe.crop_px else None,
    )
    if EMOTION_TASK.score not in record["best"]:  # a finished training keeps its figures to the last bit
        judged = faces.split("PublicTest")  # the same faces, whatever the recipe learns
        points = found_keypoints(keypoints, judged.images) if recipe.aligned else None
        record["best"] = {**record["best"], **_flip_averaged_figures(model, judged, points)}
        write_json(folder / "record.json", record)
    return model, record


def _keypoints_digest(folder: Path) -> str:
    """Of the weights that choose the crops: the run's own, else the shipped ones; folder: of an emotion training."""
    weights = folder.parent.parent / KEYPOINT_TASK.weights
    return digest_of(weights if weights.exists() else WEIGHTS / "detection.weights.h5")


def shows_emotion(faces: Emotions) -> np.ndarray:
    """Which faces to learn from, bool (n,): not those that most people call unknown or no face, or never saw."""
    if faces.votes is None:
        return np.ones(len(faces), bool)
    return faces.votes.any(axis=1) & (faces.votes.argmax(axis=1) < VOTES.index("unknown"))


def emotion_targets(faces: Emotions, recipe: Recipe) -> np.ndarray:
    """What the recipe's network is to say of each face: float32 (n, classes), rows that sum to 1.

    `vote_weight` of it are the shares of people's votes, the rest is the label. A face has its label alone where there
    are no votes, or none for the classes.
    """
    targets = np.eye(recipe.classes, dtype=np.float32)[faces.labels]
    if faces.votes is None or not recipe.vote_weight:
        return targets
    seven = vote_shares(faces.votes)
    shares = among_five(seven) if recipe.classes == len(EMOTIONS) else seven
    shares = np.where(shares.any(axis=1, keepdims=True), shares, targets)
    return np.float32(recipe.vote_weight * shares + (1 - recipe.vote_weight) * targets)


def _as_trained(model: keras.Model, recipe: Recipe) -> keras.Model:
    """The network without its crop: in training, one warp both changes and crops a face."""
    return resnet.behind_crop(model) if recipe.crop_px else model


def _emotion_batches(
    training: Emotions, recipe: Recipe, side: int, into_frame: np.ndarray | None, teacher: keras.Model | None
) -> Batches:
    targets = emotion_targets(training, recipe)
    repeats = np.where(targets.argmax(axis=1) == EMOTIONS.index("disgust"), recipe.disgust_repeats, 1)
    rows_of_an_epoch = np.repeat(np.arange(len(training)), repeats)

    def make_batch(indices, rng):
        rows = rows_of_an_epoch[indices]
        changes, frames = AUGMENTS[recipe.augment], None if into_frame is None else into_frame[rows]
        inputs, _ = augment_faces(training.images[rows], None, changes, rng, side=side, into_frame=frames)
        if teacher is None:
            return inputs, targets[rows]
        return inputs, with_teacher(targets[rows], inputs, teacher, recipe.teacher_weight)

    return Batches(make_batch, len(rows_of_an_epoch), recipe.batch_size, recipe.seed)


def _unchanged(images: np.ndarray, side: int, into_frame: np.ndarray | None) -> np.ndarray:
    """What the network reads of faces that are not changed: float32 (n, side, side, 1)."""
    if into_frame is None:
        return to_input(images, side)
    return augment_faces(images, None, AUGMENTS["none"], np.random.default_rng(0), side=side, into_frame=into_frame)[0]


def _into_crops(
    recipe: Recipe, keypoints: Network | None, *splits: Emotions
) -> tuple[list[np.ndarray | None], list[float] | None]:
    """For each split maps from px of its faces to those of the square that is read, (n, 3, 3); None: the whole face.

    And for aligned crops the mean face of the first split, 30 px.
    """
    if not recipe.crop_px:
        return [None] * len(splits), None
    if not recipe.aligned:
        middle = into_middle(FER_SIDE, recipe.crop_px, recipe.crop_px)
        return [np.broadcast_to(middle, (len(split), 3, 3)) for split in splits], None
    if keypoints is None:
        raise ValueError("This recipe reads the crop that the keypoints choose: train a keypoint network first")
    points = [found_keypoints(keypoints, split.images) for split in splits]
    mean = points[0].mean(axis=0)
    maps = [into_crops(aligned_crops(it, mean, FER_SIDE), recipe.crop_px) for it in points]
    return maps, mean.ravel().tolist()


def found_keypoints(keypoints: Network, images: np.ndarray) -> np.ndarray:
    """What a keypoint network finds in faces, flip averaged: (n, 15, 2) px of the 96x96 frame; computed once."""
    key = keypoints, checksum(images)
    if key not in _found:
        starts = tqdm(range(0, len(images), 256), "keypoints", unit=" batches")
        points = [predict_keypoints(keypoints, images[start : start + 256]) for start in starts]
        _found[key] = np.concatenate(points)
    return _found[key]


def _flip_averaged_figures(model: keras.Model, validation: Emotions, points: np.ndarray | None) -> dict[str, float]:
    """As `FaceReader` answers: against the labels, against people where there are votes, and the score of recipes.

    That is the cross-entropy to people's shares, or to the labels, at the temperature that suits the network best. It
    says more of networks that differ in a few faces than accuracy does: it counts how sure each answer is, too.
    """
    outputs, found = predict_emotions(model, validation.images, points), {}
    for against, (truth, shares) in truths(validation.labels, validation.votes).items():
        ours = is_five(truth)
        five = among_five(shares[ours])
        fitted = five_probabilities(outputs[ours], fit_temperature(outputs[ours], five))
        scores = emotion_scores(fitted, truth[ours], EMOTIONS)
        figures = {name: scores[name] for name in ("accuracy", "mean_recall")}
        figures["disgust_recall"] = scores["classes"]["disgust"]["recall"]
        if outputs.shape[1] > len(EMOTIONS):
            figures["seven_accuracy"] = float((outputs.argmax(axis=1) == truth)[truth >= 0].mean())
        found |= {f"val_flip_{against}_{name}": value for name, value in figures.items()}
        found[EMOTION_TASK.score] = soft_crossentropy(fitted, five)  # of the last truth: people's, if there is one
    return found
