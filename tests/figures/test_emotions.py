import matplotlib
import numpy as np
import pandas as pd
import pytest

from src.figures import OTHER, PEOPLE, RIGHT, WRONG, emotions
from src.labels import ALL_EMOTIONS, VOTES

pytestmark = pytest.mark.usefixtures("closed_figures")
RNG = np.random.default_rng(0)
FACES = RNG.integers(0, 256, (3, 48, 48), dtype=np.uint8)


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_vote_targets_show_the_face_the_votes_and_the_target_of_each_weight():
    votes = pd.Series([2, 0, 0, 4, 2, 0, 1, 0, 1, 0], VOTES)
    targets = pd.DataFrame({"label": np.eye(7)[0], "ours": np.full(7, 1 / 7), "votes": np.eye(7)[2]}, ALL_EMOTIONS)
    face, left, right = emotions.vote_targets(FACES[0], "anger", votes, targets).axes
    np.testing.assert_array_equal(face.images[0].get_array(), FACES[0])
    assert face.get_title() == "label: anger"
    assert [bar.get_width() for bar in left.patches] == votes.tolist()
    assert [bar.get_width() for bar in right.patches] == [*targets["label"], *targets["ours"], *targets["votes"]]
    colours = [matplotlib.colors.to_hex(bars[0].get_facecolor()).upper() for bars in right.containers]
    assert colours == [OTHER, RIGHT, PEOPLE]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["label", "ours", "votes"]
    for axis in (left, right):
        assert axis.yaxis_inverted(), "the first stands on top"


def test_aligned_draws_each_crop_below_its_face_and_the_mean_face_on_the_crops_alone():
    points, moved, mean = RNG.uniform(10, 80, (3, 15, 2)), RNG.uniform(10, 80, (3, 15, 2)), RNG.uniform(10, 80, (15, 2))
    crops = FACES[:, 4:44, 4:44]
    axes = emotions.aligned(FACES, points, crops, moved, mean).axes
    assert [axis.images[0].get_array().shape for axis in axes] == [(48, 48)] * 3 + [(40, 40)] * 3
    assert [axis.get_ylabel() for axis in axes if axis.get_ylabel()] == ["as stored", "aligned crop"]
    *dots, rings = axes[3].collections
    np.testing.assert_allclose(rings.get_offsets(), (mean + 0.5) * 40 / 96 - 0.5)
    drawn = np.concatenate([it.get_offsets() for it in dots])
    np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort((moved[0] + 0.5) * 40 / 96 - 0.5, axis=0))
    assert len(np.concatenate([it.get_offsets() for it in axes[0].collections])) == 15


def test_whose_labels_draws_both_truths_what_people_reach_and_the_chosen_weight():
    figures = pd.DataFrame({"people": [0.9, 0.95], "labels": [0.8, 0.7]}, index=[0.0, 1.0])
    (axis,) = emotions.whose_labels(figures, 0.75, {"people": 0.93, "labels": 0.84}).axes
    mark, people, one_person, labels, plurality = axis.lines
    assert mark.get_xdata()[0] == 0.75
    assert people.get_ydata().tolist() == [0.9, 0.95] and labels.get_ydata().tolist() == [0.8, 0.7]
    assert (one_person.get_ydata()[0], plurality.get_ydata()[0]) == (0.93, 0.84)
    assert [it.get_color() for it in axis.lines[1:]] == [RIGHT, PEOPLE] * 2
    assert {"one person, against most of the others: 93.0%", "chosen"} <= set(texts(axis))
    assert len(emotions.whose_labels(figures, 0.75, {}).axes[0].lines) == 3, "no votes, no people"


def test_thresholds_show_what_passes_and_how_much_of_it_is_right():
    names = ["faces of the five emotions", "faces of fear and neutral", "pictures without a face"]
    shares = dict(zip(names, ([1, 0.8], [1, 0.2], [1, 0.01]), strict=True))
    passing = pd.DataFrame(shares, index=[0.0, 0.5])
    figure = emotions.thresholds(passing, pd.Series([0.8, 0.98], passing.index), 0.46)
    left, right = figure.axes
    assert [line.get_ydata().tolist() for line in left.lines[:3]] == [*shares.values()]
    assert [line.get_color() for line in left.lines[:3]] == [RIGHT, WRONG, "black"]
    assert right.lines[0].get_ydata().tolist() == [0.8, 0.98]
    assert [axis.lines[-1].get_xdata()[0] for axis in (left, right)] == [0.46, 0.46]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [*names, "the threshold, 0.46"]
