"""A trained network out of its files, run by ONNX Runtime, LiteRT or Keras: three backends behind one interface.

Only the Keras backend imports TensorFlow, which takes longer than reading a photo does.
"""

import hashlib
import os
from pathlib import Path
from typing import Protocol

import numpy as np

from src.files import shown

KEYPOINTS, EMOTIONS = "keypoints", "emotions"
# What a network's files begin with, as shipped and in a run of one's own -> the description of its layers, for Keras.
FILES = {
    KEYPOINTS: {"detection": "detection.json", "FacialKeyPoints": "FacialKeyPoints-model.json"},
    EMOTIONS: {"emotion": "emotion.json", "FacialExpression": "FacialExpression-model.json"},
}
ENDINGS = {"onnx": ".onnx", "litert": ".tflite", "litert-int8": ".int8.tflite"}  # that `make export` writes
BACKENDS = (*ENDINGS, "keras")


class Network(Protocol):
    """What is asked of a network; a Keras model has both."""

    input_shape: tuple | list[tuple]  # (None, side, side, 1); with keypoints: a list of that and (None, 30)

    def predict_on_batch(self, inputs: np.ndarray | list[np.ndarray]) -> np.ndarray | list[np.ndarray]:
        """Faces float32 (n, side, side, 1), grey 0..1, or faces and keypoints -> float32 (n, k), or several of them."""


def reads_points(network: Network) -> bool:
    """Whether it asks for the keypoints of a face besides the face."""
    return isinstance(network.input_shape, list)


def face_side(network: Network) -> int:
    """Width and height of the faces that it reads, px."""
    return (network.input_shape[0] if reads_points(network) else network.input_shape)[1]


def _as_keras(items: list) -> list:
    """A list of several, or the only one, as a Keras model has its shapes and its outputs."""
    return items if len(items) > 1 else items[0]


class OnnxNetwork:
    """A network in an ONNX file. threads: how many it may use; 0: all cores."""

    def __init__(self, path: Path, threads: int = 0):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Idle threads sleep: those of one network would otherwise keep the cores from those of the next.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        inputs = self._session.get_inputs()
        self._names = [it.name for it in inputs]
        self.input_shape = _as_keras([(None, *it.shape[1:]) for it in inputs])

    def predict_on_batch(self, inputs: np.ndarray | list[np.ndarray]) -> np.ndarray | list[np.ndarray]:
        inputs = inputs if isinstance(inputs, list) else [inputs]
        return _as_keras(self._session.run(None, dict(zip(self._names, inputs, strict=True))))


class LiteRTNetwork:
    """A network in a LiteRT file. threads: how many it may use; 0: all cores."""

    def __init__(self, path: Path, threads: int = 0):
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(str(path), num_threads=threads or os.cpu_count())
        # In the file they stand in any order; the face has more axes than keypoints; these are 30, spreads 15.
        inputs = sorted(self._interpreter.get_input_details(), key=lambda it: -len(it["shape"]))
        outputs = sorted(self._interpreter.get_output_details(), key=lambda it: -it["shape"][-1])
        self._outputs = [it["index"] for it in outputs]
        self._indices = [it["index"] for it in inputs]
        self.input_shape = _as_keras([(None, *map(int, it["shape"][1:])) for it in inputs])

    def predict_on_batch(self, inputs: np.ndarray | list[np.ndarray]) -> np.ndarray | list[np.ndarray]:
        inputs = inputs if isinstance(inputs, list) else [inputs]
        for index, values in zip(self._indices, inputs, strict=True):
            self._interpreter.resize_tensor_input(index, values.shape)
        self._interpreter.allocate_tensors()  # does nothing where the shapes are those of the last call
        for index, values in zip(self._indices, inputs, strict=True):
            self._interpreter.set_tensor(index, values)
        self._interpreter.invoke()
        return _as_keras([self._interpreter.get_tensor(index) for index in self._outputs])


def load_keras(model_json: Path, weights: Path):
    """The Keras model described in `model_json` with its trained `weights`. FileNotFoundError names a missing file."""
    for path in (model_json, weights):
        if not path.exists():
            raise FileNotFoundError(f"{shown(path)} is missing: train the networks (make run) or restore the file")
    import keras

    import src.models.layers  # noqa: F401  registers the layers that model_from_json looks up

    model = keras.models.model_from_json(model_json.read_text())
    model.load_weights(weights)
    return model


def digest_of(weights: Path) -> str:
    """What an ONNX or LiteRT file says of the weights file that it was made of."""
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def made_of(exported: Path, weights: Path) -> bool:
    """Whether an exported file names the weights file beside it, as both formats do in the end; or there is none."""
    with exported.open("rb") as file:
        file.seek(max(0, exported.stat().st_size - 4096))
        return not weights.exists() or digest_of(weights).encode() in file.read()


def load_network(folder: Path, task: str, backend: str, threads: int = 0) -> Network:
    """The keypoint or emotion network of a folder; task: KEYPOINTS or EMOTIONS.

    FileNotFoundError, ValueError: the folder lacks a file that the backend needs; there is no such backend, or the file
    was made of other weights than those beside it. ModuleNotFoundError: what runs the file is not installed.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend is {backend!r}; it may be {', '.join(map(repr, BACKENDS))}")
    names = FILES[task] if backend == "keras" else {stem: stem + ENDINGS[backend] for stem in FILES[task]}
    stem = next((stem for stem, name in names.items() if (folder / name).exists()), None)
    if stem is None:
        remedy = "train the networks first (make run)" if backend == "keras" else "write it by `make export`"
        raise FileNotFoundError(f"{shown(folder)} holds no {' or '.join(names.values())}: {remedy}")
    path, weights = folder / names[stem], folder / f"{stem}.weights.h5"
    if backend != "keras" and not made_of(path, weights):
        raise ValueError(f"{shown(path)} was made of other weights than {weights.name}: write it anew by `make export`")
    try:
        if backend == "keras":
            return load_keras(path, weights)
        return (OnnxNetwork if backend == "onnx" else LiteRTNetwork)(path, threads)
    except ModuleNotFoundError as error:
        what = f"{shown(path)} is run by {error.name}, which is not installed"
        raise ModuleNotFoundError(f"{what}: pip install '.[study]'", name=error.name) from error
