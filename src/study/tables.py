"""The tables of README.md and weights/CARD.md, written by `python -m src.study.tables` from figures/metrics.json."""

import json
import re
from pathlib import Path

from src.files import FIGURES, ROOT, WEIGHTS, shown
from src.labels import EMOTIONS

README, CARD = ROOT / "README.md", WEIGHTS / "CARD.md"
METRICS = FIGURES / "metrics.json"
SPLITS = {"HelenTest": "HELEN testset", "Test": "unseen YouTube people"}
ORIGINAL = "baseline"


def markdown_table(head: list[str], rows: list[list]) -> str:
    """A Markdown table; whatever a cell holds is written as text."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def _pair(scores: dict, chosen: str) -> list[dict]:
    return [scores[ORIGINAL], scores[chosen]]


def headline(metrics: dict) -> str:
    """README's first table, of the contents of METRICS: task, test set, the original's network, ours."""
    emotions, keypoints = metrics["emotions"], metrics["keypoints"]
    rows = []
    for split, title in SPLITS.items():
        pair = _pair(keypoints["test"][split], keypoints["chosen"])
        faces = f"{title}, {pair[0]['faces']} faces: mean error (NME)"
        rows.append(["15 keypoints", faces, *(f"{it['nme_percent']:.2f} %" for it in pair)])
    pair = _pair(emotions["test"], emotions["chosen"])
    faces = f"FER2013 PrivateTest, {pair[0]['faces']:,} faces:"
    rows.append(["5 emotions", f"{faces} accuracy", *(_accuracy(it) for it in pair)])
    rows.append(["5 emotions", f"{faces} macro-F1", *(f"{it['macro_f1']:.3f}" for it in pair)])
    return markdown_table(["task", "test set", "the original's network", "ours"], rows)


def _accuracy(score: dict) -> str:
    low, high = score["accuracy_interval_95"]
    return f"{score['accuracy']:.1%} ({low:.1%} to {high:.1%})"


def details(metrics: dict) -> str:
    """README's tables of results: recall of each emotion; keypoints turned and shrunk."""
    emotions, keypoints = metrics["emotions"], metrics["keypoints"]
    names = ("the original's network", "ours")
    recalls = [
        [name, *(f"{score['classes'][emotion]['recall']:.2f}" for emotion in EMOTIONS)]
        for name, score in zip(names, _pair(emotions["test"], emotions["chosen"]), strict=True)
    ]
    split = next(iter(keypoints["test"]))
    turned = []
    for name, score in zip(names, _pair(keypoints["test"][split], keypoints["chosen"]), strict=True):
        stress = score["stress"]
        back, forth = stress["nme_percent_rotated"]
        upright, small = f"{score['nme_percent']:.2f} %", f"{stress['nme_percent_shrunk']:.2f} %"
        failed, flip = f"{score['failures_percent']:.1f} %", f"{stress['flip_distance_px']:.2f} px"
        turned.append([name, upright, f"{back:.2f} % / {forth:.2f} %", small, failed, flip])
    head = [f"{SPLITS[split]}, NME", "upright", "turned -30° / +30°", "from 48 px", "NME above 8 %", "flip distance"]
    return "\n\n".join([markdown_table(["recall of", *EMOTIONS], recalls), markdown_table(head, turned)])


# ---------------------------------------------------------------- the card


def _classes(score: dict) -> str:
    rows = [
        [emotion, *(f"{it[key]:.2f}" for key in ("precision", "recall", "f1")), it["support"], f"{it['ece']:.3f}"]
        for emotion, it in score["classes"].items()
    ]
    classes = score["classes"].values()
    means = (f"{sum(it[key] for it in classes) / len(classes):.2f}" for key in ("precision", "recall", "f1"))
    rows.append(["mean; ECE of the answers", *means, score["faces"], f"{score['ece']:.3f}"])
    return markdown_table(["PrivateTest", "precision", "recall", "F1", "faces", "ECE"], rows)


def _confidence(confidence: dict, doubtful: dict) -> str:
    rows = [
        ['"sure" goes by', f"{confidence['sure_by']}, {confidence['sure_above']:.2f} or more"],
        ["share of the five emotions' faces that are sure", f"{confidence['sure_share']:.0%}"],
        ["accuracy of the surest 80 %", f"{confidence['accuracy_at_80_percent']:.1%}"],
        ["AUROC, the five against fear and neutral", f"{confidence['auroc_five_against_other']:.3f}"],
        ["faces of fear and neutral that are not sure", f"{confidence['other_emotions_flagged']:.0%}"],
    ]
    if confidence["accuracy_when_sure"] is not None:
        rows.append(["accuracy when sure", f"{confidence['accuracy_when_sure']:.1%}"])
    counts = f"{doubtful['sure_mistakes']}; {doubtful['sure_both']}"
    rows.append(["mistakes when sure; of them on a label that *confident learning* doubts", counts])
    return markdown_table(["confidence on PrivateTest", ""], rows)


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
    chosen = metrics["emotions"]["test"][metrics["emotions"]["chosen"]]
    parts = _classes(chosen), _confidence(metrics["confidence"], metrics["doubtful_labels"]), _stress(metrics["stress"])
    return "\n\n".join(parts)


# Document -> its blocks: what stands in the markers, what makes the tables.
DOCUMENTS = {README: {"headline": headline, "details": details}, CARD: {"scores": card_tables}}


def with_tables(text: str, block: str, tables: str, writer: str = "src/study/tables.py") -> str:
    """A document with what stands between a block's two markers replaced; ValueError where they are missing."""
    begin, end = f"<!-- {block}: written by {writer} -->", f"<!-- end of {block} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"the document lacks the lines {begin} and {end}")
    return pattern.sub(lambda _: f"{begin}\n{tables}\n{end}", text)


def written(path: Path) -> str:
    """The document's text with its tables as METRICS has them now."""
    text, metrics = path.read_text(), json.loads(METRICS.read_text())
    for block, tables in DOCUMENTS[path].items():
        text = with_tables(text, block, tables(metrics))
    return text


def main() -> None:
    for path in DOCUMENTS:
        path.write_text(written(path))
        print(f"{shown(path)}: tables written anew")


if __name__ == "__main__":
    main()
