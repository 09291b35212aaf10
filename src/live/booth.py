"""What the page of the photo booth, booth.js, asks for: read photos, changed faces, saved files."""

import io
import itertools
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anywidget
import cv2
import numpy as np
import pandas as pd
import traitlets
from skimage import data

from src.data.sample import draw_faces
from src.faces import crop_squares, shrunk, squares_of_edges
from src.figures.board import ENDINGS, PHOTO_SIDE, Board
from src.files import RUNS, shown
from src.labels import BOX_COLUMNS, EMOTIONS, FRAME, KEYPOINT_COLUMNS, KEYPOINTS, PARTS
from src.live import lens
from src.predict import networks
from src.predict.fastest import can_read, fastest_backend
from src.predict.photos import PhotoError, other_frames, read_photo, to_grey
from src.predict.reader import FaceReader
from src.predict.run import NO_FACE_IN_FRAME
from src.predict.table import COLUMNS
from src.predict.tracking import FaceTracks
from src.predict.video import Video, track_faces

# Bad files, a full disk, a folder without networks: their words are the visitor's.
FAULTS = (PhotoError, cv2.error, MemoryError, OSError, ValueError)
ASKS = ("part", "file", "example", "server", "frame", "face", "look", "choose", "save", "clear")
EXAMPLES = ("Eileen Collins (NASA)", "synthetic faces", "more synthetic faces")
OURS, ORIGINAL = "ours", "the original's"
WARM_UP = 10  # frames that a camera needs to set its exposure
SHOWN = ["file", "face", "emotion", "confidence", "sure", "face_score", *(f"p_{name}" for name in EMOTIONS), "reason"]
WHOLE_FACE = dict(zip(BOX_COLUMNS, (-0.5, -0.5, FRAME - 0.5, FRAME - 0.5), strict=True))


def example(number: int) -> np.ndarray:
    """A picture that may be shown, uint8 (h, w, 3): a portrait in the public domain, or eight synthetic faces."""
    if number == 0:
        return data.astronaut()
    faces = [cv2.resize(face, None, fx=2, fy=2) for face in draw_faces(8, seed=number + 4)[0]]
    return cv2.cvtColor(np.vstack([np.hstack(faces[:4]), np.hstack(faces[4:])]), cv2.COLOR_GRAY2RGB)


def backends_of(folder: Path) -> list[str]:
    """What can run the two networks of a folder, the default first."""
    first = fastest_backend(folder)
    return sorted((it for it in networks.BACKENDS if can_read(folder, it)), key=lambda name: name != first)


def camera_photo(camera: int) -> np.ndarray:
    """One picture of a camera of this computer, uint8 (h, w, 3). PhotoError where there is none."""
    with closing(Video(camera)) as video:
        pictures = [picture for _, (_, picture) in zip(range(WARM_UP), video, strict=False)]
    if not pictures:
        raise PhotoError(f"Camera {camera} gives no picture: close the programs that use it")
    return pictures[-1]


