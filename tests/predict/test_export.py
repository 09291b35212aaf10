import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ai_edge_litert.interpreter import Interpreter

from src.data.datasets import load_emotions, load_keypoints
from src.data.sample import draw_faces
from src.faces import to_input
from src.files import EMOTIONS_CSV, KEYPOINTS_CSV, ROOT, WEIGHTS
from src.predict import export, networks
from src.predict.answers import find_points, predict_emotions, predict_keypoints
from src.predict.fastest import KEPT, fastest_backend
from src.predict.networks import EMOTIONS, KEYPOINTS, OnnxNetwork
from src.predict.reader import FaceReader

FAR = 1e-4  # px of 96; probability
HARDLY_TRAINED = 5e-4  # px; heatmaps that are spread over the whole face lose more to rounding than the shipped ones
LITERT_OF_THE_SHIPPED = """
import sys
from pathlib import Path
from src.files import WEIGHTS
from src.predict import export, networks
export._export(networks.load_network(WEIGHTS, networks.KEYPOINTS, "keras"), Path(sys.argv[1]), "litert")
"""


@pytest.fixture(scope="module")
def faces():
    return draw_faces(5, seed=2)[0]


loaded = cache(networks.load_network)


def outputs(folder: Path, task: str, backend: str, faces: np.ndarray) -> np.ndarray:
    """Of one pass over faces, uint8 (n, h, w); the points that an emotion network may ask for are Keras's."""
    if task == KEYPOINTS:
        return predict_keypoints(loaded(folder, KEYPOINTS, backend), faces, flip=False)
    points = outputs(folder, KEYPOINTS, "keras", faces)
    return predict_emotions(loaded(folder, EMOTIONS, backend), faces, points, flip=False)


def test_every_format_is_written(exported):
    assert {path.name for path in exported.iterdir() if path.suffix in (".onnx", ".tflite")} == {
        f"{name}{ending}"
        for name in ("detection", "emotion", "faces")
        for ending in (".onnx", ".tflite", ".int8.tflite")
    }


def test_a_network_that_has_changed_is_written_anew(exported, faces, tmp_path):
    for name in ("detection.json", "detection.weights.h5", "detection.onnx"):
        shutil.copyfile(exported / name, tmp_path / name)
    model = networks.load_network(exported, KEYPOINTS, "keras")
    heatmaps = model.get_layer("heatmaps")
    heatmaps.set_weights([1.01 * it for it in heatmaps.get_weights()])
    model.save_weights(tmp_path / "detection.weights.h5")
    before = outputs(exported, KEYPOINTS, "onnx", faces)
    assert export.write_onnx(tmp_path) == [tmp_path / "detection.onnx"], "and none of a network that is not there"
    ours, theirs = (outputs(tmp_path, KEYPOINTS, backend, faces) for backend in ("onnx", "keras"))
    assert np.abs(before - theirs).max() > 0.01
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=HARDLY_TRAINED)


@pytest.mark.parametrize("name", ["detection", "emotion"])
def test_litert_int8_leaves_the_first_convolution_shortcuts_and_gates_alone(exported, name):
    details = Interpreter(str(exported / f"{name}.int8.tflite")).get_tensor_details()
    kernels = [it for it in details if len(it["shape"]) == 4 and it["shape"][0] > 1 and (it["shape"][1:3] == 3).all()]
    for stem, kind in ((True, np.float32), (False, np.int8)):
        assert {it["dtype"] for it in kernels if ("stem1_conv" in it["name"]) == stem} == {kind}
    spared = [it for it in details if "_short_conv" in it["name"] or "_se_" in it["name"]]
    assert spared and not {it["dtype"] for it in spared} & {np.int8}


