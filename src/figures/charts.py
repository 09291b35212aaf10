"""Charts of numbers: arrays and tables in, Figure out; `save_figure` writes them."""

import textwrap

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from src.figures import OTHER, PEOPLE, RIGHT, WRONG
from src.labels import EMOTIONS


def emotion_counts(counts: pd.DataFrame) -> Figure:
    """counts: a row an emotion, a column a split -> stacked bars, the total at each bar's end."""
    figure, axis = plt.subplots(figsize=(8, 0.55 * len(counts) + 1.4))
    _bars(axis, counts, stacked=True)
    axis.bar_label(axis.containers[-1], [f" {int(total):,}" for total in counts.sum(axis=1)])
    axis.set(xlabel="faces", title="Faces per emotion and split", xmargin=0.12)
    axis.legend(frameon=False, loc="lower right")
    sns.despine(figure)
    return figure


def _bars(axis, table: pd.DataFrame, **options) -> None:
    """A group of bars a row, the first on top, a colour a column; names in words."""
    named = table.rename(index=_words, columns=_words)
    named.plot.barh(ax=axis, **{"width": 0.8, "color": sns.color_palette("colorblind"), "ylabel": "", **options})
    axis.invert_yaxis()


def _words(name: str) -> str:
    return name.replace("_", " ")


def curves(
    histories: dict[str, list[dict]], panels: dict[str, str], best_by: dict[str, int], *, log: bool = False
) -> Figure:
    """Training (dashed) and validation (full) curves, a colour a recipe.

    histories: recipe -> rows of the record's history; panels: metric as recorded, without val_ -> axis label;
    best_by: recipe -> epoch whose weights were kept, marked by a ring; log: errors on a logarithmic axis.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(4.8 * len(panels) + 1.6, 3.6), squeeze=False, layout="tight")
    colours = sns.color_palette("colorblind" if len(histories) <= 10 else "husl", len(histories))  # the first has ten
    for axis, (metric, label) in zip(axes[0], panels.items(), strict=True):
        for (name, rows), colour in zip(histories.items(), colours, strict=True):
            table = pd.DataFrame(rows).set_index("epoch")
            axis.plot(table.index, table[metric], "--", color=colour, alpha=0.8)
            axis.plot(table.index, table[f"val_{metric}"], color=colour, label=name)
            axis.plot(best_by[name], table[f"val_{metric}"][best_by[name]], "o", mfc="white", color=colour, ms=7)
        axis.set(xlabel="epoch", ylabel=label)
        if log:
            axis.set_yscale("log", subs=())
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.yaxis.set_major_formatter("{x:g}")
        axis.xaxis.get_major_locator().set_params(integer=True)
    ways = [Line2D([], [], color="black", ls=ls, label=way) for way, ls in (("training", "--"), ("validation", "-"))]
    recipes = axes[0][0].get_legend_handles_labels()[0]
    axes[0][-1].legend(handles=[*recipes, *ways], frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    sns.despine(figure)
    return figure


def confusion(matrices: dict[str, np.ndarray]) -> Figure:
    """Title -> counts (5, 5), rows true, columns predicted: a panel each, shares of each true class, counts beneath."""
    figure, axes = plt.subplots(1, len(matrices), figsize=(5.6 * len(matrices), 4.8), squeeze=False, layout="tight")
    style = {"cmap": "Blues", "vmin": 0, "vmax": 1, "square": True, "cbar": False, "linewidths": 0.5}
    for axis, (title, matrix) in zip(axes[0], matrices.items(), strict=True):
        share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        words = [[f"{s:.0%}\n{n}" for s, n in zip(*row, strict=True)] for row in zip(share, matrix, strict=True)]
        sns.heatmap(pd.DataFrame(share, EMOTIONS, EMOTIONS), annot=np.array(words), fmt="", ax=axis, **style)
        axis.set(xlabel="predicted", ylabel="true", title=title)
        axis.tick_params(axis="y", rotation=0)
    return figure


def label_and_majority(shares: pd.DataFrame) -> Figure:
    """shares: a row a label, a column a majority of people, each row summing to 1 -> a shaded table."""
    figure, axis = plt.subplots(figsize=(7.5, 4.6), layout="tight")
    sns.heatmap(shares, annot=True, fmt=".0%", cmap="Blues", vmin=0, vmax=1, cbar=False, ax=axis, linewidths=0.5)
    axis.set(xlabel="what most of ten people saw", ylabel="FER2013's label", title="Labels and people")
    axis.set_xticks(axis.get_xticks(), [_wrapped(text.get_text()) for text in axis.get_xticklabels()], rotation=0)
    return figure


def _wrapped(words: str) -> str:
    return "\n".join(textwrap.wrap(words, 12))


def loss_curves(errors_px: np.ndarray, curves: dict[str, np.ndarray]) -> Figure:
    """What an error of one coordinate costs, px -> name of the loss -> values (n,); right: the pull, its slope."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="tight")
    for name, values in curves.items():
        axes[0].plot(errors_px, values, label=name)
        axes[1].plot(errors_px, np.gradient(values, errors_px), label=name)
    for axis, title in zip(axes, ("loss", "slope: how strongly it pulls"), strict=True):
        axis.set(xlabel="error of a coordinate, px of 96", title=title)
    axes[0].set_ylim(0, 2 * next(iter(curves.values()))[-1])
    axes[0].legend(frameon=False)
    sns.despine(figure)
    return figure


