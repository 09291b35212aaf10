"""`python -m src.predict`: faces of photos, folders, videos or a camera to a table, a board and annotated videos."""

import argparse
import sys
from collections import Counter
from pathlib import Path

import cv2
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure
from skimage import data
from tqdm import tqdm

from src.figures import save_figure
from src.figures.pictures import Board
from src.files import RUNS, WEIGHTS, shown
from src.predict.networks import BACKENDS
from src.predict.photos import PhotoError, files_in, read_photo
from src.predict.reader import FaceReader
from src.predict.table import FaceTable
from src.predict.video import SUFFIXES, AnnotatedVideo, Video, read_frames

PORTRAIT = Path(data.__file__).with_name("astronaut.png")  # public domain, comes with scikit-image
FOLDER = RUNS / "own_photo"
NO_FACE = "no face was found"


class Run:
    """One call of the program: where it writes, and what it has met so far."""

    def __init__(self, reader: FaceReader, csv: Path, *, resume: bool):
        self.reader = reader
        self.videos = csv.with_name(f"{csv.stem}_videos")  # annotated ones
        self.table = FaceTable(csv, resume=resume)
        self.board = Board()
        self.met = Counter()

    def read_files(self, paths: list[Path], board: Path) -> None:
        """Every file of the paths; what an interrupted run has done is passed over."""
        own = (self.table.path, self.videos, board)
        total = sum(1 for _ in files_in(paths, own))
        for path, reason in tqdm(files_in(paths, own), "read", total, unit=" files", mininterval=0.5):
            if str(path) not in self.table.done:
                self._read_file(path, reason)

    def _read_file(self, path: Path, reason: str) -> None:
        self.met["files"] += 1
        try:
            if reason:
                raise PhotoError(f"{shown(path)} {reason}")
            if path.suffix.lower() in SUFFIXES:
                self.read_video(path)
            else:
                self._read_photo(path)
        except (PhotoError, cv2.error, MemoryError) as error:  # one file never ends the run
            self.met["not read"] += 1
            words = str(error) or f"{shown(path)} needs too much memory: give it smaller"
            self.table.add(None, words, file=str(path))

    def _read_photo(self, path: Path) -> None:
        photo = read_photo(path)
        faces = self.reader.read_photo(photo)
        self.table.add(faces, NO_FACE, file=str(path))
        self.board.add(photo, faces)
        self.met.update({"faces": len(faces), "no face": int(faces.empty)})

    def read_video(self, source: Path | int) -> None:
        """A video file, or a camera until Ctrl-C: a row a face and frame, and the annotated mp4."""
        video = Video(source)
        name = f"camera {source}" if isinstance(source, int) else str(source)
        *folders, last = [part for part in Path(name).parts if part.strip("./\\")]
        mp4 = AnnotatedVideo(self.videos.joinpath(*folders, f"{last}_faces.mp4"), video.rate)
        known, number = set(), -1
        try:
            frames = tqdm(read_frames(self.reader, video), last, video.count or None, unit=" frames", leave=False)
            for number, (time_s, picture, faces) in enumerate(frames):
                mp4.add(picture, faces)
                self.table.add(faces, NO_FACE, file=name, frame=number, time=time_s)
                new = faces[~faces["face"].isin(known)]
                if len(new):
                    known |= set(new["face"])
                    self.board.add(picture, new)
        finally:
            video.close()
            mp4.close()
            self.met.update({"frames": number + 1, "faces": len(known)})
        if number < 0:
            raise PhotoError(f"{name} shows no frame: convert it to mp4, or close the programs that use the camera")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m src.predict", description=__doc__.split(": ", 1)[1])
    inputs = "photos, folders, videos (default: a portrait to try it on)"
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help=inputs)
    parser.add_argument("--camera", type=int, metavar="N", help="read camera N, 0 being the first, until Ctrl-C")
    parser.add_argument("--csv", type=Path, default=FOLDER / "faces.csv", help="table, a row a face (%(default)s)")
    parser.add_argument("--board", type=Path, default=FOLDER / "board.png", help="picture of faces (%(default)s)")
    parser.add_argument("--resume", action="store_true", help="go on with the table of an interrupted run")
    parser.add_argument("--networks", type=Path, default=WEIGHTS, help="folder of the two networks (%(default)s)")
    parser.add_argument("--backend", choices=BACKENDS, help="what runs them (default: the fastest there is)")
    options = parser.parse_args(arguments)
    if options.camera is not None and (options.paths or options.resume):
        parser.error("--camera stands alone: leave the paths and --resume out")
    if options.board.suffix[1:] not in FigureCanvasBase.get_supported_filetypes():
        parser.error(f"--board {options.board}: end its name in .png, .jpg or .pdf")
    return options


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    try:
        run = Run(FaceReader(options.networks, options.backend), options.csv, resume=options.resume)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    stopped = ""
    try:
        if options.camera is not None:
            run.read_video(options.camera)
        else:
            run.read_files(options.paths or [PORTRAIT], options.board)
    except KeyboardInterrupt:
        stopped = "Stopped" if options.camera is not None else "Stopped; the same command with --resume goes on"
    except (OSError, PhotoError) as error:
        sys.exit(str(error))
    finally:
        run.table.close()
    finish(run, options, stopped)


def finish(run: Run, options: argparse.Namespace, stopped: str) -> None:
    """The board, and what there is to say."""
    save_figure(run.board.draw(Figure()), options.board.name, options.board.parent, quick=True)
    if stopped:
        print(f"\n{stopped}.")
    print(", ".join(f"{count} {what}" for what, count in run.met.items() if count))
    print(f"table   {shown(options.csv)}\nboard   {shown(options.board)}")
    if run.videos.exists():
        print(f"videos  {shown(run.videos)}/")
    nothing_read = 0 < run.met["files"] == run.met["not read"]
    sys.exit(130 if stopped and options.camera is None else int(nothing_read))


if __name__ == "__main__":
    main()
