from collections import Counter

import numpy as np
import pytest
from face_files import (
    BIG_FACES,
    FACES,
    POINTS,
    RNG,
    SUBJECTS,
    USAGES,
    keypoint_rows,
    text,
    write,
    write_emotions,
    write_keypoints,
)

from src.data.csv_files import DataError
from src.data.datasets import (
    load_bare_keypoints,
    load_emotions,
    load_keypoints,
    load_repeated_emotions,
    sample_emotions,
    sample_keypoints,
)
from src.data.sample import draw_faces
from src.labels import ALL_EMOTIONS, EMOTIONS, FER_CODES, VOTES


def test_keypoint_file_with_usage_and_subject(tmp_path):
    data = load_keypoints(write_keypoints(tmp_path))
    np.testing.assert_array_equal(data.images, BIG_FACES)
    np.testing.assert_array_equal(data.keypoints_px, POINTS.reshape(-1, 15, 2).astype(np.float32))
    assert (data.images.dtype, data.keypoints_px.dtype) == (np.uint8, np.float32)
    assert data.usage.tolist() == USAGES
    assert data.subject.tolist() == SUBJECTS
    assert data.wide is None
    helen = data.split("HelenTest")
    np.testing.assert_array_equal(helen.images, BIG_FACES[3::4])
    assert helen.subject.tolist() == SUBJECTS[3::4]
    with pytest.raises(ValueError, match="PublicTest"):
        data.split("PublicTest")


def test_kaggle_gaps_become_missing_points(tmp_path):
    rows = keypoint_rows(("Image",))
    rows[1][4:6] = "", ""
    rows[2][8] = ""  # x without y is no point
    data = load_keypoints(write_keypoints(tmp_path, rows, ("Image",)))
    missing = np.isnan(data.keypoints_px)
    assert np.argwhere(missing).tolist() == [[1, 2, 0], [1, 2, 1], [2, 4, 0], [2, 4, 1]]


@pytest.mark.parametrize("columns", [("emotion", " Usage", " pixels"), ("emotion", "pixels", "Usage")])
def test_seven_codes_become_labels(tmp_path, columns):
    codes = [i % 7 for i in range(14)]
    usage = ["Training"] * 7 + ["PublicTest"] * 3 + ["PrivateTest"] * 4
    fields = {"emotion": codes, "Usage": usage, "pixels": [text(image) for image in FACES]}
    rows = [[fields[name.strip()][i] for name in columns] for i in range(14)]
    data = load_emotions(write(tmp_path / "fer2013.csv", columns, rows))
    np.testing.assert_array_equal(data.images, FACES[:14])
    assert [ALL_EMOTIONS[label] for label in data.labels] == [FER_CODES[code] for code in codes]
    assert data.labels.dtype == np.int8
    assert len(data.split("PublicTest")) == 3
    five = data.five()
    np.testing.assert_array_equal(five.images, FACES[:14][[code not in (2, 6) for code in codes]])
    assert set(five.labels) == set(range(5))


def test_without_usage_each_emotion_is_dealt_to_the_splits(tmp_path):
    names = [EMOTIONS[i % 5] for i in range(40)]
    rows = [(name, text(image)) for name, image in zip(names, FACES, strict=True)]
    faces = load_emotions(write(tmp_path / "names.csv", ("emotion", " pixels"), rows))
    assert [EMOTIONS[label] for label in faces.labels] == names
    for label in range(5):  # 8 images each, 80/10/10
        counts = Counter(faces.usage[faces.labels == label].tolist())
        assert counts == {"Training": 6, "PublicTest": 1, "PrivateTest": 1}


def test_quotes_carriage_returns_byte_order_mark_and_empty_lines_are_forgiven(tmp_path):
    path = tmp_path / "quoted.csv"
    lines = [
        '\ufeff"emotion"," Usage"," pixels"',
        f'3,"Training","{text(FACES[0])}"',
        "",
        f"0,PublicTest,{text(FACES[1])}",
    ]
    path.write_bytes("\r\n".join([*lines, "", ""]).encode())
    data = load_emotions(path)
    np.testing.assert_array_equal(data.images, FACES[:2])
    assert data.usage.tolist() == ["Training", "PublicTest"]


# ---------------------------------------------------------------- votes


def write_votes(folder, votes, columns=VOTES):
    """A file of eight faces, two of them equal in both splits, with the votes (8, columns) as text."""
    usage = ["Training"] * 5 + ["PrivateTest"] * 3
    images = [text(FACES[i]) for i in (0, 1, 2, 3, 4, 0, 6, 7)]
    rows = [(i % 7, name, image, *row) for i, (name, image, row) in enumerate(zip(usage, images, votes, strict=True))]
    return write(folder / "icml_face_data.csv", ("emotion", " Usage", " pixels", *columns), rows)


