"""A synthetic face in paint: smooth bumps shaded under one lamp, and the curves of `shape.py` filled and stroked."""

from functools import cache

import cv2
import numpy as np

from src.data.sample.shape import chin_y
from src.labels import FRAME

# Where the light is computed, in face px, and the map (3, 3) from indices of that grid to face px.
GRID_X, GRID_Y = np.linspace(-46, 46, 42, dtype=np.float32), np.linspace(-8, 98, 48, dtype=np.float32)
GRID_TO_FACE = np.array([[GRID_X[1] - GRID_X[0], 0, GRID_X[0]], [0, GRID_Y[1] - GRID_Y[0], GRID_Y[0]], [0, 0, 1]])

FINE = 2 * FRAME  # side of the canvas that curves are painted on
HALF = FRAME // 2  # side of the light's picture: light is smooth
TILE = 512  # side of the noise tiles
SOFTEN = np.array([0.25, 0.5, 0.25])

# Frame px to px of the light's picture, (3, 3): the centre of pixel 0 lies at 0.5 in the frame.
FRAME_TO_HALF = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])

# Marks that swallow light; a face's style holds the strength of each under the same name.
BEARDS = ("beard", "moustache", "goatee")
AREAS = ("brow", "upper_lip", "lower_lip", "nostril")
LINES = ("smile_fold", "mouth_fold", "frown", "forehead", "crow", "bunny", "eye_bag", "lid_fold", "wing", "ear_fold")


# ---------------------------------------------------------------- light


