"""Figures of how emotions are learnt: targets made of votes, aligned crops, whose labels teach, what counts as sure."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator

from src.figures import OTHER, PEOPLE, RIGHT, WRONG
from src.figures.pictures import face_grid, mark_points, part_legend, show_face
from src.labels import FRAME


def vote_targets(image: np.ndarray, label: str, votes: pd.Series, targets: pd.DataFrame) -> Figure:
    """A face, uint8 (side, side), and its label; what people said, counts by answer; the targets made of both, 0..1.

    targets: a row an emotion, a column a weight of the votes: none, ours, all.
    """
    widths = {"width_ratios": (1, 1.1, 1.5), "layout": "constrained"}
    figure, (face, left, right) = plt.subplots(1, 3, figsize=(10, 3.5), **widths)
    show_face(face, image)
    face.set_title(f"label: {label}")
    left.barh([name.replace("_", " ") for name in votes.index], votes, color=PEOPLE)
    left.set(title="what ten people said", xlabel="votes", xticks=range(votes.max() + 1))
    targets.plot.barh(ax=right, width=0.8, color=[OTHER, RIGHT, PEOPLE], ylabel="")
    right.set(title="the target", xlabel="probability that the network is to give", xlim=(0, 1))
    right.legend(frameon=False, fontsize=9)
    for axis in (left, right):
        axis.invert_yaxis()
    sns.despine(figure)
    return figure


def aligned(
    faces: np.ndarray, points_px: np.ndarray, crops: np.ndarray, moved_px: np.ndarray, mean_px: np.ndarray
) -> Figure:
    """Faces over their aligned crops, uint8 (n, side, side) each, both with the face's points (n, 15, 2).

    mean_px: the mean face's points in a crop, (15, 2), rings in the lower row; all px of the 96x96 frame.
    """
    figure, (upper, lower) = face_grid(2 * len(faces), len(faces), 2.2, 2.2)
    for row, pictures, points in ((upper, faces, points_px), (lower, crops, moved_px)):
        for axis, picture, its_points in zip(row, pictures, points, strict=True):
            show_face(axis, picture)
            mark_points(axis, its_points, len(picture) / FRAME, size=22)
    for axis, crop in zip(lower, crops, strict=True):
        x, y = ((mean_px + 0.5) * len(crop) / FRAME - 0.5).T
        axis.scatter(x, y, s=75, facecolors="none", edgecolors="white", linewidths=1.2)
    for axis, words in ((upper[0], "as stored"), (lower[0], "aligned crop")):
        axis.set_ylabel(words, fontsize=11)
    ring = Line2D([], [], marker="o", ls="", ms=8, mfc="none", mec="grey", label="mean face's point")
    figure.subplots_adjust(wspace=0.04, hspace=0.04, left=0.05, right=1, bottom=0.02, top=0.95)
    figure.suptitle("From a stored face to its aligned crop", y=1.02)
    below = {"loc": "upper center", "ncol": 5, "bbox_to_anchor": (0.5, 0.02)}
    figure.legend(handles=[*part_legend(), ring], frameon=False, **below)
    return figure


def whose_labels(figures: pd.DataFrame, chosen: float, people: dict[str, float]) -> Figure:
    """Accuracy against both truths by how much the votes weigh in the targets, one training each.

    figures: index the weight of the votes, columns "people" and "labels", 0..1; chosen: the recipe's weight, marked;
    people: what they reach against each of the two truths, dotted, or nothing.
    """
    figure, axis = plt.subplots(figsize=(8, 4.4), layout="tight")
    axis.axvline(chosen, color=OTHER, lw=10, alpha=0.3)
    axis.text(chosen, 0.02, "chosen", transform=axis.get_xaxis_transform(), ha="center")
    words = {"people": "one person, against most of the others", "labels": "what most people choose, against labels"}
    for truth, marker in (("people", "s"), ("labels", "o")):
        values, shift = figures[truth], {"textcoords": "offset points"}
        axis.plot(values.index, values, marker=marker, color=RIGHT)
        axis.annotate(f"our network, against {truth}", (0, values.iloc[0]), (0, -20), color=RIGHT, **shift)
        if truth in people:
            axis.plot(values.index[[0, -1]], [people[truth]] * 2, ":", color=PEOPLE)
            axis.annotate(f"{words[truth]}: {people[truth]:.1%}", (0, people[truth]), (0, 6), color=PEOPLE, **shift)
    axis.set(xticks=figures.index, xlabel="weight of people's votes in the targets; the labels have the rest")
    axis.set(ylabel="accuracy, five emotions", title="Whose labels to learn from, on validation faces", ymargin=0.12)
    axis.yaxis.set_major_locator(MultipleLocator(0.02))
    axis.yaxis.set_major_formatter("{x:.0%}")
    sns.despine(figure)
    return figure


def thresholds(passing: pd.DataFrame, accuracy: pd.Series, chosen: float) -> Figure:
    """Left which share of the answers reaches a threshold, right how many of these are right; dotted: the chosen one.

    passing: index the threshold, a column a kind of picture, some of those that `colours` names; accuracy: of the
    answers on the five emotions, by the same index.
    """
    colours = {
        "faces of the five emotions": RIGHT,
        "faces of fear and neutral": WRONG,
        "pictures without a face": "black",
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), sharex=True, layout="constrained")
    for name in passing:
        left.plot(passing.index, passing[name], color=colours[name], label=name)
    right.plot(accuracy.index, accuracy, color=RIGHT)
    for axis in (left, right):
        axis.axvline(chosen, color="grey", ls=":", label=f"the threshold, {chosen:.2f}")
        axis.set_xlabel("threshold of the score")
        axis.yaxis.set_major_formatter("{x:.0%}")
    left.set(ylabel="share that is called sure", title="What passes")
    right.set(ylabel="right, of those that pass", title="How good the sure answers are")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    sns.despine(figure)
    return figure
