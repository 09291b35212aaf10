import numpy as np
import pytest

from src.figures import points
from src.figures.pictures import PART_COLOURS, PARTS
from src.labels import KEYPOINTS

pytestmark = pytest.mark.usefixtures("closed_figures")
RNG = np.random.default_rng(0)
ORDER = [i for part in PART_COLOURS for i in PARTS[part]]


def test_rows_of_files_number_each_point_where_it_lies_and_name_it():
    face, image = RNG.integers(0, 256, (48, 48), np.uint8), RNG.integers(0, 256, (96, 96), np.uint8)
    points_px = RNG.uniform(10, 80, (15, 2))
    figure = points.rows_of_files(face, "sad", image, points_px)
    left, right = figure.axes
    np.testing.assert_array_equal(left.images[0].get_array(), face)
    np.testing.assert_array_equal(right.images[0].get_array(), image)
    assert left.get_title() == "48x48 grey values: sad" and left.get_xlabel() == "x, px"
    discs, numbers = right.collections[::2], right.collections[1::2]
    for drawn in (discs, numbers):
        np.testing.assert_allclose(np.concatenate([it.get_offsets() for it in drawn]), points_px[ORDER])
    names = [text.get_text().split("  ") for text in figure.legends[0].get_texts()]
    assert names == [[str(i + 1), KEYPOINTS[i].replace("_", " ")] for i in ORDER]


def test_keypoint_spread_has_an_ellipse_a_point_around_two_of_three_of_its_places():
    places = np.array([40, 50]) + RNG.normal(0, 1, (3000, 15, 2)) @ np.array([[6, 2], [0, 3]])
    places[:500, 3] = np.nan
    (axis,) = points.keypoint_spread(places, np.zeros((96, 96))).axes
    assert len(axis.patches) == 15
    for i, ellipse in zip(ORDER, axis.patches, strict=True):
        np.testing.assert_allclose(ellipse.center, np.nanmean(places[:, i], axis=0))
        known = places[~np.isnan(places[:, i, 0]), i]
        inside = ellipse.get_patch_transform().inverted().transform(known)
        assert (np.linalg.norm(inside, axis=1) < 1).mean() == pytest.approx(2 / 3, abs=0.04)
