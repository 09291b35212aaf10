"""The geometry of a synthetic face: traits and facial actions in, curves out.

Face coordinates are pixels of an average upright 96x96 face: x from the midline to the right of the picture (the
subject's own left), y downwards. Traits (who) and actions (act) are namespaces of arrays (n, 1, 1), or (n, 2, 1)
where the sides differ. Curves are arrays (n, strokes, points, 2); of two strokes the subject's left comes first.
"""

import numpy as np

SIDES = np.array([1.0, -1.0])[:, None]
# -1..1 along an eye from its inner corner, along the mouth from the subject's right; denser where lids and lips close.
ARC = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 17))
MIDDLE = 8
ROUND = np.clip(1 - ARC**2, 0, None)  # 0 at the ends of the arc, 1 in its middle
RING = np.linspace(0, 2 * np.pi, 24, endpoint=False)
HEAD_RING = np.linspace(0, 2 * np.pi, 48, endpoint=False)
JAW = slice(0, 25)  # the part of the head's ring from ear to ear round the chin


def outlines(who, act) -> dict[str, np.ndarray]:
    """All curves of the faces by name, and "keypoints" (n, 15, 2) in the order of `labels.KEYPOINTS`."""
    eyes, brows, nose, mouth = _eyes(who, act), _brows(who, act), _nose(who, act), _mouth(who, act)
    head = _head(who, act)
    curves = eyes | brows | nose | mouth | head | _beards(who, act, head["face"]) | _glasses(who) | _hair(who)
    return curves | _folds(who, act, mouth) | {"keypoints": _keypoints(eyes, brows, nose, mouth)}


def _curve(x, y):
    return np.stack(np.broadcast_arrays(x, y), axis=-1)


def _between(one, other):
    """The closed shape between two curves that run in the same direction."""
    return np.concatenate([one, other[..., ::-1, :]], axis=-2)


def _superellipse(angle, half_width, up, down, power):
    """Closed curve round (0, 0) with its own height above and below."""
    c, s = np.cos(angle), np.sin(angle)
    x = half_width * np.sign(c) * np.abs(c) ** (2 / power)
    return x, np.where(s > 0, down, up) * np.sign(s) * np.abs(s) ** (2 / power)


def _eyes(who, act):
    opening = 1 + 0.95 * act.lids_wide - 0.42 * act.lids_tight - 0.42 * act.lids_droop - 0.2 * act.cheek_up
    above = who.eye_height * np.maximum(opening, 0.22)
    floor = 1 + 0.3 * act.lids_wide - 0.45 * act.lids_tight - 0.6 * act.cheek_up
    below = 0.55 * who.eye_height * np.maximum(floor, 0.15)
    tilt = 0.9 * act.inner_brow_up * act.lids_droop - who.eye_tilt

    def upper(u):
        return -above * (1 - u**2) ** 0.75 * (1 - 0.12 * u) + tilt * u

    def lower(u):
        return below * (1 - u**2) ** 0.9 * (1 + 0.15 * u) + tilt * u

    def place(u, y):
        return _curve(SIDES * (who.eye_x + who.eye_half * u), who.eye_y + y)

    def disc(radius):
        """A circle round the point of gaze that the lids cut off."""
        u = np.clip((SIDES * who.gaze_x + radius * np.cos(RING)) / who.eye_half, -0.97, 0.97)
        return place(u, np.clip(gaze_y + radius * np.sin(RING), upper(u), lower(u)))

    gaze_y = who.gaze_y - 0.35 * above + 0.3 * below
    top, bottom = place(ARC, upper(ARC)), place(ARC, lower(ARC))
    lid = np.linspace(-0.9, 0.95, 9)
    glint_x = SIDES * (who.gaze_x + 0.9 * np.sign(who.lamp_x)) / who.eye_half
    return {
        "upper_lid": top,
        "lower_lid": bottom,
        "eye": _between(top, bottom),
        "iris": disc(who.iris),
        "pupil": disc(0.45 * who.iris),
        "glint": place(glint_x, np.maximum(gaze_y - 0.9, upper(0 * glint_x) + 0.7)),
        "lid_fold": place(lid, upper(lid) - who.lid_fold * (1 - 0.4 * lid**2) * (1 + 0.3 * act.lids_droop)),
        "eye_bag": place(0.9 * lid, lower(lid) + 1.6 + 1.2 * (1 - lid**2)),
    }


