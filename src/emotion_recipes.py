"""The named recipes of the emotions, from which notebook 03 picks; weights/EXPERIMENTS.md says how each one did."""

from dataclasses import replace

from src import baseline, resnet
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

_COMPACT_EMOTIONS = Recipe(
    "compact",
    "crops",
    epochs=40,
    batch_size=128,
    loss="smoothed_crossentropy",
    monitor="val_five_accuracy",
    optimizer="sgd",
    learning_rate=0.1,
    schedule="cosine",
    weight_decay=5e-3,  # Keras keeps it out of the momentum: as much as the 5e-4 of libraries that do not
    crop_px=40,
    classes=7,
    jit_compile=True,
)
# `compact` overfits at the end, finds one disgusted face in four, and reads the middle of a face best, as it trained.
_AGAIN = replace(
    _COMPACT_EMOTIONS,
    start="compact",
    epochs=12,
    learning_rate=0.03,
    loss="crossentropy",  # its labels are soft already
    soft_labels=0.5,
    mixup=0.2,
    five_repeats=2,
    disgust_repeats=3,
    reads_px=40,
)
# Its accuracy still rose in the last epoch: once more, longer, from a higher rate and on other draws of the changes.
_THIRD = replace(_AGAIN, start="compact_again", epochs=18, learning_rate=0.04, seed=1)
# The mean of the last two's weights, grown by units that change nothing at first: no better (weights/EXPERIMENTS.md).
_DEEP = replace(_AGAIN, network="deep", start="compact_again compact_third", epochs=11, learning_rate=0.04, seed=2)
# Squares that the keypoints choose instead of the middle of the face. Kept by the loss, which jumps less by chance.
_LOOKING = replace(_AGAIN, start="compact_third", looks=True, monitor="val_loss", seed=6)
# Its loss still fell in the last epoch, and it misses four disgusted validation faces in ten: longer, on more of those.
_LOOKING_AGAIN = replace(_LOOKING, start="compact_looking", epochs=14, learning_rate=0.04, disgust_repeats=5, seed=7)
# One finds more of the disgusted faces, the other is right more often: from the mean of their weights, at a low rate.
_LOOKING_BOTH = replace(
    _LOOKING_AGAIN, start="compact_looking compact_looking_again", epochs=3, learning_rate=0.01, seed=9
)
# For what is cut out of that network, which answers every changed face (Beyer et al. 2022, "A good teacher is patient
# and consistent").
_PUPIL = replace(_LOOKING_AGAIN, start="compact_looking_both", teacher="compact_looking_both", soft_labels=0.9)
# A fifth of its last units' inner channels are hardly heard: without them, six epochs of lessons from the whole one ...
_TRIMMED_LONG = replace(_PUPIL, network="trimmed", epochs=6, learning_rate=0.03, soft_labels=0.7, seed=14)
# ... do more harm than good (weights/EXPERIMENTS.md); two at a low rate let the rest get used to it.
_TRIMMED = replace(_TRIMMED_LONG, epochs=2, learning_rate=0.004)
# Its loss fell well below its teacher's, and still fell in the second epoch: once more, taught by itself.
_TRIMMED_AGAIN = replace(
    _TRIMMED, start="compact_trimmed", teacher="compact_trimmed", epochs=4, learning_rate=0.008, seed=15
)
# On from the mean of those two's weights, longer, from a higher rate.
_TRIMMED_BOTH = replace(
    _TRIMMED_AGAIN,
    start="compact_trimmed compact_trimmed_again",
    teacher="compact_trimmed compact_trimmed_again",
    epochs=8,
    learning_rate=0.01,
    seed=16,
)
# A network of its own descent, from scratch by the labels alone, on the squares that the keypoints choose: to teach
# beside the others. Without XLA and in bfloat16 an epoch takes half the time here.
_INDEPENDENT = replace(
    _COMPACT_EMOTIONS,
    epochs=56,
    monitor="val_loss",
    reads_px=40,
    looks=True,
    disgust_repeats=5,
    mixup=0.2,
    seed=17,
    precision="mixed_bfloat16",
    jit_compile=False,
)
# What each part of it brings, ten epochs each: the same once more on other draws, and without one part at a time.
_SHORT = replace(_INDEPENDENT, epochs=10)
_WITHOUT = {
    "nothing": {"seed": 40},
    "looking": {"looks": False},
    "fear_and_neutral": {"classes": 5},
    "changes": {"augment": "none"},
    "mixup": {"mixup": 0.0},
    "smoothing": {"loss": "crossentropy"},
    "disgust_repeats": {"disgust_repeats": 1},
    "gates": {"network": "ungated"},
}
# On from the mean of the trimmed two, taught by that and by the independent one, which errs on other faces.
_TAUGHT_TWICE = replace(
    _TRIMMED_BOTH,
    teacher="compact_trimmed compact_trimmed_again, compact_independent",
    soft_labels=0.8,
    learning_rate=0.015,
    seed=18,
    precision="mixed_bfloat16",
    jit_compile=False,
)
# The last word: the mean of all four, taught by itself, at a low rate.
_POLISHED = replace(
    _TRIMMED_BOTH,
    start="compact_trimmed compact_trimmed_again compact_trimmed_both compact_taught_twice",
    teacher="compact_trimmed compact_trimmed_again compact_trimmed_both compact_taught_twice",
    epochs=3,
    learning_rate=0.004,
    seed=19,
)
# What the stem halves away, looked at besides: a view of every px, silent at first; taught by the mirror average. No
# better (weights/EXPERIMENTS.md).
_FINE = replace(
    _POLISHED,
    network="fine",
    start="compact_polished",
    teacher="compact_polished",
    teacher_mirrored=True,
    soft_labels=0.6,
    epochs=32,
    learning_rate=0.03,
    seed=20,
    precision="mixed_bfloat16",
    jit_compile=False,
)
# On from there at a low rate, taught by both, which err on other faces: better in one pass, level mirrored.
_FINE_POLISHED = replace(
    _FINE,
    start="trial_fine",
    teacher="trial_fine, compact_polished",
    soft_labels=0.7,
    epochs=4,
    learning_rate=0.008,
    seed=21,
)
# It still improved in its last epoch: longer, from a higher rate, taught by itself and the shipped one.
_FINE_AGAIN = replace(
    _FINE_POLISHED,
    start="trial_fine_polished",
    teacher="trial_fine_polished, compact_polished",
    epochs=8,
    learning_rate=0.012,
    seed=22,
)
# Three that each leave out another third of the faces, by the labels alone: what they say of faces they never saw ...
_FOLD = replace(_INDEPENDENT, network="light", epochs=44)
# ... is half of the labels of the next round: the networks before know their training labels by heart, wrong ones too.
_UNSEEN = replace(
    _TAUGHT_TWICE,
    start="compact_polished",
    folds="fold_1 fold_2 fold_3",
    teacher="trial_fine_again, compact_polished",
    teacher_mirrored=True,
    soft_labels=0.6,
    epochs=12,
    learning_rate=0.025,
    seed=26,
)
# The last word: from the mean of its weights and the shipped one's, taught by that mean and the one that sees every px.
_UNSEEN_POLISHED = replace(
    _UNSEEN,
    start="compact_unseen compact_polished",
    teacher="compact_unseen compact_polished, trial_fine_again",
    soft_labels=0.7,
    epochs=2,
    learning_rate=0.004,
    seed=27,
)
# Three that err differently answer better together than any alone: a pupil of all three, with little weight on the
# labels, faces mixed more freely, since its teachers answer the mixtures. No better (weights/EXPERIMENTS.md).
_GATHERED = replace(
    _UNSEEN,
    start="compact_unseen compact_polished",
    folds=None,
    teacher="compact_unseen, compact_polished, trial_fine_again",
    soft_labels=0.85,
    mixup=0.5,
    epochs=10,
    learning_rate=0.02,
    seed=28,
)
# On from the best, towards flat places, against learning labels by heart; kept at its end, when it is calmest.
_FLAT = replace(
    _UNSEEN,
    start="compact_unseen_polished",
    teacher="compact_unseen_polished, trial_fine_again",
    rho=0.05,
    monitor="last",
    epochs=10,
    learning_rate=0.02,
    seed=30,
)
# From the mean of the weights of the two that began with those labels. Three epochs at a low rate do more harm than
# good (weights/EXPERIMENTS.md); one at a very low rate stays near that mean.
_FLAT_POLISHED_LONG = replace(
    _FLAT,
    start="compact_flat compact_unseen",
    teacher="compact_flat, compact_unseen, trial_fine_again",
    soft_labels=0.7,
    epochs=3,
    learning_rate=0.004,
    seed=31,
)
_FLAT_POLISHED = replace(_FLAT_POLISHED_LONG, epochs=1, learning_rate=0.0004, rho=0.0, seed=32)


