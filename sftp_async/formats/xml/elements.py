"""Turns columns into XML elements as Spark's writer does: attributes, text, nested elements.

Source: sql/catalyst/src/main/scala/org/apache/spark/sql/catalyst/xml/StaxXmlGenerator.scala.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.errors import EncodeError
from sftp_async.formats.arrow_text import any_true, join, nullable
from sftp_async.formats.schema_checks import is_nested
from sftp_async.formats.values.cell_text import CellText, is_text
from sftp_async.formats.xml.escapes import IN_ATTRIBUTE, IN_TEXT, escaped, in_attribute, in_text
from sftp_async.options.xml import is_xml_name


@dataclass(frozen=True)
class XMLStyle:
    """How values become elements; names and meaning are those of Spark's XML options.

    `null_value` is None where a null leaves its element out. `indent` is empty for a row a line.
    """

    attribute_prefix: str = "_"
    value_tag: str = "_VALUE"
    array_element_name: str = "item"
    indent: str = "    "
    null_value: str | None = None

    def is_attribute(self, name: str) -> bool:
        """Return whether a field is an attribute of its element."""
        return name.startswith(self.attribute_prefix) and name != self.value_tag

    def bare(self, name: str) -> str:
        """Return what a field is called in the file."""
        return name.removeprefix(self.attribute_prefix) if self.is_attribute(name) else name


class _Content(NamedTuple):
    """The content of an element, row by row, without nulls.

    `written` is whether it has content, even if only empty text; `nested`, whether it has elements.
    Each is one value for all rows, or an array.
    """

    attributes: list[Any]
    inside: list[Any]
    written: Any
    nested: Any


class XMLText:
    """Turns columns of any type into elements.

    Args:
        cells: formats of dates and timestamps.
        style: what becomes an attribute, and how elements stand.

    """

    def __init__(self, cells: CellText, style: XMLStyle) -> None:
        self.cells = cells
        self.style = style

    def rows(self, tag: str, batch: pa.RecordBatch) -> pa.Array:
        """Return one element for each row, with its line break."""
        content = self._fields("", batch.schema, batch.columns, len(batch), depth=2)
        text = self._tagged(tag, content, depth=1)
        return text if self.style.indent else join(text, "\n")

    def _children(self, path: str, name: Any, column: pa.Array, depth: int) -> pa.Array:
        """Return a field's elements: those of a list stand side by side, others are one."""
        kind = column.type
        if not _is_list(kind):
            return self._element(path, name, column, depth)
        items = column.flatten()
        self._check_nulls(path, items, "An array")
        names = name if isinstance(name, str) else name.take(_owners(column, items))
        text = _together(column, self._element(path, names, items, depth))
        return self._with_nulls(column, text, name, depth)

    def _element(self, path: str, name: Any, column: pa.Array, depth: int) -> pa.Array:
        """Return one element for each value."""
        kind = column.type
        if pa.types.is_struct(kind):
            content = self._fields(f"{path}.", kind, column.flatten(), len(column), depth + 1)
        elif pa.types.is_map(kind):
            content = self._entries(path, column, depth + 1)
        elif _is_list(kind):
            item = self.style.array_element_name
            inside = pc.fill_null(self._children(path, item, column, depth + 1), "")
            some = pc.not_equal(inside, "")
            content = _Content([], [inside], some, some)
        else:
            text = self._text(path, column)
            whole = text if name == self.style.value_tag else self._plain(name, text, depth)
            return pc.coalesce(whole, self._null(name, depth))
        return self._with_nulls(column, self._tagged(name, content, depth), name, depth)

    def _fields(
        self, path: str, fields: Any, columns: list[pa.Array], rows: int, depth: int
    ) -> _Content:
        """Return the content of a struct's element: attributes first, as Spark writes them."""
        style = self.style
        attributes: list[Any] = []
        inside: list[Any] = []
        written: Any = False
        nested: Any = False
        for field, column in zip(fields, columns, strict=True):
            name, where = field.name, f"{path}{field.name}"
            if style.is_attribute(name):
                attributes.append(self._attribute(where, style.bare(name), column))
            elif name == style.value_tag:
                text = self._text(where, column)
                if style.null_value is not None:
                    text = pc.fill_null(text, in_text(style.null_value))
                written = _either(written, text.is_valid() if text.null_count else True)
                inside.append(pc.fill_null(text, ""))
            elif column.null_count == 0 and not is_nested(column.type):
                text = self._text(where, column)
                inside += [f"{self._line(depth)}<{name}>", text, f"</{name}>"]
                nested = True
            else:
                text = self._children(where, name, column, depth)
                nested = _either(nested, pc.not_equal(text, ""))
                inside.append(text)
        if not attributes and not inside:
            inside = [pa.array([""] * rows, pa.string())]
        return _Content(attributes, inside, _either(written, nested), nested)

    def _entries(self, path: str, column: pa.MapArray, depth: int) -> _Content:
        """Return the content of a map's element: an element for each key."""
        kind = nullable(column.type)
        pairs = column.cast(
            pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)]))
        )
        keys, values = pairs.flatten().flatten()
        keys = keys.cast(pa.string())
        self._check_keys(path, keys, kind.item_type)
        self._check_nulls(path, values, "A map")
        style = self.style
        is_text_key = pc.equal(keys, style.value_tag)
        is_attribute = pc.and_not(pc.starts_with(keys, style.attribute_prefix), is_text_key)
        elements = self._children(path, keys, values, depth)
        attributes: Any = ""
        if any_true(is_attribute):
            bare = pc.binary_replace_slice(keys, 0, len(style.attribute_prefix.encode()), "")
            attributes = pc.if_else(is_attribute, self._attribute(path, bare, values), "")
            elements = pc.if_else(is_attribute, "", elements)
            attributes = pc.fill_null(_together(pairs, attributes), "")
        nested = pc.not_equal(elements, "")
        written = nested
        if any_true(is_text_key):
            nested = pc.and_not(nested, is_text_key)
            written = pc.or_(nested, is_text_key)
            plain = pc.coalesce(self._text(path, values), style.null_value or "")
            elements = pc.if_else(is_text_key, plain, elements)
        inside = pc.fill_null(_together(pairs, elements), "")
        return _Content([attributes], [inside], _any_in(pairs, written), _any_in(pairs, nested))

    def _attribute(self, path: str, name: Any, column: pa.Array) -> pa.Array:
        text = self._text(path, column, IN_ATTRIBUTE)
        if self.style.null_value is not None:
            text = pc.fill_null(text, in_attribute(self.style.null_value))
        return pc.fill_null(_joined(" ", name, '="', text, '"'), "")

    def _text(self, path: str, column: pa.Array, escapes: dict[str, str] = IN_TEXT) -> pa.Array:
        """Return the text of atomic values, escaped; nulls stay null."""
        kind = column.type
        if pa.types.is_null(kind):
            return pa.nulls(len(column), pa.string())
        text = self.cells.of(column).cast(pa.string())
        if is_text(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            return escaped(path, text, escapes)
        return text

    def _tagged(self, name: Any, content: _Content, depth: int) -> pa.Array:
        """Put an element's tags around its content."""
        start = [self._line(depth), "<", name, *content.attributes]
        end: Any = ""
        if self.style.indent and content.nested is not False:
            end = self._line(depth)
            if content.nested is not True:
                end = pc.if_else(content.nested, end, "")
        whole = _joined(*start, ">", *content.inside, end, "</", name, ">")
        if content.written is True:
            return whole
        empty = _joined(*start, "/>")
        return empty if content.written is False else pc.if_else(content.written, whole, empty)

    def _with_nulls(self, column: pa.Array, text: pa.Array, name: Any, depth: int) -> pa.Array:
        if not column.null_count:
            return text
        return pc.if_else(column.is_valid(), text, self._null(name, depth))

    def _null(self, name: Any, depth: int) -> Any:
        """Return the text of a null."""
        null = self.style.null_value
        if null is None:
            return ""
        text = in_text(null)
        return text if name == self.style.value_tag else self._plain(name, text, depth)

    def _plain(self, name: Any, text: Any, depth: int) -> Any:
        return _joined(f"{self._line(depth)}<", name, ">", text, "</", name, ">")

    def _line(self, depth: int) -> str:
        indent = self.style.indent
        return f"\n{indent * depth}" if indent else ""

    def _check_nulls(self, path: str, items: pa.Array, what: str) -> None:
        if items.null_count and self.style.null_value is None:
            raise EncodeError(
                f"{what} in column {path!r} holds a null, which would be lost: XML leaves nulls "
                "out unless null_value says what to write",
                hint="Set null_value, or take them out with filter() or map_filter()",
            )

    def _check_keys(self, path: str, keys: pa.Array, kind: pa.DataType) -> None:
        for key in keys.unique().to_pylist():
            if not is_xml_name(self.style.bare(key)):
                raise EncodeError(
                    f"A map in column {path!r} has the key {key[:60]!r}, which is no name of an "
                    "XML element",
                    hint="Change the keys with transform_keys, or write to_json of the map",
                )
            if is_nested(kind) and (self.style.is_attribute(key) or key == self.style.value_tag):
                raise EncodeError(
                    f"A map in column {path!r} has the key {key[:60]!r}, which stands for an "
                    "attribute or text, but its values hold others",
                    hint="Change attribute_prefix or value_tag, or the keys with transform_keys",
                )


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _either(one: Any, other: Any) -> Any:
    """Return whether one of two is true; each may be one value for all rows."""
    if one is True or other is True:
        return True
    if one is False:
        return other
    return one if other is False else pc.or_(one, other)


def _joined(*parts: Any) -> Any:
    """Join parts row by row; constants side by side become one, as each costs a step in a row."""
    merged: list[Any] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    return merged[0] if len(merged) == 1 else join(*merged)


def _together(lists: pa.Array, items: pa.Array) -> pa.Array:
    """Concatenate the text of all items of each list; null for a null list."""
    text = pc.binary_join(_regrouped(lists, items), "")
    if not lists.null_count:
        return text
    return pc.if_else(lists.is_valid(), text, pa.scalar(None, pa.string()))


def _any_in(lists: pa.Array, mask: pa.Array) -> pa.Array:
    """Return for each list whether the mask holds for one of its items."""
    marks = pc.if_else(mask, "1", "")
    return pc.not_equal(pc.fill_null(_together(lists, marks), ""), "")


def _owners(lists: pa.Array, items: pa.Array) -> pa.Array:
    """Return for each item the number of the list that holds it."""
    return pc.list_parent_indices(_regrouped(lists, items))


def _regrouped(lists: pa.Array, items: pa.Array) -> pa.Array:
    """Return lists as long as those, of other items; a null list is an empty one."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int32())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    return pa.ListArray.from_arrays(offsets, items)
