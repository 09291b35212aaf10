"""The tables of README.md and weights/CARD.md, written by `python -m src.study.tables` from figures/metrics.json."""

import json
import re
from pathlib import Path

from src.files import FIGURES, ROOT, WEIGHTS, shown, write_text
from src.labels import EMOTIONS

README, CARD = ROOT / "README.md", WEIGHTS / "CARD.md"
METRICS = FIGURES / "metrics.json"
SPLITS = {"HelenTest": "HELEN testset", "Test": "unseen YouTube people"}
ORIGINAL = "baseline"


def markdown_table(head: list[str], rows: list[list]) -> str:
    """A Markdown table; whatever a cell holds is written as text."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def lacking(metrics: dict) -> str:
    """What the tables need and a run's metrics have not, in words; "": nothing."""
    emotions, keypoints = metrics["emotions"], metrics["keypoints"]
    tests = [emotions["test"], *keypoints["test"].values()]
    missing = {
        "FERPlus's votes": "people" not in emotions,
        "the faces of HELEN testset or of unseen YouTube people": not SPLITS.keys() <= keypoints["test"].keys(),
        "the scores of the original's network": not all(ORIGINAL in it for it in tests),
    }
    return " and ".join(words for words, is_missing in missing.items() if is_missing)


def _pair(scores: dict, chosen: str) -> list[dict]:
    return [scores[ORIGINAL], scores[chosen]]


def headline(metrics: dict) -> str:
    """README's first table, of the contents of METRICS: task, test set, the original's network, ours, people."""
    emotions, keypoints = metrics["emotions"], metrics["keypoints"]
    pair, people, rows = _pair(emotions["test"], emotions["chosen"]), emotions["people"], []
    seen, labelled = pair[1]["people"]["faces"], pair[1]["faces"]
    against = [it.get("people") for it in pair]
    of_people = f"FER2013 PrivateTest, {seen:,} faces: what at least five of ten people see"
    one = f"{people['one_person']['accuracy']:.1%} (one of them)"
    rows.append(["5 emotions", of_people, *map(_accuracy, against), one])
    plurality = "{accuracy:.1%} (most of them, {faces:,} faces)".format_map(people["plurality_against_labels"])
    of_labels = f"FER2013 PrivateTest, {labelled:,} faces: the label"
    rows.append(["5 emotions", of_labels, *map(_accuracy, pair), plurality])
    for split, title in SPLITS.items():
        pair = _pair(keypoints["test"][split], keypoints["chosen"])
        faces = f"{title}, {pair[0]['faces']} faces: mean error (NME)"
        rows.append(["15 keypoints", faces, *(f"{it['nme_percent']:.2f} %" for it in pair), ""])
    return markdown_table(["task", "test set", "the original's network", "ours", "people"], rows)


def _accuracy(score: dict | None) -> str:
    if score is None:  # a network of before there were votes, whose weights are gone
        return "not measured"
    low, high = score["accuracy_interval_95"]
    return f"{score['accuracy']:.1%} ({low:.1%} to {high:.1%})"


def details(metrics: dict) -> str:
    """README's tables of results: recall of each emotion; keypoints turned and shrunk."""
    emotions, keypoints = metrics["emotions"], metrics["keypoints"]
    names = ("the original's network", "ours")
    theirs, ours = _pair(emotions["test"], emotions["chosen"])
    found = {
        "labels: the original's network": _recalls(theirs),
        "labels: ours": _recalls(ours),
        "people: ours": _recalls(ours["people"]),
        "people: one of them": emotions["people"]["one_person"]["recall"],
    }
    recalls = [[name, *(f"{recall[emotion]:.2f}" for emotion in EMOTIONS)] for name, recall in found.items()]
    split = next(iter(keypoints["test"]))
    turned = []
    for name, score in zip(names, _pair(keypoints["test"][split], keypoints["chosen"]), strict=True):
        stress = score["stress"]
        back, forth = stress["nme_percent_rotated"]
        upright, small = f"{score['nme_percent']:.2f} %", f"{stress['nme_percent_shrunk']:.2f} %"
        failed, flip = f"{score['failures_percent']:.1f} %", f"{stress['flip_distance_px']:.2f} px"
        turned.append([name, upright, f"{back:.2f} % / {forth:.2f} %", small, failed, flip])
    head = [f"{SPLITS[split]}, NME", "upright", "turned -30° / +30°", "from 48 px", "NME above 8 %", "flip distance"]
    return "\n\n".join([markdown_table(["recall, against", *EMOTIONS], recalls), markdown_table(head, turned)])


def _recalls(score: dict) -> dict[str, float]:
    return {emotion: it["recall"] for emotion, it in score["classes"].items()}


# ---------------------------------------------------------------- the card


def _classes(score: dict) -> str:
    """Precision, recall, F1 and faces of each emotion against labels, then against people."""

    def cells(rows: list[dict]) -> list[str]:
        means = [f"{sum(it[key] for it in rows) / len(rows):.2f}" for key in ("precision", "recall", "f1")]
        return [*means, str(sum(it["support"] for it in rows))]

    truths = [score["classes"], score["people"]["classes"]]
    rows = [[emotion, *(cell for truth in truths for cell in cells([truth[emotion]]))] for emotion in EMOTIONS]
    rows.append(["mean", *(cell for truth in truths for cell in cells(list(truth.values())))])
    head = ["precision", "recall", "F1", "faces"]
    return markdown_table(["PrivateTest", *(f"{it}, labels" for it in head), *(f"{it}, people" for it in head)], rows)