# The folds once more, each taught by itself, as `compact_again` was, towards flat places: better answers to faces that
# they never saw.
def _fold_again(i: int) -> Recipe:
    return replace(
        _FOLD,
        start=f"fold_{i}",
        teacher=f"fold_{i}",
        left_out=f"{i} of 3",
        loss="crossentropy",
        soft_labels=0.5,
        teacher_mirrored=True,
        five_repeats=2,
        rho=0.05,
        monitor="last",
        epochs=12,
        learning_rate=0.05,
        seed=32 + i,
    )


# The mean itself does better than any training that goes on from it: as it is, no epochs.
_MEAN = replace(
    _FLAT,
    start="compact_flat compact_unseen",
    folds=None,
    teacher=None,
    teacher_mirrored=False,
    soft_labels=0.0,
    rho=0.0,
    epochs=0,
    seed=38,
)
# From that mean, without teachers that know the labels by heart: half of them what the better folds say of faces that
# they never saw. And for what is asked: the five emotions count more than telling them from fear and neutral. No better
# (weights/EXPERIMENTS.md).
_NESTED = replace(
    _MEAN,
    loss="nested_crossentropy",
    folds="fold_1_again fold_2_again fold_3_again",
    rho=0.05,
    epochs=14,
    learning_rate=0.03,
    seed=36,
)
# Likewise with teachers again, that one among them, and farther off: no better (weights/EXPERIMENTS.md).
_FLAT_AGAIN = replace(
    _FLAT,
    start="compact_flat compact_unseen",
    folds="fold_1_again fold_2_again fold_3_again",
    teacher="compact_flat compact_unseen, trial_fine_again, trial_nested",
    rho=0.1,
    epochs=8,
    seed=37,
)
# Half of the inner channels, one unit less, no gates: the network for slow machines.
_LIGHT = replace(_PUPIL, network="light", epochs=10, learning_rate=0.05, seed=8)
# Its loss still fell in the last epoch: once more, from a lower rate and on other draws of the changes.
_LIGHT_AGAIN = replace(_LIGHT, start="light", learning_rate=0.03, seed=13)
# Another of that kind, from scratch and half by the labels themselves, meant to err on other faces.
_COMPANION = replace(_LIGHT, start=None, epochs=26, learning_rate=0.1, soft_labels=0.5, seed=11)
# The shipped one and that companion side by side, at a low rate, half of each label what both said at first: no better
# (weights/EXPERIMENTS.md).
_PAIR = replace(
    _LOOKING_BOTH,
    network="pair",
    start="compact_looking_both trial_companion",
    joined=True,
    epochs=2,
    learning_rate=0.005,
    seed=12,
)
# Short cosines one after the other on rougher faces, for the mean of their weights: no better (weights/EXPERIMENTS.md).
_CYCLE = replace(_THIRD, augment="rough", epochs=3, learning_rate=0.02)
EMOTION_RECIPES = {
    "baseline": Recipe("baseline", "baseline", epochs=35, batch_size=64, loss="crossentropy", monitor="val_loss"),
    "compact": _COMPACT_EMOTIONS,
    "compact_again": _AGAIN,
    "compact_third": _THIRD,
    "deep": _DEEP,
    "compact_looking": _LOOKING,
    "compact_looking_again": _LOOKING_AGAIN,
    "compact_looking_both": _LOOKING_BOTH,
    "compact_trimmed": _TRIMMED,
    "compact_trimmed_again": _TRIMMED_AGAIN,
    "compact_trimmed_both": _TRIMMED_BOTH,
    "compact_independent": _INDEPENDENT,
    "trial_short": _SHORT,
    **{f"trial_without_{part}": replace(_SHORT, **change) for part, change in _WITHOUT.items()},
    "compact_taught_twice": _TAUGHT_TWICE,
    "compact_polished": _POLISHED,
    "trial_fine": _FINE,
    "trial_fine_polished": _FINE_POLISHED,
    "trial_fine_again": _FINE_AGAIN,
    **{f"fold_{i}": replace(_FOLD, left_out=f"{i} of 3", seed=22 + i) for i in (1, 2, 3)},
    **{f"fold_{i}_again": _fold_again(i) for i in (1, 2, 3)},
    "compact_unseen": _UNSEEN,
    "compact_unseen_polished": _UNSEEN_POLISHED,
    "trial_gathered": _GATHERED,
    "compact_flat": _FLAT,
    "compact_flat_polished": _FLAT_POLISHED,
    "compact_mean": _MEAN,
    "trial_flat_polished": _FLAT_POLISHED_LONG,
    "trial_nested": _NESTED,
    "trial_flat_again": _FLAT_AGAIN,
    "light": _LIGHT,
    "light_again": _LIGHT_AGAIN,
    "trial_companion": _COMPANION,
    "trial_pair": _PAIR,
    "trial_trimmed": _TRIMMED_LONG,
    "trial_cycle_1": replace(_CYCLE, start="compact_third", seed=3),
    "trial_cycle_2": replace(_CYCLE, start="trial_cycle_1", seed=4),
    "trial_cycle_3": replace(_CYCLE, start="trial_cycle_2", seed=5),
    "small": replace(
        _COMPACT_EMOTIONS,
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
