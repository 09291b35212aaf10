"""Files read by the workers of a Ray cluster: to Parquet parts, and these to the table that one machine would write."""

import io
import itertools
import logging
import os
import re
import socket
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import pandas as pd
from tqdm import tqdm

from src.files import as_text, replacing, shown
from src.predict.photos import VIDEOS, PhotoError, files_in, other_frames, read_photo, why_not_opened
from src.predict.reader import FaceReader
from src.predict.run import NO_FACE, SHOWN_REASONS, Run, kept
from src.predict.table import COLUMNS

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray tells its makers of its use
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # the rest stands in Ray's own log
try:
    import pyarrow as pa
    import ray
    from pyarrow import fs, parquet
except ImportError as error:
    raise ImportError("Ray is not installed: .venv/bin/pip install -r requirements-scale.txt") from error

TASK_FILES = 256  # at most, of a task: its rows are a part, and its files are read again where its worker ends
RETRIES = 3  # of such a task; then its files are tried singly
TABLE_FILES = 10_000  # whose rows are in memory at a time
BUFFER = 1 << 22  # bytes of a bucket's file that are fetched at a time
IS_VIDEO, STOPS_WORKERS = "is a video: leave --engine out", "stopped every worker that read it: save it anew"

_TYPES = {"frame": pa.int64(), "face": pa.int64(), "sure": pa.bool_()}
_TYPES |= dict.fromkeys(("file", "found_by", "emotion", "reason"), pa.string())
# path: the bytes of the name, which `file` shows as text.
SCHEMA = pa.schema([("path", pa.binary()), *((name, _TYPES.get(name, pa.float64())) for name in COLUMNS)])
_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


class Entry(NamedTuple):
    """A file: the address under which its bucket was given ("": a path), its name, why it cannot be read ("")."""

    bucket: str
    path: bytes
    reason: str

    def text(self) -> str:
        return as_text(os.fsdecode(self.path))

    def shown(self) -> str:
        return self.text() if self.bucket else shown(Path(os.fsdecode(self.path)))

    def open(self, folder: Path) -> io.BufferedReader:
        """folder: where relative paths begin."""
        if not self.bucket:
            return (folder / os.fsdecode(self.path)).open("rb")
        system, _ = fs.FileSystem.from_uri(self.bucket)
        return io.BufferedReader(system.open_input_file(self.path.decode().partition("://")[2]), BUFFER)

    def rows(self, faces: pd.DataFrame | None, reason: str) -> pa.Table:
        """A row a face; without faces one row with the reason."""
        rows = pd.DataFrame([{}]) if faces is None or faces.empty else faces
        rows = rows.assign(path=self.path, file=self.text(), reason=reason)
        return pa.Table.from_pandas(rows.reindex(columns=SCHEMA.names), SCHEMA, preserve_index=False)


def entries(paths: Iterable[Path | str], own: Iterable[Path]) -> Iterator[Entry]:
    """Every file of paths and of addresses such as s3://bucket/folder (str), in the order of the table; own: left out.

    ValueError for an address that cannot be listed.
    """
    for bucket, group in itertools.groupby(paths, lambda it: "" if isinstance(it, Path) else it):
        for path, reason in _in_bucket(bucket, own) if bucket else files_in(group, own):
            is_video = Path(path).suffix.lower() in VIDEOS
            yield Entry(bucket, os.fsencode(path), reason or (IS_VIDEO if is_video else ""))


def _in_bucket(address: str, own: Iterable[Path]) -> list[tuple[str, str]]:
    scheme, own = address.partition("://")[0], tuple(f"{path.resolve()}/" for path in own)
    try:
        system, start = fs.FileSystem.from_uri(address)
        found = [system.get_file_info(start)]
        if found[0].type == fs.FileType.Directory:
            found = system.get_file_info(fs.FileSelector(start, recursive=True))
        elif not found[0].is_file:
            return [(f"{scheme}://{start}", "does not exist: check the name")]
    except (OSError, ValueError) as error:
        raise ValueError(f"{address} cannot be listed ({error}): check address, permissions and network") from error
    names = sorted((it.path for it in found if it.is_file), key=lambda name: name.split("/"))
    files = [(f"{scheme}://{name}", "") for name in names if not f"{name}/".startswith(own)]
    return files or [(f"{scheme}://{start}", "holds no file to read: give another folder")]


class Worker:
    """Loads the networks once, then opens and reads the files that it is told."""

    def __init__(self, make_reader: Callable[[], FaceReader], folder: Path, faces: bool, min_score: float):
        cv2.setNumThreads(1)  # there is a worker for each core
        self._reader, self._folder, self._faces, self._min_score = make_reader(), folder, faces, min_score

    def __call__(self, batch: pa.Table) -> pa.Table:
        return pa.concat_tables(self._read(Entry(**row)) for row in batch.to_pylist())

    def _read(self, entry: Entry) -> pa.Table:
        name = entry.shown()
        try:
            if entry.reason:
                raise PhotoError(f"{name} {entry.reason}")
            with entry.open(self._folder) as file:
                faces = self._reader.read_photo(read_photo(file, name), faces=self._faces)
                faces = kept(faces, self._min_score)
                return entry.rows(faces, NO_FACE if faces.empty else other_frames(file))
        except OSError as error:
            error.strerror = error.strerror or str(error)  # as a bucket's errors have none
            return entry.rows(None, f"{name} {why_not_opened(error)}")
        except (PhotoError, cv2.error, MemoryError) as error:  # one file never ends the run
            return entry.rows(None, str(error) or f"{name} needs too much memory: give it smaller")
        except Exception as error:  # a fault of the program: Ray would hide it and blame the file
            return entry.rows(None, f"{name} could not be read ({type(error).__name__}: {error}): report it")


