"""The emotion networks on the way to the one that ships, each going on from others; and the light one."""

from dataclasses import replace

from src.recipes import Recipe

_COMPACT = Recipe(
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
    _COMPACT,
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
# A fifth of its last units' inner channels are hardly heard: without them, two epochs at a low rate let the rest get
# used to it.
_TRIMMED = replace(_PUPIL, network="trimmed", epochs=2, learning_rate=0.004, soft_labels=0.7, seed=14)
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
    _COMPACT,
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
# From the mean of the weights of the two that began with those labels: one epoch at a very low rate stays near it.
_FLAT_POLISHED = replace(
    _FLAT,
    start="compact_flat compact_unseen",
    teacher="compact_flat, compact_unseen, trial_fine_again",
    soft_labels=0.7,
    rho=0.0,
    epochs=1,
    learning_rate=0.0004,
    seed=32,
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
# Half of the inner channels, one unit less, no gates: the network for slow machines.
_LIGHT = replace(_PUPIL, network="light", epochs=10, learning_rate=0.05, seed=8)
# Its loss still fell in the last epoch: once more, from a lower rate and on other draws of the changes.
_LIGHT_AGAIN = replace(_LIGHT, start="light", learning_rate=0.03, seed=13)
LINE = {
    "compact": _COMPACT,
    "compact_again": _AGAIN,
    "compact_third": _THIRD,
    "compact_looking": _LOOKING,
    "compact_looking_again": _LOOKING_AGAIN,
    "compact_looking_both": _LOOKING_BOTH,
    "compact_trimmed": _TRIMMED,
    "compact_trimmed_again": _TRIMMED_AGAIN,
    "compact_trimmed_both": _TRIMMED_BOTH,
    "compact_independent": _INDEPENDENT,
    "compact_taught_twice": _TAUGHT_TWICE,
    "compact_polished": _POLISHED,
    **{f"fold_{i}": replace(_FOLD, left_out=f"{i} of 3", seed=22 + i) for i in (1, 2, 3)},
    "compact_unseen": _UNSEEN,
    "compact_unseen_polished": _UNSEEN_POLISHED,
    "compact_flat": _FLAT,
    "compact_flat_polished": _FLAT_POLISHED,
    "compact_mean": _MEAN,
    "light": _LIGHT,
    "light_again": _LIGHT_AGAIN,
}
