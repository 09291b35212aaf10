import subprocess
import sys

import pytest

from src.files import ROOT
from src.predict import networks
from src.predict.program import PORTRAIT


@pytest.mark.parametrize(
    ("backend", "error", "words"),
    [
        ("torch", ValueError, "backend is 'torch'; it may be 'onnx', 'litert', 'litert-int8', 'keras'"),
        ("onnx", FileNotFoundError, "holds no emotion.onnx or FacialExpression.onnx: write it by `make export`"),
        ("litert", FileNotFoundError, "holds no emotion.tflite or FacialExpression.tflite: write it by `make export`"),
        ("keras", FileNotFoundError, "holds no emotion.json or FacialExpression-model.json: train the networks"),
    ],
)
def test_what_a_backend_lacks_is_named(tmp_path, backend, error, words):
    with pytest.raises(error, match=words):
        networks.load_network(tmp_path, networks.EMOTIONS, backend)


@pytest.mark.parametrize("backend", ["onnx", "litert", "litert-int8"])
def test_an_export_of_other_weights_is_refused(tmp_path, backend):
    (tmp_path / "emotion.weights.h5").write_text("trained anew")
    (tmp_path / f"emotion{networks.ENDINGS[backend]}").write_text("made before")
    with pytest.raises(ValueError, match=r"was made of other weights than emotion\.weights\.h5: .* `make export`"):
        networks.load_network(tmp_path, networks.EMOTIONS, backend)


def test_the_program_leaves_garbage_collection_on():
    """It is off only while modules load; a library's user who asks for FaceReader has it on all the time."""
    code = "import gc, sys; import src.predict; assert 'pandas' not in sys.modules; import src.predict.__main__"
    code += "; assert gc.isenabled() and gc.get_freeze_count() and 'pandas' in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_photo_is_read_without_tensorflow():
    """Its import alone would take longer than all the rest; the board is drawn without matplotlib, too."""
    code = (
        "import sys; import src.predict.__main__; from src.predict import FaceReader\n"
        f"assert len(FaceReader().read_photo({str(PORTRAIT)!r})) == 1\n"
        "slow = {'tensorflow', 'keras', 'sklearn', 'scipy', 'onnx', 'matplotlib'} & set(sys.modules)\n"
        "assert not slow, slow"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