def _brows(who, act):
    u = np.linspace(0, 1, 10)
    inner_x = who.brow_inner - 2.2 * act.brow_down - 0.6 * act.inner_brow_up
    outer_x = who.brow_outer + 0.6 * act.outer_brow_up
    inner_y = who.brow_y + 1.5 - 4.5 * act.inner_brow_up + 5.2 * act.brow_down + 1.5 * act.nose_wrinkle
    outer_y = who.brow_y + 3.5 + who.brow_tilt - 4.2 * act.outer_brow_up + 0.9 * act.brow_down + 0.8 * act.inner_brow_up
    arch = who.brow_arch + 1.2 * act.outer_brow_up - 0.9 * act.brow_down - 1.2 * act.inner_brow_up
    x = SIDES * (inner_x + (outer_x - inner_x) * u)
    y = inner_y + (outer_y - inner_y) * u - arch * np.sin(np.pi * u**1.3)
    half = who.brow_thick * 0.5 * (0.55 + 1.3 * u**0.7 - 1.75 * u**2.2)
    return {"brow_spine": _curve(x, y), "brow": _between(_curve(x, y - half), _curve(x, y + half))}


def _nose(who, act):
    lift = 3.0 * act.nose_wrinkle + 0.8 * act.upper_lip_up
    tip = who.nose_y - 0.5 * lift
    base = tip + 5.4 - 0.6 * lift
    wing = who.nose_half * (1 + 0.16 * act.nose_wrinkle + 0.1 * act.corner_up)
    middle = 0.6 * who.nose_lead
    turn = np.linspace(-1.1, 1.5, 8)
    hole_x = 0.47 * wing + 0.18 * wing * np.cos(RING)
    hole_y = base - 0.9 + who.nostril * np.sin(RING) - 0.25 * np.cos(RING)
    return {
        "nose_tip": _curve(who.nose_lead, tip),
        "wing": _curve(middle + SIDES * (wing - 2.8 + 2.8 * np.cos(turn)), base - 2.6 + 3.0 * np.sin(turn)),
        "nostril": _curve(middle + SIDES * hole_x, hole_y),
    }


def _mouth(who, act):
    wide = 0.3 * act.corner_up + 0.2 * act.lip_stretch - 0.36 * act.jaw_drop - 0.08 * act.lip_press
    corner = -6.8 * act.corner_up + 3.8 * act.corner_down + 1.8 * act.jaw_drop
    line = who.mouth_y + 0.8 * act.corner_up - 1.0 * act.chin_up - 0.9 * act.corner_down
    line = line + corner * np.abs(ARC) ** 1.7 + who.mouth_skew * ARC
    gap_up = act.lips_part * (0.8 + 4.0 * act.upper_lip_up + 1.4 * act.corner_up) + 1.2 * act.jaw_drop
    gap_down = act.lips_part * (1.8 + 4.2 * act.corner_up) + 13.0 * act.jaw_drop
    swell = ROUND ** np.where(act.jaw_drop > 0.3, 0.6, 0.85)
    thin = (1 - 0.62 * act.lip_press) * (1 - 0.25 * act.corner_up)
    bow = ROUND**0.7 * (1 - 0.2 * np.exp(-((ARC / 0.16) ** 2)))
    raised = 3.6 * act.upper_lip_up * (1 - act.lips_part)
    top_inner, low_inner = line - gap_up * swell, line + gap_down * swell
    shown = 1.0 + 3.4 * np.maximum(act.corner_up, act.upper_lip_up)
    teeth = np.minimum(top_inner + shown * swell**0.5, low_inner)
    lower_teeth = np.maximum(low_inner - 2.6 * act.upper_lip_up * swell**0.5, teeth)
    tongue = np.maximum(low_inner - 0.45 * gap_down * swell * ROUND, teeth)

    def across(y):
        return _curve(who.mouth_half * (1 + wide) * ARC, y)

    inner_top, inner_bottom = across(top_inner), across(low_inner)
    top = across(top_inner - (who.upper_lip * thin + raised) * bow)
    bottom = across(low_inner + who.lower_lip * thin * ROUND**0.6)
    return {
        "lip_top": top,
        "lip_bottom": bottom,
        "upper_lip": _between(top, inner_top),
        "lower_lip": _between(inner_bottom, bottom),
        "mouth_line": inner_top,
        "mouth": _between(inner_top, inner_bottom),
        "teeth": _between(inner_top, across(teeth)),
        "lower_teeth": _between(across(lower_teeth), inner_bottom),
        "tongue": _between(across(tongue), inner_bottom),
    }


