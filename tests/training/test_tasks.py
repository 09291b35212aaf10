import itertools
import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from weights_file import same_arrays

from src.data.datasets import Emotions, Keypoints, sample_emotions, sample_keypoints, take_rows
from src.faces import aligned_crops, into_crops
from src.files import WEIGHTS
from src.labels import VOTES
from src.metrics.calibration import five_probabilities, soft_crossentropy
from src.metrics.people import vote_shares
from src.models.resnet import compact_keypoints
from src.predict.answers import predict_both, predict_emotions, predict_keypoints
from src.predict.networks import digest_of, face_side, load_keras, reads_points
from src.training import fit, records, tasks
from src.training.recipes import EMOTION_RECIPES, KEYPOINT_RECIPES, changed, recorded

LEFT_BEHIND = {"best.weights.h5", "epoch_001.weights.h5", "model.json", "record.json"}
TINY = {"widths": [8, 16, 16, 24], "units": [1, 1, 1, 1], "epochs": 1, "batch_size": 8}
POINTS, FACES = sample_keypoints(60, seed=0), sample_emotions(60, seed=0)
MEASURED, JUDGED = {"val_nme_percent": 1.0}, {"val_flip_log_loss": 1.0}  # so that it is not measured
KEYPOINTS, EMOTIONS = (changed(known["small"], **TINY) for known in (KEYPOINT_RECIPES, EMOTION_RECIPES))


@pytest.fixture(autouse=True)
def _closed_test_split(monkeypatch):
    """Opening a test split fails."""
    for kind in (Keypoints, Emotions):
        whole = kind.split

        def guarded(self, usage, whole=whole):
            assert usage not in ("Test", "HelenTest", "PrivateTest"), "a training opened the test split"
            return whole(self, usage)

        monkeypatch.setattr(kind, "split", guarded)


