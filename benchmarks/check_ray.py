"""A folder read on a Ray cluster of two nodes while a worker is killed: every file once, the table of one machine.

Makes the folder: a small face in many sizes; 5 % broken, 5 % faceless, 1 % no pictures. Reads it with Ray, kills a
worker when a third is done, reads it again without Ray and compares the tables byte for byte.
"""

import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import psutil
from check_folder import make_folder
from ray.cluster_utils import Cluster
from results import parse

from src.files import WEIGHTS
from src.predict import cluster
from src.predict.photos import read_photo
from src.predict.program import PORTRAIT
from src.predict.reader import FaceReader
from src.predict.run import Outputs, Run
from src.predict.table import FaceTable


def read(make_run, out: Path, photos: Path) -> tuple[bytes, dict, float]:
    """The table, what was met, and how long it took, s."""
    table, begin = FaceTable(out / "faces.csv"), time.monotonic()
    run = make_run(FaceReader(threads=1), Outputs(table.path, out / "board.png", [photos]), table)
    run.read_files([photos])
    table.close()
    return table.path.read_bytes(), run.met, time.monotonic() - begin


def kill_one(parts: Path, files: int, killed: list[int]) -> None:
    """Ends a worker when a third of the files is done."""
    while (done := sum(cluster.parquet.read_metadata(it).num_rows for it in parts.glob("[0-9]*"))) < files / 3:
        time.sleep(0.1)
    workers = psutil.Process().children(recursive=True)
    next(it for it in workers if it.cmdline()[:1] and it.cmdline()[0].startswith("ray::MapWorker")).kill()
    killed.append(done)


if __name__ == "__main__":
    files, killed = parse(__doc__, files=2000)["files"], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = make_folder(folder / "photos", files, read_photo(PORTRAIT)[:220, 120:340], (100, 200))
        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        nodes.add_node(num_cpus=1)
        parts = cluster.parts_of(folder / "ray" / "faces.csv", resume=False)
        threading.Thread(target=kill_one, args=(parts, files, killed), daemon=True).start()
        of_ray = {"make_reader": partial(FaceReader, WEIGHTS, threads=1), "parts": parts, "resume": False}
        make_run = partial(cluster.ClusterRun, address=nodes.address, **of_ray)
        ours, met, ray_s = read(make_run, folder / "ray", folder / "photos")
        nodes.shutdown()
        plain, _, plain_s = read(Run, folder / "plain", folder / "photos")
        paths = [path for it in parts.iterdir() for path in set(cluster.parquet.read_table(it)["path"].to_pylist())]
    same = ours == plain and len(paths) == len(set(paths)) == files
    told = (met["no face"], met["not read"]) == (made["faceless"], made["broken"] + made["no picture"])
    print(dict(met), f"worker killed after {killed} rows; {'same table' if same else 'TABLES DIFFER'};", end=" ")
    print(f"{ray_s:.0f} s on two workers, {plain_s:.0f} s without Ray")
    sys.exit(not (same and told and killed))
