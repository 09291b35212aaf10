import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from src.data.sample import draw_faces
from src.evaluation.saliency import grad_cam, map_agreement, with_random_weights
from src.files import ROOT
from src.models.layers import AlignedCrop
from src.models.resnet import baseline_emotions, compact_emotions

SIDE = 24
# A network of aligned crops, its weights the same whatever the backend, and its maps, written to a file.
MAPS = """
import sys

import numpy as np

from src.data.sample import draw_faces
from src.evaluation.saliency import grad_cam
from src.models.resnet import compact_emotions

images, points, labels = draw_faces(4, seed=0)
mean_px = points.mean(axis=0).ravel().tolist()
model = compact_emotions(1, widths=(8, 16, 16, 24), units=(1, 1, 1, 1), crop_px=40, mean_px=mean_px)
rng = np.random.default_rng(0)
kernels = lambda it: rng.normal(0, (2 / np.prod(it.shape[:-1])) ** 0.5, it.shape) if it.ndim > 1 else it
model.set_weights([kernels(it) for it in model.get_weights()])
np.save(sys.argv[1], grad_cam(model, images, labels, points))
"""
RNG = np.random.default_rng(0)


def corner_network(cut: int = 0, mean_px: np.ndarray | None = None) -> keras.Model:
    """Class 0 speaks of the light in the top left sixth of each side, class 1 of that in the bottom right.

    cut: px of a larger face that it leaves out at each edge; mean_px: it reads the aligned crop instead.
    """
    inputs = keras.Input((SIDE + 2 * cut, SIDE + 2 * cut, 1))
    if mean_px is None:
        seen = keras.layers.Cropping2D(cut)(inputs)
    else:
        inputs = [inputs, keras.Input((mean_px.size,))]
        seen = AlignedCrop(SIDE, mean_px.ravel().tolist())(inputs)
    cells = keras.layers.AveragePooling2D(4, name="cells")(seen)  # 6x6
    head = keras.layers.Dense(2, activation="softmax")
    outputs = head(keras.layers.Flatten()(cells))
    model = keras.Model(inputs, outputs)
    kernel = np.zeros((36, 2), np.float32)
    kernel[0, 0] = kernel[35, 1] = 36
    head.set_weights([kernel, np.zeros(2, np.float32)])
    return model


def corners_only():
    """`cells` as a network sees them whose evidence is one corner: all other cells are dark."""
    images = np.zeros((2, SIDE, SIDE), np.uint8)
    images[0, :4, :4] = images[1, -4:, -4:] = 255
    return images


def test_a_network_whose_only_evidence_is_one_corner_looks_there():
    model = corner_network()
    cams = grad_cam(model, corners_only(), np.array([0, 1]))
    assert cams.shape == (2, SIDE, SIDE) and cams.dtype == np.float32
    assert max(np.unravel_index(cams[0].argmax(), (SIDE, SIDE))) < 4 and cams[0, 8:, 8:].max() == 0
    assert min(np.unravel_index(cams[1].argmax(), (SIDE, SIDE))) >= 20 and cams[1, :16, :16].max() == 0
    assert cams.max() == 1


def test_evidence_lies_where_the_aligned_crop_is():
    """Points a quarter of the face to the right of the mean: the square, and the map, move as far."""
    mean = np.array([[30.0, 30.0], [65.0, 30.0], [47.5, 65.0]])
    model = corner_network(12, mean)
    faces = np.full((2, 48, 48), 255, np.uint8)
    middle, right = (grad_cam(model, faces, np.array([0, 1]), np.stack([mean + by] * 2)) for by in ([0, 0], [24, 0]))
    np.testing.assert_allclose(right[:, :, 12:], middle[:, :, :-12], atol=1e-5)
    assert middle[0, :12].max() == middle[0, :, :12].max() == 0 and middle[0, 12:18, 12:18].max() == 1


def test_evidence_lies_where_the_face_shows_it_though_the_edges_are_not_read():
    model = corner_network(cut=8)
    faces = np.pad(corners_only(), ((0, 0), (8, 8), (8, 8)))
    inner = grad_cam(corner_network(), corners_only(), np.array([0, 1]))
    np.testing.assert_array_equal(grad_cam(model, faces, np.array([0, 1])), np.pad(inner, ((0, 0), (8, 8), (8, 8))))


def test_a_dark_face_holds_no_evidence():
    assert not grad_cam(corner_network(), np.zeros((1, SIDE, SIDE), np.uint8), np.array([0])).any()


def test_other_faces_do_not_matter_nor_do_points_that_a_network_does_not_read():
    images, points, labels = draw_faces(5, seed=0)
    model = compact_emotions(1, widths=(8, 16, 16, 24), units=(1, 1, 1, 1))
    one_by_one = [grad_cam(model, images[[i]], labels[[i]], points[[i]]) for i in range(5)]
    np.testing.assert_allclose(np.concatenate(one_by_one), grad_cam(model, images, labels), atol=1e-5)


@pytest.mark.parametrize("build", [lambda: compact_emotions(1), baseline_emotions], ids=["compact", "baseline"])
def test_both_networks_give_maps_that_change_with_the_weights(build):
    images, _, labels = draw_faces(4, seed=0)
    model = build()
    maps = grad_cam(model, images, labels)
    assert maps.shape == (4, 96, 96) and maps.min() >= 0 and maps.max() <= 1
    other = with_random_weights(model, seed=0)
    assert [w.shape for w in other.get_weights()] == [w.shape for w in model.get_weights()]
    assert map_agreement(maps, grad_cam(other, images, labels)) < 0.99


def test_agreement_is_one_for_equal_and_minus_one_for_reversed_maps():
    maps = RNG.random((3, 8, 8))
    assert map_agreement(maps, 2 * maps + 1) == pytest.approx(1)
    assert map_agreement(maps, -maps) == pytest.approx(-1)
    assert map_agreement(np.zeros((1, 8, 8)), maps[:1]) == 0


def test_both_backends_give_the_same_maps(tmp_path):
    """In a process of its own each, where JAX is installed: Keras takes one backend a process."""
    pytest.importorskip("jax")
    pytest.importorskip("tensorflow")
    found = {}
    for backend in ("tensorflow", "jax"):
        file = tmp_path / f"{backend}.npy"
        environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
        subprocess.run([sys.executable, "-c", MAPS, str(file)], env=environment, cwd=ROOT, check=True)
        found[backend] = np.load(file)
    assert found["jax"].max() == 1
    np.testing.assert_allclose(found["jax"], found["tensorflow"], atol=1e-3)
