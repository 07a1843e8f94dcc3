"""Combines all groups of options into `SFTPOptions`, which users build."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

from sftp_async.errors import OptionsError
from sftp_async.options.connection import ConnectionOptions
from sftp_async.options.field_types import text_of
from sftp_async.options.formats import FormatOptions
from sftp_async.options.read import ReadOptions
from sftp_async.options.template_option import names_part_files, template_fields
from sftp_async.options.urls import is_url
from sftp_async.options.write import TransferOptions, WriteOptions

_ROLLING = ("max_records_per_file", "max_file_bytes", "files_per_partition")


class SFTPOptions(ReadOptions, WriteOptions, FormatOptions, TransferOptions, ConnectionOptions):
    """All options of `format("sftp")`.

    Accepts canonical names and their aliases, in any spelling, with Python values or text:
    `SFTPOptions(host="sftp.example.com", user="me", password="env:PW", chunk_size="4MiB")`.

    Raises:
        OptionsError: from every constructor; lists all mistakes and shows no secret.

    """

    # For type checkers: aliases are accepted as well as fields, and secrets may be given as `str`.
    def __init__(self, /, **options: Any) -> None:
        super().__init__(**options)

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
    def from_url(cls, url: str, **more: Any) -> Self:
        """Build from `sftp://user@host:port/path` and further options.

        The path is absolute; `/~/x` is `x` in the login directory. A password in it is an error.

        Raises:
            OptionsError: lists all mistakes.

        """
        if not is_url(url):
            raise OptionsError("The URL must have the form sftp://user@host:port/path.")
        return cls(url=url, **more)

    @property
    def rolls_files(self) -> bool:
        """Whether a task may write several files of one directory."""
        return bool(
            self.max_records_per_file or self.max_file_bytes or self.files_per_partition > 1
        )

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super()._contradictions()
        if self.partition_by and self.files_per_partition > 1:
            problem = "partition_by makes one file for each value and task"
            hint = f"leave out files_per_partition={self.files_per_partition}"
            yield ("partition_by", "files_per_partition"), f"{problem}: {hint}."
        template = self.file_name_template
        if template is None or not names_part_files(template):
            return
        if self.rolls_files and "seq" not in template_fields(template):
            problem = "a task may write several files with these options"
            yield ("file_name_template", *_ROLLING), f"file_name_template needs {{seq}}: {problem}."
