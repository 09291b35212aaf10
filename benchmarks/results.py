"""What all benchmarks share: a command line, ways that take turns, and one file of results, benchmarks/results.json."""

import argparse
import json
import os
import platform
import re
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import psutil
from tables import RESULTS
from tqdm import tqdm

from src.files import write_json

LIBRARIES = ("tensorflow", "keras", "onnxruntime", "ai-edge-litert", "numpy", "pandas")


def parse(document: str, *switches: str, **options) -> dict:
    """What the command line says: option -> value. options: name -> its default, or its type where it has none."""
    parser = argparse.ArgumentParser(description=document, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, given in options.items():
        kind, default = (given, None) if isinstance(given, type) else (type(given), given)
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=default)
    for name in switches:
        parser.add_argument(f"--{name}", action="store_true")
    return vars(parser.parse_args())


def run(part: str, document: str, measure: Callable[..., dict], **options) -> dict:
    """One benchmark: measures with what the command line says, prints, and with --save keeps the result as `part`."""
    given = parse(document, "save", **options)
    save = given.pop("save")
    result = measure(**given)
    for name, value in result.items():
        is_table = isinstance(value, list)
        print(pd.DataFrame(value).to_string(index=False) if is_table else f"{name}: {json.dumps(value)}")
    if save:
        libraries = {name: version(name) for name in LIBRARIES} | {"opencv": cv2.__version__}
        results = json.loads(RESULTS.read_text()) | {part: {"machine": machine(), "libraries": libraries, **result}}
        write_json(RESULTS, dict(sorted(results.items())))
    return result


def take_turns(ways: dict, rounds: int, title: str) -> dict:
    """Calls every way once a round, so that a busy machine slows them alike: name -> what it gave, round by round."""
    given = {name: [] for name in ways}
    for _ in tqdm(range(rounds), title, unit=" rounds"):
        for name, way in ways.items():
            given[name].append(way())
    return given


def seconds(call: Callable, *arguments) -> float:
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


def quartiles(values: list[float], name: str) -> dict[str, float]:
    """The median under `name`, and the quartiles around it."""
    low, middle, high = (float(it) for it in np.percentile(values, [25, 50, 75]))
    return {name: middle, "quartile_25": low, "quartile_75": high}


def peak_mb() -> float:
    """The most memory that this process has held so far, MB; Linux only."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024 / 1e6


def has_vnni() -> bool:
    """Whether the processor adds up products of int8 in one instruction, from which int8 gains most; x86 Linux only."""
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and re.search(r"\bavx(512)?_vnni\b", cpuinfo.read_text()) is not None


def machine() -> dict:
    """What the figures were measured on."""
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else []
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }
