"""The light on a drawn face: a relief of smooth bumps, shaded under one lamp."""

import numpy as np

from src.face_shape import chin_y

# Where the light is computed, in face px, and the map (3, 3) from indices of that grid to face px.
GRID_X, GRID_Y = np.linspace(-46, 46, 42, dtype=np.float32), np.linspace(-8, 98, 48, dtype=np.float32)
GRID_TO_FACE = np.array([[GRID_X[1] - GRID_X[0], 0, GRID_X[0]], [0, GRID_Y[1] - GRID_Y[0], GRID_Y[0]], [0, 0, 1]])

# Bumps and hollows: an anchor and an offset from it, half-widths, height (px), and what the height grows with.
RELIEF = (
    ("brow", (0, 1), (10, 3.5), 1.6, "bony"),
    ("brow", (6, -9), (14, 9), 1.5, None),
    ("brow", (-13.5, 2), (3, 4), 1.6, "frowning"),
    ("eye", (-1.5, -1.5), (8, 4.5), -3.2, "bony"),
    ("eye", (0, 0), (5, 3.2), 1.8, None),
    ("nose", (0, -12), (3.4, 8), 3.2, "nosy"),
    ("nose", (0, 0), (4.2, 4), 3.8, "nosy"),
    ("nose", (5.5, 2.2), (2.6, 2.6), 2.0, "nosy"),
    ("cheek", (0, 0), (9, 7), 3.0, "cheeky"),
    ("cheek", (-3, 3.5), (5.5, 4.5), 3.2, "smiling"),
    ("cheek", (1, 19), (8, 10), -2.5, "gaunt"),
    ("mouth", (0, 0), (13, 9), 3.0, None),
    ("mouth", (0, 4), (8, 2.2), 1.5, "lipped"),
    ("mouth", (0, 9.5), (8, 2.2), -2.4, None),
    ("chin", (0, -6), (8, 5), 3.5, None),
)


def relief(who, act) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres (n, k, 2) and half-widths (k, 2) in face px and heights (n, k) of the bumps of each face."""
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
    bumps = []
    for anchor, (dx, dy), widths, height, grows in RELIEF:
        x, y = anchors[anchor]
        on_midline = dx == 0 and x is none
        for side in (1,) if on_midline else (1, -1):
            bumps.append(
                (np.concatenate([side * (x + dx), y + dy], -1)[:, 0], widths, (height * growth[grows])[:, 0, 0])
            )
    centres, widths, heights = zip(*bumps, strict=True)
    return np.stack(centres, 1), np.array(widths), np.stack(heights, 1)


def light_fields(centres, widths, heights, lamp, ambient, gloss) -> np.ndarray:
    """Light (n, 48, 42) float32 on the relief, 1 = as bright as the skin's own tone.

    centres, widths, heights: see `relief`; lamp (n, 3): unit vectors towards the light (right, down, to the viewer);
    ambient and gloss (n,): the shares of light without direction and of mirrored light. All float32.
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
