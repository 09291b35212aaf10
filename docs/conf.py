"""The site of `make site`: README, the notebooks with their outputs, the networks' card, experiments and docs."""

import os
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXECUTED = {path.stem for path in ROOT.glob("notebooks/executed/*.ipynb")}
# A notebook that has no copy with outputs is shown without.
NOTEBOOKS = {
    path.stem: f"notebooks/executed/{path.stem}" if path.stem in EXECUTED else f"notebooks/{path.stem}"
    for path in sorted(ROOT.glob("notebooks/*.ipynb"))
}
PAGES = ["weights/CARD", "weights/EXPERIMENTS", "docs/scale", "benchmarks/README", "CONTRIBUTING", "CHANGELOG"]
# The front page's pictures do not shrink to stamps in their table; on a phone, tables take less room.
STYLE = """
<style>
td img { max-width: none }
@media (max-width: 600px) { table.table :is(td, th) { padding: .2rem; font-size: .7rem } td img { width: 90px } }
</style>
"""
CONTENTS = """
```{{toctree}}
:hidden:
:caption: {}
{}
```
"""

project = html_title = "Facial keypoints and emotions"
root_doc = "README"
include_patterns = ["README.md", *(f"{name}.ipynb" for name in NOTEBOOKS.values()), *(f"{name}.md" for name in PAGES)]
exclude_patterns = [".venv*", "build", "data", "runs"]
extensions = ["myst_nb"]
myst_enable_extensions = ["html_image", "dollarmath"]
myst_dmath_allow_space = myst_dmath_allow_digits = False  # $11 and $38 are prices
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
nb_ipywidgets_js = {}  # a widget needs a running Python
html_theme = "sphinx_book_theme"
html_theme_options = {"use_download_button": False, "show_toc_level": 2, "navbar_persistent": []}
if repository := os.environ.get("GITHUB_REPOSITORY"):  # owner/name, where GitHub builds the site
    html_theme_options |= {
        "repository_url": f"https://github.com/{repository}",
        "use_repository_button": True,
        "path_to_docs": ".",
        "launch_buttons": {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"},
    }
html_show_copyright = html_show_sphinx = html_copy_source = False


def for_the_site(app, name: str, source: list[str]) -> None:
    """Links as a site needs them: to the notebooks with outputs, to headings in lower case, none to a folder."""
    text = re.sub(r"\]\(#[^)]*\)", lambda link: link[0].lower(), source[0])
    if name == root_doc:
        text = re.sub(r"\]\(notebooks/(\w+)\.ipynb\)", lambda link: f"]({NOTEBOOKS.get(link[1], link[1])}.ipynb)", text)
        text = text.replace("[notebooks/executed](notebooks/executed)", "`notebooks/executed`")
        text = re.sub(r"<p [^>]*>(<img .*>)</p>", r"\1", text)
        for caption, names in (("The notebooks", NOTEBOOKS.values()), ("More", PAGES)):
            text += CONTENTS.format(caption, "\n".join(names))
    source[0] = text if name.startswith("notebooks/") else text + STYLE


def add_front_page(app, exception: Exception | None) -> None:
    """A host looks for index.html."""
    if exception is None:
        shutil.copy(Path(app.outdir, f"{root_doc}.html"), Path(app.outdir, "index.html"))


def setup(app) -> None:
    app.connect("source-read", for_the_site)
    app.connect("build-finished", add_front_page)
