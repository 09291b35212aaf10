import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from src import study
from src.datasets import sample_emotions
from src.emotion_recipes import EMOTION_RECIPES
from src.folds import part_rows
from src.networks import load_keras
from src.recipes import chosen
from src.squares import middle
from src.teaching import mirrored_answers, on_squares

SMALL = replace(chosen(EMOTION_RECIPES, "small", epochs=1, crop_px=40)["small"], reads_px=40, batch_size=8)


def test_each_face_is_in_one_part_and_its_repeats_are_there_too():
    faces = sample_emotions(30, seed=0).images
    faces = np.concatenate([faces, faces[5:9]])
    parts = np.stack([part_rows(faces, f"{i} of 3") for i in (1, 2, 3)])
    assert (parts.sum(axis=0) == 1).all() and (parts.sum(axis=1) >= 10).all()
    np.testing.assert_array_equal(parts[:, 30:], parts[:, 5:9])


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """Two trainings in one folder, each without the other's half of the faces, and the faces."""
    folder, faces = tmp_path_factory.mktemp("halves"), sample_emotions(60, seed=0)
    for i in (1, 2):
        study.train_emotions(faces, replace(SMALL, left_out=f"{i} of 2", seed=i), folder / f"half_{i}")
    return folder, faces


def test_a_training_never_sees_the_part_that_it_leaves_out(tmp_path, monkeypatch):
    faces, shown = sample_emotions(60, seed=0), []
    augment = study.augment_faces
    monkeypatch.setattr(
        study, "augment_faces", lambda images, *rest, **more: shown.extend(images) or augment(images, *rest, **more)
    )
    _, record = study.train_emotions(faces, replace(SMALL, left_out="1 of 2"), tmp_path)
    training = faces.split("Training").images
    left_out = {image.tobytes() for image in training[part_rows(training, "1 of 2")]}
    assert record["data"]["training_faces"] == len(training) - 21 and len(left_out) == 21
    assert shown and not left_out & {image.tobytes() for image in shown}


def test_half_of_a_label_is_what_the_network_says_that_did_not_see_the_face(halves, monkeypatch):
    folder, faces = halves
    shown = []
    monkeypatch.setattr(study, "_stream", lambda make_batch, n, *rest: shown.append(make_batch))
    monkeypatch.setattr(
        study, "train", lambda model, stream, *rest, **more: stream(0) or {"best": dict.fromkeys(study.MIRRORED, 1.0)}
    )
    study.train_emotions(faces, replace(SMALL, folds="half_1 half_2"), folder / "pupil")
    training = faces.split("Training")
    _, labels = shown[0](np.arange(len(training)), np.random.default_rng(0))
    squares = middle(training.images, 40)[..., None].astype(np.float32) / 255
    for i in (1, 2):
        past = folder / f"half_{i}"
        network = on_squares(load_keras(past / "model.json", past / "best.weights.h5"))
        rows = part_rows(training.images, f"{i} of 2")
        expected = (np.eye(5)[training.labels[rows]] + mirrored_answers(network, squares[rows])) / 2
        np.testing.assert_allclose(labels[rows], expected, atol=1e-6)


@pytest.mark.parametrize("change", [{"left_out": None}, {"classes": 7}], ids=["all faces", "other emotions"])
def test_a_training_that_saw_the_faces_or_was_dealt_others_does_not_answer(halves, tmp_path, change):
    folder, faces = halves
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    record = json.loads((tmp_path / "half_1" / "record.json").read_text())
    record["recipe"] |= change
    (tmp_path / "half_1" / "record.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match="half_1 left out no part of the faces of 5 emotions"):
        study.train_emotions(faces, replace(SMALL, folds="half_1 half_2"), tmp_path / "pupil")


def test_a_part_that_no_training_left_out_is_named(halves):
    folder, faces = halves
    with pytest.raises(ValueError, match="half_1 did not each leave out another part"):
        study.train_emotions(faces, replace(SMALL, folds="half_1"), folder / "pupil")
