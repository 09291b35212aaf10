from src.labels import (
    ALL_EMOTIONS,
    FLIP_ORDER,
    KEYPOINTS,
    LANDMARKS,
    LANDMARKS_FLIP_ORDER,
    LANDMARKS_OF,
    PARTS,
    VOTES,
    VOTES_OF,
)

PAIRS = {
    "left_eye_center": "right_eye_center",
    "left_eye_inner_corner": "right_eye_inner_corner",
    "left_eye_outer_corner": "right_eye_outer_corner",
    "left_eyebrow_inner_end": "right_eyebrow_inner_end",
    "left_eyebrow_outer_end": "right_eyebrow_outer_end",
    "mouth_left_corner": "mouth_right_corner",
}
MIDLINE = {"nose_tip", "mouth_center_top_lip", "mouth_center_bottom_lip"}


def test_a_flipped_face_swaps_the_six_pairs_and_keeps_the_midline():
    partner = {KEYPOINTS[i]: KEYPOINTS[j] for i, j in enumerate(FLIP_ORDER)}
    assert partner == PAIRS | {right: left for left, right in PAIRS.items()} | {name: name for name in MIDLINE}


def test_flipped_landmarks_are_those_of_the_flipped_points():
    assert sorted(LANDMARKS_FLIP_ORDER) == list(range(LANDMARKS))
    assert all(LANDMARKS_FLIP_ORDER[LANDMARKS_FLIP_ORDER[i]] == i for i in range(LANDMARKS))
    assert LANDMARKS_FLIP_ORDER[8] == 8 and LANDMARKS_FLIP_ORDER[0] == 16  # chin; ends of the jaw
    for landmarks, flipped in zip(LANDMARKS_OF, FLIP_ORDER, strict=True):
        assert {LANDMARKS_FLIP_ORDER[i] for i in landmarks} == set(LANDMARKS_OF[flipped])


def test_the_parts_hold_every_point_once():
    assert sorted(i for part in PARTS.values() for i in part) == list(range(15))
    assert {name: len(part) for name, part in PARTS.items()} == {"eyes": 6, "brows": 4, "nose": 1, "mouth": 4}


def test_each_emotion_has_its_column_of_votes():
    columns = dict(zip(ALL_EMOTIONS, (VOTES[i] for i in VOTES_OF), strict=True))
    assert columns.pop("sad") == "sadness"
    assert len(columns) == 6 and all(name == column for name, column in columns.items())
