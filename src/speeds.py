"""The tables of speed in README, Markdown, from benchmarks/results.json: `python -m src.speeds` prints them."""

import json

from src.paths import ROOT

RESULTS = ROOT / "benchmarks" / "results.json"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def _load(part: dict) -> str:
    rows = [
        [
            f"{it['file']}: {it['rows']:,} rows, {it['megabytes']:.0f} MB",
            f"{it['seed']:.1f} s",
            f"{it['cold']:.2f} s ({it['cold_times_faster']:.0f} times)",
            f"{it['cached']:.3f} s ({it['cached_times_faster']:.0f} times)",
        ]
        for it in part["seconds"]
    ]
    return _table(["loading the CSV files", "the original's way", "ours, first time", "ours, from then on"], rows)


def _training(part: dict) -> str:
    rows = [
        [
            it["training"],
            f"{it['images_a_second']:.0f} ({it['slowest']:.0f} to {it['fastest']:.0f})",
            f"{it['times_faster']:.2f}",
            f"{it['of_the_peak']:.0%}",
            f"{it['busy']:.0%}",
            f"{it['memory_mb'] / 1000:.1f} GB",
        ]
        for it in part["training"]
    ]
    peak = f"share of {part['peak_multiply_adds'] / 1e9:.0f} G multiply-adds/s"
    return _table(["training, emotions", "images/s", "times", peak, "cores busy", "memory"], rows)


def _augmentation(part: dict) -> str:
    rows = [[it["way"], f"{it['images_a_second']:,.0f}"] for it in part["augmentation"]]
    return _table(["changing a face at random (rotation, shift, zoom, mirror)", "images/s"], rows)


def _networks(part: dict) -> str:
    one, many = ([it for it in part["networks"] if it["batch"] == batch] for batch in (1, 64))
    rows = [
        [
            f"{single['task']} `{single['network']}`",
            f"{single['parameters'] / 1e6:.1f} M",
            f"{single['multiply_adds'] / 1e6:.0f} M",
            *(f"{it['faces_per_second']:.0f} ({it['times_faster']:.2f} times)" for it in (single, batch)),
        ]
        for single, batch in zip(one, many, strict=True)
    ]
    head = ["network, Keras", "parameters", "multiply-adds a face", "faces/s, one at a time", "faces/s, 64 at a time"]
    return _table(head, rows)


def _readers(part: dict) -> str:
    """Milliseconds a face, quartiles in brackets, and what each reader answers on the test faces."""
    cores = part["machine"]["cpus"]
    speeds = {(it["case"], it["batch"], it["threads"]): it for it in part["speed"]}
    rows = []
    for case in dict.fromkeys(it["case"] for it in part["speed"]):
        times = [
            "{ms_a_face:.1f} ({quartile_25:.1f} to {quartile_75:.1f})".format_map(speeds[case, *of])
            for of in ((1, 1), (1, cores), (64, cores))
        ]
        scores = part["test"].get(case, {})
        nme = f"{scores['nme_percent']:.2f} %" if "nme_percent" in scores else "—"
        rows.append([case, *times, nme, f"{scores['accuracy']:.1%}" if "accuracy" in scores else "—"])
    settings = ["one face, one thread", f"one face, {cores} threads", f"64, {cores} threads"]
    return _table(["from face to outputs, ms a face", *settings, "NME, HELEN testset", "top-1, PrivateTest"], rows)


def _shell(part: dict) -> str:
    rows = []
    for it in part["one_photo"]:
        cold = f"{it['cold_seconds']:.1f} s" if it["cold_seconds"] else "—"
        warm = f"{it['seconds']:.1f} s ({it['quartile_25']:.1f} to {it['quartile_75']:.1f})"
        rows.append([f"`--backend {it['backend']}`", warm, cold, f"{it['memory_mb']:.0f} MB"])
    head = ["`python -m src.predict` on one photo, to the written board", "files in memory", "from disk", "memory"]
    sizes = [[kind, f"{size:.1f} MB"] for kind, size in part["shipped_mb"].items()]
    return _table(head, rows) + "\n\n" + _table(["size of both networks", ""], sizes)


def _photos(part: dict) -> str:
    row = [
        f"{part['photos']}",
        f"{part['found_percent']:.1f} %",
        f"{part['nme_percent']:.2f} %",
        f"{part['nme_label_centred_percent']:.2f} %",
        f"{part['ms_a_photo']:.0f} ms",
    ]
    head = ["HELEN testset, whole photos", "faces found", "NME, end to end", "NME, placed by the labels", "a photo"]
    return _table(head, [row])


def _folder(part: dict) -> str:
    files = ", ".join(f"{count} {kind}" for kind, count in part["counted"].items())
    memory = f"{part['first_tenth_mb']:.0f} MB, {part['last_tenth_mb']:.0f} MB"
    head = ["files in a folder", "accounted for", "memory, first and last tenth"]
    return _table(head, [[str(part["files"]), files, memory]])


def _one_pass(part: dict) -> str:
    rows = [
        [
            it["network"],
            f"{it['parameters'] / 1e6:.1f} M",
            f"{it['multiply_adds'] / 1e6:.0f} M",
            f"{it['nme_percent']:.2f} %",
            f"{it['accuracy']:.1%}",
            f"{it['macro_f1']:.3f}",
        ]
        for it in part["validation"]
    ]
    scores = ["NME", "top-1", "macro-F1"]
    return _table(
        ["two heads or two networks; validation, one pass", "parameters", "multiply-adds a face", *scores], rows
    )


# Part of RESULTS, its table; in README's order.
TABLES = (
    ("readers", _readers),
    ("networks", _networks),
    ("one_pass", _one_pass),
    ("shell", _shell),
    ("photos", _photos),
    ("folder", _folder),
    ("load", _load),
    ("training", _training),
    ("training", _augmentation),
)


def speed_tables(results: dict) -> str:
    """All tables of the contents of RESULTS, and the machine that they were measured on."""
    tables = [table(results[part]) for part, table in TABLES if part in results]
    machines = {"{processor}, {cpus} cores, {memory_gb} GB".format_map(it["machine"]) for it in results.values()}
    return "\n\n".join([f"Measured on: {'; '.join(sorted(machines))}.", *tables])


def main() -> None:
    print(speed_tables(json.loads(RESULTS.read_text())))


if __name__ == "__main__":
    main()