def chin_y(who, act):
    """Height of the chin in face px; it follows the jaw."""
    return who.chin_y + 6.5 * act.jaw_drop - 0.8 * act.chin_up


def _head(who, act):
    x, y = _superellipse(HEAD_RING, who.head_half, 50.0, chin_y(who, act) - who.eye_y, who.jaw_power)
    # Cheeks that rise also widen the face below the eyes.
    x = x * (1 + 0.03 * act.corner_up * np.exp(-(((y - 22) / 14) ** 2)))
    ear_x, ear_y = who.head_half + 1.2 + 3.0 * np.cos(RING) - 0.8 * np.sin(RING), who.eye_y + 9 + 9.5 * np.sin(RING)
    back = slice(15, 24)
    neck = who.neck_half
    shirt_x = np.concatenate([0 * neck - 90, -1.05 * neck, 0 * neck, 1.05 * neck, 0 * neck + 90, 0 * neck], -1)
    return {
        "face": _curve(x, who.eye_y + y),
        "ear": _curve(SIDES * ear_x, ear_y),
        "ear_fold": _curve(SIDES * (ear_x[..., back] - 0.8), ear_y[..., back] + 1.2),
        "neck": _curve(neck * np.array([-1, -1, -1.3, 1.3, 1, 1]), np.array([60.0, 86, 120, 120, 86, 60])),
        "shirt": _curve(shirt_x, who.collar_y + np.array([8.0, 0, 14, 0, 8, 200])),
    }


def _beards(who, act, face):
    cheek_x = who.head_half * np.array([-0.99, -0.86, -0.62, -0.36, 0, 0.36, 0.62, 0.86, 0.99])
    cheek_y = who.mouth_y - np.array([30.0, 14, 3, 8, 9, 8, 3, 14, 30])
    lip_x = who.mouth_half * np.array([-1.1, -0.6, 0, 0.6, 1.1, 0.6, 0, -0.6])
    lip_y = who.mouth_y - np.array([-0.5, 6.5, 7.2, 6.5, -0.5, 2.5, 3.5, 2.5]) - 1.5 * act.corner_up
    tuft = 10.0 + 1.5 * act.jaw_drop
    return {
        "beard": np.concatenate([_curve(cheek_x, cheek_y), face[:, :, 1:24]], axis=2),
        "moustache": _curve(lip_x, lip_y),
        "goatee": _curve(tuft * np.cos(RING), chin_y(who, act) - 3.5 + 0.65 * tuft * np.sin(RING)),
    }


def _glasses(who):
    x, y = _superellipse(RING, who.lens_half, who.lens_height, 1.1 * who.lens_height, who.lens_power)
    middle = who.eye_x + 0.4
    u = np.linspace(-1, 1, 5)
    return {
        "lens": _curve(SIDES * (middle + x), who.eye_y + 1.2 + y),
        "bridge": _curve((middle - who.lens_half) * u, who.eye_y - 2.0 + 1.5 * u**2),
        "temple": _curve(SIDES * np.concatenate([middle + who.lens_half, who.head_half + 1], -1), who.eye_y - 1.0),
    }


