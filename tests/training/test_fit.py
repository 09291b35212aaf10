import itertools
import json
import os
import platform
import subprocess
import sys

import keras
import numpy as np
import pytest

from src.files import ROOT
from src.models.losses import FiveAccuracy, heatmap_crossentropy, masked_mse, wing
from src.training import fit
from src.training.fit import Batches, Stream, make_loss, make_optimizer, make_repeatable, train
from src.training.recipes import EMOTION_RECIPES, KEYPOINT_RECIPES, changed

RNG = np.random.default_rng(0)
FACES = RNG.random((40, 4, 4, 1), np.float32)
LABELS = np.eye(5, dtype=np.float32)[FACES.mean(axis=(1, 2, 3)).argsort().argsort() // 8]  # five classes of light
RECIPE = changed(
    EMOTION_RECIPES["baseline"], augment="none", epochs=3, batch_size=8, monitor="val_loss", learning_rate=0.01, seed=3
)


DATA = {"training_faces": 40}


def tiny_network(width=8):
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(width, activation="relu"),
            keras.layers.BatchNormalization(momentum=0.5),
            keras.layers.Dropout(0.5, seed=1),
            keras.layers.Dense(5, activation="softmax"),
        ]
    )


def run(recipe, folder, *, labels=LABELS, validation_labels=LABELS, stop_after=None, width=8, data=None):
    """Trains the tiny network, 5 steps an epoch; it is stopped behind step number `stop_after`."""
    steps = itertools.count(1)

    def make_batch(indices, rng):
        return FACES[indices] + rng.normal(0, 0.1, (len(indices), 1, 1, 1)).astype(np.float32), labels[indices]

    def stop(self, batch, logs=None):
        if next(steps) == stop_after:
            raise KeyboardInterrupt

    keras.utils.clear_session()  # names are counted anew, as in a new process
    make_repeatable(recipe.seed)
    model = tiny_network(width)
    stream = Stream(Batches(make_batch, 40, recipe.batch_size, recipe.seed), (FACES, validation_labels))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit._Run, "on_train_batch_end", stop)
        return model, train(model, stream, recipe, folder, metrics=[FiveAccuracy()], data=data or DATA)


def without_seconds(record):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in record["history"]]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"schedule": "cosine", "optimizer": "adamw", "weight_decay": 1e-2},
        {"schedule": "cosine", "optimizer": "sgd"},
    ],
    ids=["adam", "adamw-cosine", "sgd-cosine"],
)
def test_a_training_stopped_in_its_second_epoch_goes_on_to_the_same_bytes(tmp_path, changes):
    recipe = changed(RECIPE, **changes)
    _, whole = run(recipe, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(recipe, tmp_path / "stopped", stop_after=8)
    assert len(json.loads((tmp_path / "stopped/record.json").read_text())["history"]) == 1
    _, resumed = run(recipe, tmp_path / "stopped")
    assert without_seconds(resumed) == without_seconds(whole) and len(whole["history"]) == 3
    for name in ("epoch_003.weights.h5", "best.weights.h5"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "stopped").iterdir()) == [
        "best.weights.h5",
        "epoch_003.weights.h5",
        "model.json",
        "record.json",
    ]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="oneDNN is for x86 processors")
