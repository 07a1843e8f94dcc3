"""Reads the tail of an ORC file: its types, and where its stripes and their streams are.

Source: https://orc.apache.org/specification/ORCv1/ and orc_proto.proto in apache/orc-format.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.orc.compression import CODECS, decompressed, stored
from sftp_async.formats.orc.protobuf import (
    Field,
    bytes_of,
    number_of,
    packed,
    read_fields,
    write_fields,
)

if TYPE_CHECKING:
    from sftp_async.formats.base import ReadableFile

_MAGIC = b"ORC"
#: Bytes at the end of a file that are asked for first: nearly all tails are shorter.
FIRST_READ = 64 * 1024
#: Type.Kind in orc_proto.proto.
KINDS = (
    *("boolean", "byte", "short", "int", "long", "float", "double", "string", "binary"),
    *("timestamp", "list", "map", "struct", "union", "decimal", "date", "varchar", "char"),
    *("timestamp with local time zone", "geometry", "geography"),
)
#: CalendarKind: what the days of a file before 15 October 1582 are.
_PROLEPTIC = 2


@dataclass
class Type:
    """A column, or a part of one.

    Attributes:
        number: of the column, in depth-first order; that of the root is 0.
        kind: one of `KINDS`.
        names: of the fields of a struct.
        children: the types inside.
        precision: of a decimal.
        scale: of a decimal.
        attributes: texts that the writer left, such as Spark's name of the type.

    """

    number: int
    kind: str = ""
    names: list[str] = field(default_factory=list)
    children: list[Type] = field(default_factory=list)
    precision: int = 38
    scale: int = 10
    attributes: dict[str, str] = field(default_factory=dict)

    def numbers(self) -> set[int]:
        """Return the numbers of this column and of all inside it."""
        return {self.number}.union(*(child.numbers() for child in self.children))


@dataclass(frozen=True)
class Stripe:
    """Where a stripe is.

    Args:
        number: in the file.
        offset: in bytes.
        index_bytes: of its index, at its begin.
        data_bytes: behind the index.
        footer_bytes: behind the data.
        rows: it has.
        message: its StripeInformation.

    """

    number: int
    offset: int
    index_bytes: int
    data_bytes: int
    footer_bytes: int
    rows: int
    message: bytes

    @property
    def footer(self) -> tuple[int, int]:
        """The range of its footer."""
        start = self.offset + self.index_bytes + self.data_bytes
        return start, start + self.footer_bytes


@dataclass(frozen=True)
class Tail:
    """What a file says about itself.

    Args:
        codec: of its sections.
        block: bytes of a compressed piece, once decompressed, at most.
        root: a struct of the columns.
        stripes: in their order.
        proleptic: whether old days are of the calendar of today, and not of the Julian one.
        footer: its fields.
        postscript: its fields.

    """

    codec: str
    block: int
    root: Type
    stripes: tuple[Stripe, ...]
    proleptic: bool
    footer: tuple[Field, ...]
    postscript: tuple[Field, ...]

    def of_one_stripe(self, stripe: Stripe) -> bytes:
        """Return the tail of a file that consists of one of the stripes.

        Its columns are called `plain_name` of their number: liborc takes a dot in a name for a path
        into a struct.
        """
        kept = [f for f in self.footer if f[0] not in (3, 4, 6, 7)]
        root, *others = [f for f in self.footer if f[0] == 4]
        renamed = [f for f in read_fields(bytes_of(root[1])) if f[0] != 3]
        renamed += [(3, plain_name(number).encode()) for number in range(len(self.root.names))]
        fields = [*kept, (4, write_fields(renamed)), *others]
        fields += [(3, stripe.message), (6, stripe.rows)]
        footer = stored(write_fields(sorted(fields, key=lambda f: f[0])), self.codec, self.block)
        changed: dict[int, int | bytes] = {1: len(footer), 5: 0}
        postscript = write_fields(
            (number, changed.get(number, value)) for number, value in self.postscript
        )
        return footer + postscript + bytes([len(postscript)])


def plain_name(number: int) -> str:
    """Return the name that a column has in the file of one stripe."""
    return f"c{number}"


def read_tail(file: ReadableFile) -> Tail:
    """Read a file's tail, in one request or two.

    Raises:
        DecodeError: the file is no ORC file, is truncated or encrypted.

    """
    start = max(0, file.size - FIRST_READ)
    data = file.read_ranges([(start, file.size)])[0] if file.size else b""
    length = data[-1] if data else 0
    if file.size < len(_MAGIC) + 1 + length or _MAGIC not in data[-1 - length : -1]:
        raise malformed(
            "This is no ORC file, or it is truncated: its end is not that of one",
            file.path,
            offset=max(0, file.size - 1),
            hint="Upload it again if it was cut off; leave out files of other formats with "
            "path_glob_filter",
        )
    end = file.size - 1 - length
    try:
        postscript = tuple(read_fields(data[-1 - length : -1]))
        parameters = dict(postscript)
        footer_bytes = number_of(parameters.get(1, 0))
        codec = CODECS[number_of(parameters.get(2, 0))]
        block = number_of(parameters.get(3, 256 * 1024))
        if footer_bytes > end:
            raise ValueError(f"it claims {footer_bytes:,} bytes of a file of {file.size:,}")
        if end - footer_bytes < start:
            data = file.read_ranges([(end - footer_bytes, start)])[0] + data
            start = end - footer_bytes
        section = data[end - footer_bytes - start : end - start]
        footer = tuple(read_fields(decompressed(section, codec, block)))
        encrypted = any(number == 10 for number, _ in footer)
        root = _Types([bytes_of(value) for number, value in footer if number == 4]).root()
        stripes = tuple(
            _stripe(number, bytes_of(value))
            for number, value in enumerate(value for key, value in footer if key == 3)
        )
        proleptic = dict(footer).get(11, 0) == _PROLEPTIC
    except (ValueError, LookupError, TypeError, OSError) as error:
        raise malformed(f"The tail is damaged: {error}", file.path, offset=end) from error
    if encrypted:
        raise malformed(
            "The file has encrypted columns",
            file.path,
            offset=end,
            hint="Read the file with Spark's own reader, which takes keys",
        )
    return Tail(codec, block, root, stripes, proleptic, footer, postscript)


def _stripe(number: int, message: bytes) -> Stripe:
    fields = dict(read_fields(message))
    offset, index, data, footer, rows = (number_of(fields.get(key, 0)) for key in range(1, 6))
    return Stripe(number, offset, index, data, footer, rows, message)


#: How many types are inside one of these kinds; of all others but structs and unions none is.
_CHILDREN = {"list": 1, "map": 2}


class _Types:
    """Puts the list of types, which is in depth-first order, together as a tree.

    It is checked, since liborc ends the process where the tree is damaged.
    """

    def __init__(self, messages: list[bytes]) -> None:
        self._messages = messages
        self._next = 0

    def root(self) -> Type:
        root = self._type(0)
        if root.kind != "struct" or self._next != len(self._messages):
            raise ValueError(f"its rows are of the type {root.kind}")
        return root

    def _type(self, number: int) -> Type:
        if number != self._next:
            raise ValueError("its types are in disorder")
        self._next += 1
        made = Type(number)
        kind = 0
        for key, value in read_fields(self._messages[number]):
            if key == 1:
                kind = number_of(value)
            elif key == 2:
                made.children += [self._type(child) for child in packed(value)]
            elif key == 3:
                made.names.append(bytes_of(value).decode("utf-8", "replace"))
            elif key == 5:
                made.precision = number_of(value)
            elif key == 6:
                made.scale = number_of(value)
            elif key == 7:
                pair = dict(read_fields(bytes_of(value)))
                name, text = (bytes_of(pair.get(part, b"")).decode() for part in (1, 2))
                made.attributes[name] = text
        made.kind = KINDS[kind]
        if made.kind == "struct" and len(made.names) != len(made.children):
            raise ValueError("a struct has fields without names")
        wanted = _CHILDREN.get(made.kind, 0)
        if made.kind not in ("struct", "union") and len(made.children) != wanted:
            raise ValueError(f"a {made.kind} has {len(made.children)} types inside")
        if not (0 <= made.scale <= made.precision <= 38):
            raise ValueError(f"a decimal has {made.precision} digits")
        return made
