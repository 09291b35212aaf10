import json

import keras
import numpy as np
import pytest
from tensorflow.python.framework import config as tf_config

from src.data.datasets import Emotions, Keypoints, sample_emotions, sample_keypoints
from src.evaluation import shortcuts
from src.evaluation.shortcuts import Protocol
from src.labels import FLIP_ORDER
from src.models.halves import round_kernels
from src.training.recipes import changed

ROWS = shortcuts.plant_repeats(sample_emotions(300, seed=0), 0.1, seed=0)
FACES = sample_keypoints(100, seed=0)


def bytes_of(images):
    return [image.tobytes() for image in images]


# ---------------------------------------------------------------- protocols


def test_leaks_count_the_claimed_rows_whose_photograph_is_trained_on():
    photo = np.array([0, 0, 1, 2, 2, 3])
    faces = Keypoints(
        np.zeros((6, 96, 96), np.uint8),
        np.zeros((6, 15, 2), np.float32),
        np.array(["Training"] * 6),
        np.array(["a", "a", "b", "a", "a", "c"]),
    )
    protocol = Protocol(faces, photo, training=np.array([0, 3]), claimed=np.array([1, 2, 4, 5]))
    assert protocol.leaked.tolist() == [True, False, True, False]
    split = Protocol(faces, photo, training=np.array([0, 1]), claimed=np.array([2, 3, 4]))
    table = shortcuts.leaks({"first": protocol, "second": split})
    assert table.loc["first"].tolist() == [2, 4, 50, 50]
    assert table.loc["second"].tolist() == [2, 3, 0, 66.7], "other pictures of person a"


def test_planted_repeats_are_copies_of_other_rows():
    plain = sample_emotions(300, seed=0)
    assert len(set(bytes_of(plain.images))) == 300 and len(set(bytes_of(ROWS.images))) == 270
    original = dict(zip(bytes_of(plain.images), plain.labels, strict=True))
    assert [original[image] for image in bytes_of(ROWS.images)] == ROWS.labels.tolist()


def test_the_lot_leaves_copies_of_training_faces_in_the_claim_and_our_split_does_not():
    protocols = shortcuts.emotion_protocols(ROWS, seed=0)
    shares = {}
    for name, protocol in protocols.items():
        training, claimed = (bytes_of(ROWS.images[rows]) for rows in (protocol.training, protocol.claimed))
        shares[name] = np.mean([image in set(training) for image in claimed])
        assert shares[name] == protocol.leaked.mean()
        for rows in (protocol.training, protocol.claimed):
            assert "PrivateTest" not in ROWS.usage[rows]
    assert shares["ours"] == 0 and shares["original"] > 0
    assert not set(bytes_of(ROWS.images[protocols["ours"].training])) & set(bytes_of(ROWS.split("PrivateTest").images))
    pool = np.count_nonzero(ROWS.usage != "PrivateTest")
    original = protocols["original"]
    assert (len(original.training), len(original.claimed)) == (round(0.9 * pool), pool - round(0.95 * pool))
    assert not set(original.training) & set(original.claimed)
    other = shortcuts.emotion_protocols(ROWS, seed=1)
    assert set(other["original"].claimed) != set(original.claimed), "each seed draws its lot"
    assert other["ours"].training.tolist() == protocols["ours"].training.tolist()


def test_test_faces_that_stand_elsewhere_too_are_found():
    images = np.arange(5, dtype=np.uint8).repeat(48 * 48).reshape(5, 48, 48)[[0, 1, 2, 0, 3, 1, 4, 4]]
    usage = np.array(["Training", "PublicTest", "Training"] + ["PrivateTest"] * 5)
    rows = Emotions(images, np.zeros(8, np.int8), usage, {})
    found = shortcuts.repeated_elsewhere(rows)
    assert found.tolist() == [True, False, True, False, False], "repeats within the test split do not count"


@pytest.mark.parametrize("swap_names", [True, False])
def test_copies_are_flipped_and_brightened_faces(swap_names):
    copies = shortcuts.stored_copies(FACES, seed=0, swap_names=swap_names)
    plain, flipped, bright = (slice(i * 100, (i + 1) * 100) for i in range(3))
    np.testing.assert_array_equal(copies.images[flipped], FACES.images[:, :, ::-1])
    moved = FACES.keypoints_px * np.float32([-1, 1]) + np.float32([95, 0])
    if swap_names:
        moved = moved[:, list(FLIP_ORDER)]
    np.testing.assert_allclose(copies.keypoints_px[flipped], moved, atol=1e-4)
    np.testing.assert_array_equal(copies.keypoints_px[bright], FACES.keypoints_px)
    assert (copies.images[bright] >= 1.49 * np.minimum(FACES.images, 255 / 2) - 1).all()
    np.testing.assert_array_equal(copies.images[plain], FACES.images)
    assert copies.subject.tolist() == FACES.subject.tolist() * 3


