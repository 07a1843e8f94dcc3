"""Logs one line of JSON for each job that has ended: the logger `sftp_async.job`."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from sftp_async.progress.telemetry.job_result import JobResult

log = logging.getLogger("sftp_async.job")


def log_job(result: JobResult) -> None:
    """Log a job at level INFO; every line has the same keys, in the same order."""
    if log.isEnabledFor(logging.INFO):
        log.info("%s", line_of(result))


def line_of(result: JobResult) -> str:
    """Return a job as one line of JSON, without secrets."""
    labels = result.labels
    started = datetime.fromtimestamp(labels.started, UTC)
    return json.dumps(
        {
            "operation": result.operation,
            "outcome": result.outcome,
            "job_id": result.job_id,
            "batch": labels.batch if labels.batch >= 0 else None,
            "target": result.target,
            "host": labels.host,
            "port": labels.port,
            "format": labels.format,
            "started": started.isoformat(timespec="milliseconds"),
            "seconds": round(result.seconds, 3),
            "startup_seconds": round(result.startup_seconds, 3),
            "files": result.files,
            "rows": result.rows,
            "bytes": result.bytes,
            "tasks": result.tasks,
            "connections": result.connections,
            "retries": result.retries,
            "reconnects": result.reconnects,
            "wait_seconds": round(result.wait_seconds, 3),
            "throttle_seconds": round(result.throttle_seconds, 3),
            "files_replaced": result.files_replaced,
            "files_removed": result.files_removed,
            "files_left_out": result.files_left_out,
            "error_type": result.error_type or None,
            "error": result.error or None,
        },
        ensure_ascii=False,
    )
