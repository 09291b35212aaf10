import keras
import numpy as np
import pytest

from src.faces import glimpses
from src.models.layers import Look
from src.training.augmentation import Augment, augment_faces
from src.faces import flip_keypoints, to_input
from src.models.resnet import compact_emotions
from src.data.sample import draw_faces

FACES, POINTS, _ = draw_faces(12, seed=5)
FACES = (to_input(FACES, 48)[..., 0] * 255).astype(np.uint8)
MEAN = POINTS.mean(axis=0)
MOVED = (POINTS + np.random.default_rng(1).normal(0, 4, POINTS.shape)).astype(np.float32)


def look(faces, points) -> np.ndarray:
    layer = Look(40, MEAN.ravel().tolist())
    return np.array(layer([to_input(faces, 48), points.reshape(len(points), -1).astype(np.float32)]))


def test_a_network_sees_the_squares_that_it_is_trained_on():
    ours = look(FACES, MOVED)
    theirs, _ = augment_faces(
        FACES, None, Augment(), np.random.default_rng(0), side=40, glimpses_px=glimpses(MOVED, MEAN, 48)
    )
    assert ours.shape == theirs.shape == (12, 40, 40, 1)
    assert abs(ours - theirs).max() < 8 / 255 and abs(ours - theirs).mean() < 1 / 255  # OpenCV: places in 1/32 px


def test_the_mean_face_is_seen_as_its_middle():
    seen = look(FACES, np.tile(MEAN, (12, 1, 1)))
    np.testing.assert_allclose(seen, to_input(FACES, 48)[:, 4:44, 4:44], atol=1e-4)


def test_beyond_its_edge_a_face_goes_on():
    bright = np.full((1, 48, 48), 200, np.uint8)
    far = MEAN[None] + [60, -80]
    np.testing.assert_allclose(look(bright, far), 200 / 255, atol=1e-4)


def test_a_mirrored_face_is_seen_mirrored():
    even = (MEAN + flip_keypoints(MEAN[None])[0]) / 2
    layer = Look(40, even.ravel().tolist())
    views = [
        np.array(layer([faces, points.reshape(12, -1).astype(np.float32)]))
        for faces, points in (
            (to_input(FACES, 48), MOVED), (to_input(FACES, 48)[:, :, ::-1], flip_keypoints(MOVED)),
        )
    ]  # fmt: skip
    np.testing.assert_allclose(views[1][:, :, ::-1], views[0], atol=1e-3)


def test_an_emotion_network_with_points_has_the_weights_of_one_without():
    tiny = {"widths": (8, 16, 16, 24), "units": (1, 1, 1, 1)}
    looks = compact_emotions(1, reads_px=40, mean_px=MEAN.ravel().tolist(), **tiny)
    free = compact_emotions(2, side=None, **tiny)
    free.set_weights(looks.get_weights())
    inputs = [to_input(FACES, 48), MOVED.reshape(12, -1)]
    np.testing.assert_allclose(looks(inputs), free(look(FACES, MOVED)), atol=1e-5)
    copy = keras.models.model_from_json(looks.to_json())
    copy.set_weights(looks.get_weights())
    np.testing.assert_array_equal(copy(inputs), looks(inputs))
    with pytest.raises(ValueError):
        looks(inputs[0])


@pytest.mark.parametrize(
    "points", (np.zeros((15, 2)), np.full((15, 2), 47.5), 95 - MEAN), ids=("0", "middle", "upside")
)
def test_points_that_fit_no_face_give_a_picture_all_the_same(points):
    seen = look(FACES, np.tile(points, (12, 1, 1)))
    assert np.isfinite(seen).all() and seen.min() >= 0 and seen.max() <= 1
