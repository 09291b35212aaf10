import re
import runpy
import tomllib
from types import SimpleNamespace

from src.files import ROOT

CONF = runpy.run_path(str(ROOT / "docs" / "conf.py"))
README = """
<p align="center"><img src="figures/Face_Board.png" width="800" alt="faces"></p>
[1](notebooks/01_eda.ipynb), [7](notebooks/07_none.ipynb), [notebooks/executed](notebooks/executed)
"""


def seen_by_the_site(name, text):
    source = [text]
    CONF["for_the_site"](None, name, source)
    return source[0]


def test_every_page_of_the_site_is_a_file_and_every_notebook_a_page():
    pages = [*(f"{name}.ipynb" for name in CONF["NOTEBOOKS"].values()), *(f"{name}.md" for name in CONF["PAGES"])]
    assert {*CONF["include_patterns"]} == {"README.md", *pages}
    assert all((ROOT / page).is_file() for page in pages)
    assert list(CONF["NOTEBOOKS"]) == sorted(path.stem for path in ROOT.glob("notebooks/*.ipynb"))
    assert CONF["NOTEBOOKS"]["01_eda"] == "notebooks/executed/01_eda"


def test_readme_leads_to_the_notebooks_with_outputs_and_lists_all_pages():
    text = seen_by_the_site("README", README)
    assert '\n<img src="figures/Face_Board.png" width="800" alt="faces">\n' in text and "<p" not in text
    assert "[1](notebooks/executed/01_eda.ipynb)" in text
    assert "[7](07_none.ipynb)" in text, "the builder says that there is none"
    assert text.count("notebooks/executed)") == 0 and "`notebooks/executed`" in text, "a folder is no page"
    listed = [line for line in text.splitlines() if line in {*CONF["NOTEBOOKS"].values(), *CONF["PAGES"]}]
    assert listed == [*CONF["NOTEBOOKS"].values(), *CONF["PAGES"]]


def test_a_link_to_a_heading_is_written_as_the_site_names_it():
    assert seen_by_the_site("notebooks/executed/05", '"[page](#Now-yours), [README](A.md#B)"') == (
        '"[page](#now-yours), [README](A.md#B)"'
    ), "a notebook is JSON: nothing may stand behind it"
    assert seen_by_the_site("weights/CARD", "[page](#Now)") == "[page](#now)" + CONF["STYLE"]


def test_the_front_page_is_readme_unless_the_build_failed(tmp_path):
    (tmp_path / "README.html").write_text("front")
    CONF["add_front_page"](SimpleNamespace(outdir=tmp_path), ValueError())
    assert not (tmp_path / "index.html").exists()
    CONF["add_front_page"](SimpleNamespace(outdir=tmp_path), None)
    assert (tmp_path / "index.html").read_text() == "front"


def test_on_github_each_notebook_has_a_button_that_opens_it_in_binder(monkeypatch):
    assert "launch_buttons" not in CONF["html_theme_options"], "nobody knows the address elsewhere"
    monkeypatch.setenv("GITHUB_REPOSITORY", "me/faces")
    options = runpy.run_path(str(ROOT / "docs" / "conf.py"))["html_theme_options"]
    assert options["repository_url"] == "https://github.com/me/faces"
    assert options["launch_buttons"]["binderhub_url"] == "https://mybinder.org"


def test_binder_installs_what_make_installs():
    folder = ROOT / ".binder"
    assert (folder / "requirements.txt").read_text().split() == ["-r", "../requirements.txt"]
    command = (folder / "postBuild").read_text().splitlines()[-1]
    assert command.startswith("pip install ") and command.split("pip install ")[1] in (
        " ".join(re.sub(r"--quiet|--disable-pip-version-check", "", line).split()).split("pip install ")[-1]
        for line in (ROOT / "Makefile").read_text().splitlines()
    )
    lowest, highest = re.findall(
        r"3\.(\d+)", tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    )
    version = re.fullmatch(r"python-3\.(\d+)\n", (folder / "runtime.txt").read_text())
    assert int(lowest) <= int(version[1]) < int(highest)
