"""From whole photos to keypoints: how many of HELEN's labelled faces are found, and how well their points sit.

Reads the archive that DownloadData.py fetched into data/archives, or the one of a JSON table of archives at hand; only
the first N photos where N is given. Beside the error end to end stands the one of the same network on crops placed by
the labels. Both are of the testset, on which nothing was chosen.
"""

import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from results import run
from tqdm import tqdm

from src.data.archives import HELEN, UPSTREAM, Archive, SourceError, open_archive, read_table
from src.data.convert import Face, decode_grey, fifteen_points, helen_faces
from src.faces import CROP_SCALE, crop_face
from src.files import DATA
from src.metrics.scores import nme_percent
from src.predict.answers import predict_keypoints
from src.predict.reader import FaceReader
from src.predict.tracking import overlaps

FOUND = 0.5  # intersection over union with the labelled square from which a face counts as found


def helen_archive(sources: Path | None) -> Archive:
    """The verified archive of HELEN, from a table of sources or from where DownloadData.py puts it."""
    try:
        listed = {source.repository: source for source in (read_table(sources) if sources else UPSTREAM)}
        return open_archive(listed[HELEN.repository], DATA / "archives")
    except SourceError as error:
        sys.exit(str(error))


def helen_photos(archive: Archive, folder: str, limit: int | None = None) -> Iterator[tuple[np.ndarray, Face]]:
    """Photo, uint8 (h, w), and labelled face of `helen/<folder>`, in the order of the archive."""
    faces = {face.image: face for face in helen_faces(archive) if face.image.startswith(f"helen/{folder}/")}
    files = islice((file for file in archive.files(".jpg") if file.name in faces), limit)
    for file in tqdm(files, folder, limit or len(faces), unit=" photos"):
        yield decode_grey(file.content, file.name), faces[file.name]


def labelled_square(points68: np.ndarray) -> np.ndarray:
    """The square (3,) of training: centre x, centre y, side; px of the photo."""
    low, high = points68.min(axis=0), points68.max(axis=0)
    return np.append((low + high) / 2, CROP_SCALE * (high - low).max())


def measure(sources: Path | None, photos: int | None) -> dict:
    """Detection rate, NME end to end and on label-centred crops, both over the faces found, ms a photo."""
    reader = FaceReader()
    crops, true68, predicted, times, others = [], [], [], [], 0
    for grey, face in helen_photos(helen_archive(sources), "testset", photos):
        start = time.perf_counter()
        found = reader.find_in_photo(grey)
        times.append(time.perf_counter() - start)
        overlap = overlaps(labelled_square(face.points)[None], found.squares)[0]
        is_found = overlap.max(initial=0) >= FOUND
        others += len(overlap) - is_found
        crops.append(crop_face(grey, face.points))
        true68.append(face.points)
        predicted.append(found.points[overlap.argmax()] if is_found else np.full((15, 2), np.nan))
    predicted, true = np.array(predicted), np.array([fifteen_points(points) for points in true68])
    in_frame = np.array([fifteen_points(points) for _, points in crops])
    centred = nme_percent(predict_keypoints(reader.keypoints, np.array([crop for crop, _ in crops])), in_frame)
    found = np.isfinite(predicted).all(axis=(1, 2))
    whole = nme_percent(predicted[found], true[found])
    return {
        "photos": len(true),
        "found_percent": 100 * float(found.mean()),
        "other_faces": int(others),  # not labelled: bystanders and false alarms
        "nme_percent": float(whole.mean()),
        "nme_label_centred_percent": float(centred[found].mean()),
        "nme_ratio": float(whole.mean() / centred[found].mean()),
        "nme_label_centred_all_percent": float(centred.mean()),
        "worst_percent": float(whole.max()),
        "median_side_px": float(np.median([np.ptp(points, axis=0).max() for points in true68])),
        "ms_a_photo": 1000 * float(np.median(times)),
    }


if __name__ == "__main__":
    run("photos", __doc__, measure, sources=Path, photos=int)
