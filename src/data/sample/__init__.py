"""Synthetic faces with exact keypoints and emotions: the embedded sample that the quick run trains on.

Every face is a set of curves in face coordinates (`shape.py`). Traits say whose face it is, facial actions say what it
does, the pose turns and crops it, and `painting.py` paints it; params/sample_faces.yaml holds the numbers. The sample
shows that the code runs: it is never mixed with real faces, and no score on it is a result.
"""

from types import SimpleNamespace

import numpy as np
import yaml

from src.data.sample import painting, shape
from src.files import PARAMS
from src.labels import EMOTIONS, FRAME, KEYPOINTS

BLOCK = 128  # faces whose random numbers are drawn at once: face i is the same for every n
CROP_MARGIN = 1.25  # side of the crop / larger side of the box around brows, jaw and chin
VALUES = yaml.safe_load((PARAMS / "sample_faces.yaml").read_text("utf-8"))


def draw_faces(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw `n` faces; the same seed gives the same bytes, and a larger n only adds faces at the end.

    Returns (images, keypoints_px, labels): uint8 (n, 96, 96), float32 (n, 15, 2) with x, y in pixels of the frame
    in the order of `labels.KEYPOINTS`, and int8 (n,) indices into `labels.EMOTIONS`.
    """
    images = np.empty((n, FRAME, FRAME), np.uint8)
    keypoints = np.empty((n, len(KEYPOINTS), 2), np.float32)
    labels = np.empty(n, np.int8)
    for start in range(0, n, BLOCK):
        block = slice(start, min(start + BLOCK, n))
        size = block.stop - start
        rng = np.random.default_rng((seed, start // BLOCK))
        emotions = rng.choice(len(EMOTIONS), BLOCK, p=[VALUES["shares"][name] for name in EMOTIONS])
        # Always a whole block, even if fewer faces are wanted: the arithmetic must not depend on n.
        curves, lights, styles = _faces(rng, emotions)
        labels[block], keypoints[block] = emotions[:size], curves.pop("keypoints")[:size]
        curves = {name: painting.fixed_points(curve) for name, curve in curves.items()}
        outlines = zip(*curves.values(), strict=True)
        for i, outline, light, style in zip(range(start, block.stop), outlines, lights, styles, strict=False):
            images[i] = painting.paint(dict(zip(curves, outline, strict=True)), light, SimpleNamespace(**style))
    return images, keypoints, labels


def _faces(rng, emotions):
    """Curves in frame px (each float32 (BLOCK, ..., 2)), light fields and styles (a dict a face) of one block."""
    who, act = _traits(rng), _actions(rng, emotions)
    yaw = np.clip(rng.normal(0, 2.5, (BLOCK, 1)), -5, 5)
    curves = shape.outlines(who, act)
    around = [curves["face"][:, 0, shape.JAW], curves["brow"].reshape(BLOCK, -1, 2)]
    to_frame = _pose(rng, _turned(np.concatenate(around, axis=1), yaw))
    centres, widths, heights = painting.relief(who, act, VALUES["relief"])
    share = rng.uniform([[0.3], [0.0]], [[0.65], [0.4]], (2, BLOCK))
    relief = (_turned(centres, yaw), widths, heights, who.lamp, *share)
    lights = painting.light_fields(*(values.astype(np.float32) for values in relief))
    styles = _styles(rng, who, act)
    styles = {name: np.broadcast_to(values, BLOCK).tolist() for name, values in styles.items()}
    styles["grid_to_half"] = painting.FRAME_TO_HALF @ to_frame @ painting.GRID_TO_FACE
    styles = [dict(zip(styles, face, strict=True)) for face in zip(*styles.values(), strict=True)]
    return _placed(curves, yaw, to_frame), lights, styles


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
    units, ways = VALUES["action_units"], VALUES["expressions"]
    table = np.array([[[way.get(unit, 0) for unit in units] for way in ways[name]] for name in EMOTIONS])
    strength = table[emotions, rng.integers(0, 2, BLOCK)]
    strength = strength * rng.uniform(0.45, 1.05, (BLOCK, 1)) * rng.uniform(0.7, 1.15, strength.shape)
    strength += 0.07 * np.abs(rng.standard_normal(strength.shape))
    return SimpleNamespace(**{name: strength[:, i, None, None] for i, name in enumerate(units.values())})


def _traits(rng):
    """Who the faces are: a namespace of arrays (BLOCK, 1, 1), or (BLOCK, 2, 1) where the sides differ."""

    def normal(*size):
        return np.clip(rng.standard_normal((BLOCK, *size)), -2, 2)

    who = SimpleNamespace(**{name: mean + spread * normal(1, 1) for name, (mean, spread) in VALUES["traits"].items()})
    for name, (mean, spread, sides) in VALUES["sided"].items():
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


def _styles(rng, who, act):
    """Tones (0..255), strengths of ink (0..1) and camera of each face: a dict of arrays (BLOCK,)."""

    def uniform(low, high):
        return rng.uniform(low, high, BLOCK)

    a = SimpleNamespace(**{name: value[:, 0, 0] for name, value in vars(act).items()})
    age, long_hair = who.age[:, 0, 0], who.long_hair[:, 0, 0]
    skin = 80 + 125 * rng.beta(2.2, 1.3, BLOCK)
    hair = np.where(rng.random(BLOCK) < 0.7, uniform(18, 60), uniform(60, 190))
    hair = np.minimum(hair, 0.9 * skin)
    bearded = rng.random(BLOCK) < np.where(long_hair, 0.0, 0.5)
    cut = rng.integers(0, 5, BLOCK)
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
        "beard": np.where(cut == 0, beard_ink, 0) + np.where(cut == 1, 0.5 * beard_ink, 0),
        "moustache": np.where((cut == 2) | (cut == 3), beard_ink, 0),
        "goatee": np.where((cut == 2) | (cut == 4), beard_ink, 0),
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
