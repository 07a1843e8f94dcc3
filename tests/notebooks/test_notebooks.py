"""The notebooks run from top to bottom with the embedded server, and are kept without outputs."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.support.spark import JAVA_OPTIONS, PRELOAD, REPOSITORY, require_java

pytestmark = pytest.mark.one_python

NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
#: Cells that do their work on Databricks alone, by their ids.
FOR_DATABRICKS = {
    "02_connections_and_secrets": ["databricks", "unity"],
    "03_batch_and_streaming": ["databricks"],
}
#: Seconds for one cell; the slowest one takes a few.
PATIENCE = 120
KERNEL = "the-running-python"
#: Runs as a last cell: when the kernel ends, temporary directories go in any case.
CLEAN = """
import tempfile
from pathlib import Path
from pyspark.sql import SparkSession
assert [*Path(tempfile.gettempdir()).glob("sftp-async-*")] == []
assert SparkSession.getActiveSession() is None
"""


def stem(notebook: Path) -> str:
    return notebook.stem


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A kernel of this interpreter, which knows nothing of the user's own Jupyter."""
    home = tmp_path / "jupyter"
    spec = home / "kernels" / KERNEL / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": KERNEL, "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(home))
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    # The source tree, for the kernel and for Spark's workers.
    path = [str(REPOSITORY), str(PRELOAD), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    monkeypatch.setenv("JDK_JAVA_OPTIONS", f"{JAVA_OPTIONS} -Xmx1g")
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    return KERNEL


def run(notebook: Path, kernel: str, directory: Path) -> dict[str, str]:
    """Run a notebook in a directory; return what its cells printed or showed, by their ids."""
    document = nbformat.read(notebook, as_version=4)
    document.cells.append(nbformat.v4.new_code_cell(CLEAN))
    client = NotebookClient(
        document,
        timeout=PATIENCE,
        kernel_name=kernel,
        resources={"metadata": {"path": str(directory)}},
    )
    failure = ""
    try:
        client.execute()
    except CellExecutionError as error:  # holds the cell and its traceback, in colours
        failure = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    if failure:
        pytest.fail(f"{notebook.name}: {failure}", pytrace=False)
    return {cell.id: "".join(map(shown, cell.outputs)) for cell in code_cells(document)}


def shown(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text)
    return "".join(map(str, output.data.values()))


def code_cells(document: Any) -> list[Any]:
    return [cell for cell in document.cells if cell.cell_type == "code"]


@pytest.mark.spark
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=stem)
def test_a_notebook_runs_and_leaves_nothing_behind(
    notebook: Path, kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_java()
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    printed = run(notebook, kernel, work)
    for cell in FOR_DATABRICKS.get(notebook.stem, []):
        assert re.match(
            r"Not on Databricks\. With .* on Databricks, this cell would", printed[cell]
        )
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=stem)
def test_a_notebook_is_kept_as_it_was_written_not_as_it_was_run(notebook: Path) -> None:
    document = json.loads(notebook.read_text(encoding="utf-8"))
    remedy = f"jupyter nbconvert --clear-output --inplace notebooks/{notebook.name}"
    for cell in document["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None), remedy
        assert cell["metadata"] == {}
    assert document["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.validate(document)


def test_there_are_four_notebooks_and_their_databricks_cells_are_known() -> None:
    assert [notebook.stem.partition("_")[0] for notebook in NOTEBOOKS] == ["01", "02", "03", "04"]
    asking = {
        notebook.stem: cells
        for notebook in NOTEBOOKS
        if (
            cells := [
                cell.id
                for cell in code_cells(nbformat.read(notebook, as_version=4))
                if "Not on Databricks" in cell.source
            ]
        )
    }
    assert asking == FOR_DATABRICKS
