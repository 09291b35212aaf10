"""Drawn faces with exact keypoints and emotions: the embedded sample that the quick run trains on.

Every face is a set of curves in face coordinates (see `src.face_shape`). Traits say whose face it is, facial
actions say what it does, the pose turns and crops it, and `src.drawing` paints it. The sample shows that the code
runs: it is never mixed with real faces, and no score on it is a result.
"""

from types import SimpleNamespace

import numpy as np

from src.data.sample import painting as drawing
from src.data.sample import painting as face_light
from src.data.sample import shape as face_shape
from src.labels import EMOTIONS, FRAME, KEYPOINTS

BLOCK = 128  # faces whose random numbers are drawn at once: face i is the same for every n
CROP_MARGIN = 1.25  # side of the crop / larger side of the box around brows, jaw and chin

SHARES = {"anger": 0.20, "disgust": 0.05, "sad": 0.25, "happiness": 0.35, "surprise": 0.15}

# Facial actions under the numbers of the facial action coding system (FACS).
ACTION_UNITS = {
    1: "inner_brow_up",
    2: "outer_brow_up",
    4: "brow_down",
    5: "lids_wide",
    6: "cheek_up",
    7: "lids_tight",
    9: "nose_wrinkle",
    10: "upper_lip_up",
    12: "corner_up",
    15: "corner_down",
    17: "chin_up",
    20: "lip_stretch",
    24: "lip_press",
    25: "lips_part",
    26: "jaw_drop",
    43: "lids_droop",
}
# Two ways to show each emotion, after the action-unit literature; 1 = as strong as a face can.
EXPRESSIONS = {
    "anger": (
        {4: 1.0, 7: 0.7, 15: 0.15, 17: 0.2, 24: 1.0},
        {4: 1.0, 5: 0.3, 7: 0.3, 10: 0.3, 20: 0.5, 25: 0.9, 26: 0.4},
    ),
    "disgust": (
        {4: 0.25, 6: 0.7, 7: 0.9, 9: 1.0, 10: 1.0, 15: 0.9, 17: 0.9, 43: 0.5},
        {4: 0.3, 6: 0.5, 7: 1.0, 9: 1.0, 10: 1.0, 15: 0.8, 25: 1.0, 43: 0.4},
    ),
    "sad": ({1: 1.0, 4: 0.15, 15: 1.0, 17: 0.6, 43: 0.5}, {1: 0.9, 4: 0.1, 15: 0.7, 25: 0.2, 43: 0.9}),
    "happiness": ({6: 0.8, 12: 0.9}, {6: 1.0, 10: 0.3, 12: 1.0, 25: 0.9, 26: 0.25}),
    "surprise": (
        {1: 0.9, 2: 1.0, 5: 1.0, 25: 0.9, 26: 0.9},
        {1: 1.0, 2: 0.9, 5: 0.9, 20: -0.8, 25: 0.8, 26: 0.45},
    ),
}


# Traits: mean and spread (a normal, cut at two spreads). Lengths in face px.
TRAITS = {
    "head_half": (36.5, 2.0),
    "chin_y": (84, 2.4),
    "jaw_power": (2.2, 0.18),
    "eye_y": (26, 0.8),
    "eye_x": (16.6, 0.8),
    "eye_half": (6.7, 0.4),
    "eye_tilt": (0.5, 0.6),
    "iris": (2.75, 0.12),
    "gaze_x": (0, 0.8),
    "gaze_y": (0, 0.35),
    "lid_fold": (2.0, 0.5),
    "brow_inner": (7.0, 1.0),
    "brow_outer": (29, 1.2),
    "brow_arch": (3.0, 0.8),
    "brow_tilt": (0, 0.7),
    "brow_thick": (3.3, 0.7),
    "nose_y": (44, 1.3),
    "nose_half": (7.8, 0.8),
    "nose_lead": (0, 0.5),
    "nostril": (0.6, 0.1),
    "mouth_y": (61, 1.2),
    "mouth_half": (13.4, 1.0),
    "mouth_skew": (0, 0.5),
    "upper_lip": (2.7, 0.6),
    "lower_lip": (3.9, 0.7),
    "bony": (1.0, 0.25),
    "nosy": (1.0, 0.2),
    "cheeky": (1.0, 0.3),
    "gaunt": (0.35, 0.35),
    "age": (0.3, 0.2),
    "neck_half": (23, 3),
    "collar_y": (94, 5),
    "lens_half": (9.6, 0.6),
    "lens_height": (6.6, 0.9),
    "lens_power": (3.0, 0.45),
    "hairline_y": (-4, 6),
    "hair_inset": (1.5, 1.0),
    "hair_part": (0, 6),
    "hair_spread": (3.5, 1.2),
    "hairline_power": (0.5, 0.1),
    "fringe": (0, 1.0),
    "hair_waves": (9, 3),
    "hair_curve": (0, 3),
}
# Traits in which the two sides differ a little: mean, spread, spread between the sides.
SIDED = {"brow_y": (16.2, 0.9, 0.3), "eye_height": (2.9, 0.35, 0.08)}


