import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from fake_reader import FakeReader, bomb, picture
from PIL import Image

from src.files import ROOT
from src.predict.run import Outputs, Run
from src.predict.table import FaceTable

ray = pytest.importorskip("ray", reason="needs requirements-scale.txt")
from ray.cluster_utils import Cluster  # noqa: E402

from src.predict import cluster  # noqa: E402

ONE, TWO = picture((80, 60, 40, 200)), picture((40, 60, 30, 200), (110, 60, 30, 110))


class SlowReader(FakeReader):
    """Long enough to be met at work; a picture of 77 px ends its process."""

    def find_in_photo(self, grey, *, faces=False):
        time.sleep(0.05)
        if grey.shape == (77, 77):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().find_in_photo(grey)


ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope="module")
def two_nodes():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{ROOT}:{ROOT}/tests")  # of the workers
        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        nodes.add_node(num_cpus=1)
    yield nodes.address
    nodes.shutdown()


@pytest.fixture
def folder(tmp_path):
    """60 files and a link: faces, names of any bytes, broken ones, some without a face."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    for i in range(50):
        Image.fromarray((ONE, TWO, picture())[i % 3]).save(folder / f"{i}.png")
    for name in (b"caf\xe9.png", b"Icon\r", b"two\nlines.png", b"x\r\ny.png", b'a,"b".png'):
        Image.fromarray(TWO).save(folder / "deep" / os.fsdecode(name), format="png")
    Image.fromarray(ONE).save(folder / "deep" / "a.gif", save_all=True, append_images=[Image.fromarray(TWO)])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "notes.txt").write_text("no picture")
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:100])
    bomb(folder / "bomb.png")
    (folder / "deep" / "loop").symlink_to(folder)
    return folder


def plain(paths, out):
    table = FaceTable(out / "plain.csv")
    Run(FakeReader(), Outputs(out / "plain.csv", out / "b.png", paths), table).read_files(paths)
    table.close()
    return (out / "plain.csv").read_bytes()


def on_cluster(address, paths, out, resume=False):
    csv = out / "faces.csv"
    outputs, parts, table = (
        Outputs(csv, out / "b.png", []), cluster.parts_of(csv, resume=resume), FaceTable(csv, resume=resume)
    )  # fmt: skip
    ray_options = {"make_reader": SlowReader, "parts": parts, "resume": resume, "address": address}
    run = cluster.ClusterRun(None, outputs, table, **ray_options)
    try:
        run.read_files(paths)
    finally:
        table.close()
    return run, csv.read_bytes()


def paths_in(parts):
    return Counter(path for part in parts for path in set(cluster.parquet.read_table(part)["path"].to_pylist()))


def wait_for_parts(folder, count):
    end = time.monotonic() + 120
    while len(parts := list(folder.glob("[0-9]*"))) < count:
        assert time.monotonic() < end
        time.sleep(0.02)
    return parts


def test_the_table_is_that_of_one_machine_though_workers_end(two_nodes, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "RETRIES", 1)
    monkeypatch.chdir(tmp_path)
    whole = plain([Path("photos"), Path("nix.jpg")], tmp_path)
    Image.new("L", (77, 77)).save(tmp_path / "ends.png")
    finished = []

    def kill_one():
        finished.extend(wait_for_parts(tmp_path / "faces_parts", 2))
        workers = psutil.Process().children(recursive=True)
        next(it for it in workers if it.cmdline()[:1] and it.cmdline()[0].startswith("ray::MapWorker")).kill()

    killer = threading.Thread(target=kill_one)
    killer.start()
    run, table = on_cluster(two_nodes, [Path("photos"), Path("nix.jpg"), Path("ends.png")], tmp_path)
    killer.join()
    row = table.removeprefix(whole).decode()
    assert table.startswith(whole) and row.count("\n") == 1 and "stopped every worker that read it" in row
    read = paths_in((tmp_path / "faces_parts").iterdir())
    assert len(read) == 63 and set(read.values()) == {1} and 2 <= len(finished) < 15
    assert run.met == {"files": 63, "faces": 62, "no face": 16, "not read": 7}


DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, "tests")
from predict import test_cluster as test
test.on_cluster(sys.argv[1], [Path(sys.argv[2])], Path(sys.argv[3]))
"""


