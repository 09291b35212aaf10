"""Both outputs for one face and for 64: our networks by every backend, the original study's, and what people use.

Each case is a process of its own (worker.py, human_worker.mjs); all take turns, and medians and quartiles over the
rounds are the result, of as many as fit into 20 seconds. The time runs from grey pictures to outputs: scaling counts.
Beside the speed stands what each answers on the test faces, where the real data is there. Cases that lack their files
(`make export`, `make peers`) or their program (node) are left out.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from results import has_vnni, quartiles, run, take_turns
from tqdm import tqdm
from worker import CASES, OF_PEERS, PEERS

from src.data.convert import fifteen_points
from src.data.datasets import Emotions, load_keypoints, load_repeated_emotions, photo_numbers, take_rows
from src.data.sample import draw_faces
from src.files import EMOTIONS_CSV, KEYPOINTS_CSV
from src.labels import EMOTIONS, is_five
from src.metrics.people import truths
from src.metrics.scores import keypoint_scores

BATCHES = (1, 64)
SECONDS = 20  # that the rounds of a batch may take, and at least three of them
HUMAN = "human (npm), WebAssembly"  # @vladmandic/human
LIBRARIES = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")

# Of the points of MediaPipe's face mesh, which human has too, those whose mean is each of our 15, in the order of
# labels.KEYPOINTS: what came nearest on HELEN's validation faces.
MESH = (
    *((362, 385, 387, 263, 373, 380), (33, 160, 158, 133, 153, 144)),  # eye centres: corners and lids
    *((382,), (263,), (155,), (33,)),  # eye corners
    *((285, 336), (300,), (55, 107), (70,)),  # brow ends; the inner ones: lower and upper edge
    *((4,), (291,), (61,), (0,), (17,)),  # nose tip, mouth corners, lips
)


def command(case: str, threads: int) -> list[str]:
    """What starts the case. FileNotFoundError says what it lacks."""
    here = Path(__file__).parent
    if case in (*OF_PEERS, HUMAN) and not PEERS.exists():
        raise FileNotFoundError(f"{case}: no .venv-peers, run `make peers`")
    if case == HUMAN:
        if not (shutil.which("node") and (PEERS / "node_modules").exists()):
            raise FileNotFoundError(f"{case}: install Node.js, then run `make peers`")
        return ["node", str(here / "human_worker.mjs")]
    python = str(PEERS / "bin" / "python") if case in OF_PEERS else sys.executable
    return [python, str(here / "worker.py"), case, str(threads)]


class Worker:
    """A case in its process; `ready` says whether it could start."""

    def __init__(self, case: str, threads: int):
        self.case, self.threads = case, threads
        # Set before any library is imported; 0 leaves all cores to it.
        limits = dict.fromkeys(LIBRARIES, str(threads)) if threads else {}
        cores = list(os.sched_getaffinity(0))[: threads or None]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(
            command(case, threads),
            env=os.environ | limits,
            preexec_fn=partial(os.sched_setaffinity, 0, cores),
            text=True,
            bufsize=1,
            **pipes,
        )
        self.ready = bool(self._process.stdout.readline())

    def read(self, faces: Path, folder: Path | None = None) -> float:
        """Seconds that the pictures of a .npy file took; `folder` takes a file for each output."""
        self._process.stdin.write(json.dumps([str(faces), str(folder) if folder else None]) + "\n")
        return json.loads(self._process.stdout.readline())["seconds"]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def start(threads: int) -> list[Worker]:
    """The workers that can work; says which cannot."""
    workers = []
    for case in tqdm((*CASES, HUMAN), f"{threads or 'all'} threads: start", unit=" cases"):
        try:
            worker = Worker(case, threads)
        except FileNotFoundError as error:
            tqdm.write(str(error))
            continue
        if worker.ready:
            workers.append(worker)
        else:
            tqdm.write(f"{case} does not start; see `{' '.join(map(repr, command(case, threads)))}`")
    return workers


def speeds(workers: list[Worker], folder: Path, rounds: int) -> list[dict]:
    """A row a worker and batch: milliseconds a face."""
    rows = []
    for batch in BATCHES:
        faces = folder / f"{batch}.npy"
        np.save(faces, draw_faces(batch, seed=0)[0])
        ways = {worker: partial(worker.read, faces) for worker in workers}
        for way in ways.values():
            way()  # the first call prepares memory for this batch
        fit = int(SECONDS / sum(way() for way in ways.values()))
        turns = take_turns(ways, min(rounds, max(3, fit)), f"batch of {batch}")
        for worker, seconds in turns.items():
            setting = {"case": worker.case, "threads": worker.threads or os.cpu_count(), "batch": batch}
            rows.append({**setting, **quartiles(np.array(seconds) / batch * 1e3, "ms_a_face")})
    return rows


def answers(worker: Worker, images: np.ndarray) -> dict[str, np.ndarray]:
    """What it says of faces, output by output; points are our 15."""
    with tempfile.TemporaryDirectory() as name:
        faces, folder = Path(name) / "faces.npy", Path(name) / "answers"
        folder.mkdir()
        np.save(faces, images)
        worker.read(faces, folder)
        found = {path.stem: np.load(path) for path in folder.iterdir()}
    if "mesh_px" in found:
        found["keypoints_px"] = np.stack([found["mesh_px"][:, of].mean(axis=1) for of in map(list, MESH)], axis=1)
    if "landmarks_px" in found:
        found["keypoints_px"] = fifteen_points(found["landmarks_px"])
    return found


def unseen(rows: Emotions, split: str) -> Emotions:
    """The faces of a split whose image stands nowhere in Training, on which others trained."""
    photo = photo_numbers(rows.images)
    return take_rows(rows, (rows.usage == split) & ~np.isin(photo, photo[rows.usage == "Training"]))


def of_the_five(faces: Emotions) -> Emotions:
    """Those that show one of the five by any of `truths`."""
    return take_rows(faces, np.any([is_five(truth) for truth, _ in truths(faces.labels, faces.votes).values()], axis=0))


def score_keypoints(points: np.ndarray, true_px: np.ndarray) -> dict:
    """NME, %, of the faces that were found, and their share; points (n, 15, 2), NaN where none was."""
    there = ~np.isnan(points).any(axis=(1, 2))
    nme = keypoint_scores(points[there], true_px[there])["nme_percent"]
    return {"nme_percent": nme, "faces_found": float(there.mean())}


def score_emotions(probabilities: np.ndarray, faces: Emotions) -> dict:
    """How often the answer among the five is what a face shows, by each of `truths`; NaN, no face found, is wrong."""
    five = probabilities[:, : len(EMOTIONS)]
    there = ~np.isnan(five).any(axis=1)
    answer = np.where(there, five.argmax(axis=1), -1)
    scores = {"emotions_found": float(there.mean())}
    for name, (truth, _) in truths(faces.labels, faces.votes).items():
        known = is_five(truth)
        scores[f"faces_{name}"] = int(known.sum())
        scores[f"accuracy_{name}"] = float((answer == truth)[known].mean())
    return scores


def score_answers(workers: list[Worker]) -> dict[str, dict]:
    """What each answers on HELEN testset and on the unseen faces of PrivateTest: case -> scores."""
    helen = load_keypoints(KEYPOINTS_CSV).split("HelenTest")
    private = of_the_five(unseen(load_repeated_emotions(EMOTIONS_CSV), "PrivateTest"))

    def score(worker: Worker) -> dict:
        found, scores = answers(worker, helen.images), {}
        if "keypoints_px" in found:
            scores |= score_keypoints(found["keypoints_px"], helen.keypoints_px)
        if "probabilities" in found:
            scores |= score_emotions(answers(worker, private.images)["probabilities"], private)
        return scores

    slowest_first = workers[::-1]  # human takes as long as all others, and one core
    with ThreadPoolExecutor(2) as pool:
        scores = list(tqdm(pool.map(score, slowest_first), "test faces", len(workers), unit=" cases"))
    return {it.case: its for it, its in zip(workers, scores[::-1], strict=True)}


def measure(rounds: int) -> dict:
    rows, scores = [], {}
    for threads in (1, 0):
        workers = start(threads)
        with tempfile.TemporaryDirectory() as name:
            rows += speeds(workers, Path(name), rounds)
        if not threads and KEYPOINTS_CSV.exists() and EMOTIONS_CSV.exists():
            scores = score_answers([it for it in workers if not it.case.startswith("original")])
        for worker in workers:
            worker.close()
    return {"speed": rows, "test": scores}


if __name__ == "__main__":
    run("readers" if has_vnni() else "readers_without_vnni", __doc__, measure, rounds=50)
