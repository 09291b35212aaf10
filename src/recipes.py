"""What a recipe says of a training, and those of the keypoints, from which notebook 02 picks."""

from dataclasses import dataclass, replace

from src import baseline, resnet


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training besides its data."""

    network: str  # key of KEYPOINT_NETWORKS or EMOTION_NETWORKS
    augment: str  # key of preprocess.KEYPOINT_AUGMENTS or EMOTION_AUGMENTS
    epochs: int  # 0: what `start` names is kept as it is
    batch_size: int
    loss: str  # key of training.LOSSES
    monitor: str  # figure that chooses the epoch, with "accuracy" in its name: the larger the better; or "last"
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
    rho: float = 0.0  # above 0: towards weights whose neighbours so far off do well too, see src/sharpness.py
    seed: int = 0
    precision: str = "float32"  # emotions only: mixed_bfloat16 is faster on processors that have it; weights: float32
    jit_compile: bool = False  # XLA: slower to start, then often faster; not with fused layers (src/fused.py)

    def __post_init__(self):
        for name in ("epochs", "batch_size", "learning_rate"):
            if not (getattr(self, name) > 0 or (name == "epochs" and self.epochs == 0 and self.start)):
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


def chosen(recipes: dict[str, Recipe], names: str, *, seed: int = 0, **overrides) -> dict[str, Recipe]:
    """The recipes named in `names` (separated by spaces), each with the overrides that are not None.

    seed: added to each recipe's own, so that recipes that shall see other draws still do. A recipe of no epochs keeps
    having none.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    plan = {name: replace(recipes[name], seed=recipes[name].seed + seed, **given) for name in names.split()}
    return {name: recipe if recipes[name].epochs else replace(recipe, epochs=0) for name, recipe in plan.items()}