@pytest.mark.parametrize("backend", ["onnx", "litert"])
@pytest.mark.parametrize(("task", "side", "far"), [(KEYPOINTS, 96, HARDLY_TRAINED), (EMOTIONS, 48, FAR)])
def test_an_exported_network_answers_as_keras_does(exported, faces, backend, task, side, far):
    assert networks.face_side(networks.load_network(exported, task, backend)) == side
    ours = outputs(exported, task, backend, faces)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, outputs(exported, task, "keras", faces), rtol=0, atol=far)


@pytest.mark.parametrize("backend", ["onnx", "litert"])
def test_an_exported_network_reads_batches_of_any_size(exported, faces, backend):
    network, inputs = networks.load_network(exported, KEYPOINTS, backend), to_input(faces, 96)
    whole = network.predict_on_batch(inputs)
    assert [it.shape for it in whole] == [(len(faces), 30), (len(faces), 15)]
    for some in (slice(1), slice(5)):
        for found, expected in zip(network.predict_on_batch(inputs[some]), whole, strict=True):
            np.testing.assert_allclose(found, expected[some], atol=FAR)


def test_every_backend_gives_the_same_table(exported, faces):
    tables = [FaceReader(exported, backend).read_faces(faces) for backend in ("onnx", "litert", "keras", None)]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0], atol=1e-3)


def test_of_these_formats_the_fastest_is_found(exported):
    assert fastest_backend(exported) == json.loads((exported / KEPT).read_text())["backend"]
    assert fastest_backend(exported) in ("onnx", "litert")


@pytest.mark.parametrize(("task", "far"), [(KEYPOINTS, 1.0), (EMOTIONS, 0.03)])
def test_int8_stays_near(exported, faces, task, far):
    error = np.abs(outputs(exported, task, "litert-int8", faces) - outputs(exported, task, "keras", faces))
    assert 0 < error.mean() < far


def test_one_file_gives_all_outputs(exported, faces):
    session = OnnxNetwork(exported / "faces.onnx")._session
    points, probabilities, spread = session.run(None, {f"face_{side}": to_input(faces, side) for side in (96, 48)})
    points = points.reshape(-1, 15, 2)
    np.testing.assert_allclose(points, outputs(exported, KEYPOINTS, "onnx", faces), rtol=0, atol=FAR)
    np.testing.assert_allclose(points, outputs(exported, KEYPOINTS, "keras", faces), rtol=0, atol=HARDLY_TRAINED)
    np.testing.assert_allclose(probabilities, outputs(exported, EMOTIONS, "keras", faces), rtol=0, atol=FAR)
    keypoints = networks.load_network(exported, KEYPOINTS, "onnx")
    np.testing.assert_allclose(spread, find_points(keypoints, faces, flip=False)[1], rtol=0, atol=FAR)


def real_faces() -> dict[str, np.ndarray]:
    """64 validation faces of each data set where it is there, else synthetic ones, by task."""
    synthetic = draw_faces(64, seed=3)[0]
    keypoints = load_keypoints(KEYPOINTS_CSV).split("Validation").images if KEYPOINTS_CSV.exists() else synthetic
    emotions = load_emotions(EMOTIONS_CSV).split("PublicTest").images if EMOTIONS_CSV.exists() else synthetic
    return {KEYPOINTS: keypoints[:64], EMOTIONS: emotions[:64]}


def test_the_shipped_files_are_those_of_the_shipped_networks():
    for task, faces in real_faces().items():
        ours, keras = (outputs(WEIGHTS, task, backend, faces) for backend in ("onnx", "keras"))
        np.testing.assert_allclose(ours, keras, atol=FAR)


def test_a_litert_file_of_the_shipped_keypoint_network_answers_as_keras_does(faces, tmp_path):
    """Written in a process of its own and with a time limit, as those of the tiny networks."""
    command = [sys.executable, "-c", LITERT_OF_THE_SHIPPED, tmp_path / "detection.tflite"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    litert, keras = (outputs(folder, KEYPOINTS, it, faces) for folder, it in ((tmp_path, "litert"), (WEIGHTS, "keras")))
    np.testing.assert_allclose(litert, keras, atol=FAR)
