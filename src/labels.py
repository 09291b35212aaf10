"""Names and orders that every part of the study shares: emotions, keypoints, left/right pairs."""

FRAME = 96  # side of a keypoint face, px
FER_SIDE = 48  # side of a FER2013 face, px

# The five emotions of the product, in the order of the network's outputs.
EMOTIONS = ("anger", "disgust", "sad", "happiness", "surprise")
# Classes of FER2013 that are not among the five; they follow them where a part knows seven.
EXTRA_EMOTIONS = ("fear", "neutral")
ALL_EMOTIONS = EMOTIONS + EXTRA_EMOTIONS
# What the codes 0..6 of `icml_face_data.csv` and `fer2013.csv` mean.
FER_CODES = ("anger", "disgust", "fear", "happiness", "sad", "surprise", "neutral")

# What FERPlus's people could say of a FER2013 face (Barsoum et al. 2016), in the order of its columns.
VOTES = (
    *("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear"),
    *("contempt", "unknown", "no_face"),
)
# VOTES_OF[i] is the place in VOTES of emotion i of ALL_EMOTIONS.
VOTES_OF = tuple(VOTES.index({"sad": "sadness"}.get(name, name)) for name in ALL_EMOTIONS)

# The 15 points in the column order of Kaggle's Facial Keypoints set; left/right = the subject's own.
KEYPOINTS = (
    "left_eye_center",
    "right_eye_center",
    "left_eye_inner_corner",
    "left_eye_outer_corner",
    "right_eye_inner_corner",
    "right_eye_outer_corner",
    "left_eyebrow_inner_end",
    "left_eyebrow_outer_end",
    "right_eyebrow_inner_end",
    "right_eyebrow_outer_end",
    "nose_tip",
    "mouth_left_corner",
    "mouth_right_corner",
    "mouth_center_top_lip",
    "mouth_center_bottom_lip",
)
KEYPOINT_COLUMNS = tuple(f"{name}_{axis}" for name in KEYPOINTS for axis in "xy")

# FLIP_ORDER[i] is the point that takes the place of point i when the face is flipped.
_OTHER = {"left": "right", "right": "left"}
_FLIPPED = ("_".join(_OTHER.get(word, word) for word in name.split("_")) for name in KEYPOINTS)
FLIP_ORDER = tuple(KEYPOINTS.index(name) for name in _FLIPPED)

# Of the 68 landmarks of the 300-W data sets (Sagonas et al. 2013), counted from 0, those whose mean is each of the 15.
LANDMARKS = 68
LANDMARKS_OF = (
    *(tuple(range(42, 48)), tuple(range(36, 42))),  # eye centres: left, right
    *((42,), (45,), (39,), (36,)),  # eye corners: left inner, left outer, right inner, right outer
    *((22,), (26,), (21,), (17,)),  # brow ends, in the same order
    *((30,), (54,), (48,), (51,), (57,)),  # nose tip, left and right mouth corner, top lip, bottom lip
)
# As FLIP_ORDER, for the landmarks: jaw, brows, nose, eyes, outer and inner lips, each run backwards.
LANDMARKS_FLIP_ORDER = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(*range(27, 31), *range(35, 30, -1)),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(*range(54, 47, -1), *range(59, 54, -1)),
    *(*range(64, 59, -1), *range(67, 64, -1)),
)

# The facial parts, for drawing and for tables: part -> indices into KEYPOINTS.
PARTS = {
    "eyes": tuple(i for i, name in enumerate(KEYPOINTS) if "_eye_" in name),
    "brows": tuple(i for i, name in enumerate(KEYPOINTS) if "eyebrow" in name),
    "nose": (KEYPOINTS.index("nose_tip"),),
    "mouth": tuple(i for i, name in enumerate(KEYPOINTS) if name.startswith("mouth")),
}
# NME divides by the distance of these two points.
OUTER_EYE_CORNERS = tuple(KEYPOINTS.index(f"{side}_eye_outer_corner") for side in ("left", "right"))

# Columns of the table of faces: the square that the networks read, px of the photo; behind the keypoints what they say.
BOX_COLUMNS = ("box_left", "box_top", "box_right", "box_bottom")
FOUND_COLUMNS = ("found_by", "detector_score")  # how a face was found
ANSWER_COLUMNS = ("face_score", "emotion", *(f"p_{name}" for name in EMOTIONS), "confidence", "sure")


def is_five(codes):
    """Which emotion codes, an integer array, are among the five; others are fear, neutral, or -1 for none."""
    return (codes >= 0) & (codes < len(EMOTIONS))
