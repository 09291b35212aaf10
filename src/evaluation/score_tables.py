"""The results of notebook 04 in words: tables to read, and the rows of its charts."""

import numpy as np
import pandas as pd

from src.evaluation.score_card import PUBLISHED
from src.labels import KEYPOINTS, PARTS

ORIGINAL, MEAN_FACE = "the original's", "mean face"
COMPARED_PARTS = {
    "outer brow ends": ("left_eyebrow_outer_end", "right_eyebrow_outer_end"),
    "eye corners": tuple(f"{side}_eye_{end}_corner" for side in ("left", "right") for end in ("inner", "outer")),
    "mouth corners": ("mouth_left_corner", "mouth_right_corner"),
    "lips": ("mouth_center_top_lip", "mouth_center_bottom_lip"),
}


def in_words(name: str, chosen: str) -> str:
    """What a network of a run is called; chosen: the recipe of the run's own network."""
    known = {"baseline": ORIGINAL, "mean_face": MEAN_FACE, chosen: "ours"}
    return known.get(name, name.replace("_", " "))


def two_decimals(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers as text, empty where there is none (NaN)."""
    return table.map("{:.2f}".format).replace("nan", "")


def emotion_table(emotions: dict) -> pd.DataFrame:
    """The score card in words, a row a network, the best last; below, what people reach. Both truths side by side.

    emotions: as `score_card.evaluate_emotions` gives it. The interval is that of the accuracy.
    """
    rows = {}
    for name, score in sorted(emotions["test"].items(), key=lambda it: it[1]["accuracy"]):
        truths = {"labels": score, "people": score.get("people")}
        rows[in_words(name, emotions["chosen"])] = {
            (truth, words): cell for truth, its in truths.items() if its for words, cell in _judged(its).items()
        }
    if people := emotions.get("people"):
        plurality, one = people["plurality_against_labels"]["accuracy"], people["one_person"]
        rows["most people"] = {("labels", "accuracy"): f"{plurality:.1%}"}
        cells = {"accuracy": f"{one['accuracy']:.1%}", "mean recall": f"{one['mean_recall']:.2f}"}
        rows["one person"] = {("people", words): cell for words, cell in cells.items()}
    return pd.DataFrame(rows).T.sort_index(axis=1, level=0, sort_remaining=False).fillna("")


def _judged(score: dict) -> dict[str, str]:
    low, high = score["accuracy_interval_95"]
    recall = np.mean([it["recall"] for it in score["classes"].values() if it["support"]])  # older scores lack the mean
    words = {"accuracy": f"{score['accuracy']:.1%}", "95 % interval": f"{low:.1%} to {high:.1%}"}
    return words | {"mean recall": f"{recall:.2f}"}


def without_near_copies(score: dict) -> pd.DataFrame:
    """One network's accuracy over all faces of the five emotions, and over those without a near copy in Training."""
    rows = {}
    for truth, its in score["without_near_copies"].items():
        whole = score if truth == "labels" else score[truth]
        sets = {"all": whole, "without near copies": its}
        rows[f"against {truth}"] = {
            (words, head): form.format(it[head])
            for words, it in sets.items()
            for head, form in (("faces", "{:,}"), ("accuracy", "{:.1%}"))
        }
    return pd.DataFrame(rows).T


def class_table(score: dict, one_person: dict[str, float] | None = None) -> pd.DataFrame:
    """One network's faces, precision and recall of each emotion against both truths; emotions by recall.

    one_person: the recall that one person reaches against the others.
    """
    tables = {}
    for truth, its in {"labels": score, "people": score.get("people")}.items():
        if its:
            tables[truth] = pd.DataFrame(its["classes"]).T[["support", "precision", "recall"]].round(2)
            tables[truth] = tables[truth].astype({"support": int}).rename(columns={"support": "faces"})
    if one_person:
        tables["people"]["one person's recall"] = pd.Series(one_person).round(2)
    return pd.concat(tables, axis=1).sort_values(("labels", "recall"))


def keypoint_table(test: dict, chosen: str) -> pd.DataFrame:
    """The score card in words: split -> network -> scores, as `evaluate_keypoints` gives them; the best last."""
    rows = {}
    for split, networks in test.items():
        for name, score in sorted(networks.items(), key=lambda it: -it[1]["nme_percent"]):
            stress = score.get("stress", {})
            rows[split, in_words(name, chosen)] = {
                "NME, %": score["nme_percent"],
                "RMSE, px": score["rmse_px"],
                "faces above 8 %": score["failures_percent"],
                "NME turned by 30°": np.mean(stress["nme_percent_rotated"]) if stress else None,
                "NME from 48 px": stress.get("nme_percent_shrunk"),
                "NME, eyes hidden": stress.get("nme_percent_eyes_hidden"),
                "flip distance, px": stress.get("flip_distance_px"),
                "NME without offset": score.get("nme_percent_without_lean"),
            }
    return pd.DataFrame(rows, dtype=float).T


def part_errors(scores: dict[str, dict], chosen: str) -> pd.DataFrame:
    """Mean error in px of each part of the face: of the mean face, the original's network where it is there, and ours.

    scores: network -> scores of one split.
    """
    errors = {in_words(name, chosen): score["point_error_px"] for name, score in scores.items()}
    return pd.DataFrame(
        {
            name: {part: np.mean([errors[name][KEYPOINTS[i]] for i in points]) for part, points in PARTS.items()}
            for name in (MEAN_FACE, ORIGINAL, "ours")
            if name in errors
        }
    )


def beside_published(score: dict) -> pd.DataFrame:
    """Errors by part of the face, % of the eye distance: one network's on HELEN testset, SPIGA's, the annotators'."""
    errors = score["point_nme_percent"]
    ours = {part: float(np.mean([errors[name] for name in names])) for part, names in COMPARED_PARTS.items()}
    return pd.DataFrame({"ours": {"all 15 points": score["nme_percent"], **ours}, **PUBLISHED})


def kept_under_stress(reports: dict[str, dict]) -> pd.DataFrame:
    """Rows for `results.stress_curves`: accuracy over unchanged accuracy, unchanged NME over NME."""
    rows = []
    for task, report in reports.items():
        for name, stress in report.items():
            first, where = stress["unchanged"], {"stress": name, "unit": stress["unit"], "network": task}
            words = ["none", *(f"{strength:g}" for strength in stress["strengths"])]
            for level, (strength, score) in enumerate(zip(words, [first, *stress["scores"]], strict=True)):
                kept = score / first if task == "emotions" else first / score
                rows.append({**where, "level": level, "strength": strength, "kept": kept})
    return pd.DataFrame(rows)


# ---------------------------------------------------------------- the score card as a picture


def card_panels(emotions: dict, keypoints: dict, titles: dict[str, str], quoted: dict[str, float]) -> dict:
    """Panels for `results.score_card`, few rows each: the original's network, ours, people.

    titles: of the keypoint splits; quoted: other programs' accuracy against labels, in 0..1, by name.
    """
    panels, chosen, people = {}, emotions["chosen"], emotions.get("people", {})
    pair = {in_words(name, chosen): emotions["test"].get(name) for name in ("baseline", chosen)}
    others = [(name, "other", 100 * share, None) for name, share in quoted.items()]
    rows = [*others, *(_row(name, score) for name, score in pair.items() if score)]
    if people:
        rows.append(("most people", "people", 100 * people["plurality_against_labels"]["accuracy"], None))
    panels["Emotions, against labels"] = _panel(rows, "share of faces where the answer is the label, %", 1)
    if people:
        rows = [_row(name, score["people"]) for name, score in pair.items() if score and "people" in score]
        rows.append(("one person", "people", 100 * people["one_person"]["accuracy"], None))
        panels["Emotions, against people"] = _panel(rows, "share of faces where it is people's majority, %", 1)
    for split, scores in keypoints["test"].items():
        errors = {in_words(name, keypoints["chosen"]): score["nme_percent"] for name, score in scores.items()}
        errors = {name: errors[name] for name in (MEAN_FACE, ORIGINAL, "ours") if name in errors}
        rows = [(name, "ours" if name == "ours" else "other", error, None) for name, error in errors.items()]
        if split == "HelenTest":
            rows.append(("one annotator", "people", PUBLISHED["annotators"]["all 15 points"], None))
        panels[f"Keypoints, {titles[split]}"] = _panel(rows, "NME, % of the eye distance (less is better)", 2)
    return panels


def _row(name: str, score: dict) -> tuple:
    interval = [100 * it for it in score["accuracy_interval_95"]]
    return name, "ours" if name == "ours" else "other", 100 * score["accuracy"], interval


def _panel(rows: list[tuple], axis: str, decimals: int) -> pd.DataFrame:
    names, kinds, scores, intervals = zip(*rows, strict=True)
    low, high = zip(*((np.nan, np.nan) if it is None else it for it in intervals), strict=True)
    panel = pd.DataFrame({"kind": kinds, "score": scores, "low": low, "high": high}, index=names)
    panel["words"] = [f"{score:.{decimals}f} %" for score in scores]
    panel.attrs["axis"] = axis
    return panel
