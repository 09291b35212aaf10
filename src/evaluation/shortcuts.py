"""The appendix: one small network under our protocol and under the original study's, claimed score against true score.

A protocol says which rows a network trains on, and on which other rows its own score, the claim, is measured. The
truth is the same for all protocols: test faces that none of them trained on. No score decides anything: the number of
steps is fixed, the last weights are taken. Folder of a training: runs/<run>/shortcuts/<task>_<protocol>_<seed>/.
"""

import logging
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from src.data import datasets
from src.data.datasets import Emotions, Keypoints, take_rows
from src.faces import flip_faces
from src.files import EMOTIONS_CSV
from src.labels import FLIP_ORDER
from src.metrics.scores import keypoint_scores, mean_interval
from src.predict.answers import predict_emotions, predict_keypoints
from src.training.augmentation import augment_faces
from src.training.fit import Batches, Stream, make_repeatable, train
from src.training.recipes import AUGMENTS, EMOTION_RECIPES, KEYPOINT_RECIPES, Recipe, changed
from src.training.tasks import build_emotions, build_keypoints

# Many networks one after the other, each traced once: TensorFlow takes that for one traced too often, and warns.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

EPOCH_STEPS = 50  # optimizer steps of an epoch: as many under every protocol, however many faces it trains on
# Share of the synthetic faces that become copies: of FER2013's 24,568 rows of the five, 1,386 repeat another.
PLANTED = 0.056
EMOTION_SHARES = {"Training": 0.9, "Validation": 0.05, "Test": 0.05}  # the original's
KEYPOINT_SHARES = {"Training": 0.8, "Test": 0.2}  # the original's
KEYS, PARTS = ["task", "source", "measure", "protocol"], ["claimed", "true", "optimism"]

# The original's losses and changes of faces; no epoch is chosen.
EMOTION_RECIPE = changed(
    EMOTION_RECIPES["small"], augment="baseline_emotions", vote_weight=0.0, loss="crossentropy", monitor="last"
)
KEYPOINT_RECIPE = changed(
    KEYPOINT_RECIPES["small"],
    augment="baseline_keypoints",
    loss="mse",
    heatmap_weight=0.0,
    helen_repeats=1,
    monitor="last",
)


@dataclass(frozen=True, eq=False)
class Protocol:
    """Which rows of `faces` a network trains on, and on which its claim is measured.

    photo: int (n,), one number for all copies of a photograph; training, claimed: row numbers, int; stored: the faces
    were changed before the split and do not change at each step.
    """

    faces: Emotions | Keypoints
    photo: np.ndarray
    training: np.ndarray
    claimed: np.ndarray
    stored: bool = False

    @property
    def leaked(self) -> np.ndarray:
        """Which rows of the claim show a photograph that is trained on, bool (len(claimed),)."""
        return np.isin(self.photo[self.claimed], self.photo[self.training])


def leaks(protocols: dict[str, Protocol]) -> pd.DataFrame:
    """A row a protocol: how many rows train and claim, the share of the claim whose photo or person is trained on."""
    table = {}
    for name, protocol in protocols.items():
        faces, training, claimed = protocol.faces, protocol.training, protocol.claimed
        row = table[name] = {"training_rows": len(training), "claimed_rows": len(claimed)}
        row["copy_in_training_percent"] = 100 * protocol.leaked.mean()
        if isinstance(faces, Keypoints):  # their people are known
            row["person_in_training_percent"] = 100 * np.isin(faces.subject[claimed], faces.subject[training]).mean()
    return pd.DataFrame.from_dict(table, orient="index").round(1)


