"""Trainings beside the line: what was tried and no better, a larger network that teaches, one part left out at a time.

weights/EXPERIMENTS.md says how each one did. Those named `trial_` never ship.
"""

from dataclasses import replace

from src.emotion_line import LINE
from src.recipes import Recipe

# The mean of two networks' weights, grown by units that change nothing at first.
_DEEP = replace(
    LINE["compact_again"],
    network="deep",
    start="compact_again compact_third",
    epochs=11,
    learning_rate=0.04,
    seed=2,
)
# Short cosines one after the other on rougher faces, for the mean of their weights.
_CYCLE = replace(LINE["compact_third"], augment="rough", epochs=3, learning_rate=0.02)
# A longer course of lessons for the trimmed network, from a higher rate.
_TRIMMED = replace(LINE["compact_trimmed"], epochs=6, learning_rate=0.03)
# Another of the light kind, from scratch and half by the labels themselves, meant to err on other faces.
_COMPANION = replace(LINE["light"], start=None, epochs=26, learning_rate=0.1, soft_labels=0.5, seed=11)
# That one and the network shipped then side by side, at a low rate, half of each label what both said at first.
_PAIR = replace(
    LINE["compact_looking_both"],
    network="pair",
    start="compact_looking_both trial_companion",
    joined=True,
    epochs=2,
    learning_rate=0.005,
    seed=12,
)
# What each part of a training from scratch brings: ten epochs, the same on other draws, and without a part at a time.
_SHORT = replace(LINE["compact_independent"], epochs=10)
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
# What the stem halves away, looked at besides: a view of every px, silent at first; taught by the mirror average.
_FINE = replace(
    LINE["compact_polished"],
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
# It still improved in its last epoch: longer, from a higher rate, taught by itself and the shipped one. It teaches the
# line from then on.
_FINE_AGAIN = replace(
    _FINE_POLISHED,
    start="trial_fine_polished",
    teacher="trial_fine_polished, compact_polished",
    epochs=8,
    learning_rate=0.012,
    seed=22,
)
# Three that err differently answer better together than any alone: a pupil of all three, with little weight on the
# labels, faces mixed more freely, since its teachers answer the mixtures.
_GATHERED = replace(
    LINE["compact_unseen"],
    start="compact_unseen compact_polished",
    folds=None,
    teacher="compact_unseen, compact_polished, trial_fine_again",
    soft_labels=0.85,
    mixup=0.5,
    epochs=10,
    learning_rate=0.02,
    seed=28,
)
# The mean of two networks polished for longer, from a higher rate, towards flat places too.
_FLAT_POLISHED = replace(LINE["compact_flat_polished"], epochs=3, learning_rate=0.004, rho=0.05, seed=31)


def _fold_again(i: int) -> Recipe:
    """A fold once more, taught by itself, towards flat places: better answers to faces that it never saw."""
    return replace(
        LINE[f"fold_{i}"],
        start=f"fold_{i}",
        teacher=f"fold_{i}",
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


# On from the shipped mean, without teachers that know the labels by heart: half of them what the better folds say of
# faces that they never saw. And for what is asked: the five count more than telling them from fear and neutral.
_NESTED = replace(
    LINE["compact_mean"],
    loss="nested_crossentropy",
    folds="fold_1_again fold_2_again fold_3_again",
    rho=0.05,
    epochs=14,
    learning_rate=0.03,
    seed=36,
)
# Likewise with teachers again, that one among them, and farther off.
_FLAT_AGAIN = replace(
    LINE["compact_flat"],
    start="compact_flat compact_unseen",
    folds="fold_1_again fold_2_again fold_3_again",
    teacher="compact_flat compact_unseen, trial_fine_again, trial_nested",
    rho=0.1,
    epochs=8,
    seed=37,
)
TRIALS = {
    "deep": _DEEP,
    "trial_cycle_1": replace(_CYCLE, start="compact_third", seed=3),
    "trial_cycle_2": replace(_CYCLE, start="trial_cycle_1", seed=4),
    "trial_cycle_3": replace(_CYCLE, start="trial_cycle_2", seed=5),
    "trial_trimmed": _TRIMMED,
    "trial_companion": _COMPANION,
    "trial_pair": _PAIR,
    "trial_short": _SHORT,
    **{f"trial_without_{part}": replace(_SHORT, **change) for part, change in _WITHOUT.items()},
    "trial_fine": _FINE,
    "trial_fine_polished": _FINE_POLISHED,
    "trial_fine_again": _FINE_AGAIN,
    "trial_gathered": _GATHERED,
    "trial_flat_polished": _FLAT_POLISHED,
    **{f"fold_{i}_again": _fold_again(i) for i in (1, 2, 3)},
    "trial_nested": _NESTED,
    "trial_flat_again": _FLAT_AGAIN,
}
