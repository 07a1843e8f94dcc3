"""Reads the footer of a Parquet file: its schema tree, and where its row groups are."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet as arrow_parquet

from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.parquet.thrift import CompactReader

if TYPE_CHECKING:
    from sftp_async.formats.base import ReadableFile

_MAGIC = b"PAR1"
_ENCRYPTED = b"PARE"
#: Bytes at the end of a file: the length of the footer, and the magic number.
_ENDING = 8
#: Bytes that are asked for first: nearly all footers are shorter.
FIRST_READ = 64 * 1024
#: In the footer: the header of a field of text, its length, and the key under which Arrow keeps its
#: own types.
_ARROW_KEY = b"\x18\x0cARROW:schema"
_OTHER_KEY = b"\x18\x0c-set aside--"


@dataclass(frozen=True)
class Node:
    """A field of the schema tree, as Thrift's SchemaElement has it.

    Args:
        name: of the field.
        repetition: `required`, `optional` or `repeated`.
        physical: name of the type that is stored; None for a group.
        length: bytes of a `FIXED_LEN_BYTE_ARRAY`.
        logical: name of the type that is meant, such as `TIMESTAMP`; empty if there is none.
        parameters: of `logical`, such as `unit`.
        children: of a group.

    """

    name: str
    repetition: str
    physical: str | None
    length: int
    logical: str
    parameters: dict[str, Any]
    children: tuple[Node, ...]

    @functools.cached_property
    def leaves(self) -> int:
        """How many columns are stored for it."""
        return sum(child.leaves for child in self.children) if self.physical is None else 1

    def stored_types(self) -> set[str]:
        """Return the names of the types that are stored for it."""
        if self.physical is not None:
            return {self.physical}
        return {kind for child in self.children for kind in child.stored_types()}


@dataclass(frozen=True)
class Chunk:
    """What is stored of one column in one row group.

    Args:
        name: of the column, dotted.
        start: where it begins in the file, in bytes.
        stored_bytes: it has in the file.
        plain_bytes: before compression.
        file_path: of the file that it is in, if that is another one.
        encrypted: whether it is.

    """

    name: str
    start: int
    stored_bytes: int
    plain_bytes: int
    file_path: str
    encrypted: bool

    @property
    def stop(self) -> int:
        """The byte behind its last one."""
        return self.start + self.stored_bytes


@dataclass(frozen=True)
class StoredRowGroup:
    """A row group.

    Args:
        rows: it has.
        chunks: one of each stored column, in the order of the schema.

    """

    rows: int
    chunks: tuple[Chunk, ...]

    @property
    def start(self) -> int:
        """Where it begins in the file, in bytes."""
        return self.chunks[0].start


@dataclass(frozen=True)
class Footer:
    """What a file says about itself.

    Args:
        metadata: as pyarrow has it, without the types that Arrow kept.
        root: of the schema tree.
        row_groups: that have columns, which are all in sane files.

    """

    metadata: Any
    root: Node
    row_groups: tuple[StoredRowGroup, ...]

    @property
    def texts(self) -> dict[bytes, bytes]:
        """The texts that the writer left, by key."""
        return dict(self.metadata.metadata or {})


def read_footer(file: ReadableFile) -> Footer:
    """Read a file's footer, in one request or two.

    Raises:
        DecodeError: the file is no Parquet file, is truncated or encrypted.

    """
    if file.size < _ENDING + len(_MAGIC):
        raise malformed("This is no Parquet file: it is too short", file.path, offset=0)
    start = max(0, file.size - FIRST_READ)
    tail = file.read_ranges([(start, file.size)])[0]
    ending, magic = file.size - _ENDING, tail[-4:]
    if magic == _ENCRYPTED:
        raise malformed(
            "The footer is encrypted",
            file.path,
            offset=ending,
            hint="Read the file with Spark's own reader, which takes keys",
        )
    if magic != _MAGIC:
        raise malformed(
            f"This is no Parquet file, or it is truncated: it ends with {magic!r}, not {_MAGIC!r}",
            file.path,
            offset=file.size - len(_MAGIC),
            hint="Upload it again if it was cut off; leave out files of other formats with "
            "path_glob_filter",
        )
    length = int.from_bytes(tail[-8:-4], "little")
    if length > ending - len(_MAGIC):
        raise malformed(
            f"The footer is damaged: it claims {length:,} bytes of a file of {file.size:,}",
            file.path,
            offset=ending,
        )
    first = ending - length
    if first < start:
        tail = file.read_ranges([(first, start)])[0] + tail
        start = first
    return _parsed(tail[first - start : -_ENDING], file.path, first)


#: How data that are no footer end the parsers.
_DAMAGE = (pa.ArrowException, OSError, LookupError, ValueError, TypeError, AttributeError)


def _parsed(data: bytes, path: str, offset: int) -> Footer:
    try:
        # Spark knows nothing of the types that Arrow kept, and pyarrow would restore them.
        before, key, behind = data.rpartition(_ARROW_KEY)
        patched = before + _OTHER_KEY + behind if key else data
        ending = len(patched).to_bytes(4, "little") + _MAGIC
        metadata = arrow_parquet.read_metadata(pa.BufferReader(_MAGIC + patched + ending))
        fields = CompactReader(data).struct(before=5)
        root = _Tree(fields[2]).root()
        # pyarrow ends the process where a row group lacks a column or its metadata.
        row_groups = tuple(_row_group(group, root.leaves) for group in fields[4])
    except _DAMAGE as error:
        raise malformed(f"The footer is damaged: {error}", path, offset=offset) from error
    return Footer(metadata, root, row_groups)


def _row_group(group: dict[int, Any], columns: int) -> StoredRowGroup:
    chunks = tuple(_chunk(chunk) for chunk in group[1])
    if len(chunks) != columns or not chunks:
        raise ValueError(f"a row group has {len(chunks)} of {columns} columns")
    return StoredRowGroup(group[3], chunks)


def _chunk(chunk: dict[int, Any]) -> Chunk:
    """Return what parquet.thrift calls a ColumnChunk."""
    file_path = chunk.get(1, b"").decode("utf-8", "replace")
    if 3 not in chunk:
        if 8 not in chunk:
            raise ValueError("a column has no metadata")
        return Chunk("of a name that is encrypted", chunk[2], 0, 0, file_path, encrypted=True)
    column = chunk[3]
    # It begins with its dictionary, if it has one; old writers state 0 if it has none.
    start = min(column[9], column.get(11) or column[9])
    name = b".".join(column[3]).decode("utf-8", "replace")
    return Chunk(name, start, column[7], column[6], file_path, encrypted=8 in chunk)


_REPETITIONS = ("required", "optional", "repeated")
_PHYSICAL = (
    *("BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE"),
    *("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"),
)
#: parquet.thrift, ConvertedType: the older way to say what is meant.
_CONVERTED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("STRING", {}),
    ("MAP", {}),
    ("MAP_KEY_VALUE", {}),
    ("LIST", {}),
    ("ENUM", {}),
    ("DECIMAL", {}),
    ("DATE", {}),
    ("TIME", {"unit": "ms", "utc": True}),
    ("TIME", {"unit": "us", "utc": True}),
    ("TIMESTAMP", {"unit": "ms", "utc": True}),
    ("TIMESTAMP", {"unit": "us", "utc": True}),
    *(("INTEGER", {"bits": bits, "signed": False}) for bits in (8, 16, 32, 64)),
    *(("INTEGER", {"bits": bits, "signed": True}) for bits in (8, 16, 32, 64)),
    ("JSON", {}),
    ("BSON", {}),
    ("INTERVAL", {}),
)
#: parquet.thrift, LogicalType: the number of each field of the union.
_LOGICAL = {
    1: "STRING",
    2: "MAP",
    3: "LIST",
    4: "ENUM",
    5: "DECIMAL",
    6: "DATE",
    7: "TIME",
    8: "TIMESTAMP",
    10: "INTEGER",
    11: "UNKNOWN",
    12: "JSON",
    13: "BSON",
    14: "UUID",
    15: "FLOAT16",
    16: "VARIANT",
    17: "GEOMETRY",
    18: "GEOGRAPHY",
}
_UNITS = {1: "ms", 2: "us", 3: "ns"}


class _Tree:
    """Puts the list of SchemaElements, which is in depth-first order, together as a tree."""

    def __init__(self, elements: list[dict[int, Any]]) -> None:
        self._elements = iter(elements)

    def root(self) -> Node:
        return self._next()

    def _next(self) -> Node:
        element = next(self._elements, None)
        if element is None:
            raise ValueError("the schema ends too early")
        physical = element.get(1)
        logical, parameters = _meaning(element)
        count = 0 if physical is not None else element.get(5, 0)
        return Node(
            name=element[4].decode("utf-8", "replace"),
            repetition=_REPETITIONS[element.get(3, 0)],
            physical=None if physical is None else _PHYSICAL[physical],
            length=element.get(2, 0),
            logical=logical,
            parameters=parameters,
            children=tuple(self._next() for _ in range(count)),
        )


def _meaning(element: dict[int, Any]) -> tuple[str, dict[str, Any]]:
    name, parameters = "", {}
    if union := element.get(10):
        ((number, value),) = union.items()
        name = _LOGICAL.get(number, f"type {number}")
        if name in ("TIME", "TIMESTAMP"):
            parameters = {"utc": bool(value.get(1)), "unit": _UNITS[next(iter(value[2]))]}
        elif name == "INTEGER":
            parameters = {"bits": value[1], "signed": bool(value.get(2))}
        elif name == "DECIMAL":
            parameters = {"scale": value[1], "precision": value[2]}
    elif (converted := element.get(6)) is not None:
        name, parameters = _CONVERTED[converted]
        if name == "DECIMAL":
            parameters = {"scale": element.get(7, 0), "precision": element.get(8, 0)}
    return name, dict(parameters)