def train_network(protocol: Protocol, recipe: Recipe, folder: Path) -> keras.Model:
    """A network as it is after recipe.epochs * EPOCH_STEPS steps, each on a batch drawn from all training rows."""
    faces, rows, has_points = protocol.faces, protocol.training, isinstance(protocol.faces, Keypoints)
    recipe = changed(recipe, augment="none") if protocol.stored else recipe
    make_repeatable(recipe.seed)
    model = build_keypoints(recipe) if has_points else build_emotions(recipe)

    def make_batch(_, rng):
        drawn = take_rows(faces, rng.choice(rows, recipe.batch_size))
        points, side = drawn.keypoints_px if has_points else None, drawn.images.shape[1]
        inputs, moved = augment_faces(drawn.images, points, AUGMENTS[recipe.augment], rng, side=side)
        if has_points:
            return inputs, moved.reshape(len(drawn), -1)
        return inputs, np.eye(recipe.classes, dtype=np.float32)[drawn.labels]

    batches = Batches(make_batch, EPOCH_STEPS * recipe.batch_size, recipe.batch_size, recipe.seed)
    data = {"training_rows": len(rows), "rows_crc32": zlib.crc32(rows.tobytes())}
    judged = keras.Model(model.inputs, model.outputs[0])  # of a keypoint network its points, not their spreads
    train(judged, Stream(batches, None), recipe, folder, metrics=[], data=data, kept=model)
    return model


def _trained(task: str, protocols, faces, recipe: Recipe, seeds: range, folder: Path):
    """Name and seed, protocol and network of each training; protocols(faces, seed): those of a seed by name."""
    for seed in seeds:
        for name, protocol in protocols(faces, seed).items():
            model = train_network(protocol, changed(recipe, seed=seed), folder / f"{task}_{name}_{seed}")
            yield {"protocol": name, "seed": seed}, protocol, model


def read_emotions(data: str, sample_faces: int, seed: int) -> Emotions:
    """Faces of the five emotions as their file has them, repeats kept; the synthetic ones have some planted."""
    if data == "real":
        return datasets.load_repeated_emotions(EMOTIONS_CSV).five()
    return plant_repeats(datasets.sample_emotions(sample_faces, seed), PLANTED, seed)


def plant_repeats(faces: Emotions, share: float, seed: int) -> Emotions:
    """The same faces, but `share` of the rows, drawn at random, hold the image and label of another row."""
    count = round(share * len(faces))
    copies, originals = np.random.default_rng(seed).permutation(len(faces))[: 2 * count].reshape(2, count)
    images, labels = faces.images.copy(), faces.labels.copy()
    images[copies], labels[copies] = images[originals], labels[originals]
    return replace(faces, images=images, labels=labels)


def emotion_protocols(rows: Emotions, seed: int) -> dict[str, Protocol]:
    """Ours: FER2013's own split, repeats dropped. The original's: all rows but PrivateTest's, split at random."""
    photo = datasets.photo_numbers(rows.images)
    kept, _ = datasets.drop_repeats(rows.images, rows.usage)
    training, validation = (np.flatnonzero(kept & (rows.usage == name)) for name in ("Training", "PublicTest"))
    lot = np.random.default_rng(seed).permutation(np.flatnonzero(rows.usage != "PrivateTest"))
    dealt = datasets.deal(len(lot), EMOTION_SHARES)
    return {
        "ours": Protocol(rows, photo, training, validation),
        "original": Protocol(rows, photo, lot[dealt == "Training"], lot[dealt == "Test"]),
    }


def repeated_elsewhere(rows: Emotions) -> np.ndarray:
    """Which of the faces of PrivateTest stand in Training or PublicTest too, bool (their number,)."""
    photo, test = datasets.photo_numbers(rows.images), rows.usage == "PrivateTest"
    return np.isin(photo[test], photo[~test])


def compare_emotions(rows: Emotions, recipe: Recipe, seeds: range, folder: Path, source: str) -> list[dict]:
    """Accuracies in percent, in one pass as the original measured them; a row a training.

    claimed: on the protocol's own faces; claimed_unseen: on those without a copy in training; true: on the faces of
    PrivateTest that stand nowhere else; repeated: on its other faces. source: where the rows are from.
    """
    results, known = [], repeated_elsewhere(rows)
    for which, protocol, model in _trained("emotions", emotion_protocols, rows, recipe, seeds, folder):
        own, test = (
            predict_emotions(model, faces.images, flip=False).argmax(axis=1) == faces.labels
            for faces in (take_rows(rows, protocol.claimed), rows.split("PrivateTest"))
        )
        parts = {"claimed": own, "claimed_unseen": own[~protocol.leaked], "true": test[~known], "repeated": test[known]}
        scores = {part: 100 * float(right.mean()) if len(right) else None for part, right in parts.items()}
        results.append({"task": "emotions", "source": source, "measure": "accuracy_percent", **which, **scores})
    return results


