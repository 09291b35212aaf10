import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from tensorflow.python.framework import config as tf_config

from src.training.recipes import EMOTION_NETWORKS, EMOTION_RECIPES
from src.models.losses import FiveAccuracy, masked_mse, nested_crossentropy, wing
from src.training.augmentation import EMOTION_AUGMENTS, KEYPOINT_AUGMENTS
from src.training.fit import training_stream
from src.training.recipes import KEYPOINT_NETWORKS, KEYPOINT_RECIPES, Recipe, chosen
from src.training.fit import LOSSES, make_optimizer, make_repeatable, train, write_json

RNG = np.random.default_rng(0)
FACES = RNG.random((40, 4, 4, 1), np.float32)
LABELS = np.eye(5, dtype=np.float32)[FACES.mean(axis=(1, 2, 3)).argsort().argsort() // 8]  # five classes of light
RECIPE = Recipe(
    "tiny", "none", epochs=3, batch_size=8, loss="crossentropy", monitor="val_loss", learning_rate=0.01, seed=3
)


@pytest.fixture(autouse=True)
def _other_tests_may_use_xla():
    yield
    tf_config.disable_op_determinism()


def tiny_network():
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.BatchNormalization(momentum=0.5),
            keras.layers.Dropout(0.5, seed=1),
            keras.layers.Dense(5, activation="softmax"),
        ]
    )


def run(recipe, folder, *, labels=LABELS, validation_labels=LABELS, fail_at=None):
    """Trains the tiny network, 5 steps an epoch; the batch number `fail_at` cannot be read."""
    calls = iter(range(1000))

    def make_batch(indices, rng):
        if next(calls) == fail_at:
            raise OSError("the disk is gone")
        return FACES[indices] + rng.normal(0, 0.1, (len(indices), 1, 1, 1)).astype(np.float32), labels[indices]

    def stream(first_epoch):
        shapes = ((4, 4, 1), (5,))
        return training_stream(
            make_batch, 40, 8, epochs=recipe.epochs, first_epoch=first_epoch, seed=recipe.seed, shapes=shapes
        )

    keras.utils.clear_session()  # names are counted anew, as in a new process
    make_repeatable(recipe)
    model, held_out = tiny_network(), (FACES, validation_labels)
    return model, train(model, stream, held_out, recipe, folder, metrics=[FiveAccuracy()], data={"training_faces": 40})


def without_seconds(record):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in record["history"]]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"schedule": "cosine", "optimizer": "adamw", "weight_decay": 1e-2},
        {"schedule": "cosine", "jit_compile": True},
        {"optimizer": "sgd", "rho": 0.05},
    ],
    ids=["adam", "adamw-cosine", "adam-cosine-xla", "sgd-sharpness-aware"],
)
def test_a_training_stopped_in_its_second_epoch_goes_on_to_the_same_bytes(tmp_path, changes):
    recipe = replace(RECIPE, **changes)
    _, whole = run(recipe, tmp_path / "whole")
    with pytest.raises(Exception, match="the disk is gone"):
        run(recipe, tmp_path / "stopped", fail_at=8)
    assert len(json.loads((tmp_path / "stopped/record.json").read_text())["history"]) == 1
    _, resumed = run(recipe, tmp_path / "stopped")
    assert without_seconds(resumed) == without_seconds(whole) and len(whole["history"]) == 3
    for name in ("epoch_003.weights.h5", "best.weights.h5"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "stopped").iterdir()) == [
        "best.weights.h5",
        "epoch_003.weights.h5",
        "record.json",
    ]


def test_a_finished_training_is_kept_and_one_of_another_recipe_starts_anew(tmp_path, capsys):
    recipe = replace(RECIPE, epochs=1)
    _, first = run(recipe, tmp_path)
    _, again = run(recipe, tmp_path)
    assert again == first, "seconds and all: no epoch was trained"
    assert "1 of 1 epochs are done" in capsys.readouterr().out
    _, other = run(replace(recipe, learning_rate=0.02), tmp_path)
    assert "another recipe or other data: it starts anew" in capsys.readouterr().out
    assert len(other["history"]) == 1 and other["history"][0]["loss"] != first["history"][0]["loss"]
    assert json.loads((tmp_path / "record.json").read_text()) == other


