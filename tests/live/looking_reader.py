"""A reader without networks that also reads cut-out faces: the grey in the middle is their emotion."""

import numpy as np
from fake_reader import GREYS, MEAN_FACE, FakeReader

from src.labels import EMOTIONS


class LookingReader(FakeReader):
    def look_at(self, images):
        nearest = np.abs(images[:, 48, 48, None].astype(float) - GREYS).argmin(axis=1)
        outputs = np.where(np.arange(len(EMOTIONS)) == nearest[:, None], 0.8, 0.05)
        return np.array([MEAN_FACE] * len(images)), np.full(len(images), 0.75), outputs
