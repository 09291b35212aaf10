"""On validation: which convolutions of the emotion network LiteRT's int8 file may leave in float32, and what it gains.

    python benchmarks/int8_layers.py [--out int8_layers.json]

The shipped network in one pass. The test split stays closed.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from src.predict import export
from src.metrics.calibration import five_probabilities
from src.predict.networks import EMOTIONS, KEYPOINTS, load_network
from src.files import WEIGHTS
from src.predict.reader import predict_emotions, predict_keypoints
from src.files import write_json
from src.data.datasets import read_emotions

SPARED = {  # beside the first: name -> what a layer's name then holds
    "none": "stem1_conv",
    "gates": "stem1_conv|_se_",
    "shortcuts and gates": "stem1_conv|_short_conv|_se_",
    "first stage": "stem1_conv|stage1",
    "last stage": "stem1_conv|stage4",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="JSON file to write the table to")
    options = parser.parse_args()
    faces = read_emotions("real", 0, 0).split("PublicTest").five()
    keypoints, emotions = (load_network(WEIGHTS, task, "keras") for task in (KEYPOINTS, EMOTIONS))
    points = predict_keypoints(keypoints, faces.images, mirror=False)
    exact = predict_emotions(emotions, faces.images, points, mirror=False)
    grey = export.calibration_faces("real")["face_48"]
    found = predict_keypoints(keypoints, np.round(grey[..., 0] * 255).astype(np.uint8)).reshape(len(grey), -1)
    inputs = {it.name: grey if len(it.shape) == 4 else found for it in emotions.inputs}
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        plain, small = Path(folder) / "plain.tflite", Path(folder) / "emotion.tflite"
        export._export(emotions, plain, "litert")
        for name, spared in tqdm(SPARED.items(), unit=" files"):
            export.IN_INT8 = rf"^(?!.*({spared}))"
            export._quantize_litert(plain, small, inputs)
            outputs = predict_emotions(
                load_network(Path(folder), EMOTIONS, "litert"), faces.images, points, mirror=False
            )
            right = five_probabilities(outputs).argmax(axis=1) == faces.labels
            rows[name] = {"distance from Keras": float(np.abs(outputs - exact).mean()), "one pass": float(right.mean())}
            rows[name]["MB"] = round(small.stat().st_size / 1e6, 2)
    print(pd.DataFrame(rows).T.to_string())
    if options.out:
        write_json(options.out, rows)


if __name__ == "__main__":
    main()
