import keras
import numpy as np
import pytest

from src.data.sample import draw_faces
from src.faces import aligned_crops, flip_keypoints, into_crops, to_input
from src.models.layers import AlignedCrop, BatchNormalization, SoftArgmax
from src.models.resnet import behind_crop, compact_emotions, compact_keypoints, heatmaps_of
from src.training.augmentation import augment_faces
from src.training.recipes import Augment

FACES, POINTS, _ = draw_faces(12, seed=5)
FACES = (to_input(FACES, 48)[..., 0] * 255).astype(np.uint8)
MEAN = POINTS.mean(axis=0)
MOVED = (POINTS + np.random.default_rng(1).normal(0, 4, POINTS.shape)).astype(np.float32)


def test_a_single_hot_cell_gives_the_centre_of_its_pixels():
    heat = np.zeros((1, 24, 24, 2), np.float32)
    heat[0, 5, 20, 0] = heat[0, 0, 23, 1] = 100
    # Cell 5 of 24 covers the pixels 20..23 of 96: their centre is 21.5.
    points, spread = SoftArgmax(2)(heat)
    np.testing.assert_allclose(points, [[81.5, 21.5, 93.5, 1.5]], atol=1e-3)
    np.testing.assert_allclose(spread, [[0, 0]], atol=0.05)
    heat[0, 5, 10, 0] = 100  # two places 40 px apart, equally likely
    points, spread = SoftArgmax(2)(heat)
    np.testing.assert_allclose(points[0, :2], [61.5, 21.5], atol=1e-3)
    np.testing.assert_allclose(spread, [[20, 0]], atol=0.05)
    points, spread = SoftArgmax(1, frame=48)(np.zeros((1, 24, 24, 1), np.float32))
    np.testing.assert_allclose(points, [[23.5, 23.5]], atol=1e-3)
    np.testing.assert_allclose(spread, [[np.sqrt(2 * (24**2 - 1) / 12) * 2]], rtol=1e-4)  # of a uniform square


def test_a_place_of_a_map_holds_four_cells_of_a_finer_heatmap():
    heat = np.zeros((1, 24, 24, 8), np.float32)
    heat[0, 5, 20, 4 + 2] = 100  # of the second point the cell below on the left: x 80..81, y 22..23
    points, _ = SoftArgmax(2)(heat)
    np.testing.assert_allclose(points, [[47.5, 47.5, 80.5, 22.5]], atol=1e-3)


def test_the_heatmaps_that_are_shown_are_those_that_are_read():
    model = compact_keypoints(3, widths=(8, 16, 16, 24), units=(1, 1, 1, 1))
    faces = to_input(FACES[:2], 96)
    heat = heatmaps_of(model, faces)
    assert heat.shape == (2, 15, 48, 48)
    np.testing.assert_allclose(heat.sum(axis=(2, 3)), 1, rtol=1e-5)
    places = np.arange(48) * 2 + 0.5
    x, y = (heat.sum(axis=2) * places).sum(axis=2), (heat.sum(axis=3) * places).sum(axis=2)
    np.testing.assert_allclose(model(faces)[0], np.stack([x, y], axis=2).reshape(2, 30), atol=1e-3)


def crop(faces, points) -> np.ndarray:
    layer = AlignedCrop(40, MEAN.ravel().tolist())
    return np.array(layer([to_input(faces, 48), points.reshape(len(points), -1).astype(np.float32)]))


def test_a_network_sees_the_squares_that_it_is_trained_on():
    ours = crop(FACES, MOVED)
    into_frame = into_crops(aligned_crops(MOVED, MEAN, 48), 40)
    theirs, _ = augment_faces(FACES, None, Augment(), np.random.default_rng(0), side=40, into_frame=into_frame)
    assert ours.shape == theirs.shape == (12, 40, 40, 1)
    assert abs(ours - theirs).max() < 8 / 255 and abs(ours - theirs).mean() < 1 / 255  # OpenCV: places in 1/32 px


def test_the_mean_face_is_seen_as_its_middle():
    seen = crop(FACES, np.tile(MEAN, (12, 1, 1)))
    np.testing.assert_allclose(seen, to_input(FACES, 48)[:, 4:44, 4:44], atol=1e-4)


def test_beyond_its_edge_a_face_goes_on():
    bright = np.full((1, 48, 48), 200, np.uint8)
    far = MEAN[None] + [60, -80]
    np.testing.assert_allclose(crop(bright, far), 200 / 255, atol=1e-4)


def test_a_flipped_face_is_seen_flipped():
    even = (MEAN + flip_keypoints(MEAN[None])[0]) / 2
    layer = AlignedCrop(40, even.ravel().tolist())
    views = [
        np.array(layer([faces, points.reshape(12, -1).astype(np.float32)]))
        for faces, points in (
            (to_input(FACES, 48), MOVED), (to_input(FACES, 48)[:, :, ::-1], flip_keypoints(MOVED)),
        )
    ]  # fmt: skip
    np.testing.assert_allclose(views[1][:, :, ::-1], views[0], atol=1e-3)


def test_the_layers_behind_the_crop_are_the_network_s_own():
    tiny = {"widths": (8, 16, 16, 24), "units": (1, 1, 1, 1)}
    aligned = compact_emotions(1, crop_px=40, mean_px=MEAN.ravel().tolist(), **tiny)
    inputs = [to_input(FACES, 48), MOVED.reshape(12, -1)]
    np.testing.assert_allclose(aligned(inputs), behind_crop(aligned)(crop(FACES, MOVED)), atol=1e-5)
    copy = keras.models.model_from_json(aligned.to_json())
    copy.set_weights(aligned.get_weights())
    np.testing.assert_array_equal(copy(inputs), aligned(inputs))
    with pytest.raises(ValueError):
        aligned(inputs[0])


@pytest.mark.parametrize(
    "points", (np.zeros((15, 2)), np.full((15, 2), 47.5), 95 - MEAN), ids=("0", "middle", "upside")
)
def test_points_that_fit_no_face_give_a_picture_all_the_same(points):
    seen = crop(FACES, np.tile(points, (12, 1, 1)))
    assert np.isfinite(seen).all() and seen.min() >= 0 and seen.max() <= 1


def test_fused_normalisation_is_batch_normalisation_with_its_gradients_and_running_means():
    tf = pytest.importorskip("tensorflow")
    maps = tf.constant(np.random.default_rng(0).normal(2, 3, size=(4, 5, 5, 3)), tf.float32)
    weigh = tf.random.normal(maps.shape, seed=1)
    results = []
    for kind in (keras.layers.BatchNormalization, BatchNormalization):
        layer = kind(gamma_initializer=keras.initializers.Constant(1.5))
        with tf.GradientTape() as tape:
            tape.watch(maps)
            total = tf.reduce_sum(layer(maps, training=True) * weigh)
        trained = [layer.gamma.value, layer.beta.value]
        results.append([*tape.gradient(total, [maps, *trained]), *layer.get_weights(), layer(maps, training=False)])
    for own, fused in zip(*results, strict=True):
        np.testing.assert_allclose(fused, own, rtol=1e-4, atol=1e-5)
