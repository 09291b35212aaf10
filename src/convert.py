"""From the verified archives to the files of the study: data.csv, wide_faces.npz and icml_face_data.csv."""

from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from tqdm import tqdm

from src.annotations import Face, helen_faces, youtube_faces
from src.archives import Archive
from src.labels import FER_SIDE, FRAME, KEYPOINT_COLUMNS
from src.landmarks import crop_face, fifteen_points
from src.paths import shown
from src.sources import SourceError, replacing

WIDE_MARGIN = 1.5  # wide_faces.npz shows the 96x96 frame with half its width around it
BORDER = round(FRAME * (WIDE_MARGIN - 1) / 2)
# Folders of the FER2013 archive: classes in the order of their codes 0..6, parts with their official split.
FER_CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
FER_PARTS = ("train", "validation", "test")
FER_USAGES = ("Training", "PublicTest", "PrivateTest")

_DECIMALS = [str(value) for value in range(256)]


def write_keypoints(helen: Archive, youtube: Archive, folder: Path) -> None:
    """Write `data.csv` and, in the same row order, `wide_faces.npz` into `folder`.

    `wide_faces.npz` holds `images`, (rows, 144, 144) uint8: each face of data.csv with its surroundings, at the
    same scale. `images[:, 24:120, 24:120]` are the images of data.csv, exactly.

    Raises
    ------
    SourceError
        If an image is missing or cannot be read, or landmarks are malformed.
    """
    listed = [(helen, helen_faces(helen)), (youtube, youtube_faces(youtube))]
    crops = [_crop_all(archive, faces) for archive, faces in listed]
    faces = [face for _, faces in listed for face in faces]
    wide, points = (np.concatenate(arrays) for arrays in zip(*crops, strict=True))
    npz = folder / "wide_faces.npz"
    with replacing(npz) as npz_part:
        with npz_part.open("wb") as out:
            np.savez(out, images=wide)
        with replacing(folder / "data.csv") as csv_part:
            _write_data_csv(csv_part, faces, points, wide[:, BORDER:-BORDER, BORDER:-BORDER])
            npz.unlink(missing_ok=True)  # an old one must never stand beside the new rows


def write_emotions(fer2013: Archive, folder: Path) -> None:
    """Write `icml_face_data.csv` with Kaggle's columns `emotion`, ` Usage`, ` pixels` into `folder`.

    Raises
    ------
    SourceError
        If an image cannot be read, is not 48x48, or is not named as in FER2013.
    """
    rows = []
    for file in tqdm(fer2013.files(".jpg"), "read FER2013", unit=" faces"):
        image = decode_grey(file.content, file.name)
        if image.shape != (FER_SIDE, FER_SIDE):
            raise SourceError(f"{file.name} in {shown(fer2013.path)} is not 48x48; take the pinned archive.")
        rows.append((_fer_key(file.name), image.tobytes()))
    rows.sort()
    with replacing(folder / "icml_face_data.csv") as part, part.open("w", encoding="ascii", newline="\n") as out:
        out.write("emotion, Usage, pixels\n")
        for (usage, _, code), pixels in tqdm(rows, "write icml_face_data.csv", unit=" faces"):
            out.write(f"{code},{FER_USAGES[usage]},{_pixel_text(pixels)}\n")


def _fer_key(name: str) -> tuple[int, int, int]:
    """Split, number and emotion code of `part/class/Usage_number.jpg`: the order of the rows."""
    try:
        part, emotion, image = name.split("/")
        usage, number = PurePosixPath(image).stem.split("_")
        split = FER_USAGES.index(usage)
        if FER_PARTS.index(part) == split:
            return split, int(number), FER_CLASSES.index(emotion)
    except ValueError:
        pass
    raise SourceError(f"{name} is not named part/class/Usage_number.jpg as in FER2013; take the pinned archive.")


def _crop_all(archive: Archive, faces: list[Face]) -> tuple[np.ndarray, np.ndarray]:
    """Wide crops (n, 144, 144) uint8 and keypoints (n, 15, 2) float32, px of the 96x96 frame, of all faces."""
    rows = {face.image: row for row, face in enumerate(faces)}
    side = FRAME + 2 * BORDER
    images = np.empty((len(faces), side, side), np.uint8)
    points = np.empty((len(faces), 15, 2), np.float32)
    with tqdm(total=len(faces), desc=f"crop {archive.source.repository}", unit=" faces") as bar:
        for file in archive.files(".jpg"):
            if file.name not in rows:
                continue
            row = rows.pop(file.name)
            photo = decode_grey(file.content, file.name)
            images[row], frame_points = crop_face(photo, faces[row].points, margin=WIDE_MARGIN)
            points[row] = fifteen_points(frame_points)
            bar.update()
    if rows:
        raise SourceError(
            f"{shown(archive.path)} has points for {min(rows)}, but not the image; take the pinned archive."
        )
    return images, points


def _write_data_csv(path: Path, faces: list[Face], points: np.ndarray, images: np.ndarray) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(",".join((*KEYPOINT_COLUMNS, "Image", "Usage", "Subject")) + "\n")
        for face, xy, image in zip(tqdm(faces, "write data.csv", unit=" faces"), points, images, strict=True):
            numbers = ",".join(f"{value:.3f}" for value in xy.ravel())
            out.write(f"{numbers},{_pixel_text(image.tobytes())},{face.usage},{face.subject}\n")


def _pixel_text(pixels: bytes) -> str:
    return " ".join([_DECIMALS[value] for value in pixels])


def decode_grey(content: bytes, name: str) -> np.ndarray:
    """Decode an image file of any format and depth to grey, (height, width) uint8.

    The orientation tag is not applied: landmarks belong to the pixels as stored.

    Raises
    ------
    SourceError
        If the bytes are not an image.
    """
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    if image is None:
        raise SourceError(f"{name} cannot be read as an image; take the pinned archive.")
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
