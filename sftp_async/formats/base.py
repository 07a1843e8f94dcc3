"""The contract of file formats: what a plugin gives, a job's `Format`, a file's `PartEncoder`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    import pyarrow as pa
    from typing_extensions import Buffer

    from sftp_async.options import FormatOptions


class PartEncoder(ABC):
    """Encodes the record batches of one part file, in order, with bounded memory."""

    @abstractmethod
    def encode(self, batch: pa.RecordBatch) -> Buffer:
        """Return the bytes that `batch` adds to the file; may be empty while input is buffered.

        Raises:
            EncodeError: a value cannot be written in this format.

        """

    @abstractmethod
    def finish(self) -> Buffer:
        """Return the bytes that complete the file, with header or schema if no batch came."""


class Format(ABC):
    """The writing half of a format, with its options, checked against a schema.

    Immutable. It is made on the driver and pickled to the tasks.
    """

    #: File name extension without the leading dot, compression included, such as `csv.gz`.
    extension: str
    #: Whether part files, concatenated, are one valid file.
    concatenable: bool
    #: Bytes of memory that the encoder of one open file may take, for rows or in a compressor.
    buffered_bytes: int = 0
    #: Bytes that end a concatenated file, compressed as its parts are.
    footer: bytes = b""

    @abstractmethod
    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file.

        Args:
            header: False leaves out the header: a concatenated file has that of its first part.

        """

    def for_concatenation(self) -> Self:
        """Return the format of parts that become one file: `footer` follows the last of them."""
        return self


class RowFiles(Format):
    """A format in which each row is a file of its own, and names it; parts have one row."""

    concatenable = False
    #: Name of the column that names the files, for errors.
    path_column: str = "path"

    @abstractmethod
    def paths(self, batch: pa.RecordBatch) -> list[str]:
        """Return the file of each row, as a path relative to the target directory.

        Whether a path is a safe one is checked by the caller.

        Raises:
            EncodeError: a row names no file, or has no content for it.

        """


class FormatPlugin(Protocol):
    """One format under its name: an object that opens its two halves. A module will do.

    Built-in formats and those of other packages are found as such an object. `encoder` is the
    half that writes; a format without it can only be read. The half that reads is `decoder`, with
    the same arguments; a format without it can only be written.
    """

    def encoder(self, options: FormatOptions, schema: pa.Schema, /) -> Format:
        """Check options and columns, on the driver, before any task; return the writing half.

        Args:
            options: all options of files; the defaults where the user gave none.
            schema: the columns, as Spark hands them over.

        Raises:
            OptionsError: the options do not suit the format; lists all mistakes.
            EncodeError: a column cannot be written in the format; names the column.

        """