def _hair(who):
    """Front: up one side, along the hairline, down the other side and back round the skull. Back: behind the neck."""
    k = np.linspace(0, 1, 8)
    bulge, sway = np.sin(np.pi * k), who.hair_wave * np.sin(who.hair_waves * k)
    inner = who.head_half - who.hair_inset - who.hair_cover * bulge + who.hair_curve * k**2 + sway
    outer = who.head_half + who.hair_spread * (0.8 + 0.6 * bulge) + 0.8 * who.hair_curve * k**2 + sway
    outer = np.maximum(outer, inner + 1.0)
    side_y = who.eye_y + (who.hair_end - who.eye_y) * k
    angle = np.linspace(np.pi, 0, 25)[1:-1]
    height = who.eye_y - who.hairline_y + who.hair_part * np.cos(angle) + who.fringe * np.sin(who.hair_waves * angle)
    line_x = (who.head_half - who.hair_inset) * np.cos(angle)
    line_y = who.eye_y - height * np.sin(angle) ** who.hairline_power
    width = who.head_half + who.hair_spread
    crown_x, crown_y = 0.75 * width, who.eye_y - 60
    x = np.concatenate([-inner[..., ::-1], line_x, inner, outer[..., ::-1], crown_x, -crown_x, -outer], -1)
    y = np.concatenate([side_y[..., ::-1], line_y, side_y, side_y[..., ::-1], crown_y, crown_y, side_y], -1)
    back_x, back_y = _superellipse(HEAD_RING, width, 56.0, np.maximum(who.hair_end - 26, 4.0), 2.6)
    return {"hair": _curve(x, y), "hair_back": _curve(back_x, who.eye_y + back_y)}


def _folds(who, act, mouth):
    u, span = np.linspace(0, 1, 7), np.linspace(-1, 1, 9)
    corner_x, corner_y = np.moveaxis(mouth["lip_top"][:, :, -1:], -1, 0)
    fold_x, fold_y = who.nose_half + 0.8, who.nose_y + 2.0 - 2.0 * act.nose_wrinkle
    frown_y = who.brow_y + 3.0 * act.brow_down - 2.5
    rows = np.array([5.5, 9.0, 12.5])[:, None]
    brow_y = who.brow_y.mean(1, keepdims=True) - 2.0 * act.outer_brow_up
    rays = np.array([-0.55, 0.05, 0.65])[:, None]
    crow_x, crow_y = who.eye_x + who.eye_half + 2.0 + 4.5 * u, who.eye_y - 0.3 + rays * (1.5 + 4.0 * u)
    bunny_y = who.eye_y + 3.5 + np.array([0.0, 2.6])[:, None] + 3.2 * u - 2.0 * u**2

    def both_sides(x, y):
        return np.concatenate([_curve(x, y), _curve(-x, y)], axis=1)

    smile_x = fold_x + (corner_x + 3.0 - fold_x) * u + np.sin(np.pi * u) * (1.0 + 2.2 * act.corner_up)
    return {
        "smile_fold": _curve(SIDES * smile_x, fold_y + (corner_y + 1.0 - fold_y) * u),
        "mouth_fold": _curve(SIDES * (corner_x + 0.8 + 2.5 * u), corner_y + 0.5 + 6.5 * u),
        "frown": _curve(SIDES * (2.4 + 0.5 * u**2), frown_y + 8.0 * u),
        "forehead": _curve(16.0 * span, brow_y - rows - np.cos(3 * span) + 1.5 * span**2),
        "crow": both_sides(crow_x, crow_y),
        "bunny": both_sides(1.8 + 5.0 * u, bunny_y),
    }


def _keypoints(eyes, brows, nose, mouth):
    upper, lower, brow = eyes["upper_lid"], eyes["lower_lid"], brows["brow_spine"]
    # As in the real data, an eye's centre is the mean of its corners and of two points on each lid.
    centres = np.concatenate([upper[:, :, [0, 4, 12, 16]], lower[:, :, [4, 12]]], axis=2).mean(2)
    eye_ends, brow_ends = (curve[:, :, [0, -1]].reshape(-1, 4, 2) for curve in (upper, brow))
    lips = mouth["lip_top"][:, 0, [-1, 0, MIDDLE]], mouth["lip_bottom"][:, 0, [MIDDLE]]
    return np.concatenate([centres, eye_ends, brow_ends, nose["nose_tip"][:, 0], *lips], axis=1)
