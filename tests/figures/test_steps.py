import numpy as np
import pytest
from matplotlib.colors import to_rgba

from src.figures import OTHER, RIGHT
from src.figures.steps import from_photo_to_answer
from src.labels import EMOTIONS

pytestmark = pytest.mark.usefixtures("closed_figures")
RNG = np.random.default_rng(0)


def test_the_way_of_a_face_shows_box_squares_points_crop_and_answer():
    grey, face, aligned = (RNG.integers(0, 256, shape, dtype=np.uint8) for shape in ((60, 90), (96, 96), (48, 48)))
    box, squares = np.array([20, 10, 50, 40]), np.array([[35, 25, 30], [36, 26, 40]])
    points, answer = RNG.uniform(10, 80, (15, 2)), np.array([0.1, 0, 0.2, 0.6, 0.1])
    figure = from_photo_to_answer(grey, box, squares, face, points, aligned, answer)
    photo, around, cut, crop, bars = figure.axes
    for axis, shown in zip((photo, around, cut, crop), (grey, grey, face, aligned), strict=True):
        np.testing.assert_array_equal(axis.images[0].get_array(), shown)
    frames = [(it.get_xy(), it.get_width(), it.get_height()) for it in around.patches]
    assert frames == [((20, 10), 30, 30), ((20, 10), 30, 30), ((16, 6), 40, 40)]
    dots = np.concatenate([it.get_offsets() for it in cut.collections])
    np.testing.assert_allclose(np.sort(dots, axis=0), np.sort(points, axis=0))
    assert [bar.get_width() for bar in bars.patches] == answer.tolist()
    assert [label.get_text() for label in bars.get_yticklabels()] == list(EMOTIONS)
    colours = [bar.get_facecolor() for bar in bars.patches]
    assert colours == [to_rgba(RIGHT if p == 0.6 else OTHER) for p in answer]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["detector's box", "square by the box", "square by the keypoints", "eyes", "brows", "nose", "mouth"]
