import numpy as np
import pytest

from src.data.sample import draw_faces
from src.faces import into_middle, to_input
from src.labels import FLIP_ORDER, FRAME, KEYPOINTS
from src.training.augmentation import augment_faces
from src.training.recipes import AUGMENTS, Augment

LEFT_EYE, RIGHT_EYE = KEYPOINTS.index("left_eye_center"), KEYPOINTS.index("right_eye_center")


@pytest.fixture(scope="module")
def faces():
    images, points, _ = draw_faces(48, seed=5)
    points[3, [0, 10]] = np.nan
    return images, points


def spots(points, stored, frame_in_source):
    """A blurred bright dot a picture, where its point of the 96 frame lies in the stored picture."""
    x, y = ((points + 0.5) * frame_in_source / FRAME - 0.5 + (stored - frame_in_source) / 2).T[..., None, None]
    rows, columns = np.mgrid[:stored, :stored]
    return np.round(255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 4)).astype(np.uint8)


@pytest.mark.parametrize(("stored", "frame_in_source"), [(96, 96), (144, 96), (48, 48)])
@pytest.mark.parametrize(
    "augment",
    [
        Augment(rotation_deg=40),
        Augment(zoom=0.3),
        Augment(shift=0.1),
        Augment(shear=0.2),
        Augment(flip=1),
        Augment(rotation_deg=30, zoom=0.2, shift=0.05, shear=0.1, flip=0.5),
    ],
    ids=["rotation", "zoom", "shift", "shear", "flip", "all"],
)
def test_points_move_with_their_pixels(augment, stored, frame_in_source):
    rng = np.random.default_rng(1)
    points = np.full((15, 15, 2), np.nan, np.float32)
    own = np.arange(15)
    points[own, own] = rng.uniform(28, 66, (15, 2))
    images = spots(points[own, own], stored, frame_in_source)
    inputs, moved = augment_faces(
        images, points, augment, rng, side=FRAME, into_frame=into_middle(stored, FRAME, frame_in_source)
    )
    face, name = np.nonzero(np.isfinite(moved[..., 0]))
    np.testing.assert_array_equal(face, own)
    if augment.flip == 1:
        np.testing.assert_array_equal(name, FLIP_ORDER)
    moved = moved[face, name]
    assert np.abs(moved - points[own, own]).max() > 3
    rows, columns = np.mgrid[:FRAME, :FRAME]
    light = inputs[..., 0] / inputs.sum(axis=(1, 2, 3))[:, None, None]
    found = np.stack([(light * columns).sum(axis=(1, 2)), (light * rows).sum(axis=(1, 2))], axis=1)
    assert np.linalg.norm(found - moved, axis=1).max() < 0.2


def test_landmarks_behind_the_keypoints_change_their_names_with_them(faces):
    images, points = faces
    landmarks = np.random.default_rng(2).uniform(20, 76, (len(points), 68, 2)).astype(np.float32)
    landmarks[:, 36], landmarks[:, 45] = points[:, 5], points[:, 3]  # the outer corners of the eyes
    both = np.concatenate([points, landmarks], axis=1)
    _, moved = augment_faces(images, both, Augment(flip=1, rotation_deg=9), np.random.default_rng(3), side=FRAME)
    np.testing.assert_array_equal(moved[:, 15 + 36], moved[:, 5])
    np.testing.assert_array_equal(moved[:, 15 + 45], moved[:, 3])
    assert moved.shape == (len(points), 83, 2)


def test_no_augmentation_gives_the_stored_grey_values_as_they_are(faces):
    images, points = faces
    wide = np.pad(images, ((0, 0), (24, 24), (24, 24)), constant_values=77)
    for stored in (images, wide):
        inputs, kept = augment_faces(
            stored,
            points,
            AUGMENTS["none"],
            np.random.default_rng(0),
            side=FRAME,
            into_frame=into_middle(stored.shape[1], FRAME, FRAME),
        )
        np.testing.assert_array_equal(inputs, to_input(images, FRAME))
        np.testing.assert_array_equal(kept, points)
    small = images[:, :48, :48]
    inputs, none = augment_faces(small, None, AUGMENTS["none"], np.random.default_rng(0), side=48)
    np.testing.assert_array_equal(inputs[..., 0], small.astype(np.float32) / 255)
    assert none is None


@pytest.mark.parametrize("name", ["baseline_keypoints", "strong"])
def test_one_seed_gives_the_same_bytes_within_0_and_1(faces, name):
    first, second, other = (
        augment_faces(*faces, AUGMENTS[name], np.random.default_rng(seed), side=FRAME) for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    assert not np.array_equal(first[0], other[0])
    assert first[0].dtype == first[1].dtype == np.float32
    assert first[0].min() >= 0 and first[0].max() <= 1


def changed_grey(images, **how):
    return augment_faces(images, None, Augment(**how), np.random.default_rng(0), side=images.shape[1])[0][..., 0]


def test_gamma_bends_the_greys_between_black_and_white():
    ramp = np.broadcast_to(np.arange(0, 256, 5, np.uint8), (40, 52, 52))[:, :, :52]
    bent = changed_grey(ramp, gamma=1.0)
    assert (bent[:, :, 0] == 0).all() and np.allclose(bent[:, :, -1], 1)
    assert (np.diff(bent, axis=2) > 0).all(), "no grey overtakes another"
    grey = ramp[0, 0, 13] / 255
    assert bent[:, 0, 13].min() >= grey**2 - 1e-6 and bent[:, 0, 13].max() <= grey**0.5 + 1e-6
    assert bent[:, 0, 13].max() - bent[:, 0, 13].min() > 0.2


def test_jpeg_spoils_fine_grain_and_leaves_one_grey():
    grey = np.full((4, 48, 48), 90, np.uint8)
    np.testing.assert_allclose(changed_grey(grey, jpeg=1.0), 90 / 255, atol=1.01 / 255)
    grain = np.random.default_rng(1).integers(0, 256, (4, 48, 48), np.uint8)
    assert np.abs(changed_grey(grain, jpeg=1.0) - grain / 255).mean() > 0.02
    np.testing.assert_array_equal(changed_grey(grain, jpeg=0.0), grain.astype(np.float32) / 255)


def test_without_swap_sides_a_flipped_face_keeps_its_point_names(faces):
    points = faces[1]
    augment = Augment(flip=1, swap_sides=False)
    _, kept = augment_faces(*faces, augment, np.random.default_rng(0), side=FRAME)
    np.testing.assert_allclose(kept[..., 0], 95 - points[..., 0], atol=1e-4)
    assert np.nanmax(kept[:, LEFT_EYE, 0] - kept[:, RIGHT_EYE, 0]) < 0
