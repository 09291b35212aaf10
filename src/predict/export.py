"""`make export`: the two networks as ONNX and LiteRT files, in float32 and in int8, each alone and both in one.

weights/detection.onnx, emotion.onnx        what `FaceReader` reads by default, kept in git
weights/*.tflite, *.int8.*, faces.*         for other programs and devices; made when asked for

`emotion.*` takes a face and the keypoints that `detection.*` finds in it, (n, 30) px of the 96x96 frame; `faces.*`
takes a face in the sizes that the networks read, face_96 and face_48, and gives keypoints and probabilities (n, 7). In
the int8 files the convolutions (in LiteRT's all but the first, the shortcuts and the gates), which take nearly all of
the time and of the space, compute in int8, their ranges calibrated on training faces; the rest stays float32, since
256 steps over the 96 px of a face are too coarse for a keypoint.
"""

import argparse
import sys
from pathlib import Path

import keras
import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from tqdm import tqdm

from src.data.datasets import DataError, read_emotions, read_keypoints
from src.faces import to_input
from src.files import WEIGHTS, replacing, shown
from src.predict import networks
from src.predict.reader import predict_keypoints

NAMES = {task: next(iter(stems)) for task, stems in networks.FILES.items()}  # as shipped
BOTH = "faces"
CALIBRATION_FACES = 200
# LiteRT's first convolution stays float32: every layer behind it inherits its rounding, and it is small. Shortcuts and
# gates too, which compute little: the emotions' answers on validation faces are then off by 0.0034 instead of 0.0044
# (benchmarks/int8_layers.json).
IN_INT8 = r"^(?!.*(stem1_conv|_short_conv|_se_))"


def both_in_one(keypoints: keras.Model, emotions: keras.Model) -> keras.Model:
    """One network of two inputs, face_96 and face_48, and two outputs, keypoints (n, 30) px and probabilities."""
    sides = [networks.face_side(model) for model in (keypoints, emotions)]
    faces = [keras.Input((side, side, 1), name=f"face_{side}") for side in sides]
    points = keypoints(faces[0])
    read = [faces[1], points] if networks.reads_points(emotions) else faces[1]
    return keras.Model(faces, [points, emotions(read)], name=BOTH)


def _drop_idle_reshapes(graph: onnx.GraphProto) -> None:
    """Takes out each Reshape to the shape that its input has; the exporter leaves now more, now fewer of them."""
    constants = {
        it.name: onnx.numpy_helper.to_array(it).tolist()
        for it in graph.initializer
        if it.data_type == onnx.TensorProto.INT64
    }
    shapes = {it.name: [side.dim_value for side in it.type.tensor_type.shape.dim] for it in graph.value_info}
    instead = {}
    for node in list(graph.node):
        node.input[:] = [instead.get(name, name) for name in node.input]
        shape = shapes.get(node.input[0])
        if node.op_type == "Reshape" and shape and constants.get(node.input[1]) == [-1, *shape[1:]]:
            instead[node.output[0]] = node.input[0]
            graph.node.remove(node)
    used = {name for node in graph.node for name in node.input}
    for constant in [it for it in graph.initializer if it.name not in used]:
        graph.initializer.remove(constant)


def _sort_nodes(graph: onnx.GraphProto) -> None:
    """Brings the nodes into the order in which the outputs need them; the exporter may mix branches in any other."""
    maker = {name: node for node in graph.node for name in node.output}
    order, wanted = {}, [value.name for value in reversed(graph.output)]
    while wanted:
        node = maker.get(wanted[-1])
        first = [name for name in node.input if name in maker and maker[name].output[0] not in order] if node else []
        if first:
            wanted.extend(reversed(first))
            continue
        if node:
            order.setdefault(node.output[0], onnx.NodeProto.FromString(node.SerializeToString()))
        wanted.pop()
    del graph.node[:]
    graph.node.extend(order.values())


def _number_names(path: Path) -> None:
    """Rewrites an ONNX file with tensors and nodes numbered in order: the same network gives the same bytes each time.

    The exporter's names, constants and idle steps follow counters and orders that differ from one process to the next.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    graph = model.graph
    _drop_idle_reshapes(graph)
    _sort_nodes(graph)
    del graph.value_info[:]
    numbered = {value.name: value.name for value in (*graph.input, *graph.output)}
    numbered[""] = ""  # an optional input that is left out
    for i, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{i}"
        for names in (node.input, node.output):
            names[:] = [numbered.setdefault(name, f"tensor_{len(numbered)}") for name in names]
    order = list(numbered)
    constants = sorted(graph.initializer, key=lambda constant: order.index(constant.name))
    constants = [onnx.TensorProto.FromString(constant.SerializeToString()) for constant in constants]
    for constant in constants:
        constant.name = numbered[constant.name]
    del graph.initializer[:]
    graph.initializer.extend(constants)
    graph.doc_string = ""
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    onnx.save(model, path)


def _export(model: keras.Model, path: Path, form: str) -> None:
    """Keras's own exporter, which refuses a model that has never been called."""
    faces = [np.zeros((1, *face.shape[1:]), np.float32) for face in model.inputs]
    model(faces if len(faces) > 1 else faces[0])
    with replacing(path) as part:
        model.export(part, format=form, verbose=False)
        if form == "onnx":
            _number_names(part)


