import json
from dataclasses import replace

import numpy as np
import pytest

from src import light
from src.datasets import sample_emotions, sample_keypoints
from src.paths import WEIGHTS
from src.predict import FaceReader
from src.resnet import compact_emotions, compact_keypoints
from src.shipping import NAMES

THIN = (8, 8, 8, 8)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with two untrained light networks."""
    folder = tmp_path_factory.mktemp("runs") / "full"
    mean_px = np.random.default_rng(0).uniform(20, 76, 30).tolist()
    networks = (
        compact_keypoints(widths=THIN, units=(1,) * 4, gated=False),
        compact_emotions(widths=THIN, units=(1,) * 4, reads_px=40, mean_px=mean_px, gated=False),
    )
    for (task, name), network in zip(light.RECIPES.items(), networks, strict=True):
        training = folder / task.name / name
        training.mkdir(parents=True)
        (training / "model.json").write_text(network.to_json())
        network.save_weights(training / "best.weights.h5")
        (training / "record.json").write_text(json.dumps({"best": {"epoch": 1}}))
    return folder


def test_a_run_without_light_networks_is_told_from_one_with_them(run, monkeypatch):
    monkeypatch.setattr(light, "RUNS", run.parent)
    assert light.trained("full") and not light.trained("other")
    monkeypatch.setattr("sys.argv", ["light", "--run", "other"])
    with pytest.raises(SystemExit, match="other holds no light networks: train the recipes of that name"):
        light.main()


def test_the_shipped_pair_reads_faces_and_is_judged_on_validation_beside_the_whole_one(run, tmp_path, monkeypatch):
    monkeypatch.setattr(light, "RUNS", run.parent)
    points = sample_keypoints(80, seed=0)
    points = replace(points, subject=np.array([f"helen/{i}" for i in range(len(points))]))
    faces = sample_emotions(80, seed=0)
    scores = light.ship("full", points, faces, tmp_path / "light")
    assert scores == json.loads((tmp_path / "light" / "validation.json").read_text())
    assert set(scores) == {"light", "whole"}
    assert scores["whole"]["one pass"]["nme_percent"] < scores["light"]["one pass"]["nme_percent"]
    assert scores["light"]["one pass"] != scores["light"]["mirror averaged"]
    for task, name in light.RECIPES.items():
        assert json.loads((tmp_path / "light" / f"{NAMES[task]}.record.json").read_text())["name"] == name
    table, whole = (FaceReader(it).read_faces(faces.images[:3]) for it in (tmp_path / "light", WEIGHTS))
    assert list(table) == list(whole) and table.notna().all(axis=None)
    np.testing.assert_allclose(table.filter(regex="^p_").sum(axis=1), 1, atol=1e-6)
