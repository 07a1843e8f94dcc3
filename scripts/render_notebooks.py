"""Runs the notebooks and keeps copies with their outputs for the documentation's site.

Run it with `python scripts/render_notebooks.py`, after a change of a notebook: the copies are
committed in `docs/notebooks`, since building the documentation starts no Spark. A test holds that
their cells are those of `notebooks/`. Names of notebooks as arguments render those alone.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

REPOSITORY = Path(__file__).parents[1]
NOTEBOOKS = REPOSITORY / "notebooks"
RENDERED = REPOSITORY / "docs" / "notebooks"
#: Seconds for one cell.
PATIENCE = 1800
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def run(notebook: Path) -> Any:
    """Return a notebook with the outputs of its cells, run by this interpreter in a new folder.

    Raises:
        CellExecutionError: a cell failed.

    """
    document = nbformat.read(notebook, as_version=4)
    with tempfile.TemporaryDirectory() as directory:
        spec = Path(directory, "jupyter", "kernels", "this", "kernel.json")
        spec.parent.mkdir(parents=True)
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec.write_text(json.dumps({"argv": argv, "display_name": "this", "language": "python"}))
        os.environ["JUPYTER_PATH"] = str(spec.parents[2])
        os.environ["PYTHONPATH"] = str(REPOSITORY)
        work = Path(directory, "work")
        work.mkdir()
        NotebookClient(
            document,
            timeout=PATIENCE,
            kernel_name="this",
            resources={"metadata": {"path": str(work)}},
        ).execute()
    return document


def tidied(document: Any) -> Any:
    """Return the notebook without what differs by machine: times of cells, messages of start-up."""
    for cell in document.cells:
        cell.metadata = nbformat.NotebookNode()
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
            for output in cell.outputs:
                if "text" in output:
                    output.text = _COLOURS.sub("", output.text)
    document.metadata = nbformat.NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    return document


def main(names: list[str]) -> None:
    """Render the notebooks of these names, or all."""
    RENDERED.mkdir(exist_ok=True)
    for notebook in sorted(NOTEBOOKS.glob("*.ipynb")):
        if not names or notebook.stem in names or notebook.name in names:
            nbformat.write(tidied(run(notebook)), RENDERED / notebook.name)
            print(RENDERED / notebook.name)


if __name__ == "__main__":
    main(sys.argv[1:])
