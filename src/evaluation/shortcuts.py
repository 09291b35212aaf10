"""The appendix: one small network under our protocol and under the original study's, claimed score against true score.

A protocol says which rows a network trains on, and on which other rows its own score, the claim, is measured. The
truth is the same for all protocols: test faces that none of them trained on. Nothing is chosen here: the number of
steps is fixed, the last weights are taken, and no score decides anything.

runs/<run>/shortcuts/<task>_<protocol>_<seed>/         record and weights of each training
"""

import logging
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from src.data.datasets import (
    Emotions,
    Keypoints,
    deal,
    drop_repeats,
    load_repeated_emotions,
    photo_numbers,
    sample_emotions,
    take_rows,
)
from src.faces import flip_faces
from src.files import EMOTIONS_CSV
from src.labels import FER_SIDE, FLIP_ORDER, FRAME, KEYPOINT_COLUMNS
from src.metrics.scores import keypoint_scores, mean_interval
from src.predict.reader import predict_emotions, predict_keypoints
from src.training.augmentation import EMOTION_AUGMENTS, KEYPOINT_AUGMENTS, augment_faces
from src.training.fit import make_repeatable, train, training_stream
from src.training.recipes import EMOTION_NETWORKS, EMOTION_RECIPES, KEYPOINT_NETWORKS, KEYPOINT_RECIPES, Recipe

# Many networks one after the other, each traced once: TensorFlow takes that for one traced too often, and warns.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

EPOCH_STEPS = 50  # optimizer steps of an epoch: as many under every protocol, however many faces it trains on
# Share of the drawn faces that become copies: of FER2013's 24,568 rows of the five, 1,386 repeat another.
PLANTED = 0.056
EMOTION_SHARES = {"Training": 0.9, "Validation": 0.05, "Test": 0.05}  # the original's
KEYPOINT_SHARES = {"Training": 0.8, "Test": 0.2}  # the original's
PARTS = ("claimed", "true", "optimism")

# The original's losses and changes of faces. No epoch is chosen, so what is monitored may be the training loss.
EMOTION_RECIPE = replace(EMOTION_RECIPES["small"], augment="baseline", loss="crossentropy", monitor="loss")
KEYPOINT_RECIPE = replace(KEYPOINT_RECIPES["small"], augment="baseline", loss="mse", monitor="loss")


@dataclass(frozen=True, eq=False)
class Protocol:
    """Which rows of `faces` a network trains on, and on which its claim is measured.

    faces: n rows, copies included; photo: int (n,), one number for all copies of a photograph; training, claimed: row
    numbers, int; augment: key of KEYPOINT_AUGMENTS or EMOTION_AUGMENTS, how training faces change at each step.
    """

    faces: Emotions | Keypoints
    photo: np.ndarray
    training: np.ndarray
    claimed: np.ndarray
    augment: str = "baseline"

    @property
    def leaked(self) -> np.ndarray:
        """Which rows of the claim show a photograph that is trained on, bool (len(claimed),)."""
        return np.isin(self.photo[self.claimed], self.photo[self.training])


def leaks(protocols: dict[str, Protocol]) -> pd.DataFrame:
    """A row a protocol: how many rows train and claim, and which share of the claim is no news to the network.

    Faces with keypoints also have people: whose other pictures are trained on.
    """
    table = {}
    for name, protocol in protocols.items():
        row = {"training_rows": len(protocol.training), "claimed_rows": len(protocol.claimed)}
        row["copy_in_training_percent"] = 100 * protocol.leaked.mean()
        if isinstance(protocol.faces, Keypoints):
            claimed, training = (protocol.faces.subject[rows] for rows in (protocol.claimed, protocol.training))
            row["person_in_training_percent"] = 100 * np.isin(claimed, training).mean()
        table[name] = row
    return pd.DataFrame.from_dict(table, orient="index").round(1)


# ---------------------------------------------------------------- emotions


def read_emotions(data: str, sample_faces: int, seed: int) -> Emotions:
    """Faces of the five emotions as their file has them, repeats kept; the drawn ones have some planted."""
    if data == "real":
        return load_repeated_emotions(EMOTIONS_CSV).five()
    return plant_repeats(sample_emotions(sample_faces, seed), PLANTED, seed)


def plant_repeats(faces: Emotions, share: float, seed: int) -> Emotions:
    """The same faces, but `share` of the rows, drawn by lot, hold the image and label of another row."""
    count = round(share * len(faces))
    lot = np.random.default_rng(seed).permutation(len(faces))
    copies, originals = lot[:count], lot[count : 2 * count]
    images, labels = faces.images.copy(), faces.labels.copy()
    images[copies], labels[copies] = images[originals], labels[originals]
    return replace(faces, images=images, labels=labels)


