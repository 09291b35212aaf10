"""Known changes to test faces, and what they do to points and emotions: how far a network bends before it breaks.

A change takes images uint8 (n, h, h), their points (n, 15, 2) px of the 96 frame and a strength, and gives changed
images and points. Lengths are px of the 96 frame whatever h is, so that one strength means the same to both tasks.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from src.data.datasets import Keypoints
from src.evaluation.faceless import faceless_squares, scrambled
from src.faces import flip_keypoints, into_middle, warp_faces
from src.labels import FRAME, KEYPOINTS, OUTER_EYE_CORNERS, PARTS
from src.metrics.calibration import FaceScore
from src.metrics.scores import FAILURE_NME, nme_percent, point_errors_px
from src.predict.answers import find_points, predict_keypoints

MOUTH_CORNERS = (KEYPOINTS.index("mouth_left_corner"), KEYPOINTS.index("mouth_right_corner"))
Change = Callable[[np.ndarray, np.ndarray, float], tuple[np.ndarray, np.ndarray]]


def _each(change: Callable[[np.ndarray, float], np.ndarray]) -> Change:
    """A change of grey values alone, written for one face: (h, h) -> (h, h)."""

    def of_all(images, keypoints_px, strength):
        changed = np.stack([np.asarray(change(face, strength), np.float32) for face in images])
        return np.clip(np.round(changed), 0, 255).astype(np.uint8), keypoints_px

    return of_all


def _small(face, side_px):
    side = round(side_px * len(face) / FRAME)
    return cv2.resize(cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA), face.shape)


def _jpeg(face, quality):
    return cv2.imdecode(cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)


def _moved(images, keypoints_px, linear, shift_px):
    """`linear`, (2, 2), about the middle of a face, then a shift, px of the 96 frame; surroundings come into sight."""
    side = min(images.shape[1], FRAME)
    middles = (np.full(2, (it - 1) / 2) for it in (side, FRAME))
    in_side, in_frame = (it - linear @ it for it in middles)
    maps = np.column_stack([linear, in_side + shift_px * side / FRAME])[None]
    moved = keypoints_px @ linear.T + (in_frame + shift_px)
    return warp_faces(images, maps, side, into_middle(images.shape[1], side, side)), moved.astype(np.float32)


def rotated(images: np.ndarray, keypoints_px: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Faces turned clockwise in the plane, about the middle of their frame."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return _moved(images, keypoints_px, turn, np.zeros(2))


def shifted(images: np.ndarray, keypoints_px: np.ndarray, shift_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Faces moved to the right and down, each by `shift_px`: a crop that lies beside the face."""
    return _moved(images, keypoints_px, np.eye(2), np.full(2, shift_px))


def _hidden(part: str, corners: tuple[int, int]) -> Change:
    """A grey bar over a part of the face; strength: its height as a share of the distance of the part's two corners.

    A face whose corners are not annotated (NaN) stays as it is.
    """

    def hide(images, keypoints_px, strength):
        hidden, scale = images.copy(), images.shape[1] / FRAME
        for face, points in zip(hidden, (keypoints_px + 0.5) * scale - 0.5, strict=True):
            dx, dy = points[corners[0]] - points[corners[1]]
            span, angle = float(np.hypot(dx, dy)), float(np.rad2deg(np.arctan2(dy, dx)))
            if np.isfinite(span):
                middle = np.nanmean(points[list(PARTS[part])], axis=0).tolist()
                box = cv2.boxPoints((middle, (1.4 * span, strength * span), angle))
                cv2.fillConvexPoly(face, np.round(box).astype(np.int32), 128)
        return hidden, keypoints_px

    return hide


@dataclass(frozen=True)
class Stress:
    """One kind of change, and five strengths of it, the mildest first."""

    change: Change
    strengths: tuple[float, ...]
    unit: str
    moves: bool = False  # the points move: stored surroundings are needed


# One face, (h, h), and a strength -> its new grey values, (h, h).
_GREYS = {
    "blur": lambda face, sigma_px: cv2.GaussianBlur(face, (0, 0), sigma_px * len(face) / FRAME),
    "noise": lambda face, sigma: face + np.random.default_rng(0).normal(0, sigma, face.shape),  # the same on every face
    "gain": lambda face, gain: face.astype(np.float32) * gain,
    "contrast": lambda face, factor: (face - face.mean()) * factor + face.mean(),
}
STRESSES = {
    "blur": Stress(_each(_GREYS["blur"]), (1, 1.5, 2, 3, 4), "sigma, px"),
    "noise": Stress(_each(_GREYS["noise"]), (5, 10, 20, 30, 40), "sigma, grey levels"),
    "dark": Stress(_each(_GREYS["gain"]), (0.7, 0.5, 0.35, 0.2, 0.1), "gain"),
    "bright": Stress(_each(_GREYS["gain"]), (1.25, 1.5, 1.75, 2, 3), "gain"),
    "low contrast": Stress(_each(_GREYS["contrast"]), (0.7, 0.5, 0.35, 0.2, 0.1), "factor"),
    "eyes hidden": Stress(_hidden("eyes", OUTER_EYE_CORNERS), (0.1, 0.2, 0.3, 0.4, 0.5), "height / eye distance"),
    "mouth hidden": Stress(_hidden("mouth", MOUTH_CORNERS), (0.2, 0.4, 0.6, 0.8, 1), "height / mouth width"),
    "turned": Stress(rotated, (5, 10, 20, 30, 45), "degrees", moves=True),
    "beside the face": Stress(shifted, (2, 4, 6, 9, 12), "px", moves=True),
    "small": Stress(_each(_small), (72, 48, 36, 30, 24), "px across"),
    "JPEG": Stress(_each(_jpeg), (80, 50, 30, 15, 7), "quality"),
}
# Those that decide whether the points can still be found.
CORRUPTING = ("turned", "beside the face", "small", "blur", "noise", "eyes hidden", "mouth hidden")


