"""Runs killed at random moments and called again: the end is that of a run which nobody killed.

A folder of pictures, a video, the conversion of the data and a training are each run once to the end. Then they are
killed (SIGKILL, the whole process group), called again, at times killed again, and left to end: every file in their
folder must be the same, byte for byte, and none may be left over. A board, which a second call draws from the table's
rounded numbers, need only look the same; a video need only play as long, as x264 writes other bytes on a busy machine.
"""

import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from PIL import Image
from results import parse
from tqdm import tqdm

from src.files import ROOT
from src.predict.photos import read_photo
from src.predict.program import PORTRAIT

sys.path.append(str(ROOT))  # for the files that the tests make
from tests import tiny_mirror, video_file

AGAIN = 0.4  # how often the call after a kill is killed, too
PICTURES, FRAMES = 25, 25
CHANGING = ("best.weights.h5", "record.json")  # of a training, from epoch to epoch
PREDICT = ("from src.predict.program import main", "main()")
DATA = ("import DownloadData", "sys.exit(DownloadData.main())")
TRAINING = (
    """
from pathlib import Path
from src.data.datasets import sample_emotions
from src.training.recipes import EMOTION_RECIPES, changed
from src.training.tasks import train_emotions
tiny = {"widths": [8, 16, 16, 24], "units": [1, 1, 1, 1], "epochs": 6, "batch_size": 8}
""",
    "train_emotions(sample_emotions(60, seed=0), changed(EMOTION_RECIPES['small'], **tiny), Path(sys.argv[1]))",
)


class Case(NamedTuple):
    """A program that is killed."""

    share: float  # of all kills
    imports: str
    call: str
    arguments: tuple  # "{}" is the folder that it writes into
    resume: tuple = ()  # what a second call is given besides


def make_cases(inputs: Path) -> dict[str, Case]:
    """The cases, and what they read, in `inputs`."""
    face, pictures, video = Image.fromarray(read_photo(PORTRAIT)[:220, 120:340]), inputs / "pictures", inputs / "a.mp4"
    pictures.mkdir()
    for number in range(PICTURES):
        path = pictures / f"{number:02}.{('jpg', 'png', 'webp')[number % 3]}"
        face.rotate(number).resize((96 + number, 96)).save(path)
        if number % 5 == 0:
            path.write_bytes(path.read_bytes()[: 50 * number])
    video_file.write(video, [np.asarray(face.rotate(turn).resize((160, 160))) for turn in range(FRAMES)], sound="aac")
    table = tiny_mirror.write_mirror(inputs / "mirror")
    outputs = ("--csv", "{}/faces.csv", "--board", "{}/board.png")
    return {
        "folder": Case(0.4, *PREDICT, (pictures, *outputs), ("--resume",)),
        "video": Case(0.2, *PREDICT, (video, *outputs), ("--resume",)),
        "data": Case(0.2, *DATA, ("--sources", table, "--data-dir", "{}")),
        "training": Case(0.2, *TRAINING, ("{}",)),
    }


def run(case: Case, out: Path, *, resume: bool = False, kill_s: float | None = None) -> tuple[int, float, str]:
    """Exit code, how long it worked behind its imports, s, and its last words; it is killed after kill_s of work."""
    arguments = [str(it).format(out) for it in case.arguments + resume * case.resume]
    code = f"import sys\n{case.imports}\nprint('ready', flush=True)\n{case.call}"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=ROOT, **pipes) as child:
        child.stdout.readline()
        start = time.monotonic()
        try:
            _, said = child.communicate(timeout=kill_s)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            _, said = child.communicate()
    return child.returncode, time.monotonic() - start, said.decode(errors="replace")[-500:]


def files(out: Path) -> dict[str, bytes]:
    """What lies in a folder: name -> bytes, but for what the clock says."""
    found = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    if "record.json" in found:
        found["record.json"] = re.sub(rb'"seconds": [0-9.]+', b"", found["record.json"])
    return found


def times(video: bytes) -> list[tuple[str, int]]:
    """Kind and time of every frame that can be played, of picture and sound; none of half a file."""
    try:
        with av.open(io.BytesIO(video)) as file:
            return sorted((type(frame).__name__, frame.pts) for frame in file.decode())
    except av.FFmpegError:
        return []


def same(name: str, ours: bytes | None, theirs: bytes | None) -> bool:
    """Whether two files are equal byte for byte; of boards and videos see above."""
    if name == "board.png" and ours and theirs:
        ours, theirs = (np.asarray(Image.open(io.BytesIO(it)), int) for it in (ours, theirs))
        return ours.shape == theirs.shape and np.abs(ours - theirs).max() <= 16
    if name.endswith(".mp4") and ours and theirs:
        ours, theirs = times(ours), times(theirs)
    return ours == theirs


def is_whole(name: str, content: bytes, whole: dict[str, bytes]) -> bool:
    """Whether a file may lie there behind a kill: as it is in the end, or known to be unfinished."""
    if name not in whole or name in CHANGING:
        return name in CHANGING or Path(name).name.startswith(("part_", "epoch_"))
    return same(name, content, whole[name]) or (name == "faces.csv" and whole[name].startswith(content))


def check(case: Case, folder: Path, kills: int, rng: np.random.Generator) -> list[str]:
    """What is wrong behind so many kills."""
    code, seconds, said = run(case, folder / "whole")
    whole, killed, faults = files(folder / "whole"), 0, []
    if code or not whole:
        return [f"not even undisturbed: {said}"]
    bar = tqdm(total=kills, desc=folder.name, unit=" kills")
    while killed < kills and len(faults) < 5:
        out, code, again = Path(tempfile.mkdtemp(dir=folder)), None, True
        while code in (None, -signal.SIGKILL):
            kill_s = rng.uniform(0, seconds) if killed < kills and again else None
            code, _, said = run(case, out, resume=code is not None, kill_s=kill_s)
            if code == -signal.SIGKILL:
                killed, again = killed + 1, rng.random() < AGAIN
                bar.update()
                halves = [name for name, content in files(out).items() if not is_whole(name, content, whole)]
                faults += [f"{out}: half a file: {halves}"] * bool(halves)
        left = files(out)
        differing = [it for it in left.keys() | whole.keys() if not same(it, left.get(it), whole.get(it))]
        if code or differing:
            faults.append(f"{out}: exit code {code}, differing: {differing} {said if code else ''}")
    bar.close()
    return faults


if __name__ == "__main__":
    given, faults, start = parse(__doc__, kills=100, seed=0), [], time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        inputs = Path(name, "inputs")
        inputs.mkdir()
        for number, (kind, case) in enumerate(make_cases(inputs).items()):
            kills, rng = round(case.share * given["kills"]), np.random.default_rng([given["seed"], number])
            faults += check(case, Path(name, kind), kills, rng)
        videos = [times(path.read_bytes()) for path in Path(name, "video").rglob("*_faces.mp4")]
    played = [sum(kind == "VideoFrame" for kind, _ in it) for it in videos]
    if set(played) != {FRAMES}:
        faults.append(f"frames of the annotated videos: {played}")
    print(*faults, sep="\n")
    took_s = time.monotonic() - start
    print(f"{given['kills']} kills, {len(played)} videos played: {len(faults)} faults, {took_s:.0f} s")
    sys.exit(bool(faults))
