"""Both outputs for one face and for 64: our networks by every backend, the original study's, and what people use.

    python benchmarks/bench_readers.py [--rounds 15] [--save]

Each case is a process of its own (worker.py). In every round all take turns, so that a busy machine slows them alike;
medians and quartiles over the rounds are the result. The time runs from grey pictures to outputs: scaling counts.
Beside the speed stands what each answers on the test faces, where the real data is there. Cases that lack their files
(`make export`, `make peers`) are left out.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from results import save
from tqdm import tqdm
from worker import CASES, OF_PEERS, PEERS

from src.data.datasets import load_emotions, load_keypoints
from src.labels import EMOTIONS
from src.metrics.scores import emotion_scores, keypoint_scores
from src.files import EMOTIONS_CSV, KEYPOINTS_CSV, ROOT
from src.data.sample import draw_faces

BATCHES = (1, 64)


class Worker:
    """A case in its process; `ready` says whether it could start."""

    def __init__(self, case: str, threads: int):
        self.case, self.threads = case, threads
        python = PEERS / "bin" / "python" if case in OF_PEERS else sys.executable
        self._process = subprocess.Popen(
            [python, Path(__file__).with_name("worker.py"), case, str(threads)],
            **dict.fromkeys(("stdin", "stdout"), subprocess.PIPE),
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
            bufsize=1,
        )
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
            continue
        worker = Worker(case, threads)
        if worker.ready:
            workers.append(worker)
        else:
            tqdm.write(f"{case} does not start; see `python benchmarks/worker.py '{case}' {threads}`")
    return workers


def measure(workers: list[Worker], folder: Path, rounds: int) -> list[dict]:
    """A row a worker and batch: milliseconds a face, median and quartiles."""
    rows = []
    for batch in BATCHES:
        faces = folder / f"{batch}.npy"
        np.save(faces, draw_faces(batch, seed=0)[0])
        times = {worker: [] for worker in workers}
        for worker in workers:
            worker.read(faces)  # the first call prepares memory for this batch
        for _ in tqdm(range(rounds), f"batch of {batch}", unit=" rounds"):
            for worker in workers:
                times[worker].append(worker.read(faces))
        for worker, seconds in times.items():
            low, middle, high = np.percentile(np.array(seconds) / batch * 1e3, [25, 50, 75])
            rows.append(
                {
                    "case": worker.case,
                    "threads": worker.threads or os.cpu_count(),
                    "batch": batch,
                    **{"ms_a_face": middle, "quartile_25": low, "quartile_75": high},
                }
            )
    return rows


def accuracy(workers: list[Worker], folder: Path) -> dict[str, dict]:
    """What each answers on HELEN testset and on the five emotions of PrivateTest: case -> scores."""
    helen = load_keypoints(KEYPOINTS_CSV).split("HelenTest")
    private = load_emotions(EMOTIONS_CSV).split("PrivateTest").five()
    inputs = {"keypoints_px": folder / "helen.npy", "probabilities": folder / "private.npy"}
    np.save(inputs["keypoints_px"], helen.images)
    np.save(inputs["probabilities"], private.images)
    scores = {}
    for worker in tqdm([it for it in workers if not it.case.startswith("original")], "test faces", unit=" cases"):
        score = scores[worker.case] = {}
        for kind, faces in inputs.items():
            out = folder / "answers.npz"
            worker.read(faces, out)
            answers = np.load(out)
            if kind not in answers:
                continue
            if kind == "keypoints_px":
                found = ~np.isnan(answers[kind]).any(axis=(1, 2))
                nme = keypoint_scores(answers[kind][found], helen.keypoints_px[found])["nme_percent"]
                score |= {"nme_percent": nme, "faces_found": float(found.mean())}
            else:
                five = answers[kind][:, : len(EMOTIONS)]
                result = emotion_scores(five / five.sum(axis=1, keepdims=True), private.labels, EMOTIONS)
                score |= {"accuracy": result["accuracy"], "macro_f1": result["macro_f1"]}
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results.json")
    options = parser.parse_args()
    rows, scores = [], {}
    with tempfile.TemporaryDirectory() as name:
        for threads in (1, 0):
            workers = start(threads)
            rows += measure(workers, Path(name), options.rounds)
            if not threads and KEYPOINTS_CSV.exists() and EMOTIONS_CSV.exists():
                scores = accuracy(workers, Path(name))
            for worker in workers:
                worker.close()
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format="{:.2f}".format))
    print(pd.DataFrame(scores).T.to_string(float_format="{:.4f}".format))
    if options.save:
        save("readers", {"speed": rows, "test": scores})


if __name__ == "__main__":
    main()
