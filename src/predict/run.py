"""One call of the program: files or a camera in; a table, a board and annotated videos out."""

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from types import ModuleType

import cv2
import pandas as pd
from tqdm import tqdm

from src.figures.board import FACES, Board, is_made_here, save_board
from src.files import as_text, shown
from src.predict.photos import VIDEOS, PhotoError, files_in, other_frames, read_photo
from src.predict.reader import FaceReader
from src.predict.table import FaceTable

NO_FACE = "no face was found: if the picture is a face already, give --faces"
NO_FACE_IN_FRAME = "no face was found"
SHOWN_REASONS = 10


class Outputs:
    """Where a run writes. ValueError, OSError: a path is one of the user's own files, or cannot be written."""

    def __init__(self, csv: Path, board: Path, inputs: Iterable[Path]):
        self.csv, self.board = csv, board
        self.videos = csv.with_name(f"{csv.stem}_videos")  # annotated ones
        self.own = (csv, board, self.videos)
        for path in inputs:
            for option, output in (("--csv", csv), ("--board", board), ("--csv", self.videos)):
                if _is_in(path, output):
                    raise ValueError(f"{shown(path)} would be written over: give another {option}")
        if _is_in(csv, board):
            raise ValueError(f"{shown(csv)} cannot be both table and board: give another --board")
        if board.exists() and not (board.is_file() and is_made_here(board)):
            raise ValueError(f"{shown(board)} is there already and no board of this program: give another --board")
        _try_writing(board.parent, "--board")
        _try_writing(self.videos if self.videos.exists() else csv.parent, "--csv")

    def video_of(self, source: Path | int) -> Path:
        """A name of its own for each file, however long it is and whatever else is called the same."""
        place = str(source) if isinstance(source, int) else os.path.realpath(source)
        digest = hashlib.sha1(os.fsencode(place)).hexdigest()[:8]
        path = self.videos / f"{as_text(Path(place).name)[:60]}_{digest}_faces.mp4"
        if path.exists() and not for_videos(source).is_annotated(path):
            raise PhotoError(f"{shown(path)} is there already and no video of this program: move it")
        return path


def _is_in(path: Path, output: Path) -> bool:
    """Whether a path is that of an output, or lies in it."""
    real, output = Path(os.path.realpath(path)), Path(os.path.realpath(output))
    return real.is_relative_to(output) or (real.exists() and output.exists() and real.samefile(output))


def _try_writing(folder: Path, option: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"{shown(folder)} cannot be written in ({error.strerror}): give another {option}") from error


def for_videos(source: Path | int) -> ModuleType:
    """src.predict.video, which only videos wait for. PhotoError: what it needs is not installed."""
    try:
        from src.predict import video
    except ModuleNotFoundError as error:
        if error.name != "av":
            raise
        what = f"camera {source}" if isinstance(source, int) else f"{shown(source)} is a video, which"
        raise PhotoError(f"{what} needs more to be installed: pip install '.[video]'") from error
    return video


def kept(faces: pd.DataFrame, min_score: float) -> pd.DataFrame:
    """The faces of no lower face_score, and those of networks that tell none."""
    return faces[~(faces["face_score"] < min_score)]


