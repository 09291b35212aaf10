"""Training and augmentation, images a second: ours beside the original study's settings and Keras's layers.

    python benchmarks/bench_training.py [--faces 1600] [--rounds 3] [--save]

Every training runs three epochs on drawn faces in a process of its own; the last epoch counts, since the first builds
the graph, with the validation at its end, which the original study's epochs had too. In every round all take turns;
medians, and the slowest and the fastest round, are the result. *Of the peak* is the share that its multiply-adds (three
times those of reading: forward, and two backward) have of what one large matrix product in float32 reaches on all cores
in the same run. *Busy* is the processor time of the process during that epoch, *memory* the most that it held.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import psutil
import tensorflow as tf
from bench_networks import multiply_adds
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from results import save
from tqdm import tqdm

from src.training import tasks as study
from src.data.datasets import Emotions, sample_emotions
from src.training.recipes import EMOTION_NETWORKS, EMOTION_RECIPES
from src.models.layers import FusedBatchNormalization
from src.training.augmentation import EMOTION_AUGMENTS, augment_faces
from src.faces import to_input
from src.training.recipes import chosen

EPOCHS = 3
# What the original study's generator did; our recipe `baseline` does the same.
SEED_SETTINGS = {"rotation_range": 15, "horizontal_flip": True} | dict.fromkeys(
    ("width_shift_range", "height_shift_range", "shear_range", "zoom_range"), 0.1
)


class Clock:
    """Processor seconds and memory of this process, looked at five times a second."""

    def __init__(self):
        self._times, self._end = [], threading.Event()
        self.peak_mb = 0.0
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        process = psutil.Process()
        while not self._end.wait(0.2):
            used = process.cpu_times()
            self._times.append((time.perf_counter(), used.user + used.system))
            self.peak_mb = max(self.peak_mb, process.memory_info().rss / 1e6)

    def __enter__(self) -> "Clock":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._end.set()
        self._thread.join()

    def busy(self, start: float, end: float) -> float:
        """Share of all cores that was used between two times of `time.perf_counter`."""
        inside = [it for it in self._times if start <= it[0] <= end]
        (first, before), (last, after) = inside[0], inside[-1]
        return (after - before) / (last - first) / os.cpu_count()


class LastEpoch(keras.callbacks.Callback):
    """When the last epoch began and ended."""

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.end = time.perf_counter()


def matrix_peak() -> float:
    """Multiply-adds a second of a 2048x2048 product in float32, on all cores."""
    a = tf.random.normal((2048, 2048), seed=0)
    times = []
    for _ in range(8):
        start = time.perf_counter()
        tf.matmul(a, a).numpy()
        times.append(time.perf_counter() - start)
    return 2048**3 / statistics.median(times[2:])


def our_way(name: str, faces: Emotions, precision: str) -> dict:
    """A recipe through the study's own training."""
    recipe = chosen(EMOTION_RECIPES, name, epochs=EPOCHS, precision=precision)[name]
    with tempfile.TemporaryDirectory() as folder, Clock() as clock:
        _, record = study.train_emotions(faces, recipe, Path(folder))
        end = time.perf_counter()
    seconds = record["history"][-1]["seconds"]
    n = len(faces.split("Training")) // recipe.batch_size * recipe.batch_size
    view = {"reads_px": recipe.crop_px} if recipe.crop_px else {}
    work = 3 * multiply_adds(EMOTION_NETWORKS[recipe.network](0, recipe.classes, **view))
    return {
        "images_a_second": n / seconds,
        "multiply_adds": work * n / seconds,
        "busy": clock.busy(end - seconds, end),
        "memory_mb": clock.peak_mb,
    }


def keras_own(layer: keras.Layer) -> keras.Layer:
    """A copy of a layer; of our batch normalisation, Keras's, which the original study trained with."""
    kind = keras.layers.BatchNormalization if isinstance(layer, FusedBatchNormalization) else type(layer)
    return kind.from_config(layer.get_config())


