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
        for i in range(size):
            outline, style = ({name: values[i] for name, values in each.items()} for each in (curves, styles))
            images[start + i] = painting.paint(outline, lights[i], SimpleNamespace(**style))
    return images, keypoints, labels


def _faces(rng, emotions):
    """Curves in frame px (each float32 (BLOCK, ..., 2)), light fields and styles of one block."""
    who, act = _traits(rng), _actions(rng, emotions)
    yaw = np.clip(rng.normal(0, 2.5, (BLOCK, 1)), -5, 5)
    curves = shape.outlines(who, act)
    around = [curves["face"][:, 0, shape.JAW], curves["brow"].reshape(BLOCK, -1, 2)]
    to_frame = _pose(rng, _turned(np.concatenate(around, axis=1), yaw))
    centres, widths, heights = painting.relief(who, act, VALUES["relief"])
    share = rng.uniform([[0.3], [0.0]], [[0.65], [0.4]], (2, BLOCK))
    relief = (_turned(centres, yaw), widths, heights, who.lamp, *share)
    lights = painting.light_fields(*(values.astype(np.float32) for values in relief))
    styles = {name: values.tolist() for name, values in _styles(rng, who, act).items()}
    styles["grid_to_half"] = painting.FRAME_TO_HALF @ to_frame @ painting.GRID_TO_FACE
    return _placed(curves, yaw, to_frame), lights, styles


def _drawn(rng, table, *size):
    """The random numbers of a table of params/sample_faces.yaml: a namespace of arrays (BLOCK, *size)."""
    rows = VALUES[table].items()
    return SimpleNamespace(**{name: getattr(rng, law)(*numbers, (BLOCK, *size)) for name, (law, *numbers) in rows})


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
    hair = _drawn(rng, "hair", 1, 1)
    who.long_hair = hair.long < 0.42
    who.hair_end = np.where(who.long_hair, hair.long_end, hair.short_end)
    who.hair_spread = who.hair_spread + who.long_hair * hair.spread
    who.hair_cover = np.where(who.long_hair, hair.long_cover, hair.short_cover)
    who.hair_curve = who.hair_curve * who.long_hair
    who.hair_wave = who.long_hair * hair.wave * (hair.wavy < 0.5)
    who.hairline_y = np.where(hair.fringed < 0.25, hair.fringe_y, who.hairline_y)
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
    act = SimpleNamespace(**{name: strength[:, 0, 0] for name, strength in vars(act).items()})
    age, long_hair = who.age[:, 0, 0], who.long_hair[:, 0, 0]
    draw = _drawn(rng, "styles")
    skin = 80 + 125 * draw.skin
    hair = np.minimum(np.where(draw.hair < 0.7, draw.dark_hair, draw.light_hair), 0.9 * skin)
    beard_ink = (draw.bearded < np.where(long_hair, 0.0, 0.5)) * draw.beard_ink
    lips = draw.lips * (1 + 0.3 * long_hair)
    return vars(draw) | {
        "skin": skin,
        "hair": hair,
        "has_hair": draw.has_hair < 0.94,
        "sclera": np.minimum(0.7 * skin + 75, 225),
        "glint": np.clip(draw.glint, 0, 255),
        "open_mouth": act.lips_part + act.jaw_drop > 0.12,
        "teeth": np.minimum(draw.teeth, skin + 70),
        "has_glasses": draw.has_glasses < 0.12,
        "beard": beard_ink * np.array([1, 0.5, 0, 0, 0])[draw.beard_cut],
        "moustache": beard_ink * np.isin(draw.beard_cut, (2, 3)),
        "goatee": beard_ink * np.isin(draw.beard_cut, (2, 4)),
        "brow": np.clip((1 - hair / (skin + 40)) * draw.brow, 0.25, 0.85),
        "upper_lip": lips * 1.25,
        "lower_lip": lips * 0.7,
        "lash": draw.lash * (1 + 0.1 * long_hair),
        "lash_width": np.where(draw.lash_width < 0.4 + 0.4 * long_hair, 3, 2),
        "smile_fold": np.clip(0.08 + 0.25 * age + 0.28 * act.corner_up + 0.4 * act.nose_wrinkle, 0, 0.5),
        "mouth_fold": np.clip(0.15 * age + 0.35 * act.corner_down, 0, 0.45),
        "frown": np.clip(0.55 * act.brow_down + 0.1 * age, 0, 0.55),
        "forehead": np.clip(0.15 * age + 0.4 * act.outer_brow_up * (0.4 + age), 0, 0.4),
        "crow": np.clip(0.35 * act.cheek_up * (0.5 + age), 0, 0.35),
        "bunny": np.clip(0.7 * act.nose_wrinkle, 0, 0.6),
        "eye_bag": np.clip(0.08 + 0.3 * age + 0.25 * act.cheek_up + 0.2 * act.lids_tight, 0, 0.45),
        "blur": np.maximum(draw.blur, 0),
        "noise": 1 + 7 * draw.noise,
        "brightness": 110 * (1 - draw.contrast) + draw.brightness,
    }
