import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest

from src.figures import charts
from src.labels import EMOTIONS, KEYPOINTS

pytestmark = pytest.mark.usefixtures("closed_figures")
RNG = np.random.default_rng(0)


def texts(axis):
    return [text.get_text().strip() for text in axis.texts]


def test_emotion_counts_shows_each_split_and_the_totals():
    counts = pd.DataFrame({"Training": [4000, 20], "PublicTest": [500, 3]}, index=["anger", "disgust"])
    (axis,) = charts.emotion_counts(counts).axes
    assert [bar.get_width() for bar in axis.patches] == [4000, 20, 500, 3]
    assert [bar.get_x() for bar in axis.patches] == [0, 0, 4000, 20]
    assert texts(axis) == ["4,500", "23"]


def test_curves_draws_both_ways_and_rings_the_kept_epoch():
    def history(start):
        return [{"epoch": e, "loss": start - e, "val_loss": start + e, "mae": 1, "val_mae": 2} for e in (1, 2, 3)]

    figure = charts.curves({"a": history(9), "b": history(5)}, {"loss": "loss", "mae": "error"}, {"a": 3, "b": 1})
    assert [axis.get_ylabel() for axis in figure.axes] == ["loss", "error"]
    training, validation, ring = figure.axes[0].lines[:3]
    assert training.get_ydata().tolist() == [8, 7, 6] and validation.get_ydata().tolist() == [10, 11, 12]
    assert (ring.get_xdata().tolist(), ring.get_ydata().tolist()) == ([3], [12])
    assert len(figure.axes[0].lines) == 6
    names = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert names == ["a", "b", "training", "validation"]


def test_curves_of_many_recipes_are_all_drawn_each_in_a_colour_of_its_own():
    history, names = [{"epoch": 1, "loss": 2, "val_loss": 3}], [str(i) for i in range(13)]
    (axis,) = charts.curves(dict.fromkeys(names, history), {"loss": "loss"}, dict.fromkeys(names, 1)).axes
    drawn = [line for line in axis.lines if line.get_label() in names]
    assert len(drawn) == 13 == len({line.get_color() for line in drawn})


def test_curves_of_errors_stand_on_a_logarithmic_axis_with_plain_numbers():
    history = [{"epoch": e, "loss": 300 / e**3, "val_loss": 900 / e**3} for e in range(1, 9)]
    figure = charts.curves({"a": history}, {"loss": "loss"}, {"a": 8}, log=True)
    figure.canvas.draw()
    shown = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert {"1", "2", "5", "10", "100"} <= set(shown) and figure.axes[0].get_yscale() == "log"


def test_confusion_writes_shares_of_the_true_class_and_counts():
    matrix = np.diag([4, 0, 2, 8, 1]) + np.eye(5, k=1, dtype=int)
    axis, other = charts.confusion({"test": matrix, "other": 2 * matrix}).axes
    assert other.get_title() == "other" and texts(other)[0] == "80%\n8"
    assert texts(axis)[:3] == ["80%\n4", "20%\n1", "0%\n0"] and texts(axis)[6] == "0%\n0"
    assert [label.get_text() for label in axis.get_yticklabels()] == list(EMOTIONS)
    assert (axis.get_xlabel(), axis.get_ylabel(), axis.get_title()) == ("predicted", "true", "test")


def test_label_and_majority_shows_each_share():
    shares = pd.DataFrame([[0.75, 0.25], [0, 1]], index=["anger", "sad"], columns=["anger", "no majority for one"])
    (axis,) = charts.label_and_majority(shares).axes
    assert texts(axis) == ["75%", "25%", "0%", "100%"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["anger", "no majority\nfor one"]


def test_loss_curves_show_each_loss_and_its_slope():
    errors = np.linspace(0, 4, 41)
    left, right = charts.loss_curves(errors, {"line": errors, "square": errors**2}).axes
    np.testing.assert_allclose(left.lines[1].get_ydata(), errors**2)
    np.testing.assert_allclose(right.lines[0].get_ydata(), 1)
    np.testing.assert_allclose(right.lines[1].get_ydata()[1:-1], 2 * errors[1:-1])
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["line", "square"]


def test_point_errors_has_a_bar_a_point_and_network():
    errors = pd.DataFrame(RNG.uniform(1, 3, (15, 2)), index=KEYPOINTS, columns=["mean face", "small"])
    (axis,) = charts.point_errors(errors).axes
    np.testing.assert_allclose([bar.get_width() for bar in axis.patches], errors.to_numpy().T.ravel())
    assert axis.get_yticklabels()[10].get_text() == "nose tip"


def test_whose_labels_draws_both_truths_and_one_person():
    figures = pd.DataFrame({"people": [0.9, 0.95], "labels": [0.8, 0.7]}, index=[0.0, 1.0])
    (axis,) = charts.whose_labels(figures, 0.93, 0.84).axes
    people, labels, person, plurality = axis.lines
    assert people.get_ydata().tolist() == [0.9, 0.95] and labels.get_ydata().tolist() == [0.8, 0.7]
    assert person.get_ydata()[0] == 0.93 and plurality.get_ydata()[0] == 0.84


def test_confidence_shows_both_reliabilities_and_where_sure_lies():
    bins = {"faces": [9, 10, 20], "confidence": [0.2, 0.4, 0.9], "accuracy": [1.0, 0.5, 1.0]}
    found = {
        "reliability_before": bins,
        "reliability": bins,
        "coverage": [0.5, 1],
        "accuracy_by_coverage": [1, 0.8],
        "sure_share": 0.5,
        "accuracy_when_sure": 1,
    }
    left, right = charts.confidence(found, "people").axes
    assert left.get_ylabel() == "share of people who say the same"
    assert [list(line.get_ydata()) for line in left.lines] == [[0, 1], [0.5, 1], [0.5, 1]], "nine faces are too few"
    assert [line.get_xdata()[-1] for line in right.lines] == [1, 0.5]
    assert len(charts.confidence({**found, "accuracy_when_sure": None}, "labels").axes[1].lines) == 1


def test_stress_curves_have_a_panel_a_stress_with_its_strengths_below():
    rows = [
        {"stress": name, "level": level, "strength": word, "kept": 1 - level / 10, "network": network}
        for name in ("blur", "noise")
        for network in ("emotions", "keypoints")
        for level, word in enumerate(("none", "1", "2"))
    ]
    axes = charts.stress_curves(pd.DataFrame(rows)).axes
    assert [axis.get_title() for axis in axes] == ["blur", "noise"]
    assert [label.get_text() for label in axes[1].get_xticklabels()] == ["none", "1", "2"]


def test_score_card_shows_every_network_and_marks_the_chosen_one():
    def emotion(share):
        classes = {name: {"f1": share} for name in EMOTIONS}
        return {
            "accuracy": share,
            "accuracy_interval_95": (share - 0.1, share + 0.1),
            "macro_f1": share,
            "classes": classes,
        }

    emotions = {"chosen": "ours", "test": {"baseline": emotion(0.5), "other": emotion(0.6), "ours": emotion(0.75)}}
    errors = {"mean_face": {"nme_percent": 18.0}, "theirs": {"nme_percent": 6.0}, "ours": {"nme_percent": 3.0}}
    keypoints = {"chosen": "ours", "test": {"Test": errors}}
    accuracy, f1_of_labels, nme, empty = charts.score_card(emotions, keypoints, {"Test": "synthetic faces"}).axes
    assert texts(accuracy) == ["50.0%", "60.0%", "75.0%"]
    assert [bar.get_width() for bar in f1_of_labels.patches] == [0.75] * 5 + [0.5] * 5, (
        "the chosen network, then the baseline"
    )
    assert [bar.get_width() for bar in nme.patches] == [18, 6, 3] and texts(nme) == ["18.00 %", "6.00 %", "3.00 %"]
    ours = emotion(0.75) | {"people": emotion(0.9)}
    people = {"one_person": {"accuracy": 0.93}, "plurality_against_labels": {"accuracy": 0.84}}
    judged_twice = {"chosen": "ours", "test": {"baseline": emotion(0.5), "ours": ours}, "people": people}
    both = charts.score_card(judged_twice, keypoints, {"Test": "synthetic faces"}).axes[0]
    assert texts(both) == ["50.0%", "75.0%", "90.0%"]
    f1 = charts.score_card(judged_twice, keypoints, {"Test": "synthetic faces"}).axes[1]
    assert [bar.get_width() for bar in f1.patches] == [0.75] * 5 + [0.9] * 5 + [0.5] * 5
    assert [it.get_xdata()[0] for it in both.lines if it.get_linestyle() == ":"] == [0.84, 0.93]
    blue = [bar.get_facecolor() == matplotlib.colors.to_rgba(charts.RIGHT) for bar in nme.patches]
    assert blue == [False, False, True]
    assert nme.get_title() == "Keypoints, synthetic faces" and not empty.axison


def test_a_score_card_of_many_networks_is_high_enough_for_their_names():
    classes = {name: {"f1": 0.5} for name in EMOTIONS}
    score = {"accuracy": 0.5, "accuracy_interval_95": (0.4, 0.6), "macro_f1": 0.5, "classes": classes}
    emotions = {"chosen": "0", "test": {str(i): score for i in range(25)}}
    figure = charts.score_card(emotions, {"chosen": "ours", "test": {}}, {})
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert all(lower.y1 <= upper.y0 for upper, lower in itertools.pairwise(boxes))


def test_claimed_and_true_has_a_panel_a_measure_and_a_line_a_protocol():
    def row(source, protocol, claimed, true, half):
        ends = {"low": None, "high": None} if half is None else {"low": true - half, "high": true + half}
        scores = {"claimed": {**ends, "mean": claimed}, "true": {**ends, "mean": true}}
        return {"source": source, "measure": "nme_percent", "protocol": protocol, **scores}

    rows = [row("a", "ours", 3, 4, 1), row("b", "ours", 1, 2, None), row("a", "copies_first", 2, 9, 1)]
    first, second = charts.claimed_and_true(rows, {("a", "nme_percent"): "A", ("b", "nme_percent"): "B"}).axes
    assert [axis.get_title() for axis in (first, second)] == ["A", "B"]
    assert [label.get_text() for label in first.get_yticklabels()] == ["ours", "copies first"]
    marks = [line.get_xdata()[0] for line in first.lines if line.get_marker() == "o"]
    assert marks == [3, 4, 2, 9]
    assert (len(first.collections), len(second.collections)) == (4, 0), "no interval of one seed"