def draw_faces(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw `n` faces; the same seed gives the same bytes, and a larger n only adds faces at the end.

    Returns (images, keypoints_px, labels): uint8 (n, 96, 96), float32 (n, 15, 2) with x, y in pixels of the frame
    in the order of `src.labels.KEYPOINTS`, and int8 (n,) indices into `src.labels.EMOTIONS`.
    """
    images = np.empty((n, FRAME, FRAME), np.uint8)
    keypoints = np.empty((n, len(KEYPOINTS), 2), np.float32)
    labels = np.empty(n, np.int8)
    for start in range(0, n, BLOCK):
        block = slice(start, min(start + BLOCK, n))
        size = block.stop - start
        rng = np.random.default_rng((seed, start // BLOCK))
        emotions = rng.choice(len(EMOTIONS), BLOCK, p=[SHARES[name] for name in EMOTIONS])
        # Always a whole block, even if fewer faces are wanted: the arithmetic must not depend on n.
        curves, lights, looks = _faces(rng, emotions)
        labels[block], keypoints[block] = emotions[:size], curves.pop("keypoints")[:size]
        curves = {name: drawing.fixed_points(curve) for name, curve in curves.items()}
        shapes = zip(*curves.values(), strict=True)
        for i, shape, light, look in zip(range(start, block.stop), shapes, lights, looks, strict=False):
            images[i] = drawing.paint(dict(zip(curves, shape, strict=True)), light, SimpleNamespace(**look))
    return images, keypoints, labels


def _faces(rng, emotions):
    """Curves in frame px (each float32 (BLOCK, ..., 2)), light fields and looks (a dict a face) of one block."""
    who, act = _traits(rng), _actions(rng, emotions)
    yaw = np.clip(rng.normal(0, 2.5, (BLOCK, 1)), -5, 5)
    curves = face_shape.outlines(who, act)
    around = [curves["face"][:, 0, face_shape.JAW], curves["brow"].reshape(BLOCK, -1, 2)]
    to_frame = _pose(rng, _turned(np.concatenate(around, axis=1), yaw))
    centres, widths, heights = face_light.relief(who, act)
    share = rng.uniform([[0.3], [0.0]], [[0.65], [0.4]], (2, BLOCK))
    relief = (_turned(centres, yaw), widths, heights, who.lamp, *share)
    lights = face_light.light_fields(*(values.astype(np.float32) for values in relief))
    looks = _looks(rng, who, act)
    looks = {name: np.broadcast_to(values, BLOCK).tolist() for name, values in looks.items()}
    looks["grid_to_half"] = drawing.FRAME_TO_HALF @ to_frame @ face_light.GRID_TO_FACE
    looks = [dict(zip(looks, face, strict=True)) for face in zip(*looks.values(), strict=True)]
    return _placed(curves, yaw, to_frame), lights, looks


def _placed(curves, yaw, to_frame):
    """The curves after the turn of the head and the pose, all points at once."""
    points = np.concatenate([curve.reshape(BLOCK, -1, 2) for curve in curves.values()], axis=1)
    points = _turned(points.astype(np.float32), yaw.astype(np.float32))
    a = to_frame.astype(np.float32)[:, :, :, None]
    x, y = points[..., 0], points[..., 1]
    points = np.stack([a[:, i, 0] * x + a[:, i, 1] * y + a[:, i, 2] for i in (0, 1)], axis=-1)
    ends = np.cumsum([curve[0].size // 2 for curve in curves.values()])
    pieces = np.split(points, ends[:-1], axis=1)
    return {name: piece.reshape(curve.shape) for (name, curve), piece in zip(curves.items(), pieces, strict=True)}


def _actions(rng, emotions):
    """Strengths (BLOCK, 1, 1) of the facial actions that show the emotions, with a little of every other action."""
    table = np.array([[[way.get(unit, 0) for unit in ACTION_UNITS] for way in EXPRESSIONS[e]] for e in EMOTIONS])
    strength = table[emotions, rng.integers(0, 2, BLOCK)]
    strength = strength * rng.uniform(0.45, 1.05, (BLOCK, 1)) * rng.uniform(0.7, 1.15, strength.shape)
    strength += 0.07 * np.abs(rng.standard_normal(strength.shape))
    return SimpleNamespace(**{name: strength[:, i, None, None] for i, name in enumerate(ACTION_UNITS.values())})


def _traits(rng):
    """Who the faces are: a namespace of arrays (BLOCK, 1, 1), or (BLOCK, 2, 1) where the sides differ."""

    def normal(*shape):
        return np.clip(rng.standard_normal((BLOCK, *shape)), -2, 2)

    who = SimpleNamespace(**{name: mean + spread * normal(1, 1) for name, (mean, spread) in TRAITS.items()})
    for name, (mean, spread, sides) in SIDED.items():
        setattr(who, name, mean + spread * normal(1, 1) + sides * normal(2, 1))
    lamp = np.stack([0.55 * normal(), -0.45 + 0.25 * normal(), np.ones(BLOCK)], 1)
    who.lamp = lamp / np.linalg.norm(lamp, axis=1, keepdims=True)
    who.lamp_x = lamp[:, 0, None, None]

    def uniform(low, high):
        return rng.uniform(low, high, (BLOCK, 1, 1))

    def chance(share):
        return rng.random((BLOCK, 1, 1)) < share

    who.long_hair = chance(0.42)
    who.hair_end = np.where(who.long_hair, uniform(62, 125), uniform(27, 42))
    who.hair_spread = who.hair_spread + who.long_hair * uniform(1, 13)
    who.hair_cover = np.where(who.long_hair, uniform(-2, 5), uniform(-1, 2))
    who.hair_curve = who.hair_curve * who.long_hair
    who.hair_wave = who.long_hair * uniform(0, 1.8) * chance(0.5)
    who.hairline_y = np.where(chance(0.25), uniform(3, 12), who.hairline_y)  # a fringe, or the hairline itself
    return who


def _turned(points, yaw):
    """A small turn of the head: what lies nearer to the midline moves further; points (n, ..., 2), yaw (n, 1) in px."""
    x = points[..., 0]
    near = np.clip(1 - (x / 42) ** 2, 0, 1)
    return np.stack([x + yaw * near, points[..., 1]], axis=-1)


def _pose(rng, around):
    """Maps (BLOCK, 3, 3) from face px to frame px: roll, the crop of the real data, a little shift and zoom.

    around (BLOCK, k, 2): brows and jaw, the points that decide the crop.
    """
    roll = np.radians(np.clip(rng.normal(0, 8, BLOCK), -20, 20))
    turn = np.stack([np.cos(roll), -np.sin(roll), np.sin(roll), np.cos(roll)], 1).reshape(BLOCK, 2, 2)
    rolled = around @ turn.swapaxes(1, 2)
    low, high = rolled.min(1), rolled.max(1)
    zoom = FRAME / (CROP_MARGIN * (high - low).max(1) * rng.uniform(0.95, 1.06, BLOCK))
    centre = (FRAME - 1) / 2 + np.clip(rng.normal(0, 1.2, (BLOCK, 2)), -3, 3)
    to_frame = np.tile(np.eye(3), (BLOCK, 1, 1))
    to_frame[:, :2, :2] = turn * zoom[:, None, None]
    to_frame[:, :2, 2] = centre - zoom[:, None] * (low + high) / 2
    return to_frame


def _looks(rng, who, act):
    """Tones (0..255), strengths of ink (0..1) and camera of each face: a dict of arrays (BLOCK,)."""

    def uniform(low, high):
        return rng.uniform(low, high, BLOCK)

    def flat(x):
        return np.broadcast_to(x, (BLOCK, 1, 1))[:, 0, 0]

    a = SimpleNamespace(**{name: flat(value) for name, value in vars(act).items()})
    age, long_hair = flat(who.age), flat(who.long_hair)
    skin = 80 + 125 * rng.beta(2.2, 1.3, BLOCK)
    hair = np.where(rng.random(BLOCK) < 0.7, uniform(18, 60), uniform(60, 190))
    hair = np.minimum(hair, 0.9 * skin)
    bearded = rng.random(BLOCK) < np.where(long_hair, 0.0, 0.5)
    style = rng.integers(0, 5, BLOCK)
    beard_ink = bearded * uniform(0.25, 0.75)
    lips = uniform(0.2, 0.45) * (1 + 0.3 * long_hair)
    contrast = uniform(0.9, 1.35)
    return {
        "skin": skin,
        "hair": hair,
        "has_hair": rng.random(BLOCK) < 0.94,
        "strands": rng.integers(0, 12, BLOCK),
        "piece": rng.integers(0, 400**2, BLOCK),
        "backdrop": uniform(10, 230),
        "clutter": uniform(5, 45),
        "shirt": uniform(15, 220),
        "sclera": np.minimum(0.7 * skin + 75, 225),
        "iris": uniform(22, 85),
        "glint": np.clip(uniform(120, 280), 0, 255),
        "open_mouth": a.lips_part + a.jaw_drop > 0.12,
        "mouth": uniform(15, 45),
        "tongue": uniform(50, 90),
        "teeth": np.minimum(uniform(190, 235), skin + 70),
        "has_glasses": rng.random(BLOCK) < 0.12,
        "frames": uniform(10, 70),
        "rim": rng.integers(1, 4, BLOCK),
        "beard": np.where(style == 0, beard_ink, 0) + np.where(style == 1, 0.5 * beard_ink, 0),
        "moustache": np.where((style == 2) | (style == 3), beard_ink, 0),
        "goatee": np.where((style == 2) | (style == 4), beard_ink, 0),
        "brow": np.clip((1 - hair / (skin + 40)) * uniform(0.6, 1.0), 0.25, 0.85),
        "upper_lip": lips * 1.25,
        "lower_lip": lips * 0.7,
        "nostril": uniform(0.4, 0.7),
        "wing": uniform(0.1, 0.3),
        "ear_fold": uniform(0.1, 0.4),
        "mouth_line": uniform(0.45, 0.75),
        "lash": uniform(0.55, 0.85) * (1 + 0.1 * long_hair),
        "lash_width": np.where(rng.random(BLOCK) < 0.4 + 0.4 * long_hair, 3, 2),
        "smile_fold": np.clip(0.08 + 0.25 * age + 0.28 * a.corner_up + 0.4 * a.nose_wrinkle, 0, 0.5),
        "mouth_fold": np.clip(0.15 * age + 0.35 * a.corner_down, 0, 0.45),
        "frown": np.clip(0.55 * a.brow_down + 0.1 * age, 0, 0.55),
        "forehead": np.clip(0.15 * age + 0.4 * a.outer_brow_up * (0.4 + age), 0, 0.4),
        "crow": np.clip(0.35 * a.cheek_up * (0.5 + age), 0, 0.35),
        "bunny": np.clip(0.7 * a.nose_wrinkle, 0, 0.6),
        "eye_bag": np.clip(0.08 + 0.3 * age + 0.25 * a.cheek_up + 0.2 * a.lids_tight, 0, 0.45),
        "lid_fold": uniform(0.05, 0.4),
        "blur": np.maximum(uniform(-0.3, 1.0), 0),
        "noise": 1 + 7 * rng.beta(1, 2.5, BLOCK),
        "contrast": contrast,
        "brightness": 110 * (1 - contrast) + uniform(-20, 22),
    }
