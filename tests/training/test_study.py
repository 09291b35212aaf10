import json
from dataclasses import replace
from functools import partial

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from tensorflow.python.framework import config as tf_config

from src.training import records, tasks as study
from src.data.datasets import Emotions, Keypoints, sample_emotions, sample_keypoints
from src.training.recipes import EMOTION_RECIPES
from src.predict.networks import face_side, load_keras, reads_points
from src.predict.reader import predict_both, predict_emotions, predict_keypoints
from src.training.recipes import KEYPOINT_RECIPES, chosen
from src.models.resnet import compact_emotions, compact_keypoints
from src.training.tasks import middle

LEFT_BEHIND = {"best.weights.h5", "epoch_001.weights.h5", "model.json", "record.json"}


@pytest.fixture(autouse=True)
def _closed_test_split(monkeypatch):
    """Opening a test split fails."""
    for kind in (Keypoints, Emotions):
        whole = kind.split

        def guarded(self, usage, whole=whole):
            assert usage not in ("Test", "HelenTest", "PrivateTest"), "a training opened the test split"
            return whole(self, usage)

        monkeypatch.setattr(kind, "split", guarded)
    yield
    tf_config.disable_op_determinism()


MEASURED = dict.fromkeys(study.MIRRORED, 1.0)  # so that it is not measured


