"""Encodes XML files as Spark writes them: a root element around one element for each row."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from sftp_async.errors import EncodeError
from sftp_async.formats.arrow_text import text_buffer
from sftp_async.formats.base import Format, PartEncoder
from sftp_async.formats.charset import Charset
from sftp_async.formats.from_options import cell_text, file_compression
from sftp_async.formats.line_encoder import LineEncoder
from sftp_async.formats.schema_checks import (
    check_columns,
    check_intervals,
    is_nested,
    unsupported_type,
)
from sftp_async.formats.values.cell_text import CellText, check_zone, is_text
from sftp_async.formats.xml.elements import XMLStyle, XMLText
from sftp_async.formats.xml.escapes import in_attribute, in_text
from sftp_async.options.problems import Problems
from sftp_async.options.xml import is_xml_name, root_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sftp_async.formats.compressed_stream import Compression
    from sftp_async.options import FormatOptions


def open_xml(options: FormatOptions, schema: pa.Schema) -> XMLFormat:
    """Check options and columns, and return the format; see `FormatPlugin.encoder`."""
    problems = Problems()
    cells = cell_text(options, problems)
    problems.add(_problems(options))
    with problems.collect():
        compression = file_compression(options)
    style = XMLStyle(
        attribute_prefix=options.attribute_prefix,
        value_tag=options.value_tag,
        array_element_name=options.array_element_name,
        indent=options.indent,
        # CSV has text for a null without being asked, XML has not.
        null_value=options.null_value if "null_value" in options.model_fields_set else None,
    )
    with problems.collect():
        check_columns(schema, "xml", case_sensitive=options.case_sensitive)
        check_intervals(schema)
    for field in schema:
        with problems.collect():
            _check_fields("", [field], style)
    problems.raise_all()
    return XMLFormat(
        XMLText(cells, style),
        root=options.root_tag,
        row_tag=options.row_tag,
        declaration=options.declaration,
        compression=compression,
    )


def _problems(options: FormatOptions) -> Iterator[str]:
    """Yield what is wrong with the options, as sentences: a parser must take the files."""
    if Charset.named(options.encoding) is not None:
        yield f"encoding={options.encoding} is not for xml, whose files are in UTF-8."
    if ":" in options.row_tag:
        yield "row_tag must be a name without a colon in files that are written."
    try:
        in_text(options.null_value)
    except EncodeError:
        yield "null_value holds a character that XML has no way to write."
    try:
        reads = _reads(*_frame(options.root_tag, ""))
    except EncodeError:
        reads = False
    if not reads:
        yield (
            "root_tag makes no XML: no attribute may come twice, nor a character that XML has no "
            "way to write."
        )
    if not _reads(*_frame("a", options.declaration)):
        yield (
            "declaration does not begin an XML file in UTF-8, as all are here; one that does is "
            'version="1.0" encoding="UTF-8".'
        )


def _reads(header: bytes, footer: bytes) -> bool:
    from xml.etree import ElementTree as ET  # late: tasks never need it

    # A letter beyond ASCII shows whether another encoding is declared.
    text = "\u00e9"
    try:
        return ET.fromstring(header + text.encode() + footer).text == text  # noqa: S314
    except (ET.ParseError, ValueError, LookupError):  # LookupError: an encoding that Python lacks
        return False


def _frame(root: str, declaration: str) -> tuple[bytes, bytes]:
    """Return the text before and after all rows."""
    name, attributes = root_parts(root)
    inside = "".join(f' {key}="{in_attribute(value)}"' for key, value in attributes)
    prolog = f"<?xml {declaration}?>\n" if declaration else ""
    return f"{prolog}<{name}{inside}>".encode(), f"</{name}>".encode()


def _check_fields(path: str, fields: Iterable[pa.Field], style: XMLStyle) -> None:
    for field in fields:
        name, kind = f"{path}{field.name}", field.type
        if not is_xml_name(style.bare(field.name)):
            raise EncodeError(
                f"XML cannot hold a column or field of the name {name!r}: an element's name is of "
                "letters, digits, -, _ and ., and begins with a letter or _",
                hint="Rename it with withColumnRenamed or toDF",
            )
        alone = style.is_attribute(field.name) or field.name == style.value_tag
        if alone and is_nested(kind):
            what = "an attribute" if style.is_attribute(field.name) else "an element's text"
            raise unsupported_type(
                name, kind, "XML", f"It is {what}: write it as text, to_json(`{name}`)"
            )
        _check_type(name, kind, arrays=0, style=style)


def _check_type(name: str, kind: pa.DataType, *, arrays: int, style: XMLStyle) -> None:
    types = pa.types
    if types.is_struct(kind):
        if not kind.num_fields:
            raise unsupported_type(name, kind, "XML", "Leave it out, or give it a field")
        _check_fields(f"{name}.", kind, style)
    elif types.is_map(kind):
        if not is_text(kind.key_type):
            raise unsupported_type(
                name, kind, "XML", "Names are strings: cast them with transform_keys"
            )
        _check_type(f"{name}.value", kind.item_type, arrays=0, style=style)
    elif is_nested(kind):
        if arrays == 2:
            # Spark writes the elements of the innermost arrays side by side.
            raise unsupported_type(name, kind, "XML", f"Flatten it, or take to_json(`{name}`)")
        _check_type(f"{name}.element", kind.value_type, arrays=arrays + 1, style=style)
    elif types.is_binary(kind) or types.is_large_binary(kind):
        raise unsupported_type(
            name, kind, "XML", f"Write it as text: base64(`{name}`) or hex(`{name}`)"
        )
    elif types.is_duration(kind) or not (CellText.holds(kind) or types.is_null(kind)):
        raise unsupported_type(name, kind, "XML", f"Cast it: CAST(`{name}` AS STRING)")
    else:
        check_zone(name, kind)


class XMLFormat(Format):
    """XML files.

    Args:
        text: makes elements of values.
        root: the root element's name; attributes may follow.
        row_tag: the name of a row's element.
        declaration: what stands in `<?xml …?>`; empty for none.
        compression: of the file as a whole.

    """

    concatenable = True

    def __init__(
        self, text: XMLText, *, root: str, row_tag: str, declaration: str, compression: Compression
    ) -> None:
        self.extension = f"xml{compression.extension}"
        self.buffered_bytes = compression.buffered_bytes
        self._text = text
        self._row_tag = row_tag
        self._compression = compression
        header, footer = _frame(root, declaration)
        ends = (b"", b"\n") if text.style.indent else (b"\n", b"")
        self._start = header + ends[0]
        self._end = ends[1] + footer

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file, with the root element's start tag if `header` asks for it."""
        start = self._start if header else b""
        return LineEncoder(self._rows, self._compression, start, self._end)

    def for_concatenation(self) -> Self:
        """Return the format of parts of one file: the root element ends after the last of them."""
        part = copy.copy(self)
        stream = self._compression.open()
        part.footer = bytes(stream.compress(self._end)) + bytes(stream.flush())
        part._end = b""  # noqa: SLF001 - an object of the same class
        return part

    def _rows(self, batch: pa.RecordBatch) -> pa.Buffer:
        return text_buffer(self._text.rows(self._row_tag, batch))