def test_the_lot_judges_flipped_training_faces_and_our_split_never():
    found = {}
    for name, protocol in shortcuts.keypoint_protocols(FACES, seed=0).items():
        faces = protocol.faces
        training = set(bytes_of(faces.images[protocol.training]))
        claimed = faces.images[protocol.claimed]
        found[name] = sum(image in training for image in bytes_of(claimed[:, :, ::-1]))
        assert not training & set(bytes_of(claimed)), "never the very same row"
        people = [set(faces.subject[rows]) for rows in (protocol.training, protocol.claimed)]
        assert bool(people[0] & people[1]) == (name != "ours")
        assert not set().union(*people) & set(FACES.split("Test").subject)
    assert found["ours"] == 0 and found["original"] == found["copies_first"] > 10
    table = shortcuts.leaks(shortcuts.keypoint_protocols(FACES, seed=0))
    assert table.loc["ours"].tolist() == [70, 15, 0, 0]
    assert table.loc["original"].tolist()[:2] == [204, 51] and table.loc["original"].iloc[2] > 80


# ---------------------------------------------------------------- training


@pytest.fixture
def tiny(monkeypatch):
    """Networks of one layer, three steps an epoch."""

    def emotions(recipe):
        softmax = keras.layers.Dense(recipe.classes, activation="softmax")
        return keras.Sequential([keras.Input((48, 48, 1)), keras.layers.Flatten(), softmax])

    def keypoints(recipe):
        return keras.Sequential([keras.Input((96, 96, 1)), keras.layers.Flatten(), keras.layers.Dense(30)])

    monkeypatch.setattr(shortcuts, "build_emotions", emotions)
    monkeypatch.setattr(shortcuts, "build_keypoints", keypoints)
    monkeypatch.setattr(shortcuts, "EPOCH_STEPS", 3)
    yield
    tf_config.disable_op_determinism()


def compare(task, folder):
    if task == "emotions":
        recipe = changed(shortcuts.EMOTION_RECIPE, epochs=2, batch_size=8)
        return shortcuts.compare_emotions(ROWS, recipe, range(1), folder, "synthetic")
    recipe = changed(shortcuts.KEYPOINT_RECIPE, epochs=2, batch_size=8)
    return shortcuts.compare_keypoints(FACES, [FACES.split("Test")], recipe, range(1), folder)


@pytest.mark.parametrize(("task", "protocols"), [("emotions", 2), ("keypoints", 3)])
def test_all_protocols_take_the_same_steps_and_finished_ones_are_kept(tmp_path, tiny, monkeypatch, task, protocols):
    steps, train = [], shortcuts.train

    def counting(model, *given, **more):
        record = train(model, *given, **more)
        steps.append(int(model.optimizer.iterations))
        return record

    monkeypatch.setattr(shortcuts, "train", counting)
    results = compare(task, tmp_path)
    assert steps == [6] * protocols
    monkeypatch.setattr(shortcuts, "train", train)
    folders = sorted(path.name for path in tmp_path.iterdir())
    assert folders == sorted(f"{task}_{row['protocol']}_0" for row in results if row["measure"] != "rmse_px")
    records = {path: path.read_bytes() for path in tmp_path.glob("*/record.json")}
    augments = {path.parent.name: json.loads(record)["recipe"]["augment"] for path, record in records.items()}
    assert augments.pop(f"{task}_ours_0") == f"baseline_{task}"
    assert set(augments.values()) == {"baseline_emotions" if task == "emotions" else "none"}, "copies are stored"
    assert compare(task, tmp_path) == results
    assert records == {path: path.read_bytes() for path in tmp_path.glob("*/record.json")}, "seconds and all"


def test_the_last_weights_are_judged_not_the_best(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(shortcuts, "EPOCH_STEPS", 1)  # far too large a step makes the second epoch the worse one
    recipe = changed(shortcuts.KEYPOINT_RECIPE, epochs=2, batch_size=8, learning_rate=50.0, schedule="constant")
    model = shortcuts.train_network(shortcuts.keypoint_protocols(FACES, seed=0)["ours"], recipe, tmp_path)
    history = json.loads((tmp_path / "record.json").read_text())["history"]
    assert history[1]["loss"] > history[0]["loss"]
    judged = model.get_weights()[0]
    model.load_weights(tmp_path / "epoch_002.weights.h5")
    round_kernels(model)  # as they are stored
    np.testing.assert_array_equal(model.get_weights()[0], judged)


# ---------------------------------------------------------------- results


def test_optimism_is_how_much_better_the_claim_is_whatever_the_measure():
    results = [
        {"task": "t", "source": "s", "measure": measure, "protocol": "ours", "seed": seed, "claimed": c, "true": t}
        for measure, c, t in (("accuracy_percent", 70, 60), ("nme_percent", 3, 5))
        for seed in (0, 1)
    ]
    accuracy, nme = shortcuts.summary(results)
    assert (accuracy["optimism"]["mean"], nme["optimism"]["mean"]) == (10, 2)
    assert accuracy["claimed"] == {"mean": 70, "low": 70, "high": 70} and accuracy["measure"] == "accuracy_percent"
    words = shortcuts.in_words([accuracy, *shortcuts.summary(results[2:3])])
    assert words["true"].tolist() == ["60.00 (60.00 to 60.00)", "5.00"]