def test_tensorflow_computes_with_onednn_on_every_x86_processor():
    """TensorFlow's own convolutions take more than twice as long in training."""
    here = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    spoken = {}
    for wanted in ("1", "0"):
        environment = here | {"TF_CPP_MIN_LOG_LEVEL": "0"} | ({} if wanted == "1" else {"TF_ENABLE_ONEDNN_OPTS": "0"})
        command = [sys.executable, "-c", "import src, tensorflow"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        spoken[wanted] = "oneDNN custom operations are on" in done.stderr
    assert spoken == {"1": True, "0": False}


def test_a_finished_training_is_kept_and_one_of_another_recipe_starts_anew(tmp_path, capsys):
    recipe = changed(RECIPE, epochs=1)
    _, first = run(recipe, tmp_path)
    (tmp_path / "epoch_000.weights.h5").touch()  # killed before the state before was deleted
    _, again = run(recipe, tmp_path)
    assert [path.name for path in tmp_path.glob("epoch_*")] == ["epoch_001.weights.h5"]
    assert again == first, "seconds and all: no epoch was trained"
    assert "1 of 1 epochs are done" in capsys.readouterr().out
    _, other = run(changed(recipe, learning_rate=0.02), tmp_path)
    assert "another recipe or other data: it starts anew" in capsys.readouterr().out
    assert len(other["history"]) == 1 and other["history"][0]["loss"] != first["history"][0]["loss"]
    assert json.loads((tmp_path / "record.json").read_text()) == other


def test_a_new_training_replaces_the_old_network_only_with_its_own(tmp_path):
    recipe = changed(RECIPE, epochs=1)
    run(recipe, tmp_path)
    names = "model.json", "best.weights.h5", "record.json"
    before = [(tmp_path / name).read_bytes() for name in names]
    with pytest.raises(KeyboardInterrupt):
        run(changed(recipe, seed=4), tmp_path, width=9, stop_after=2)
    assert [(tmp_path / name).read_bytes() for name in names] == before, "still one network"
    run(changed(recipe, seed=4), tmp_path, width=9)
    assert all((tmp_path / name).read_bytes() != its for name, its in zip(names, before, strict=True))


def test_a_training_on_other_faces_as_many_starts_anew(tmp_path, capsys):
    recipe = changed(RECIPE, epochs=1)
    _, first = run(recipe, tmp_path)
    assert run(recipe, tmp_path, data={**DATA, "faces_checksum": 1})[1] == first, "of before there was a checksum"
    (tmp_path / "record.json").write_text(json.dumps({**first, "data": {**DATA, "faces_checksum": 1}}))
    assert "starts anew" not in capsys.readouterr().out
    _, other = run(recipe, tmp_path, data={**DATA, "faces_checksum": 2})
    assert run(recipe, tmp_path, data={**DATA, "faces_checksum": 2, "without_emotion": 0})[1] != other, "votes came"
    assert other["data"]["faces_checksum"] == 2 and "other data: it starts anew" in capsys.readouterr().out


def test_a_loss_that_is_not_finite_stops_the_training_without_a_record(tmp_path):
    with pytest.raises(FloatingPointError, match="the loss is nan in epoch 1: lower learning_rate"):
        run(RECIPE, tmp_path, labels=np.full_like(LABELS, np.nan))
    assert not (tmp_path / "record.json").exists()


def test_the_best_epoch_s_weights_are_left_in_the_model(tmp_path):
    # Trained to say 0 and validated on 1: each epoch is worse than the one before.
    zeros, ones = np.eye(5, dtype=np.float32)[[[0] * 40, [1] * 40]]
    model, record = run(changed(RECIPE, learning_rate=0.1), tmp_path, labels=zeros, validation_labels=ones)
    losses = [row["val_loss"] for row in record["history"]]
    assert losses == sorted(losses) and losses[0] < losses[2]
    assert record["best"] == record["history"][0]
    left = float(keras.losses.CategoricalCrossentropy()(ones, model(FACES)))
    assert left == pytest.approx(losses[0], rel=1e-4)


def test_the_last_epoch_s_weights_are_left_where_the_recipe_says_so(tmp_path):
    zeros, ones = np.eye(5, dtype=np.float32)[[[0] * 40, [1] * 40]]
    recipe = changed(RECIPE, learning_rate=0.1, monitor="last")
    model, record = run(recipe, tmp_path, labels=zeros, validation_labels=ones)
    assert record["best"] == record["history"][-1] != record["history"][0]
    left = float(keras.losses.CategoricalCrossentropy()(ones, model(FACES)))
    assert left == pytest.approx(record["best"]["val_loss"], rel=1e-4)


def test_an_accuracy_is_the_better_the_larger(tmp_path):
    recipe = changed(RECIPE, monitor="val_five_accuracy", learning_rate=0.05)
    _, record = run(recipe, tmp_path)
    accuracies = [row["val_five_accuracy"] for row in record["history"]]
    assert record["best"]["val_five_accuracy"] == max(accuracies) > min(accuracies)


def test_keypoint_losses_of_known_errors_skip_gaps():
    truth = np.array([[10, 20, np.nan, np.nan]], np.float32)
    predicted = np.array([[13, 20, 5, 5]], np.float32)
    assert float(masked_mse(truth, predicted)) == pytest.approx(9 / 2)
    assert float(wing(truth, predicted)) == pytest.approx(4 * np.log(4) / 2)
    assert float(wing(truth, predicted + [[3, 0, 0, 0]])) == pytest.approx((6 - 4 + 4 * np.log(5)) / 2)


def test_five_accuracy_looks_at_the_five_emotions_alone():
    said = np.array([[0.1, 0.2, 0, 0, 0, 0.7, 0], [0.5, 0, 0.1, 0, 0, 0, 0.4]], np.float32)
    metric = FiveAccuracy()
    metric.update_state(np.eye(7)[[1, 2]], said)
    assert float(metric.result()) == 0.5, "of the five, the first face says disgust rightly, the second anger wrongly"
    metric.update_state(np.eye(7)[[5, 6]], said)
    assert float(metric.result()) == 0.5, "fear and neutral count for nothing"


def visited(n, *, first_epoch, epochs=3, batch_size=4):
    batches = Batches(lambda indices, rng: (indices, rng.random((len(indices), 2))), n, batch_size, seed=9)
    batches.first_epoch = first_epoch
    return [batches[i] for i in range((epochs - first_epoch) * batches.steps)], batches.steps


def test_batches_started_late_go_on_as_the_whole_ones():
    whole, steps = visited(14, first_epoch=0)
    late, _ = visited(14, first_epoch=1)
    assert (len(whole), len(late), steps) == (9, 6, 3)
    for expected, got in zip(whole[3:], late, strict=True):
        np.testing.assert_array_equal(got[0], expected[0])
        np.testing.assert_array_equal(got[1], expected[1])


def test_an_epoch_visits_each_face_at_most_once_in_an_order_of_its_own():
    whole, _ = visited(14, first_epoch=0)
    orders = [np.concatenate([batch[0] for batch in whole[3 * e : 3 * e + 3]]).tolist() for e in range(3)]
    assert all(len(set(order)) == 12 and set(order) <= set(range(14)) for order in orders)
    assert orders[0] != orders[1] != orders[2]
    assert not np.array_equal(whole[0][1], whole[3][1])


def test_fewer_faces_than_a_batch_are_refused():
    with pytest.raises(ValueError, match="3 training faces do not fill one batch of 4"):
        visited(3, first_epoch=0)


@pytest.mark.parametrize("recipe", [*KEYPOINT_RECIPES.values(), *EMOTION_RECIPES.values()])
def test_each_recipe_has_its_optimizer_and_loss(recipe):
    optimizers = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
    assert type(make_optimizer(recipe, 100)).__name__ == optimizers[recipe.optimizer]
    targets = np.eye(5, dtype=np.float32)
    assert np.isfinite(float(make_loss(recipe)(targets, 0.8 * targets + 0.04)))


def test_the_cosine_schedule_climbs_and_then_falls_to_0():
    recipe = changed(RECIPE, schedule="cosine", learning_rate=0.1)
    rate, of_one_step = (make_optimizer(recipe, steps)._learning_rate for steps in (100, 1))
    assert [float(rate(step)) for step in (0, 3, 100)] == pytest.approx([0.1 / 25, 0.1, 0], abs=1e-6)
    assert float(of_one_step(0)) == pytest.approx(0.1 / 25)


def test_the_heatmap_loss_is_least_where_the_heatmap_is_the_gaussian_around_the_point():
    points = np.array([[40.5, 60.5, np.nan, 7.0]], np.float32)  # the second point is not annotated
    y, x = np.mgrid[:24, :24] * 4 + 1.5
    right = -((x - 40.5) ** 2 + (y - 60.5) ** 2) / (2 * 3**2)
    anything = np.random.default_rng(0).normal(0, 9, (24, 24))
    heat = np.stack([right, anything], axis=-1)[None].astype(np.float32)
    share = np.exp(right) / np.exp(right).sum()
    entropy = float(-(share * np.log(share)).sum())
    assert float(heatmap_crossentropy(points, heat, 3.0)) == pytest.approx(entropy, rel=1e-4)
    beside = np.roll(heat, 2, axis=2)
    assert float(heatmap_crossentropy(points, beside, 3.0)) > entropy + 1
    flat = np.zeros((1, 24, 24, 8), np.float32)  # four cells a place
    assert float(heatmap_crossentropy(points, flat)) == pytest.approx(np.log(48 * 48), rel=1e-4)
    outside = np.array([[-3.0, 50.0, np.nan, np.nan]], np.float32)
    assert float(heatmap_crossentropy(outside, heat, 3.0)) == 0
