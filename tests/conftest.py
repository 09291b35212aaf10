import json
import subprocess
import sys

import pytest
from matplotlib import pyplot as plt

from src.files import ROOT

EXPORT = """
import sys
from pathlib import Path
from src.predict import export
export.CALIBRATION_FACES = 16
export.write_all(Path(sys.argv[1]), "sample")
"""


@pytest.fixture
def closed_figures():
    """Figures are drawn without a screen and closed behind each test."""
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A folder of two tiny, hardly trained networks, named as shipped, with all that `make export` writes beside them.

    In a process of its own, as `make export`: it has met none of the networks' layers before. And with a time limit:
    among other tests, an export once did not end.
    """
    import keras

    from src.data.sample import draw_faces
    from src.faces import to_input
    from src.models.halves import save_in_halves
    from src.models.losses import heatmap_crossentropy
    from src.models.resnet import compact_emotions, compact_keypoints, keypoint_teaching

    keras.utils.set_random_seed(0)
    tiny = {"seed": 1, "widths": (8, 16), "units": (1, 1)}
    images, points_px, labels = draw_faces(192, seed=1)
    points = points_px.reshape(len(points_px), -1)
    keypoints = compact_keypoints(**tiny)
    taught = keypoint_teaching(keypoints, landmarks=False)
    loss = {"keypoints_px": "mse", "heatmaps": heatmap_crossentropy}
    taught.compile(keras.optimizers.Adam(0.02), loss)
    taught.fit(to_input(images, 96), dict.fromkeys(loss, points), epochs=6, verbose=0)
    emotions = compact_emotions(crop_px=40, mean_px=points.mean(axis=0).tolist(), **tiny)
    emotions.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    emotions.fit([to_input(images, 48), points], labels, epochs=4, verbose=0)
    folder = tmp_path_factory.mktemp("exported")
    for name, model in (("detection", keypoints), ("emotion", emotions)):
        (folder / f"{name}.json").write_text(model.to_json())
        save_in_halves(model, folder / f"{name}.weights.h5")
    (folder / "calibration.json").write_text(json.dumps({"temperature": 2.0, "sure_above": 0.3}))
    face_score = {"mean_px": points.mean(axis=0).tolist(), "spread": -2.0, "misfit": -1.0, "bias": 3.0}
    (folder / "face_score.json").write_text(json.dumps(face_score))
    subprocess.run([sys.executable, "-c", EXPORT, folder], cwd=ROOT, check=True, timeout=300)
    return folder
