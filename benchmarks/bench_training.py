"""Training and augmentation, images a second: ours beside the original study's settings and Keras's layers.

Every training runs five epochs on synthetic faces, seven tenths of which train, in a process of its own. The first
builds the graph; the others count, each up to its validation. oneDNN computes for all. A student's teacher is trained
first and not counted. With more rounds they take turns; medians, and the slowest and the fastest epoch, are the result.
*Of the peak* is the share that its multiply-adds (three times those of reading: forward, and two backward; and once
those of its teacher) have of what one large matrix product in float32 reaches on all cores in the same run. *Busy* is
the processor time of the process during those epochs, *memory* the most that it held.
"""

import itertools
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from bench_networks import multiply_adds
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from results import peak_mb, run, seconds, take_turns

from src.data.datasets import Emotions, sample_emotions
from src.faces import to_input
from src.files import WEIGHTS
from src.models.layers import BatchNormalization
from src.models.resnet import baseline_emotions
from src.predict.networks import load_network
from src.training.augmentation import augment_faces
from src.training.recipes import AUGMENTS, EMOTION_RECIPES, changed
from src.training.tasks import build_emotions, train_emotions

EPOCHS = 5
# What the original study's generator did; our recipe `baseline` does the same.
ORIGINAL_SETTINGS = {"rotation_range": 15, "horizontal_flip": True} | dict.fromkeys(
    ("width_shift_range", "height_shift_range", "shear_range", "zoom_range"), 0.1
)


class LaterEpochs(keras.callbacks.Callback):
    """Seconds and processor seconds of each epoch but the first, without its validation."""

    def on_train_begin(self, logs=None):
        self._measured = []

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._start, self._before = epoch, time.perf_counter(), time.process_time()

    def on_test_begin(self, logs=None):
        if self._epoch:
            self._measured.append((time.perf_counter() - self._start, time.process_time() - self._before))

    def figures(self, images: int, work: int) -> list[dict]:
        """images: of an epoch; work: multiply-adds of one."""
        return [
            {"images_a_second": images / took, "multiply_adds": work * images / took,
             "busy": used / took / os.cpu_count(), "memory_mb": peak_mb()}
            for took, used in self._measured
        ]  # fmt: skip


def training_work(model: keras.Model) -> int:
    """Multiply-adds of a face in training: forward, and backward twice."""
    return 3 * multiply_adds(model)


def our_way(name: str, faces: Emotions) -> list[dict]:
    """A recipe through the study's own training."""
    recipe, epochs = changed(EMOTION_RECIPES[name], epochs=EPOCHS), LaterEpochs()
    work = training_work(build_emotions(recipe))
    keypoints = load_network(WEIGHTS, "keypoints", "onnx") if recipe.aligned else None

    def fit(model, *arguments, callbacks, **settings):
        return own_fit(model, *arguments, callbacks=[epochs, *callbacks], **settings)

    own_fit = keras.Model.fit
    with tempfile.TemporaryDirectory() as run, mock.patch.object(keras.Model, "fit", fit):
        if recipe.teacher:
            its = changed(EMOTION_RECIPES[recipe.teacher], epochs=1)
            work += multiply_adds(build_emotions(its))
            train_emotions(faces, its, Path(run, recipe.teacher), keypoints)
        train_emotions(faces, recipe, Path(run, name), keypoints)
    return epochs.figures(epochs.params["steps"] * recipe.batch_size, work)


def keras_own(layer: keras.Layer) -> keras.Layer:
    """A copy of a layer; of our batch normalisation, Keras's, which the original study trained with."""
    kind = keras.layers.BatchNormalization if isinstance(layer, BatchNormalization) else type(layer)
    return kind.from_config(layer.get_config())


def original_way(faces: Emotions) -> list[dict]:
    """The original study's network, generator and call of fit, as Keras 3 still runs them."""
    training, validation = faces.split("Training"), faces.split("PublicTest")
    model = keras.models.clone_model(baseline_emotions(), clone_function=keras_own)
    model.compile("adam", "categorical_crossentropy", jit_compile=False)
    (inputs, targets), judged = (
        (to_input(it.images, 96), np.eye(5, dtype=np.float32)[it.labels]) for it in (training, validation)
    )
    flow, epochs = ImageDataGenerator(**ORIGINAL_SETTINGS).flow(inputs, targets, batch_size=64), LaterEpochs()
    model.fit(flow, epochs=EPOCHS, validation_data=judged, verbose=0, callbacks=[epochs])
    return epochs.figures(len(training), training_work(model))


def matrix_peak() -> float:
    """Multiply-adds a second of a 2048x2048 product in float32, on all cores."""
    a = tf.random.normal((2048, 2048), seed=0)
    times = [seconds(lambda: tf.matmul(a, a).numpy()) for _ in range(8)]
    return 2048**3 / statistics.median(times[2:])


def alone(way: Callable, *arguments) -> list[dict] | float:
    """The result of a function run in a new process: no training profits from what another has left in memory."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(way, *arguments).result()


def augmentation(faces: Emotions) -> list[dict]:
    """Rotation, shifts, zoom and flips of 48x48 faces, images a second, each on one batch of 128 after another."""
    images, rng = faces.images[:128], np.random.default_rng(0)
    inputs = to_input(images, 48)
    layers = keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomRotation(15 / 360),
            keras.layers.RandomTranslation(0.1, 0.1),
            keras.layers.RandomZoom(0.1),
        ]
    )
    generator, augment = ImageDataGenerator(**ORIGINAL_SETTINGS), AUGMENTS["baseline_emotions"]
    ways = {
        "ours": lambda: augment_faces(images, None, augment, rng, side=48),
        "keras.layers.Random*": lambda: layers(inputs, training=True),
        "the original's generator": lambda: next(generator.flow(inputs, batch_size=128)),
    }
    times = take_turns({name: partial(seconds, way) for name, way in ways.items()}, 12, "augmentation")
    return [{"way": name, "images_a_second": len(images) / statistics.median(its[2:])} for name, its in times.items()]


def measure(faces: int, rounds: int) -> dict:
    synthetic = sample_emotions(faces, seed=0)
    changing = augmentation(synthetic)
    trainings = {
        "peak": partial(alone, matrix_peak),
        "original's network, its settings": partial(alone, original_way, synthetic),
        "recipe baseline": partial(alone, our_way, "baseline", synthetic),
        "recipe teacher": partial(alone, our_way, "teacher", synthetic),
        "recipe emotions, its teacher's answers included": partial(alone, our_way, "emotions", synthetic),
    }
    runs, rows = take_turns(trainings, rounds, "trainings"), []
    peak = statistics.median(runs.pop("peak"))
    for name, its in runs.items():
        its = list(itertools.chain(*its))
        speeds = [it["images_a_second"] for it in its]
        row = {key: statistics.median(it[key] for it in its) for key in its[0]}
        row |= {"slowest": min(speeds), "fastest": max(speeds), "of_the_peak": row["multiply_adds"] / peak}
        rows.append({"training": name, **row})
    for row in rows:
        row["times_faster"] = row["images_a_second"] / rows[0]["images_a_second"]
    return {"peak_multiply_adds": peak, "training": rows, "augmentation": changing}


if __name__ == "__main__":
    run("training", __doc__, measure, faces=1200, rounds=1)
