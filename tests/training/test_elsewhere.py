import json
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from src.data.datasets import Emotions, Keypoints, sample_emotions, sample_keypoints
from src.files import WEIGHTS
from src.labels import LANDMARKS, VOTES
from src.predict.networks import load_network
from src.training import elsewhere, tasks
from src.training.elsewhere import faces_of, pack, sheet_of, unpack
from src.training.recipes import EMOTION_RECIPES, changed

FACES = sample_emotions(60, seed=0)
TINY = {"widths": [8, 16], "units": [1, 1], "epochs": 1, "batch_size": 8}
ALIGNED = {**TINY, "crop_px": 40, "aligned": True}


def test_a_sheet_gives_the_faces_back_in_their_order():
    flat = np.broadcast_to(np.arange(0, 250, 25, dtype=np.uint8)[:, None, None], (10, 48, 48))
    back = faces_of(sheet_of(flat), 10, 48)
    assert back.dtype == np.uint8 and abs(back.astype(int) - flat).max() <= 1


def test_pixels_that_come_from_a_jpeg_of_that_quality_hardly_change():
    once = faces_of(sheet_of(FACES.images), len(FACES), 48)
    again = faces_of(sheet_of(once), len(FACES), 48)
    assert (abs(once.astype(int) - FACES.images) > 0).mean() > 0.2, "the first time they do"
    assert (abs(again.astype(int) - once) > 0).mean() < 0.05 and abs(again.astype(int) - once).max() <= 4


def test_training_and_validation_faces_travel_and_no_test_face_does(tmp_path):
    votes = np.arange(len(FACES) * len(VOTES), dtype=np.uint8).reshape(len(FACES), -1)
    faces = replace(FACES, votes=votes, dropped={"Training rows dropped": 3})
    pack(faces, tmp_path / "faces.npz")
    back, sent = unpack(tmp_path / "faces.npz"), faces.usage != "PrivateTest"
    assert isinstance(back, Emotions) and len(back) == sent.sum() < len(faces) and back.dropped == faces.dropped
    for name in ("labels", "votes", "usage"):
        np.testing.assert_array_equal(getattr(back, name), getattr(faces, name)[sent])
    assert abs(back.images.astype(int) - faces.images[sent]).mean() < 2


@pytest.mark.parametrize("wide", [False, True])
def test_keypoint_faces_travel_with_what_surrounds_them(tmp_path, wide):
    faces = sample_keypoints(40, seed=0)
    if wide:
        surrounded = np.pad(faces.images, ((0, 0), (24, 24), (24, 24)), "edge")
        faces = replace(faces, wide=surrounded, landmarks_px=np.ones((40, LANDMARKS, 2), np.float32))
    pack(faces, tmp_path / "faces.npz")
    back, sent = unpack(tmp_path / "faces.npz"), np.isin(faces.usage, ("Training", "Validation"))
    assert isinstance(back, Keypoints) and len(back) == sent.sum() < 40
    np.testing.assert_array_equal(back.keypoints_px, faces.keypoints_px[sent])
    assert back.images.shape[1:] == (96, 96) and back.stored.shape == faces.stored[sent].shape
    assert abs(back.images.astype(int) - faces.images[sent]).mean() < 2


def test_what_comes_back_is_a_finished_training(tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    monkeypatch.setattr(elsewhere, "RUNS", there)
    monkeypatch.setitem(
        elsewhere.TASKS, "emotions", (Emotions, {"small": changed(EMOTION_RECIPES["small"], **ALIGNED)})
    )
    pack(FACES, tmp_path / "faces.npz")
    brought = elsewhere.train(tmp_path / "faces.npz", "small", "fast")
    zipfile.ZipFile(brought).extractall(here)
    trained = there / "fast" / "emotions" / "small"
    monkeypatch.setattr(tasks, "_flip_averaged_figures", lambda *_: pytest.fail("it is judged already"))
    recipe = elsewhere.TASKS["emotions"][1]["small"]
    keypoints = load_network(WEIGHTS, "keypoints", "keras")
    model, record = tasks.train_emotions(FACES, recipe, here / "fast" / "emotions" / "small", keypoints)
    own = json.loads((trained / "record.json").read_text())
    assert own["data"].pop("faces_checksum") and own["data"].pop("keypoints") and own == record
    assert len(record["history"]) == 1 and model.name == "compact_emotions"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("train", "{0}/other.npz", "small", "fast"), "other.npz does not hold packed faces: write it anew"),
        (("train", "{0}/none.npz", "small", "fast"), "none.npz"),
        (("train", "{0}/faces.npz", "smal", "fast"), "recipe 'smal' is not in params/recipes.yaml; there are baseline"),
        (("train", "{0}/faces.npz", "small", "../fast"), "run is '../fast': name a folder of runs/"),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(tmp_path, monkeypatch, arguments, sentence):
    (tmp_path / "other.npz").write_bytes(b"PK no archive")
    pack(FACES, tmp_path / "faces.npz")
    monkeypatch.setattr(sys, "argv", ["elsewhere", *(it.format(tmp_path) for it in arguments)])
    with pytest.raises(SystemExit) as stopped:
        elsewhere.main()
    assert sentence in str(stopped.value) and "\n" not in str(stopped.value)
