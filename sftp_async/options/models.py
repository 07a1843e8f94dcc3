"""All options as frozen models: names, defaults, units and the rules between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field

from sftp_async.errors import OptionsError
from sftp_async.options import codecs
from sftp_async.options import parsing as p
from sftp_async.options.base import OptionsModel
from sftp_async.options.binary import BinaryOptions
from sftp_async.options.connection import ConnectionOptions
from sftp_async.options.field_types import (
    AutoSwitch,
    Character,
    Columns,
    ControlLines,
    Count,
    DoneFile,
    FileName,
    FormatName,
    Kind,
    Lanes,
    Level,
    Limit,
    LineSep,
    Moment,
    OptionalText,
    Pattern,
    Permissions,
    RemotePath,
    Seconds,
    Sep,
    Size,
    SizeLimit,
    Switch,
    Text,
    text_of,
)
from sftp_async.options.text_formats import DialectOptions
from sftp_async.options.urls import is_url
from sftp_async.options.xml import XMLOptions

_Codec = Literal[
    "none", "gzip", "zstd", "bzip2", "xz", "snappy", "lz4", "brotli", "deflate", "zlib"
]


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
    lanes: Lanes = Field(
        "auto",
        description="SFTP channels of one connection that take the chunks of one file in turn. "
        "`auto` adds some on a distant OpenSSH server, whose window holds a single one back.",
        examples=["4"],
    )

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super()._contradictions()
        if self.chunk_size > self.max_buffer_bytes:
            yield (
                ("chunk_size", "max_buffer_bytes"),
                f"chunk_size is {self.chunk_size}, max_buffer_bytes only {self.max_buffer_bytes}.",
            )


class FormatOptions(BinaryOptions, XMLOptions, DialectOptions):
    """What the files look like; names, defaults and meaning are Spark's own where it has them."""

    group: ClassVar[str] = "Format"

    format: FormatName = Field(
        "csv", description="File format; `json` is JSON Lines.", examples=["parquet"]
    )
    compression: Annotated[
        _Codec | None, BeforeValidator(p.one_of(codecs.NAMES, also=codecs.ALIASES)), Kind()
    ] = Field(
        None,
        description="Codec; [what each format has](reference/formats.md#the-built-in-formats). "
        "Not set: from the extension of the name asked for, `orders.csv.gz`, else Spark's default: "
        "`snappy` for Parquet and Avro, `zstd` for ORC, `none` for the others.",
        examples=["gzip"],
    )
    compression_level: Level = Field(
        None,
        description="The codec's level: the higher, the smaller the files and the slower the "
        "write. Not set: a fast one.",
        examples=["9"],
    )
    header: Switch = Field(
        False, description="CSV: first line with the column names.", examples=["true"]
    )
    sep: Sep = Field(
        ",",
        description=r"CSV: what separates values, one or more characters; `\t` for a tab, which "
        "is the default of an exact file `*.tsv`.",
        examples=[";"],
    )
    quote: Character = Field(
        '"',
        description="CSV: character around values that hold a separator. Empty: no quoting.",
        examples=["'"],
    )
    escape: Character = Field(
        "\\", description="CSV: character before a quote inside a quoted value.", examples=['"']
    )
    null_value: Text = Field("", description="CSV: text for a null.", examples=["NULL"])
    empty_value: Text = Field(
        '""', description="CSV: text for an empty string.", examples=["EMPTY"]
    )
    line_sep: LineSep = Field(
        "\n",
        description="CSV, JSON and text: what ends a line; in CSV one or two characters.",
        examples=["\r\n"],
    )
    date_format: Pattern = Field(
        None,
        description="CSV and JSON: Spark's datetime pattern for dates. Not set: `yyyy-MM-dd`.",
        examples=["dd.MM.yyyy"],
    )
    timestamp_format: Pattern = Field(
        None,
        description="CSV and JSON: Spark's datetime pattern for timestamps. Not set: Spark's "
        "default, `yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]`.",
        examples=["yyyy-MM-dd HH:mm:ss"],
    )

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super()._contradictions()
        # Format and codec that were not given may yet come from the path's extension: the plan
        # looks once more.
        if "format" in self.model_fields_set and self.compression is not None:
            yield from self.codec_contradictions()
        if self.format == "csv" and len(self.line_sep) > 2:
            yield ("format", "line_sep"), "line_sep must be one or two characters for csv."
        if self.format == "csv" and self.quote and self.quote in self.sep:
            yield ("format", "sep", "quote"), "sep and quote must not share a character."

    def codec_contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield what codec or level the format does not have: options, and a sentence."""
        if wrong := codecs.codec_problem(self.format, self.compression):
            yield ("format", "compression"), wrong
        elif wrong := codecs.level_problem(self.format, self.compression, self.compression_level):
            yield ("format", "compression", "compression_level"), wrong

    def _as_given(self) -> dict[str, Any]:
        given = super()._as_given()
        if "sep" in given:
            given["sep"] = self.sep.replace("\\", "\\\\")
        return given


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


class SFTPOptions(WriteOptions, FormatOptions, TransferOptions, ConnectionOptions):
    """All options of `format("sftp")`.

    Accepts canonical names and their aliases, in any spelling, with Python values or text:
    `SFTPOptions(host="sftp.example.com", user="me", password="env:PW", chunk_size="4MiB")`.

    Raises:
        OptionsError: from every way to build one; lists all mistakes, shows no secret.

    """

    # Aliases make the names open-ended, and secrets may be given as `str`.
    def __init__(self, /, **options: Any) -> None:
        super().__init__(**options)

    @classmethod
    def from_spark(cls, options: Mapping[str, str]) -> Self:
        """Build from Spark's string map, whose keys Spark has lower-cased.

        Raises:
            OptionsError: lists all mistakes.

        """
        return cls(**options)

    def to_spark(self) -> dict[str, str]:
        """Return what was given, for `.options(**…)`; defaults that nobody asked for are left out.

        Secrets are in clear, or the references they were given as: prefer references, since Spark
        keeps the options of a write in its plan.
        """
        return {
            name: text
            for name, value in self._as_given().items()
            if (text := text_of(value)) is not None
        }

    @classmethod
    def from_url(cls, url: str, **more: Any) -> Self:
        """Build from `sftp://user@host:port/path` and further options.

        The path is absolute; `/~/x` is `x` in the login directory. A password in it is an error.

        Raises:
            OptionsError: lists all mistakes.

        """
        if not is_url(url):
            raise OptionsError("The URL must have the form sftp://user@host:port/path.")
        return cls(url=url, **more)
