import matplotlib
import numpy as np
import pandas as pd
import pytest

from src.figures import OTHER, PEOPLE, RIGHT, results

pytestmark = pytest.mark.usefixtures("closed_figures")


def colours(artists):
    return [matplotlib.colors.to_hex(it.get_facecolor()).upper() for it in artists]


def test_score_card_has_a_coloured_dot_a_row_and_its_interval():
    rows = {"kind": ["other", "ours", "people"], "score": [76.5, 81.7, 83.5], "low": [75, 80, np.nan]}
    panel = pd.DataFrame(rows | {"high": [78, 83, np.nan]}, index=["the original's", "ours", "most people"])
    panel["words"] = ["a", "b", "c"]
    panel.attrs["axis"] = "accuracy, %"
    figure = results.score_card({"Labels": panel, "Keypoints": panel[:2], "Third": panel[:1]})
    first, second, third, empty = figure.axes
    assert [text.get_text() for text in first.texts] == ["a", "b", "c"]
    assert [line.get_color() for line in first.lines] == [OTHER, RIGHT, PEOPLE]
    ends = [line[:, 0].tolist() for it in first.collections for line in it.get_segments() if line.ndim == 2]
    assert ends == [[75, 78], [80, 83]], "no interval of what is quoted"
    assert (first.get_title(), first.get_xlabel()) == ("Labels", "accuracy, %")
    assert [label.get_text() for label in second.get_yticklabels()] == ["the original's", "ours"]
    assert len(third.lines) == 1 and not empty.axison
    assert [it.get_text() for it in figure.legends[0].get_texts()] == ["ours", "people", "what they are compared with"]
    assert len(results.score_card({"Labels": panel[1:2]}).legends[0].get_texts()) == 1


FOUND = {
    "reliability_before": {"faces": [29, 30, 40], "confidence": [0.2, 0.4, 0.9], "accuracy": [1.0, 0.5, 1.0]},
    "reliability": {"faces": [29, 30, 40], "confidence": [0.2, 0.5, 0.999], "accuracy": [1.0, 0.6, 1.0]},
    "coverage": [0.5, 1],
    "accuracy_by_coverage": [1, 0.8],
    "sure_share": 0.5,
    "accuracy_when_sure": 1,
}


def test_confidence_shows_reliability_of_large_bins_all_counts_and_where_sure_lies():
    axes = {axis.get_ylabel(): axis for axis in results.confidence(FOUND, "people", 0.1234).axes}
    above = axes["share of people who agree"]
    assert above.get_title() == "Do nine of ten people agree with 0.9?\nmean gap (ECE) 0.123, calibrated"
    drawn = {line.get_label(): line.get_xydata().tolist() for line in above.lines}
    assert drawn["as trained"] == [[0.4, 0.5], [0.9, 1.0]] and drawn["calibrated"] == [[0.5, 0.6], [0.999, 1.0]]
    bars = axes["faces"].patches
    assert [bar.get_height() for bar in bars] == [29, 30, 40]
    assert [round(15 * bar.get_x()) for bar in bars] == [3, 7, 14]
    assert [bar.get_alpha() for bar in bars] == [0.35, 1, 1], "what is left out above is pale"
    right = axes["share of these: the answer is people's majority"]
    assert [line.get_xdata()[-1] for line in right.lines] == [1, 0.5]
    unsure = results.confidence({**FOUND, "accuracy_when_sure": None}, "labels", 0).axes
    assert [len(axis.lines) for axis in unsure if "the answer is the label" in axis.get_ylabel()] == [1]


def test_part_errors_are_wide_bars_ours_blue_and_the_original_s_grey():
    errors = pd.DataFrame({"mean face": [9, 8], "the original's": [3, 2.5], "ours": [1, 0.7]}, index=["eyes", "nose"])
    (axis,) = results.part_errors(errors).axes
    assert [bar.get_width() for bar in axis.patches] == [9, 8, 3, 2.5, 1, 0.7]
    assert colours(axis.patches) == ["#FFFFFF"] * 2 + [OTHER] * 2 + [RIGHT] * 2
    assert [text.get_text().strip() for text in axis.texts] == ["9.0", "8.0", "3.0", "2.5", "1.0", "0.7"]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == list(errors)


def test_stress_curves_have_a_panel_a_stress_with_its_strengths_and_unit_below():
    rows = [
        {"stress": name, "unit": unit, "level": level, "strength": word, "kept": 1 - level / 10, "network": network}
        for name, unit in (("blur", "px"), ("noise", "grey levels"))
        for network in ("emotions", "keypoints")
        for level, word in enumerate(("none", "1", "2"))
    ]
    figure = results.stress_curves(pd.DataFrame(rows))
    blur, noise, empty = figure.axes
    assert (blur.get_title(), noise.get_xlabel(), empty.axison) == ("blur", "grey levels", False)
    assert [label.get_text() for label in noise.get_xticklabels()] == ["none", "1", "2"]
    assert blur.lines[0].get_ydata().tolist() == [1, 0.9, 0.8] and blur.get_ylim() == noise.get_ylim()
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["emotions: accuracy / unchanged accuracy", "keypoints: unchanged NME / NME"]
    nothing = results.stress_curves(pd.DataFrame(rows[:0], columns=list(rows[0])))
    assert not any(axis.axison for axis in nothing.axes), "no stress changes anything"
