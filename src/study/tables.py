"""The tables of README.md and weights/CARD.md, written by `python -m src.readme`: scores from figures/metrics.json,
speeds from benchmarks/results.json."""

import json
import re
from pathlib import Path

from benchmarks.tables import RESULTS, speed_tables

from src.files import FIGURES, ROOT, WEIGHTS, shown
from src.labels import EMOTIONS

README, CARD = ROOT / "README.md", WEIGHTS / "CARD.md"
METRICS = FIGURES / "metrics.json"
SPLITS = {"HelenTest": "HELEN testset", "Test": "unseen YouTube people"}


def _emotion_rows(emotions: dict) -> list[str]:
    rows = [
        "| emotions on PrivateTest | epochs | top-1 (95 % interval) | macro-F1 | ECE | top-1 of all seven classes |",
        "|---|---|---|---|---|---|",
    ]
    for name, score in emotions["test"].items():
        low, high = score["accuracy_interval_95"]
        seven = f"{score['accuracy_seven_classes']:.1%}" if "accuracy_seven_classes" in score else "—"
        rows.append(
            f"| `{name}`, {score['parameters'] / 1e6:.1f} M parameters | {score['epochs']} "
            f"| {score['accuracy']:.1%} ({low:.1%} to {high:.1%}) | {score['macro_f1']:.3f} | {score['ece']:.3f} "
            f"| {seven} |"
        )
    return rows


def _recall_rows(emotions: dict) -> list[str]:
    rows = [f"| recall of | {' | '.join(EMOTIONS)} |", f"|---|{'---|' * len(EMOTIONS)}"]
    for name, score in emotions["test"].items():
        recalls = (f"{score['classes'][emotion]['recall']:.2f}" for emotion in EMOTIONS)
        rows.append(f"| `{name}` | {' | '.join(recalls)} |")
    return rows


def _keypoint_rows(keypoints: dict) -> list[str]:
    rows = ["| keypoints | epochs | faces | NME | RMSE | NME above 8 % |", "|---|---|---|---|---|---|"]
    for split, scores in keypoints["test"].items():
        for name, score in scores.items():
            epochs = score.get("epochs", "—")
            title = "always the mean face" if name == "mean_face" else f"`{name}`, {score['parameters'] / 1e6:.1f} M"
            rows.append(
                f"| {SPLITS[split]}: {title} | {epochs} | {score['faces']} | {score['nme_percent']:.2f} % "
                f"| {score['rmse_px']:.2f} px | {score['failures_percent']:.1f} % |"
            )
    return rows


def _stress_rows(keypoints: dict) -> list[str]:
    split = next(iter(keypoints["test"]))
    rows = [
        f"| keypoints, {SPLITS[split]}: NME | upright | turned by -30° / +30° | from 48 px | mirror distance |",
        "|---|---|---|---|---|",
    ]
    for name, score in keypoints["test"][split].items():
        if "stress" in score:
            stress = score["stress"]
            back, forth = stress["nme_percent_rotated"]
            rows.append(
                f"| `{name}` | {score['nme_percent']:.2f} % | {back:.2f} % / {forth:.2f} % "
                f"| {stress['nme_percent_shrunk']:.2f} % | {stress['mirror_distance_px']:.2f} px |"
            )
    return rows


def _class_rows(score: dict) -> list[str]:
    rows = [
        "| PrivateTest | precision | recall | F1 | faces | ECE before and after the temperature |",
        "|---|---|---|---|---|---|",
    ]
    for emotion, it in score["classes"].items():
        rows.append(
            f"| {emotion} | {it['precision']:.2f} | {it['recall']:.2f} | {it['f1']:.2f} | {it['support']} "
            f"| {score['classes_ece_uncalibrated'][emotion]:.3f}, {it['ece']:.3f} |"
        )
    classes = score["classes"].values()
    means = (sum(it[key] for it in classes) / len(classes) for key in ("precision", "recall", "f1"))
    cells = [*(f"{mean:.2f}" for mean in means), score["faces"], f"{score['ece_uncalibrated']:.3f}, {score['ece']:.3f}"]
    return [*rows, f"| mean; ECE of the answers | {' | '.join(map(str, cells))} |"]