def test_votes_follow_their_faces(tmp_path):
    votes = np.arange(80).reshape(8, 10)
    path = write_votes(tmp_path, [[""] * 10 if row == 2 else votes[row] for row in range(8)])
    votes[2] = 0
    for _ in range(2):  # parsed, then from the cache
        data = load_emotions(path)
        assert data.votes.dtype == np.uint8
        np.testing.assert_array_equal(data.votes, votes[1:])  # the first face stands in PrivateTest
        np.testing.assert_array_equal(data.split("PrivateTest").votes, votes[5:])
        np.testing.assert_array_equal(data.five().votes, votes[[1, 3, 4, 5, 7]])
    np.testing.assert_array_equal(load_repeated_emotions(path).votes, votes)


def test_a_file_without_votes_and_the_sample_have_none(tmp_path):
    path = write_emotions(tmp_path, [0, 3], ["Training", "PrivateTest"])
    assert load_emotions(path).votes is load_emotions(path).five().votes is None
    assert sample_emotions(4, seed=0).split("Training").votes is None


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("", "line 4: fear '' is missing beside other votes"),
        ("1.5", "line 4: fear '1.5' is no whole number of 0..255"),
        ("256", "line 4: fear '256' is no whole number of 0..255"),
        ("-1", "line 4: fear '-1' is no whole number of 0..255"),
        ("two", "line 4: fear 'two' is not a number"),
    ],
)
def test_faulty_votes_are_told_or_their_rows_dropped(tmp_path, cell, reason):
    votes = [[1] * 10 for _ in range(8)]
    votes[2][VOTES.index("fear")] = cell
    path = write_votes(tmp_path, votes)
    with pytest.raises(DataError, match=reason):
        load_emotions(path)
    with pytest.warns(UserWarning, match=reason):
        assert len(load_emotions(path, strict=False).votes) == 6


def test_some_columns_of_votes_without_the_others_are_refused(tmp_path):
    path = write_votes(tmp_path, [[1] * 9] * 8, VOTES[:-1])
    with pytest.raises(DataError, match="column no_face is missing; give all ten"):
        load_emotions(path)


# ---------------------------------------------------------------- splits


def test_repeats_across_splits_leave_the_earlier_split_and_are_counted(tmp_path):
    images = FACES[[0, 1, 2, 2, 3, 1, 4, 3, 0, 5, 5]]
    usage = ["Training"] * 5 + ["PublicTest"] * 3 + ["PrivateTest"] * 3
    data = load_emotions(write_emotions(tmp_path, [0, 3, 4, 4, 5, 3, 6, 5, 0, 1, 1], usage, images))
    # Image 0 also stands in PrivateTest, 1 and 3 in PublicTest; 2 and 5 are repeated within one split.
    np.testing.assert_array_equal(data.images, images[[2, 3, 5, 6, 7, 8, 9, 10]])
    assert data.dropped == {
        "PrivateTest images repeated in Training": 1,
        "PublicTest images repeated in Training": 2,
        "PrivateTest images repeated in PublicTest": 0,
        "Training rows dropped": 3,
        "PublicTest rows dropped": 0,
        "repeats within a split kept": 2,
    }


def test_repeats_are_all_there_when_asked_for_and_leave_the_cache_alone(tmp_path):
    images, usage = FACES[[0, 1, 0, 1]], ["Training", "Training", "PrivateTest", "PrivateTest"]
    path = write_emotions(tmp_path, [0, 3, 0, 5], usage, images)
    assert len(load_emotions(path)) == 2
    everything = load_repeated_emotions(path)
    np.testing.assert_array_equal(everything.images, images)
    assert everything.usage.tolist() == usage and everything.dropped == {}
    assert len(load_emotions(path)) == 2, "from the cache"


def test_public_images_that_stand_in_private_are_dropped(tmp_path):
    images = FACES[[0, 1, 0, 0]]
    usage = ["Training", "PublicTest", "PublicTest", "PrivateTest"]
    data = load_emotions(write_emotions(tmp_path, [0, 1, 6, 3], usage, images))
    assert data.usage.tolist() == ["PublicTest", "PrivateTest"]
    assert (data.dropped["Training rows dropped"], data.dropped["PublicTest rows dropped"]) == (1, 1)


