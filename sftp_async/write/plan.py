"""Plans a write: checks options, columns and target against each other, without a connection."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sftp_async.formats import open_format
from sftp_async.formats.base import Format, RowFiles
from sftp_async.layout.job_layout import Layout
from sftp_async.layout.target import infer_format, target_problems, with_exact_path
from sftp_async.options.base import contradictions, with_inferred
from sftp_async.options.control_template import ControlTemplate
from sftp_async.options.formats import codec_contradictions
from sftp_async.options.problems import Problems
from sftp_async.progress.telemetry.providers import telemetry_problems
from sftp_async.write.job import Job
from sftp_async.write.partitioner import Partitioning, partition_problems
from sftp_async.write.tracking import Tracking
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
    return _job_of(draft_job(options, schema, problems, overwrite=overwrite), problems)


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
    draft = draft_job(options, schema, problems, overwrite=overwrite, lineage=lineage, stream=True)
    job = _job_of(draft, problems)
    return replace(job, tracking=Tracking(shown=False))


@dataclass(frozen=True)
class Draft:
    """What is known of a job, whatever is wrong with it.

    Args:
        options: with the format that the target implies, and references resolved where they can be.
        schema: of the rows to come.
        layout: None where the options name no target.
        file_format: checked against the columns; None if that failed.
        resolved: every reference to a secret or a key file was resolved.

    """

    options: SFTPOptions
    schema: pa.Schema
    layout: Layout | None
    file_format: Format | None
    resolved: bool


def draft_job(
    options: SFTPOptions,
    schema: pa.Schema,
    problems: Problems,
    *,
    overwrite: bool,
    lineage: str = "",
    stream: bool = False,
) -> Draft:
    """Check everything that can be checked without a connection; see `plan_job`.

    Args:
        options: as the user gave them.
        schema: of the rows to come.
        problems: gets everything that is wrong.
        overwrite: replace what is there.
        lineage: what the attempts of one streaming query have in common.
        stream: the job is a micro-batch.

    """
    now = datetime.now().astimezone()
    template = options.file_name_template
    resolved = False
    with problems.collect():
        options = options.resolve()
        resolved = True
    problems.add(telemetry_problems(options))
    has_target = not problems.add(target_problems(options))
    if has_target:
        options = infer_format(with_control_time(with_exact_path(options, now), now))
        problems.add(contradictions(options))
    problems.add(partition_problems(options, schema))
    columns = Partitioning(options.partition_by).data(schema)
    file_format: Format | None = None
    # Without a target, its name may yet imply another format.
    knows_format = has_target or "format" in options.model_fields_set
    if knows_format and (len(columns) or not options.partition_by):
        with problems.collect():
            mtime = int(now.timestamp()) if options.modified_time is None else options.modified_time
            possible = _with_possible_codec(options, problems)
            if not resolved:  # the keys may be what is missing
                possible = with_inferred(possible, {"pgp_public_key": None})
            file_format = open_format(possible, columns, mtime=mtime)
            options = with_inferred(options, file_format.implied_options)
    if not has_target:
        return Draft(options, schema, None, file_format, resolved)
    layout = Layout.new(
        options,
        file_format.extension if file_format is not None else options.format,
        overwrite=overwrite,
        lineage=lineage,
        now=now,
        row_files=isinstance(file_format, RowFiles),
        template=template,
        member_extension=None if file_format is None else file_format.member_extension,
    )
    problems.add(job_problems(layout, options, schema, file_format, stream=stream))
    return Draft(options, schema, layout, file_format, resolved)


def with_control_time(options: SFTPOptions, now: datetime) -> SFTPOptions:
    """Return the options with the time of the write in place of `{now}` in control lines."""
    filled = {
        name: ControlTemplate(text).at(now)
        for name in ("header_lines", "footer_lines")
        if (text := getattr(options, name)) is not None and "now" in ControlTemplate(text).fields
    }
    return with_inferred(options, filled) if filled else options


def _job_of(draft: Draft, problems: Problems) -> Job:
    """Return the job of a draft.

    Raises:
        OptionsError, EncodeError: there are problems.

    """
    problems.raise_all()
    assert draft.layout is not None
    assert draft.file_format is not None
    file_format = draft.file_format
    if draft.layout.file_name is not None:
        file_format = file_format.for_concatenation()
    return Job(draft.layout, draft.options, file_format, draft.schema)


def _with_possible_codec(options: SFTPOptions, problems: Problems) -> SFTPOptions:
    """Report a codec that the format does not have, and go on without it to check the columns."""
    if not problems.add(sentence for _, sentence in codec_contradictions(options)):
        return options
    return with_inferred(options, {"compression": None, "compression_level": None})
