import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from ai_edge_litert.interpreter import Interpreter

from src.predict import export, networks
from src.data.datasets import load_emotions, load_keypoints
from src.predict.networks import EMOTIONS, KEYPOINTS, OnnxNetwork
from src.files import EMOTIONS_CSV, KEYPOINTS_CSV, ROOT, WEIGHTS
from src.predict.reader import FaceReader, predict_emotions, predict_keypoints
from src.faces import to_input
from src.data.sample import draw_faces

FAR = 1e-4  # px of 96; probability
KERAS = ("detection.json", "detection.weights.h5", "emotion.json", "emotion.weights.h5", "calibration.json")


def exported(folder: Path, call: str) -> set[str]:
    """Names of the files that a call of src.export writes beside the shipped networks of Keras.

    In a process of its own, as `make export`, and with a time limit: among other tests, an export once did not end.
    """
    for name in KERAS:
        shutil.copyfile(WEIGHTS / name, folder / name)
    code = "import sys, pathlib; from src import export; folder = pathlib.Path(sys.argv[1]); " + call
    subprocess.run([sys.executable, "-c", code, folder], cwd=ROOT, check=True, timeout=900)
    return {path.name for path in folder.iterdir()} - {*KERAS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The shipped networks in every format; int8 calibrated on few faces, drawn ones."""
    folder = tmp_path_factory.mktemp("exported")
    call = "export.CALIBRATION_FACES = 16; export.write_all(folder, export.calibration_faces('sample'))"
    assert exported(folder, call) == {
        f"{name}{ending}"
        for name in ("detection", "emotion", "faces")
        for ending in (".onnx", ".int8.onnx", ".tflite", ".int8.tflite")
    }
    return folder


@pytest.fixture(scope="module")
def faces():
    return draw_faces(5, seed=2)[0]


def outputs(folder: Path, task: str, backend: str, faces: np.ndarray) -> np.ndarray:
    """Of one pass over faces, uint8 (n, h, w); the points that an emotion network may ask for are Keras's."""
    network = networks.load_network(folder, task, backend)
    if task == KEYPOINTS:
        return predict_keypoints(network, faces, mirror=False)
    points = predict_keypoints(networks.load_network(WEIGHTS, KEYPOINTS, "keras"), faces, mirror=False)
    return predict_emotions(network, faces, points, mirror=False)


def test_the_same_network_gives_the_same_bytes(folder, tmp_path):
    assert exported(tmp_path, "export.write_onnx(folder)") == {"detection.onnx", "emotion.onnx"}
    for name in ("detection.onnx", "emotion.onnx"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_only_idle_reshapes_are_dropped():
    """Of x (n, 2, 3) -> idle -> (n, 6) -> (n,), the first goes; the last, whose target is a lone -1, stays."""
    graph = onnx.parser.parse_graph(
        """small (float[n, 2, 3] x) => (float[m] y)
        <int64[3] same = {-1, 2, 3}, int64[2] flat = {-1, 6}, int64[1] line = {-1}>
        { a = Relu(x)  b = Reshape(a, same)  c = Reshape(b, flat)  y = Reshape(c, line) }"""
    )
    model = onnx.shape_inference.infer_shapes(onnx.helper.make_model(graph))
    export._drop_idle_reshapes(model.graph)
    assert [(node.op_type, *node.input) for node in model.graph.node] == [
        ("Relu", "x"), ("Reshape", "a", "flat"), ("Reshape", "c", "line"),
    ]  # fmt: skip
    assert [constant.name for constant in model.graph.initializer] == ["flat", "line"]
    onnx.checker.check_model(model)


def test_branches_are_written_in_one_order_whichever_the_exporter_chose():
    """Of y = Relu(x) - Neg(Abs(x)), the left branch comes first, and nothing that no output needs."""
    lines = ["left = Relu(x)", "inner = Abs(x)", "right = Neg(inner)", "idle = Sqrt(x)"]
    for order in ((0, 1, 2, 3), (1, 3, 2, 0), (3, 1, 0, 2)):
        steps = " ".join(lines[i] for i in order)
        graph = onnx.parser.parse_graph(f"small (float[n] x) => (float[n] y) {{ {steps} y = Sub(left, right) }}")
        export._sort_nodes(graph)
        assert [node.op_type for node in graph.node] == ["Relu", "Abs", "Neg", "Sub"]


@pytest.mark.parametrize("name", ["detection", "emotion"])
def test_litert_int8_leaves_the_first_convolution_shortcuts_and_gates_alone(folder, name):
    details = Interpreter(str(folder / f"{name}.int8.tflite")).get_tensor_details()
    kernels = [it for it in details if len(it["shape"]) == 4 and it["shape"][0] > 1 and (it["shape"][1:3] == 3).all()]
    for stem, kind in ((True, np.float32), (False, np.int8)):
        assert {it["dtype"] for it in kernels if ("stem1_conv" in it["name"]) == stem} == {kind}
    spared = [it for it in details if "_short_conv" in it["name"] or "_se_" in it["name"]]
    assert spared and not {it["dtype"] for it in spared} & {np.int8}


@pytest.mark.parametrize("backend", ["onnx", "litert"])
@pytest.mark.parametrize(("task", "side"), [(KEYPOINTS, 96), (EMOTIONS, 48)])
def test_an_exported_network_answers_as_keras_does(folder, faces, backend, task, side):
    assert networks.face_side(networks.load_network(folder, task, backend)) == side
    ours = outputs(folder, task, backend, faces)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, outputs(folder, task, "keras", faces), atol=FAR)


@pytest.mark.parametrize("backend", ["onnx", "litert"])
def test_an_exported_network_reads_batches_of_any_size(folder, faces, backend):
    network, inputs = networks.load_network(folder, KEYPOINTS, backend), to_input(faces, 96)
    whole = network.predict_on_batch(inputs)
    for some in (slice(1), slice(5)):
        np.testing.assert_allclose(network.predict_on_batch(inputs[some]), whole[some], atol=FAR)


def test_every_backend_gives_the_same_table(folder, faces):
    tables = [FaceReader(folder, backend).read_faces(faces) for backend in networks.BACKENDS]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0], atol=1e-3)
    default = FaceReader(folder)
    assert isinstance(default.keypoints, OnnxNetwork) and isinstance(default.emotions, OnnxNetwork)