def write_new(folder: Path, name: str, content: bytes) -> Path:
    """Writes the first of board.png, board_2.png, … that is free: never over a file, and all of it or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    stem, ending = name.rsplit(".", 1)
    for number in itertools.count(1):
        path = folder / (name if number == 1 else f"{stem}_{number}.{ending}")
        try:
            with path.open("xb") as file:
                file.write(content)
            return path
        except FileExistsError:
            continue
        except OSError:
            path.unlink(missing_ok=True)
            raise


def points_of(table: pd.DataFrame) -> np.ndarray:
    return table[list(KEYPOINT_COLUMNS)].to_numpy(float).reshape(-1, len(KEYPOINTS), 2)


def answers(table: pd.DataFrame) -> list[dict]:
    """Rows of `FaceReader.read_photo` as the page reads them."""
    points, boxes = points_of(table).round(2), table[list(BOX_COLUMNS)].to_numpy(float).round(2)
    shares = table[[f"p_{name}" for name in EMOTIONS]].to_numpy(float).round(4)
    rows = table[["face", "emotion", "confidence", "sure"]].to_dict("records")
    more = zip(points.tolist(), boxes.tolist(), shares.tolist(), strict=True)
    return [{**row, "points": p, "box": b, "shares": s} for row, (p, b, s) in zip(rows, more, strict=True)]


def size_of(picture: np.ndarray) -> dict[str, int]:
    return {"width": picture.shape[1], "height": picture.shape[0]}


def encoded(picture: np.ndarray, ending: str = ".png") -> bytes:
    """uint8 (h, w) or (h, w, 3), blue, green, red, as a file."""
    return cv2.imencode(ending, picture)[1].tobytes()


class PhotoBooth(anywidget.AnyWidget):
    """A page that reads a visitor's photos and camera. Each visitor has a kernel, and so a booth, alone.

    folder: of the networks; saved: for what the visitor saves; reader: of `folder`, if there is one already; camera:
    number of one of this computer, None: the browser's alone; original: run whose networks `baseline` can be chosen,
    where it has them.
    """

    _esm = Path(__file__).with_name("booth.js")
    _css = Path(__file__).with_name("booth.css")
    offer = traitlets.Dict().tag(sync=True)  # what can be chosen

    def __init__(self, folder: Path, saved: Path, reader: FaceReader | None = None, *, camera=None, original="full"):
        backends = {OURS: backends_of(folder)}
        if len(list((RUNS / original).glob("*/baseline/best.weights.h5"))) == len(networks.FILES):
            backends[ORIGINAL] = ["keras"]
        small = [encoded(cv2.resize(example(i)[..., ::-1], (96, 64))) for i in range(len(EXAMPLES))]
        parts = [next(name for name, points in PARTS.items() if i in points) for i in range(len(KEYPOINTS))]
        offer = {"emotions": EMOTIONS, "parts": parts, "backends": backends, "camera": camera is not None}
        super().__init__(offer={**offer, "examples": list(zip(EXAMPLES, small, strict=True))})
        self._saved, self._camera, self._original = saved, camera, original
        self._ours = self._reads = folder  # of our networks; of the emotion network that reads now
        self._reader, self._keras = reader or FaceReader(folder), None
        self._tracks, self._parts = FaceTracks(), []
        self._clear()
        self.on_msg(self._asked)

    def _asked(self, _, question: dict, buffers: list) -> None:
        """Answers a question of the page in any case."""
        answer, pictures = {"problem": "This went wrong; the kernel's log says why"}, []
        try:
            answer, pictures = {name: getattr(self, f"_{name}") for name in ASKS}[question["ask"]](question, buffers)
        except FAULTS as error:
            self.log.warning("%s", error, exc_info=True)  # it may be the program's fault, too
            answer = {"problem": str(error) or "There is too little memory: close other programs"}
        finally:
            self.send({**answer, "id": question["id"]}, pictures)

    def _part(self, question, buffers):
        """A file comes in parts, since servers refuse long messages."""
        self._parts[question["number"] :] = [bytes(buffers[0])]
        return {}, []

    def _file(self, question, _):
        file, self._parts = io.BytesIO(b"".join(self._parts)), []
        return self._photo(question["name"], lambda: read_photo(file, question["name"]), other_frames(file))

    def _example(self, question, _):
        return self._photo(EXAMPLES[question["number"]], lambda: example(question["number"]))

    def _server(self, *_):
        return self._photo(f"camera {self._camera}", lambda: camera_photo(self._camera))

    def _photo(self, name: str, read: Callable[[], np.ndarray], note: str = ""):
        """A photo, as small as a page shows it, and each of its faces; board and table get them, too."""
        try:
            photo = read()
            table = self._reader.read_photo(photo).assign(file=name, reason=note)
            self._board.add(photo, table)
        except FAULTS as error:
            words = str(error) or f"{name} needs too much memory: give it smaller"
            self._rows.append(pd.DataFrame({"file": [name], "reason": [words]}))
            raise PhotoError(words) from error
        self._rows.append(pd.DataFrame({"file": [name], "reason": [NO_FACE_IN_FRAME]}) if table.empty else table)
        squares = squares_of_edges(table[list(BOX_COLUMNS)].to_numpy(float))
        first = len(self._faces)
        self._faces.extend(lens.wide_faces(to_grey(photo), squares, points_of(table)))
        pictures = [shrunk(photo, PHOTO_SIDE), *crop_squares(photo, squares)]
        rows = self._table(SHOWN).round(3).to_html(index=False, na_rep="", border=0)
        note = NO_FACE_IN_FRAME if table.empty else note
        answer = {"faces": answers(table), "first": first, "note": note, "table": rows, **size_of(photo)}
        return answer, [encoded(it[..., ::-1], ".jpg") for it in pictures]

    def _table(self, columns) -> pd.DataFrame:
        """All that was read, a row a face or a file without any."""
        return pd.concat(self._rows).reindex(columns=columns).astype({"face": "Int64"})

    def _frame(self, _, buffers):
        """A picture of the browser's running camera: its faces, each with a number that stays."""
        picture = read_photo(io.BytesIO(buffers[0]), "The camera's picture")
        table = track_faces(self._reader, self._tracks, picture, time.monotonic())
        return {"faces": answers(table), **size_of(picture)}, []

    def _changed(self, question) -> tuple[np.ndarray, pd.DataFrame]:
        """A face as the sliders have it, and its row."""
        face = lens.changed(self._faces[question["number"]], question["blur"], question["light"], question["turn"])
        return face, self._reader.read_faces(face[None]).assign(face=question["face"], **WHOLE_FACE)

    def _face(self, question, _):
        face, table = self._changed(question)
        read = lens.read_of(self._reads, face, points_of(table)[0])
        return answers(table)[0], [encoded(face), encoded(read)]

    def _look(self, question, _):
        if self._keras is None:
            self._keras = [networks.load_network(self._ours, task, "keras") for task in networks.FILES]
        face, table = self._changed(question)
        pictures = lens.where_they_look(*self._keras, face, points_of(table)[0], EMOTIONS.index(table["emotion"][0]))
        return {"names": list(pictures)}, [encoded(it) for it in pictures.values()]

    def _choose(self, question, _):
        """Other networks or another backend. Nothing is read yet."""
        self._clear()
        self._tracks = FaceTracks()
        if question["networks"] == OURS:
            self._reader, self._keras, self._reads = FaceReader(self._ours, question["backend"]), None, self._ours
        else:
            from src.evaluation.score_card import baseline_reader  # loads TensorFlow

            self._reader = baseline_reader(self._original)
            self._keras = [self._reader.keypoints, self._reader.emotions]
            self._reads = RUNS / self._original / "emotions/baseline"
        return {}, []

    def _clear(self, *_):
        self._board, self._rows, self._faces = Board(), [], []
        return {}, []

    def _save(self, question, _):
        content, name = io.BytesIO(), "board.png" if question["board"] else "faces.csv"
        if question["board"]:
            self._board.draw().save(content, **ENDINGS[".png"])
        else:
            content.write(self._table(COLUMNS).to_csv(index=False, float_format="%.4f").encode())
        path = write_new(self._saved, name, content.getvalue())
        return {"name": name, "path": shown(path)}, [content.getvalue()]
