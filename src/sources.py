"""Where the public data comes from: three repositories, each pinned to a commit and to git object ids."""

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from src import files
from src.paths import shown


class SourceError(Exception):
    """Data that cannot be had or is not what it should be; the message is one sentence with the remedy."""


@dataclass(frozen=True)
class Source:
    """One repository at one commit; `git_objects` maps each used path (file or folder) to its git object id."""

    repository: str
    commit: str
    git_objects: dict[str, str]
    archive: Path | None = None  # an archive at hand; without it GitHub's is fetched
    sha256: str | None = None  # of that archive


FER2013 = Source(
    "RecepTahirGunlu/Duygu-Tanima",
    "9c8c822db85a44c0d7af5d94d749319a07b1c935",
    {
        "train": "5b46dfd80baddd5d729f2d3dc1291f2911e45e0a",
        "validation": "b7f19c0c24cce9b2c7fd1876f11ad91ff2098563",
        "test": "21c3ceee7809f319f6393dba5a5eb84fa24c2ba1",
    },
)
HELEN = Source(
    "Spinkoo/Face-alignement",
    "e08a16aa91ad771df34e75f70bc5aaf20238ff6a",
    {
        "helen/trainset": "615bac7a9c99c0011137280d0b677056109283c8",
        "helen/testset": "68c5bb22515a95114003ba1c01edee73e01231cd",
    },
)
YOUTUBE = Source(
    "udacity/P1_Facial_Keypoints",
    "6e55adc6bd032d9fb1ad41a4c3e68aae847cdf81",
    {
        "data/training": "1e8f1dd44c2b7eefb5c36cd8f2c859c37bdc0dde",
        "data/test": "9efec5eee0580b8813ef6f750de74558248f4251",
        "data/training_frames_keypoints.csv": "8ed5bf6cd6618e1dc46610529440aa0a06acd856",
        "data/test_frames_keypoints.csv": "f9207de639969e92f271d2d59925f459cb6c81d4",
    },
)
UPSTREAM = (FER2013, HELEN, YOUTUBE)


def read_table(file: Path) -> tuple[Source, ...]:
    """The sources of a JSON table in the order of `UPSTREAM`; its `archive` paths start at the table's folder.

    Raises
    ------
    SourceError
        If the table cannot be read or lacks one of the repositories or paths.
    """
    try:
        entries = {entry["repository"]: entry for entry in json.loads(file.read_text("utf-8"))}
        sources = tuple(_source(entries[pinned.repository], file.parent) for pinned in UPSTREAM)
    except OSError as error:
        raise SourceError(f"{shown(file)} cannot be read ({error.strerror}); give the path of a table.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise SourceError(
            f"{shown(file)} is not a table of sources ({type(error).__name__}: {error}); give a JSON list with"
            " `repository`, `commit`, `git_objects` and `archive` for each of the three repositories."
        ) from error
    for source, pinned in zip(sources, UPSTREAM, strict=True):
        if missing := pinned.git_objects.keys() - source.git_objects.keys():
            raise SourceError(
                f"{shown(file)} names no git object id for {min(missing)} of {source.repository}; add it to"
                " `git_objects`."
            )
    return sources


def _source(entry: dict, folder: Path) -> Source:
    archive = folder / entry["archive"] if "archive" in entry else None
    return Source(entry["repository"], entry["commit"], dict(entry["git_objects"]), archive, entry.get("sha256"))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """As `files.replacing`; a full disk becomes a `SourceError`."""
    try:
        with files.replacing(path) as part:
            yield part
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise SourceError(
            f"The disk is full: {shown(path)} could not be written; free space or choose another folder with"
            " --data-dir, then call again."
        ) from error
