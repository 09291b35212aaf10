import numpy as np
import pytest

from src.faces import PLACE, glimpses, into_squares

MEAN = np.array([[30.0, 40.0], [66.0, 40.0], [48.0, 60.0], [40.0, 75.0], [56.0, 75.0]])
RNG = np.random.default_rng(0)


def moved(scale: float, degrees: float, shift=(0.0, 0.0)) -> np.ndarray:
    """The mean face, enlarged and turned around the middle of its points, then shifted."""
    turn = np.exp(1j * np.deg2rad(degrees)) * scale
    points = (MEAN - MEAN.mean(axis=0)) @ [[1], [1j]]
    found = (points * turn)[:, 0]
    return np.stack([found.real, found.imag], axis=1) + MEAN.mean(axis=0) + shift


@pytest.mark.parametrize("side", [48, 96])
def test_the_mean_face_is_read_in_the_middle_as_it_is(side):
    np.testing.assert_allclose(glimpses(MEAN[None], MEAN, side), [[(side - 1) / 2, (side - 1) / 2, 1, 0]], atol=1e-12)


@pytest.mark.parametrize(("scale", "degrees"), [(1.5, 0), (0.7, 0), (1, 25), (1.2, -40)])
def test_a_square_goes_halfway_in_size_and_turn(scale, degrees):
    step = glimpses(moved(scale, degrees)[None], MEAN, 96)[0, 2:] @ [1, 1j]
    assert abs(step) == pytest.approx(scale**0.5) and np.rad2deg(np.angle(step)) == pytest.approx(degrees / 2)


def test_a_square_may_go_all_the_way_or_none():
    face = moved(1.3, 20, (5, 3))[None]
    for way, wanted in ((0, face[0]), (1, MEAN)):
        there = into_squares(glimpses(face, MEAN, 96, (way,) * 3), 96)[0]
        np.testing.assert_allclose(face[0] @ there[:2, :2].T + there[:2, 2], wanted, atol=1e-9)


def test_a_square_follows_a_face_by_all_but_its_share_of_place():
    shift = np.array([8.0, -4.0])
    first, then = glimpses(np.stack([MEAN, moved(1, 0, shift)]), MEAN, 96)[:, :2]
    np.testing.assert_allclose(then - first, PLACE * shift)


def test_points_come_nearer_to_the_mean_face_and_mirrored_points_to_the_mirrored_one():
    faces = np.stack([moved(RNG.uniform(0.7, 1.4), RNG.uniform(-40, 40)) for _ in range(50)])
    maps = into_squares(glimpses(faces, MEAN, 96), 96)
    seen = faces @ maps[:, :2, :2].swapaxes(1, 2) + maps[:, None, :2, 2]
    shape = [it - it.mean(axis=1, keepdims=True) for it in (seen, faces, np.broadcast_to(MEAN, faces.shape))]
    near, far = (np.linalg.norm(it - shape[2], axis=(1, 2)) for it in shape[:2])
    assert (near < 0.6 * far).all()
    flip = np.array([-1.0, 1.0])
    mirrored = glimpses(faces * flip + [95, 0], MEAN * flip + [95, 0], 96)
    np.testing.assert_allclose(mirrored, glimpses(faces, MEAN, 96) * [-1, 1, 1, -1] + [95, 0, 0, 0])


def test_a_square_of_another_side_has_the_same_middle():
    seen = glimpses(moved(1.3, 20, (5, 3))[None], MEAN, 48)
    for side in (40, 48):
        middle = into_squares(seen, side)[0] @ [*seen[0, :2], 1]
        np.testing.assert_allclose(middle, [(side - 1) / 2, (side - 1) / 2, 1])
