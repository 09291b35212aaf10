"""`make export`: the two networks as ONNX and LiteRT files, each alone and both in one, LiteRT in int8 too.

weights/detection.onnx, emotion.onnx     what `FaceReader` reads where LiteRT is no faster; git holds them
weights/faces.onnx, *.tflite             for other programs and devices; made when asked for

`emotion.*` takes a face and the keypoints that `detection.*` finds in it, (n, 30) px of the 96x96 frame; `faces.*`
takes a face in the sizes that the networks read, face_96 and face_48, and gives keypoints, probabilities (n, 7) and
how far each heatmap spreads, (n, 15) px. In `*.int8.tflite` the convolutions, nearly all of the work, compute in int8,
their ranges calibrated on training faces; the rest stays float32: 256 steps over the 96 px of a face are too coarse for
a keypoint.
"""

import argparse
import sys
from pathlib import Path

import keras
import numpy as np
import onnx
from tqdm import tqdm

from src.data.csv_files import DataError
from src.data.datasets import read_emotions, read_keypoints
from src.faces import to_input
from src.files import WEIGHTS, replacing, shown
from src.labels import FER_SIDE, FRAME
from src.models.halves import in_halves
from src.predict import networks
from src.predict.answers import predict_keypoints

NAMES = {task: next(iter(stems)) for task, stems in networks.FILES.items()}  # as shipped
CALIBRATION_FACES = 200
# LiteRT's first convolution stays float32: every layer behind it inherits its rounding, and it is small. Shortcuts and
# gates too, which compute little: on validation faces, probabilities are then off by 0.0034 instead of 0.0044.
IN_INT8 = r"^(?!.*(stem1_conv|_short_conv|_se_))"


def both_in_one(keypoints: keras.Model, emotions: keras.Model) -> keras.Model:
    """One network of two inputs, face_96 and face_48, and as outputs keypoints (n, 30) px, probabilities, spreads."""
    sides = [networks.face_side(model) for model in (keypoints, emotions)]
    faces = [keras.Input((side, side, 1), name=f"face_{side}") for side in sides]
    points, *spread = keras.tree.flatten(keypoints(faces[0]))
    read = [faces[1], points] if networks.reads_points(emotions) else faces[1]
    return keras.Model(faces, [points, emotions(read), *spread], name="faces")


def _export(model: keras.Model, path: Path, form: str, made_of: Path | None = None) -> None:
    """made_of: the weights file of the model, which the file then names."""
    model(model.input)  # Keras's exporter refuses a model that has never been called
    with replacing(path) as part:
        model.export(part, format=form, verbose=False)
        if form == "onnx":
            network = _in_halves(onnx.load(part))
            if made_of:
                network.metadata_props.add(key="weights", value=networks.digest_of(made_of))
            onnx.save(network, part)
        elif made_of:
            _sign(part, made_of)


def _sign(path: Path, made_of: Path) -> None:
    """Says which weights a LiteRT file was made of, behind its end, where readers of the format look for nothing."""
    with path.open("ab") as file:
        file.write(networks.digest_of(made_of).encode())


def _in_halves(network: onnx.ModelProto) -> onnx.ModelProto:
    """Stores in half precision what loses nothing by it; ONNX Runtime makes it float32 when it loads the file."""
    constants, casts = network.graph.initializer, []
    for constant in list(constants):
        halves, name = in_halves(onnx.numpy_helper.to_array(constant)), f"{constant.name}_half"
        if halves.dtype == np.float16:
            casts.append(onnx.helper.make_node("Cast", [name], [constant.name], to=onnx.TensorProto.FLOAT))
            constants.remove(constant)
            constants.append(onnx.numpy_helper.from_array(halves, name))
    nodes = [*casts, *network.graph.node]
    del network.graph.node[:]
    network.graph.node.extend(nodes)
    return network


def _export_int8(plain: Path, path: Path, inputs: dict[str, np.ndarray], made_of: Path | None) -> None:
    """A LiteRT file in int8 from one in float32, calibrated on inputs: name -> float32 (n, ...)."""
    from ai_edge_quantizer import qtyping, quantizer

    conversion = quantizer.Quantizer(str(plain))
    conversion.add_static_config(IN_INT8, qtyping.TFLOperationName.CONV_2D, activation_num_bits=8, weight_num_bits=8)
    count = len(next(iter(inputs.values())))
    rows = [{name: values[i : i + 1] for name, values in inputs.items()} for i in range(count)]
    result = conversion.quantize(conversion.calibrate({"serving_default": rows}))
    with replacing(path) as part:
        part.write_bytes(result.quantized_model)
        if made_of:
            _sign(part, made_of)


def write_onnx(folder: Path) -> list[Path]:
    """folder/detection.onnx and emotion.onnx from what Keras networks are there: what `FaceReader` then reads."""
    paths = []
    for task, name in NAMES.items():
        weights = folder / f"{name}.weights.h5"
        if weights.exists():
            paths.append(folder / f"{name}.onnx")
            _export(networks.load_network(folder, task, "keras"), paths[-1], "onnx", weights)
    return paths


def write_all(folder: Path, data: str) -> list[Path]:
    """Every format of a folder's Keras networks, beside them; data: "real" or "sample", whose faces calibrate int8."""
    write_onnx(folder)
    models = {name: networks.load_network(folder, task, "keras") for task, name in NAMES.items()}
    reads, rng = {FRAME: read_keypoints, FER_SIDE: read_emotions}, np.random.default_rng(0)
    images = {side: read(data, 2 * CALIBRATION_FACES, 0).split("Training").images for side, read in reads.items()}
    count = min(CALIBRATION_FACES, *map(len, images.values()))
    faces = {side: its[rng.choice(len(its), count, replace=False)] for side, its in images.items()}
    points = predict_keypoints(models[NAMES[networks.KEYPOINTS]], faces[FER_SIDE]).reshape(count, -1)
    names = (*models, "faces")
    for name in tqdm(names, "export", unit=" networks"):
        # Both in one comes last: a network that is part of another is exported in other, if equal, operations.
        model = models.get(name) or both_in_one(*models.values())
        sides = {it.name: it.shape[1] for it in model.inputs}
        inputs = {key: to_input(faces[side], side) if side in faces else points for key, side in sides.items()}
        plain, small = folder / f"{name}.tflite", folder / f"{name}.int8.tflite"
        weights = folder / f"{name}.weights.h5" if name in models else None
        _export(model, plain, "litert", weights)
        _export_int8(plain, small, inputs, weights)
    _export(model, folder / "faces.onnx", "onnx")
    return [folder / f"{name}{ending}" for name in names for ending in (".onnx", ".tflite", ".int8.tflite")]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.predict.export", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=WEIGHTS, help="folder of the networks (%(default)s)")
    parser.add_argument("--data", choices=("real", "sample"), default="real", help="calibrates int8 (%(default)s)")
    parser.add_argument("--onnx", action="store_true", help="only the ONNX files that FaceReader reads; takes no data")
    arguments = parser.parse_args()
    try:
        written = write_onnx(arguments.folder) if arguments.onnx else write_all(arguments.folder, arguments.data)
    except (OSError, DataError) as error:
        sys.exit(str(error))
    for path in written:
        print(f"{path.stat().st_size / 1e6:6.1f} MB   {shown(path)}")


if __name__ == "__main__":
    main()