def seed_way(faces: Emotions) -> dict:
    """The original study's network, generator and call of fit, as Keras 3 still runs them."""
    training, validation = faces.split("Training"), faces.split("PublicTest")
    model = keras.models.clone_model(EMOTION_NETWORKS["baseline"](0, 5), clone_function=keras_own)
    model.compile("adam", "categorical_crossentropy", jit_compile=False)
    (inputs, targets), judged = (
        (to_input(it.images, 96), np.eye(5, dtype=np.float32)[it.labels]) for it in (training, validation)
    )
    flow = ImageDataGenerator(**SEED_SETTINGS).flow(inputs, targets, batch_size=64)
    last = LastEpoch()
    with Clock() as clock:
        model.fit(flow, epochs=EPOCHS, validation_data=judged, verbose=0, callbacks=[last])
    speed = len(training) / (last.end - last.start)
    return {
        "images_a_second": speed,
        "multiply_adds": 3 * multiply_adds(model) * speed,
        "busy": clock.busy(last.start, last.end),
        "memory_mb": clock.peak_mb,
    }


def alone(way: Callable[..., dict], *arguments) -> dict:
    """The result of a function run in a new process: no training profits from what another has left in memory."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(way, *arguments).result()


def summary(runs: list[dict]) -> dict:
    """Medians over the rounds of one training, and the speed of the slowest and the fastest."""
    speeds = [it["images_a_second"] for it in runs]
    medians = {name: statistics.median(it[name] for it in runs) for name in runs[0]}
    return {**medians, "slowest": min(speeds), "fastest": max(speeds)}


def augmentation(faces: Emotions) -> list[dict]:
    """Rotation, shifts, zoom and mirroring of 48x48 faces, images a second, each on one batch of 128 after another."""
    images = faces.images[:128]
    inputs = to_input(images, 48)
    layers = keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomRotation(15 / 360),
            keras.layers.RandomTranslation(0.1, 0.1),
            keras.layers.RandomZoom(0.1),
        ]
    )
    generator = ImageDataGenerator(**SEED_SETTINGS)
    rng = np.random.default_rng(0)
    ways = {
        "ours": lambda: augment_faces(images, None, EMOTION_AUGMENTS["baseline"], rng, side=48, frame_in_source=48),
        "keras.layers.Random*": lambda: layers(inputs, training=True),
        "the original's generator": lambda: next(generator.flow(inputs, batch_size=128)),
    }
    times = {name: [] for name in ways}
    for _ in range(12):
        for name, change in ways.items():
            start = time.perf_counter()
            change()
            times[name].append(time.perf_counter() - start)
    return [
        {"way": name, "images_a_second": len(images) / statistics.median(seconds[2:])}
        for name, seconds in times.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=1600, help="drawn faces; seven tenths train")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results.json")
    options = parser.parse_args()
    faces = sample_emotions(options.faces, seed=0)
    changing = augmentation(faces)
    trainings = {
        "original's network, its settings": (seed_way, faces),
        "recipe baseline": (our_way, "baseline", faces, "float32"),
        "recipe compact": (our_way, "compact", faces, "float32"),
        "recipe baseline, mixed_bfloat16": (our_way, "baseline", faces, "mixed_bfloat16"),
    }
    peaks, runs = [], {name: [] for name in trainings}
    for _ in tqdm(range(options.rounds), "trainings", unit=" rounds"):
        peaks.append(alone(matrix_peak))
        for name, way in trainings.items():
            runs[name].append(alone(*way))
    peak = statistics.median(peaks)
    rows = [{"training": name, **summary(its)} for name, its in runs.items()]
    for row in rows:
        row["of_the_peak"] = row["multiply_adds"] / peak
        row["times_faster"] = row["images_a_second"] / rows[0]["images_a_second"]
    for table in (rows, changing):
        print(pd.DataFrame(table).to_string(index=False, float_format="{:.3g}".format))
    if options.save:
        save("training", {"peak_multiply_adds": peak, "training": rows, "augmentation": changing})


if __name__ == "__main__":
    main()
