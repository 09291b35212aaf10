"""The named recipes: which network is trained, how, and on what changed faces. Notebooks 02 and 03 pick from here."""

from dataclasses import dataclass, replace

from src import baseline, resnet


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training besides its data."""

    network: str  # key of KEYPOINT_NETWORKS or EMOTION_NETWORKS
    augment: str  # key of preprocess.KEYPOINT_AUGMENTS or EMOTION_AUGMENTS
    epochs: int
    batch_size: int
    loss: str  # key of training.LOSSES
    monitor: str  # validation figure that chooses the epoch; one with "accuracy" in its name: the larger the better
    optimizer: str = "adam"  # adam, adamw or sgd with Nesterov momentum 0.9
    learning_rate: float = 1e-3
    schedule: str = "constant"  # constant, or cosine: linear warm-up over 3 % of the steps, then down to 0
    weight_decay: float = 0.0
    start: str | None = (
        None  # another recipe of the same run, whose kept weights this one goes on from; of two, the mean
    )
    joined: bool = False  # emotions only: those of `start` become bodies side by side instead of their mean
    source: str | None = None  # keypoints only: train on the faces of this source alone
    helen_repeats: int = 1  # keypoints only: how often an epoch shows a HELEN face, whose points people corrected
    crop_px: int | None = None  # emotions only: train on random squares of this side, instead of whole faces
    reads_px: int | None = None  # emotions only: the network reads the middle square of this side of a face
    looks: bool = False  # emotions only: that square is where the face's keypoints say, see src/alignment.py
    classes: int = 5  # emotions only: 7 also trains on fear and neutral, which predictions then leave out
    five_repeats: int = 1  # emotions only: how often an epoch shows a face of the five emotions; others: once
    disgust_repeats: int = 1  # emotions only: how much oftener one of disgust, the rarest emotion by far
    soft_labels: float = 0.0  # share that a network's answers have in the labels, 0 to 1
    # The recipes whose networks answer, each changed face: "a b" the mean of two's weights, "a, b" that of two's
    # answers. None: the network of `start`, each face once.
    teacher: str | None = None
    teacher_mirrored: bool = False  # emotions only: teachers answer mirror averaged, in the training's precision
    left_out: str | None = None  # emotions only: the part of the training faces that it never sees, as in "1 of 3"
    folds: str | None = None  # emotions only: trainings that left out a part each; the labels are half their answers
    mixup: float = 0.0  # emotions only: above 0, faces are mixed in pairs, by shares from Beta(mixup, mixup)
    seed: int = 0
    precision: str = "float32"  # emotions only: mixed_bfloat16 is faster on processors that have it; weights: float32
    jit_compile: bool = False  # XLA: slower to start, then often faster; not with fused layers (src/fused.py)

    def __post_init__(self):
        for name in ("epochs", "batch_size", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be above 0")
        if self.soft_labels and not (self.teacher or self.start):
            raise ValueError("soft_labels is set, but neither teacher nor start names a recipe whose network answers")
        if self.teacher and not self.soft_labels:
            raise ValueError("teacher is set, but soft_labels is 0: its answers would have no share in the labels")
        if self.teacher_mirrored and not self.teacher:
            raise ValueError("teacher_mirrored is set, but teacher names no recipe whose network answers")
        if self.joined and not self.start:
            raise ValueError("joined is set, but start names no recipes whose networks could be joined")


KEYPOINT_NETWORKS = {
    "baseline": baseline.baseline_keypoints,
    "compact": resnet.compact_keypoints,
    "compact_dense": lambda seed: resnet.compact_keypoints(seed, head="dense"),
    "compact_bins": lambda seed: resnet.compact_keypoints(seed, head="bins"),
    "light": lambda seed: resnet.compact_keypoints(
        seed,
        widths=(24, 48, 96, 128),
        units=(1, 1, 1, 1),
        stem_width=16,
        inner=(8, 24, 48, 64),  # in eights, as processors compute them
        gated=False,
        joined=(24, 16),
    ),
    "small": lambda seed: resnet.compact_keypoints(seed, widths=(16, 32, 64, 96), units=(1, 1, 1, 1)),
}
EMOTION_NETWORKS = {
    "baseline": lambda seed, classes: baseline.baseline_emotions(seed, classes=classes),
    "compact": lambda seed, classes, **view: resnet.compact_emotions(seed, classes=classes, **view),
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

# "baseline": the recipe of the original study, its mirrored faces named rightly; "trial_unswapped": with its error.
_BASELINE = Recipe(
    "baseline",
    "baseline",
    epochs=35,
    batch_size=32,
    loss="mse",
    monitor="val_loss",
    learning_rate=1e-4,
)
_COMPACT = Recipe(
    "compact",
    "strong",
    epochs=50,
    batch_size=64,
    loss="wing",
    monitor="val_masked_rmse",
    optimizer="adamw",
    learning_rate=2e-3,
    schedule="cosine",
    weight_decay=1e-4,
    helen_repeats=3,
    jit_compile=True,
)
# YouTube's points lean to one side (notebook 02 measures it): the last word is HELEN's, whose points people corrected.
# And after hard changes, under which the network is worse on training faces than on validation, milder ones.
_TUNED = replace(
    _COMPACT, start="compact", source="helen", augment="moderate", helen_repeats=6, epochs=12, learning_rate=1e-3
)
# A small network learns more from what the tuned one says of each changed face than from YouTube's points.
_TAUGHT = {"teacher": "compact_tuned", "soft_labels": 0.9}
# For comparing heads: same body, same faces, same short schedule.
_TRIAL = replace(_COMPACT, epochs=8)
KEYPOINT_RECIPES = {
    "baseline": _BASELINE,
    "compact": _COMPACT,
    "compact_tuned": _TUNED,
    "light": replace(_COMPACT, network="light", epochs=60, learning_rate=3e-3, **_TAUGHT),
    "light_tuned": replace(_TUNED, network="light", start="light", **{**_TAUGHT, "soft_labels": 0.5}),
    "trial_unswapped": replace(_BASELINE, augment="unswapped", epochs=8),  # long enough to see where the points go
    "trial_heatmap": _TRIAL,
    "trial_bins": replace(_TRIAL, network="compact_bins"),
    "trial_dense": replace(_TRIAL, network="compact_dense"),
    "small": replace(
        _COMPACT, network="small", augment="mild", epochs=8, batch_size=32, learning_rate=4e-3, jit_compile=False
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
    start="compact_fine",
    teacher="compact_fine, compact_polished",
    soft_labels=0.7,
    epochs=4,
    learning_rate=0.008,
    seed=21,
)
# It still improved in its last epoch: longer, from a higher rate, taught by itself and the shipped one.
_FINE_AGAIN = replace(
    _FINE_POLISHED,
    start="compact_fine_polished",
    teacher="compact_fine_polished, compact_polished",
    epochs=8,
    learning_rate=0.012,
    seed=22,
)
# Three that each leave out another third of the faces, by the labels alone: what they say of faces they never saw ...
_FOLD = replace(_INDEPENDENT, network="light", epochs=44)
# ... is half of the labels of the shipped one's next round: it knows its training labels by heart, the wrong ones too.
_UNSEEN = replace(
    _TAUGHT_TWICE,
    start="compact_polished",
    folds="fold_1 fold_2 fold_3",
    teacher="compact_polished",
    teacher_mirrored=True,
    soft_labels=0.5,
    epochs=16,
    learning_rate=0.03,
    seed=26,
)
# On from there at a low rate, taught by both.
_UNSEEN_POLISHED = replace(
    _UNSEEN,
    start="compact_unseen",
    teacher="compact_unseen, compact_polished",
    soft_labels=0.7,
    epochs=4,
    learning_rate=0.008,
    seed=27,
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
    "compact_taught_twice": _TAUGHT_TWICE,
    "compact_polished": _POLISHED,
    "compact_fine": _FINE,
    "compact_fine_polished": _FINE_POLISHED,
    "compact_fine_again": _FINE_AGAIN,
    **{f"fold_{i}": replace(_FOLD, left_out=f"{i} of 3", seed=22 + i) for i in (1, 2, 3)},
    "compact_unseen": _UNSEEN,
    "compact_unseen_polished": _UNSEEN_POLISHED,
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


def chosen(recipes: dict[str, Recipe], names: str, *, seed: int = 0, **overrides) -> dict[str, Recipe]:
    """The recipes named in `names` (separated by spaces), each with the overrides that are not None.

    seed: added to each recipe's own, so that recipes that shall see other draws still do.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    return {name: replace(recipes[name], seed=recipes[name].seed + seed, **given) for name in names.split()}
