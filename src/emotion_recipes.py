"""The emotion networks by name, and the recipes that train them, from which notebook 03 picks.

weights/EXPERIMENTS.md says how each one did.
"""

from dataclasses import replace

from src import baseline, resnet
from src.emotion_line import LINE
from src.emotion_trials import TRIALS
from src.recipes import Recipe

EMOTION_NETWORKS = {
    "baseline": lambda seed, classes: baseline.baseline_emotions(seed, classes=classes),
    "compact": lambda seed, classes, **view: resnet.compact_emotions(seed, classes=classes, **view),
    "ungated": lambda seed, classes, **view: resnet.compact_emotions(seed, classes=classes, gated=False, **view),
    "trimmed": lambda seed, classes, **view: resnet.compact_emotions(
        seed, classes=classes, inner=(32, 64, 128, 208), **view
    ),
    "fine": lambda seed, classes, **view: resnet.compact_emotions(
        seed, classes=classes, inner=(32, 64, 128, 208), fine=16, **view
    ),
    "deep": lambda seed, classes, **view: resnet.compact_emotions(
        seed, classes=classes, units=(3, 4, 3, 2), still=True, **view
    ),
    "light": lambda seed, classes, **view: resnet.compact_emotions(
        seed, classes=classes, units=(1, 2, 2, 1), inner=(16, 32, 64, 128), gated=False, **view
    ),
    "pair": lambda seed, classes, **view: resnet.compact_emotions(
        seed, classes=classes, beside=({"units": (1, 2, 2, 1), "inner": (16, 32, 64, 128), "gated": False},), **view
    ),
    "small": lambda seed, classes, **view: resnet.compact_emotions(
        seed, classes=classes, widths=(16, 32, 64, 128), units=(1, 1, 1, 1), **view
    ),
}

EMOTION_RECIPES = {
    "baseline": Recipe("baseline", "baseline", epochs=35, batch_size=64, loss="crossentropy", monitor="val_loss"),
    **LINE,
    **TRIALS,
    "small": replace(
        LINE["compact"],
        network="small",
        augment="moderate",
        crop_px=None,
        optimizer="adamw",
        learning_rate=4e-3,
        weight_decay=1e-4,
        epochs=8,
        batch_size=32,
        classes=5,
        jit_compile=False,
    ),
}
