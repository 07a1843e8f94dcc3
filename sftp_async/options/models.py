"""Combines all groups of options into `SFTPOptions`, which users build."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self, Unpack

from sftp_async.errors import OptionsError
from sftp_async.options.connection import ConnectionOptions
from sftp_async.options.description import Deferred, described, html_table, signature_of
from sftp_async.options.environment import options_of_environment
from sftp_async.options.field_types import text_of
from sftp_async.options.formats import FormatOptions
from sftp_async.options.profile_option import with_profile
from sftp_async.options.profiles import merged
from sftp_async.options.read import ReadOptions
from sftp_async.options.stream import StreamOptions
from sftp_async.options.template_option import names_part_files, template_fields
from sftp_async.options.urls import is_url
from sftp_async.options.write import TransferOptions, WriteOptions

if TYPE_CHECKING:
    from sftp_async.options.keywords import SFTPOptionsDict
    from sftp_async.write.write_plan import WritePlan

_ROLLING = ("max_records_per_file", "max_file_bytes", "files_per_partition")


class SFTPOptions(
    StreamOptions, ReadOptions, WriteOptions, FormatOptions, TransferOptions, ConnectionOptions
):
    """All options of `format("sftp")`.

    Accepts canonical names and their aliases, in any spelling, with Python values or text:
    `SFTPOptions(host="sftp.example.com", user="me", password="env:PW", chunk_size="4MiB")`.
    Editors and type checkers know the names in this notation, their aliases and their values.

    Raises:
        OptionsError: from every constructor; lists all mistakes and shows no secret.

    """

    def __init__(self, /, **options: Unpack[SFTPOptionsDict]) -> None:
        given: dict[str, Any] = {**options}
        super().__init__(**with_profile(given, type(self)))

    def _repr_html_(self) -> str:
        """Return the options that were given as a table, for a notebook; secrets are masked."""
        return html_table(type(self).__name__, self._as_shown())

    @classmethod
    def from_profile(cls, profile: str, /, **more: Unpack[SFTPOptionsDict]) -> Self:
        """Build from a connection in `connections.toml`, and options that override its own.

        Args:
            profile: the name of the connection.
            more: further options.

        Raises:
            OptionsError: there is no such connection, or others can change the file; lists all
                mistakes in it and in the options.

        """
        given: dict[str, Any] = {"profile": profile, **more}
        return cls(**given)

    @classmethod
    def from_env(cls, **more: Unpack[SFTPOptionsDict]) -> Self:
        """Build from environment variables such as `SFTP_ASYNC_HOST`, and further options.

        Options that are given here take precedence over variables, and variables over a profile,
        which `profile` or `SFTP_ASYNC_PROFILE` names.

        Raises:
            OptionsError: lists all mistakes.

        """
        return cls(**merged(more, options_of_environment(), cls))

    @classmethod
    def from_spark(cls, options: Mapping[str, str]) -> Self:
        """Build from the map of options that Spark passes on, with lower-cased keys.

        Raises:
            OptionsError: lists all mistakes.

        """
        return cls(**options)

    def to_spark(self) -> dict[str, str]:
        """Return the options that were given, for `.options(**…)`; defaults are left out.

        Secrets are in plain text, or the references that were given: prefer references, since Spark
        keeps the options of a write in its plan.
        """
        return {
            name: text
            for name, value in self._as_given().items()
            if (text := text_of(value)) is not None
        }

    @classmethod
    def from_url(cls, url: str, /, **more: Unpack[SFTPOptionsDict]) -> Self:
        """Build from `sftp://user@host:port/path` and further options.

        The path is absolute; `/~/x` is `x` in the login directory. A password in it is an error.

        Raises:
            OptionsError: lists all mistakes.

        """
        if not is_url(url):
            raise OptionsError("The URL must have the form sftp://user@host:port/path.")
        given: dict[str, Any] = {**more}
        return cls(url=url, **given)

    def plan(
        self, path: str | None, schema: object, mode: str = "append", *, connect: bool = True
    ) -> WritePlan:
        """Check a batch write, and find out what it would do; see `sftp_async.write.dry_run`.

        It writes nothing, and needs no Spark.

        Args:
            path: the target, as in `save()`; None: the option `path`.
            schema: the columns: Spark's DDL (`"id BIGINT, name STRING"`), Spark's JSON of a schema,
                a `StructType` (`df.schema`) or a `pyarrow.Schema`.
            mode: `append` or `overwrite`.
            connect: look at the server, too. If not, only what needs no connection is checked.

        Returns:
            The plan; everything that is wrong is in its `problems`.

        Raises:
            OptionsError: `path` is no text or path; `mode` or `schema` cannot be understood.

        """
        # The options are below the writer, and are imported where nothing is written.
        dry_run = import_module("sftp_async.write.dry_run")
        plan: WritePlan = dry_run.plan_write(self, path, schema, mode, connect=connect)
        return plan

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super()._contradictions()
        if self.partition_by and self.files_per_partition > 1:
            problem = "partition_by makes one file for each value and task"
            hint = f"leave out files_per_partition={self.files_per_partition}"
            yield ("partition_by", "files_per_partition"), f"{problem}: {hint}."
        template = self.file_name_template
        if template is None or not names_part_files(template):
            return
        if _rolls_files(self) and "seq" not in template_fields(template):
            problem = "a task may write several files with these options"
            yield ("file_name_template", *_ROLLING), f"file_name_template needs {{seq}}: {problem}."


def _rolls_files(options: SFTPOptions) -> bool:
    """Whether a task may write several files of one directory."""
    return bool(
        options.max_records_per_file or options.max_file_bytes or options.files_per_partition > 1
    )


# What `help(SFTPOptions)` and Jupyter's Shift-Tab show.
SFTPOptions.__signature__ = Deferred(partial(signature_of, SFTPOptions))  # type: ignore[assignment]
SFTPOptions.__doc__ = described(SFTPOptions.__doc__ or "")
