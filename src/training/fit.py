"""One training, from a recipe to a run record: seeded, watched on validation, resumed exactly from its last epoch.

A training owns one folder:
    model.json                the network's layers
    record.json               recipe, data counts, history, best epoch, versions; rewritten after each epoch
    epoch_NNN.weights.h5      state of the last finished epoch, optimizer included
    best.weights.h5           weights of the kept epoch, the best on validation or the last, without optimizer

Keras's own callbacks do not do this: `BackupAndRestore` writes weights and epoch number one after the other, so that a
kill between them repeats an epoch, and forgets where dropout's draws were; `CSVLogger` keeps no best epoch.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from src.files import replacing, shown, write_json, write_text
from src.models import losses
from src.models.halves import save_in_halves
from src.training.recipes import Recipe, recorded

LOSSES = {"mse": losses.masked_mse, "wing": losses.wing}  # besides cross-entropy


def make_repeatable(seed: int) -> None:
    """Seeds Python, NumPy and Keras, so that a recipe gives the same bytes on the same machine."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":  # JAX repeats as it is
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from a 25th of the rate over 3 % of the steps, then a half cosine to 0.

    Keras's `CosineDecay` branches, and an optimizer with weight decay asks for the rate once a variable: a hundred
    branches a step take longer to set up than a small network takes to train.
    """

    def __init__(self, rate: float, steps: int):
        self.rate, self.steps, self.warmup = rate, steps, max(1, round(0.03 * steps))

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rising = self.rate * (1 / 25 + (1 - 1 / 25) * step / self.warmup)
        share = ops.clip((step - self.warmup) / max(1, self.steps - self.warmup), 0, 1)
        return ops.where(step < self.warmup, rising, self.rate * (0.5 + 0.5 * ops.cos(np.pi * share)))

    def get_config(self):
        return {"rate": self.rate, "steps": self.steps}


def make_optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """The recipe's optimizer; `steps` are the optimizer steps of the whole training."""
    rate = recipe.learning_rate
    rate = WarmupCosine(rate, steps) if recipe.schedule == "cosine" else rate
    if recipe.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay or None)
    if recipe.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
    return keras.optimizers.Adam(rate)


def make_loss(recipe: Recipe) -> Callable:
    """The recipe's loss: of targets and outputs, both (n, k)."""
    if recipe.loss == "crossentropy":
        return keras.losses.CategoricalCrossentropy()
    return LOSSES[recipe.loss]


class Batches(keras.utils.PyDataset):
    """Endless training batches that depend on nothing but (seed, epoch, step), so that a training resumes anywhere.

    make_batch(indices, rng) -> (inputs, targets), float32 arrays or a dictionary of them, called in two threads. Each
    epoch is one shuffled pass over the n faces; the last, incomplete batch is left out. ValueError: the faces do not
    fill one batch.
    """

    def __init__(self, make_batch: Callable, n: int, batch_size: int, seed: int):
        super().__init__(workers=2)
        if n < batch_size:
            raise ValueError(f"{n} training faces do not fill one batch of {batch_size}: lower batch_size")
        self.make_batch, self.n, self.batch_size, self.seed = make_batch, n, batch_size, seed
        self.steps, self.first_epoch = n // batch_size, 0

    @property
    def num_batches(self):
        return None

    def __getitem__(self, index: int) -> tuple:
        epoch, step = divmod(self.first_epoch * self.steps + index, self.steps)
        order = np.random.default_rng([self.seed, epoch]).permutation(self.n)
        rows = order[step * self.batch_size : (step + 1) * self.batch_size]
        return self.make_batch(rows, np.random.default_rng([self.seed, epoch, step]))


@dataclass(frozen=True)
class Stream:
    """What a training reads, and what it is judged by.

    validation: (inputs, targets), float32, or None. loss, loss_weights: of each output by its name, as the targets are
    then; None: the recipe's loss of the only output.
    """

    batches: Batches
    validation: tuple | None
    loss: dict[str, Callable] | None = None
    loss_weights: dict[str, float] | None = None


def _drop_other_states(state: Path) -> None:
    for other in state.parent.glob("epoch_*.weights.h5"):
        if other != state:
            other.unlink()