def emotion_protocols(rows: Emotions, seed: int) -> dict[str, Protocol]:
    """Ours: FER2013's own split, repeats dropped. The original's: all rows but those of PrivateTest, dealt by lot."""
    photo = photo_numbers(rows.images)
    kept, _ = drop_repeats(rows.images, rows.usage)
    training, validation = (np.flatnonzero(kept & (rows.usage == name)) for name in ("Training", "PublicTest"))
    lot = np.random.default_rng(seed).permutation(np.flatnonzero(rows.usage != "PrivateTest"))
    dealt = deal(len(lot), EMOTION_SHARES)
    return {
        "ours": Protocol(rows, photo, training, validation),
        "original": Protocol(rows, photo, lot[dealt == "Training"], lot[dealt == "Test"]),
    }


def repeated_elsewhere(rows: Emotions, test: Emotions) -> np.ndarray:
    """Which of the test faces stand in Training or PublicTest too, bool (len(test),)."""
    elsewhere = {image.tobytes() for image in rows.images[rows.usage != "PrivateTest"]}
    return np.array([image.tobytes() in elsewhere for image in test.images], bool)


def train_emotions(protocol: Protocol, recipe: Recipe, folder: Path) -> keras.Model:
    """A network as it is after the last step on the protocol's training rows."""
    make_repeatable(recipe)
    model = EMOTION_NETWORKS[recipe.network](recipe.seed, recipe.classes)
    faces, targets = protocol.faces, np.eye(recipe.classes, dtype=np.float32)
    augment = EMOTION_AUGMENTS[protocol.augment]

    def make_batch(rows, rng):
        inputs, _ = augment_faces(faces.images[rows], None, augment, rng, side=FER_SIDE, frame_in_source=FER_SIDE)
        return inputs, targets[faces.labels[rows]]

    return _trained(model, make_batch, ((FER_SIDE, FER_SIDE, 1), (recipe.classes,)), protocol, recipe, folder)


def _right(model: keras.Model, faces: Emotions) -> np.ndarray:
    """Which faces are answered rightly in one pass, without the mirror image, as the original measured it."""
    return predict_emotions(model, faces.images, mirror=False).argmax(axis=1) == faces.labels


def _percent(right: np.ndarray) -> float | None:
    return 100 * float(right.mean()) if len(right) else None


def compare_emotions(
    rows: Emotions, test: Emotions, recipe: Recipe, seeds: range, folder: Path, source: str
) -> list[dict]:
    """Accuracies in percent, a row a training.

    claimed: on the protocol's own faces; claimed_unseen: on those of them without a copy in training; true: on the
    test faces that stand nowhere else in `rows`; repeated: on the other test faces. source: where the rows are from.
    """
    results, elsewhere = [], repeated_elsewhere(rows, test)
    for seed in seeds:
        for name, protocol in emotion_protocols(rows, seed).items():
            model = train_emotions(protocol, replace(recipe, seed=seed), folder / f"emotions_{name}_{seed}")
            own, others = (_right(model, faces) for faces in (take_rows(rows, protocol.claimed), test))
            parts = {
                "claimed": own,
                "claimed_unseen": own[~protocol.leaked],
                "true": others[~elsewhere],
                "repeated": others[elsewhere],
            }
            where = {"task": "emotions", "source": source, "measure": "accuracy_percent"}
            scores = {part: _percent(right) for part, right in parts.items()}
            results.append({**where, "protocol": name, "seed": seed, **scores})
    return results


# ---------------------------------------------------------------- keypoints


def stored_copies(faces: Keypoints, seed: int, *, swap_names: bool) -> Keypoints:
    """The original's step before its split: n faces, then their n mirror images, then n brightened copies."""
    mirrored, moved = flip_faces(faces.images, faces.keypoints_px)
    if not swap_names:
        moved = moved[:, list(FLIP_ORDER)]  # swapped back: the names of the unmirrored face
    gain = np.random.default_rng(seed).uniform(1.5, 2.0, (len(faces), 1, 1))
    bright = np.clip(faces.images * gain, 0, 255).astype(np.uint8)
    return Keypoints(
        np.concatenate([faces.images, mirrored, bright]),
        np.concatenate([faces.keypoints_px, moved, faces.keypoints_px]),
        np.tile(faces.usage, 3),
        np.tile(faces.subject, 3),
    )


def keypoint_protocols(faces: Keypoints, seed: int) -> dict[str, Protocol]:
    """Ours: people split, then faces changed. The original's: copies stored, then rows dealt by lot, names kept.

    "copies_first" stands between: dealt like the original's, but its mirrored faces swap their names. Test people
    are left out of all three.
    """
    faces = take_rows(faces, np.isin(faces.usage, ["Training", "Validation"]))
    photo = np.arange(len(faces))
    protocols = {"ours": Protocol(faces, photo, *(photo[faces.usage == name] for name in ("Training", "Validation")))}
    lot = np.random.default_rng(seed).permutation(3 * len(faces))
    dealt = deal(len(lot), KEYPOINT_SHARES)
    training, claimed = (lot[dealt == name] for name in KEYPOINT_SHARES)
    for name, swap_names in (("copies_first", True), ("original", False)):
        copies = stored_copies(faces, seed, swap_names=swap_names)
        protocols[name] = Protocol(copies, np.tile(photo, 3), training, claimed, augment="none")
    return protocols


