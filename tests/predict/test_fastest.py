import json
import shutil

import pytest

from src.files import WEIGHTS
from src.predict import fastest
from src.predict.fastest import KEPT, fastest_backend
from src.predict.networks import digest_of


@pytest.fixture
def measured(monkeypatch):
    """Made times of the backends, seconds; what is measured is noted."""
    times, asked = {"onnx": 0.002, "litert": 0.001}, []
    monkeypatch.setattr(fastest, "seconds_a_face", lambda folder, names, threads: asked.extend(names) or times)
    return times, asked


def exported(folder, ending):
    for stem in ("detection", "emotion"):
        (folder / f"{stem}{ending}").write_text(f"made of {digest_of(folder / f'{stem}.weights.h5')}")


@pytest.fixture
def folder(tmp_path):
    for stem in ("detection", "emotion"):
        (tmp_path / f"{stem}.weights.h5").write_text(stem)
    return tmp_path


def test_a_folder_without_exports_is_read_by_keras(tmp_path):
    assert fastest_backend(tmp_path) == "keras"
    (tmp_path / "detection.onnx").touch()
    assert fastest_backend(tmp_path) == "keras"
    (tmp_path / "FacialExpression.onnx").touch()
    assert fastest_backend(tmp_path) == "onnx"


def test_the_shipped_networks_need_no_measuring(measured, tmp_path):
    for path in WEIGHTS.glob("*.onnx"):
        shutil.copyfile(path, tmp_path / path.name)
    assert fastest_backend(tmp_path) == "onnx" and measured[1] == []


def test_an_export_of_other_weights_is_not_read(folder, measured):
    exported(folder, ".onnx")
    assert fastest_backend(folder) == "onnx"
    (folder / "emotion.weights.h5").write_text("trained anew")
    assert fastest_backend(folder) == "keras" and measured[1] == []


def test_of_several_backends_the_fastest_is_measured_once_and_remembered(folder, measured):
    times, asked = measured
    exported(folder, ".onnx")
    exported(folder, ".tflite")
    assert [fastest_backend(folder) for _ in range(3)] == ["litert"] * 3 and asked == ["onnx", "litert"]
    times["litert"] = 1.0
    assert fastest_backend(folder) == "litert", "remembered"
    assert fastest_backend(folder, threads=1) == "onnx", "another number of threads is another question"
    (folder / KEPT).write_text(json.dumps({**json.loads((folder / KEPT).read_text()), "computer": "another"}))
    assert fastest_backend(folder) == "onnx"
    for broken in ("{", "[]", json.dumps({"backend": "keras"})):
        (folder / KEPT).write_text(broken)
        assert fastest_backend(folder) == "onnx"


def test_int8_is_only_read_when_asked_for(folder, measured):
    exported(folder, ".int8.tflite")
    assert fastest_backend(folder) == "keras"
    exported(folder, ".onnx")
    assert fastest_backend(folder) == "onnx" and measured[1] == []


def test_a_face_is_timed():
    assert 0 < fastest.seconds_a_face(WEIGHTS, ["onnx"], 1)["onnx"] < 1
