"""One network with two heads instead of two networks: does it keep what the pair knows, at half the cost?

    python benchmarks/one_pass.py [--epochs 10] [--save]

Resumable; its training lies in runs/one_pass/.
A trunk reads the whole face at a quarter of its 96 px; its maps go to a heatmap head for the keypoints and, looked at
where these points say, to the last stages of an emotion network. It begins with what fits of the shipped emotion
network and learns from both shipped networks and the labels; epoch and verdict are those of validation, the test split
stays closed.
"""

import argparse
import dataclasses

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from bench_networks import multiply_adds
from keras import layers, ops
from results import save

from src.training import fit as training
from src.metrics.calibration import five_probabilities
from src.data.datasets import Emotions, Keypoints, take_rows
from src.models.layers import fuse
from src.models.layers import SoftArgmax
from src.labels import EMOTIONS, FER_SIDE, FRAME, KEYPOINT_COLUMNS, KEYPOINTS
# DROPPED light.judge
from src.models.layers import Look
from src.models.losses import wing
from src.metrics.scores import emotion_scores, keypoint_scores
from src.predict.networks import load_network
from src.files import RUNS, WEIGHTS
from src.predict.reader import predict_keypoints
from src.training.augmentation import EMOTION_AUGMENTS, KEYPOINT_AUGMENTS, augment_faces
from src.faces import to_input
from src.training.fit import training_stream
from src.training.recipes import Recipe
from src.models.resnet import Init, basic_unit, climb, conv_bn, standardized
# DROPPED slimming.hand_down
from src.training.tasks import middle
from src.data.datasets import read_emotions, read_keypoints

POINTS = len(KEYPOINT_COLUMNS)  # an answer or target holds these first, then 7 probabilities, 0 where none is known
CLASSES = 7
SHARE = 0.8  # of the shipped emotion network's answers in the labels; of the points', half
NEAR_PX = 3.0  # a face teaches emotions once its points are this near: before, the wrong square would be looked at
HELEN_REPEATS, YOUTUBE_REPEATS = 12, 2
RECIPE = Recipe(
    "two heads",
    "crops",
    epochs=10,
    batch_size=128,
    loss="both",
    monitor="val_loss",
    optimizer="adamw",
    learning_rate=2e-3,
    schedule="cosine",
    weight_decay=1e-4,
    seed=21,
)


@keras.saving.register_keras_serializable("face_study")
class LookAtMaps(Look):
    """`Look` at feature maps (n, s, s, channels) of a face instead of its grey values: (n, side, side, channels)."""

    def call(self, inputs):
        maps, points = inputs
        stored, channels = maps.shape[1], maps.shape[3]
        places = ops.clip(ops.matmul(self._glimpse(points, stored), self._grid), 0, stored - 1)
        first = ops.minimum(ops.floor(places), stored - 2)
        (right, down), (x, y) = (ops.split(it[..., None], 2, axis=1) for it in (places - first, first))
        corner = ops.cast(y * stored + x, "int32")[..., 0]
        flat = ops.reshape(maps, (-1, stored * stored, channels))
        seen = [tf.gather(flat, corner + step, batch_dims=1) for step in (0, 1, stored, stored + 1)]
        above, below = (left + (beside - left) * right for left, beside in (seen[:2], seen[2:]))
        return ops.reshape(above + (below - above) * down, (-1, self.side, self.side, channels))

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], self.side, self.side, input_shape[0][3])


