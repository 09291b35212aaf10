"""Pictures of the fifteen keypoints: what a row of each file holds, which point is which, where the points lie."""

import math

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse

from src.figures import PART_COLOURS, pictures
from src.labels import KEYPOINTS, PARTS

TWO_OF_THREE = math.sqrt(2 * math.log(3))  # standard deviations around the mean that hold 2/3 of a normal, in a plane


def rows_of_files(face: np.ndarray, emotion: str, image: np.ndarray, keypoints_px: np.ndarray) -> Figure:
    """What one row of each file holds: uint8 (48, 48) and its emotion; uint8 (96, 96) and its points, (15, 2) px."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for axis, picture, title in zip(axes, (face, image), (emotion, "15 keypoints"), strict=True):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set(title=f"{len(picture)}x{len(picture)} grey values: {title}", xlabel="x, px", ylabel="y, px")
    handles = []
    for part, colour in PART_COLOURS.items():
        for i in PARTS[part]:
            axes[1].scatter(*keypoints_px[i], s=130, c=colour, edgecolors="black", linewidths=0.5)
            axes[1].scatter(*keypoints_px[i], s=35 if i < 9 else 55, c="black", marker=f"${i + 1}$", linewidths=0)
            words = f"{i + 1}  {KEYPOINTS[i].replace('_', ' ')}"
            handles.append(Line2D([], [], marker="o", ls="", color=colour, markeredgecolor="black", label=words))
    figure.legend(handles=handles, loc="outside right center", frameon=False, fontsize=9, handletextpad=0.1)
    return figure


def keypoint_spread(keypoints_px: np.ndarray, mean_face: np.ndarray) -> Figure:
    """Where each point lies: its mean, and the ellipse that holds two faces of three; (n, 15, 2) px, (96, 96)."""
    mean_px = np.nanmean(keypoints_px, axis=0)
    figure = pictures.faces_with_keypoints(mean_face[None], mean_px[None], columns=1)
    figure.set_size_inches(5.2, 4.7)
    (axis,) = figure.axes
    axis.images[0].set_clim(mean_face.min(), mean_face.max())  # a mean is pale
    for part, colour in PART_COLOURS.items():
        for i in PARTS[part]:
            known = keypoints_px[~np.isnan(keypoints_px[:, i, 0]), i]
            variances, directions = np.linalg.eigh(np.cov(known.T))
            width, height = 2 * TWO_OF_THREE * np.sqrt(variances)
            angle = math.degrees(math.atan2(directions[1, 0], directions[0, 0]))
            axis.add_patch(Ellipse(mean_px[i], width, height, angle=angle, fc="none", ec=colour, lw=1.5))
    axis.set_title("The 15 points over the mean face:\nmean, and ellipse around two faces of three", fontsize=11)
    return figure
