"""The growth benchmark counts what it reads, and its line is the right one."""

import importlib

import pytest

from benchmarks import tables
from src.data.datasets import load_emotions
from src.files import ROOT


@pytest.fixture
def growth(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("bench_growth")


def test_the_line_of_exact_points_and_of_one_that_is_off(growth):
    points = [{"n": n, "seconds": 1 + 2 * n} for n in (1, 10, 100)]
    assert growth.line(points) == pytest.approx({"each": 2, "before": 1, "deviation": 0}, abs=1e-9)
    points[1]["seconds"] = 42
    assert growth.line(points)["deviation"] > 0.3


def test_steps_end_with_the_last(growth):
    assert growth.steps(10, 1000) == [10, 100, 1000]
    assert growth.steps(10, 300) == [10, 100, 300]


def test_written_rows_are_all_distinct(growth, tmp_path):
    growth.write_rows(tmp_path / "icml_face_data.csv", 1100)
    loaded = load_emotions(tmp_path / "icml_face_data.csv")
    assert len(loaded) == len({it.tobytes() for it in loaded.images}) == 1100
    assert loaded.images[1050, 0, :3].tolist() == [0, 4, 26]


@pytest.mark.parametrize(("way", "count"), [("faces", 10), ("photos", 3), ("files", 120), ("rows", 50)])
def test_each_way_reads_what_it_is_asked_for(growth, monkeypatch, way, count):
    if way == "faces":  # read once, not three times more
        monkeypatch.setattr(growth, "seconds", lambda call, *arguments: 1.5)
    point = getattr(growth, way)(count)
    assert point["n"] == count and point["memory_mb"] > 50
    assert point["ms_each"] == pytest.approx(1e3 * point["seconds"] / count)


def test_table_and_figure_show_the_points(growth):
    ways = ("faces", "photos", "files", "rows")
    points = [{"read": it, "n": n, "seconds": 1 + n / 100, "memory_mb": 300 + n} for it in ways for n in (10, 100)]
    lines = [{"read": it, "each": 0.01, "before": 1.0, "deviation": 0.031} for it in ways]
    table = tables._growth({"points": points, "lines": lines})
    assert "| photos, 10 to 100 | 10 ms | 1.00 s | 3% | 310 to 400 MB |" in table
    above = growth.draw(points, lines).axes[1]
    assert list(above.lines[1].get_xdata()) == [10, 100] and list(above.lines[1].get_ydata()) == [1.1, 2]
    assert [it.get_text() for it in above.get_legend().get_texts()] == ["photos", "files"]
