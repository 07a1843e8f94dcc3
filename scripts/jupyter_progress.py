"""Takes pictures of the progress of a write in JupyterLab, light and dark, in a real browser.

`pip install jupyterlab playwright`, then `python scripts/jupyter_progress.py DIRECTORY`. It runs a
notebook against an embedded server that takes 25 ms for each request, so that there is something
to see, and saves pictures of its page: two while the write runs, and one at its end. The browser is
Chromium: `playwright install chromium`, or `--chromium PATH` of one that is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

SETTING_UP = """\
import asyncio, os, sys, tempfile
from pyspark.sql import SparkSession
from sftp_async import SFTPOptions, register
from sftp_async.testing import EmbeddedServer, FolderServer

class SlowServer(FolderServer):
    async def write(self, file_obj, offset, data):
        await asyncio.sleep(0.025)
        return super().write(file_obj, offset, data)

os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
names = ("spark.ui.enabled", "spark.ui.showConsoleProgress")
quiet = dict.fromkeys(names, "false") | {"spark.log.level": "ERROR"}
spark = SparkSession.builder.master("local[2]").config(map=quiet).getOrCreate()
register(spark)
server = EmbeddedServer(tempfile.mkdtemp(), sftp_factory=SlowServer).start()
options = SFTPOptions(
    **server.options(), format="csv", chunk_size="32k", max_connections=1, channels_per_file=1
)
"""
WRITING = """\
rows = spark.range(0, 300_000, numPartitions=8).selectExpr("id", "sha2(string(id), 256) AS hash")
rows.write.format("sftp").options(**options.to_spark()).mode("append").save("/out/orders")
"""
#: Milliseconds for whatever the browser waits for.
PATIENCE = 1_200_000


def notebook() -> dict[str, Any]:
    """Return the notebook, as a document."""
    code: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
    }
    cells = [
        code | {"id": f"cell-{number}", "source": source}
        for number, source in enumerate((SETTING_UP, WRITING))
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def address_of(lab: subprocess.Popen[str]) -> str:
    """Return the address that a server of JupyterLab says it listens at."""
    assert lab.stderr is not None
    for line in lab.stderr:
        _, found, address = line.partition(" http://127.0.0.1:")
        if found:
            # What else it logs is read as well: with a full pipe it would stop.
            threading.Thread(target=lab.stderr.read, daemon=True).start()
            return f"http://127.0.0.1:{address.partition('/')[0]}"
    raise SystemExit("JupyterLab has ended.")


def settings(home: Path, theme: str) -> None:
    """Set the theme, and switch off the checks of the code, whose messages cover the page."""
    off = {"@jupyterlab/lsp-extension": True}
    for path, content in (
        (".config/labconfig/page_config.json", {"disabledExtensions": off}),
        (
            ".lab/@jupyterlab/apputils-extension/themes.jupyterlab-settings",
            {"theme": f"JupyterLab {theme.title()}"},
        ),
    ):
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(json.dumps(content))


def take_pictures(browser: Any, address: str, theme: str, directory: Path) -> None:
    """Run the notebook in a theme, and save the pictures."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/lab/tree/{theme}.ipynb?reset")
    page.get_by_text("(ipykernel) | Idle").wait_for()  # before that, it asks for a kernel
    page.locator(".lm-MenuBar-itemLabel:text-is('Run')").click()
    page.locator(".lm-Menu-itemLabel:text-is('Run All Cells')").click()
    shown = (
        ".jp-OutputArea progress",
        ".jp-OutputArea >> text=about",
        ".jp-OutputArea >> text=Written to",
    )
    for number, what in enumerate(shown, start=1):
        try:
            page.locator(what).first.wait_for()
        finally:  # also where it does not come, so that one sees why
            page.screenshot(path=directory / f"{theme}-{number}.png", timeout=PATIENCE)
    page.close()


def main() -> None:
    """Start JupyterLab and the browser, and take the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("directory", type=Path, help="where the pictures go")
    parser.add_argument("--chromium", metavar="PATH", help="executable of the browser")
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    playwright = import_module("playwright.sync_api")  # of no group of dependencies
    with tempfile.TemporaryDirectory() as home:
        for theme in ("light", "dark"):
            Path(home, f"{theme}.ipynb").write_text(json.dumps(notebook()))
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0"]
        command += ["--allow-root", "--IdentityProvider.token=", f"--notebook-dir={home}"]
        own = {"JUPYTER_CONFIG_DIR": f"{home}/.config", "JUPYTER_DATA_DIR": f"{home}/.data"}
        own |= {
            "JUPYTERLAB_SETTINGS_DIR": f"{home}/.lab",
            "JUPYTERLAB_WORKSPACES_DIR": f"{home}/.w",
        }
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env={**os.environ, **own}
        ) as lab:
            try:
                address = address_of(lab)
                with playwright.sync_playwright() as running:
                    browser = running.chromium.launch(
                        executable_path=given.chromium, args=["--no-sandbox"]
                    )
                    for theme in ("light", "dark"):
                        settings(Path(home), theme)
                        take_pictures(browser, address, theme, given.directory)
            finally:
                lab.terminate()


if __name__ == "__main__":
    main()
