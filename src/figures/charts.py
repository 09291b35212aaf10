"""Charts of numbers: arrays and tables in, Figure out; `save_figure` writes them."""

import textwrap

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from src.figures import OTHER, RIGHT, WRONG
from src.labels import EMOTIONS, PARTS


def emotion_counts(counts: pd.DataFrame) -> Figure:
    """counts: a row an emotion, a column a split, training first -> stacked bars, "training of all" at their ends."""
    figure, axis = plt.subplots(figsize=(8, 0.55 * len(counts) + 1.4))
    _bars(axis, counts, stacked=True, color=[RIGHT, "#8FBBD9", "#D5D5D5"])
    ends = zip(counts.iloc[:, 0], counts.sum(axis=1), strict=True)
    axis.bar_label(axis.containers[-1], [f" {training:,} of {total:,}" for training, total in ends])
    axis.set(xlabel="faces", title="Training faces of each emotion; beside them validation and test", xmargin=0.2)
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.45, 0), borderaxespad=3.5, ncol=counts.shape[1])
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
    The original's network, baseline, is grey.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(4.1 * len(panels) + 1.3, 3.6), squeeze=False, layout="tight")
    figure.suptitle("Training, epoch by epoch")
    ours = [name for name in histories if name != "baseline"]
    palette = sns.color_palette("colorblind" if len(ours) <= 10 else "husl", len(ours))  # the first has ten
    colours = {"baseline": OTHER, **dict(zip(ours, palette, strict=True))}
    for axis, (metric, label) in zip(axes[0], panels.items(), strict=True):
        for name, rows in histories.items():
            table, colour = pd.DataFrame(rows).set_index("epoch"), colours[name]
            axis.plot(table.index, table[metric], "--", color=colour)
            axis.plot(table.index, table[f"val_{metric}"], color=colour, label=name)
            axis.plot(best_by[name], table[f"val_{metric}"][best_by[name]], "o", mfc="white", color=colour, ms=7)
        axis.set(xlabel="epoch", ylabel=label)
        if log:
            axis.set_yscale("log", subs=())
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.yaxis.set_major_formatter("{x:g}")
        axis.xaxis.get_major_locator().set_params(integer=True)
    ways = [Line2D([], [], color="black", ls=ls, label=way) for way, ls in (("training", "--"), ("validation", "-"))]
    ways.append(Line2D([], [], color="black", ls="", marker="o", mfc="white", ms=7, label="epoch kept"))
    recipes = axes[0][0].get_legend_handles_labels()[0]
    axes[0][-1].legend(handles=[*recipes, *ways], frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
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
    axis.set(xlabel="what most of ten people saw", ylabel="FER2013's label", title="What people see under each label")
    axis.set_xticks(axis.get_xticks(), [_wrapped(text.get_text()) for text in axis.get_xticklabels()], rotation=0)
    return figure


def _wrapped(words: str) -> str:
    return "\n".join(textwrap.wrap(words, 12))


def loss_curves(errors_px: np.ndarray, curves: dict[str, np.ndarray]) -> Figure:
    """What an error of one coordinate costs, px -> name of the loss -> values (n,); right: the pull, its slope."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    for (name, values), colour in zip(curves.items(), (RIGHT, OTHER, WRONG), strict=False):
        axes[0].plot(errors_px, values, color=colour, lw=2, label=name)
        axes[1].plot(errors_px, np.gradient(values, errors_px), color=colour, lw=2, label=name)
    titles = {"What an error costs": "loss", "How strongly it pulls": "slope of the loss, per px"}
    for axis, (title, label) in zip(axes, titles.items(), strict=True):
        axis.set(xlabel="error of a coordinate, px of 96", ylabel=label, title=title)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(curves), frameon=False)
    axes[0].set_ylim(0, 2 * next(iter(curves.values()))[-1])
    sns.despine(figure)
    return figure


def point_errors(errors_px: pd.DataFrame) -> Figure:
    """errors_px: a row a keypoint, a column a network or source, in px of 96 -> dots, a panel a part of the face."""
    sizes = {"height_ratios": [len(points) for points in PARTS.values()]}
    figure, axes = plt.subplots(len(PARTS), figsize=(8, 5.4), sharex=True, gridspec_kw=sizes, layout="constrained")
    for axis, (part, points) in zip(axes, PARTS.items(), strict=True):
        rows = errors_px.iloc[list(points)]
        axis.hlines(range(len(rows)), rows.min(axis=1), rows.max(axis=1), color=OTHER, zorder=0)
        looks = zip(sns.color_palette("colorblind"), "oDs^vP<>X*", strict=True)
        for (name, values), (colour, marker) in zip(rows.items(), looks, strict=False):
            axis.plot(values, range(len(rows)), marker, color=colour, ms=8, mec="black", mew=0.5, label=name)
        axis.set_yticks(range(len(rows)), map(_words, rows.index))
        axis.set_ylabel(part, fontweight="bold")
        axis.set_ylim(len(rows) - 0.5, -0.5)
        axis.grid(axis="x", alpha=0.4)
    figure.align_ylabels()
    axes[0].set_title("Error of each point", pad=26)
    axes[0].legend(frameon=False, ncols=errors_px.shape[1], loc="lower center", bbox_to_anchor=(0.5, 1))
    axes[-1].set(xlabel="mean error, px of the 96x96 face", xlim=0)
    sns.despine(figure)
    return figure


def claimed_and_true(rows: list[dict], panels: dict[tuple[str, str], str]) -> Figure:
    """What each protocol claims (ring), what is true (dot), 95 % intervals over seeds; beside it, their difference.

    rows: of `shortcuts.summary`; panels: (source, measure) -> title.
    """
    labels = {"accuracy_percent": "accuracy, % (more is better)", "nme_percent": "NME, % (less is better)"}
    looks = {"ours": ("ours", RIGHT), "copies_first": ("copies before the split", "#CC79A7")}
    looks["original"] = ("the original's", OTHER)
    shown = {key: [row for row in rows if (row["source"], row["measure"]) == key] for key in panels}
    counts = [len(its) for its in shown.values()]
    size = (8, 1.1 * len(panels) + 0.45 * sum(counts))
    figure, axes = plt.subplots(len(panels), 1, figsize=size, height_ratios=counts, squeeze=False, layout="constrained")
    for axis, (key, title) in zip(axes[:, 0], panels.items(), strict=True):
        names = [looks[row["protocol"]][0] for row in shown[key]]
        axis.set_yticks(range(len(names)), names)
        axis.set(xlabel=labels[key[1]], ylim=(len(names) - 0.5, -0.5), xmargin=0.05)
        axis.set_title(title, loc="left")
        axis.text(1.01, 1.04, "claim better by", transform=axis.transAxes)
        for y, row in enumerate(shown[key]):
            colour = looks[row["protocol"]][1]
            for part, place, face in (("claimed", y - 0.17, "white"), ("true", y + 0.17, colour)):
                if row[part]["low"] is not None:
                    axis.hlines(place, row[part]["low"], row[part]["high"], color=colour, lw=2)
                axis.plot(row[part]["mean"], place, "o", color=colour, mfc=face, ms=8, mew=2)
            axis.text(1.01, y, _signed(row["optimism"]), transform=axis.get_yaxis_transform(), va="center")
    marks = {"claimed": ("o", "white", ""), "true": ("o", "black", ""), "95 % interval": ("", "black", "-")}
    handles = [Line2D([], [], color="black", marker=m, mfc=c, ls=ls, label=it) for it, (m, c, ls) in marks.items()]
    handles += [Line2D([], [], color=colour, lw=6, label=name) for name, colour in looks.values()]
    figure.legend(handles=handles, loc="outside lower center", ncol=6, frameon=False)
    sns.despine(figure)
    return figure


def _signed(score: dict) -> str:
    interval = "" if score["low"] is None else f" ({score['low']:+.2f} to {score['high']:+.2f})"
    return f"{score['mean']:+.2f}{interval}"
