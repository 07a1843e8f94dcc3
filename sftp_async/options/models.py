"""Combines all groups of options into `SFTPOptions`, which users build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from sftp_async.errors import OptionsError
from sftp_async.options.connection import ConnectionOptions
from sftp_async.options.field_types import text_of
from sftp_async.options.formats import FormatOptions
from sftp_async.options.urls import is_url
from sftp_async.options.write import TransferOptions, WriteOptions


class SFTPOptions(WriteOptions, FormatOptions, TransferOptions, ConnectionOptions):
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
