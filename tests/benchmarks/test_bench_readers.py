"""Readers of faces side by side: what a process answers, on which faces it is scored, and the table of it."""

import shutil
import sys
from importlib import import_module
from unittest.mock import Mock

import numpy as np
import pytest

from benchmarks import tables
from src.data.datasets import Emotions, sample_keypoints
from src.files import ROOT, WEIGHTS
from src.labels import VOTES
from src.predict.answers import predict_both
from src.predict.networks import FILES, load_network

# In place of @vladmandic/human: the upper left of the picture says whether there is a face, and which.
HUMAN = """
exports.Human = class {
  tf = { tensor3d: (pixels, shape) => ({ pixels, shape }), dispose: () => {} };
  load() {}
  detect({ pixels, shape }) {
    console.log("as the library does");
    const emotion = [{ emotion: "fear", score: 0.5 }, { emotion: "sad", score: pixels[0] / 100 }];
    const meshRaw = Array(478).fill([0.5, shape[0] / 1000]);
    return { face: pixels[0] ? [{ emotion, meshRaw }] : [] };
  }
};
"""


@pytest.fixture(scope="module")
def readers():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        yield import_module("bench_readers")


def emotions(*rows: tuple, votes=None) -> Emotions:
    """A row: grey of the image, label, usage."""
    grey, labels, usage = zip(*rows, strict=True)
    images = np.array(grey, np.uint8)[:, None, None] * np.ones((48, 48), np.uint8)
    return Emotions(images, np.array(labels, np.int8), np.array(usage), {}, votes)


def votes_for(*names: str) -> np.ndarray:
    """Six of ten votes for each name; none of them reaches five where it is ""."""
    return np.array([[6 * (it == name) for it in VOTES] for name in names], np.uint8)


def test_a_process_answers_what_the_networks_do(readers, tmp_path):
    faces = sample_keypoints(3, seed=0).images
    np.save(tmp_path / "faces.npy", faces)
    worker = readers.Worker("ours, ONNX Runtime", 1)
    assert worker.ready and worker.read(tmp_path / "faces.npy") > 0
    found = readers.answers(worker, faces)
    worker.close()
    points, _, probabilities = predict_both(*(load_network(WEIGHTS, it, "onnx", 1) for it in FILES), faces, flip=False)
    np.testing.assert_allclose(found["keypoints_px"], points, atol=1e-4)
    np.testing.assert_allclose(found["probabilities"], probabilities, atol=1e-5)


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not here")
def test_human_s_process_speaks_as_the_others_do(readers, tmp_path, monkeypatch):
    script = tmp_path / "benchmarks" / "human_worker.mjs"
    library = tmp_path / ".venv-peers/node_modules/@vladmandic/human/dist/human.node-wasm.js"
    for path, text in ((script, (ROOT / "benchmarks" / script.name).read_text()), (library, HUMAN)):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    monkeypatch.setattr(readers, "command", lambda *_: ["node", str(script)])
    worker = readers.Worker(readers.HUMAN, 1)
    found = readers.answers(worker, np.stack([np.full((48, 48), grey, np.uint8) for grey in (70, 0)]))
    worker.close()
    assert found["mesh_px"].shape == (2, 468, 2) and found["keypoints_px"].shape == (2, 15, 2)
    # The middle of the frame, and 72/1000 of the picture with its border of 12 px: 96 / 48 * (0.072 * 72 - 12) - 0.5.
    np.testing.assert_allclose(found["mesh_px"][0], [[47.5, -14.132]] * 468, atol=1e-4)
    np.testing.assert_allclose(found["probabilities"][0], [0, 0, 0.7, 0, 0], atol=1e-6)
    assert np.isnan(found["mesh_px"][1]).all() and np.isnan(found["probabilities"][1]).all()


def test_the_mesh_and_the_landmarks_become_our_points(readers):
    outputs = {"mesh_px": np.arange(478.0)[None, :, None] * [1, 10]}

    def write(_, folder):
        for name, values in outputs.items():
            np.save(folder / f"{name}.npy", values)

    found = readers.answers(Mock(read=write), np.zeros((1, 96, 96), np.uint8))
    assert found["keypoints_px"].shape == (1, 15, 2)
    np.testing.assert_allclose(found["keypoints_px"][0, [2, 6]], [[382, 3820], [310.5, 3105]])


def test_a_case_that_lacks_something_says_what(readers, tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "PEERS", tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"no .venv-peers, run `make peers`"):
        readers.Worker("dlib, 68 points", 1)
    monkeypatch.setattr(readers, "PEERS", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"install Node.js, then run `make peers`"):
        readers.command(readers.HUMAN, 1)
    assert readers.command("dlib, 68 points", 1)[0] == str(tmp_path / "bin" / "python")
    assert readers.command("ours, Keras", 1)[0] == sys.executable


def test_only_images_that_training_lacks_are_scored(readers):
    rows = emotions(
        (1, 0, "Training"), (2, 5, "Training"), (3, 0, "PublicTest"), (1, 0, "PrivateTest"), (2, 1, "PrivateTest"),
        (3, 2, "PrivateTest"), (4, 6, "PrivateTest"), (4, 6, "PrivateTest"),
    )  # fmt: skip
    assert readers.unseen(rows, "PrivateTest").images[:, 0, 0].tolist() == [3, 4, 4]
    known = emotions(*[(1, 6, "PrivateTest")] * 3, (1, 0, "PrivateTest"), votes=votes_for("", "neutral", "anger", ""))
    assert readers.of_the_five(known).labels.tolist() == [6, 0]