def point_errors(errors_px: pd.DataFrame) -> Figure:
    """errors_px: a row a keypoint, a column a network -> mean error in px of the 96 frame as bars."""
    figure, axis = plt.subplots(figsize=(7, 5))
    _bars(axis, errors_px)
    axis.set_xlabel("mean error, px of the 96x96 face")
    axis.legend(frameon=False)
    sns.despine(figure)
    return figure


def whose_labels(figures: pd.DataFrame, one_person: float, plurality: float) -> Figure:
    """Accuracy against both truths by how much the votes weigh in the targets, one training each.

    figures: index the weight of the votes, columns "labels" and "people", 0..1. What people reach, dotted: one_person,
    how often one says what most of the others say; plurality, how often what most of them choose is the label.
    """
    figure, axis = plt.subplots(figsize=(6.4, 3.8), layout="tight")
    for name, words, colour in (("people", "against people's majority", PEOPLE), ("labels", "against labels", RIGHT)):
        axis.plot(figures.index, figures[name], "o-", color=colour, label=words)
    axis.axhline(one_person, ls=":", color=PEOPLE, label="one person against the others' majority")
    axis.axhline(plurality, ls=":", color=RIGHT, label="people's plurality against labels")
    axis.set(xlabel="weight of the votes in the targets", ylabel="accuracy, five emotions", title="Whose labels?")
    axis.yaxis.set_major_formatter("{x:.0%}")
    axis.legend(frameon=False, fontsize=8)
    sns.despine(figure)
    return figure


