"""Options of a write: transfer, files, commit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

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
    FileName,
    Kind,
    Limit,
    Moment,
    OptionalText,
    Permissions,
    RemotePath,
    Seconds,
    Size,
    SizeLimit,
    Switch,
)
from sftp_async.options.name_templates import file_name_problems, names_part_files, unknown_fields


class TransferOptions(OptionsModel):
    """How data travels: sizes of what is in memory and on the wire."""

    group: ClassVar[str] = "Transfer"

    # Four requests of the largest size that OpenSSH takes (sftp-server.c: 256 KiB less 1 KiB): with
    # 1 MiB there would be five, which took a client 8 % more CPU (docs/decisions/0010).
    chunk_size: Size = Field(
        4 * 255 * 1024, description="Bytes handed to the connection at a time.", examples=["4MiB"]
    )
    max_buffer_bytes: Size = Field(
        32 * 1024**2,
        description="Bytes of encoded data a task may hold that the server has not acknowledged; "
        "when they are reached, the task waits.",
        examples=["64MiB"],
    )
    files_per_partition: Count = Field(
        1,
        description="Files of one partition that are written side by side; each partition makes "
        "as many.",
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
            yield (
                ("chunk_size", "max_buffer_bytes"),
                f"chunk_size is {self.chunk_size}, max_buffer_bytes only {self.max_buffer_bytes}.",
            )


class WriteOptions(OptionsModel):
    """Where files go, how they are named and made visible."""

    group: ClassVar[str] = "Write"

    path: RemotePath = Field(
        None,
        description="Target on the server, as given to `save()`; relative to the login directory "
        "unless it starts with `/`. A data file's extension makes it one exact file. "
        "`sftp://user@host:port/path` sets host, port and user as well.",
        examples=["/out/orders"],
    )
    single_file: AutoSwitch = Field(
        None,
        description="One file named exactly `path` (`true`) or a directory of part files "
        "(`false`). Not set: by the extension of `path`.",
        examples=["true"],
    )
    file_name_template: FileName = Field(
        None,
        description="Names of the data files in the directory `path`. With `{partition}` or "
        "`{seq}` (number of a file in its directory, from 1) part files have them, else there is "
        "one exact file. `{now:%Y%m%d}` is the time of the write on the driver, in its zone; "
        "`{job}` marks the job, `{batch}` a stream's batch; columns of `partition_by` are fields, "
        "too. Formats are Python's, of numbers zero padding alone.",
        examples=["orders_{now:%Y%m%d}_{seq:05d}.csv"],
    )
    if_exists: Annotated[
        Literal["replace", "fail", "ignore", "rename"] | None,
        BeforeValidator(p.one_of(("replace", "fail", "ignore", "rename"))),
        Kind(),
    ] = Field(
        None,
        description="What to do when a file of a name that was asked for is there already: "
        "`replace` it, `fail`, `rename` the new one (`orders-1.csv`), or, with one exact file, "
        "`ignore` (write nothing). Not set: mode `overwrite` replaces, `append` fails.",
        examples=["rename"],
    )
    header_lines: ControlLines = Field(
        None,
        description="One exact text file: lines before all others. `{rows}` is the number of "
        "rows, `{name}` the file's name, `{bytes}` and `{sha256}` are size and SHA-256 of what is "
        "between these lines and `footer_lines`.",
        examples=["HDR|{name}"],
    )
    footer_lines: ControlLines = Field(
        None,
        description="One exact text file: lines behind all others, with the same fields.",
        examples=["TRL|{rows:08d}|{sha256}"],
    )
    partition_by: Columns = Field(
        (),
        description="Columns that become directories, `…/country=DE/day=2024-05-01`, and leave the "
        "files: Spark's `partitionBy`, which it refuses for Python data sources.",
        examples=["country,day"],
    )
    partition_overwrite_mode: Annotated[
        Literal["static", "dynamic"], BeforeValidator(p.one_of(("static", "dynamic"))), Kind()
    ] = Field(
        "static",
        description="With `partition_by`, what mode `overwrite` replaces: all partitions "
        "(`static`), or those that the new rows belong to (`dynamic`).",
        examples=["dynamic"],
    )
    max_records_per_file: Limit = Field(
        0,
        description="Rows after which a part file ends and the next begins; 0 for no limit.",
        examples=["1000000"],
    )
    max_file_bytes: SizeLimit = Field(
        0,
        description="Bytes after which a part file ends and the next begins; 0 for no limit.",
        examples=["256MiB"],
    )
    commit_mode: Annotated[
        Literal["rename", "direct"], BeforeValidator(p.one_of(("rename", "direct"))), Kind()
    ] = Field(
        "rename",
        description="`rename` stages files and renames them when the job has succeeded. `direct` "
        "writes final names at once, for servers without rename: readers may see half files.",
        examples=["direct"],
    )
    overwrite_scope: Annotated[
        Literal["own", "directory"], BeforeValidator(p.one_of(("own", "directory"))), Kind()
    ] = Field(
        "own",
        description="What mode `overwrite` removes: data files that this source wrote (`own`), or "
        "every data file of the directory (`directory`).",
        examples=["directory"],
    )
    create_dirs: Switch = Field(
        True, description="Create the target directory and its parents.", examples=["false"]
    )
    write_empty: Switch = Field(
        True,
        description="Write a file for an empty DataFrame, with header or schema where the format "
        "has one.",
        examples=["false"],
    )
    success_file: Switch = Field(
        False,
        description="Write an empty file `_SUCCESS` when all files are in place.",
        examples=["true"],
    )
    manifest: Switch = Field(
        False,
        description="Write `_manifest.json` behind the data: the job, its key or batch, the "
        "schema, what it took, and each file's name, rows, bytes and SHA-256. A directory has one: "
        "the last job's.",
        examples=["true"],
    )
    checksum_files: Annotated[
        Literal["none", "sha256", "md5"],
        BeforeValidator(p.one_of(("none", "sha256", "md5"))),
        Kind(),
    ] = Field(
        "none",
        description="Write a checksum file for each file, for `sha256sum -c` or `md5sum -c`: "
        "`orders.csv.sha256` beside a name that was asked for (an exact file, a template's, a "
        "row's), where partners look for it; a hidden `.part-….sha256` beside a part file.",
        examples=["sha256"],
    )
    done_file_template: DoneFile = Field(
        None,
        description="Write an empty file when the data is in place: with `{name}`, or `{stem}` "
        "(without extensions), one beside each file, else one for the job.",
        examples=["{name}.done"],
    )
    file_permissions: Permissions = Field(
        None,
        description="Mode of data files, in octal, set before they appear. Not set: what the "
        "server gives. A server that refuses gets a warning in the log.",
        examples=["640"],
    )
    modified_time: Moment = Field(
        None,
        description="Time of last change of data files: ISO 8601 with a zone, or seconds since "
        "1970. Not set: when they were written. A server may refuse it, as above.",
        examples=["2026-11-23T00:00:00Z"],
    )
    job_key: OptionalText = Field(
        None,
        description="A name of this write, unique in the target: a second batch write of the same "
        "key changes nothing. An exact file, or a template of one, has keys of its own. For jobs "
        "that a scheduler may run twice.",
        examples=["orders-2026-11-23"],
    )
    verify: Annotated[
        Literal["size", "readback", "server"],
        BeforeValidator(p.one_of(("size", "readback", "server"))),
        Kind(),
    ] = Field(
        "size",
        description="How a file on the server is compared with what was sent, after it was closed: "
        "its size, always; `readback` reads all of it back; `server` has the server sum it up, "
        "where it can (check-file: ProFTPD).",
        examples=["readback"],
    )
    staging_dir: RemotePath = Field(
        None,
        description="Directory for unfinished files, on the same file system as the target. Not "
        "set: `_temporary` in the target.",
        examples=["/upload/.staging"],
    )
    staging_ttl: Seconds = Field(
        7 * 86400.0,
        description="Seconds after which what a crashed job left in staging is removed by the "
        "next one.",
        examples=["1d"],
    )
    progress: Annotated[
        Literal["auto", "off"], BeforeValidator(p.one_of(("auto", "off"))), Kind()
    ] = Field(
        "auto",
        description="What a batch write of more than a second shows while it runs, in a session "
        "with `register(spark)`: `auto` a line in a terminal or a notebook, elsewhere a log line "
        "every 10 seconds; `off` nothing.",
        examples=["off"],
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
