"""README and the card say what metrics.json says; README names only things that are there."""

import json
import re

import pytest

from src.files import ROOT
from src.study.tables import DOCUMENTS, METRICS, README, card_tables, score_tables, with_tables, written
from benchmarks.tables import RESULTS, speed_tables


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_and_metrics_agree(path):
    assert written(path) == path.read_text()


@pytest.mark.parametrize("tables", [score_tables, card_tables])
def test_a_changed_metric_changes_the_tables(tables):
    metrics = json.loads(METRICS.read_text())
    before, best = tables(metrics), metrics["emotions"]["test"][metrics["emotions"]["chosen"]]
    best["classes"]["sad"]["recall"] = 0.1234
    assert "| 0.12 |" in tables(metrics) and "| 0.12 |" not in before


def test_a_changed_speed_changes_the_tables():
    results = json.loads(RESULTS.read_text())
    before = speed_tables(results)
    for row in results["readers"]["speed"]:
        row["ms_a_face"] = 1234.5
    assert "1234.5 (" in speed_tables(results) and "1234.5 (" not in before


def test_missing_markers_are_refused():
    with pytest.raises(ValueError, match=r"lacks the lines"):
        with_tables("no markers", "scores", "a table")


def test_every_linked_file_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text()) + re.findall(r'src="([^":]+)"', README.read_text())
    assert len(links) > 8
    assert [link for link in links if not (ROOT / link).exists()] == []