class _Run(keras.callbacks.Callback):
    """After each epoch: record, state, best weights, one progress line."""

    def __init__(self, kept: keras.Model, folder: Path, record: dict, recipe: Recipe):
        super().__init__()
        self.kept, self.folder, self.record, self.recipe = kept, folder, record, recipe

    def on_train_begin(self, logs=None):
        done, total = len(self.record["history"]), self.recipe.epochs
        self.bar = tqdm(total=total, initial=done, unit="epoch", desc=self.folder.name, file=sys.stdout)

    def on_epoch_begin(self, epoch, logs=None):
        # Dropout draws from a counter of its own, one up a step: set it, so that a resumed run draws the same.
        for i, layer in enumerate(layer for layer in self.model.layers if isinstance(layer, keras.layers.Dropout)):
            layer.seed_generator.state.assign([self.recipe.seed + i, epoch * self.params["steps"]])
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        # Keras puts the output's name before a metric's where there are several outputs.
        logs = {name.replace("keypoints_px_masked", "masked"): float(value) for name, value in logs.items()}
        row = {"epoch": epoch + 1, **logs}
        row["seconds"] = round(time.perf_counter() - self.started, 1)
        history = self.record["history"]
        history.append(row)
        if not np.isfinite(row["loss"]):
            raise FloatingPointError(f"the loss is {row['loss']} in epoch {row['epoch']}: lower learning_rate")
        best = self._best(history)
        state = self.folder / f"epoch_{row['epoch']:03d}.weights.h5"
        with replacing(state) as part:
            self.model.save_weights(part)
        if best is row:
            write_text(self.folder / "model.json", self.kept.to_json(indent=1))
            save_in_halves(self.kept, self.folder / "best.weights.h5")
        self.record["best"] = best
        write_json(self.folder / "record.json", self.record)  # from here on this epoch counts as done
        _drop_other_states(state)
        figure = "loss" if self.recipe.monitor == "last" else self.recipe.monitor
        self.bar.set_postfix({figure: f"{row[figure]:.4f}", "kept": f"{best[figure]:.4f}"})
        self.bar.update()

    def _best(self, rows: list[dict]) -> dict:
        if self.recipe.monitor == "last":
            return rows[-1]
        sign = -1 if "accuracy" in self.recipe.monitor else 1
        return min(rows, key=lambda row: sign * row[self.recipe.monitor])

    def on_train_end(self, logs=None):
        self.bar.close()


def _past(folder: Path, recipe: Recipe, data: dict) -> dict:
    """The folder's record if it belongs to this very training, else a new one."""
    path = folder / "record.json"
    versions = {name: version(name) for name in (keras.backend.backend(), "keras", "numpy")}
    fresh = {"recipe": recipe.model_dump(mode="json"), "data": data, "versions": versions, "history": [], "best": None}
    if not path.exists():
        return fresh
    record = json.loads(path.read_text())
    later = {key: data[key] for key in ("faces_checksum", "keypoints") if key in data}  # facts that older records lack
    known = {**later, **record["data"]}
    if recorded(record["recipe"]) != recipe or known != data:
        print(f"{shown(folder)} holds a training with another recipe or other data: it starts anew.")
        return fresh
    print(f"{shown(folder)}: {len(record['history'])} of {recipe.epochs} epochs are done.")
    return record


def train(model, stream: Stream, recipe: Recipe, folder: Path, *, metrics: list | dict, data: dict, kept=None) -> dict:
    """Trains `model` and leaves the weights of the epoch in it that `monitor` chooses; returns the record.

    metrics: as Keras takes them; data: what tells the rows used from others, for the record; kept: the network that is
    saved, which shares the model's layers; None: the model's own. Called again it goes on where it was stopped; an
    epoch counts once its record is written.
    """
    kept = kept or keras.Model(model.inputs, model.outputs, name=model.name)  # without an optimizer to save
    record = _past(folder, recipe, data)
    if len(record["history"]) < recipe.epochs:
        _fit(model, stream, recipe, metrics, _Run(kept, folder, record, recipe))
    _drop_other_states(folder / f"epoch_{recipe.epochs:03d}.weights.h5")  # a kill may have come before that
    kept.load_weights(folder / "best.weights.h5")
    return record


def _fit(model, stream: Stream, recipe: Recipe, metrics: list | dict, run: _Run) -> None:
    """The epochs that are not done yet."""
    batches, done = stream.batches, len(run.record["history"])
    model.compile(
        make_optimizer(recipe, batches.steps * recipe.epochs),
        loss=stream.loss or make_loss(recipe),
        loss_weights=stream.loss_weights,
        metrics=metrics,
        jit_compile=keras.backend.backend() != "tensorflow",  # beside oneDNN, XLA is slower
    )
    model.optimizer.build(model.trainable_variables)  # else TensorFlow traces the step twice
    if done:
        model.load_weights(run.folder / f"epoch_{done:03d}.weights.h5")
    batches.first_epoch = done
    model.fit(
        batches,
        epochs=recipe.epochs,
        initial_epoch=done,
        steps_per_epoch=batches.steps,
        validation_data=stream.validation,
        validation_batch_size=128,
        shuffle=False,  # the batches are shuffled already
        verbose=0,
        callbacks=[run],
    )
