"""What the data files hold, in words and tables: rows, classes, splits, people, duplicates."""

from pathlib import Path

import pandas as pd

from src.labels import EMOTIONS, FER_CODES
from src.paths import shown


def keypoint_summary(path: Path) -> str:
    """Faces by origin and split, people and repeated images of a keypoint file."""
    columns = ("Image", "Usage", "Subject")
    table = pd.read_csv(path, usecols=lambda name: name.strip() in columns).rename(columns=str.strip)
    lines = [f"{shown(path)}: {len(table):,} faces, {table.Image.duplicated().sum()} repeat another row's image"]
    if {"Usage", "Subject"} <= set(table):
        origin = table.Subject.str.partition("/")[0].rename("origin")
        lines.append(pd.crosstab(origin, table.Usage, margins=True, margins_name="all").to_string())
        subjects = table.Subject.groupby(origin).nunique()
        people = ", ".join(f"{count} {origin}" for origin, count in subjects.items())
        shared = table[["Subject", "Usage"]].drop_duplicates().Subject.duplicated().sum()
        lines.append(f"People (of HELEN: photos): {people}; in two splits: {shared}")
    return "\n".join(lines)


def emotion_summary(path: Path) -> str:
    """Faces by class and split, and images of the other splits that stand byte for byte in Training."""
    table = pd.read_csv(path).rename(columns=str.strip)
    lines = [f"{shown(path)}: {len(table):,} faces, {table.pixels.duplicated().sum()} repeat another row's image"]
    names = FER_CODES if table.emotion.max() >= len(EMOTIONS) else EMOTIONS
    emotion = table.emotion.map(dict(enumerate(names))).rename("class")
    usage = table.Usage if "Usage" in table else pd.Series("faces", table.index, name="Usage")
    counts = pd.crosstab(emotion, usage, margins=True, margins_name="all")
    splits = [split for split in ("Training", "PublicTest", "PrivateTest", "faces") if split in counts]
    lines.append(counts.reindex(index=[*names, "all"], columns=[*splits, "all"], fill_value=0).to_string())
    training = table.pixels[usage == "Training"]
    for split in splits[1:]:
        repeated = table.pixels[usage == split].isin(training).sum()
        lines.append(f"{repeated} {split} images stand byte for byte in Training")
    return "\n".join(lines)
