"""Which files a list of paths means: folders are read to their last file, and nothing is left out in silence."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def files_in(paths: Iterable[Path], skip: Iterable[Path] = ()) -> Iterator[tuple[Path, str]]:
    """Every file that the paths mean, folders by name and recursively, each with the reason why it cannot be read.

    The reason is "" for a regular file. Links to folders are followed, but no folder is read twice, so that a link
    that leads back ends there.
    skip: files and folders that are left out, such as the ones that the run itself writes.
    """
    skipped, seen = {path.resolve() for path in skip}, {}
    for path in paths:
        yield from _walk(path, skipped, seen)


def _walk(path: Path, skipped: set[Path], seen: dict[Path, Path]) -> Iterator[tuple[Path, str]]:
    try:
        real = Path(os.path.realpath(path, strict=True))  # as Path.resolve, which raises RuntimeError before 3.13
        if real in skipped:
            return
        if real in seen:
            yield path, f"is a folder that was read as {seen[real]}: remove the link"
        elif path.is_dir():
            seen[real] = path
            for entry in sorted(path.iterdir()):
                yield from _walk(entry, skipped, seen)
        else:
            yield path, "" if path.is_file() else "is no regular file: leave it out"
    except FileNotFoundError:
        yield path, "does not exist: check the name"
    except OSError as error:  # no permission, a link that leads to itself
        yield path, f"cannot be opened ({error.strerror}): check its permissions and links"