def relief(who, act, bumps: list) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres (n, k, 2) and half-widths (k, 2) in face px and heights (n, k) of the bumps of each face.

    bumps: `relief` of params/sample_faces.yaml; one that is not on the midline stands on both sides.
    """
    none = 0 * who.eye_y
    anchors = {
        "brow": (who.eye_x, who.brow_y.mean(1, keepdims=True) + 2.0 * act.brow_down - 3.0 * act.outer_brow_up),
        "eye": (who.eye_x, who.eye_y),
        "nose": (none, who.nose_y),
        "cheek": (0.6 * who.head_half, who.nose_y - 1.0 - 2.0 * act.cheek_up),
        "mouth": (none, who.mouth_y + 2.5 * act.jaw_drop),
        "chin": (none, chin_y(who, act)),
    }
    growth = {
        "bony": who.bony + 0.5 * act.brow_down,
        "nosy": who.nosy,
        "cheeky": who.cheeky,
        "smiling": 0.2 + act.cheek_up + 0.5 * act.nose_wrinkle,
        "gaunt": who.gaunt,
        "lipped": 1 - 0.7 * act.lip_press,
        "frowning": act.brow_down,
        None: none + 1,
    }
    found = []
    for anchor, (dx, dy), half_widths, height, grows in bumps:
        x, y = anchors[anchor]
        for side in (1,) if dx == 0 and x is none else (1, -1):
            centre = np.concatenate([side * (x + dx), y + dy], -1)
            found.append((centre[:, 0], half_widths, (height * growth[grows])[:, 0, 0]))
    centres, widths, heights = zip(*found, strict=True)
    return np.stack(centres, 1), np.array(widths), np.stack(heights, 1)


def light_fields(centres, widths, heights, lamp, ambient, gloss) -> np.ndarray:
    """Light (n, 48, 42) float32 on the relief, 1 = as bright as the skin's own tone.

    centres, widths, heights: see `relief`; lamp (n, 3): unit vectors towards the light (right, down, to the viewer);
    ambient and gloss (n,): the shares of light without direction and of gloss. All float32.
    """
    # A bump is the product of two bells, so its slopes over the whole grid are one matrix product.
    dx, dy = (GRID_X - centres[..., :1]) / widths[:, :1], (GRID_Y - centres[..., 1:]) / widths[:, 1:]
    bell_x, bell_y = np.exp(-0.5 * dx * dx), np.exp(-0.5 * dy * dy) * heights[..., None]
    slope_x = bell_y.swapaxes(1, 2) @ (bell_x * dx / -widths[:, :1])
    slope_y = (bell_y * dy / -widths[:, 1:]).swapaxes(1, 2) @ bell_x
    # The skull turns away towards ears, chin and crown.
    slope_x -= 1.4 * (GRID_X / 40) ** 3
    slope_y -= (0.9 * ((GRID_Y - 44) / 46) ** 3)[:, None]
    facing = 1 / np.sqrt(1 + slope_x * slope_x + slope_y * slope_y)

    def lit(towards):
        x, y, z = towards.T[..., None, None]
        return np.maximum((z - x * slope_x - y * slope_y) * facing, 0)

    half_way = lamp + np.array([0, 0, 1], np.float32)
    shine = lit(half_way / np.linalg.norm(half_way, axis=1, keepdims=True))
    for _ in range(4):
        shine *= shine
    ambient, gloss = ambient[:, None, None], gloss[:, None, None]
    return ambient * (0.6 + 0.4 * facing) + (1 - ambient) * 1.15 * lit(lamp) + gloss * shine


# ---------------------------------------------------------------- paint


@cache
def _textures() -> dict[str, np.ndarray]:
    """Noise, uint8 with mean 128: clutter, grain and sensor to cut pieces from, strands of whole frames."""
    rng = np.random.default_rng(0)

    def cloud(*sigmas):
        noise = rng.standard_normal((TILE, TILE)).astype(np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), sigmas[0], sigmaY=sigmas[-1])
        return noise / noise.std()

    clutter = cloud(3) + cloud(8) + cloud(24)
    for x, y, w, h in rng.integers(0, TILE, (70, 4)) // (1, 1, 5, 4):
        clutter[y : y + h, x : x + w] += rng.normal(0, 1.5)
    noise = {
        "clutter": 32 * cv2.GaussianBlur(clutter, (0, 0), 1.2) / clutter.std(),
        "grain": 27 * cloud(0.6),
        "sensor": 32 * cloud(0.3),
        "strands": np.stack([_strands(rng, cloud(0.8, 6)) for _ in range(12)]),
    }
    return {name: np.clip(128 + values, 0, 255).astype(np.uint8) for name, values in noise.items()}


def _strands(rng, strip):
    """Hair that fans out from the crown above the frame, slightly waved, with a band of sheen."""
    y, x = np.mgrid[0:FRAME, 0:FRAME].astype(np.float32)
    reach = np.hypot(x - FRAME / 2, y + 45)
    wave = rng.uniform(0.005, 0.03) * np.sin(reach / rng.uniform(6, 14) + rng.uniform(0, 6))
    angle = np.arctan2(x - FRAME / 2, y + 45) + wave
    hair = cv2.remap(strip, TILE / 2 + 180 * angle, reach * 0.3, cv2.INTER_LINEAR)
    sheen = np.exp(-(((reach - rng.uniform(50, 110)) / 18) ** 2))
    return 20 * hair + 50 * sheen * (1 + 0.3 * hair) - 10


def fixed_points(points_px: np.ndarray) -> np.ndarray:
    """Points in frame px as the int32 that the curves of `paint` have: 1/16 of a pixel of the fine canvas."""
    return np.rint(32 * points_px + 8).astype(np.int32)  # 8: the centre of frame pixel 0 lies at 0.5 on that canvas


def paint(curves: dict[str, np.ndarray], light: np.ndarray, style) -> np.ndarray:
    """One face, uint8 (96, 96).

    curves in `fixed_points`, light a field of `light_fields`, style a namespace of scalars (tones 0..255, strengths
    0..1, blur in px) and of `grid_to_half`, the map (3, 3) from the light's grid to its picture.
    """
    fibre = _textures()["strands"][style.strands]
    clutter = _piece("clutter", style)
    picture = cv2.addWeighted(clutter, style.clutter / 32, clutter, 0, style.backdrop - 4 * style.clutter)
    picture = _over(picture, fibre, _area(curves["hair_back"], style.has_hair), 0.7 * style.hair)
    front = cv2.blur(_area(curves["hair"], style.has_hair), (7, 7))
    head, outline = _head(curves, style)
    light = cv2.warpAffine(light, style.grid_to_half[:2], (HALF, HALF), borderMode=cv2.BORDER_REPLICATE)
    light = cv2.resize(light, (FRAME, FRAME), interpolation=cv2.INTER_LINEAR)
    lit = cv2.multiply(head, light * _unswallowed(curves, front, style), dtype=cv2.CV_8U)
    picture = cv2.add(cv2.multiply(picture, cv2.bitwise_not(outline), scale=1 / 255), lit)
    # Contrast cuts the blurred edge of the hair near its middle, earlier or later from strand to strand.
    front = cv2.addWeighted(front, 4, fibre, 0.9, -4.4 * 128)
    picture = _over(picture, fibre, front, style.hair)
    if style.blur > 0.25:
        picture = cv2.GaussianBlur(picture, (5, 5), style.blur)
    noise = style.noise / 32
    return cv2.addWeighted(picture, style.contrast, _piece("sensor", style), noise, style.brightness - 128 * noise)


def _piece(name, style):
    x, y = style.piece % 400, style.piece // 400
    return _textures()[name][y : y + FRAME, x : x + FRAME]


def _over(below, texture, area, tone):
    """A texture (mean 128) in a tone over a picture, where the area is 255."""
    above = cv2.multiply(texture, area, scale=tone / 128 / 255)
    return cv2.add(cv2.multiply(below, cv2.bitwise_not(area), scale=1 / 255), above)


def _area(curve, present):
    area = np.zeros((FRAME, FRAME), np.uint8)
    if present:
        cv2.fillPoly(area, curve, 255, cv2.LINE_AA, 5)
    return area


def _averaged(canvas):
    return cv2.resize(canvas, (FRAME, FRAME), interpolation=cv2.INTER_AREA)


def _head(curves, style):
    """Head, neck and shirt in their own tones, without light and marks, and the area they cover; both uint8."""
    canvas = np.zeros((FINE, FINE), np.uint8)

    def fill(name, tone, edge=cv2.LINE_8):
        cv2.fillPoly(canvas, curves[name], tone, edge, 4)

    fill("neck", 0.75 * style.skin)
    fill("shirt", style.shirt)
    fill("ear", style.skin)
    fill("face", style.skin)
    outline = cv2.threshold(canvas, 0, 255, cv2.THRESH_BINARY)[1]
    fill("eye", style.sclera, cv2.LINE_AA)
    fill("iris", style.iris, cv2.LINE_AA)
    fill("pupil", 0.3 * style.iris)
    cv2.polylines(canvas, curves["glint"], False, style.glint, 2, cv2.LINE_8, 4)
    if style.open_mouth:
        fill("mouth", style.mouth, cv2.LINE_AA)
        fill("tongue", style.tongue)
        fill("lower_teeth", 0.85 * style.teeth)
        fill("teeth", style.teeth)
    if style.has_glasses:
        for name in ("lens", "bridge", "temple"):
            cv2.polylines(canvas, curves[name], name == "lens", style.frames, style.rim, cv2.LINE_AA, 4)
    return _averaged(canvas), _averaged(outline)


def _unswallowed(curves, shadow, style):
    """The share of the light that soft marks and the shadow of the hair leave, float32 (96, 96)."""
    ink = np.zeros((FINE, FINE), np.uint8)

    def fill(names):
        for name in names:
            cv2.fillPoly(ink, curves[name], 255 * getattr(style, name), cv2.LINE_8, 4)

    def stroke(name, strength, thickness):
        cv2.polylines(ink, curves[name], False, 255 * strength, thickness, cv2.LINE_8, 4)

    if any(getattr(style, name) for name in BEARDS):
        fill(BEARDS)
        grain = cv2.resize(_piece("grain", style), (FINE, FINE), interpolation=cv2.INTER_NEAREST)
        ink = cv2.multiply(cv2.blur(ink, (9, 9)), grain, scale=1 / 128)
    fill(AREAS)
    for name in LINES:
        if getattr(style, name) > 0.09:
            stroke(name, 1.7 * getattr(style, name), 1)
    stroke("mouth_line", style.mouth_line, 2)
    stroke("lower_lid", 0.6 * style.lash, 1)
    stroke("upper_lid", style.lash, style.lash_width)
    ink = cv2.addWeighted(_averaged(ink), 1, shadow, 0.4, 0)
    return cv2.sepFilter2D(ink, cv2.CV_32F, SOFTEN, SOFTEN / -255, delta=1)