def test_without_usage_and_subject_identical_images_stay_together(tmp_path):
    rows = [row for row in keypoint_rows(("Image",)) for _ in range(3)]
    data = load_keypoints(write_keypoints(tmp_path, rows, ("Image",)))
    usage, subject = data.usage.reshape(12, 3), data.subject.reshape(12, 3)
    assert (usage == usage[:, :1]).all()
    assert (subject == subject[:, :1]).all()
    assert len(np.unique(subject)) == 12
    assert all(name.startswith("row/") for name in subject.ravel())
    assert [np.count_nonzero(usage[:, 0] == name) for name in ("Training", "Validation", "Test")] == [8, 2, 2]
    reversed_data = load_keypoints(write_keypoints(tmp_path, rows[::-1], ("Image",)))
    np.testing.assert_array_equal(reversed_data.usage[::-1], data.usage)


def test_without_usage_the_rows_of_a_subject_stay_together(tmp_path):
    rows = keypoint_rows(("Image", "Subject"))
    for i, row in enumerate(rows):
        row[-1] = f"person {i % 4}"
    data = load_keypoints(write_keypoints(tmp_path, rows, ("Image", "Subject")))
    assert len(set(data.usage)) > 1
    for person in range(4):
        assert len(set(data.usage[person::4])) == 1


def test_a_subject_in_two_splits_is_refused(tmp_path):
    rows = keypoint_rows()
    rows[9][-1] = rows[4][-1] = "Jane"
    with pytest.raises(DataError, match="lines 6 and 11: subject 'Jane' stands in Training and in Validation"):
        load_keypoints(write_keypoints(tmp_path, rows))


# ---------------------------------------------------------------- wide faces


def test_bare_keypoints_are_those_of_the_file_and_leave_nothing_behind(tmp_path):
    path = write_keypoints(tmp_path)
    (tmp_path / "wide_faces.npz").write_bytes(b"of other faces")
    faces = load_bare_keypoints(path)
    np.testing.assert_array_equal(faces.images, BIG_FACES)
    assert faces.wide is None
    assert sorted(file.name for file in tmp_path.iterdir()) == ["data.csv", "wide_faces.npz"]


def test_a_subject_without_a_slash_names_no_data_set(tmp_path):
    rows = keypoint_rows()
    rows[2][-1] = "helen/33"
    assert load_keypoints(write_keypoints(tmp_path, rows)).source.tolist() == ["other"] * 2 + ["helen"] + ["other"] * 9


def test_wide_faces_come_along_only_if_they_fit(tmp_path):
    path = write_keypoints(tmp_path)
    wide = RNG.integers(0, 256, (12, 144, 144), dtype=np.uint8)
    landmarks = RNG.uniform(0, 95, (12, 68, 2)).astype(np.float32)
    np.savez(tmp_path / "wide_faces.npz", images=wide, landmarks_px=landmarks)
    for _ in range(2):  # parsed, then from the cache
        test = load_keypoints(path).split("Test")
        np.testing.assert_array_equal(test.wide, wide[2::4])
        np.testing.assert_array_equal(test.landmarks_px, landmarks[2::4])
    np.savez(tmp_path / "wide_faces.npz", images=wide[:11], landmarks_px=landmarks)
    with pytest.raises(DataError, match=r"wide_faces\.npz holds .*\(11, 144, 144\)"):
        load_keypoints(path)
    np.savez(tmp_path / "wide_faces.npz", images=wide.astype(np.float32), landmarks_px=landmarks)
    with pytest.raises(DataError, match=r"wide_faces\.npz holds .*float32"):
        load_keypoints(path)
    np.savez(tmp_path / "wide_faces.npz", images=wide)  # as version 0.2 wrote it
    with pytest.raises(DataError, match=r"wide_faces\.npz cannot be read .* write both files again"):
        load_keypoints(path)
    (tmp_path / "wide_faces.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"wide_faces\.npz cannot be read"):
        load_keypoints(path)


# ---------------------------------------------------------------- sample


def test_sample_keypoints_are_the_synthetic_faces_in_splits():
    data = sample_keypoints(20, seed=1)
    images, keypoints_px, _ = draw_faces(20, 1)
    np.testing.assert_array_equal(data.images, images)
    np.testing.assert_array_equal(data.keypoints_px, keypoints_px)
    assert data.usage.tolist() == ["Training"] * 14 + ["Validation"] * 3 + ["Test"] * 3
    assert data.subject.tolist() == [f"synthetic/{i}" for i in range(20)]
    assert set(data.source) == {"synthetic"}
    assert len(data.split("HelenTest")) == 0


def test_sample_emotions_are_area_averaged():
    data = sample_emotions(20, seed=1)
    images, _, labels = draw_faces(20, 1)
    np.testing.assert_array_equal(data.labels, labels)
    quarters = images[3, 10:12, 20:22].astype(float).mean()
    assert data.images.shape == (20, 48, 48)
    assert abs(data.images[3, 5, 10] - quarters) <= 0.5
    assert [len(data.split(name)) for name in ("Training", "PublicTest", "PrivateTest")] == [14, 3, 3]