class _Faces(CalibrationDataReader):
    """Feeds ONNX Runtime's calibration one face after the other: inputs by name, float32 (n, side, side, 1)."""

    def __init__(self, inputs: dict[str, np.ndarray]):
        self._rows = ({name: faces[i : i + 1] for name, faces in inputs.items()} for i in range(CALIBRATION_FACES))

    def get_next(self) -> dict | None:
        return next(self._rows, None)


def _quantize_onnx(path: Path, target: Path, inputs: dict[str, np.ndarray]) -> None:
    with replacing(target) as part:
        quantize_static(
            path,
            part,
            _Faces(inputs),
            op_types_to_quantize=["Conv"],
            per_channel=True,
            reduce_range=True,  # processors without 8-bit dot products add pairs of products in 16 bits
            weight_type=QuantType.QInt8,
        )


def _quantize_litert(path: Path, target: Path, inputs: dict[str, np.ndarray]) -> None:
    from ai_edge_quantizer import qtyping, quantizer

    conversion = quantizer.Quantizer(str(path))
    conversion.add_static_config(
        regex=IN_INT8,
        operation_name=qtyping.TFLOperationName.CONV_2D,
        activation_num_bits=8,
        weight_num_bits=8,
    )
    rows = [{name: faces[i : i + 1] for name, faces in inputs.items()} for i in range(CALIBRATION_FACES)]
    result = conversion.quantize(conversion.calibrate({"serving_default": rows}))
    with replacing(target) as part:
        part.write_bytes(result.quantized_model)


def write_onnx(folder: Path) -> None:
    """folder/detection.onnx and emotion.onnx from what Keras networks are there: what `FaceReader` then reads."""
    for task, name in NAMES.items():
        if (folder / f"{name}.weights.h5").exists():
            _export(networks.load_network(folder, task, "keras"), folder / f"{name}.onnx", "onnx")


def write_all(folder: Path, faces: dict[str, np.ndarray]) -> list[Path]:
    """Every format of the Keras networks in a folder, beside them; returns the files.

    faces: input name -> training faces, float32 (n, side, side, 1), n at least CALIBRATION_FACES.
    """
    models = {NAMES[task]: networks.load_network(folder, task, "keras") for task in NAMES}
    grey = np.round(faces["face_48"][..., 0] * 255).astype(np.uint8)
    points = predict_keypoints(models[NAMES[networks.KEYPOINTS]], grey).reshape(len(grey), -1)
    written = []
    for name in tqdm((*models, BOTH), "export", unit=" networks"):
        # Both in one comes last: a network that is part of another is exported in other, if equal, operations.
        model = models.get(name) or both_in_one(*models.values())
        inputs = {it.name: faces[f"face_{it.shape[1]}"] if len(it.shape) == 4 else points for it in model.inputs}
        for form, ending, quantize in (("onnx", ".onnx", _quantize_onnx), ("litert", ".tflite", _quantize_litert)):
            plain, small = folder / f"{name}{ending}", folder / f"{name}.int8{ending}"
            _export(model, plain, form)
            quantize(plain, small, inputs)
            written += [plain, small]
    return written


def calibration_faces(data: str) -> dict[str, np.ndarray]:
    """Training faces by the name of the input that takes them; data: "real" or "sample"."""
    n = CALIBRATION_FACES
    rng = np.random.default_rng(0)
    found = {}
    for side, read in ((96, read_keypoints), (48, read_emotions)):
        training = read(data, 2 * n, 0).split("Training").images
        found[f"face_{side}"] = to_input(training[rng.choice(len(training), n, replace=False)], side)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.export", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=WEIGHTS, help="folder of the networks (%(default)s)")
    parser.add_argument("--data", choices=("real", "sample"), default="real", help="calibrates int8 (%(default)s)")
    arguments = parser.parse_args()
    try:
        written = write_all(arguments.folder, calibration_faces(arguments.data))
    except (OSError, DataError) as error:
        sys.exit(str(error))
    for path in written:
        print(f"{path.stat().st_size / 1e6:6.1f} MB   {shown(path)}")


if __name__ == "__main__":
    main()
