import numpy as np
import pytest

from src.predict.tracking import PATIENCE_S, WINDOW_S, FaceTracks, overlaps

A, B = np.array([30.0, 30, 20]), np.array([100.0, 30, 20])
OUTPUTS = np.array([[0.6, 0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1, 0.6]])
NONE = np.zeros((0, 3)), np.zeros((0, 5))


def test_overlaps_are_those_worked_out_by_hand():
    squares = np.array([[0.0, 0, 2], [1, 0, 2], [10, 10, 2], [0, 0, 1]])
    np.testing.assert_allclose(overlaps(squares[:1], squares), [[1, 1 / 3, 0, 1 / 4]])
    assert overlaps(np.zeros((0, 3)), squares).shape == (0, 4)


def test_ids_stay_with_their_faces_whatever_the_order_of_detection():
    tracks = FaceTracks()
    for step in range(20):
        squares = np.stack([A + [3 * step, 0, 0], B - [3 * step, step, 0]])  # they pass each other at different heights
        order = [0, 1] if step % 2 else [1, 0]
        ids, _ = tracks.update(squares[order], OUTPUTS, step / 25)
        assert ids == ([1, 0] if step % 2 else [0, 1])


def test_a_face_out_of_sight_for_a_moment_keeps_its_id_and_for_long_gets_a_new_one():
    tracks = FaceTracks()
    assert tracks.update(A[None], OUTPUTS[:1], 0.0)[0] == [0]
    ids, smooth = tracks.update(*NONE, 0.3)
    assert ids == [] and smooth.shape == (0, 5)
    assert tracks.update(A[None], OUTPUTS[:1], PATIENCE_S)[0] == [0]
    assert tracks.update(A[None], OUTPUTS[:1], 2.1 * PATIENCE_S)[0] == [1]


@pytest.mark.parametrize("hidden", [5, 10, 15])  # of 25 frames a second
def test_faces_that_cross_while_one_is_hidden_keep_their_ids(hidden):
    tracks = FaceTracks()
    for step in range(60):
        right, left = np.array([100.0 + 6 * step, 50, 60]), np.array([460.0 - 6 * step, 55, 60])
        shown = [right] if abs(step - 30) <= hidden // 2 else [right, left]
        ids, _ = tracks.update(np.stack(shown), OUTPUTS[: len(shown)], step / 25)
        assert ids == [0, 1][: len(shown)]


def test_a_face_that_turns_round_or_stops_keeps_its_id():
    tracks, x = FaceTracks(), 200.0
    for step in range(75):
        x += 4 * (1, -1, 0)[step // 25]
        assert tracks.update(np.array([[x, 50, 60]]), OUTPUTS[:1], step / 25)[0] == [0]


def test_outputs_are_averaged_over_the_window_and_no_longer():
    tracks = FaceTracks()
    at = lambda time_s, output: tracks.update(A[None], output[None], time_s)[1][0]  # noqa: E731
    first, second = OUTPUTS
    np.testing.assert_allclose(at(0.0, first), first)
    np.testing.assert_allclose(at(0.8 * WINDOW_S, second), (first + second) / 2)
    np.testing.assert_allclose(at(1.5 * WINDOW_S, second), second)


@pytest.mark.parametrize("classes", [5, 7])
def test_a_face_elsewhere_is_another_and_answers_do_not_mix(classes):
    tracks = FaceTracks()
    outputs = np.eye(classes)[:2]
    tracks.update(A[None], outputs[:1], 0.0)
    ids, smooth = tracks.update(np.stack([B, A]), outputs[::-1], 0.04)
    assert ids == [1, 0]
    np.testing.assert_allclose(smooth, outputs[::-1])


def test_memory_does_not_grow_with_the_frames():
    tracks = FaceTracks()
    for step in range(2000):
        tracks.update(np.array([[50.0 * step, 0, 20]]), OUTPUTS[:1], step / 25)
    assert len(tracks._tracks) <= 25 * PATIENCE_S + 2