def stress_report(score: Callable, images: np.ndarray, keypoints_px: np.ndarray, stored: np.ndarray) -> dict:
    """Scores under every stress: name -> {unit, unchanged, strengths, scores}.

    score(images uint8 (n, h, h), points (n, 15, 2)) -> a number; stored: the images with what surroundings there are.
    """
    report, unchanged = {}, score(images, keypoints_px)
    for name, stress in STRESSES.items():
        faces, strengths = stored if stress.moves else images, list(stress.strengths)
        scores = [score(*stress.change(faces, keypoints_px, strength)) for strength in strengths]
        report[name] = {"unit": stress.unit, "unchanged": unchanged, "strengths": strengths, "scores": scores}
    return report


def stress_examples(faces: Keypoints, row: int) -> dict[str, np.ndarray]:
    """One face under every stress: name -> uint8 (5, 96, 96), the mildest first."""
    points, examples = faces.keypoints_px[[row]], {}
    for name, stress in STRESSES.items():
        face = (faces.stored if stress.moves else faces.images)[[row]]
        examples[name] = np.concatenate([stress.change(face, points, strength)[0] for strength in stress.strengths])
    return examples


def flip_distance_px(model: keras.Model, images: np.ndarray) -> float:
    """Mean distance, px, between a face's points and those of the flipped face, flipped back; one pass each."""
    there = predict_keypoints(model, images, flip=False)
    back = flip_keypoints(predict_keypoints(model, images[:, :, ::-1], flip=False))
    return float(point_errors_px(there, back).mean())


def keypoint_stress(model: keras.Model, faces: Keypoints, degrees: float = 30) -> dict:
    """Mean NME in percent (flip averaged) of faces turned either way, shrunk, half hidden; and flip distance in px."""

    def score(images, keypoints_px):
        return float(np.nanmean(nme_percent(predict_keypoints(model, images), keypoints_px)))

    points, turns, side = faces.keypoints_px, [-degrees, degrees], FRAME // 2
    return {
        "nme_percent_rotated": [score(*rotated(faces.stored, points, turn)) for turn in turns],
        "rotated_degrees": turns,
        "nme_percent_shrunk": score(*STRESSES["small"].change(faces.images, points, side)),
        "shrunk_to_px": side,
        "nme_percent_eyes_hidden": score(*_middle_strength("eyes hidden", faces)),
        "nme_percent_mouth_hidden": score(*_middle_strength("mouth hidden", faces)),
        "flip_distance_px": flip_distance_px(model, faces.images),
    }


def _middle_strength(name: str, faces: Keypoints) -> tuple[np.ndarray, np.ndarray]:
    stress = STRESSES[name]
    return stress.change(faces.images, faces.keypoints_px, stress.strengths[len(stress.strengths) // 2])


# ---------------------------------------------------------------- face or no face


def corrupted(faces: Keypoints) -> tuple[np.ndarray, np.ndarray]:
    """The faces as they are and turned, shifted, shrunk, blurred, half hidden, by every strength: images, points.

    uint8 (m, 96, 96), float32 (m, 15, 2) px. Turned and shifted further than any stress, too: so far that no network
    finds all points.
    """
    kinds = [(STRESSES[name], STRESSES[name].strengths) for name in CORRUPTING]
    kinds += [(STRESSES["turned"], (60, 90, 180)), (STRESSES["beside the face"], (18, 24, 30))]
    images, points = [faces.images], [faces.keypoints_px]
    for stress, strengths in kinds:
        for strength in strengths:
            changed = stress.change(faces.stored if stress.moves else faces.images, faces.keypoints_px, strength)
            images.append(changed[0])
            points.append(changed[1])
    return np.concatenate(images), np.concatenate(points)


def fit_face_score(model: keras.Model, validation: Keypoints, mean_px: np.ndarray) -> FaceScore:
    """Fitted on corrupted validation faces, right where the NME is below 8 %, and on scrambled ones, never right."""
    images, points = corrupted(validation)
    found, spread = find_points(model, images)
    nme = nme_percent(found, points)
    known = np.isfinite(nme)  # a face without outer eye corners has no NME
    no_face = find_points(model, scrambled(validation.images))
    found, spread = (np.concatenate(it) for it in zip((found[known], spread[known]), no_face, strict=True))
    return FaceScore.fit(found, spread, np.append(nme[known] < FAILURE_NME, np.zeros(len(validation), bool)), mean_px)


def judge_face_score(model: keras.Model, face_score: FaceScore, faces: Keypoints) -> dict[str, float | None]:
    """AUROC: does it tell corrupted faces of an NME below 8 % from the others? Faces as they are from what is none?

    None where all answers are right, or none is: a network that has hardly been trained.
    """
    images, points = corrupted(faces)
    found, spread = find_points(model, images)
    nme, scores = nme_percent(found, points), face_score.of(found, spread)
    known = np.isfinite(nme)
    right = nme[known] < FAILURE_NME
    no_face = np.concatenate([scrambled(faces.images), faceless_squares(len(faces))])
    theirs = face_score.of(*find_points(model, no_face))
    is_face = np.arange(len(faces) + len(theirs)) < len(faces)
    return {
        "auroc_right": float(roc_auc_score(right, scores[known])) if 0 < right.sum() < len(right) else None,
        "right_share": float(right.mean()),
        "auroc_face": float(roc_auc_score(is_face, np.append(scores[: len(faces)], theirs))),
    }
