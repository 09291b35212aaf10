"""What a data set lacks, splits and emotions, and what cannot be done without them."""

from src.data.datasets import Emotions, Keypoints
from src.labels import ALL_EMOTIONS

# What the faces of a split are for.
USES = {
    "Training": "learnt",
    "PublicTest": "validated or calibrated",
    "PrivateTest": "tested",
    "Validation": "validated",
    "Test": "tested on unseen people",
    "HelenTest": "tested on HELEN's photos",
}


def gaps(faces: Emotions | Keypoints) -> list[str]:
    """A sentence for each split that has no faces, and for each that lacks some of the seven emotions."""
    sentences = []
    for usage in faces.usages:
        split, missing = faces.split(usage), []
        if not len(split):
            missing = [type(faces).__name__]
        elif isinstance(faces, Emotions):
            missing = [name for label, name in enumerate(ALL_EMOTIONS) if label not in split.labels]
        if missing:
            names = ", ".join(missing).capitalize()
            sentences.append(f"{names} cannot be {USES[usage]}: there are no such faces in {usage}.")
    return sentences
