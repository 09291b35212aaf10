"""Charts of results on test faces: scores beside the original's and people's, confidence, parts of the face, stress."""

import math

import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from src.figures import OTHER, PEOPLE, RIGHT

COLOURS = {"ours": RIGHT, "people": PEOPLE, "other": OTHER}  # who made the answers
FEWEST = 30  # faces; the accuracy of fewer says little


def score_card(panels: dict[str, pd.DataFrame]) -> Figure:
    """A dot a row, above it the score in words, through it the 95 % interval; two panels a line.

    panels: title -> rows from the top: index who, columns kind (one of COLOURS), score, words, low and high (NaN: no
    interval); the attribute "axis" says what is measured.
    """
    lines = math.ceil(len(panels) / 2)
    figure, axes = plt.subplots(lines, 2, figsize=(9, 2.4 * lines + 0.4), squeeze=False, layout="constrained")
    for axis, (title, rows) in zip(axes.flat, panels.items(), strict=False):
        for y, row in enumerate(rows.itertuples()):
            axis.hlines(y, row.low, row.high, color=COLOURS[row.kind], lw=2)
            axis.plot(row.score, y, "o", ms=8, color=COLOURS[row.kind])
            axis.annotate(row.words, (row.score, y), (0, 8), textcoords="offset points", ha="center")
        axis.set_yticks(range(len(rows)), rows.index)
        axis.set(title=title, xlabel=rows.attrs["axis"], ylim=(len(rows) - 0.5, -0.7))
        axis.margins(x=0.2)
    for axis in axes.flat[len(panels) :]:
        axis.axis("off")
    words = {"ours": "ours", "people": "people", "other": "what they are compared with"}
    kinds = {kind for rows in panels.values() for kind in rows["kind"]}
    handles = [Patch(color=COLOURS[kind], label=it) for kind, it in words.items() if kind in kinds]
    figure.legend(handles=handles, loc="outside lower center", ncol=3, frameon=False)
    sns.despine(figure)
    return figure


def confidence(found: dict, truth: str, ece: float) -> Figure:
    """found: of one truth ("people" or "labels"), as `confidence.evaluate_confidence` gives it; ece: in 0..1.

    Left reliability over the count of faces by confidence, right accuracy by coverage.
    """
    figure = plt.figure(figsize=(9, 4.6), layout="constrained")
    axes = figure.subplot_mosaic([["reliability", "coverage"], ["counts", "coverage"]], height_ratios=(3, 1))
    _reliability(axes["reliability"], found, truth, ece)
    _counts(axes["counts"], found["reliability"])
    axes["reliability"].sharex(axes["counts"])
    axes["reliability"].tick_params(labelbottom=False)
    right, those = axes["coverage"], {"people": "people's majority", "labels": "the label"}[truth]
    right.plot(found["coverage"], found["accuracy_by_coverage"], color=RIGHT, label="the surest first")
    if found["accuracy_when_sure"] is not None:
        right.plot(found["sure_share"], found["accuracy_when_sure"], "o", color=RIGHT, ms=9, label='all that is "sure"')
    right.legend(frameon=False, loc="lower left")
    right.set(xlabel="share of the faces that are answered", ylabel=f"share of these: the answer is {those}")
    right.set(title="Answer only the surest")
    for way in (right.xaxis, right.yaxis):
        way.set_major_formatter("{x:.0%}")
    sns.despine(figure)
    return figure


def _reliability(axis, found: dict, truth: str, ece: float) -> None:
    """Bins of at least FEWEST faces: on the dotted line a confidence is what it says."""
    axis.plot([0, 1], [0, 1], ":", color="grey", label="as it should be")
    ways = {"reliability_before": ("as trained", "--", 0.5), "reliability": ("calibrated", "-", 1)}
    for key, (label, line, alpha) in ways.items():
        bins = pd.DataFrame(found[key]).query(f"faces >= {FEWEST}")
        axis.plot(bins["confidence"], bins["accuracy"], f"o{line}", ms=4, color=RIGHT, alpha=alpha, label=label)
    agree = {"people": "share of people who agree", "labels": "share of labels that agree"}[truth]
    asked = {"people": "Do nine of ten people agree with 0.9?", "labels": "Is 0.9 right nine times in ten?"}[truth]
    axis.set(ylabel=agree, xlim=(0, 1), ylim=(0, 1.02), title=f"{asked}\nmean gap (ECE) {ece:.3f}, calibrated")
    axis.legend(frameon=False, loc="upper left")


def _counts(axis, bins: dict) -> None:
    """How many faces each of 15 bins holds; those that are left out above are pale."""
    for confidence, faces in zip(bins["confidence"], bins["faces"], strict=True):
        edge = min(int(confidence * 15), 14) / 15
        alpha = 1 if faces >= FEWEST else 0.35
        axis.bar(edge, faces, 1 / 15, align="edge", color=RIGHT, alpha=alpha, edgecolor="white")
    axis.set(xlabel="confidence", ylabel="faces")


def part_errors(errors_px: pd.DataFrame) -> Figure:
    """errors_px: a row a part of the face, columns out of "mean face", "the original's" and "ours" -> wide bars."""
    figure, axis = plt.subplots(figsize=(9, 0.9 * len(errors_px) + 1), layout="constrained")
    colours = {"mean face": "white", "the original's": OTHER, "ours": RIGHT}
    shades = [colours[name] for name in errors_px]
    errors_px.plot.barh(ax=axis, width=0.8, color=shades, edgecolor="grey", ylabel="", fontsize=11)
    for bars in axis.containers:
        axis.bar_label(bars, fmt=" %.1f")
    axis.invert_yaxis()
    axis.set(xlabel="mean error, px of the 96x96 face", title="Which part of the face is hard to find")
    axis.legend(frameon=False, loc="lower right")
    sns.despine(figure)
    return figure


def stress_curves(table: pd.DataFrame) -> Figure:
    """How much of each score is left under stress, a panel a stress, axes shared.

    table: columns stress, unit, level (0 unchanged to 5), strength (words), kept (1: as good as unchanged) and network.
    """
    names = list(dict.fromkeys(table["stress"]))
    lines = max(1, math.ceil(len(names) / 3))
    options = {"sharey": True, "squeeze": False, "layout": "constrained"}
    figure, axes = plt.subplots(lines, 3, figsize=(9, 2 * lines + 0.6), **options)
    ways = {
        "emotions": {"label": "emotions: accuracy / unchanged accuracy", "color": RIGHT, "marker": "o"},
        "keypoints": {"label": "keypoints: unchanged NME / NME", "color": "#56B4E9", "marker": "s", "ls": "--"},
    }
    for axis, name in zip(axes.flat, names, strict=False):
        rows = table[table["stress"] == name]
        for network, way in ways.items():
            shown = rows[rows["network"] == network]
            axis.plot(shown["level"], shown["kept"], ms=5, **way)
        words = rows.drop_duplicates("level")
        axis.set_xticks(words["level"], words["strength"])
        axis.set(title=name, xlabel=rows["unit"].iloc[0], ylim=(0, 1.1))
        axis.axhline(1, color="grey", lw=0.6, ls=":")
        axis.yaxis.set_major_formatter("{x:.0%}")
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    figure.supylabel("share of the unchanged score that is kept")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncol=2, frameon=False)
    sns.despine(figure)
    return figure