def two_heads(mean_px: list[float], seed: int = 0) -> keras.Model:
    """Faces (n, 96, 96, 1), grey 0..1 -> (n, 37): 30 keypoints, px of the face, and 7 probabilities."""
    init = Init("he", seed)
    face = keras.Input((FRAME, FRAME, 1), name="face")
    x = standardized(face)
    fine = conv_bn(conv_bn(x, 16, 3, init, "fine1", stride=2), 32, 3, init, "fine2", stride=2, gamma="zeros")
    coarse = conv_bn(layers.AveragePooling2D(2, name="halved")(x), 32, 3, init, "stem1", stride=2)
    trunk = basic_unit(layers.Add(name="stems")([coarse, fine]), 32, init, "stage1_unit1", inner=32, gated=False)
    maps, x = [trunk], trunk
    for stage, width in enumerate((64, 128, 192), 2):
        x = basic_unit(x, width, init, f"points{stage}", inner=width // 2, stride=2, gated=False)
        maps.append(x)
    heat = layers.Conv2D(len(KEYPOINTS), 1, kernel_initializer=init(), name="heatmaps")(climb(maps, 32, 32, init))
    points = SoftArgmax(name="keypoints_px")(heat)
    x = LookAtMaps(20, mean_px, name="look")([trunk, ops.stop_gradient(points)])
    for stage, width in enumerate((64, 128, 256), 2):
        for unit in (1, 2):
            stride = 3 - unit
            x = basic_unit(x, width, init, f"stage{stage}_unit{unit}", inner=width // 2, stride=stride, gated=False)
    x = layers.Dropout(0.3, seed=seed, name="dropout")(layers.GlobalAveragePooling2D(name="average")(x))
    told = layers.Dense(CLASSES, activation="softmax", name="probabilities")(x)
    return keras.Model(face, layers.Concatenate(name="both")([points, told]), name="two_heads")


def both(targets, answers):
    """Wing loss of the points and cross-entropy of the emotions, where these are known and the points are near."""
    points, found = targets[:, :POINTS], answers[:, :POINTS]
    near = ops.mean(ops.abs(ops.where(ops.isnan(points), found, points) - found), axis=1) < NEAR_PX
    told = -ops.sum(targets[:, POINTS:] * ops.log(ops.maximum(answers[:, POINTS:], 1e-7)), axis=1)
    counts = ops.cast(near, told.dtype)
    return wing(points, found) + ops.sum(told * counts) / ops.maximum(ops.sum(counts), 1.0)


def emotion_teacher(network: keras.Model, batch: int):
    """The network's answers to faces (batch, 48, 48, 1) and their points (batch, 30), as a compiled function."""
    shapes = [tf.TensorSpec((batch, FER_SIDE, FER_SIDE, 1)), tf.TensorSpec((batch, POINTS))]
    answers = tf.function(lambda faces, points: network([faces, points], training=False), shapes, jit_compile=True)
    return lambda faces, points: answers(faces, points).numpy()


def batches(points: Keypoints, faces: Emotions, found: tuple[np.ndarray, np.ndarray], teacher, recipe: Recipe):
    """(make_batch, faces of an epoch): rows of both data sets, shuffled together.

    found: the shipped keypoint network's points of `points` and of `faces`, (n, 15, 2) px.
    """
    known = points.keypoints_px
    marked = np.where(np.isnan(known), found[0], (known + found[0]) / 2)
    of_points = np.repeat(np.arange(len(points)), np.where(points.source == "helen", HELEN_REPEATS, YOUTUBE_REPEATS))
    repeats = np.where(faces.labels < len(EMOTIONS), 2, 1)
    repeats[faces.labels == EMOTIONS.index("disgust")] *= 5
    of_faces = np.repeat(np.arange(len(faces)), repeats)
    rows_of_an_epoch = np.concatenate([of_points, len(points) + of_faces])
    one_hot = np.eye(CLASSES, dtype=np.float32)

    def make_batch(indices, rng):
        rows = rows_of_an_epoch[indices]
        inputs = np.empty((len(rows), FRAME, FRAME, 1), np.float32)
        targets = np.zeros((len(rows), POINTS + CLASSES), np.float32)
        first = rows < len(points)
        here, there = rows[first], rows[~first] - len(points)
        inputs[first], moved = augment_faces(
            points.stored[here], marked[here], KEYPOINT_AUGMENTS["moderate"], rng, side=FRAME, frame_in_source=FRAME
        )
        targets[first, :POINTS] = moved.reshape(len(here), -1)
        scale = FER_SIDE / FRAME
        small, moved = augment_faces(
            faces.images[there],
            (found[1][there] + 0.5) * scale - 0.5,
            EMOTION_AUGMENTS[recipe.augment],
            rng,
            side=FER_SIDE,
            frame_in_source=FER_SIDE,
        )
        moved = ((moved + 0.5) / scale - 0.5).reshape(len(there), -1)
        inputs[~first] = to_input(np.uint8(np.round(small[..., 0] * 255)), FRAME)
        padded = np.zeros((len(rows), FER_SIDE, FER_SIDE, 1), np.float32), np.ones((len(rows), POINTS), np.float32)
        padded[0][: len(there)], padded[1][: len(there)] = small, moved
        answers = teacher(*padded)[: len(there)]  # one size of batch, compiled once
        targets[~first, :POINTS] = moved
        targets[~first, POINTS:] = SHARE * answers + (1 - SHARE) * one_hot[faces.labels[there]]
        return inputs, targets

    return make_batch, len(rows_of_an_epoch)


def validation(points: Keypoints, faces: Emotions, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of both, in one: HELEN's faces, and the five emotions' with points that a network found."""
    no_emotion, no_points = np.zeros((len(points), CLASSES)), found.reshape(len(faces), -1)
    targets = [
        np.hstack([points.keypoints_px.reshape(len(points), -1), no_emotion]),
        np.hstack([no_points, np.eye(CLASSES)[faces.labels]]),
    ]
    inputs = [to_input(it.images, FRAME) for it in (points, faces)]
    return np.concatenate(inputs), np.float32(np.concatenate(targets))


def one_pass_scores(model: keras.Model, points: Keypoints, faces: Emotions) -> dict:
    found, told = (model.predict(to_input(it.images, FRAME), batch_size=128, verbose=0) for it in (points, faces))
    nme = keypoint_scores(found[:, :POINTS].reshape(-1, len(KEYPOINTS), 2), points.keypoints_px)["nme_percent"]
    told = emotion_scores(five_probabilities(told[:, POINTS:]), faces.labels, EMOTIONS)
    return {"nme_percent": nme, "accuracy": told["accuracy"], "macro_f1": told["macro_f1"]}


def fused(model: keras.Model) -> keras.Model:
    """The same layers and weights, which train faster without XLA."""
    faster = fuse(model)
    faster.set_weights(model.get_weights())
    return faster


def pupil(teacher: keras.Model, faces: np.ndarray, recipe: Recipe) -> keras.Model:
    """The network with two heads before its training, with what fits of the shipped emotion network in it.

    faces: uint8 (n, 48, 48), training faces for `hand_down`.
    """
    model = two_heads(teacher.get_layer("look").mean_px, recipe.seed)
    hand_down(teacher, model, to_input(middle(faces, 40), 40))
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results.json")
    options = parser.parse_args()
    recipe = dataclasses.replace(RECIPE, epochs=options.epochs)
    training.make_repeatable(recipe)
    training.LOSSES[recipe.loss] = both
    points, faces = read_keypoints("real", 0, 0), read_emotions("real", 0, 0)
    judged = points.split("Validation")
    judged = take_rows(judged, judged.source == "helen")
    points, faces, public = points.split("Training"), faces.split("Training"), faces.split("PublicTest").five()
    finder = load_network(WEIGHTS, "keypoints", "onnx")
    found = [predict_keypoints(finder, it.images) for it in (points, faces, public)]
    pair = [load_network(WEIGHTS, task, "keras") for task in ("keypoints", "emotions")]
    model = pupil(pair[1], faces.images[:1024], recipe)
    cost = {"two heads": multiply_adds(model), "pair": sum(map(multiply_adds, pair))}
    size = {"two heads": model.count_params(), "pair": sum(it.count_params() for it in pair)}
    model = fused(model)
    make_batch, n = batches(points, faces, found[:2], emotion_teacher(pair[1], recipe.batch_size), recipe)

    def stream(first_epoch):
        shapes = ((FRAME, FRAME, 1), (POINTS + CLASSES,))
        settings = {"epochs": recipe.epochs, "first_epoch": first_epoch, "seed": recipe.seed, "shapes": shapes}
        return training_stream(make_batch, n, recipe.batch_size, **settings)

    held_out = validation(judged, public, found[2])
    counts = {"faces_of_an_epoch": n, "validation_faces": len(held_out[0])}
    record = training.train(model, stream, held_out, recipe, RUNS / "one_pass", metrics=[], data=counts)
    scores = {"two heads": one_pass_scores(model, judged, public), "pair": judge(WEIGHTS, judged, public)["one pass"]}
    rows = [
        {"network": name, "parameters": size[name], "multiply_adds": cost[name], **its} for name, its in scores.items()
    ]
    print(pd.DataFrame(rows).to_string(index=False))
    if options.save:
        save("one_pass", {"validation": rows, "record": record})


if __name__ == "__main__":
    main()
