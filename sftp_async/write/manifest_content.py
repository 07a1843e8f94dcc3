"""States what the manifest of a write holds besides its files: columns, format, run, counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import SFTPOptions
    from sftp_async.remote.stats import ConnectionStats


def manifest_content(
    layout: Layout,
    options: SFTPOptions,
    schema: pa.Schema,
    spent: ConnectionStats,
    seconds: float,
) -> dict[str, Any] | None:
    """Return what the manifest holds besides the files; None: none is written.

    Args:
        layout: where the job writes.
        options: of the job.
        schema: the columns of the rows.
        spent: what the connections took until the commit began: a manifest is complete before the
            commit is.
        seconds: since the job was planned.

    """
    if not options.manifest:
        return None
    content: dict[str, Any] = {}
    if options.job_key is not None:
        content["job_key"] = options.job_key
    elif layout.once is not None:
        content |= {"query": layout.once.scope, "batch": int(layout.once.name)}
    content["format"] = options.format
    if options.partition_by:
        content["partition_by"] = list(options.partition_by)
    content["schema"] = [
        {"name": column.name, "type": str(column.type), "nullable": column.nullable}
        for column in schema
    ]
    content["seconds"] = round(seconds, 3)
    return content | {
        "connections": spent.connections,
        "retries": spent.retries,
        "reconnects": spent.reconnects,
    }