def _without_near_copies(score: dict) -> list[str]:
    """Accuracy and faces, against labels and against people."""
    its = score["without_near_copies"]
    return [f"{its[truth]['accuracy']:.1%} of {its[truth]['faces']:,} faces" for truth in ("labels", "people")]


def _both_truths(emotions: dict) -> str:
    """What stands beside the classes: seven emotions, calibration, and what people themselves reach."""
    score, people = emotions["test"][emotions["chosen"]], emotions["people"]
    seen = score["people"]
    rows = [
        ["accuracy, five emotions", _accuracy(score), _accuracy(seen)],
        ["the same without faces that have a near copy in Training", *_without_near_copies(score)],
        ["mean recall, five emotions", *(f"{it['mean_recall']:.3f}" for it in (score, seen))],
        ["mean recall without disgust", "", f"{seen['mean_recall_without_disgust']:.3f}"],
        ["accuracy, seven emotions", *(f"{it['accuracy_seven_classes']:.1%}" for it in (score, seen))],
        ["calibration error (ECE)", f"{score['ece']:.3f}", f"{seen['ece_shares']:.3f}, against the shares of votes"],
        ["rank correlation of its entropy with that of the votes", "", f"{seen['entropy_correlation']:.2f}"],
        ["people: most of them; one of them", f"{people['plurality_against_labels']['accuracy']:.1%}",
         f"{people['one_person']['accuracy']:.1%}, mean recall {people['one_person']['mean_recall']:.2f}"],
    ]  # fmt: skip
    return markdown_table(["PrivateTest", "against labels", "against people"], rows)


def _confidence(confidence: dict, doubtful: dict) -> str:
    keys = {
        "share of the five emotions' faces that are sure": ("sure_share", ".0%"),
        "accuracy when sure": ("accuracy_when_sure", ".1%"),
        "accuracy of the surest 80 %": ("accuracy_at_80_percent", ".1%"),
        "share of fear and neutral that is sure": ("other_emotions_sure", ".0%"),
        "AUROC, the five against fear and neutral": ("auroc_five_against_other", ".3f"),
    }
    rows = []
    for words, (key, form) in keys.items():
        values = [confidence[truth][key] for truth in ("labels", "people")]
        rows.append([words, *("nothing is sure" if it is None else format(it, form) for it in values)])
    faceless = f"{confidence['faceless_sure']['all']:.1%} of {confidence['faceless_pictures']:,}"
    doubted = f"{doubtful['sure_mistakes']}; {doubtful['sure_both']}"
    rows += [
        ["mistakes when sure; of them on a label that *confident learning* doubts", doubted, ""],
        ["pictures without a face (half faces among them) that are sure", faceless, "the same"],
    ]
    return markdown_table([f"sure: score of {confidence['sure_above']:.2f} or more", "labels", "people"], rows)


def _stress(stress: dict) -> str:
    rows = []
    for name, emotions in stress["emotions"].items():
        strengths = ", ".join(f"{it:g}" for it in emotions["strengths"])
        accuracy = " · ".join(f"{it:.0%}" for it in (emotions["unchanged"], *emotions["scores"]))
        keypoints = stress["keypoints"][name]
        nme = " · ".join(f"{it:.1f}" for it in (keypoints["unchanged"], *keypoints["scores"]))
        rows.append([f"{name} ({emotions['unit']}: none, {strengths})", accuracy, f"{nme} %"])
    return markdown_table(["under stress, five strengths", "emotions: accuracy", "keypoints: NME"], rows)


def card_tables(metrics: dict) -> str:
    """The tables of the weights' card: of the run's chosen networks alone."""
    emotions = metrics["emotions"]
    chosen = emotions["test"][emotions["chosen"]]
    parts = (
        _both_truths(emotions),
        _classes(chosen),
        _confidence(metrics["confidence"], metrics["doubtful_labels"]),
        _stress(metrics["stress"]),
    )
    return "\n\n".join(parts)


# Document -> its blocks: what stands in the markers, what makes the tables.
DOCUMENTS = {README: {"headline": headline, "details": details}, CARD: {"scores": card_tables}}


def with_tables(text: str, block: str, tables: str, writer: str) -> str:
    """A document with what stands between a block's two markers replaced; ValueError where they are missing."""
    begin, end = f"<!-- {block}: written by {writer} -->", f"<!-- end of {block} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"the document lacks the lines {begin} and {end}")
    return pattern.sub(lambda _: f"{begin}\n{tables}\n{end}", text)


def written(path: Path) -> str:
    """The document's text with its tables as METRICS has them now."""
    text, metrics = path.read_text("utf-8"), json.loads(METRICS.read_text())
    for block, tables in DOCUMENTS[path].items():
        text = with_tables(text, block, tables(metrics), "src/study/tables.py")
    return text


def main() -> None:
    for path in DOCUMENTS:
        write_text(path, written(path))
        print(f"{shown(path)}: tables written anew")


if __name__ == "__main__":
    main()
