"""README and the card say what metrics.json says; README names only things that are there."""

import json
import re

import pytest

from src.paths import ROOT
from src.readme import DOCUMENTS, METRICS, READERS, README, SPEEDS, with_tables, written


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_and_metrics_agree(path):
    assert written(path) == path.read_text()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_changed_metric_changes_the_tables(path):
    metrics, *speeds = (json.loads(it.read_text()) for it in (METRICS, SPEEDS, READERS))
    best = metrics["emotions"]["test"][metrics["emotions"]["chosen"]]
    best["classes"]["sad"]["recall"] = 0.1234
    assert "| 0.12 |" in DOCUMENTS[path](metrics, *speeds) and "| 0.12 |" not in path.read_text()


def test_missing_markers_are_refused():
    with pytest.raises(ValueError, match=r"lacks the lines"):
        with_tables("no markers", "a table")


def test_every_linked_file_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text()) + re.findall(r'src="([^":]+)"', README.read_text())
    assert len(links) > 8
    assert [link for link in links if not (ROOT / link).exists()] == []