def confidence(found: dict, truth: str) -> Figure:
    """found: of one truth ("people" or "labels"), as `confidence.evaluate_confidence` gives it.

    Left reliability, right accuracy by coverage.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="tight")
    left.plot([0, 1], [0, 1], ":", color="grey")
    for key, label, colour in (("reliability_before", "as trained", WRONG), ("reliability", "calibrated", RIGHT)):
        bins = pd.DataFrame(found[key]).query("faces >= 10")  # the accuracy of a handful of faces says nothing
        left.plot(bins["confidence"], bins["accuracy"], "o-", ms=4, color=colour, label=label)
    agree = {"people": "share of people who say the same", "labels": "share of labels that say the same"}[truth]
    left.set(xlabel="confidence", ylabel=agree, xlim=(0, 1), ylim=(0, 1.02))
    left.set_title({"people": "Do nine of ten people agree with 0.9?"}.get(truth, "Is 0.9 right nine times in ten?"))
    left.legend(frameon=False)
    right.plot(found["coverage"], found["accuracy_by_coverage"], color=RIGHT)
    if found["accuracy_when_sure"] is not None:
        right.plot(found["sure_share"], found["accuracy_when_sure"], "o", color=RIGHT, ms=8, label='"sure"')
        right.legend(frameon=False)
    right.set(xlabel="share of the faces that are answered", ylabel="accuracy of those", title="Answer only the surest")
    sns.despine(figure)
    return figure


def score_card(emotions: dict, keypoints: dict, splits: dict[str, str]) -> Figure:
    """Both tasks on one picture: accuracy of each network, F1 of each emotion, NME of each network and split.

    emotions, keypoints: as in metrics.json; splits: name of a keypoint split -> its title.
    """
    lower = 3.3  # inches
    upper = max(lower, 0.22 * len(emotions["test"]))  # a line of text for each network
    figure, axes = plt.subplots(2, 2, figsize=(9.5, upper + lower), height_ratios=[upper, lower])
    _accuracies(axes[0, 0], emotions)
    _emotion_f1(axes[0, 1], emotions)
    for axis in axes[1, len(keypoints["test"]) :]:
        axis.axis("off")
    for axis, (split, scores) in zip(axes[1], keypoints["test"].items(), strict=False):
        values = [score["nme_percent"] for score in scores.values()]
        colours = [RIGHT if name == keypoints["chosen"] else OTHER for name in scores]
        bars = axis.barh([*map(_words, scores)], values, color=colours)
        axis.bar_label(bars, [f" {value:.2f} %" for value in values])
        axis.invert_yaxis()
        axis.set(xlabel="NME, % of the distance of the eyes", title=f"Keypoints, {splits[split]}", xmargin=0.22)
    sns.despine(figure)
    figure.tight_layout(w_pad=2)
    return figure


def _accuracies(axis, emotions: dict) -> None:
    """Dots against labels, squares against people; dotted, what people themselves reach."""
    for y, (name, score) in enumerate(emotions["test"].items()):
        colour = RIGHT if name == emotions["chosen"] else OTHER
        for marker, against in (("o", score), ("s", score.get("people"))):
            if against:
                share, (low, high) = against["accuracy"], against["accuracy_interval_95"]
                axis.errorbar(share, y, xerr=[[share - low], [high - share]], fmt=marker, color=colour, capsize=4)
                axis.text(high, y + 0.1, f" {share:.1%}", va="top", fontsize=8)
    people = emotions.get("people", {})
    for key, marker in (("plurality_against_labels", "o"), ("one_person", "s")):
        if key in people:
            axis.axvline(people[key]["accuracy"], ls=":", color=OTHER)
            axis.plot(people[key]["accuracy"], -0.4, marker, mfc="white", color=OTHER)
    axis.set_yticks(range(len(emotions["test"])), map(_words, emotions["test"]))
    axis.set(ylim=(len(emotions["test"]) - 0.4, -0.6), xlabel="accuracy, 95 % interval", title="Emotions, test faces")
    axis.margins(x=0.3)
    axis.xaxis.set_major_formatter("{x:.0%}")
    marks = {"o": "against labels (open: people's plurality)", "s": "against people (open: one person)"}
    marks = marks if people else {}
    handles = [Line2D([], [], color="black", ls="", marker=it, label=words) for it, words in marks.items()]
    if handles:
        below = {"loc": "upper center", "bbox_to_anchor": (0.42, 0), "borderaxespad": 4.5}
        axis.legend(handles=handles, frameon=False, fontsize=8, handlelength=1, **below)


def _emotion_f1(axis, emotions: dict) -> None:
    """Of the chosen network against each truth and of the baseline: shades of more networks cannot be told apart."""
    chosen, baseline = emotions["test"][emotions["chosen"]], emotions["test"].get("baseline")
    scores = {f"{emotions['chosen']}, labels": chosen, f"{emotions['chosen']}, people": chosen.get("people")}
    if emotions["chosen"] != "baseline":
        scores["baseline, labels"] = baseline
    scores = {name: score for name, score in scores.items() if score}
    table = {
        f"{name}: mean {score['macro_f1']:.2f}": {it: score["classes"][it]["f1"] for it in EMOTIONS}
        for name, score in scores.items()
    }
    colours = {"people": PEOPLE, "baseline": OTHER}
    shades = [next((it for word, it in colours.items() if word in name), RIGHT) for name in table]
    _bars(axis, pd.DataFrame(table), color=shades)
    axis.set(xlim=(0, 1), xlabel="F1", title="Each emotion")
    below = {"loc": "upper center", "bbox_to_anchor": (0.42, 0), "borderaxespad": 4.5, "ncols": 1}
    axis.legend(frameon=False, fontsize=8, columnspacing=1, handlelength=1, **below)


def stress_curves(table: pd.DataFrame) -> Figure:
    """How much of each score is left under stress, a panel a stress.

    table: columns stress, level (0 unchanged to 5), strength (words), kept (1: as good as unchanged) and network.
    """
    lines = {"kind": "line", "hue": "network", "style": "network", "markers": True, "dashes": False}
    facets = {"sharex": False, "ylim": (0, 1.1)}
    panels = {"col": "stress", "col_wrap": 4, "height": 1.9, "aspect": 1.35, "facet_kws": facets}
    grid = sns.relplot(table, x="level", y="kept", palette="colorblind", **lines, **panels)
    for name, axis in grid.axes_dict.items():
        words = table[table["stress"] == name].drop_duplicates("level")
        axis.set_xticks(words["level"], words["strength"], fontsize=8)
    grid.set_titles("{col_name}", size=9).set_axis_labels("", "score kept")
    sns.move_legend(grid, "lower right", frameon=False, title=None, bbox_to_anchor=(0.95, 0.1))
    return grid.figure


def claimed_and_true(rows: list[dict], panels: dict[tuple[str, str], str]) -> Figure:
    """What each protocol claims (ring) and what is true (dot), with 95 % intervals over seeds.

    rows: of `shortcuts.summary`; panels: (source, measure) -> title.
    """
    labels = {"accuracy_percent": "accuracy, % (more is better)", "nme_percent": "NME, % (less is better)"}
    figure, axes = plt.subplots(1, len(panels), figsize=(4.6 * len(panels), 2.6), squeeze=False, layout="tight")
    for axis, ((source, measure), title) in zip(axes[0], panels.items(), strict=True):
        shown = [row for row in rows if (row["source"], row["measure"]) == (source, measure)]
        for y, row in enumerate(shown):
            axis.plot([row["claimed"]["mean"], row["true"]["mean"]], [y, y], color=OTHER, lw=3, zorder=0)
            for part, offset, colour, face in (("claimed", -0.12, WRONG, "white"), ("true", 0.12, RIGHT, RIGHT)):
                score = row[part]
                if score["low"] is not None:
                    axis.hlines(y + offset, score["low"], score["high"], color=colour)
                axis.plot(score["mean"], y + offset, "o", color=colour, mfc=face, ms=8, mew=2, label=part)
        axis.set_yticks(range(len(shown)), [_words(row["protocol"]) for row in shown])
        axis.set(title=title, xlabel=labels[measure], ylim=(len(shown) - 0.5, -0.5), xmargin=0.15)
    sns.despine(figure)
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles[:2], names[:2], loc="upper center", ncol=2, frameon=False, bbox_to_anchor=(0.5, 0.02))
    return figure