def parts_of(csv: Path, *, resume: bool) -> Path:
    """The folder of parts beside a table. ValueError where it holds something else, or is of another version."""
    folder = csv.with_name(f"{csv.stem}_parts")
    for path in folder.iterdir() if folder.exists() else ():
        if not re.fullmatch(r"(part_)?\d{6}\.parquet", path.name):
            raise ValueError(f"{shown(path)} is there already and no part of a table: give another --csv")
        if resume and path.name[0] != "p" and parquet.read_schema(path) != SCHEMA:
            raise ValueError(f"{shown(path)} is of another version of this program: leave --resume out")
    return folder


class ClusterRun(Run):
    """As Run, of pictures, without a board.

    make_reader: called by each worker. parts: of `parts_of`; resume: keep them. address: of the cluster; "local": this
    machine alone. OSError, with the remedy, where Ray fails.
    """

    def __init__(self, *run, make_reader: Callable[[], FaceReader], parts: Path, resume: bool, address: str, **options):
        super().__init__(*run, **options)
        self._make_reader, self._parts, self._resume, self._address = make_reader, parts, resume, address

    def read_files(self, paths: list[Path | str]) -> None:
        files = [it for it in entries(paths, (*self.outputs.own, self._parts)) if it.text() not in self.table.done]
        _connect(self._address)
        try:
            self._parts.mkdir(exist_ok=True)
            for part in [] if self._resume else list(self._parts.iterdir()):
                part.unlink()
            self._fill_parts(list({it.path: it for it in files}.values()))
        except (OSError, ray.exceptions.RayError) as error:
            why = str(error).strip().splitlines()[-1]
            raise OSError(f"{why}\nRay has stopped; the same command with --resume goes on") from error
        finally:
            ray.shutdown()
        self._write_table([it.path for it in files])

    def _fill_parts(self, files: list[Entry]) -> None:
        """In tasks of several files; what they leave in tasks of one, so that one file alone is to blame."""
        size = min(TASK_FILES, len(files) // (8 * _cores()) + 1)
        self._add_parts(self._read(self._missing(files), size))
        self._add_parts(self._read(self._missing(files), 1))
        self._add_parts(it.rows(None, f"{it.shown()} {STOPS_WORKERS}") for it in self._missing(files))

    def _held(self) -> dict[bytes, Path]:
        """Which part holds a file."""
        parts = sorted(self._parts.glob("[0-9]*"))
        return {path: part for part in parts for path in parquet.read_table(part, columns=["path"])["path"].to_pylist()}

    def _missing(self, files: list[Entry]) -> list[Entry]:
        held = self._held()
        return [it for it in files if it.path not in held]

    def _read(self, files: list[Entry], size: int) -> Iterator[pa.Table]:
        """The rows of a task of `size` files each time; a task that fails gives none."""
        if not files:
            return
        worker = (self._make_reader, Path.cwd(), self.faces, self.min_score)
        tasks = [pa.Table.from_pylist([it._asdict() for it in files[i : i + size]]) for i in range(0, len(files), size)]
        with warnings.catch_warnings(action="ignore"):  # the number of retries goes another way from Ray 2.64 on
            rows = ray.data.from_arrow(tasks).map_batches(
                Worker, fn_constructor_args=worker, batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(min_size=_cores()), num_cpus=1, max_task_retries=RETRIES,
            )  # fmt: skip
        with tqdm(desc="read", total=len(files), unit=" files", mininterval=0.5) as bar:
            for table in rows.iter_batches(batch_size=None, batch_format="pyarrow"):
                bar.update(len(table["path"].unique()))
                yield table

    def _add_parts(self, tables: Iterable[pa.Table]) -> None:
        last = max((int(part.stem) for part in self._parts.glob("[0-9]*")), default=-1)
        for number, table in enumerate(tables, last + 1):
            with replacing(self._parts / f"{number:06}.parquet") as part:
                parquet.write_table(table, part)
            self._count(table.select(["path", "file", "face", "reason"]).to_pandas())

    def _count(self, rows: pd.DataFrame) -> None:
        faceless = rows[rows["face"].isna()]
        no_face = faceless["reason"] == NO_FACE
        found = {"files": rows["path"].nunique(), "faces": len(rows) - len(faceless), "no face": int(no_face.sum())}
        self.met.update({**found, "not read": len(faceless) - found["no face"]})
        reasons = faceless["reason"].mask(no_face, faceless["file"] + ": " + NO_FACE)
        self.told += len(faceless)
        self.reasons = [*self.reasons, *reasons][:SHOWN_REASONS]

    def _write_table(self, paths: list[bytes]) -> None:
        held = self._held()
        for i in range(0, len(paths), TABLE_FILES):
            some = paths[i : i + TABLE_FILES]
            parts = [parquet.read_table(part) for part in sorted({held[path] for path in some})]
            rows = pa.concat_tables(parts).to_pandas(types_mapper=_NULLABLE.get)
            rows = pd.DataFrame({"path": some}).merge(rows, on="path")
            quoted = (rows["file"] + rows["reason"]).str.contains("\r")  # FaceTable quotes all rows that come with it
            for _, group in rows.groupby(quoted.ne(quoted.shift()).cumsum()):
                self.table.add(group)


def _cores() -> int:
    return int(ray.cluster_resources()["CPU"])


def _connect(address: str) -> None:
    try:
        host, _, port = address.rpartition(":")
        if host:  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(address, log_to_driver=False, logging_level="ERROR")
    except (OSError, ValueError) as error:
        raise OSError(f"No Ray answers at {address} ({error}): start it there, see docs/scale.md") from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars, context.max_errored_blocks = False, -1
    context.target_max_block_size = None  # the rows of a file stay together
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
