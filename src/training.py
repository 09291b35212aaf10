"""One training, from a recipe to a run record: seeded, watched on validation, resumed exactly from its last epoch.

A training owns one folder:
    record.json               recipe, data counts, history, best epoch, versions; rewritten after each epoch
    epoch_NNN.weights.h5      state of the last finished epoch, optimizer included
    best.weights.h5           weights of the kept epoch, the best on validation or the last, without optimizer
"""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework import config as tf_config
from tqdm import tqdm

from src import losses
from src.files import replacing
from src.paths import shown
from src.recipes import Recipe
from src.records import write_json
from src.sharpness import SharpnessAware

LOSSES = {
    "mse": losses.masked_mse,
    "wing": losses.wing,
    "crossentropy": keras.losses.CategoricalCrossentropy(),
    "nested_crossentropy": losses.nested_crossentropy,
    "smoothed_crossentropy": keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
}

_LIBRARIES = {"tensorflow": tf, "keras": keras, "numpy": np, "opencv": cv2}


def make_repeatable(recipe: Recipe) -> None:
    """Seeds Python, NumPy and TensorFlow, so that a recipe gives the same bytes on the same machine.

    XLA on a processor repeats to the bit as it is, and Keras refuses it while op determinism is on; without XLA it
    takes op determinism, and one operation at a time (see `src/__init__.py`).
    """
    keras.utils.set_random_seed(recipe.seed)
    if recipe.jit_compile:
        tf_config.disable_op_determinism()
    else:
        tf_config.enable_op_determinism()


def make_optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """The recipe's optimizer; `steps` are the optimizer steps of the whole training."""
    rate = recipe.learning_rate
    if recipe.schedule == "cosine":
        warmup = max(1, round(0.03 * steps))
        rate = keras.optimizers.schedules.CosineDecay(
            rate / 25, max(1, steps - warmup), alpha=0.0, warmup_target=rate, warmup_steps=warmup
        )
    if recipe.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay or None)
    if recipe.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
    return keras.optimizers.Adam(rate)


def _save_weights(model: keras.Model, path: Path) -> None:
    with replacing(path) as part:
        model.save_weights(part)


def _bare(model: keras.Model) -> keras.Model:
    """The same layers without an optimizer, whose state would make a weights file three times as large."""
    return keras.Model(model.inputs, model.outputs, name=model.name)


def versions() -> dict[str, str]:
    """Versions of the libraries that decide the numbers."""
    return {name: module.__version__ for name, module in _LIBRARIES.items()}


class _Run(keras.callbacks.Callback):
    """After each epoch: record, state, best weights, one progress line."""

    def __init__(self, folder: Path, record: dict):
        super().__init__()
        self.folder, self.record = folder, record
        self.monitor = record["recipe"]["monitor"]
        self.sign = -1 if "accuracy" in self.monitor else 1

    def on_train_begin(self, logs=None):
        done = len(self.record["history"])
        total = self.record["recipe"]["epochs"]
        self.bar = tqdm(total=total, initial=done, unit="epoch", desc=self.folder.name, file=sys.stdout)

    def on_epoch_begin(self, epoch, logs=None):
        # Dropout draws from a counter of its own, one up a step: set it, so that a resumed run draws the same.
        for i, layer in enumerate(layer for layer in self.model.layers if isinstance(layer, keras.layers.Dropout)):
            layer.seed_generator.state.assign([self.record["recipe"]["seed"] + i, epoch * self.params["steps"]])
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
        row["seconds"] = round(time.perf_counter() - self.started, 1)
        history = self.record["history"]
        history.append(row)
        if not np.isfinite(row["loss"]):
            raise FloatingPointError(f"the loss is {row['loss']} in epoch {epoch + 1}: lower learning_rate")
        best = row if self.monitor == "last" else min(history, key=lambda past: self.sign * past[self.monitor])
        state = self.folder / f"epoch_{epoch + 1:03d}.weights.h5"
        _save_weights(self.model, state)
        if best is row:
            _save_weights(_bare(self.model), self.folder / "best.weights.h5")
        self.record["best"] = best
        write_json(self.folder / "record.json", self.record)  # from here on this epoch counts as done
        for older in self.folder.glob("epoch_*.weights.h5"):
            if older != state:
                older.unlink()
        shown_figure = "loss" if self.monitor == "last" else self.monitor
        self.bar.set_postfix({shown_figure: f"{row[shown_figure]:.4f}", "kept": f"{best[shown_figure]:.4f}"})
        self.bar.update()

    def on_train_end(self, logs=None):
        self.bar.close()


def _past(folder: Path, recipe: dict, data: dict) -> dict:
    """The folder's record if it belongs to this very training, else a new one."""
    path = folder / "record.json"
    fresh = {"recipe": recipe, "data": data, "versions": versions(), "history": [], "best": None}
    if not path.exists():
        return fresh
    record = json.loads(path.read_text())
    if asdict(Recipe(**record["recipe"])) != recipe or record["data"] != data:
        print(f"{shown(folder)} holds a training with another recipe or other data: it starts anew.")
        return fresh
    print(f"{shown(folder)}: {len(record['history'])} of {recipe['epochs']} epochs are done.")
    return record


def _keep_as_it_is(model, validation, folder: Path, record: dict) -> None:
    """A recipe of no epochs keeps what it starts from; its figures are those of epoch 0."""
    figures = model.evaluate(*validation, batch_size=128, verbose=0, return_dict=True)
    _save_weights(_bare(model), folder / "best.weights.h5")
    record["best"] = {"epoch": 0, **{f"val_{name}": value for name, value in figures.items()}}
    write_json(folder / "record.json", record)


def train(model, stream, validation, recipe: Recipe, folder: Path, *, metrics: list, data: dict) -> dict:
    """Trains `model` and leaves the weights of the epoch in it that the recipe's `monitor` chooses; returns the record.

    stream(first_epoch) -> (dataset, steps an epoch), see `preprocess.training_stream`; validation: (inputs, targets),
    float32, or None where the recipe monitors the training loss; data: facts on the rows used, for the record. Called
    again it goes on where it was stopped; an epoch counts once its record is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = _past(folder, asdict(recipe), data)
    done = len(record["history"])
    dataset, steps = stream(done)
    model = SharpnessAware(model, recipe.rho) if recipe.rho else model  # the same layers
    model.compile(
        make_optimizer(recipe, steps * recipe.epochs),
        loss=LOSSES[recipe.loss],
        metrics=metrics,
        jit_compile=recipe.jit_compile,
    )
    if not recipe.epochs and record["best"] is None:
        _keep_as_it_is(model, validation, folder, record)
    if 0 < done < recipe.epochs:
        model.optimizer.build(model.trainable_variables)
        model.load_weights(folder / f"epoch_{done:03d}.weights.h5")
    if done < recipe.epochs:
        model.fit(
            dataset,
            epochs=recipe.epochs,
            initial_epoch=done,
            steps_per_epoch=steps,
            validation_data=validation,
            validation_batch_size=128,
            shuffle=False,  # the stream is shuffled already
            verbose=0,
            callbacks=[_Run(folder, record)],
        )
    _bare(model).load_weights(folder / "best.weights.h5")
    return record
