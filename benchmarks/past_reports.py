"""Loads a report, and brings those of an earlier schema up to date."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.targets import targets

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measures import Document

#: Until schema 2, some contenders had names that only this project's history explains.
RENAMED = {"seed": "paramiko_pandas"}
TITLES = {
    "paramiko_pandas": "Paramiko + pandas",
    "spark_disk": "Spark to a local disk, no upload",
    "spark_disk_sftp": "Spark to a local disk, then OpenSSH sftp",
    "spark_disk_rclone": "Spark to a local disk, then rclone",
    "noop": "A Python source that drops its rows",
}
LAST_WITH_OLD_NAMES = 2


def load_report(file: Path) -> Document:
    """Return a report with today's names, and its targets computed from its own runs.

    Args:
        file: a `report.json` of schema 1 or later.

    """
    document: Document = json.loads(file.read_text())
    if document["schema"] <= LAST_WITH_OLD_NAMES:
        for comparison in document["contests"]:
            for entry in comparison["entries"]:
                entry["name"] = RENAMED.get(entry["name"], entry["name"])
                entry["title"] = TITLES.get(entry["name"], entry["title"])
    document["targets"] = targets(document)
    return document
