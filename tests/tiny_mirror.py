"""A data set of a few faces in the form of the real one: four archives and their table of sources."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np

from src.data.archives import FER2013, FERPLUS, HELEN, UPSTREAM, YOUTUBE, Archive

PEOPLE = ("Ann_Lee", "Bo", "Carl_de_Vries", "Dora")
FER_FILES = {
    "train/angry/Training_20.jpg": 10,
    "train/fear/Training_3.jpg": 20,
    "train/neutral/Training_100.jpg": 30,
    "validation/happy/PublicTest_7.jpg": 20,  # the image of Training_3
    "test/surprise/PrivateTest_9.jpg": 40,
    "test/sad/PrivateTest_5.jpg": 50,
}
FERPLUS_CSV = """\
Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF
Training,fer0000000.png,0,0,0,1,7,1,0,0,1,0
Training,,0,0,0,0,0,0,0,0,0,10
Training,fer0000001.png,0,0,1,0,0,0,8,0,0,1
Training,fer0000002.png,6,0,0,2,0,0,0,1,1,0
PublicTest,fer0000003.png,0,10,0,0,0,0,0,0,0,0
PrivateTest,fer0000004.png,1,0,9,0,0,0,0,0,0,0
PrivateTest,fer0000005.png,3,0,0,6,0,0,0,0,1,0
"""
# The rows of FERPLUS_CSV for the rows of icml_face_data.csv: Training_3, 20, 100, PublicTest_7, PrivateTest_5, 9.
FERPLUS_ROWS = (2, 0, -1, 4, 6, 5)


def encode(image: np.ndarray, extension: str = ".jpg") -> bytes:
    return cv2.imencode(extension, image)[1].tobytes()


def ring(centre: tuple[float, float], radius: float) -> np.ndarray:
    """68 points on a circle, (68, 2) px."""
    angles = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius + centre


def pts(points: np.ndarray) -> bytes:
    """A `.pts` file: it counts pixels from 1."""
    return "".join(f"{x:.6f} {y:.6f}\n" for x, y in points + 1).encode()


def fer_files() -> dict[str, bytes]:
    noise = np.random.default_rng(0).integers(0, 200, (48, 48), dtype=np.uint8)
    return {name: encode(noise + np.uint8(shift)) for name, shift in FER_FILES.items()}


def helen_files() -> dict[str, bytes]:
    photo = encode(np.random.default_rng(1).integers(0, 256, (300, 360, 3), dtype=np.uint8))
    files = {}
    for stem in ("trainset/11_1", "trainset/11_2", "trainset/22_1", "testset/33_1"):
        files[f"helen/{stem}.jpg"] = photo
        files[f"helen/{stem}.pts"] = pts(ring((180 + len(files), 150), 90))
    return files


def youtube_files() -> dict[str, bytes]:
    """Colour PNGs with transparency under `.jpg` names, one of them without points, as upstream."""
    frame = encode(np.random.default_rng(2).integers(0, 256, (120, 140, 4), dtype=np.uint8), ".png")
    files = {"data/test/Nobody_01.jpg": frame}
    for part, number in (("training", 1), ("test", 42)):
        lines = ["," + ",".join(map(str, range(136)))]
        for shift, person in enumerate(PEOPLE):
            name = f"{person}_{number:02d}.jpg"
            files[f"data/{part}/{name}"] = frame
            lines.append(",".join([name, *map(str, ring((60 + shift, 50), 40).ravel())]))
        files[f"data/{part}_frames_keypoints.csv"] = "\n".join(lines).encode()
    return files


def ferplus_files() -> dict[str, bytes]:
    return {"fer2013new.csv": FERPLUS_CSV.encode(), "LICENSE.md": b"MIT"}


FILES = {
    FER2013.repository: fer_files,
    HELEN.repository: helen_files,
    YOUTUBE.repository: youtube_files,
    FERPLUS.repository: ferplus_files,
}


def pack(path: Path, files: dict[str, bytes], members: tuple[tarfile.TarInfo, ...] = ()) -> None:
    """Write files, and members without content, as GitHub packs them: below one folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"name-commit/{name}")
            member.size, member.mode = len(content), 0o664
            tar.addfile(member, io.BytesIO(content))
        for member in members:
            tar.addfile(member)


def write_mirror(folder: Path, changed: dict[str, dict[str, bytes]] | None = None) -> Path:
    """Write archives and table, which fit each other; `changed` replaces the files of a repository."""
    table = []
    for pinned in UPSTREAM:
        files = (changed or {}).get(pinned.repository) or FILES[pinned.repository]()
        archive = folder / f"{pinned.repository}.tar.gz"
        pack(archive, files)
        table.append(
            {
                "repository": pinned.repository,
                "commit": pinned.commit,
                "archive": f"{pinned.repository}.tar.gz",
                "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
                "git_objects": Archive(pinned, archive).object_ids(),
            }
        )
    path = folder / "sources.json"
    path.write_text(json.dumps(table))
    return path