def train_keypoints(protocol: Protocol, recipe: Recipe, folder: Path) -> keras.Model:
    """A network as it is after the last step on the protocol's training rows."""
    make_repeatable(recipe)
    model = KEYPOINT_NETWORKS[recipe.network](recipe.seed)
    faces, augment = protocol.faces, KEYPOINT_AUGMENTS[protocol.augment]

    def make_batch(rows, rng):
        images, points = faces.images[rows], faces.keypoints_px[rows]
        inputs, moved = augment_faces(images, points, augment, rng, side=FRAME, frame_in_source=FRAME)
        return inputs, moved.reshape(len(moved), -1)

    return _trained(model, make_batch, ((FRAME, FRAME, 1), (len(KEYPOINT_COLUMNS),)), protocol, recipe, folder)


def _errors(model: keras.Model, faces: Keypoints) -> dict:
    return keypoint_scores(predict_keypoints(model, faces.images, mirror=False), faces.keypoints_px)


def compare_keypoints(
    faces: Keypoints, tests: list[Keypoints], recipe: Recipe, seeds: range, folder: Path
) -> list[dict]:
    """NME in percent and RMSE in px, a row a training, source and measure.

    tests: the test faces of one source each. claimed: on the protocol's own faces of that source; true: on `tests`.
    """
    results = []
    for seed in seeds:
        for name, protocol in keypoint_protocols(faces, seed).items():
            model = train_keypoints(protocol, replace(recipe, seed=seed), folder / f"keypoints_{name}_{seed}")
            own = take_rows(protocol.faces, protocol.claimed)
            for test in tests:
                source = str(test.source[0])
                claimed, true = (_errors(model, it) for it in (take_rows(own, own.source == source), test))
                for measure in ("nme_percent", "rmse_px"):
                    where = {"task": "keypoints", "source": source, "measure": measure}
                    scores = {"claimed": claimed[measure], "true": true[measure]}
                    results.append({**where, "protocol": name, "seed": seed, **scores})
    return results


# ---------------------------------------------------------------- both


def _trained(model, make_batch, shapes, protocol: Protocol, recipe: Recipe, folder: Path) -> keras.Model:
    """The model after recipe.epochs * EPOCH_STEPS steps; make_batch(rows, rng) -> (inputs, targets).

    The rows of a batch are drawn from all training rows, so that their number has no say in the number of steps.
    """
    rows = protocol.training

    def drawn_batch(_, rng):
        return make_batch(rng.choice(rows, recipe.batch_size), rng)

    def stream(first_epoch):
        return training_stream(
            drawn_batch,
            EPOCH_STEPS * recipe.batch_size,
            recipe.batch_size,
            epochs=recipe.epochs,
            first_epoch=first_epoch,
            seed=recipe.seed,
            shapes=shapes,
        )

    data = {"training_rows": len(rows), "rows_crc32": zlib.crc32(rows.tobytes())}
    train(model, stream, None, recipe, folder, metrics=[], data=data)
    model.load_weights(folder / f"epoch_{recipe.epochs:03d}.weights.h5")  # the last, not the best
    return model


def summary(results: list[dict]) -> list[dict]:
    """A row for each task, source, measure and protocol: claimed, true and optimism, as `mean_interval` over the seeds.

    Optimism is by how much the claim is better than the truth, taken seed by seed: claimed - true for an accuracy,
    true - claimed for an error.
    """
    table = pd.DataFrame(results)
    sign = np.where(table["measure"] == "accuracy_percent", 1, -1)
    table["optimism"] = sign * (table["claimed"] - table["true"])
    table = table.sort_values(["task", "source", "measure"], kind="stable")
    keys = ["task", "source", "measure", "protocol"]
    return [
        dict(zip(keys, names, strict=True)) | {part: mean_interval(group[part]) for part in PARTS}
        for names, group in table.groupby(keys, sort=False)
    ]


def in_words(rows: list[dict]) -> pd.DataFrame:
    """Rows of `summary` as a table to read: "62.1 (60.4 to 63.8)", without the bracket where there is one seed."""

    def words(score):
        if score["low"] is None:
            return f"{score['mean']:.2f}"
        return f"{score['mean']:.2f} ({score['low']:.2f} to {score['high']:.2f})"

    table = pd.DataFrame([{**row, **{part: words(row[part]) for part in PARTS}} for row in rows])
    return table.set_index(["task", "source", "measure", "protocol"])
