"""Plans a write without doing it: everything that can be checked, and what the job would do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sftp_async.errors import OptionsError, SFTPAsyncError
from sftp_async.formats.given_schema import given_schema
from sftp_async.formats.spark_schema import ddl_of
from sftp_async.options.archives import ARCHIVES
from sftp_async.options.base import with_inferred
from sftp_async.options.parsing import parse_text
from sftp_async.options.problems import Problems
from sftp_async.remote.operation import run_operation
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import get_runtime
from sftp_async.remote.ssh import check_usable
from sftp_async.write.commit.expected_names import ATTEMPT, JOB, target_names
from sftp_async.write.commit.forecast import Forecast, forecast
from sftp_async.write.plan import Draft, draft_job
from sftp_async.write.write_plan import WritePlan

if TYPE_CHECKING:
    from sftp_async.options import SFTPOptions
    from sftp_async.remote.ssh import Connection

#: Spark's save modes that no Python source gets (UNSUPPORTED_DATA_SOURCE_SAVE_MODE).
_OF_SPARK_ALONE = ("error", "errorifexists", "ignore", "default")


def plan_write(
    options: SFTPOptions,
    path: str | None,
    schema: object,
    mode: str = "append",
    *,
    connect: bool = True,
) -> WritePlan:
    """Check a batch write, and find out what it would do. It writes nothing, here or on the server.

    Args:
        options: as for the write.
        path: the target, as in `save()`; None: `options.path`.
        schema: the columns: Spark's DDL (`"id BIGINT, name STRING"`), Spark's JSON of a schema, a
            `StructType` (`df.schema`) or a `pyarrow.Schema`.
        mode: `append` or `overwrite`.
        connect: look at the server, too. If not, only what needs no connection is checked.

    Returns:
        The plan. What is wrong is in its `problems`; a server that cannot be reached is one.

    Raises:
        OptionsError: `path` is no text or path; `mode` or `schema` cannot be understood.

    """
    _check_mode(mode)
    problems = Problems()
    columns = given_schema(schema, problems)
    if path is not None:
        path = _as_text(path)
        options = with_inferred(options, {"path": path})
    draft = draft_job(options, columns, problems, overwrite=mode == "overwrite")
    usable = draft.resolved
    if draft.resolved:
        usable = not problems.add(_connection_problems(draft.options))
    found: Forecast | None = None
    sentences = problems.sentences
    if connect and usable and draft.layout is not None:
        try:
            found = _look(draft)
        except SFTPAsyncError as error:
            sentences.append(str(error))
        else:
            sentences += found.problems
    return WritePlan(
        address=options.address,
        path=options.path,
        mode=mode,
        format=draft.options.format,
        compression=draft.options.compression,
        ddl=ddl_of(columns),
        archive=draft.options.archive if draft.options.archive in ARCHIVES else None,
        member=_member(draft),
        names=() if draft.layout is None else target_names(draft.layout, draft.options),
        staging=None if draft.layout is None else draft.layout.paths.staging_base,
        direct=draft.layout is not None and draft.layout.direct,
        max_connections=draft.options.max_connections,
        problems=tuple(dict.fromkeys(sentences)),
        target=found,
    )


def _member(draft: Draft) -> str | None:
    """Return the name of the first member of the first archive; None if there is none."""
    layout = draft.layout
    if layout is None or layout.members is None:
        return None
    columns = "/".join(f"{column}=<{column}>" for column in layout.partition_by)
    archive = layout.file_name or layout.part_names(0, 0, ATTEMPT, "")[1].replace(layout.tag, JOB)
    try:
        return layout.members.render(archive, directory=columns, job=JOB)
    except (ValueError, TypeError, LookupError):
        return None  # a problem of the plan says why


def _as_text(path: object) -> str:
    """Return a path as text; what is wrong with the text itself is a problem of the plan.

    Raises:
        OptionsError: it is neither text nor a path.

    """
    try:
        return parse_text(os.fspath(path) if isinstance(path, os.PathLike) else path)
    except ValueError as error:
        raise OptionsError(f"path {error}, not {type(path).__name__}.") from None


def _check_mode(mode: str) -> None:
    """Ensure that Spark gives the mode to a Python source.

    Raises:
        OptionsError: it does not.

    """
    if mode in ("append", "overwrite"):
        return
    why = "is not known"
    if mode in _OF_SPARK_ALONE:
        why = "is a save mode that Spark offers to no Python data source"
    raise OptionsError(f"mode={mode} {why}: set append or overwrite.")


def _connection_problems(options: SFTPOptions) -> list[str]:
    """Return what is wrong with keys, known_hosts, ciphers and the proxy, without connecting."""
    try:
        check_usable(options)
    except OptionsError as error:
        return error.problems
    return []


def _look(draft: Draft) -> Forecast:
    layout = draft.layout
    assert layout is not None

    async def step(connection: Connection) -> Forecast:
        return await forecast(connection, layout, draft.options)

    runtime = get_runtime()
    retry = RetryPolicy.of(draft.options)
    return runtime.run(run_operation(runtime.pool(draft.options), retry, step))
