import numpy as np
import pytest
import tensorflow as tf

from src.labels import FLIP_ORDER, FRAME, KEYPOINTS
from src.training.augmentation import EMOTION_AUGMENTS, KEYPOINT_AUGMENTS, Augment, augment_faces, mix_faces
from src.faces import flip_faces, flip_keypoints, to_input
from src.training.fit import training_stream
from src.data.sample import draw_faces

LEFT_EYE, RIGHT_EYE = KEYPOINTS.index("left_eye_center"), KEYPOINTS.index("right_eye_center")


@pytest.fixture(scope="module")
def faces():
    images, points, _ = draw_faces(48, seed=5)
    points[3, [0, 10]] = np.nan
    return images, points


def test_flipping_twice_is_the_identity_gaps_included(faces):
    once = flip_faces(*faces)
    assert not np.array_equal(once[0], faces[0])
    twice = flip_faces(*once)
    np.testing.assert_array_equal(twice[0], faces[0])
    np.testing.assert_allclose(twice[1], faces[1], atol=1e-5)
    np.testing.assert_array_equal(flip_keypoints(faces[1]), once[1])


def test_a_flip_maps_x_to_95_minus_x_and_renames_the_sides(faces):
    images, points = faces
    flipped_images, flipped = flip_faces(images, points)
    np.testing.assert_array_equal(flipped_images[:, :, 0], images[:, :, 95])
    np.testing.assert_array_equal(flipped[:, LEFT_EYE, 0], 95 - points[:, RIGHT_EYE, 0])
    np.testing.assert_array_equal(flipped[:, LEFT_EYE, 1], points[:, RIGHT_EYE, 1])


def test_the_left_eye_stays_at_larger_x_after_a_flip_eagerly_and_in_a_stream(faces):
    eager = flip_faces(*faces)
    stream = tf.data.Dataset.from_tensor_slices(faces).batch(16)
    stream = stream.map(lambda *batch: tf.numpy_function(flip_faces, batch, (tf.uint8, tf.float32)))
    streamed = [np.concatenate(parts) for parts in zip(*stream.as_numpy_iterator(), strict=True)]
    for images, points in (eager, streamed):
        np.testing.assert_array_equal(images, faces[0][:, :, ::-1])
        gap = points[:, LEFT_EYE, 0] - points[:, RIGHT_EYE, 0]
        assert np.isfinite(gap).sum() == 47 and np.nanmin(gap) > 10


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
    inputs, moved = augment_faces(images, points, augment, rng, side=FRAME, frame_in_source=frame_in_source)
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


def test_no_augmentation_gives_the_stored_grey_values_as_they_are(faces):
    images, points = faces
    wide = np.pad(images, ((0, 0), (24, 24), (24, 24)), constant_values=77)
    for stored in (images, wide):
        inputs, kept = augment_faces(
            stored, points, KEYPOINT_AUGMENTS["none"], np.random.default_rng(0), side=FRAME, frame_in_source=FRAME
        )
        np.testing.assert_array_equal(inputs, to_input(images, FRAME))
        np.testing.assert_array_equal(kept, points)
    small = images[:, :48, :48]
    inputs, none = augment_faces(
        small, None, EMOTION_AUGMENTS["none"], np.random.default_rng(0), side=48, frame_in_source=48
    )
    np.testing.assert_array_equal(inputs[..., 0], small.astype(np.float32) / 255)
    assert none is None


@pytest.mark.parametrize("name", ["baseline", "strong"])
def test_one_seed_gives_the_same_bytes_within_0_and_1(faces, name):
    first, second, other = (
        augment_faces(*faces, KEYPOINT_AUGMENTS[name], np.random.default_rng(seed), side=FRAME, frame_in_source=FRAME)
        for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    assert not np.array_equal(first[0], other[0])
    assert first[0].dtype == first[1].dtype == np.float32
    assert first[0].min() >= 0 and first[0].max() <= 1


def test_without_swap_sides_a_mirrored_face_keeps_its_point_names(faces):
    points = faces[1]
    augment = Augment(flip=1, swap_sides=False)
    _, kept = augment_faces(*faces, augment, np.random.default_rng(0), side=FRAME, frame_in_source=FRAME)
    np.testing.assert_allclose(kept[..., 0], 95 - points[..., 0], atol=1e-4)
    assert np.nanmax(kept[:, LEFT_EYE, 0] - kept[:, RIGHT_EYE, 0]) < 0


def batches(n, *, first_epoch, epochs=3, batch_size=4):
    def make_batch(indices, rng):
        return indices[:, None].astype(np.float32), rng.random((len(indices), 2), np.float32)

    shapes = ((1,), (2,))
    stream, steps = training_stream(
        make_batch, n, batch_size, epochs=epochs, first_epoch=first_epoch, seed=9, shapes=shapes
    )
    assert [tuple(spec.shape) for spec in stream.element_spec] == [(4, 1), (4, 2)]
    return list(stream.as_numpy_iterator()), steps


def test_a_stream_started_late_goes_on_as_the_whole_one():
    whole, steps = batches(14, first_epoch=0)
    late, _ = batches(14, first_epoch=1)
    assert (len(whole), len(late), steps) == (9, 6, 3)
    for expected, got in zip(whole[3:], late, strict=True):
        np.testing.assert_array_equal(got[0], expected[0])
        np.testing.assert_array_equal(got[1], expected[1])


def test_an_epoch_visits_each_face_at_most_once_in_an_order_of_its_own():
    whole, _ = batches(14, first_epoch=0)
    orders = [np.concatenate([batch[0][:, 0] for batch in whole[3 * e : 3 * e + 3]]).tolist() for e in range(3)]
    assert all(len(set(order)) == 12 and set(order) <= set(range(14)) for order in orders)
    assert orders[0] != orders[1] != orders[2]
    assert not np.array_equal(whole[0][1], whole[3][1])


def test_fewer_faces_than_a_batch_are_refused():
    with pytest.raises(ValueError, match="3 training faces do not fill one batch of 4"):
        batches(3, first_epoch=0)


def test_to_input_scales_grey_values_and_sides(faces):
    same = to_input(faces[0], FRAME)
    assert same.shape == (48, 96, 96, 1) and same.dtype == np.float32
    np.testing.assert_array_equal(same[..., 0] * 255, faces[0])
    half = to_input(np.tile(np.uint8([[0, 100], [200, 100]]), (2, 48, 48)), 48)
    np.testing.assert_allclose(half, np.full((2, 48, 48, 1), 100 / 255))
    step = to_input(np.repeat(np.uint8([[[0, 255]]]), 2, axis=1), 4)
    np.testing.assert_allclose(step[0, 0, :, 0], [0, 64 / 255, 191 / 255, 1], atol=2 / 255)


def test_mixed_faces_and_targets_hold_the_same_shares():
    """Face i is grey i everywhere and its target says i too, so that both must be blended alike."""
    values = np.arange(6, dtype=np.float32)
    inputs = np.broadcast_to(values[:, None, None, None], (6, 4, 4, 1))
    mixed, targets = mix_faces(inputs, values[:, None], 0.2, np.random.default_rng(0))
    assert mixed.shape == (6, 4, 4, 1) and mixed.dtype == targets.dtype == np.float32
    np.testing.assert_allclose(mixed[:, 0, 0], targets, rtol=1e-5)
    assert not np.allclose(targets[:, 0], values) and targets.min() >= 0 and targets.max() <= 5
