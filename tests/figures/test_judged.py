import numpy as np
import pytest

from src.figures import judged

pytestmark = pytest.mark.usefixtures("closed_figures")
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (10, 96, 96), dtype=np.uint8)


def test_mistakes_stand_under_their_opinions_and_all_under_the_count():
    figure = judged.mistakes(IMAGES[:2], ["label: sad\nours: anger, 98%", "b"], "2 mistakes", columns=2)
    assert [axis.get_title() for axis in figure.axes] == ["label: sad\nours: anger, 98%", "b"]
    assert figure.get_suptitle() == "2 mistakes"
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), IMAGES[1])


def test_the_longest_opinions_touch_neither_a_neighbour_nor_the_row_above():
    longest = "label: happiness\nours: happiness, 100%\npeople: happiness 10/10"
    figure = judged.mistakes(IMAGES[:8], [longest] * 8, "8 mistakes")
    figure.canvas.draw()
    words = [axis.title.get_window_extent() for axis in figure.axes]
    assert words[0].x1 < words[1].x0
    assert words[4].y1 < figure.axes[0].get_window_extent().y0


def test_stressed_faces_have_a_column_a_harm_and_their_strengths():
    examples = {"blur: sigma, px": IMAGES[:5], "dark: gain": IMAGES[5:]}
    axes = np.reshape(
        judged.stressed(examples, {"blur: sigma, px": list("12345"), "dark: gain": list("98765")}).axes, (5, 2)
    )
    assert [axis.get_title() for axis in axes[0]] == ["blur:\nsigma, px", "dark: gain"]
    assert [axis.get_xlabel() for axis in axes[:, 1]] == list("98765")
    np.testing.assert_array_equal(axes[4, 0].images[0].get_array(), IMAGES[4])


def test_looked_at_lays_each_map_over_its_face_and_says_what_brightness_means():
    maps = RNG.random((4, 96, 96))
    maps[2], maps[3] = maps[2] / 4, 0  # a mean is pale, and there may be no evidence
    rows = {"on the board": (IMAGES[:2], maps[:2]), "mean": (IMAGES[2:4], maps[2:])}
    *axes, bar = judged.looked_at(rows, ["anger", "sad"]).axes
    assert [axis.get_title() for axis in axes] == ["anger", "sad", "", ""]
    assert [axis.get_ylabel() for axis in axes] == ["on the board", "", "mean", ""]
    stretched = [*(seen / seen.max() for seen in maps[:3]), maps[3]]
    for axis, face, seen in zip(axes, IMAGES, stretched, strict=False):
        for layer, expected in zip(axis.images, (face, seen), strict=True):
            np.testing.assert_array_equal(layer.get_array(), expected)
    assert bar.get_xlim() == (0, 1) and "answer" in bar.get_xlabel()
