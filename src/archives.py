"""Archives of repositories: fetched once, proved to be the pinned version, read in place.

GitHub packs an archive anew whenever it likes, so that its checksum is not stable. The git object ids of the files
inside are: they are computed again here from the bytes in the archive. Nothing is unpacked to disk.
"""

import hashlib
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from gzip import BadGzipFile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pooch
from requests.exceptions import RequestException
from tqdm import tqdm

from src.paths import shown
from src.sources import Source, SourceError, replacing

ARCHIVE_URL = "https://github.com/{repository}/archive/{commit}.tar.gz"
_TREE = "40000"  # git's mode of a folder


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

    def files(self, *suffixes: str) -> Iterator[File]:
        """The used files that end with one of `suffixes` (all without any), in the order of the archive.

        Raises
        ------
        SourceError
            If the archive is damaged, or holds a member that could write outside its own folder.
        """
        try:
            with tarfile.open(self.path, "r:gz") as tar:
                for member in tar:
                    self._refuse_unsafe(member)
                    name = member.name.partition("/")[2]
                    if member.isreg() and self._is_used(name) and name.endswith(suffixes or ""):
                        mode = "100755" if member.mode & 0o100 else "100644"
                        yield File(name, mode, tar.extractfile(member).read())
        except (tarfile.TarError, EOFError, zlib.error, BadGzipFile) as error:
            raise self._refusal(f"is damaged ({error})") from error

    def object_ids(self) -> dict[str, str]:
        """The git object id of each used path, computed from the files in the archive."""
        blobs = {}
        for file in tqdm(self.files(), f"check {self.source.repository}", unit=" files"):
            if file.name in blobs:
                raise self._refusal(f"holds {file.name} twice")
            blobs[file.name] = (file.mode, _object_id("blob", file.content))
        return {path: _id_of_path(path, blobs) for path in self.source.git_objects}

    def verify(self) -> None:
        """Raise `SourceError` unless checksum and git object ids are those of the source."""
        pinned = self.source.sha256
        if pinned and (found := pooch.file_hash(str(self.path), alg="sha256")) != pinned:
            raise self._refusal(f"is damaged or another version (sha256 {found[:12]}, pinned {pinned[:12]})")
        for path, found in self.object_ids().items():
            if found != (pinned := self.source.git_objects[path]):
                raise self._refusal(
                    f"is damaged or another version ({path} has the git object id {found[:12]}, pinned {pinned[:12]})"
                )

    def _is_used(self, name: str) -> bool:
        return any(name == path or name.startswith(f"{path}/") for path in self.source.git_objects)

    def _refuse_unsafe(self, member: tarfile.TarInfo) -> None:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or not (member.isreg() or member.isdir()):
            raise self._refusal(f"holds {member.name!r}, a link, a device or a path that leaves the archive's folder")

    def _refusal(self, reason: str) -> SourceError:
        return SourceError(f"{shown(self.path)} {reason}; delete or replace it and call again.")


def open_archive(source: Source, folder: Path) -> Archive:
    """The verified archive of a source: the one at hand, else the one in `folder`, else GitHub's.

    Raises
    ------
    SourceError
        If it cannot be had, is damaged, or differs from the pinned version.
    """
    name = f"{PurePosixPath(source.repository).name}-{source.commit}.tar.gz"
    path = source.archive or folder / name
    if not path.exists():
        if source.archive:
            raise SourceError(f"{shown(path)} is missing; put the archive there or correct the table.")
        with replacing(path) as part:
            _download(ARCHIVE_URL.format(repository=source.repository, commit=source.commit), part)
    archive = Archive(source, path)
    archive.verify()
    return archive


class _DownloadBar(tqdm):
    """Size and rate also where the server names no total, as GitHub does not for an archive."""

    def __bool__(self) -> bool:  # pooch asks; a bar without a total would say no
        return True

    def reset(self, total: float | None = None) -> None:  # pooch empties the bar at the end to fill it to the total
        if self.total:
            super().reset(total)


def _download(url: str, target: Path) -> None:
    bar = _DownloadBar(desc=url.split("/archive/")[0], unit="B", unit_scale=True)
    download = pooch.HTTPDownloader(progressbar=bar, chunk_size=2**16)
    try:
        download(url, str(target), None)
    except RequestException as error:
        answer = type(error).__name__ if error.response is None else f"HTTP {error.response.status_code}"
        raise SourceError(
            f"{url} could not be fetched ({answer}); check the network and call again, or bring the data with"
            " --sources FILE or --from DIR."
        ) from error
    finally:
        bar.close()


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


def _id_of_path(path: str, blobs: dict[str, tuple[str, str]]) -> str:
    if path in blobs:
        return blobs[path][1]
    prefix = f"{path}/"
    return tree_id({name.removeprefix(prefix): blobs[name] for name in blobs if name.startswith(prefix)})
