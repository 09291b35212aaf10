"""The tables of speed, from benchmarks/results.json into both READMEs: `python benchmarks/tables.py`."""

import json
from functools import partial
from pathlib import Path

from src.files import write_text
from src.study.tables import README as FRONT
from src.study.tables import markdown_table, with_tables

RESULTS = Path(__file__).with_name("results.json")
README = RESULTS.with_name("README.md")
# What bench_readers.py writes -> the kind of processor. VNNI: x86's instructions that add up products of int8.
READERS = {"readers": "with VNNI", "readers_without_vnni": "without VNNI"}


def _table(columns: dict[str, str], rows: list[dict]) -> str:
    """Markdown. columns: head -> how `str.format` makes a cell of a row."""
    return markdown_table(list(columns), [[form.format_map(row) for form in columns.values()] for row in rows])


def _alone(part: dict) -> dict[str, float]:
    """ms that one face takes on one thread, by case."""
    return {it["case"]: it["ms_a_face"] for it in part["speed"] if it["threads"] == it["batch"] == 1}


def _fastest(times: dict[str, float]) -> str:
    return min((case for case in times if case.startswith("ours")), key=times.get)


def headline_rows(results: dict) -> str:
    """The front README's table of the contents of RESULTS, Markdown: our fastest reader, the original's, two others."""
    times = {kind: _alone(results[part]) for part, kind in READERS.items() if part in results}
    last = list(times.values())[-1]
    gives = {
        _fastest(last): "15 keypoints, five emotions",
        "original study, Keras": "15 keypoints, five emotions",
        "MediaPipe Face Landmarker": "478 keypoints, no emotion; its own search for the face counts",
        "human (npm), WebAssembly": "468 keypoints, seven emotions; its own search for the face counts",
    }
    rows = [
        {"case": case, "gives": given, **{kind: its[case] for kind, its in times.items()}}
        for case, given in gives.items()
        if all(case in its for its in times.values())
    ]
    milliseconds = {f"ms, {kind}": f"{{{kind}:.1f}}" for kind in times}
    return _table({"one face, one thread": "{case}", **milliseconds, "what it gives": "{gives}"}, rows)


# Column of what a reader answers -> its figure, the share of faces that it found, how the figure is written.
SCORES = {
    "labels": ("accuracy_labels", "emotions_found", "{:.1%}"),
    "people": ("accuracy_people", "emotions_found", "{:.1%}"),
    "nme": ("nme_percent", "faces_found", "{:.2f} %"),
}


def _scores(scores: dict) -> dict[str, str]:
    """What a reader answers on the test faces; in brackets the share of faces found, where it is not all."""
    cells = dict.fromkeys(SCORES, "—")
    for column, (figure, found, form) in SCORES.items():
        if figure in scores:
            share = "" if scores[found] == 1 else f" ({scores[found]:.1%} found)"
            cells[column] = form.format(scores[figure]) + share
    return cells


def _readers(part: dict, kind: str) -> str:
    """Milliseconds a face, quartiles in brackets, answers on the test faces; below, how much faster ours are."""
    rows, cores = {}, part["machine"]["cpus"]
    for it in part["speed"]:
        row = rows.setdefault(it["case"], {"case": it["case"], **_scores(part["test"].get(it["case"], {}))})
        time = "{ms_a_face:.1f} ({quartile_25:.1f} to {quartile_75:.1f})".format_map(it)
        row[f"faces{it['batch']}_threads{it['threads']}"] = time
    columns = {
        f"{kind}, from face to outputs, ms a face": "{case}",
        "one face, one thread": "{faces1_threads1}",
        f"one face, {cores} threads": f"{{faces1_threads{cores}}}",
        f"64, {cores} threads": f"{{faces64_threads{cores}}}",
        "PrivateTest, the label": "{labels}",
        "PrivateTest, people": "{people}",
        "NME, HELEN testset": "{nme}",
    }
    return f"{_table(columns, list(rows.values()))}\n\n{_times_faster(_alone(part))}"


def _times_faster(times: dict[str, float]) -> str:
    """How many times as fast as the others ours are, a line each: by default and the fastest."""
    others = [case for case in times if not case.startswith("ours")]
    lines = []
    for mine in dict.fromkeys(it for it in ("ours, by default", _fastest(times)) if it in times):
        ratios = ", ".join(f"{case} {times[case] / times[mine]:.2g} times" for case in others)
        lines.append(f"One face, one thread, speed of *{mine}* over that of: {ratios}.")
    return "\n\n".join(lines)


def _networks(part: dict) -> str:
    one, many = ([it for it in part["networks"] if it["batch"] == batch] for batch in (1, 64))
    columns = {
        "network, Keras": "`{network}`",
        "parameters": "{parameters:,}",
        "multiply-adds a face": "{multiply_adds:,}",
        "faces/s, one at a time": "{faces_per_second:.0f} ({times_faster:.2f} times)",
        "faces/s, 64 at a time": "{many[faces_per_second]:.0f} ({many[times_faster]:.2f} times)",
    }
    return _table(columns, [{**it, "many": its} for it, its in zip(one, many, strict=True)])