def test_a_keypoint_training_leaves_its_files_and_never_sees_the_test(tmp_path):
    faces = sample_keypoints(60, seed=0)
    recipe = chosen(KEYPOINT_RECIPES, "small", epochs=1)["small"]
    model, record = study.train_keypoints(faces, recipe, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == LEFT_BEHIND
    assert record == json.loads((tmp_path / "record.json").read_text())
    assert record["data"] == {"training_faces": 42, "validation_faces": 9}
    assert record["best"] == {**record["history"][0], "val_nme_percent": record["best"]["val_nme_percent"]}
    assert "val_nme_percent" not in record["history"][0] and record["best"]["val_nme_percent"] > 0
    points = predict_keypoints(model, faces.images[:2])
    assert points.shape == (2, 15, 2) and np.isfinite(points).all()
    reloaded = load_keras(tmp_path / "model.json", tmp_path / "best.weights.h5")
    np.testing.assert_allclose(predict_keypoints(reloaded, faces.images[:2]), points, atol=1e-3)


def test_a_taught_keypoint_network_learns_what_its_teacher_says_of_each_changed_face(tmp_path, monkeypatch):
    """Where nobody marked a point, of its teacher alone."""
    faces = sample_keypoints(60, seed=0)
    faces.keypoints_px[:, 10] = np.nan
    small = chosen(KEYPOINT_RECIPES, "small", epochs=1, batch_size=8)["small"]
    study.train_keypoints(faces, small, tmp_path / "teacher")
    made = []
    monkeypatch.setattr(study, "_stream", lambda make_batch, *rest: made.append(make_batch))
    monkeypatch.setattr(study, "train", lambda model, stream, *rest, **more: stream(0) or {"best": {}, "data": {}})
    for recipe in (small, replace(small, teacher="teacher", soft_labels=0.75)):
        study.train_keypoints(faces, recipe, tmp_path / "student")
    (inputs, points), (_, mixed) = (make_batch(np.arange(8), np.random.default_rng(0)) for make_batch in made)
    teacher = load_keras(tmp_path / "teacher" / "model.json", tmp_path / "teacher" / "best.weights.h5")
    answers = np.array(teacher(inputs))
    expected = 0.25 * points + 0.75 * answers
    unknown = np.isnan(points)
    assert unknown.any() and not unknown.all()
    expected[unknown] = answers[unknown]
    np.testing.assert_allclose(mixed, expected, atol=1e-3)


def test_an_emotion_training_leaves_its_files_and_never_sees_the_test(tmp_path):
    faces = sample_emotions(60, seed=0)
    recipe = chosen(EMOTION_RECIPES, "small", epochs=1)["small"]
    model, record = study.train_emotions(faces, recipe, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == LEFT_BEHIND
    assert record["data"] == {"training_faces": 42, "validation_faces": 9, "dropped": {}}
    assert records.EMOTIONS.score in record["best"] and len(record["history"]) == 1
    np.testing.assert_allclose(predict_emotions(model, faces.images[:2]).sum(axis=1), 1, rtol=1e-5)


def test_a_network_trained_in_bfloat16_is_kept_in_float32(tmp_path, monkeypatch):
    faces, train, computed = sample_emotions(60, seed=0), study.train, []

    def watched(model, *rest, **more):
        computed.extend(layer.compute_dtype for layer in model.layers if isinstance(layer, layers.Conv2D))
        return train(model, *rest, **more)

    monkeypatch.setattr(study, "train", watched)
    recipe = replace(chosen(EMOTION_RECIPES, "small", epochs=1)["small"], precision="mixed_bfloat16")
    model, record = study.train_emotions(faces, recipe, tmp_path)
    assert set(computed) == {"bfloat16"} and np.isfinite(record["best"]["loss"])
    reloaded = load_keras(tmp_path / "model.json", tmp_path / "best.weights.h5")
    assert {layer.compute_dtype for layer in reloaded.layers} == {"float32"} == {keras.config.dtype_policy().name}
    answers = predict_emotions(reloaded, faces.images[:4])
    np.testing.assert_array_equal(answers, predict_emotions(model, faces.images[:4]))
    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-5)


def test_an_emotion_network_trained_on_squares_reads_whole_faces(tmp_path):
    recipe = chosen(EMOTION_RECIPES, "small", epochs=1, crop_px=40)["small"]
    model, _ = study.train_emotions(sample_emotions(60, seed=0), recipe, tmp_path)
    reloaded = load_keras(tmp_path / "model.json", tmp_path / "best.weights.h5")
    assert reloaded.input_shape == model.input_shape == (None, 48, 48, 1)
    faces = sample_emotions(4, seed=1).images
    np.testing.assert_allclose(predict_emotions(reloaded, faces), predict_emotions(model, faces), atol=1e-5)


def test_an_emotion_training_goes_on_from_another_with_its_soft_labels(tmp_path, monkeypatch):
    first = chosen(EMOTION_RECIPES, "small", epochs=1, crop_px=40)["small"]
    faces = sample_emotions(60, seed=0)
    labels = faces.split("Training").labels
    _, record = study.train_emotions(faces, first, tmp_path / "first")
    seen, mix = [], study.mix_faces
    monkeypatch.setattr(study, "mix_faces", lambda x, y, *rest: seen.append(y) or mix(x, y, *rest))
    again = replace(first, start="first", reads_px=40, soft_labels=0.5, mixup=0.2, batch_size=8)
    again = replace(again, five_repeats=2, disgust_repeats=3)
    again_model, again_record = study.train_emotions(faces, again, tmp_path / "again")
    assert again_record["data"] == {**record["data"], "start": record["history"][0]}
    rows = 2 * len(labels) + 4 * int((labels == 1).sum())
    assert len(seen) == rows // 8
    targets = np.concatenate(seen)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-5)
    assert (targets.max(axis=1) >= 0.5).all() and (targets.max(axis=1) < 1).all()
    squares = np.pad(middle(faces.images[:4], 40), ((0, 0), (4, 4), (4, 4)))
    np.testing.assert_allclose(
        predict_emotions(again_model, squares), predict_emotions(again_model, faces.images[:4]), atol=1e-5
    )


