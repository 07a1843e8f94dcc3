"""Plans a write: checks options, columns and target against each other, without a connection."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sftp_async.formats import open_format
from sftp_async.formats.base import Format, RowFiles
from sftp_async.layout.job_layout import Layout
from sftp_async.layout.target import infer_format, target_problems, with_exact_path
from sftp_async.options.problems import Problems
from sftp_async.write.job import Job
from sftp_async.write.partitioner import Partitioning, partition_problems
from sftp_async.write.validation import job_problems, stream_problems

if TYPE_CHECKING:
    import pyarrow as pa

    from sftp_async.options import SFTPOptions


def plan_job(
    options: SFTPOptions,
    schema: pa.Schema,
    *,
    overwrite: bool,
    problems: Problems | None = None,
) -> Job:
    """Plan a batch write.

    Args:
        options: as the user gave them; references to secrets are resolved here.
        schema: of the rows to come.
        overwrite: replace what is there.
        problems: found before, and reported with those of the plan.

    Raises:
        OptionsError: the options do not make a job; lists all mistakes.
        EncodeError: a column cannot be written in the format, and nothing else is wrong.

    """
    problems = Problems() if problems is None else problems
    return _plan(options, schema, problems, overwrite=overwrite)


def plan_stream_job(
    options: SFTPOptions,
    schema: pa.Schema,
    *,
    overwrite: bool,
    checkpoint: str,
    problems: Problems | None = None,
) -> Job:
    """Plan the micro-batches of a streaming query; raises as `plan_job`.

    Args:
        options: as the user gave them.
        schema: of the rows to come.
        overwrite: each micro-batch replaces what is there: output mode `complete`.
        checkpoint: the query's checkpoint location, if it is known.
        problems: found before, and reported with those of the plan.

    """
    problems = Problems() if problems is None else problems
    problems.add(stream_problems(options, overwrite=overwrite))
    if "write_empty" not in options.model_fields_set:
        options = options.model_copy(update={"write_empty": False})
    lineage = f"{checkpoint}\0{options.path}" if checkpoint else ""
    return _plan(options, schema, problems, overwrite=overwrite, lineage=lineage, stream=True)


def _plan(
    options: SFTPOptions,
    schema: pa.Schema,
    problems: Problems,
    *,
    overwrite: bool,
    lineage: str = "",
    stream: bool = False,
) -> Job:
    """Plan either; `lineage` is what the attempts of one streaming query have in common."""
    now = datetime.now().astimezone()
    template = options.file_name_template
    with problems.collect():
        options = options.resolve()
    has_target = not problems.add(target_problems(options))
    if has_target:
        options = infer_format(with_exact_path(options, now))
        problems.add(options.contradictions())
    problems.add(partition_problems(options, schema))
    columns = Partitioning(options.partition_by).data(schema)
    file_format: Format | None = None
    # Without a target, its name may yet imply another format.
    knows_format = has_target or "format" in options.model_fields_set
    if knows_format and (len(columns) or not options.partition_by):
        with problems.collect():
            file_format = open_format(_with_possible_codec(options, problems), columns)
    if not has_target:
        problems.raise_all()
    layout = Layout.new(
        options,
        file_format.extension if file_format is not None else options.format,
        overwrite=overwrite,
        lineage=lineage,
        now=now,
        row_files=isinstance(file_format, RowFiles),
        template=template,
    )
    problems.add(job_problems(layout, options, file_format, stream=stream))
    problems.raise_all()
    assert file_format is not None
    if layout.file_name is not None:
        file_format = file_format.for_concatenation()
    return Job(layout, options, file_format, schema)


def _with_possible_codec(options: SFTPOptions, problems: Problems) -> SFTPOptions:
    """Report a codec that the format does not have, and go on without it to check the columns."""
    if not problems.add(sentence for _, sentence in options.codec_contradictions()):
        return options
    return options.with_inferred({"compression": None, "compression_level": None})
