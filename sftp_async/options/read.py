"""Defines the options of a read: which files, when a file is complete, and how tasks share them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from sftp_async.options import parsing as p
from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import (
    AutoSwitch,
    Count,
    FieldType,
    OptionalText,
    Pause,
    Size,
    SizeLimit,
    Switch,
)

#: What programs add to the name of a file while they upload it: WinSCP (.filepart), FileZilla and
#: rclone (.part, .partial), browsers (.crdownload).
IGNORED_SUFFIXES = (".part", ".filepart", ".partial", ".tmp", ".crdownload")

LocalTime = Annotated[str | None, BeforeValidator(p.parse_local_time), FieldType("time")]


def _parse_split(value: object) -> str:
    """Read `auto` or `false`, also as Python's `False`."""
    return p.one_of(("auto", "false"), also={"true": "auto"})(str(value))


Suffixes = Annotated[
    tuple[str, ...], BeforeValidator(p.parse_suffixes), FieldType("suffixes", keeps_blank=True)
]


class ReadOptions(OptionsModel):
    """Which files a read takes, and how its tasks share them."""

    path_glob_filter: OptionalText = Field(
        None,
        description="Read only files whose name matches this pattern of `*`, `?`, `[…]` and `{…}`.",
        examples=["*.csv"],
    )
    recursive_file_lookup: Switch = Field(
        False,
        description="Read the files of all directories below `path`, and take no partition columns "
        "from their names.",
        examples=["true"],
    )
    modified_after: LocalTime = Field(
        None,
        description="Read only files modified after this time, in the session's time zone unless "
        "it has one of its own.",
        examples=["2026-11-01T00:00:00"],
    )
    modified_before: LocalTime = Field(
        None,
        description="Read only files modified before this time; see `modified_after`.",
        examples=["2026-12-01T00:00:00"],
    )
    base_path: OptionalText = Field(
        None,
        description="Directory below which the names of directories, as in `/in/country=DE`, are "
        "partition columns. If not set, it is the directory in `path`.",
        examples=["/in/orders"],
    )
    follow_links: Switch = Field(
        False,
        description="Read the directories that symbolic links lead to. Links to files are read in "
        "any case.",
        examples=["true"],
    )
    ignore_missing_files: Switch = Field(
        False,
        description="Leave out files that vanish after they were listed, and links that lead to "
        "nothing, and report how many. A path without a pattern may be missing.",
        examples=["true"],
    )
    ignore_corrupt_files: Switch = Field(
        False,
        description="Leave out the rest of a file whose content is not of the format, and report "
        "how many.",
        examples=["true"],
    )
    metadata_column: OptionalText = Field(
        None,
        description="Name of a column with the fields of Spark's `_metadata`: the path, name, size "
        "and time of the file of each row, and the range that was read.",
        examples=["_metadata"],
    )
    infer_files: Count = Field(
        10,
        description="Number of files that are looked at to find columns and types.",
        examples=["100"],
    )
    min_age: Pause = Field(
        0.0,
        description="Leave out files that were modified less than this time ago, by the clock of "
        "the driver: SFTP has no request for that of the server.",
        examples=["1min"],
    )
    stable_for: Pause = Field(
        0.0,
        description="Look twice, this time apart, and leave out files whose size or time changed. "
        "A stream takes 5 seconds unless this is set, and reads such files later.",
        examples=["5s"],
    )
    ignore_suffixes: Suffixes = Field(
        IGNORED_SUFFIXES,
        description="Leave out files whose name ends in one of these: they are being uploaded.",
        examples=[".part,.uploading"],
    )
    use_manifest: Annotated[
        Literal["auto", "never", "require"],
        BeforeValidator(p.one_of(("auto", "never", "require"))),
        FieldType(),
    ] = Field(
        "auto",
        description="`auto` reads a directory that has a `_manifest.json` of this package as the "
        "manifest says: its files must be there, in their sizes, and next to them only part files "
        "of other jobs are read. `require` reads the manifest's files alone, and fails without "
        "one.",
        examples=["never"],
    )
    verify_control: AutoSwitch = Field(
        None,
        description="What is compared before a row is handed out. If not set, the lines of "
        "`header_lines` and `footer_lines`, where these are given: a line that is missing, or that "
        "states other counts, sums or digests than the file has, is an error. `true` also compares "
        "checksum files (`.sha256`, `.md5`) and the rows and digests of `_manifest.json`, and each "
        "file must have something that it can be compared with. `false` skips control lines "
        "without comparing them. Until a file is compared, its rows are on the worker's disk.",
        examples=["true"],
    )
    max_partition_bytes: Size = Field(
        128 * 1024**2,
        description="Most bytes of files that one task reads; it reads fewer where there is little "
        "for each core. Larger files are split if their format allows it.",
        examples=["64MiB"],
    )
    open_cost_bytes: SizeLimit = Field(
        4 * 1024**2,
        description="Cost of opening a file, in bytes that could be read in the same time. Used "
        "when several files are packed into one task.",
        examples=["1MiB"],
    )
    split: Annotated[Literal["auto", "false"], BeforeValidator(_parse_split), FieldType()] = Field(
        "auto",
        description="`auto` splits large files among tasks where their format allows it.",
        examples=["false"],
    )
    access: Annotated[
        Literal["auto", "random", "sequential", "once"],
        BeforeValidator(p.one_of(("auto", "random", "sequential", "once"))),
        FieldType(),
    ] = Field(
        "auto",
        description="What the server allows. `random` reads any range. `sequential` reads each "
        "file from its start to its end. `once` does so, opens each file once and never retries "
        "after its first byte: for mailbox servers, which give a file away with its first read.",
        examples=["once"],
    )
