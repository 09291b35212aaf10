"""README says what metrics.json says, and names only things that are there."""

import json
import re

import pytest

from src.paths import ROOT
from src.readme import BEGIN, END, METRICS, README, with_scores


def test_readme_and_metrics_agree():
    text = README.read_text()
    assert with_scores(text, json.loads(METRICS.read_text())) == text


def test_a_changed_metric_changes_the_table():
    text, metrics = README.read_text(), json.loads(METRICS.read_text())
    best = metrics["emotions"]["test"][metrics["emotions"]["chosen"]]
    best["accuracy"] = 0.12345
    assert "12.3%" in with_scores(text, metrics).split(BEGIN)[1].split(END)[0]


def test_missing_markers_are_refused():
    with pytest.raises(ValueError, match=r"README\.md lacks"):
        with_scores("no markers", {})


def test_every_linked_file_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text()) + re.findall(r'src="([^":]+)"', README.read_text())
    assert len(links) > 8
    assert [link for link in links if not (ROOT / link).exists()] == []