def test_a_loss_that_is_not_finite_stops_the_training_without_a_record(tmp_path):
    with pytest.raises(FloatingPointError, match="the loss is nan in epoch 1: lower learning_rate"):
        run(RECIPE, tmp_path, labels=np.full_like(LABELS, np.nan))
    assert not (tmp_path / "record.json").exists()


def test_the_best_epoch_s_weights_are_left_in_the_model(tmp_path):
    # Trained to say 0 and validated on 1: each epoch is worse than the one before.
    zeros, ones = np.eye(5, dtype=np.float32)[[[0] * 40, [1] * 40]]
    model, record = run(replace(RECIPE, learning_rate=0.1), tmp_path, labels=zeros, validation_labels=ones)
    losses = [row["val_loss"] for row in record["history"]]
    assert losses == sorted(losses) and losses[0] < losses[2]
    assert record["best"] == record["history"][0]
    left = float(keras.losses.CategoricalCrossentropy()(ones, model(FACES)))
    assert left == pytest.approx(losses[0], rel=1e-4)


def test_the_last_epoch_s_weights_are_left_where_the_recipe_says_so(tmp_path):
    zeros, ones = np.eye(5, dtype=np.float32)[[[0] * 40, [1] * 40]]
    recipe = replace(RECIPE, learning_rate=0.1, monitor="last")
    model, record = run(recipe, tmp_path, labels=zeros, validation_labels=ones)
    assert record["best"] == record["history"][-1] != record["history"][0]
    left = float(keras.losses.CategoricalCrossentropy()(ones, model(FACES)))
    assert left == pytest.approx(record["best"]["val_loss"], rel=1e-4)


def test_an_accuracy_is_the_better_the_larger(tmp_path):
    recipe = replace(RECIPE, monitor="val_five_accuracy", learning_rate=0.05)
    _, record = run(recipe, tmp_path)
    accuracies = [row["val_five_accuracy"] for row in record["history"]]
    assert record["best"]["val_five_accuracy"] == max(accuracies) > min(accuracies)


def test_a_json_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    write_json(path, {"epoch": 1})
    whole = Path.write_text

    def half(self, text):
        whole(self, text[:3])
        raise OSError("the disk is full")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
        patch.setattr(Path, "write_text", half)
        write_json(path, {"epoch": 2})
    assert json.loads(path.read_text()) == {"epoch": 1}
    write_json(path, {"epoch": 3})
    assert json.loads(path.read_text()) == {"epoch": 3} and list(tmp_path.iterdir()) == [path]


def test_keypoint_losses_of_known_errors_skip_gaps():
    truth = np.array([[10, 20, np.nan, np.nan]], np.float32)
    predicted = np.array([[13, 20, 5, 5]], np.float32)
    assert float(masked_mse(truth, predicted)) == pytest.approx(9 / 2)
    assert float(wing(truth, predicted)) == pytest.approx(4 * np.log(4) / 2)
    assert float(wing(truth, predicted + [[3, 0, 0, 0]])) == pytest.approx((6 - 4 + 4 * np.log(5)) / 2)


def test_nested_crossentropy_weighs_what_it_is_asked_more():
    said = np.array([[0.1, 0.2, 0.1, 0.05, 0.05, 0.3, 0.2]], np.float32)
    sad, fear = np.eye(7, dtype=np.float32)[[[2], [5]]]
    among = -np.log(0.1 / 0.5)
    assert nested_crossentropy(sad, said).numpy() == pytest.approx(0.7 * among - 0.3 * np.log(0.1), rel=1e-5)
    assert nested_crossentropy(fear, said).numpy() == pytest.approx(-0.3 * np.log(0.3), rel=1e-5)
    mixed = (sad + fear) / 2
    halves = (nested_crossentropy(sad, said) + nested_crossentropy(fear, said)) / 2
    assert nested_crossentropy(mixed, said).numpy() == pytest.approx(halves.numpy(), rel=1e-5)
    whole = keras.losses.CategoricalCrossentropy()(mixed, said).numpy()
    assert nested_crossentropy(mixed, said, outer=1.0).numpy() == pytest.approx(whole, rel=1e-5)


def test_five_accuracy_looks_at_the_five_emotions_alone():
    said = np.array([[0.1, 0.2, 0, 0, 0, 0.7, 0], [0.5, 0, 0.1, 0, 0, 0, 0.4]], np.float32)
    metric = FiveAccuracy()
    metric.update_state(np.eye(7)[[1, 2]], said)
    assert float(metric.result()) == 0.5, "of the five, the first face says disgust rightly, the second anger wrongly"
    metric.update_state(np.eye(7)[[5, 6]], said)
    assert float(metric.result()) == 0.5, "fear and neutral count for nothing"