def _shell(part: dict) -> str:
    columns = {
        "`python -m src.predict` on one photo, to the written board": "`--backend {backend}`",
        "files in memory": "{seconds:.1f} s ({quartile_25:.1f} to {quartile_75:.1f})",
        "from disk": "{cold}",
        "memory": "{memory_mb:.0f} MB",
    }
    rows = [{**it, "cold": f"{it['cold_seconds']:.1f} s" if it["cold_seconds"] else "—"} for it in part["one_photo"]]
    sizes = [{"kind": kind, "mb": mb} for kind, mb in part["shipped_mb"].items()]
    return f"{_table(columns, rows)}\n\n{_table({'size of both networks': '{kind}', '': '{mb:.1f} MB'}, sizes)}"


def _photos(part: dict) -> str:
    columns = {
        "HELEN testset, whole photos": "{photos}",
        "faces found": "{found_percent:.1f} %",
        "NME, end to end": "{nme_percent:.2f} %",
        "NME, placed by the labels": "{nme_label_centred_percent:.2f} %",
        "a photo": "{ms_a_photo:.0f} ms",
    }
    return _table(columns, [part])


def _folder(part: dict) -> str:
    columns = {
        "files in a folder": "{files}",
        "accounted for": ", ".join(f"{count} {kind}" for kind, count in part["counted"].items()),
        "memory, first and last tenth": "{first_tenth_mb:.0f} MB, {last_tenth_mb:.0f} MB",
    }
    return _table(columns, [part])


def _load(part: dict) -> str:
    columns = {
        "loading the CSV files": "{file}: {rows:,} rows, {megabytes:.0f} MB",
        "the original's way": "{original:.1f} s",
        "ours, first time": "{cold:.2f} s ({cold_times_faster:.0f} times)",
        "ours, from then on": "{cached:.3f} s ({cached_times_faster:.0f} times)",
    }
    return _table(columns, part["seconds"])


def _training(part: dict) -> str:
    columns = {
        "training, emotions": "{training}",
        "images/s": "{images_a_second:.0f} ({slowest:.0f} to {fastest:.0f})",
        "times": "{times_faster:.2f}",
        f"share of the peak, {part['peak_multiply_adds'] / 1e9:.0f} G multiply-adds/s": "{of_the_peak:.0%}",
        "cores busy": "{busy:.0%}",
        "memory": "{memory_mb:,.0f} MB",
    }
    change = "changing a face at random (rotation, shift, zoom, flip)"
    changes = _table({change: "{way}", "images/s": "{images_a_second:,.0f}"}, part["augmentation"])
    return f"{_table(columns, part['training'])}\n\n{changes}"


def _growth(part: dict) -> str:
    """How many of each kind were read, what one more takes, memory at both ends; the figure that bench_growth draws."""
    rows = []
    for line in part["lines"]:
        first, *_, last = (it for it in part["points"] if it["read"] == line["read"])
        rows.append({"first": first, "last": last, "ms": 1e3 * line["each"], **line})
    columns = {
        "reading more and more": "{read}, {first[n]:,} to {last[n]:,}",
        "slope: one more takes": "{ms:.3g} ms",
        "intercept": "{before:.2f} s",
        "largest deviation from the line": "{deviation:.0%}",
        "memory": "{first[memory_mb]:,.0f} to {last[memory_mb]:,.0f} MB",
    }
    return f"{_table(columns, rows)}\n\n![Seconds and memory against what is read](growth.png)"


# Part of RESULTS -> its tables; in the order of the README.
TABLES = {
    **{part: partial(_readers, kind=kind) for part, kind in READERS.items()},
    "networks": _networks,
    "shell": _shell,
    "photos": _photos,
    "folder": _folder,
    "load": _load,
    "training": _training,
    "growth": _growth,
}


def speed_tables(results: dict) -> str:
    """All tables of the contents of RESULTS, Markdown, and the machine that they were measured on."""
    tables = [table(results[part]) for part, table in TABLES.items() if part in results]
    machines = {"{processor}, {cpus} cores, {memory_gb} GB".format_map(it["machine"]) for it in results.values()}
    return "\n\n".join([f"Measured on: {'; '.join(sorted(machines))}.", *tables])


# Document -> what makes its table.
DOCUMENTS = {README: speed_tables, FRONT: headline_rows}


def written(path: Path) -> str:
    """A document's text with its table as RESULTS has it now."""
    table = DOCUMENTS[path](json.loads(RESULTS.read_text()))
    return with_tables(path.read_text("utf-8"), "speeds", table, "benchmarks/tables.py")


if __name__ == "__main__":
    for document in DOCUMENTS:
        write_text(document, written(document))
