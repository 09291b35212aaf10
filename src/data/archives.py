"""Where the public data comes from: four repositories, pinned to a commit, whose archives are verified before use."""

import errno
import hashlib
import json
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import BadGzipFile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import requests
from tqdm import tqdm

from src import files
from src.files import shown

ARCHIVE_URL = "https://github.com/{repository}/archive/{commit}.tar.gz"
_TREE = "40000"  # git's mode of a folder


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
FERPLUS = Source(
    "microsoft/FERPlus",
    "ae2128abf776409c93e50cf7c9d87180673314e6",
    {
        "fer2013new.csv": "ac91219c0704a9efc501aa15277f15e6c6a610d3",
        "LICENSE.md": "a3c42578d04bcb9038d6e8f16fc19f0351c2e1b4",
    },
)
UPSTREAM = (FER2013, HELEN, YOUTUBE, FERPLUS)


def read_table(file: Path) -> tuple[Source, ...]:
    """The sources of a JSON table in the order of `UPSTREAM`; its `archive` paths start at the table's folder.

    Raises SourceError if the table cannot be read or lacks one of the repositories or paths.
    """
    sources = []
    try:
        entries = {entry["repository"]: entry for entry in json.loads(file.read_text("utf-8"))}
        for pinned in UPSTREAM:
            entry = entries[pinned.repository]
            objects = dict(entry["git_objects"])
            archive = file.parent / entry["archive"] if "archive" in entry else None
            sources.append(Source(pinned.repository, entry["commit"], objects, archive, entry.get("sha256")))
            if missing := pinned.git_objects.keys() - objects.keys():
                wanted = f"{min(missing)} of {pinned.repository}"
                raise SourceError(f"{shown(file)} names no git object id for {wanted}; add it to `git_objects`.")
    except OSError as error:
        raise SourceError(f"{shown(file)} cannot be read ({error.strerror}); give the path of a table.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise SourceError(
            f"{shown(file)} is not a table of sources ({type(error).__name__}: {error}); give a JSON list with"
            " `repository`, `commit`, `git_objects` and `archive` for each of the four repositories."
        ) from error
    return tuple(sources)


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


class File(NamedTuple):
    """A file of an archive: its path in the repository, git mode and bytes."""

    name: str
    mode: str
    content: bytes


@dataclass(frozen=True)
class Archive:
    """The .tar.gz file of a source."""

    source: Source
    path: Path

    def files(self, suffix: str = "") -> Iterator[File]:
        """The used files whose names end with `suffix`, in the order of the archive.

        Raises SourceError if the archive is damaged, or holds a member that could write outside its own folder.
        """
        try:
            with tarfile.open(self.path, "r:gz") as tar:
                for member in tar:
                    self._refuse_unsafe(member)
                    name = member.name.partition("/")[2]
                    is_used = any(f"{name}/".startswith(f"{path}/") for path in self.source.git_objects)
                    if is_used and not name.isprintable():
                        raise self.refusal(f"holds {name!r}, a name that cannot be printed")
                    if member.isreg() and is_used and name.endswith(suffix):
                        mode = "100755" if member.mode & 0o100 else "100644"
                        yield File(name, mode, tar.extractfile(member).read())
        except (tarfile.TarError, EOFError, zlib.error, BadGzipFile) as error:
            raise self.refusal(f"is damaged ({error})") from error

    def object_ids(self) -> dict[str, str]:
        """The git object id of each used path, computed from the files in the archive."""
        blobs = {}
        for file in tqdm(self.files(), f"check {self.source.repository}", unit=" files"):
            if file.name in blobs:
                raise self.refusal(f"holds {file.name} twice")
            blobs[file.name] = (file.mode, _object_id("blob", file.content))
        ids = {}
        for path in self.source.git_objects:
            below = {name.removeprefix(f"{path}/"): blob for name, blob in blobs.items() if name.startswith(f"{path}/")}
            ids[path] = blobs[path][1] if path in blobs else tree_id(below)
        return ids

    def verify(self) -> None:
        """Raises SourceError unless checksum and git object ids are those of the source."""
        if self.source.sha256:
            with self.path.open("rb") as file:
                self._compare("sha256", hashlib.file_digest(file, "sha256").hexdigest(), self.source.sha256)
        for path, found in self.object_ids().items():
            self._compare(f"{path} has the git object id", found, self.source.git_objects[path])

    def _compare(self, what: str, found: str, pinned: str) -> None:
        if found != pinned:
            raise self.refusal(f"is damaged or another version ({what} {found[:12]}, pinned {str(pinned)[:12]})")

    def _refuse_unsafe(self, member: tarfile.TarInfo) -> None:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or not (member.isreg() or member.isdir()):
            raise self.refusal(f"holds {member.name!r}, a link, a device or a path that leaves the archive's folder")

    def refusal(self, reason: str) -> SourceError:
        """The error to raise for this archive, with the remedy."""
        return SourceError(f"{shown(self.path)} {reason}; delete or replace it and call again.")


def open_archive(source: Source, folder: Path) -> Archive:
    """The verified archive of a source: the one at hand, else the one in `folder`, else GitHub's.

    Raises SourceError if it cannot be had, is damaged, or differs from the pinned version.
    """
    path = source.archive or folder / f"{PurePosixPath(source.repository).name}-{source.commit}.tar.gz"
    if not path.exists():
        if source.archive:
            raise SourceError(f"{shown(path)} is missing; put the archive there or correct the table.")
        with replacing(path) as part:
            _download(ARCHIVE_URL.format(repository=source.repository, commit=source.commit), part)
    archive = Archive(source, path)
    archive.verify()
    return archive


def _download(url: str, target: Path) -> None:
    bar = tqdm(desc=url.split("/archive/")[0], unit="B", unit_scale=True)
    try:
        with bar, target.open("wb") as out, requests.get(url, stream=True, timeout=30) as answer:
            answer.raise_for_status()
            bar.total = int(answer.headers.get("content-length", 0)) or None  # GitHub names none for an archive
            for chunk in answer.iter_content(2**16):
                bar.update(out.write(chunk))
    except requests.RequestException as error:
        reason = type(error).__name__ if error.response is None else f"HTTP {error.response.status_code}"
        raise SourceError(
            f"{url} could not be fetched ({reason}); check the network and call again, or bring the data with"
            " --sources FILE or --from DIR."
        ) from error


def _object_id(kind: str, body: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(body)}\0".encode() + body, usedforsecurity=False).hexdigest()


def tree_id(files: dict[str, tuple[str, str]]) -> str:
    """The git object id of a folder from its files: path below the folder -> (mode, blob id)."""
    entries, folders = {}, defaultdict(dict)
    for path, entry in files.items():
        head, _, rest = path.partition("/")
        if rest:
            folders[head][rest] = entry
        else:
            entries[head] = entry
    entries |= {name: (_TREE, tree_id(below)) for name, below in folders.items()}
    # git sorts a folder as if its name ended with a slash
    ordered = sorted(entries, key=lambda name: (name + "/" * (entries[name][0] == _TREE)).encode())
    lines = (f"{entries[name][0]} {name}\0".encode() + bytes.fromhex(entries[name][1]) for name in ordered)
    return _object_id("tree", b"".join(lines))