# ---------------------------------------------------------------- recipes


def test_a_recipe_refuses_nothing_to_do():
    for name in ("epochs", "batch_size", "learning_rate"):
        with pytest.raises(ValueError, match=f"{name} is 0; it must be above 0"):
            replace(RECIPE, **{name: 0})


def test_a_recipe_of_no_epochs_keeps_what_it_starts_from(tmp_path):
    recipe = replace(RECIPE, epochs=0, start="another")
    model, record = run(recipe, tmp_path)
    keras.utils.clear_session()
    make_repeatable(recipe)
    untouched = tiny_network()
    assert all(np.array_equal(*pair) for pair in zip(model.get_weights(), untouched.get_weights(), strict=True))
    assert record["history"] == [] and record["best"]["epoch"] == 0
    said = float(keras.losses.CategoricalCrossentropy()(LABELS, untouched(FACES)))
    assert record["best"]["val_loss"] == pytest.approx(said, rel=1e-4)
    _, again = run(recipe, tmp_path)
    assert again == record == json.loads((tmp_path / "record.json").read_text())


def test_a_recipe_that_is_taught_by_nobody_is_refused():
    with pytest.raises(ValueError, match="neither teacher nor start names a recipe"):
        replace(EMOTION_RECIPES["light"], start=None, teacher=None)


def test_a_recipe_whose_teacher_is_not_heard_is_refused():
    with pytest.raises(ValueError, match="teacher_mirrored is set, but teacher names no recipe"):
        replace(EMOTION_RECIPES["small"], teacher_mirrored=True)
    with pytest.raises(ValueError, match="soft_labels is 0"):
        replace(EMOTION_RECIPES["light"], soft_labels=0)


def test_a_recipe_that_joins_nothing_is_refused():
    with pytest.raises(ValueError, match="start names no recipes"):
        replace(RECIPE, joined=True)


def test_only_what_is_given_overrides_a_recipe():
    plan = chosen(KEYPOINT_RECIPES, "small baseline", epochs=2, batch_size=None, learning_rate=None)
    assert plan == {name: replace(KEYPOINT_RECIPES[name], epochs=2) for name in ("small", "baseline")}


def test_a_recipe_of_no_epochs_keeps_having_none():
    recipes = {"trained": RECIPE, "mean": replace(RECIPE, epochs=0, start="trained")}
    assert [recipe.epochs for recipe in chosen(recipes, "trained mean", epochs=2).values()] == [2, 0]


def test_a_seed_is_added_to_each_recipe_s_own():
    recipes = {"first": RECIPE, "second": replace(RECIPE, seed=1)}
    assert [recipe.seed for recipe in chosen(recipes, "first second", seed=4).values()] == [RECIPE.seed + 4, 5]


@pytest.mark.parametrize(
    ("recipes", "networks", "augments"),
    [
        (KEYPOINT_RECIPES, KEYPOINT_NETWORKS, KEYPOINT_AUGMENTS),
        (EMOTION_RECIPES, EMOTION_NETWORKS, EMOTION_AUGMENTS),
    ],
    ids=["keypoints", "emotions"],
)
def test_recipes_name_what_exists(recipes, networks, augments):
    optimizers = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
    for recipe in recipes.values():
        assert recipe.network in networks and recipe.augment in augments and recipe.loss in LOSSES
        assert type(make_optimizer(recipe, 100)).__name__ == optimizers[recipe.optimizer]
        assert recipe.schedule in ("constant", "cosine") and recipe.classes in (5, 7)
        assert recipe.monitor in ("last", "val_loss", "val_masked_rmse", "val_five_accuracy")


def test_the_cosine_schedule_climbs_and_then_falls_to_0():
    recipe = replace(RECIPE, schedule="cosine", learning_rate=0.1)
    rate, of_one_step = (make_optimizer(recipe, steps)._learning_rate for steps in (100, 1))
    assert [float(rate(step)) for step in (0, 3, 100)] == pytest.approx([0.1 / 25, 0.1, 0], abs=1e-6)
    assert float(of_one_step(0)) == pytest.approx(0.1 / 25)
