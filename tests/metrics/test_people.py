import numpy as np
import pytest

from src.labels import ALL_EMOTIONS, EMOTIONS, VOTES
from src.metrics.people import (
    among_five,
    majority,
    one_person,
    people_scores,
    plurality_against_labels,
    truths,
    vote_shares,
)


def votes(*rows: dict[str, int]) -> np.ndarray:
    return np.array([[row.get(name, 0) for name in VOTES] for row in rows], np.uint8)


def test_a_majority_has_five_votes_and_is_the_first_of_the_columns_with_most():
    counts = votes(
        {"happiness": 10},
        {"sadness": 5, "neutral": 4, "no_face": 1},
        {"fear": 6, "unknown": 4},
        {"anger": 4, "disgust": 3, "neutral": 3},
        {"anger": 5, "surprise": 5},
        {"surprise": 5, "contempt": 5},
        {"contempt": 8, "neutral": 2},
        {},
    )
    found = majority(counts)
    assert found.dtype == np.int8
    names = [ALL_EMOTIONS[code] if code >= 0 else "" for code in found]
    assert names == ["happiness", "sad", "fear", "", "surprise", "surprise", "", ""]


def test_shares_leave_out_what_is_no_emotion_of_ours():
    shares = vote_shares(votes({"anger": 3, "neutral": 1, "contempt": 2, "unknown": 4}, {"no_face": 10}, {}))
    expected = np.zeros((3, 7))
    expected[0, ALL_EMOTIONS.index("anger")], expected[0, ALL_EMOTIONS.index("neutral")] = 0.75, 0.25
    np.testing.assert_array_equal(shares, expected)


def test_one_person_against_the_others():
    scores = one_person(
        votes(
            {"happiness": 10},  # always agrees
            {"anger": 6, "disgust": 2, "neutral": 2},  # six of eight agree: the others still say anger
            {"neutral": 10},  # not counted
        )
    )
    assert scores["faces"] == 2 and scores["accuracy"] == pytest.approx((1 + 0.75) / 2)
    assert scores["recall"]["happiness"] == 1 and scores["recall"]["anger"] == pytest.approx(0.75)
    assert np.isnan([scores["recall"][name] for name in ("disgust", "sad", "surprise")]).all()
    assert scores["mean_recall"] == pytest.approx(0.875)


def test_the_others_tie_without_the_one_vote():
    scores = one_person(votes({"sadness": 5, "surprise": 4}))
    # One who said sad (5/9) leaves 4 : 4, right at random; one who said surprise (4/9) leaves 5 : 3, wrong.
    assert scores["accuracy"] == pytest.approx(5 / 18)
    assert scores["recall"]["sad"] == pytest.approx(5 / 18 / (5 / 18 + 4 / 9)) and scores["recall"]["surprise"] == 0


def test_one_person_needs_a_face():
    with pytest.raises(ValueError, match="no face has a majority"):
        one_person(votes({"neutral": 10}, {}))


def test_the_plurality_is_the_label_or_shares_it_by_lot():
    counts = votes({"anger": 6, "sadness": 4}, {"sadness": 3, "surprise": 3, "neutral": 4}, {"neutral": 10})
    sad = EMOTIONS.index("sad")
    found = plurality_against_labels(counts, np.full(3, sad))
    assert found == {"faces": 2, "accuracy": (0 + 0.5) / 2}, "the third face has no vote for one of the five"


PEOPLE = votes(
    {"anger": 10}, {"disgust": 5, "anger": 5}, {"sadness": 8, "neutral": 2}, {"neutral": 9, "fear": 1}, {"unknown": 10}
)


def test_a_network_that_says_what_people_said():
    shares = vote_shares(PEOPLE)
    shares[4] = 1 / 7
    five = among_five(shares)
    found = people_scores(five, shares, PEOPLE)
    # Anger comes before disgust among the emotions and among FERPlus's columns: what ties goes to it in both.
    assert found["faces"] == 3 and found["accuracy"] == 1 and found["mean_recall"] == 1
    assert found["ece_shares"] == pytest.approx(0), "0.5 said of a face on which five of ten agree"
    assert found["ece"] == pytest.approx(0.5 / 3)
    assert found["faces_seven_classes"] == 4 and found["accuracy_seven_classes"] == 1
    assert found["entropy_correlation"] == pytest.approx(1)


def test_a_network_that_errs_against_people():
    outputs = np.eye(7)[[2, 0, 2, 2, 2]]
    outputs[3] = 1 / 7
    found = people_scores(outputs[:, :5], outputs, PEOPLE)
    assert found["accuracy"] == pytest.approx(2 / 3) and found["accuracy_seven_classes"] == pytest.approx(2 / 4)
    assert found["mean_recall"] == found["mean_recall_without_disgust"] == pytest.approx((1 / 2 + 1) / 2)
    assert found["ece_shares"] == pytest.approx((1 + 0.5 + 0) / 3, abs=1e-6)
    assert "entropy_correlation" not in people_scores(outputs[:, :5], outputs[:, :5], PEOPLE)


def test_both_truths_of_faces():
    labels = np.array([0, 1, 2, 5, 6])
    assert list(truths(labels, None)) == ["labels"]
    found = truths(labels, PEOPLE)
    np.testing.assert_array_equal(found["labels"][1], np.eye(7)[labels])
    assert found["people"][0].tolist() == [0, 0, 2, 6, -1]
    np.testing.assert_array_equal(found["people"][1], vote_shares(PEOPLE))
    assert ALL_EMOTIONS[found["people"][0][3]] == "neutral"
