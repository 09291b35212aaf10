"""The trainings of the quick run under KERAS_BACKEND=jax, in a process of their own; skipped without JAX."""

import importlib.util
import os
import subprocess
import sys

import pytest
from weights_file import same_arrays

from src.files import ROOT

PROGRAM = """
import sys
sys.modules["tensorflow"] = None  # importing it fails, as where it is not installed
from pathlib import Path
import numpy as np
from src.data.datasets import sample_emotions, sample_keypoints
from src.training import fit, tasks
from src.training.recipes import EMOTION_RECIPES, KEYPOINT_RECIPES, changed

folder, stop_after, shown = Path(sys.argv[1]), int(sys.argv[2]), 0

def stop(self, batch, logs=None):
    global shown
    shown += 1
    if shown == stop_after:
        raise KeyboardInterrupt

fit._Run.on_train_batch_end = stop
if sys.argv[3] == "keypoints":
    recipe = changed(KEYPOINT_RECIPES["small"], epochs=3, batch_size=8, landmark_weight=0.5)
    _, record = tasks.train_keypoints(sample_keypoints(40, 0), recipe, folder)
else:
    faces, recipe = sample_emotions(40, 0), changed(EMOTION_RECIPES["small"], epochs=3, batch_size=8, crop_px=40)
    if sys.argv[3] == "a student":
        if not (teacher := folder.parent / "teacher").exists():
            fit._Run.on_train_batch_end = lambda *_, **__: None
            tasks.train_emotions(faces, changed(recipe, epochs=1), teacher)
            fit._Run.on_train_batch_end = stop
        recipe = changed(recipe, widths=[16, 32, 64], units=[1, 1, 1], teacher="teacher", teacher_weight=0.5)
    _, record = tasks.train_emotions(faces, recipe, folder)
assert record["versions"].keys() == {"jax", "keras", "numpy"}
assert len(record["history"]) == 3 and np.isfinite([row["loss"] for row in record["history"]]).all()
"""


@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="JAX is not installed")
@pytest.mark.parametrize("task", ["keypoints", "emotions", "a student"])
def test_a_training_under_jax_is_resumed_to_the_same_weights(task, tmp_path):
    def run(folder, stop_after):
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / folder), str(stop_after), task]
        return subprocess.run(command, cwd=ROOT, env={**os.environ, "KERAS_BACKEND": "jax"}, capture_output=True)

    assert run("whole", 0).returncode == 0
    stopped = run("stopped", 5)  # in the second of three epochs of three steps
    assert b"KeyboardInterrupt" in stopped.stderr
    assert run("stopped", 0).returncode == 0
    assert same_arrays(*(tmp_path / folder / "best.weights.h5" for folder in ("whole", "stopped")))