def test_a_network_that_looks_trains_on_the_squares_that_it_then_reads(tmp_path, monkeypatch):
    """From a training on the middle; its answers to a face are those to the square, and it asks for the points."""
    small = chosen(EMOTION_RECIPES, "small", epochs=1, crop_px=40)["small"]
    faces = sample_emotions(60, seed=0)
    study.train_emotions(faces, small, tmp_path / "first")
    looking = replace(small, start="first", reads_px=40, looks=True)
    with pytest.raises(ValueError, match="train a keypoint network first"):
        study.train_emotions(faces, looking, tmp_path / "looking")
    keypoints, seen, augment = compact_keypoints(widths=(8, 8, 8, 8)), [], study.augment_faces

    def watched(*of, **how):
        seen.append(how["glimpses_px"])
        return augment(*of, **how)

    monkeypatch.setattr(study, "augment_faces", watched)
    model, record = study.train_emotions(faces, looking, tmp_path / "looking", keypoints)
    assert record["data"]["start"]["epoch"] == 1 and not np.allclose(seen[0], seen[0][0])
    reloaded = load_keras(tmp_path / "looking" / "model.json", tmp_path / "looking" / "best.weights.h5")
    assert reads_points(reloaded) and face_side(reloaded) == 48
    points, outputs = predict_both(keypoints, reloaded, faces.images[:6])
    np.testing.assert_allclose(outputs, predict_emotions(model, faces.images[:6], points), atol=1e-5)
    with pytest.raises(ValueError, match="give points_px"):
        predict_emotions(model, faces.images[:6])


@pytest.mark.parametrize(
    ("names", "mirrored"),
    [("teacher", False), ("teacher, other", False), ("teacher other", False), ("teacher, other", True)],
)
def test_a_taught_network_learns_what_its_teachers_say_of_each_changed_face(names, mirrored, tmp_path, monkeypatch):
    """A teacher looks where the keypoints say, but is asked about the squares that the student is shown."""
    faces = sample_emotions(60, seed=0)
    small = chosen(EMOTION_RECIPES, "small", epochs=1, crop_px=40)["small"]
    keypoints = compact_keypoints(widths=(8, 8, 8, 8))
    looking = replace(small, reads_px=40, looks=True, batch_size=8)
    for seed, name in enumerate(("teacher", "other")):
        study.train_emotions(faces, replace(looking, seed=seed), tmp_path / name, keypoints)
    slim = partial(compact_emotions, widths=(16, 32, 64, 128), units=(1,) * 4, inner=(8, 16, 32, 64), gated=False)
    monkeypatch.setitem(
        study.EMOTION_NETWORKS, "slim", lambda seed, classes, **view: slim(seed, classes=classes, **view)
    )
    shown = []
    monkeypatch.setattr(study, "_stream", lambda make_batch, n, *rest: shown.append((make_batch, n)))
    monkeypatch.setattr(study, "train", lambda model, stream, *rest, **more: stream(0) or {"best": MEASURED})
    taught = replace(looking, network="slim", start="teacher", soft_labels=0.75, teacher=names)
    taught = replace(taught, teacher_mirrored=mirrored)
    study.train_emotions(faces, taught, tmp_path / "student", keypoints)
    (make_batch, n), indices = shown[0], np.arange(8)
    squares, targets = make_batch(indices, np.random.default_rng(0))
    whole = compact_emotions(0, side=None, widths=(16, 32, 64, 128), units=(1,) * 4, classes=5)
    folders = [tmp_path / name for name in ("teacher", "other")]
    weights = [load_keras(it / "model.json", it / "best.weights.h5").get_weights() for it in folders]
    mean = [np.mean(arrays, axis=0) for arrays in zip(*weights, strict=True)]
    asked = {"teacher": weights[:1], "teacher, other": weights, "teacher other": [mean]}[names]
    views = (squares, squares[:, :, ::-1]) if mirrored else (squares,)
    answers = np.mean([(whole.set_weights(it), whole(view).numpy())[1] for it in asked for view in views], axis=0)
    labels = np.eye(5)[faces.split("Training").labels[indices]]
    assert n == 42 and squares.shape == (8, 40, 40, 1)
    np.testing.assert_allclose(targets, 0.25 * labels + 0.75 * answers, atol=1e-5)


