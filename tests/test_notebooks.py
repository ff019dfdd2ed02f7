"""The notebooks run from top to bottom on the demo corpus, and are kept without their outputs."""

import shutil

import nbformat
import pytest
from nbclient import NotebookClient

from .helpers.world import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, monkeypatch_module):
    """A copy: what they write lies next to it. The last reads the second's run."""
    place = tmp_path_factory.mktemp("checkout") / "notebooks"
    shutil.copytree(ROOT / "notebooks", place)
    return place


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("MPLBACKEND", "agg")
        yield patch


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(folder, path):
    notebook = nbformat.read(folder / path.name, as_version=4)
    # A cell that raises ends the test with its traceback
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    shown = [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]
    assert len(shown) >= 3
    assert not [out for out in shown if out.output_type == "error"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_holds_no_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_there_are_four_of_them():
    assert [path.stem for path in NOTEBOOKS] == ["1_data", "2_training", "3_results", "4_colab"]