@pytest.mark.parametrize(("task", "far"), [(KEYPOINTS, 1.0), (EMOTIONS, 0.03)])
@pytest.mark.parametrize("backend", ["onnx", "litert"])
def test_int8_stays_near(folder, faces, tmp_path, backend, task, far):
    name, ending = export.NAMES[task], networks.ENDINGS[backend]
    small = folder / f"{name}.int8{ending}"
    (tmp_path / f"{name}{ending}").write_bytes(small.read_bytes())
    error = np.abs(outputs(tmp_path, task, backend, faces) - outputs(folder, task, "keras", faces))
    assert 0 < error.mean() < far


def test_one_file_gives_both_outputs(folder, faces):
    session = OnnxNetwork(folder / "faces.onnx")._session
    inputs = {f"face_{side}": to_input(faces, side) for side in (96, 48)}
    points, probabilities = session.run(None, inputs)
    np.testing.assert_allclose(points.reshape(-1, 15, 2), outputs(folder, KEYPOINTS, "keras", faces), atol=FAR)
    np.testing.assert_allclose(probabilities, outputs(folder, EMOTIONS, "keras", faces), atol=FAR)


def real_faces() -> dict[str, np.ndarray]:
    """256 validation faces of each data set where it is there, else drawn ones, by task."""
    drawn = draw_faces(64, seed=3)[0]
    keypoints = load_keypoints(KEYPOINTS_CSV).split("Validation").images if KEYPOINTS_CSV.exists() else drawn
    emotions = load_emotions(EMOTIONS_CSV).split("PublicTest").images if EMOTIONS_CSV.exists() else drawn
    return {KEYPOINTS: keypoints[:256], EMOTIONS: emotions[:256]}


def test_the_shipped_files_are_those_of_the_shipped_networks():
    for task, faces in real_faces().items():
        ours, keras = (outputs(WEIGHTS, task, backend, faces) for backend in ("onnx", "keras"))
        np.testing.assert_allclose(ours, keras, atol=FAR)
