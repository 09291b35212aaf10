import json

import numpy as np
import pytest

from src.data.datasets import sample_emotions
from src.models.resnet import compact_emotions
from src.predict.networks import digest_of
from src.training import tasks
from src.training.recipes import EMOTION_RECIPES, changed
from src.training.teacher import read_teacher, start_from, with_teacher

FACES = sample_emotions(60, seed=0)
TINY = {"widths": [8, 16], "crop_px": 40, "epochs": 1, "batch_size": 8}
TEACHER = changed(EMOTION_RECIPES["small"], **TINY, units=[1, 2])
STUDENT = changed(TEACHER, units=[1, 1], teacher="teacher", teacher_weight=0.75)


def test_a_student_starts_with_its_teacher_s_layers_of_the_same_name():
    teacher, student = (compact_emotions(seed, (8, 16), units) for seed, units in ((0, (1, 2)), (1, (1, 1))))
    start_from(teacher, student)
    assert sum(bool(layer.weights) for layer in student.layers) > 10
    for layer in student.layers:
        for own, its in zip(layer.get_weights(), teacher.get_layer(layer.name).get_weights(), strict=True):
            np.testing.assert_array_equal(own, its)


@pytest.mark.parametrize(
    ("widths", "units", "layer"),
    [((8, 16), (1, 2), "stage2_unit2_a_conv"), ((8, 24), (1, 1), "stage2_unit1_b_conv")],
)
def test_layers_that_the_teacher_lacks_stay_as_they_were(widths, units, layer):
    teacher, student = compact_emotions(0, (8, 16), (1, 1)), compact_emotions(1, widths, units)
    own = student.get_layer(layer).get_weights()
    start_from(teacher, student)
    np.testing.assert_array_equal(student.get_layer(layer).get_weights(), own)
    begun = [network.get_layer("stem1_conv").get_weights()[0] for network in (teacher, student)]
    np.testing.assert_array_equal(*begun)


class Saying:
    """A teacher that says the same of each face."""

    def __init__(self, answer):
        self.answer = answer

    def predict_on_batch(self, inputs):
        return np.repeat(np.float32([self.answer]), len(inputs), axis=0)


def test_a_share_of_the_target_is_what_the_teacher_says():
    targets = np.float32([[1, 0, 0], [0, 0.5, 0.5]])
    mixed = with_teacher(targets, np.zeros((2, 40, 40, 1), np.float32), Saying([0.2, 0.2, 0.6]), 0.75)
    np.testing.assert_allclose(mixed, [[0.4, 0.15, 0.45], [0.15, 0.275, 0.575]], rtol=1e-6)
    assert mixed.dtype == np.float32


def test_the_teacher_is_asked_about_the_very_faces_that_the_student_sees(tmp_path, monkeypatch):
    asked, weight = [], []

    def watched(targets, inputs, teacher, teacher_weight):
        asked.append(inputs)
        weight.append(teacher_weight)
        return with_teacher(targets, inputs, Saying([0, 0, 1, 0, 0]), teacher_weight)

    monkeypatch.setattr(tasks, "with_teacher", watched)
    batches = tasks._emotion_batches(FACES.split("Training"), STUDENT, 40, None, teacher="any")
    inputs, targets = batches[0]
    assert inputs is asked[0] and weight == [0.75]
    np.testing.assert_array_equal(targets[:, 2] >= 0.75, True)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)


def test_a_student_is_trained_from_the_teacher_of_its_run(tmp_path):
    tasks.train_emotions(FACES, TEACHER, tmp_path / "teacher")
    _, record = tasks.train_emotions(FACES, STUDENT, tmp_path / "student")
    weights = tmp_path / "teacher" / "best.weights.h5"
    assert record["data"]["teacher"] == digest_of(weights) and len(record["history"]) == 1
    _, same = tasks.train_emotions(FACES, STUDENT, tmp_path / "student")
    assert same == record, "a finished training is not done again"
    tasks.train_emotions(FACES, changed(TEACHER, seed=1), tmp_path / "teacher")
    _, other = tasks.train_emotions(FACES, STUDENT, tmp_path / "student")
    assert other["data"]["teacher"] != record["data"]["teacher"] and other["history"][0] != record["history"][0]


def test_a_teacher_that_was_not_trained_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as missing:
        tasks.train_emotions(FACES, STUDENT, tmp_path / "student")
    assert "student learns from that network: train teacher to its end first" in str(missing.value)
    assert not (tmp_path / "student").exists()
    assert read_teacher(TEACHER, tmp_path / "student") == (None, None)


def test_a_teacher_that_was_stopped_is_no_teacher_yet(tmp_path):
    tasks.train_emotions(FACES, TEACHER, tmp_path / "teacher")
    record = json.loads((tmp_path / "teacher" / "record.json").read_text())
    record["recipe"]["epochs"] += 1
    (tmp_path / "teacher" / "record.json").write_text(json.dumps(record))
    with pytest.raises(FileNotFoundError, match="teacher holds no finished training"):
        read_teacher(STUDENT, tmp_path / "student")
