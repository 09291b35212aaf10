"""What a data set lacks is said, and nothing is said of what is whole."""

import numpy as np

from src.data.datasets import Emotions, Keypoints
from src.data.gaps import gaps


def emotions(**labels):
    usage = np.repeat(list(labels), [len(codes) for codes in labels.values()])
    every = np.concatenate(list(labels.values())).astype(np.int8)
    return Emotions(np.zeros((len(every), 48, 48), np.uint8), every, usage, {})


def keypoints(*usage):
    n = len(usage)
    return Keypoints(
        np.zeros((n, 96, 96), np.uint8), np.zeros((n, 15, 2), np.float32), np.array(usage), np.array(usage)
    )


def test_whole_data_has_no_gaps():
    seven = list(range(7))
    assert gaps(emotions(Training=seven, PublicTest=seven, PrivateTest=seven)) == []
    assert gaps(keypoints("Test", "Training", "HelenTest", "Validation")) == []


def test_missing_emotions_and_splits_are_said_with_what_cannot_be_done():
    assert gaps(emotions(Training=[0, 2, 3, 4, 5, 6], PrivateTest=[0, 1, 2, 3, 4])) == [
        "Disgust cannot be learnt: there are no such faces in Training.",
        "Emotions cannot be validated or calibrated: there are no such faces in PublicTest.",
        "Fear, neutral cannot be tested: there are no such faces in PrivateTest.",
    ]
    assert gaps(keypoints("Training", "HelenTest")) == [
        "Keypoints cannot be validated: there are no such faces in Validation.",
        "Keypoints cannot be tested on unseen people: there are no such faces in Test.",
    ]
