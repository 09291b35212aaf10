import subprocess
import sys

import pytest

from src.files import ROOT, WEIGHTS
from src.predict import networks
from src.predict.__main__ import PORTRAIT


def test_a_folder_without_exports_is_read_by_keras(tmp_path):
    assert networks.fastest_backend(tmp_path) == "keras"
    (tmp_path / "detection.onnx").touch()
    assert networks.fastest_backend(tmp_path) == "keras"
    (tmp_path / "FacialExpression.onnx").touch()
    assert networks.fastest_backend(tmp_path) == "onnx"
    assert networks.fastest_backend(WEIGHTS) == "onnx"


def test_an_export_of_other_weights_is_not_read(tmp_path):
    for stem in ("detection", "emotion"):
        weights = tmp_path / f"{stem}.weights.h5"
        weights.write_text(stem)
        (tmp_path / f"{stem}.onnx").write_text(f"made of {networks.digest_of(weights)}")
    assert networks.fastest_backend(tmp_path) == "onnx"
    weights.write_text("trained anew")
    assert networks.fastest_backend(tmp_path) == "keras"


@pytest.mark.parametrize(
    ("backend", "error", "words"),
    [
        ("torch", ValueError, "backend is 'torch'; it may be 'onnx', 'litert', 'keras'"),
        ("onnx", FileNotFoundError, "holds no emotion.onnx or FacialExpression.onnx: write it by `make export`"),
        ("litert", FileNotFoundError, "holds no emotion.tflite or FacialExpression.tflite: write it by `make export`"),
        ("keras", FileNotFoundError, "holds no emotion.json or FacialExpression-model.json: train the networks"),
    ],
)
def test_what_a_backend_lacks_is_named(tmp_path, backend, error, words):
    with pytest.raises(error, match=words):
        networks.load_network(tmp_path, networks.EMOTIONS, backend)


def test_a_photo_is_read_without_tensorflow():
    """Its import alone would take longer than all the rest; the board's modules are loaded too."""
    code = (
        "import sys; import src.predict.__main__; from src.predict import FaceReader\n"
        f"assert len(FaceReader().read_photo({str(PORTRAIT)!r})) == 1\n"
        "slow = {'tensorflow', 'keras', 'sklearn', 'scipy', 'onnx', 'matplotlib.pyplot'} & set(sys.modules)\n"
        "assert not slow, slow"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