def test_a_keypoint_training_leaves_its_files_and_never_sees_the_test(tmp_path):
    model, record = tasks.train_keypoints(POINTS, KEYPOINTS, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == LEFT_BEHIND
    assert record == json.loads((tmp_path / "record.json").read_text())
    assert record["data"].pop("faces_checksum") and record["data"] == {"training_faces": 42, "validation_faces": 9}
    assert record["best"] == {**record["history"][0], "val_nme_percent": record["best"]["val_nme_percent"]}
    assert "val_nme_percent" not in record["history"][0] and record["best"]["val_nme_percent"] > 0
    points = predict_keypoints(model, POINTS.images[:2])
    assert points.shape == (2, 15, 2) and np.isfinite(points).all()
    reloaded = load_keras(tmp_path / "model.json", tmp_path / "best.weights.h5")
    np.testing.assert_allclose(predict_keypoints(reloaded, POINTS.images[:2]), points, atol=1e-3)


def test_an_emotion_training_leaves_its_files_and_never_sees_the_test(tmp_path):
    model, record = tasks.train_emotions(FACES, EMOTIONS, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == LEFT_BEHIND
    assert record["data"].pop("faces_checksum")
    assert record["data"] == {"training_faces": 42, "validation_faces": 9, "dropped": {}}
    assert len(record["history"]) == 1 and record["history"][0].items() < record["best"].items()
    added = record["best"].keys() - record["history"][0].keys()
    figures = ("accuracy", "mean_recall", "disgust_recall")
    assert added == {"val_flip_log_loss", *(f"val_flip_labels_{name}" for name in figures)}
    assert records.EMOTIONS.score in added
    np.testing.assert_allclose(predict_emotions(model, FACES.images[:2]).sum(axis=1), 1, rtol=1e-5)


def test_a_network_trained_on_the_middle_reads_whole_faces(tmp_path):
    model, _ = tasks.train_emotions(FACES, changed(EMOTIONS, crop_px=40), tmp_path)
    reloaded = load_keras(tmp_path / "model.json", tmp_path / "best.weights.h5")
    assert reloaded.input_shape == model.input_shape == (None, 48, 48, 1)
    images = FACES.images[:4]
    np.testing.assert_allclose(predict_emotions(reloaded, images), predict_emotions(model, images), atol=1e-5)
    middle = np.pad(images[:, 4:44, 4:44], ((0, 0), (4, 4), (4, 4)))
    np.testing.assert_allclose(predict_emotions(model, middle), predict_emotions(model, images), atol=1e-5)


def seen_by_people(n):
    """Faces whose ten people saw in turn: disgust and anger, neutral, unknown, no face; the last has no votes."""
    rows = [{"disgust": 6, "anger": 4}, {"neutral": 10}, {"unknown": 6, "sadness": 4}, {"no_face": 10}, {}]
    return np.array([[row.get(name, 0) for name in VOTES] for row in itertools.islice(itertools.cycle(rows), n)])


def test_a_record_tells_other_faces_and_another_keypoint_network(tmp_path, monkeypatch):
    """As many faces with another point, another label, or other crops are other data."""

    def told(*_, data, **how):
        return {"data": data, "best": MEASURED | JUDGED}

    monkeypatch.setattr(tasks, "train", told)
    moved = replace(POINTS, keypoints_px=POINTS.keypoints_px + np.float32(0.1))
    first, same, second = (tasks.train_keypoints(it, KEYPOINTS, tmp_path)[1] for it in (POINTS, POINTS, moved))
    assert first == same != second and first["data"].keys() == second["data"].keys()
    relabelled = replace(FACES, labels=FACES.labels[::-1].copy())
    first, same, second = (tasks.train_emotions(it, EMOTIONS, tmp_path)[1] for it in (FACES, FACES, relabelled))
    assert first == same and first["data"]["faces_checksum"] != second["data"]["faces_checksum"]
    aligned, keypoints = changed(EMOTIONS, crop_px=40, aligned=True), compact_keypoints(widths=(8, 8, 8, 8))
    digests = [tasks.train_emotions(FACES, aligned, tmp_path / "emotions/a", keypoints)[1]["data"]["keypoints"]]
    assert digests == [digest_of(WEIGHTS / "detection.weights.h5")], "the shipped one chooses where a run has none"
    for content in ("one", "another"):
        (tmp_path / records.KEYPOINTS.weights).write_text(content)
        digests.append(tasks.train_emotions(FACES, aligned, tmp_path / "emotions/a", keypoints)[1]["data"]["keypoints"])
    assert len(set(digests)) == 3


def test_targets_mix_votes_and_labels():
    labels = np.array([0, 5, 2, 3, 4], np.int8)
    faces = replace(take_rows(FACES, np.arange(5)), labels=labels, votes=seen_by_people(5).astype(np.uint8))
    assert tasks.shows_emotion(faces).tolist() == [True, True, False, False, False]
    assert tasks.shows_emotion(FACES).all(), "without votes nothing is known of that"
    one_hot = np.eye(7, dtype=np.float32)[labels]
    recipe = changed(EMOTIONS, classes=7, vote_weight=0.0)
    np.testing.assert_array_equal(tasks.emotion_targets(faces, recipe), one_hot)
    votes = tasks.emotion_targets(faces, changed(recipe, vote_weight=1.0))
    np.testing.assert_allclose(votes[0], [0.4, 0.6, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(votes.argmax(axis=1), [1, 6, 2, 3, 4])
    half = tasks.emotion_targets(faces, changed(recipe, vote_weight=0.5))
    np.testing.assert_allclose(half, (votes + one_hot) / 2)
    np.testing.assert_array_equal(
        tasks.emotion_targets(replace(faces, votes=None), changed(recipe, vote_weight=0.5)), one_hot
    )
    five = tasks.emotion_targets(take_rows(faces, np.array([0, 2])), changed(EMOTIONS, vote_weight=1.0))
    np.testing.assert_allclose(five, [[0.4, 0.6, 0, 0, 0], [0, 0, 1, 0, 0]])


def test_a_training_by_votes_leaves_out_what_shows_no_emotion_and_is_judged_twice(tmp_path):
    faces = replace(FACES, votes=seen_by_people(60).astype(np.uint8))
    _, record = tasks.train_emotions(faces, changed(EMOTIONS, classes=7, vote_weight=0.5), tmp_path)
    shown = tasks.shows_emotion(faces)
    training, validation = (shown[faces.usage == name].sum() for name in ("Training", "PublicTest"))
    left_out = (~shown[np.isin(faces.usage, ["Training", "PublicTest"])]).sum()
    assert record["data"]["training_faces"] == training and record["data"]["validation_faces"] == validation
    assert record["data"]["without_emotion"] == left_out
    judged = {f"val_flip_{truth}_{name}" for truth in ("labels", "people") for name in ("accuracy", "seven_accuracy")}
    assert judged < record["best"].keys()


def test_validation_is_judged_against_both_truths(monkeypatch):
    """The network says anger, anger, sad, neutral; people saw anger, disgust, sad, neutral; all labels are anger."""
    seen = [{"anger": 10}, {"disgust": 9, "anger": 1}, {"sadness": 10}, {"neutral": 10}]
    votes = np.array([[row.get(name, 0) for name in VOTES] for row in seen], np.uint8)
    faces = replace(take_rows(FACES, np.arange(4)), labels=np.zeros(4, np.int8), votes=votes)
    outputs = np.full((4, 7), 0.02)
    outputs[np.arange(4), [0, 0, 2, 6]] = 0.88
    monkeypatch.setattr(tasks, "predict_emotions", lambda *of: outputs)
    found = tasks._flip_averaged_figures(None, faces, None)
    assert found["val_flip_labels_accuracy"] == 3 / 4, "of the five, anger is first where neutral leads"
    assert found["val_flip_labels_seven_accuracy"] == 2 / 4
    assert found["val_flip_people_accuracy"] == 2 / 3 and found["val_flip_people_seven_accuracy"] == 3 / 4
    assert found["val_flip_people_mean_recall"] == 2 / 3 and found["val_flip_people_disgust_recall"] == 0
    surprise = [soft_crossentropy(five_probabilities(outputs[:3], it), vote_shares(votes[:3])[:, :5]) for it in (1, 2)]
    assert found["val_flip_log_loss"] <= min(surprise), "against people's votes, at the best temperature"


def test_faces_of_disgust_are_shown_more_often(tmp_path, monkeypatch):
    faces, seen = replace(FACES, labels=np.where(FACES.labels == 2, 1, FACES.labels)), []
    monkeypatch.setattr(tasks, "train", lambda model, stream, *of, **how: seen.append(stream) or {"best": JUDGED})
    recipe = changed(EMOTIONS, disgust_repeats=5)
    tasks.train_emotions(faces, recipe, tmp_path)
    labels, batches = faces.split("Training").labels, seen[0].batches
    assert (labels == 1).any() and batches.n == len(labels) + 4 * (labels == 1).sum()
    _, targets = batches.make_batch(np.arange(batches.n), np.random.default_rng(0))
    assert (targets.argmax(axis=1) == 1).sum() == 5 * (labels == 1).sum()


def test_a_network_of_aligned_crops_trains_on_the_squares_that_it_then_reads(tmp_path, monkeypatch):
    """Its answers to a face are those to the square, and it asks for the points."""
    aligned = changed(EMOTIONS, crop_px=40, aligned=True)
    with pytest.raises(ValueError, match="train a keypoint network first"):
        tasks.train_emotions(FACES, aligned, tmp_path)
    keypoints, seen, augment = compact_keypoints(widths=(8, 8, 8, 8)), [], tasks.augment_faces

    def watched(images, *of, **how):
        seen.append((images, how["into_frame"]))
        return augment(images, *of, **how)

    monkeypatch.setattr(tasks, "augment_faces", watched)
    model, _ = tasks.train_emotions(FACES, aligned, tmp_path, keypoints)
    training = FACES.split("Training")
    points = predict_keypoints(keypoints, training.images)
    crops = into_crops(aligned_crops(points, points.mean(axis=0), 48), 40)
    known = {image.tobytes(): crop for image, crop in zip(training.images, crops, strict=True)}
    images, maps = next(it for it in seen if len(it[0]) == 8)  # a training batch
    np.testing.assert_allclose(maps, [known[image.tobytes()] for image in images], atol=1e-3)
    reloaded = load_keras(tmp_path / "model.json", tmp_path / "best.weights.h5")
    assert reads_points(reloaded) and face_side(reloaded) == 48
    points, _, outputs = predict_both(keypoints, reloaded, FACES.images[:6])
    np.testing.assert_allclose(outputs, predict_emotions(model, FACES.images[:6], points), atol=1e-5)
    with pytest.raises(ValueError, match="give points_px"):
        predict_emotions(model, FACES.images[:6])


def test_keypoints_in_the_same_faces_are_found_once(monkeypatch):
    keypoints, calls, predict = compact_keypoints(widths=(8, 8, 8, 8)), [], tasks.predict_keypoints
    monkeypatch.setattr(tasks, "predict_keypoints", lambda *of: calls.append(of) or predict(*of))
    first = tasks.found_keypoints(keypoints, FACES.images[:4])
    np.testing.assert_array_equal(tasks.found_keypoints(keypoints, FACES.images[:4].copy()), first)
    tasks.found_keypoints(keypoints, FACES.images[4:8])
    assert len(calls) == 2


@pytest.mark.parametrize("others, weight", [(1, 1.0), (0, 0.0)], ids=["landmarks", "nothing to learn from the others"])
def test_helen_faces_stand_in_an_epoch_as_often_as_the_recipe_says(others, weight, tmp_path, monkeypatch):
    subject = np.where(np.arange(60) % 4 == 0, "helen/1", "youtube/2")
    seen, batch = [], 11 * 3 + 31 * others  # all faces in one batch
    monkeypatch.setattr(tasks, "augment_faces", lambda images, points, *rest, **more: seen.append(points) or 1 / 0)
    recipe = changed(KEYPOINTS, batch_size=batch, helen_repeats=3, landmark_weight=weight)
    with pytest.raises(ZeroDivisionError):
        tasks.train_keypoints(replace(POINTS, subject=subject), recipe, tmp_path)
    shown = seen[0][:, :15].reshape(batch, -1)
    counts = [int((shown == face.reshape(1, -1)).all(axis=1).sum()) for face in POINTS.keypoints_px[:42]]
    assert counts == [3 if i % 4 == 0 else others for i in range(42)]


def test_validation_is_on_the_faces_whose_points_people_corrected(tmp_path, monkeypatch):
    faces, seen = replace(POINTS, subject=np.where(np.arange(60) % 2 == 0, "helen/1", "youtube/2")), []
    monkeypatch.setattr(tasks, "train", lambda model, stream, *of, **how: seen.append(stream) or {"best": MEASURED})
    tasks.train_keypoints(faces, KEYPOINTS, tmp_path)
    tasks.train_keypoints(POINTS, KEYPOINTS, tmp_path)
    inputs, targets = seen[0].validation
    helen = faces.split("Validation").source == "helen"
    np.testing.assert_array_equal(targets["keypoints_px"], POINTS.keypoints_px[42:51][helen].reshape(-1, 30))
    assert len(inputs) == helen.sum() and len(seen[1].validation[0]) == 9


def test_landmarks_of_either_source_have_heatmaps_of_their_own(tmp_path, monkeypatch):
    landmarks = np.random.default_rng(0).uniform(0, 95, (60, 68, 2)).astype(np.float32)
    subject = np.where(np.arange(60) % 2 == 0, "helen/1", "youtube/2")
    faces, seen = replace(POINTS, subject=subject, landmarks_px=landmarks), []
    monkeypatch.setattr(tasks, "train", lambda model, stream, *of, **how: seen.append(stream) or {"best": MEASURED})
    recipe = changed(KEYPOINTS, landmark_weight=0.5, helen_repeats=1, augment="none")
    tasks.train_keypoints(faces, recipe, tmp_path)
    _, targets = seen[0].batches.make_batch(np.arange(42), np.random.default_rng(0))
    helen, points, all_68 = faces.source[:42] == "helen", POINTS.keypoints_px[:42].reshape(42, -1), landmarks[:42]
    for name in ("keypoints_px", "heatmaps"):
        np.testing.assert_allclose(targets[name][helen], points[helen], atol=1e-4)
        assert np.isnan(targets[name][~helen]).all()
    np.testing.assert_allclose(targets["landmarks"][helen], all_68[helen].reshape(-1, 136), atol=1e-4)
    both = np.concatenate([points, all_68.reshape(42, -1)], axis=1)
    np.testing.assert_allclose(targets["other_source"][~helen], both[~helen], atol=1e-4)
    assert np.isnan(targets["landmarks"][~helen]).all() and np.isnan(targets["other_source"][helen]).all()
    assert seen[0].loss.keys() == seen[0].loss_weights.keys() == targets.keys() == seen[0].validation[1].keys()


@pytest.mark.parametrize(("name", "known"), [("detection", KEYPOINT_RECIPES), ("emotion", EMOTION_RECIPES)])
def test_a_shipped_network_is_that_of_its_recipe(name, known):
    record = json.loads((WEIGHTS / f"{name}.record.json").read_text())
    recipe = known[record["name"]]
    assert recorded(record["recipe"]) == recipe
    assert len(record["history"]) == recipe.epochs
    shipped, images = load_keras(WEIGHTS / f"{name}.json", WEIGHTS / f"{name}.weights.h5"), POINTS.images[:4]
    if name == "emotion":
        mean_px = shipped.get_layer("aligned_crop").mean_px
        built = tasks.build_emotions(recipe, mean_px)
        answers = lambda model: predict_emotions(model, images, POINTS.keypoints_px[:4])  # noqa: E731
    else:
        built = tasks.build_keypoints(recipe)
        answers = lambda model: predict_keypoints(model, images)  # noqa: E731
    built.load_weights(WEIGHTS / f"{name}.weights.h5")
    np.testing.assert_allclose(answers(built), answers(shipped), atol=1e-3)
    assert built.count_params() == shipped.count_params()


def test_a_stopped_keypoint_training_goes_on_to_the_same_weights(tmp_path):
    landmarks = np.random.default_rng(0).uniform(0, 95, (60, 68, 2)).astype(np.float32)
    subject = np.where(np.arange(60) % 2 == 0, "helen/1", "youtube/2")
    faces = replace(POINTS, subject=subject, landmarks_px=landmarks)
    recipe = changed(KEYPOINTS, epochs=2, landmark_weight=0.5, helen_repeats=1)

    steps = itertools.count(1)

    def stop(self, batch, logs=None):
        if next(steps) == 7:  # in the second epoch of five steps
            raise KeyboardInterrupt

    _, whole = tasks.train_keypoints(faces, recipe, tmp_path / "whole")
    keras.utils.clear_session()  # names are counted anew, as in a new process
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fit._Run, "on_train_batch_end", stop)
        tasks.train_keypoints(faces, recipe, tmp_path / "stopped")
    keras.utils.clear_session()
    _, resumed = tasks.train_keypoints(faces, recipe, tmp_path / "stopped")
    assert len(whole["history"]) == len(resumed["history"]) == 2
    assert same_arrays(*(tmp_path / name / "epoch_002.weights.h5" for name in ("whole", "stopped")))
    assert whole["best"]["val_nme_percent"] == resumed["best"]["val_nme_percent"]
