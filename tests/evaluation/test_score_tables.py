import numpy as np
import pandas as pd
import pytest

from src.evaluation import score_tables
from src.labels import EMOTIONS, KEYPOINTS


def score(accuracy, recalls=(0.1, 0.5, 0.2, 0.4, 0.3)):
    classes = {
        name: {"precision": 0.555, "recall": recall, "f1": 0.5, "support": 20}
        for name, recall in zip(EMOTIONS, recalls, strict=True)
    }
    interval = (accuracy - 0.1, accuracy + 0.05)
    return {"accuracy": accuracy, "accuracy_interval_95": interval, "classes": classes}


PEOPLE = {
    "one_person": {"accuracy": 0.93, "mean_recall": 0.86, "recall": dict.fromkeys(EMOTIONS, 0.9)},
    "plurality_against_labels": {"accuracy": 0.835},
}
TEST = {"emotions": score(0.8) | {"people": score(0.9)}, "baseline": score(0.7), "small_one": score(0.6)}
EMOTION_SCORES = {"chosen": "emotions", "test": TEST, "people": PEOPLE}


def test_emotion_table_sets_both_truths_side_by_side_the_best_network_above_people():
    table = score_tables.emotion_table(EMOTION_SCORES)
    assert table.index.tolist() == ["small one", "the original's", "ours", "most people", "one person"]
    assert table["labels"]["accuracy"].tolist() == ["60.0%", "70.0%", "80.0%", "83.5%", ""]
    assert table["people"]["accuracy"].tolist() == ["", "", "90.0%", "", "93.0%"]
    assert table.loc["ours", "labels"].tolist() == ["80.0%", "70.0% to 85.0%", "0.30"]
    assert table.loc["the original's", "labels"].tolist()[2] == "0.30", "the mean of its recalls"
    alone = score_tables.emotion_table({"chosen": "emotions", "test": {"emotions": score(0.8)}})
    assert alone.columns.tolist() == [("labels", it) for it in ("accuracy", "95 % interval", "mean recall")]


def test_class_table_ranks_emotions_by_recall_beside_one_person_s():
    table = score_tables.class_table(TEST["emotions"], PEOPLE["one_person"]["recall"])
    assert table.index.tolist() == ["anger", "sad", "surprise", "happiness", "disgust"]
    assert table["labels"]["recall"].tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert table["people"].columns.tolist() == ["faces", "precision", "recall", "one person's recall"]
    assert score_tables.class_table(TEST["baseline"]).columns.get_level_values(0).unique().tolist() == ["labels"]


def test_two_decimals_leave_out_what_is_unknown():
    table = pd.DataFrame({"a": [np.nan, 0.2, 1], "b": [1.239, 20, np.nan]})
    assert score_tables.two_decimals(table).to_dict("list") == {"a": ["", "0.20", "1.00"], "b": ["1.24", "20.00", ""]}


def keypoint_score(nme, error_px):
    return {"nme_percent": nme, "point_error_px": dict.fromkeys(KEYPOINTS, error_px) | {"nose_tip": 7.0}}


def test_part_errors_are_means_over_the_points_of_a_part():
    scores = {"other": keypoint_score(9, 9), "keypoints": keypoint_score(2, 1), "mean_face": keypoint_score(18, 6)}
    table = score_tables.part_errors(scores, "keypoints")
    assert table.columns.tolist() == ["mean face", "ours"], "no other network, and no original here"
    assert table["ours"].to_dict() == {"eyes": 1, "brows": 1, "nose": 7, "mouth": 1}
    scores["keypoints"]["point_error_px"]["mouth_left_corner"] = 5.0
    assert score_tables.part_errors(scores, "keypoints").loc["mouth", "ours"] == 2


def test_errors_by_part_stand_beside_published_ones():
    errors = dict.fromkeys(KEYPOINTS, 2.0) | {"left_eyebrow_outer_end": 3.0, "right_eyebrow_outer_end": 5.0}
    table = score_tables.beside_published({"nme_percent": 2.5, "point_nme_percent": errors})
    assert table["ours"].to_dict() == {
        "all 15 points": 2.5, "outer brow ends": 4.0, "eye corners": 2.0, "mouth corners": 2.0, "lips": 2.0
    }  # fmt: skip
    assert table.loc["all 15 points", "SPIGA"] == 1.88 and table.loc["all 15 points", "annotators"] == 1.75


def test_what_is_kept_under_stress_is_a_share_for_accuracies_and_the_inverse_for_errors():
    report = {"blur": {"unit": "px", "unchanged": 0.8, "strengths": [1, 1.5], "scores": [0.4, 0.2]}}
    table = score_tables.kept_under_stress({"emotions": report, "keypoints": report})
    assert table["kept"].tolist() == pytest.approx([1, 0.5, 0.25, 1, 2, 4])
    assert table["strength"].tolist() == ["none", "1", "1.5"] * 2 and table["level"].tolist() == [0, 1, 2] * 2
    assert set(zip(table["stress"], table["unit"], strict=True)) == {("blur", "px")}
    assert table["network"].tolist() == ["emotions"] * 3 + ["keypoints"] * 3


def test_the_card_has_few_rows_ours_the_original_s_and_people_s():
    errors = {"mean_face": 18.0, "baseline": 6.0, "head_dense": 4.0, "ours": 2.5}
    keypoints = {"chosen": "ours", "test": {"HelenTest": {name: {"nme_percent": it} for name, it in errors.items()}}}
    panels = score_tables.card_panels(EMOTION_SCORES, keypoints, {"HelenTest": "HELEN"}, {"fer": 0.75})
    labels, people, helen = panels.values()
    assert [*panels] == ["Emotions, against labels", "Emotions, against people", "Keypoints, HELEN"]
    assert labels["score"].round(6).to_dict() == {"fer": 75, "the original's": 70, "ours": 80, "most people": 83.5}
    assert labels.loc["ours", ["low", "high"]].tolist() == pytest.approx([70, 85])
    assert labels.loc["ours", "words"] == "80.0 %" and helen.loc["ours", "words"] == "2.50 %"
    assert people["kind"].to_dict() == {"ours": "ours", "one person": "people"}
    assert helen["score"].to_dict() == {"mean face": 18, "the original's": 6, "ours": 2.5, "one annotator": 1.75}
    assert helen["low"].isna().all() and helen["kind"].tolist() == ["other", "other", "ours", "people"]
    synthetic = {"chosen": "ours", "test": {"Test": keypoints["test"]["HelenTest"]}}
    alone = {"chosen": "emotions", "test": {"emotions": score(0.8)}}
    panels = score_tables.card_panels(alone, synthetic, {"Test": "synthetic faces"}, {})
    assert [[*rows.index] for rows in panels.values()] == [["ours"], ["mean face", "the original's", "ours"]]
