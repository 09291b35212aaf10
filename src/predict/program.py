"""`python -m src.predict`: faces of photos, folders, videos or a camera to a table, a board and annotated videos."""

import argparse
import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from src.figures.board import ENDINGS
from src.files import RUNS, WEIGHTS, shown
from src.predict.networks import BACKENDS
from src.predict.photos import PhotoError
from src.predict.reader import FaceReader
from src.predict.run import Outputs, Run
from src.predict.table import FaceTable

_SKIMAGE = importlib.util.find_spec("skimage")  # not imported, which takes a moment
PORTRAIT = Path(_SKIMAGE.origin).parent / "data" / "astronaut.png" if _SKIMAGE else None  # in the public domain
FOLDER = RUNS / "own_photo"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m src.predict", description=__doc__.split(": ", 1)[1])
    inputs = "photos, folders, videos (default: a portrait to try it on); with --engine ray also s3://bucket/folder"
    parser.add_argument("paths", nargs="*", type=path_or_address, metavar="PATH", help=inputs)
    parser.add_argument("--camera", type=int, metavar="N", help="read camera N, 0 being the first, until Ctrl-C")
    parser.add_argument("--csv", type=Path, default=FOLDER / "faces.csv", help="table, a row a face (%(default)s)")
    parser.add_argument("--board", type=Path, default=FOLDER / "board.png", help="picture of faces (%(default)s)")
    parser.add_argument("--resume", action="store_true", help="go on with the table of an interrupted run")
    parser.add_argument("--faces", action="store_true", help="each picture is a face, cut out already: do not search")
    parser.add_argument("--min-score", type=float, default=0.0, help="leave out faces of a lower face_score, 0 to 1")
    parser.add_argument("--networks", type=Path, default=WEIGHTS, help="folder of the two networks (%(default)s)")
    parser.add_argument("--backend", choices=BACKENDS, help="what runs them (default: the fastest there is)")
    parser.add_argument("--engine", choices=("plain", "ray"), default="plain", help="ray: on a cluster, docs/scale.md")
    parser.add_argument("--address", default="local", help="with --engine ray: the cluster's, HOST:PORT or auto")
    options = parser.parse_args(arguments)
    if options.camera is not None and (options.paths or options.resume):
        parser.error("--camera stands alone: leave the paths and --resume out")
    if options.camera is None and not options.paths and not PORTRAIT:
        parser.error("give a photo: the portrait to try it on comes with scikit-image, which is not installed")
    if options.engine == "plain" and any(isinstance(path, str) for path in options.paths):
        parser.error("an address such as s3://bucket is read with --engine ray")
    if options.engine == "ray" and options.camera is not None:
        parser.error("--camera is read without --engine ray")
    if not 0 <= options.min_score <= 1:
        parser.error(f"--min-score {options.min_score}: give 0 to 1")
    if options.board.suffix.lower() not in ENDINGS:
        parser.error(f"--board {options.board}: end its name in .png, .jpg or .pdf")
    return options


def path_or_address(text: str) -> Path | str:
    return text if "://" in text else Path(text)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    paths = options.paths or ([PORTRAIT] if options.camera is None else [])
    try:
        outputs = Outputs(options.csv, options.board, paths)
        make_run = cluster_run(options) if options.engine == "ray" else Run
        reader = FaceReader(options.networks, options.backend)
        table = FaceTable(options.csv, resume=options.resume)
    except (ImportError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    try:
        run = make_run(reader, outputs, table, faces=options.faces, min_score=options.min_score)
        stopped = read(run, paths, options.camera)
        if options.engine == "plain":
            run.save_board()
    except (OSError, PhotoError, ValueError) as error:
        sys.exit(str(error))
    finally:
        table.close()
    code = tell(run, stopped, board=options.engine == "plain")
    sys.exit(130 if stopped and options.camera is None else code)


def cluster_run(options: argparse.Namespace) -> Callable[..., Run]:
    from src.predict import cluster  # Ray, which is optional

    parts = cluster.parts_of(options.csv, resume=options.resume)
    make_reader = partial(FaceReader, options.networks.resolve(), options.backend, threads=1)
    ray_options = {"make_reader": make_reader, "parts": parts, "resume": options.resume, "address": options.address}
    return partial(cluster.ClusterRun, **ray_options)


def read(run: Run, paths: list[Path], camera: int | None) -> str:
    """Why it was stopped before the end, ""."""
    try:
        if camera is not None:
            run.read_video(camera)
        else:
            run.read_files(paths)
    except KeyboardInterrupt:
        return "Stopped" if camera is not None else "Stopped; the same command with --resume goes on"
    return ""


def tell(run: Run, stopped: str, *, board: bool) -> int:
    """Says what was met and where the outputs are; the exit code."""
    print(*run.reasons, sep="\n", end="\n" if run.reasons else "")
    if run.told > len(run.reasons):
        print(f"and {run.told - len(run.reasons)} more; all reasons are in the table")
    if stopped:
        print(f"\n{stopped}.")
    print(", ".join(f"{count} {what}" for what, count in run.met.items() if count))
    print(f"table   {shown(run.outputs.csv)}")
    if board:
        print(f"board   {shown(run.outputs.board)}")
    if run.outputs.videos.exists():
        print(f"videos  {shown(run.outputs.videos)}/")
    return int(0 < run.met["files"] == run.met["not read"])
