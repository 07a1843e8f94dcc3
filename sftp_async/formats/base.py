"""What a format is to the uploader: `Format`, one a job, opens a `PartEncoder` for each file."""

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
        """Return the bytes that `batch` adds to the file; may be empty while a codec gathers input.

        Raises:
            EncodeError: a value cannot be written in this format.

        """

    @abstractmethod
    def finish(self) -> Buffer:
        """Return the bytes that complete the file; an empty file's header or schema included."""


class Format(ABC):
    """A file format with its options, checked against a schema. Immutable; pickles."""

    #: File name extension without the leading dot, compression included, such as `csv.gz`.
    extension: str
    #: Whether the concatenation of part files is itself a valid file.
    joinable: bool
    #: Bytes that the encoder of one file may hold, of rows until it has enough of them, or of a
    #: compressor.
    held: int = 0
    #: What stands behind the rows of a joined file, compressed as they are.
    closing: bytes = b""

    @abstractmethod
    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file; `header=False` leaves out the header (a joined file has one)."""

    def joined(self) -> Self:
        """Return the format of files that are pieces of a joined one, without their `closing`."""
        return self


class RowFiles(Format):
    """A format in which each row is a file of its own, and names it; parts have one row."""

    joinable = False

    @abstractmethod
    def paths(self, batch: pa.RecordBatch) -> list[str]:
        """Return the file of each row, as a path in the target directory.

        Raises:
            EncodeError: a row names no file that may be written.

        """


class Opener(Protocol):
    """What a format is found by: a function that checks options and columns, on the driver."""

    def __call__(self, options: FormatOptions, schema: pa.Schema, /) -> Format:
        """Return the format; it is pickled to the tasks.

        Args:
            options: all options of files; the defaults where the user gave none.
            schema: the columns, as Spark hands them over.

        Raises:
            OptionsError: the options do not suit the format.
            EncodeError: a column cannot be written in it; names the column.

        """
