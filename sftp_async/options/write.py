"""Defines the options of a write: transfer, files and commit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from sftp_async.options import parsing as p
from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import (
    AutoSwitch,
    Channels,
    Columns,
    ControlLines,
    Count,
    DoneFile,
    FieldType,
    FileName,
    Limit,
    Moment,
    OptionalText,
    Permissions,
    RemotePath,
    Seconds,
    Size,
    SizeLimit,
    Switch,
    Traceparent,
)
from sftp_async.options.template_option import file_name_problems, names_part_files, unknown_fields


class TransferOptions(OptionsModel):
    """How data is sent: sizes in memory and parallelism."""

    # Four requests of the largest size that OpenSSH accepts (sftp-server.c: 256 KiB less 1 KiB).
    # 1 MiB would take five requests, and cost the client 8 % more CPU (docs/decisions/0010).
    chunk_size: Size = Field(
        4 * 255 * 1024,
        description="Size of the pieces in which encoded data is handed to the connection.",
        examples=["4MiB"],
    )
    max_buffer_bytes: Size = Field(
        32 * 1024**2,
        description="Limit of the encoded data in a task's memory that the server has not "
        "acknowledged. At the limit the task waits (backpressure).",
        examples=["64MiB"],
    )
    files_per_partition: Count = Field(
        1,
        description="Number of files that each partition is split into; they are written in "
        "parallel.",
        examples=["2"],
    )
    channels_per_file: Channels = Field(
        "auto",
        description="Number of SFTP channels used in parallel for one file. `auto` opens more on "
        "high-latency OpenSSH servers, where the SSH channel window limits a single channel.",
        examples=["4"],
    )

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super()._contradictions()
        if self.chunk_size > self.max_buffer_bytes:
            sentence = (
                f"chunk_size ({self.chunk_size}) must not exceed max_buffer_bytes "
                f"({self.max_buffer_bytes})."
            )
            yield ("chunk_size", "max_buffer_bytes"), sentence


def fixed_channels(options: TransferOptions) -> int | None:
    """Return the number of channels for each file; None if the upload finds it (`auto`)."""
    return None if options.channels_per_file == "auto" else options.channels_per_file


class WriteOptions(OptionsModel):
    """Where files are written, how they are named, and how they are committed."""

    path: RemotePath = Field(
        None,
        description="Target on the server, as given to `save()`. It is relative to the login "
        "directory, which `~` stands for, unless it starts with `/`. A path that ends in a data "
        "file's extension names one exact file, any other path a directory. "
        "`sftp://user@host:port/path` sets host, port and user as well.",
        examples=["/out/orders"],
    )
    single_file: AutoSwitch = Field(
        None,
        description="`true` writes one file named exactly `path`, `false` a directory of part "
        "files. If not set, the extension of `path` decides.",
        examples=["true"],
    )
    file_name_template: FileName = Field(
        None,
        description="Template for the names of the data files in the directory `path`. With "
        "`{partition}` or `{seq}` (the number of a file in its directory, from 1) it names part "
        "files, without them one exact file. `{now:%Y%m%d}` is the time of the write on the "
        "driver, in the driver's time zone. `{job}` identifies the job, `{batch}` the batch of a "
        "stream. The columns of `partition_by` are fields, too. Format specifications are "
        "Python's; for numbers, only zero padding is supported.",
        examples=["orders_{now:%Y%m%d}_{seq:05d}.csv"],
    )
    if_exists: Annotated[
        Literal["replace", "fail", "ignore", "rename"] | None,
        BeforeValidator(p.one_of(("replace", "fail", "ignore", "rename"))),
        FieldType(),
    ] = Field(
        None,
        description="What happens when a file with a requested name exists already: `replace` "
        "replaces it, `fail` fails, `rename` gives the new file another name (`orders-1.csv`), and "
        "`ignore`, for one exact file, writes nothing. If not set, mode `overwrite` replaces and "
        "mode `append` fails.",
        examples=["rename"],
    )
    header_lines: ControlLines = Field(
        None,
        description="Lines before the data of one exact text file. `{rows}` is the number of rows, "
        "`{sum(price)}` the sum of a column, `{name}` the file's name, `{now:%Y%m%d}` the time of "
        "the write; `{bytes}` and `{sha256}` are the size and the SHA-256 digest of the content "
        "between these lines and `footer_lines`. A read skips the lines and compares them with "
        "the file (`verify_control`); there, `{any}` is any text.",
        examples=["HDR|{name}"],
    )
    footer_lines: ControlLines = Field(
        None,
        description="Lines after the data of one exact text file, with the fields of "
        "`header_lines`.",
        examples=["TRL|{rows:08d}|{sha256}"],
    )
    partition_by: Columns = Field(
        (),
        description="Columns that become directories, `…/country=DE/day=2024-05-01`, and are left "
        "out of the files. It replaces Spark's `partitionBy`, which Spark refuses for Python data "
        "sources.",
        examples=["country,day"],
    )
    partition_overwrite_mode: Annotated[
        Literal["static", "dynamic"], BeforeValidator(p.one_of(("static", "dynamic"))), FieldType()
    ] = Field(
        "static",
        description="What mode `overwrite` replaces with `partition_by`: `static` replaces all "
        "partitions, `dynamic` those that the new rows belong to. If not set, it is the session's "
        "`spark.sql.sources.partitionOverwriteMode` with `register(spark)`, else `static`.",
        examples=["dynamic"],
    )
    max_records_per_file: Limit = Field(
        0,
        description="Number of rows after which a part file ends and the next one begins; 0 for "
        "no limit.",
        examples=["1000000"],
    )
    max_file_bytes: SizeLimit = Field(
        0,
        description="Size at which a part file ends and the next one begins; 0 for no limit.",
        examples=["256MiB"],
    )
    commit_mode: Annotated[
        Literal["rename", "direct"], BeforeValidator(p.one_of(("rename", "direct"))), FieldType()
    ] = Field(
        "rename",
        description="`rename` stages files and renames them when the job has succeeded. `direct` "
        "writes files under their final names from the start, for servers without rename; readers "
        "may see incomplete files. Let one job at a time write one exact file with it.",
        examples=["direct"],
    )
    overwrite_scope: Annotated[
        Literal["own", "matching", "directory"],
        BeforeValidator(p.one_of(("own", "matching", "directory"))),
        FieldType(),
    ] = Field(
        "own",
        description="What mode `overwrite` removes: `own` the data files that this data source "
        "wrote, `matching` also every file whose name fits `file_name_template`, `directory` every "
        "data file in the directory.",
        examples=["directory"],
    )
    create_dirs: Switch = Field(
        True,
        description="Create the target directory and its parents if they are missing.",
        examples=["false"],
    )
    write_empty: Switch = Field(
        True,
        description="Write a file for an empty DataFrame, with the header or the schema if the "
        "format has one.",
        examples=["false"],
    )
    success_file: Switch = Field(
        False,
        description="Write an empty file `_SUCCESS` after all files are committed.",
        examples=["true"],
    )
    manifest: Switch = Field(
        False,
        description="Write `_manifest.json` after the data. It holds the job, its key or batch, "
        "the schema, the duration, and the name, rows, bytes and SHA-256 of each file. A directory "
        "has one manifest, that of the last job.",
        examples=["true"],
    )
    checksum_files: Annotated[
        Literal["none", "sha256", "md5"],
        BeforeValidator(p.one_of(("none", "sha256", "md5"))),
        FieldType(),
    ] = Field(
        "none",
        description="Write a checksum file for each data file, as `sha256sum -c` or `md5sum -c` "
        "reads it. Next to a file with a requested name (an exact file, or a name from a template "
        "or a row) it is `orders.csv.sha256`, next to a part file the hidden `.part-….sha256`.",
        examples=["sha256"],
    )
    done_file_template: DoneFile = Field(
        None,
        description="Template for the name of an empty file that is written after the data is "
        "committed. With `{name}`, the name of a data file, or `{stem}`, that name without "
        "extensions, there is one for each data file; without them one for the job. A read takes "
        "only data files whose done file is there.",
        examples=["{name}.done"],
    )
    file_permissions: Permissions = Field(
        None,
        description="Permissions of the data files, in octal, set before the files are committed. "
        "If not set, a file that replaces another has its permissions, and for a new file the "
        "server decides. If the server refuses, a warning is logged.",
        examples=["640"],
    )
    modified_time: Moment = Field(
        None,
        description="Modification time of the data files: ISO 8601 with a time zone, or seconds "
        "since 1970. If not set, it is the time of the write. If the server refuses, a warning is "
        "logged.",
        examples=["2026-11-23T00:00:00Z"],
    )
    job_key: OptionalText = Field(
        None,
        description="Idempotency key of a batch write, unique in the target: a second write with "
        "the same key changes nothing. Use it for jobs that a scheduler may run twice. An exact "
        "file, or a template of one, has keys of its own.",
        examples=["orders-2026-11-23"],
    )
    verify: Annotated[
        Literal["size", "readback", "server", "checksum", "none"],
        BeforeValidator(p.one_of(("size", "readback", "server", "checksum", "none"))),
        FieldType(),
    ] = Field(
        "size",
        description="How a closed file on the server is compared with what was sent. `size` "
        "compares the size. `readback` also reads the whole file back; `server` asks the server "
        "for a checksum, if it supports the extension check-file (ProFTPD). `none`, with "
        "`commit_mode=direct`, is for servers that take each file away as soon as it is closed: "
        "nothing is compared, and a task that Spark repeats delivers its files again. A read "
        "compares sizes; with `checksum` it copies each file that has a checksum file (`.sha256`, "
        "`.md5`) to the worker's disk, and compares the digest before it hands out a row.",
        examples=["readback"],
    )
    staging_dir: RemotePath = Field(
        None,
        description="Directory for staged files, on the same file system as the target. If not "
        "set, it is `_temporary` in the target.",
        examples=["/upload/.staging"],
    )
    staging_ttl: Seconds = Field(
        7 * 86400.0,
        description="Age at which the next job removes the staged files of a crashed job.",
        examples=["1d"],
    )
    progress: Annotated[
        Literal["auto", "off"], BeforeValidator(p.one_of(("auto", "off"))), FieldType()
    ] = Field(
        "auto",
        description="What a batch write of more than a second shows while it runs, in a session "
        "with `register(spark)`. `auto` shows a line in a terminal or a notebook, and logs a line "
        "every 10 seconds elsewhere. `off` shows nothing.",
        examples=["off"],
    )
    telemetry: Annotated[
        Literal["auto", "off", "otel"],
        BeforeValidator(p.one_of(("auto", "off", "otel"))),
        FieldType(),
    ] = Field(
        "auto",
        description="Traces and metrics of writes and reads by OpenTelemetry "
        "([traces](how-to/traces.md)). `auto` makes them where the application uses OpenTelemetry, "
        "in a session with `register(spark)`. `otel` requires the extra `otel`, and exports as the "
        "variables `OTEL_*` say where the application has configured nothing. `off` makes none.",
        examples=["otel"],
    )
    traceparent: Traceparent = Field(
        None,
        description="Span of the application, as a header of W3C Trace Context, that becomes the "
        "parent of the job's span.",
        examples=["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
    )

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super()._contradictions()
        template = self.file_name_template
        if template is None:
            return
        for problem in file_name_problems(template):
            yield ("file_name_template",), problem
        if self.partition_by:
            for problem in unknown_fields(template, self.partition_by):
                yield ("file_name_template", "partition_by"), problem
        if not names_part_files(template):
            return
        if self.commit_mode == "direct":
            yield (
                ("file_name_template", "commit_mode"),
                "file_name_template gives names by rename, which commit_mode=direct does without.",
            )
        if self.if_exists == "ignore":
            yield (
                ("file_name_template", "if_exists"),
                "if_exists=ignore is for one exact file: of part files some would be left out.",
            )