def test_answers_are_counted_against_labels_and_people(readers):
    faces = emotions(
        *[(1, label, "PrivateTest") for label in (0, 1, 2, 6)], votes=votes_for("anger", "sadness", "", "happiness")
    )
    probabilities = np.eye(7)[[0, 2, 2, 3]]
    probabilities[3, 6] = 2  # of neutral, which is none of the five
    assert readers.score_emotions(probabilities, faces) == {
        "emotions_found": 1,
        "faces_labels": 3,
        "accuracy_labels": pytest.approx(2 / 3),
        "faces_people": 3,
        "accuracy_people": 1,
    }
    probabilities[0] = np.nan  # no face found: wrong, though argmax would say anger
    scores = readers.score_emotions(probabilities, faces)
    assert (scores["emotions_found"], scores["accuracy_labels"]) == (0.75, pytest.approx(1 / 3))


def test_each_case_has_its_own_scores(readers, monkeypatch):
    points = sample_keypoints(4, seed=0)
    rows = emotions(*[(code, code, "PrivateTest") for code in (0, 1)])
    monkeypatch.setattr(readers, "load_keypoints", lambda _: Mock(split=lambda _: points))
    monkeypatch.setattr(readers, "load_repeated_emotions", lambda _: rows)
    given = {
        "finds points": {"keypoints_px": points.keypoints_px},
        "always right": {"probabilities": np.eye(5)[[0, 1]]},
        "always wrong": {"probabilities": np.eye(5)[[2, 2]]},
    }
    monkeypatch.setattr(readers, "answers", lambda worker, _: given[worker.case])
    scores = readers.score_answers([Mock(case=name) for name in given])
    assert list(scores) == list(given) and scores["finds points"] == {"nme_percent": 0, "faces_found": 1}
    assert [scores[name]["accuracy_labels"] for name in list(given)[1:]] == [1, 0]


def test_points_are_scored_on_the_faces_that_were_found(readers):
    true = sample_keypoints(4, seed=0).keypoints_px
    eyes = np.linalg.norm(true[:, 3] - true[:, 5], axis=1)
    points = true + 0.05 * eyes[:, None, None] * [1, 0]
    points[0] = np.nan
    scores = readers.score_keypoints(points, true)
    assert scores == {"nme_percent": pytest.approx(5, abs=1e-3), "faces_found": 0.75}


@pytest.mark.parametrize(("seconds", "rounds"), [(0.1, 50), (2, 10), (100, 3)])
def test_slow_cases_take_fewer_rounds(readers, tmp_path, seconds, rounds):
    calls = []
    worker = Mock(case="slow", threads=1, read=lambda faces: calls.append(faces) or seconds)
    one, many = readers.speeds([worker], tmp_path, 50)
    assert len(calls) == 2 * (2 + rounds)
    assert (one["ms_a_face"], many["ms_a_face"]) == (pytest.approx(1000 * seconds), pytest.approx(1000 * seconds / 64))


def test_the_table_has_a_row_a_program_and_says_how_many_times_faster():
    times = {"ours, by default": 4, "ours, LiteRT int8": 1, "fer, Keras": 2, "human (npm), WebAssembly": 60}
    part = {
        "machine": {"cpus": 2},
        "speed": [
            {"case": case, "threads": threads, "batch": batch, "ms_a_face": ms, "quartile_25": ms, "quartile_75": ms}
            for case, ms in times.items()
            for threads in (1, 2)
            for batch in (1, 64)
        ],
        "test": {
            "fer, Keras": {"accuracy_labels": 0.5, "accuracy_people": 0.625, "emotions_found": 1.0},
            "human (npm), WebAssembly": {
                "accuracy_labels": 0.25, "emotions_found": 0.9, "nme_percent": 5.5, "faces_found": 1.0
            },
        },
    }  # fmt: skip
    lines = tables._readers(part, "with VNNI").splitlines()
    assert lines[2].endswith("| 4.0 (4.0 to 4.0) | — | — | — |")
    assert lines[4].endswith("| 50.0% | 62.5% | — |")
    assert lines[5].endswith("| 25.0% (90.0% found) | — | 5.50 % |")
    assert lines[7].endswith(
        "speed of *ours, by default* over that of: fer, Keras 0.5 times, human (npm), WebAssembly 15 times."
    )
    assert lines[9].endswith("*ours, LiteRT int8* over that of: fer, Keras 2 times, human (npm), WebAssembly 60 times.")
    headline = tables.headline_rows({"readers": part}).splitlines()
    assert headline[0] == "| one face, one thread | ms, with VNNI | what it gives |"
    assert [line.split(" | ")[:2] for line in headline[2:]] == [
        ["| ours, LiteRT int8", "1.0"],
        ["| human (npm), WebAssembly", "60.0"],
    ]


def test_the_front_page_has_a_column_a_kind_of_processor():
    speed = [{"case": "ours, LiteRT int8", "threads": 1, "batch": 1, "ms_a_face": ms} for ms in (1.23, 2.94)]
    alone = {**speed[1], "case": "human (npm), WebAssembly"}  # where only one of the machines has Node.js
    results = {"readers": {"speed": speed[:1]}, "readers_without_vnni": {"speed": [speed[1], alone]}}
    head, _, row = tables.headline_rows(results).splitlines()
    assert head == "| one face, one thread | ms, with VNNI | ms, without VNNI | what it gives |"
    assert row == "| ours, LiteRT int8 | 1.2 | 2.9 | 15 keypoints, five emotions |"
