"""Both outputs for one face and for 64: our networks by every backend, the original study's, and what people use.

Each case is a process of its own (worker.py); all take turns, and medians and quartiles over the rounds are the result.
The time runs from grey pictures to outputs: scaling counts. Beside the speed stands what each answers on the test
faces, where the real data is there. Cases that lack their files (`make export`, `make peers`) are left out.
"""

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from results import quartiles, run, take_turns
from tqdm import tqdm
from worker import CASES, OF_PEERS, PEERS

from src.data.convert import fifteen_points
from src.data.datasets import load_emotions, load_keypoints
from src.data.sample import draw_faces
from src.files import EMOTIONS_CSV, KEYPOINTS_CSV
from src.labels import EMOTIONS
from src.metrics.scores import emotion_scores, keypoint_scores

BATCHES = (1, 64)


class Worker:
    """A case in its process; `ready` says whether it could start."""

    def __init__(self, case: str, threads: int):
        self.case, self.threads = case, threads
        python = PEERS / "bin" / "python" if case in OF_PEERS else sys.executable
        command = [python, Path(__file__).with_name("worker.py"), case, str(threads)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, **pipes, text=True, bufsize=1)
        self.ready = bool(self._process.stdout.readline())

    def read(self, faces: Path, out: Path | None = None) -> float:
        """Seconds that the pictures of a .npy file took; `out` takes the answers."""
        self._process.stdin.write(json.dumps([str(faces), str(out) if out else None]) + "\n")
        return json.loads(self._process.stdout.readline())["seconds"]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def start(threads: int) -> list[Worker]:
    """The workers that can work; says which cannot."""
    workers = []
    for case in tqdm(CASES, f"{threads or 'all'} threads: start", unit=" cases"):
        if case in OF_PEERS and not PEERS.exists():
            tqdm.write(f"{case}: no .venv-peers, run `make peers`")
        elif (worker := Worker(case, threads)).ready:
            workers.append(worker)
        else:
            tqdm.write(f"{case} does not start; see `python benchmarks/worker.py '{case}' {threads}`")
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
        for worker, seconds in take_turns(ways, rounds, f"batch of {batch}").items():
            setting = {"case": worker.case, "threads": worker.threads or os.cpu_count(), "batch": batch}
            rows.append({**setting, **quartiles(np.array(seconds) / batch * 1e3, "ms_a_face")})
    return rows


def answers(worker: Worker, images: np.ndarray, folder: Path) -> dict[str, np.ndarray]:
    np.save(folder / "faces.npy", images)
    worker.read(folder / "faces.npy", folder / "answers.npz")
    return dict(np.load(folder / "answers.npz"))


def score_answers(workers: list[Worker], folder: Path) -> dict[str, dict]:
    """What each answers on HELEN testset and on the five emotions of PrivateTest: case -> scores."""
    helen = load_keypoints(KEYPOINTS_CSV).split("HelenTest")
    private = load_emotions(EMOTIONS_CSV).split("PrivateTest").five()
    scores = {}
    for worker in tqdm(workers, "test faces", unit=" cases"):
        score, found = scores.setdefault(worker.case, {}), answers(worker, helen.images, folder)
        if "landmarks_px" in found:
            found["keypoints_px"] = np.array([fifteen_points(points) for points in found["landmarks_px"]])
        if "keypoints_px" in found:
            points = found["keypoints_px"]
            there = ~np.isnan(points).any(axis=(1, 2))
            score["nme_percent"] = keypoint_scores(points[there], helen.keypoints_px[there])["nme_percent"]
            score["faces_found"] = float(there.mean())
        if "probabilities" in found:
            five = answers(worker, private.images, folder)["probabilities"][:, : len(EMOTIONS)]
            result = emotion_scores(five / five.sum(axis=1, keepdims=True), private.labels, EMOTIONS)
            score |= {name: result[name] for name in ("accuracy", "macro_f1")}
    return scores


def measure(rounds: int) -> dict:
    rows, scores = [], {}
    with tempfile.TemporaryDirectory() as name:
        for threads in (1, 0):
            workers = start(threads)
            rows += speeds(workers, Path(name), rounds)
            if not threads and KEYPOINTS_CSV.exists() and EMOTIONS_CSV.exists():
                scores = score_answers([it for it in workers if not it.case.startswith("original")], Path(name))
            for worker in workers:
                worker.close()
    return {"speed": rows, "test": scores}


if __name__ == "__main__":
    run("readers", __doc__, measure, rounds=15)
