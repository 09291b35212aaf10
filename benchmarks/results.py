"""The results of all benchmarks in one file, a part each: benchmarks/results.json, from which README's tables come."""

import json
import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import psutil

from src.files import write_json
from benchmarks.tables import RESULTS

LIBRARIES = ("tensorflow", "keras", "onnxruntime", "ai-edge-litert", "opencv-python", "numpy", "pandas")


def processor() -> str:
    """The processor's name where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else []
    return names[0] if names else platform.processor() or platform.machine()


def machine() -> dict:
    """What the figures were measured on."""
    return {
        "processor": processor(),
        "cpus": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def save(part: str, result: dict) -> None:
    """Puts the result of one benchmark into its place, the others stay; with it, the machine and the libraries."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    libraries = {name: _version(name) for name in LIBRARIES}
    results[part] = {"machine": machine(), "libraries": libraries, **result}
    write_json(RESULTS, dict(sorted(results.items())))


def _version(name: str) -> str:
    """opencv-python may be the headless build, see the Makefile."""
    try:
        return version(name)
    except ModuleNotFoundError:  # what importlib's own error is derived from
        return version(f"{name}-headless")
