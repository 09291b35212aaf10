import matplotlib
import numpy as np
import pandas as pd
import pytest

from src.figures import charts
from src.labels import EMOTIONS, KEYPOINTS, PARTS

pytestmark = pytest.mark.usefixtures("closed_figures")
RNG = np.random.default_rng(0)


def texts(axis):
    return [text.get_text().strip() for text in axis.texts]


def test_emotion_counts_shows_each_split_training_in_our_colour_and_at_the_end_of_all():
    counts = pd.DataFrame({"Training": [4000, 20], "PublicTest": [500, 3]}, index=["anger", "disgust"])
    (axis,) = charts.emotion_counts(counts).axes
    assert [bar.get_width() for bar in axis.patches] == [4000, 20, 500, 3]
    assert [bar.get_x() for bar in axis.patches] == [0, 0, 4000, 20]
    assert texts(axis) == ["4,000 of 4,500", "20 of 23"]
    blue = [matplotlib.colors.to_hex(bar.get_facecolor()).upper() == charts.RIGHT for bar in axis.patches]
    assert blue == [True, True, False, False]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["Training", "PublicTest"]


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
    assert names == ["a", "b", "training", "validation", "epoch kept"]


def test_curves_draw_the_original_s_network_in_grey_and_ours_in_blue():
    history = [{"epoch": 1, "loss": 2, "val_loss": 3}]
    (axis,) = charts.curves(
        {"baseline": history, "ours": history}, {"loss": "loss"}, dict.fromkeys(("baseline", "ours"), 1)
    ).axes
    drawn = {line.get_label(): line.get_color() for line in axis.lines}
    assert drawn["baseline"] == charts.OTHER
    red, green, blue = matplotlib.colors.to_rgb(drawn["ours"])
    assert blue > green > red


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
    assert [line.get_color() for line in left.lines] == [charts.RIGHT, charts.OTHER], "ours blue, the original's grey"
    assert [text.get_text() for text in left.figure.legends[0].get_texts()] == ["line", "square"]


def test_point_errors_has_a_panel_a_part_and_a_dot_a_point_and_column():
    errors = pd.DataFrame(RNG.uniform(1, 3, (15, 2)), index=KEYPOINTS, columns=["helen", "youtube"])
    axes = charts.point_errors(errors).axes
    assert [axis.get_ylabel() for axis in axes] == list(PARTS)
    for axis, points in zip(axes, PARTS.values(), strict=True):
        dots = np.stack([line.get_xdata() for line in axis.lines], axis=1)
        np.testing.assert_allclose(dots, errors.to_numpy()[list(points)])
        names = [KEYPOINTS[i].replace("_", " ") for i in points]
        assert [label.get_text() for label in axis.get_yticklabels()] == names
    assert [text.get_text() for text in axes[0].get_legend().get_texts()] == ["helen", "youtube"]


def test_claimed_and_true_has_a_panel_a_measure_a_line_a_protocol_and_every_colour_in_its_legend():
    def row(source, protocol, claimed, true, half):
        def around(mean):
            return {"mean": mean, "low": half and mean - half, "high": half and mean + half}

        scores = {"claimed": around(claimed), "true": around(true), "optimism": around(true - claimed)}
        return {"source": source, "measure": "nme_percent", "protocol": protocol, **scores}

    rows = [row("a", "ours", 3, 4, 0.5), row("b", "ours", 1, 2, None), row("a", "original", 2, 9, 0.5)]
    figure = charts.claimed_and_true(rows, {("a", "nme_percent"): "A", ("b", "nme_percent"): "B"})
    first, second = figure.axes
    assert [axis.get_title(loc="left") for axis in (first, second)] == ["A", "B"]
    assert [label.get_text() for label in first.get_yticklabels()] == ["ours", "the original's"]
    assert [line.get_xdata()[0] for line in first.lines] == [3, 4, 2, 9]
    assert [line.get_color() for line in first.lines] == [charts.RIGHT] * 2 + [charts.OTHER] * 2
    assert (len(first.collections), len(second.collections)) == (4, 0), "no interval of one seed"
    assert texts(first)[1:] == ["+1.00 (+0.50 to +1.50)", "+7.00 (+6.50 to +7.50)"] and texts(second)[1:] == ["+1.00"]
    drawn = {line.get_color() for axis in figure.axes for line in axis.lines}
    assert drawn <= {handle.get_color() for handle in figure.legends[0].get_lines()}