class Run:
    """What one call has met so far.

    faces: each picture is a face that is cut out already; min_score: faces of a lower face_score are left out.
    """

    def __init__(self, reader: FaceReader, outputs: Outputs, table: FaceTable, *, faces: bool = False, min_score=0.0):
        self.reader, self.outputs, self.table = reader, outputs, table
        self.faces, self.min_score = faces, min_score
        self.board = Board()
        self.met = Counter()
        self.reasons, self.told = [], 0  # the first ones for the screen, of so many

    def read_files(self, paths: list[Path]) -> None:
        """Every file of the paths; what an interrupted run has done is only looked at for the board."""
        total = sum(1 for _ in files_in(paths, self.outputs.own))
        earlier, photos = self._earlier_rows() if self.table.done else ({}, set())
        for path, reason in tqdm(files_in(paths, self.outputs.own), "read", total, unit=" files", mininterval=0.5):
            if as_text(path) not in self.table.done:
                self._read_file(path, reason)
            elif as_text(path) in earlier:
                self._show_earlier(path, earlier[as_text(path)])
            else:
                self.board.photos += as_text(path) in photos

    def _read_file(self, path: Path, reason: str) -> None:
        self.met["files"] += 1
        try:
            if reason:
                raise PhotoError(f"{shown(path)} {reason}")
            if path.suffix.lower() in VIDEOS:
                self.read_video(path)
            else:
                self._read_photo(path)
        except (PhotoError, cv2.error, MemoryError) as error:  # one file never ends the run
            self.met["not read"] += 1
            self._say(path, str(error) or f"{shown(path)} needs too much memory: give it smaller")

    def _say(self, path: Path, reason: str, *, name: str = "") -> None:
        """A row without a face; its reason goes to the screen too, after the name, where it does not say it itself."""
        self.table.add(None, reason, file=as_text(path))
        self.told += 1
        self.reasons = [*self.reasons, f"{name}{reason}"][:SHOWN_REASONS]

    def _read_photo(self, path: Path) -> None:
        photo = read_photo(path)
        faces = self._kept(self.reader.read_photo(photo, faces=self.faces))
        if faces.empty:
            self._say(path, NO_FACE, name=f"{shown(path)}: ")
        else:
            self.table.add(faces.assign(reason=other_frames(path)), file=as_text(path))
        self.board.add(photo, faces)
        self.met.update({"faces": len(faces), "no face": int(faces.empty)})

    def _kept(self, faces: pd.DataFrame) -> pd.DataFrame:
        return kept(faces, self.min_score)

    def read_video(self, source: Path | int) -> None:
        """A video file, or a camera until Ctrl-C: a row a face and frame, and the annotated mp4."""
        videos = for_videos(source)
        copy = self.outputs.video_of(source)
        video = videos.Video(source)
        mp4 = videos.AnnotatedVideo(copy, video)
        name = f"camera {source}" if isinstance(source, int) else as_text(source)
        known, number = set(), -1
        try:
            title = shown(Path(name).name)
            frames = videos.read_frames(self.reader, video)
            frames = tqdm(frames, title, video.count or None, unit=" frames", leave=False)
            for number, (time_s, picture, faces) in enumerate(frames):
                faces = self._kept(faces)
                mp4.add(picture, faces)
                self.table.add(faces, NO_FACE_IN_FRAME, file=name, frame=number, time=time_s)
                new = faces[~faces["face"].isin(known)]
                if len(new):
                    known |= set(new["face"])
                    self.board.add(picture, new)
        finally:
            video.close()
            mp4.close()
            self.met.update({"frames": number + 1, "faces": len(known)})
        if number < 0:
            what = video.short or "shows no frame: convert it to mp4, or close what else uses the camera"
            raise PhotoError(f"{shown(name)} {what}")
        if mp4.silent:
            self._say(name, f"{shown(name)}: {mp4.silent}")
        if video.short:
            raise PhotoError(f"{shown(name)} {video.short}")

    # ---------------------------------------------------------------- the board

    def _earlier_rows(self) -> tuple[dict[str, pd.DataFrame], set[str]]:
        """Of the table that is continued: the first faces, as many as the board shows, by file; all photos."""
        found, photos = pd.DataFrame(), set()
        # A file may be called 0 or NA.
        as_written = {"dtype": {"file": str}, "keep_default_na": False, "na_values": [""]}
        for rows in pd.read_csv(self.table.path, chunksize=1000, **as_written):
            photos |= set(rows.loc[rows["face"].notna() | (rows["reason"] == NO_FACE), "file"])
            found = pd.concat([found, rows[rows["face"].notna()]]).drop_duplicates(["file", "face"]).iloc[:FACES]
        return dict(list(found.astype({"face": int}).groupby("file"))) if len(found) else {}, photos

    def _show_earlier(self, path: Path, faces: pd.DataFrame) -> None:
        try:
            if path.suffix.lower() not in VIDEOS:
                self.board.add(read_photo(path), faces)
                return
            with closing(for_videos(path).Video(path)) as video:
                for number, (_, picture) in enumerate(video):
                    new = faces[faces["frame"] == number]
                    if len(new):
                        self.board.add(picture, new)
                    if number >= faces["frame"].max():
                        break
        except (PhotoError, cv2.error, MemoryError):  # it is not there any more, as it was
            pass

    def save_board(self) -> None:
        save_board(self.board.draw(), self.outputs.board)