def _confidence_rows(confidence: dict, doubtful: dict) -> list[str]:
    rows = {
        '"sure" by': f"{confidence['sure_by']}, {confidence['sure_above']:.2f} or more",
        "share of the five emotions' faces that are sure": f"{confidence['sure_share']:.0%}",
        "accuracy of the surest 80 %": f"{confidence['accuracy_at_80_percent']:.1%}",
        "AUROC, the five against fear and neutral": f"{confidence['auroc_five_against_other']:.3f}",
        "faces of fear and neutral that are not sure": f"{confidence['other_emotions_flagged']:.0%}",
    }
    if confidence["accuracy_when_sure"] is not None:
        rows["accuracy when sure"] = f"{confidence['accuracy_when_sure']:.1%}"
    rows["mistakes when sure; of them on a label that *confident learning* doubts"] = (
        f"{doubtful['sure_mistakes']}; {doubtful['sure_both']}"
    )
    return ["| confidence on PrivateTest | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]


def _harm_rows(stress: dict) -> list[str]:
    rows = ["| under stress, five strengths | emotions: accuracy | keypoints: NME |", "|---|---|---|"]
    for name, emotions in stress["emotions"].items():
        strengths = ", ".join(f"{it:g}" for it in emotions["strengths"])
        accuracy = " · ".join(f"{it:.0%}" for it in (emotions["unchanged"], *emotions["scores"]))
        keypoints = stress["keypoints"][name]
        nme = " · ".join(f"{it:.1f}" for it in (keypoints["unchanged"], *keypoints["scores"]))
        rows.append(f"| {name} ({emotions['unit']}: none, {strengths}) | {accuracy} | {nme} % |")
    return rows


def _joined(*tables: list[str]) -> str:
    return "\n\n".join("\n".join(rows) for rows in tables)


def score_tables(metrics: dict) -> str:
    """README's tables of scores, Markdown, of the contents of METRICS, of a run on real data."""
    emotions, keypoints = metrics["emotions"], metrics["keypoints"]
    return _joined(_emotion_rows(emotions), _recall_rows(emotions), _keypoint_rows(keypoints), _stress_rows(keypoints))


def card_tables(metrics: dict) -> str:
    """The tables of the weights' card, Markdown: of the run's chosen networks alone."""
    chosen = metrics["emotions"]["test"][metrics["emotions"]["chosen"]]
    return _joined(
        _class_rows(chosen),
        _confidence_rows(metrics["confidence"], metrics["doubtful_labels"]),
        _harm_rows(metrics["stress"]),
    )


# Document -> its blocks: what stands in the markers, what makes the tables, of which file.
DOCUMENTS = {
    README: (("scores", score_tables, METRICS), ("speeds", speed_tables, RESULTS)),
    CARD: (("scores", card_tables, METRICS),),
}


def with_tables(text: str, block: str, tables: str) -> str:
    """A document with what stands between a block's two markers replaced; ValueError where they are missing."""
    begin, end = f"<!-- {block}: written by src/readme.py -->", f"<!-- end of {block} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"the document lacks the lines {begin} and {end}")
    return pattern.sub(lambda _: f"{begin}\n{tables}\n{end}", text)


def written(path: Path) -> str:
    """The document's text with its tables as the JSON files have them now."""
    text = path.read_text()
    for block, tables, source in DOCUMENTS[path]:
        text = with_tables(text, block, tables(json.loads(source.read_text())))
    return text


def main() -> None:
    for path in DOCUMENTS:
        path.write_text(written(path))
        print(f"{shown(path)}: tables written anew")


if __name__ == "__main__":
    main()
