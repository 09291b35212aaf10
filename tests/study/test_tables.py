"""README and the card say what metrics.json says; README names only things that are there."""

import json
import re
from hashlib import sha256

import nbformat
import pytest

from benchmarks import tables as speeds
from src.files import FIGURES, NOTEBOOKS, ROOT
from src.study.tables import (
    CARD,
    DOCUMENTS,
    METRICS,
    README,
    card_tables,
    details,
    headline,
    lacking,
    with_tables,
    written,
)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_and_metrics_agree(path):
    assert written(path) == path.read_text()


@pytest.mark.parametrize("tables", [details, card_tables])
def test_a_changed_metric_changes_the_tables(tables):
    metrics = json.loads(METRICS.read_text())
    before, best = tables(metrics), metrics["emotions"]["test"][metrics["emotions"]["chosen"]]
    best["classes"]["sad"]["recall"] = best["people"]["classes"]["sad"]["recall"] = 0.1234
    assert tables(metrics).count("| 0.12 |") == before.count("| 0.12 |") + 2


def test_the_headline_compares_the_chosen_networks_with_the_original_s():
    metrics = json.loads(METRICS.read_text())
    rows = headline(metrics).splitlines()
    assert len(rows) == 6
    metrics["keypoints"]["test"]["HelenTest"][metrics["keypoints"]["chosen"]]["nme_percent"] = 1.2345
    chosen = metrics["emotions"]["test"][metrics["emotions"]["chosen"]]
    chosen["people"]["accuracy"], chosen["accuracy"] = 0.9876, 0.8765
    metrics["emotions"]["people"]["one_person"]["accuracy"] = 0.9321
    changed = headline(metrics).splitlines()
    assert changed[4].endswith("| 1.23 % |  |")
    assert "| 98.8% (" in changed[2] and changed[2].endswith("| 93.2% (one of them) |") and "| 87.6% (" in changed[3]


def test_what_the_tables_lack_is_said():
    metrics = json.loads(METRICS.read_text())
    assert lacking(metrics) == ""
    del metrics["emotions"]["people"], metrics["keypoints"]["test"]["Test"]["baseline"]
    assert lacking(metrics) == "FERPlus's votes and the scores of the original's network"
    del metrics["keypoints"]["test"]["HelenTest"]
    assert "and the faces of HELEN testset or of unseen YouTube people and" in lacking(metrics)


def test_a_run_in_which_nothing_is_sure_has_a_table():
    metrics = json.loads(METRICS.read_text())
    for truth in ("labels", "people"):
        metrics["confidence"][truth]["accuracy_when_sure"] = None
    assert "| nothing is sure | nothing is sure |" in card_tables(metrics)


def test_speeds_and_their_results_agree():
    assert [speeds.written(path) for path in speeds.DOCUMENTS] == [path.read_text() for path in speeds.DOCUMENTS]
    results = json.loads(speeds.RESULTS.read_text())
    before = speeds.speed_tables(results), speeds.headline_rows(results)
    speed = [it for part in speeds.READERS for it in results[part]["speed"] if it["threads"] == it["batch"] == 1]
    by_default = [f"{it['ms_a_face']:.1f}" for it in speed if it["case"] == "ours, by default"]
    assert f"(float32, flip averaged) {' and '.join(by_default)} ms" in README.read_text()
    for row in (row for part in speeds.READERS if part in results for row in results[part]["speed"]):
        row["ms_a_face"] = 1234.5
    for text, old in zip((speeds.speed_tables(results), speeds.headline_rows(results)), before, strict=True):
        assert "1234.5" in text and "1234.5" not in old


def test_the_front_page_s_sentence_on_near_copies_agrees_with_the_scores():
    emotions = json.loads(METRICS.read_text())["emotions"]
    score = emotions["test"][emotions["chosen"]]
    labels, people = (score["without_near_copies"][truth] for truth in ("labels", "people"))
    shares, text = [f"{100 * its['accuracy']:.1f} %" for its in (labels, people)], README.read_text()
    assert f"{score['faces'] - labels['faces']} of the {score['faces']:,} test faces\nhave a near copy" in text
    assert "without these {} (labels) and {} (people)".format(*shares) in text


def test_the_executed_evaluation_wrote_these_metrics():
    copy = nbformat.read(NOTEBOOKS / "executed" / "04_evaluation_and_face_board.ipynb", as_version=4)
    printed = "".join(output.get("text", "") for cell in copy.cells for output in cell.get("outputs", []))
    assert f"metrics.json, SHA-256 {sha256(METRICS.read_bytes()).hexdigest()[:16]}\n" in printed


def test_the_appendix_says_what_its_record_does():
    its = json.loads((FIGURES / "shortcuts.json").read_text())["summary"]
    true = {(row["source"], row["measure"], row["protocol"]): row["true"]["mean"] for row in its}
    copy = nbformat.read(NOTEBOOKS / "executed" / "06_shortcuts.ipynb", as_version=4)
    printed = "".join(
        output.get("data", {}).get("text/plain", "") for cell in copy.cells for output in cell.get("outputs", [])
    )
    for protocol in ("ours", "original"):
        assert f"{true['FER2013', 'accuracy_percent', protocol]:.2f}" in printed
    helen, youtube = (
        true[source, "nme_percent", "original"] - true[source, "nme_percent", "copies_first"]
        for source in ("helen", "youtube")
    )
    text = "".join(cell.source for cell in copy.cells if cell.cell_type == "markdown")
    assert f"costs {helen:.1f} points of NME on HELEN and {youtube:.1f} on YouTube people" in text


def test_missing_markers_are_refused():
    with pytest.raises(ValueError, match=r"lacks the lines"):
        with_tables("no markers", "scores", "a table", "src/study/tables.py")


@pytest.mark.parametrize("path", [README, CARD, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", speeds.README])
def test_every_linked_file_exists(path):
    links = re.findall(r"\]\(([^)#:]+)\)", path.read_text()) + re.findall(r'src="([^":]+)"', path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []
    assert len(links) > 8 or path != README


def test_documents_stay_short():
    for path, lines in ((README, 160), (CARD, 80)):
        assert len(path.read_text().splitlines()) <= lines
