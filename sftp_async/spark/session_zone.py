"""Finds the session's time zone, in which texts without a zone are read."""

from __future__ import annotations

from pyspark import TaskContext

#: Spark's setting; a session that sets it hands it to its tasks as a local property
#: (SQLExecution.withSQLConfPropagated).
ZONE = "spark.sql.session.timeZone"


def task_zone() -> str | None:
    """Return the zone that the session has set; None outside of a task, and if it set none."""
    context = TaskContext.get()
    return context.getLocalProperty(ZONE) if context is not None else None
