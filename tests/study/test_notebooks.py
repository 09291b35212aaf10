import ast
import itertools
import re

import nbformat
import papermill
import pytest

from src.files import NOTEBOOKS, ROOT
from src.study.pipeline import NOTEBOOK_NAMES

FILES = sorted(NOTEBOOKS.glob("*.ipynb"))
TEST_SPLITS = {"Test", "HelenTest", "PrivateTest"}
JUDGES = {  # the evaluation, and after it the appendix, which chooses nothing
    "04_evaluation_and_face_board": {"PrivateTest"},
    "06_shortcuts": TEST_SPLITS - {"PrivateTest"},  # which src.evaluation.shortcuts takes itself
}


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_study_is_there():
    assert set(NOTEBOOK_NAMES) <= {path.stem for path in FILES}


def test_one_cell_holds_the_parameters_as_literals(notebook):
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    statements = ast.parse(cell.source).body
    assert statements and cell is code_cells(notebook)[0]
    for statement in statements:
        assert isinstance(statement, ast.Assign)
        ast.literal_eval(statement.value)


def test_src_comes_before_keras_since_it_tells_tensorflow_how_to_compute(notebook):
    code = "\n".join(cell.source for cell in code_cells(notebook))
    loaded = re.findall(r"^(?:from|import) (src|keras|tensorflow)\b", code, re.MULTILINE)
    assert loaded[0] == "src"


def test_a_notebook_is_text_first_and_its_cells_are_short(notebook):
    assert notebook.cells[0].cell_type == "markdown"
    texts = len(notebook.cells) - len(code_cells(notebook))
    assert texts >= 0.4 * len(notebook.cells)
    lengths = [sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in code_cells(notebook)]
    assert max(lengths) <= 15


def definitions(source: str) -> dict[str, set[str]]:
    """Functions and classes of a piece of Python by name, without docstrings, comments and layout."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            for inner in ast.walk(node):
                if isinstance(inner, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(inner) is not None:
                    inner.body = inner.body[1:]
            found.setdefault(node.name, set()).add(ast.unparse(node))
    return found


def test_what_a_notebook_writes_out_is_what_src_runs(notebook):
    ours = [definitions(path.read_text()) for path in (ROOT / "src").rglob("*.py")]
    for cell in code_cells(notebook):
        for name, codes in definitions(cell.source).items():
            assert codes <= set().union(*(it.get(name, ()) for it in ours)), f"{name} differs from the one in src"


def test_the_source_that_an_executed_copy_shows_is_that_of_src():
    """A copy that was made before its source changed teaches what is gone."""
    lines_of_src = "\n".join(
        line.strip() for path in (ROOT / "src").rglob("*.py") for line in path.read_text().splitlines()
    )
    shown = [
        block
        for path in (NOTEBOOKS / "executed").glob("*.ipynb")
        for cell in code_cells(nbformat.read(path, as_version=4))
        for output in cell.outputs
        for block in re.findall(r"```python\n(.*?)\n```", output.get("data", {}).get("text/markdown", ""), re.DOTALL)
    ]
    assert len(shown) >= 5
    for block in shown:
        assert "\n".join(line.strip() for line in block.splitlines()) in lines_of_src, block


def test_the_mechanism_is_in_view():
    sources = {path.stem[:2]: "\n".join(cell.source for cell in code_cells(nbformat.read(path, 4))) for path in FILES}
    assert sum(sources[name].count("Conv2D(") for name in ("01", "02", "03", "04")) >= 6
    for name in ("02", "03"):
        assert {it for it in (".compile(", ".fit(", ".summary(") if it not in sources[name]} == set(), name


def test_every_figure_is_numbered_and_followed_by_a_sentence(notebook):
    number = 0
    chapter = int(re.match(r"# (\d) ", notebook.cells[0].source)[1])
    for cell, after in itertools.zip_longest(notebook.cells, notebook.cells[1:]):
        if cell.cell_type != "code":
            continue
        for _ in re.findall(r"save_(?:figure|board)\(", cell.source):
            number += 1
            assert after is not None and after.cell_type == "markdown", cell.source
            caption = re.search(rf"\*\*Figure {chapter}\.{number}\.\*\* \S.{{30}}", after.source)
            assert caption, f"Figure {chapter}.{number} has no caption below it: {cell.source}"
    captions = sum(len(re.findall(r"\*\*Figure ", cell.source)) for cell in notebook.cells)
    assert captions == number > 0


def test_a_notebook_ends_with_three_exercises_that_its_parameters_answer(notebook):
    last = notebook.cells[-1]
    assert last.cell_type == "markdown" and last.source.startswith("## Exercises")
    exercises = re.findall(r"^\d\. .*(?:\n   .*)*", last.source, re.MULTILINE)
    assert len(exercises) == 3
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    parameters = {target.id for statement in ast.parse(cell.source).body for target in statement.targets}
    for exercise in exercises:
        named = re.findall(r"-p (\w+)", exercise)
        assert named and set(named) <= parameters, exercise


def test_no_results_are_stored_and_any_python_3_runs_it(notebook):
    assert all(not cell.outputs and cell.execution_count is None for cell in code_cells(notebook))
    assert notebook.metadata.kernelspec.name == "python3"


def opened_splits(sources):
    """The strings within the arguments of every call of a method named split, in pieces of Python."""
    calls = [node for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    splits = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "split"]
    return {
        node.value for call in splits for it in call.args for node in ast.walk(it) if isinstance(node, ast.Constant)
    }


def test_only_the_evaluation_and_the_appendix_open_the_test_split():
    cells = {path.stem: code_cells(nbformat.read(path, as_version=4)) for path in FILES}
    opened = {name: opened_splits(cell.source for cell in its) & TEST_SPLITS for name, its in cells.items()}
    assert {name: splits for name, splits in opened.items() if splits} == JUDGES
    assert [name for name in NOTEBOOK_NAMES if name in JUDGES] == list(JUDGES), "the appendix comes after"
    modules = {path.relative_to(ROOT).as_posix(): path.read_text() for path in (ROOT / "src").rglob("*.py")}
    opening = {name for name, source in modules.items() if opened_splits([source]) & TEST_SPLITS}
    assert opening == {"src/evaluation/shortcuts.py"}
    for name in NOTEBOOK_NAMES[1:3]:  # the trainings do not even name it
        source = "".join(cell.source for cell in code_cells(nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)))
        assert not any(f'"{split}"' in source for split in TEST_SPLITS)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"sampel_faces": 50}, r"There is no parameter 'sampel_faces'; did you mean sample_faces\?"),
        ({"data": "reel"}, r"Parameter data is 'reel'; it may be 'sample' or 'real'\."),
    ],
    ids=["name", "value"],
)
def test_a_wrong_parameter_stops_a_notebook_with_one_sentence(tmp_path, parameters, sentence):
    with pytest.raises(papermill.PapermillExecutionError, match=sentence):
        papermill.execute_notebook(
            NOTEBOOKS / "01_eda.ipynb", tmp_path / "out.ipynb", parameters, cwd=ROOT, progress_bar=False
        )