def test_a_deeper_network_goes_on_from_the_mean_of_two_and_answers_like_it(tmp_path, monkeypatch):
    faces = sample_emotions(60, seed=0)
    small = chosen(EMOTION_RECIPES, "small", epochs=1)["small"]
    pasts = [study.train_emotions(faces, replace(small, seed=seed), tmp_path / name) for seed, name in enumerate("ab")]
    build = partial(compact_emotions, widths=(16, 32, 64, 128), classes=5)
    monkeypatch.setitem(study.EMOTION_NETWORKS, "deeper", lambda seed, classes: build(seed, units=(2,) * 4, still=True))
    first = []
    monkeypatch.setattr(study, "train", lambda model, *rest, **more: first.append(model) or {**more, "best": MEASURED})
    deeper = replace(small, network="deeper", start="a b")
    _, record = study.train_emotions(faces, deeper, tmp_path / "deeper")
    rows = {name: past["history"][0] for name, (_, past) in zip("ab", pasts, strict=True)}
    assert record["data"]["start"] == rows, "not what is measured after a training: it may come later"
    mean = build(units=(1,) * 4)
    arrays = zip(*(model.get_weights() for model, _ in pasts), strict=True)
    mean.set_weights([np.mean(pair, axis=0) for pair in arrays])
    assert first[0].count_params() > mean.count_params()
    np.testing.assert_allclose(
        predict_emotions(first[0], faces.images[:8]), predict_emotions(mean, faces.images[:8]), atol=1e-5
    )


def test_a_recipe_of_no_epochs_is_the_mean_of_the_weights_of_those_it_names(tmp_path):
    first = chosen(EMOTION_RECIPES, "small", epochs=1, crop_px=40)["small"]
    faces = sample_emotions(60, seed=0)
    names = "one another"
    pair = [
        study.train_emotions(faces, replace(first, seed=i), tmp_path / name) for i, name in enumerate(names.split())
    ]
    model, record = study.train_emotions(faces, replace(first, epochs=0, start=names), tmp_path / "mean")
    weights = [network.get_weights() for network, _ in pair]
    for mean, *arrays in zip(model.get_weights(), *weights, strict=True):
        np.testing.assert_allclose(mean, np.mean(arrays, axis=0), atol=1e-6)
    assert record["history"] == [] and set(study.MIRRORED) < record["best"].keys()
    assert list(record["data"]["start"]) == names.split()
    kept = load_keras(tmp_path / "mean/model.json", tmp_path / "mean/best.weights.h5")
    np.testing.assert_allclose(
        predict_emotions(kept, faces.images[:4]), predict_emotions(model, faces.images[:4]), atol=1e-6
    )


def test_two_trainings_become_the_bodies_of_one_network(tmp_path, monkeypatch):
    faces = sample_emotions(60, seed=0)
    small = chosen(EMOTION_RECIPES, "small", epochs=1)["small"]
    parts = [study.train_emotions(faces, replace(small, seed=i), tmp_path / name)[0] for i, name in enumerate("ab")]
    pair = partial(compact_emotions, widths=(16, 32, 64, 128), units=(1,) * 4, classes=5, beside=({},))
    monkeypatch.setitem(study.EMOTION_NETWORKS, "pair", lambda seed, classes: pair(seed))
    monkeypatch.setattr(study, "train", lambda model, *rest, **more: {"best": MEASURED})
    both, _ = study.train_emotions(faces, replace(small, network="pair", start="a b", joined=True), tmp_path / "pair")
    logits = sum(np.log(predict_emotions(part, faces.images[:8], mirror=False)) for part in parts) / 2
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(predict_emotions(both, faces.images[:8], mirror=False), expected, atol=1e-5)


def test_an_emotion_training_without_the_one_it_starts_from_says_so(tmp_path):
    recipe = chosen(EMOTION_RECIPES, "small", epochs=1, start="first")["small"]
    with pytest.raises(FileNotFoundError, match="holds no weights to go on from: train recipe first first"):
        study.train_emotions(sample_emotions(60, seed=0), recipe, tmp_path / "again")


def test_small_sources_are_repeated_until_they_count_alike():
    rows = study.balanced_rows(np.array(["a", "b", "a", "a", "a", "a"]))
    assert rows.tolist() == [0, 1, 1, 1, 1, 1, 2, 3, 4, 5]
    assert study.balanced_rows(np.array(["one", "one"])).tolist() == [0, 1]
    assert study.balanced_rows(np.array([], str)).tolist() == []


