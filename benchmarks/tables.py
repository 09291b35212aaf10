"""The tables of speed, from benchmarks/results.json into benchmarks/README.md: `python benchmarks/tables.py`."""

import json
import re
from pathlib import Path

RESULTS = Path(__file__).with_name("results.json")
README = RESULTS.with_name("README.md")
BEGIN, END = "<!-- speeds: written by benchmarks/tables.py -->", "<!-- end of speeds -->"


def _table(columns: dict[str, str], rows: list[dict]) -> str:
    """Markdown. columns: head -> how `str.format` makes a cell of a row."""
    cells = [[form.format_map(row) for form in columns.values()] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in (columns, ["---"] * len(columns), *cells))


def headline_rows(results: dict) -> str:
    """The front README's table of the contents of RESULTS, Markdown: our fastest reader, the original's, MediaPipe."""
    alone = [it for it in results["readers"]["speed"] if it["threads"] == it["batch"] == 1]
    times = {it["case"]: it["ms_a_face"] for it in alone}
    fastest = min((case for case in times if case.startswith("ours")), key=times.get)
    gives = dict.fromkeys((fastest, "original study, Keras"), "15 keypoints, five emotions")
    gives["MediaPipe Face Mesh"] = "468 keypoints, no emotion; its own search for the face counts"
    rows = [{"case": case, "ms": times[case], "gives": given} for case, given in gives.items()]
    return _table({"one face, one thread": "{case}", "ms a face": "{ms:.1f}", "what it gives": "{gives}"}, rows)


def _readers(part: dict) -> str:
    """Milliseconds a face, quartiles in brackets, and what each reader answers on the test faces."""
    rows, cores = {}, part["machine"]["cpus"]
    for it in part["speed"]:
        row = rows.setdefault(it["case"], {"case": it["case"], "nme": "—", "top1": "—"})
        time = "{ms_a_face:.1f} ({quartile_25:.1f} to {quartile_75:.1f})".format_map(it)
        row[f"faces{it['batch']}_threads{it['threads']}"] = time
    for case, scores in part["test"].items():
        if "nme_percent" in scores:
            rows[case]["nme"] = f"{scores['nme_percent']:.2f} %"
        if "accuracy" in scores:
            rows[case]["top1"] = f"{scores['accuracy']:.1%}"
    columns = {
        "from face to outputs, ms a face": "{case}",
        "one face, one thread": "{faces1_threads1}",
        f"one face, {cores} threads": f"{{faces1_threads{cores}}}",
        f"64, {cores} threads": f"{{faces64_threads{cores}}}",
        "NME, HELEN testset": "{nme}",
        "top-1, PrivateTest": "{top1}",
    }
    return _table(columns, list(rows.values()))


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
        f"share of {part['peak_multiply_adds'] / 1e9:.0f} G multiply-adds/s": "{of_the_peak:.0%}",
        "cores busy": "{busy:.0%}",
        "memory": "{memory_mb:,.0f} MB",
    }
    change = "changing a face at random (rotation, shift, zoom, flip)"
    changes = _table({change: "{way}", "images/s": "{images_a_second:,.0f}"}, part["augmentation"])
    return f"{_table(columns, part['training'])}\n\n{changes}"


# Part of RESULTS -> its tables; in the order of the README.
TABLES = {
    "readers": _readers,
    "networks": _networks,
    "shell": _shell,
    "photos": _photos,
    "folder": _folder,
    "load": _load,
    "training": _training,
}


def speed_tables(results: dict) -> str:
    """All tables of the contents of RESULTS, Markdown, and the machine that they were measured on."""
    tables = [table(results[part]) for part, table in TABLES.items() if part in results]
    machines = {"{processor}, {cpus} cores, {memory_gb} GB".format_map(it["machine"]) for it in results.values()}
    return "\n\n".join([f"Measured on: {'; '.join(sorted(machines))}.", *tables])


def written() -> str:
    """The text of README with its tables as RESULTS has them now."""
    tables = speed_tables(json.loads(RESULTS.read_text()))
    return re.sub(f"{BEGIN}.*?{END}", lambda _: f"{BEGIN}\n{tables}\n{END}", README.read_text(), flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(written())
    print(headline_rows(json.loads(RESULTS.read_text())))
