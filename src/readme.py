"""README's score table, written from figures/metrics.json: `python -m src.readme`."""

import json
import re

from src.labels import EMOTIONS
from src.paths import FIGURES, ROOT

README = ROOT / "README.md"
METRICS = FIGURES / "metrics.json"
BEGIN, END = "<!-- scores: written by src/readme.py -->", "<!-- end of scores -->"
SPLITS = {"HelenTest": "HELEN testset", "Test": "unseen YouTube people"}


def _emotion_rows(emotions: dict) -> list[str]:
    rows = [
        "| emotions on PrivateTest | trained | top-1 (95 % interval) | macro-F1 | ECE | lowest recall |",
        "|---|---|---|---|---|---|",
    ]
    for name, score in emotions["test"].items():
        low, high = score["accuracy_interval_95"]
        recalls = {emotion: score["classes"][emotion]["recall"] for emotion in EMOTIONS}
        worst = min(recalls, key=recalls.get)
        rows.append(
            f"| `{name}`, {score['parameters'] / 1e6:.1f} M parameters | {score['epochs']} epochs "
            f"| {score['accuracy']:.1%} ({low:.1%} to {high:.1%}) | {score['macro_f1']:.3f} | {score['ece']:.3f} "
            f"| {worst} {recalls[worst]:.2f} |"
        )
    return rows


def _keypoint_rows(keypoints: dict) -> list[str]:
    rows = ["| keypoints | trained | faces | NME | RMSE | NME above 8 % |", "|---|---|---|---|---|---|"]
    for split, scores in keypoints["test"].items():
        for name, score in scores.items():
            trained = f"{score['epochs']} epochs" if "epochs" in score else "—"
            title = "always the mean face" if name == "mean_face" else f"`{name}`, {score['parameters'] / 1e6:.1f} M"
            rows.append(
                f"| {SPLITS[split]}: {title} | {trained} | {score['faces']} | {score['nme_percent']:.2f} % "
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


def score_tables(metrics: dict) -> str:
    """Markdown of the tables; metrics: the content of metrics.json of a run on real data."""
    keypoints = metrics["keypoints"]
    return "\n".join(
        [*_emotion_rows(metrics["emotions"]), "", *_keypoint_rows(keypoints), "", *_stress_rows(keypoints)]
    )


def with_scores(readme: str, metrics: dict) -> str:
    """README's text with its tables replaced by those of `metrics`; ValueError where the two markers are missing."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(readme):
        raise ValueError(f"README.md lacks the lines {BEGIN} and {END}")
    return pattern.sub(lambda _: f"{BEGIN}\n{score_tables(metrics)}\n{END}", readme)


def main() -> None:
    README.write_text(with_scores(README.read_text(), json.loads(METRICS.read_text())))


if __name__ == "__main__":
    main()
