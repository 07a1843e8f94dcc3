"""The contract of file formats: `Format` writes, `ReadFormat` reads, a plugin opens both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    import pyarrow as pa
    from typing_extensions import Buffer

    from sftp_async.formats.archive_frame import Content
    from sftp_async.options import FormatOptions


class PartEncoder(ABC):
    """Encodes the record batches of one part file, in order, with bounded memory."""

    #: What an archive states of a part that becomes a member's content, once the part is complete.
    content: Content | None = None
    #: What opens the part for the driver, if it is encrypted, once the part is complete.
    key_packet: bytes = b""
    #: Bytes of the file that `encode` has kept back, and `tail` will return.
    held_bytes: int = 0

    @abstractmethod
    def encode(self, batch: pa.RecordBatch) -> Buffer:
        """Return the bytes that `batch` adds to the file; may be empty while input is buffered.

        Raises:
            EncodeError: a value cannot be written in this format.

        """

    @abstractmethod
    def finish(self) -> Buffer:
        """Return the bytes that complete the file, with header or schema if no batch came."""

    def tail(self) -> Iterator[Buffer]:
        """Yield the bytes that `finish` returns, in pieces of bounded size; called instead of it.

        An encoder overrides it if more than a few megabytes may be left.
        """
        yield self.finish()


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
    #: Options of the job that the format implies, such as `header_lines`, by canonical name.
    implied_options: Mapping[str, object] = MappingProxyType({})
    #: The width of control records in characters, up to which blanks fill them. None is any width.
    record_width: int | None = None
    #: What ends each line of control records, if it is not the option `line_sep`.
    record_end: str | None = None
    #: Bytes that end a concatenated file, compressed as its parts are.
    footer: bytes = b""
    #: Extension of the members, if the files are archives, without the leading dot.
    member_extension: str | None = None

    @abstractmethod
    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file.

        Args:
            header: False leaves out the header: a concatenated file has that of its first part.

        """

    def named(self, member: str) -> Self:
        """Return the format for one file, in which the data has a name.

        Args:
            member: the name; formats without names ignore it.

        """
        return self

    def for_concatenation(self) -> Format:
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


class ReadableFile(Protocol):
    """One remote file as decoders see it: blocking, in order or by ranges, in bounded memory.

    Every method raises `RemoteChangedError` if the file is no longer the one that was planned, and
    `TransferError` or `ConnectError` if it cannot be read, retries included. It never returns fewer
    bytes than were asked for.

    Attributes:
        path: on the server, for messages and for the codec that its extension names.
        size: bytes, as planned.
        mtime: time of last change, as planned, in seconds since 1970; 0 if the server has none.

    """

    path: str
    size: int
    mtime: float

    def chunks(self, start: int, stop: int) -> AbstractContextManager[Iterator[bytes]]:
        """Return the bytes from `start` up to `stop`, in order, in pieces of any size but 0.

        Requests are in flight ahead of the consumer. Leaving the context ends them, so a consumer
        may stop early. `start` is 0 and `stop` the size where the server serves no ranges.
        """
        ...

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each range `(start, stop)`; all are asked for at once."""
        ...


class ReadFormat(ABC):
    """The reading half of a format, with its options and the columns that are wanted.

    Immutable. It is made on the driver and pickled to the tasks.
    """

    @abstractmethod
    def is_splittable(self, path: str) -> bool:
        """Whether a range of the file can be decoded by itself; the extension names the codec."""

    def reads_ranges(self, path: str) -> bool:
        """Whether the file is read by `read_ranges`, out of order, rather than by `chunks`."""
        return False

    def reporting(self, on_path: Callable[[bool, int], None]) -> Self:
        """Return the format, in a task, so that it reports how it decodes.

        Args:
            on_path: called with whether bytes took the fast path or the exact one, and how many;
                never called by a format that has only one path.

        """
        return self

    @abstractmethod
    def decode(self, file: ReadableFile, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows that begin in a range of the file, in order, in bounded memory.

        The ranges of a file are disjoint and cover it, and each row is yielded for exactly one of
        them: lines by their first byte, and row groups, stripes and blocks as Spark's readers
        assign them. Only ranges of splittable files are other than 0 to the size.

        The batches have the columns of the schema that the format was opened with, in its order and
        with its types. They may have any number of rows below about 100,000.

        Raises:
            DecodeError: the content is not of this format, or a row is malformed in mode FAILFAST;
                names the file, and the offset if that is known.

        """

    @abstractmethod
    def infer_schema(self, files: Sequence[ReadableFile]) -> pa.Schema:
        """Return the columns that the files hold, by Spark's rules for the format.

        The fields carry no partition columns. Bounded: the log tells how many bytes and rows of how
        many files were looked at.

        Args:
            files: at least one; what `infer_files` allows, in the order of their paths.

        Raises:
            DecodeError: as `decode`; or no columns can be found in them.

        """


class FormatPlugin(Protocol):
    """One format under its name: an object that opens its two halves. A module will do.

    Built-in formats and those of other packages are found as such an object. `encoder` is the
    half that writes; a format without it can only be read. `decoder` is the half that reads; a
    format without it can only be written. Both are called on the driver, before any task.
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

    def decoder(self, options: FormatOptions, schema: pa.Schema | None, /) -> ReadFormat:
        """Check options and columns, and return the reading half.

        Args:
            options: all options of files; the defaults where the user gave none.
            schema: the columns that are wanted, without partition columns, in the Arrow form of
                their Spark types; None: only `infer_schema` will be called.

        Raises:
            OptionsError: the options do not suit the format; lists all mistakes.
            DecodeError: the format cannot hold a column; names the column.

        """
