"""Finds the session's time zone, in which texts without a zone are read."""

from __future__ import annotations

import os
from pathlib import Path
from zoneinfo import ZoneInfo

from pyspark import TaskContext

#: Spark's setting; a session that sets it hands it to its tasks as a local property
#: (SQLExecution.withSQLConfPropagated).
ZONE = "spark.sql.session.timeZone"
_LINK = Path("/etc/localtime")


def task_zone() -> str | None:
    """Return the zone that the session has set; None outside of a task, and if it set none."""
    context = TaskContext.get()
    return context.getLocalProperty(ZONE) if context is not None else None


def machine_zone() -> str:
    """Return the zone of this machine, which is a session's default: `Europe/Berlin`, or `UTC`.

    Java takes it from the variable TZ, then from the link /etc/localtime.
    """
    named = os.environ.get("TZ", "").removeprefix(":")
    _, _, linked = str(_LINK.resolve()).rpartition("/zoneinfo/")
    for name in (named, linked):
        try:
            if name:
                return ZoneInfo(name).key
        except (ValueError, OSError):  # no name of a zone, or one without data here
            continue
    return "UTC"
