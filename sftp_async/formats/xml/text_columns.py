"""Parses columns of text at once: what Arrow reads as Spark's StaxXmlParser does, by Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.values.from_text import FromText, reader_of
from sftp_async.formats.xml.text_values import BLANKS

if TYPE_CHECKING:
    from sftp_async.formats.xml.text_values import TextParser


class TextColumns:
    """Converts columns of text; the values are those of `TextParser`.

    Args:
        texts: parses single values.

    """

    def __init__(self, texts: TextParser) -> None:
        self._texts = texts
        self._readers: dict[pa.DataType, FromText] = {}

    def of_elements(self, texts: pa.Array, kind: pa.DataType) -> tuple[pa.Array, list[int]]:
        """Return the values of elements, and the places of those that are malformed.

        Args:
            texts: strings; null where there is no element.
            kind: of the values; for all but strings, white space alone is null.

        """
        trimmed = pc.ascii_trim(texts, characters=BLANKS)
        values = trimmed if self._texts.trims else texts
        if not pa.types.is_string(kind):
            values = _null_where(values, pc.equal(pc.binary_length(trimmed), 0))
        return self._converted(values, kind)

    def of_attributes(self, texts: pa.Array, kind: pa.DataType) -> tuple[pa.Array, list[int]]:
        """Return the values of attributes, and the places of those that are malformed.

        Args:
            texts: strings; null where there is no attribute.
            kind: of the values.

        """
        if self._texts.trims:
            texts = pc.ascii_trim(texts, characters=BLANKS)
        return self._converted(texts, kind)

    def _converted(self, values: pa.Array, kind: pa.DataType) -> tuple[pa.Array, list[int]]:
        if self._texts.null is not None:
            values = _null_where(values, pc.equal(values, self._texts.null))
        reader = self._readers.get(kind)
        if reader is None:
            reader = self._readers[kind] = _Column(self._texts, kind)
        return reader.column(values)


class _Column(FromText):
    """Reads a column: cells as on the exact path, and all at once where Arrow does the same."""

    def __init__(self, texts: TextParser, kind: pa.DataType) -> None:
        self.type = kind
        reader = reader_of(kind, texts.rules)
        assert reader is not None, kind
        self._reader = reader
        self._parse = texts.parser(kind)

    def cell(self, text: str) -> Any:
        return self._parse(text)

    def fast(self, text: pa.Array) -> pa.Array | None:
        if pa.types.is_boolean(self.type):
            return text.cast(self.type)
        return self._reader.fast(text)

    def cells(self, values: list[Any]) -> pa.Array:
        return pa.array(values, self.type)


def _null_where(values: pa.Array, mask: pa.Array) -> pa.Array:
    if not pc.any(mask).as_py():
        return values
    return pc.if_else(mask, pa.scalar(None, values.type), values)