def test_helen_faces_stand_in_an_epoch_as_often_as_the_recipe_says(tmp_path, monkeypatch):
    faces = sample_keypoints(60, seed=0)
    subject = np.where(np.arange(60) % 4 == 0, "helen/1", "youtube/2")
    seen = []
    monkeypatch.setattr(study, "augment_faces", lambda images, points, *rest, **more: seen.append(points) or 1 / 0)
    recipe = chosen(KEYPOINT_RECIPES, "small", epochs=1, batch_size=64, helen_repeats=3)[
        "small"
    ]  # one batch: 42 + 2 * 11
    with pytest.raises(Exception, match="ZeroDivisionError"):
        study.train_keypoints(replace(faces, subject=subject), recipe, tmp_path)
    shown = seen[0].reshape(64, -1)
    counts = [int((shown == face.reshape(1, -1)).all(axis=1).sum()) for face in faces.keypoints_px[:42]]
    assert counts == [3 if i % 4 == 0 else 1 for i in range(42)]


def test_a_recipe_goes_on_from_another_and_trains_on_one_source(tmp_path):
    faces = sample_keypoints(60, seed=0)
    faces = replace(faces, subject=np.where(np.arange(60) % 2 == 0, "helen/1", "youtube/2"))
    small = chosen(KEYPOINT_RECIPES, "small", epochs=1, batch_size=8)["small"]
    with pytest.raises(FileNotFoundError, match="first holds no weights to go on from: train recipe first first"):
        study.train_keypoints(faces, replace(small, start="first"), tmp_path / "second")
    with pytest.raises(ValueError, match="trains on faces of kaggle, of which this data holds none"):
        study.train_keypoints(faces, replace(small, source="kaggle"), tmp_path / "none")
    _, first = study.train_keypoints(faces, small, tmp_path / "first")
    still = replace(small, start="first", source="helen", learning_rate=1e-12)
    _, second = study.train_keypoints(faces, still, tmp_path / "second")
    assert second["data"] == {"training_faces": 21, "validation_faces": 9, "start": first["best"]}
    before, after = (
        h5py.File(tmp_path / name / "best.weights.h5")["layers/conv2d/vars/0"][()] for name in ("first", "second")
    )
    np.testing.assert_allclose(after, before, atol=1e-6)


@pytest.mark.parametrize(
    ("task", "scores", "best"),
    [
        (records.KEYPOINTS, {"baseline": 3.1, "compact": 2.2, "small": 2.9}, "compact"),
        (records.EMOTIONS, {"baseline": 0.61, "compact": 0.52, "small": 0.7}, "compact"),
    ],
    ids=["smallest error", "smallest cross-entropy"],
)
def test_the_network_that_is_best_on_validation_is_exported(tmp_path, monkeypatch, task, scores, best):
    monkeypatch.setattr(records, "RUNS", tmp_path)
    for name, score in scores.items():
        folder = tmp_path / "quick" / task.name / name
        folder.mkdir(parents=True)
        # The last epoch is not the kept one: its score decides nothing.
        record = {"recipe": {}, "best": {task.score: score}, "history": [{task.score: score}, {task.score: 0.1}]}
        (folder / "record.json").write_text(json.dumps(record))
        (folder / "model.json").write_text(f"model of {name}")
        (folder / "best.weights.h5").write_text(f"weights of {name}")
    assert records.export_best("quick", task) == best
    assert (tmp_path / "quick" / task.model_json).read_text() == f"model of {best}"
    assert (tmp_path / "quick" / task.weights).read_text() == f"weights of {best}"
    assert list(records.trainings("quick", task)) == sorted(scores)


def test_short_trials_and_trainings_on_a_part_are_recorded_but_never_compete(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RUNS", tmp_path)
    for name, score, part in (("compact", 3.0, None), ("fold_1", 2.0, "1 of 3"), ("trial_bins", 1.0, None)):
        folder = tmp_path / "quick" / "keypoints" / name
        folder.mkdir(parents=True)
        record = {"recipe": {"left_out": part}, "best": {records.KEYPOINTS.score: score}}
        (folder / "record.json").write_text(json.dumps(record))
    assert list(records.trainings("quick", records.KEYPOINTS)) == ["compact", "fold_1", "trial_bins"]
    assert list(records.finalists("quick", records.KEYPOINTS)) == ["compact"]
    assert records.best_recipe("quick", records.KEYPOINTS) == "compact"