def stored_copies(faces: Keypoints, seed: int, *, swap_names: bool) -> Keypoints:
    """The original's step before its split: n faces, then the same n flipped, then n brightened copies."""
    flipped, moved = flip_faces(faces.images, faces.keypoints_px)
    if not swap_names:
        moved = moved[:, list(FLIP_ORDER)]  # swapped back: the names of the face as it was
    gain = np.random.default_rng(seed).uniform(1.5, 2.0, (len(faces), 1, 1))
    bright = np.clip(faces.images * gain, 0, 255).astype(np.uint8)
    images = np.concatenate([faces.images, flipped, bright])
    points = np.concatenate([faces.keypoints_px, moved, faces.keypoints_px])
    return Keypoints(images, points, np.tile(faces.usage, 3), np.tile(faces.subject, 3))


def keypoint_protocols(faces: Keypoints, seed: int) -> dict[str, Protocol]:
    """Ours: people split, then faces changed. The original's: copies stored, then rows split at random, names kept.

    "copies_first": split like the original's, but flipped points swap their names. Test people are left out of all.
    """
    faces = take_rows(faces, np.isin(faces.usage, ["Training", "Validation"]))
    photo = np.arange(len(faces))
    protocols = {"ours": Protocol(faces, photo, *(photo[faces.usage == name] for name in ("Training", "Validation")))}
    lot = np.random.default_rng(seed).permutation(3 * len(faces))
    dealt = datasets.deal(len(lot), KEYPOINT_SHARES)
    training, claimed = (lot[dealt == name] for name in KEYPOINT_SHARES)
    for name, swap_names in (("copies_first", True), ("original", False)):
        copies = stored_copies(faces, seed, swap_names=swap_names)
        protocols[name] = Protocol(copies, np.tile(photo, 3), training, claimed, stored=True)
    return protocols


def compare_keypoints(
    faces: Keypoints, tests: list[Keypoints], recipe: Recipe, seeds: range, folder: Path
) -> list[dict]:
    """NME in percent and RMSE in px, a row a training, source and measure.

    tests: the test faces of one source each. claimed: on the protocol's own faces of that source; true: on `tests`.
    """
    results = []
    for which, protocol, model in _trained("keypoints", keypoint_protocols, faces, recipe, seeds, folder):
        own = take_rows(protocol.faces, protocol.claimed)
        for test in tests:
            where = {"task": "keypoints", "source": str(test.source[0])}
            claimed, true = (
                keypoint_scores(predict_keypoints(model, it.images, flip=False), it.keypoints_px)
                for it in (take_rows(own, own.source == where["source"]), test)
            )
            for name in ("nme_percent", "rmse_px"):
                results.append({**where, "measure": name, **which, "claimed": claimed[name], "true": true[name]})
    return results


def summary(results: list[dict]) -> list[dict]:
    """A row for each task, source, measure and protocol: claimed, true and optimism, as `mean_interval` over the seeds.

    Optimism is by how much the claim is better than the truth, taken seed by seed: claimed - true for an accuracy,
    true - claimed for an error.
    """
    table = pd.DataFrame(results).sort_values(KEYS[:3], kind="stable")
    sign = np.where(table["measure"] == "accuracy_percent", 1, -1)
    table["optimism"] = sign * (table["claimed"] - table["true"])
    return [
        dict(zip(KEYS, names, strict=True)) | {part: mean_interval(group[part]) for part in PARTS}
        for names, group in table.groupby(KEYS, sort=False)
    ]


def in_words(rows: list[dict]) -> pd.DataFrame:
    """Rows of `summary` as a table to read: "62.1 (60.4 to 63.8)", without the bracket where there is one seed."""

    def words(score):
        interval = "" if score["low"] is None else f" ({score['low']:.2f} to {score['high']:.2f})"
        return f"{score['mean']:.2f}{interval}"

    return pd.DataFrame(rows).set_index(KEYS)[PARTS].map(words)