def test_resume_reads_what_a_killed_run_has_not(two_nodes, folder, tmp_path):
    command = [sys.executable, "-c", DRIVER, two_nodes, folder, tmp_path]
    driver = subprocess.Popen(command, cwd=ROOT)
    wait_for_parts(tmp_path / "faces_parts", 3)
    driver.kill()
    driver.wait()
    before = {part: part.read_bytes() for part in (tmp_path / "faces_parts").glob("[0-9]*")}
    done = len(paths_in(before))
    run, table = on_cluster(two_nodes, [folder], tmp_path, resume=True)
    assert table == plain([folder], tmp_path) and 0 < run.met["files"] == 61 - done < 61
    assert {part: part.read_bytes() for part in before} == before
    read = paths_in((tmp_path / "faces_parts").glob("[0-9]*"))
    assert len(read) == 61 and set(read.values()) == {1}


def test_a_bucket_is_listed_as_a_folder_without_the_runs_own_files(folder, tmp_path):
    (folder / "deep" / os.fsdecode(b"caf\xe9.png")).unlink()  # buckets have UTF-8, and no links
    (folder / "deep" / "loop").unlink()
    (folder / "v.MP4").write_bytes(b"")
    found = list(cluster.entries([f"file://{folder}", f"file://{tmp_path}/nix"], [folder / "notes.txt"]))
    listed = list(cluster.entries([folder], [folder / "notes.txt"]))
    assert [it.path for it in found[:-1]] == [b"file://" + it.path for it in listed] and len(listed) == 59
    assert [it.reason for it in found if it.reason] == [cluster.IS_VIDEO, "does not exist: check the name"]
    with pytest.raises(ValueError, match=r"s3:/a cannot be listed .*: check address, permissions and network"):
        list(cluster.entries(["s3:/a"], []))


def test_a_worker_reads_a_buckets_file_or_gives_the_reason(folder):
    files = [cluster.Entry("file:///", f"file://{folder}/{name}".encode(), "") for name in ("1.png", "nix.png")]
    batch = cluster.pa.Table.from_pylist([it._asdict() for it in files])
    rows = cluster.Worker(FakeReader, folder, False, 0.0)(batch).to_pandas()
    assert rows["emotion"].tolist()[:2] == ["happiness", "anger"] and len(rows) == 3
    assert rows.loc[2, "reason"] == f"file://{folder}/nix.png does not exist: check the name"


def test_a_fault_of_the_program_is_said_and_not_blamed_on_the_file(folder, monkeypatch):
    monkeypatch.setattr(FakeReader, "read_photo", None)
    batch = cluster.pa.Table.from_pylist([next(cluster.entries([folder / "1.png"], []))._asdict()])
    (reason,) = cluster.Worker(FakeReader, folder, False, 0.0)(batch)["reason"].to_pylist()
    assert "could not be read (TypeError: 'NoneType' object is not callable): report it" in reason


def test_a_folder_that_is_no_folder_of_parts_is_never_touched(tmp_path):
    (tmp_path / "faces_parts").mkdir()
    other = cluster.pa.table({"path": ["a"]})
    cluster.parquet.write_table(other, tmp_path / "faces_parts" / "000000.parquet")
    with pytest.raises(ValueError, match=r"000000.parquet is of another version of this program: leave --resume out"):
        cluster.parts_of(tmp_path / "faces.csv", resume=True)
    (tmp_path / "faces_parts" / "mine.parquet").touch()
    with pytest.raises(ValueError, match=r"mine.parquet is there already and no part of a table: give another --csv"):
        cluster.parts_of(tmp_path / "faces.csv", resume=False)


def test_a_cluster_that_does_not_answer_is_said_in_a_sentence(tmp_path):
    with pytest.raises(OSError, match=r"No Ray answers at 127.0.0.1:9 \(.*\): start it there"):
        on_cluster("127.0.0.1:9", [tmp_path], tmp_path)
