import numpy as np

from src.data.datasets import sample_keypoints
from src.evaluation.faceless import faceless_squares, scrambled, without_a_face

FACES = sample_keypoints(40, seed=3)
IMAGES = FACES.images[:6]


def test_scrambled_faces_hold_the_same_tiles_in_another_order():
    mixed = scrambled(IMAGES)
    assert mixed.shape == IMAGES.shape and not np.array_equal(mixed, IMAGES)
    np.testing.assert_array_equal(np.sort(mixed.reshape(6, -1)), np.sort(IMAGES.reshape(6, -1)))
    tiles = [sorted(it[r : r + 24, c : c + 24].tobytes() for r in range(0, 96, 24) for c in range(0, 96, 24))
             for it in (IMAGES[0], mixed[0])]  # fmt: skip
    assert tiles[0] == tiles[1]


def test_faceless_squares_are_cut_by_lot_and_always_the_same():
    squares = faceless_squares(6)
    assert squares.shape == (6, 96, 96) and (squares.std(axis=(1, 2)) > 0).all()
    np.testing.assert_array_equal(squares, faceless_squares(6))
    assert not np.array_equal(squares, faceless_squares(6, seed=1))


def test_each_kind_of_picture_without_a_face():
    kinds = without_a_face(FACES, 5)
    assert {images.shape for images in kinds.values()} == {(5, 96, 96)}
    assert {images.dtype for images in kinds.values()} == {np.dtype(np.uint8)} and len(kinds) == 8
    for kind, images in kinds.items():
        assert len({it.tobytes() for it in images}) > 1, f"{kind}: always the same picture"
        np.testing.assert_array_equal(images, without_a_face(FACES, 5)[kind])
    assert (kinds["one grey"].std(axis=(1, 2)) == 0).all() and (kinds["text"].std(axis=(1, 2)) > 0).all()
    assert kinds["one grey"][[0, -1], 0, 0].tolist() == [0, 255], "from black to white"
    flipped, turned = ({it.tobytes() for it in FACES.images[:, ::-1, ::way]} for way in (1, -1))
    both = [(it.tobytes() in flipped, it.tobytes() in turned) for it in without_a_face(FACES, 30)["upside down"]]
    assert set(both) == {(True, False), (False, True)}
    assert (np.abs(np.diff(kinds["noise"].astype(int), axis=2)).mean(axis=(1, 2)) > 2).all()
    for face in kinds["half faces"]:
        sides = face[:, :48], face[:, 48:]
        assert sum((side == side[:, :1]).all() for side in sides) == 1, "one half is a face, the other its rim or grey"
