"""Encodes fixed-width files: the columns of a batch side by side, each in its field."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.errors import EncodeError
from sftp_async.formats.arrow_text import any_true, text_buffer
from sftp_async.formats.base import Format, PartEncoder
from sftp_async.formats.charset import Charset
from sftp_async.formats.fixed.byte_set import NEXT_LINE, ByteSet
from sftp_async.formats.fixed.columns import field_of_each, layout_problems, wanted_layout
from sftp_async.formats.fixed.control import (
    control_lines,
    control_problems,
    control_records,
    like_mark,
)
from sftp_async.formats.fixed.field_text import FieldText
from sftp_async.formats.fixed.matrix import interleaved
from sftp_async.formats.from_options import cell_text, file_charset, file_compression
from sftp_async.formats.line_encoder import LineEncoder
from sftp_async.formats.schema_checks import check_columns
from sftp_async.formats.values.cell_text import is_text
from sftp_async.formats.values.datetime_patterns import Pattern
from sftp_async.options.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Buffer

    from sftp_async.formats.compressed_stream import Compression
    from sftp_async.formats.fixed.control import ControlRecord
    from sftp_async.formats.fixed.layout import Field, Layout
    from sftp_async.formats.values.cell_text import CellText
    from sftp_async.options import FormatOptions


def open_fixed(options: FormatOptions, schema: pa.Schema) -> FixedFormat:
    """Check options and columns, and return the format; see `FormatPlugin.encoder`."""
    problems = Problems()
    text = cell_text(options, problems)
    charset = file_charset(options, problems, "line_sep")
    with problems.collect():
        compression = file_compression(options)
    with problems.collect():
        check_columns(schema, "fixed", case_sensitive=options.case_sensitive)
    layout = None
    controls: tuple[ControlRecord, ...] = ()
    implied: dict[str, object] = {}
    with problems.collect():
        layout = wanted_layout(options, schema)
    fields: list[FieldText] = []
    if layout is not None:
        problems.add(layout_problems(layout, options))
        with problems.collect():
            controls = control_records(options, layout.width)
            problems.add(control_problems(controls, layout))
            implied = control_lines(controls, options, datetime.now().astimezone())
        with problems.collect():
            found = field_of_each(layout, schema, options, EncodeError, all_fields=True)
            for place, (field, column) in enumerate(zip(found, schema, strict=True)):
                with problems.collect():
                    fields.append(FieldText(field, place, _text_of(field, column, text)))
    problems.raise_all()
    assert layout is not None
    return FixedFormat(
        layout,
        tuple(fields),
        line_sep=options.line_sep if options.fixed_line_ends else "",
        compression=compression,
        charset=charset,
        bytes_=ByteSet.named(options.encoding),
        controls=controls,
        implied=implied,
    )


def _text_of(field: Field, column: pa.Field, text: CellText) -> CellText:
    """Return how values of a column become text, by the field's own pattern if it has one.

    Raises:
        OptionsError: the pattern cannot be written.

    """
    if field.pattern is None:
        return text
    kind = column.type
    clock = pa.types.is_timestamp(kind)
    zone = clock and kind.tz is not None
    pattern = Pattern.parse(
        field.pattern, option=f"fixed_layout, field {field.name!r}: pattern", clock=clock, zone=zone
    )
    return replace(
        text, date_format=pattern, timestamp_format=pattern, timestamp_ntz_format=pattern
    )


class FixedFormat(Format):
    """Fixed-width files.

    Args:
        layout: of a record.
        fields: what fills the fields of columns.
        line_sep: what ends a record; may be empty.
        compression: of the file as a whole.
        charset: None is UTF-8.
        bytes_: the same, if each of its characters is one byte.
        controls: the types of records that are no rows.
        implied: the options of control records.

    """

    concatenable = True

    def __init__(
        self,
        layout: Layout,
        fields: tuple[FieldText, ...],
        *,
        line_sep: str,
        compression: Compression,
        charset: Charset | None,
        bytes_: ByteSet | None,
        controls: tuple[ControlRecord, ...],
        implied: Mapping[str, object],
    ) -> None:
        self.extension = f"{'txt' if line_sep else 'dat'}{compression.extension}"
        self.buffered_bytes = compression.buffered_bytes
        self.fields = fields
        self.line_sep = line_sep
        self.charset = charset
        self.bytes_ = bytes_
        self.controls = controls
        self.layout = layout
        if not line_sep:
            self.record_end = line_sep
        self.implied_options = implied
        # Records without ends are found by their length, and so are those of a layout.
        self.record_width = layout.width if implied or not line_sep else None
        self._compression = compression

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file. There is no header but a byte order mark."""
        mark = self.charset.mark if self.charset and header else b""
        return LineEncoder(_Records(self).lines, self._compression, mark)

    def encoded(self, text: bytes) -> bytes:
        """Return UTF-8 text in the character set of the files."""
        return self.charset.encode(text) if self.charset else text


class _Records:
    """Makes the records of one part file.

    Args:
        form: the format.

    """

    def __init__(self, form: FixedFormat) -> None:
        self._form = form
        self._row = 0
        blank = "".join((field.constant or "").ljust(field.width) for field in form.layout.fields)
        self._template = form.encoded(f"{blank}{form.line_sep}".encode())

    def lines(self, batch: pa.RecordBatch) -> Buffer:
        """Return the bytes of a batch's records."""
        form = self._form
        texts = []
        for each in form.fields:
            text = each.of(batch.column(each.place), self._row)
            if form.line_sep:
                self._check_lines(each, text)
            texts.append(text)
        self._check_marks(texts)
        columns = []
        for each, text in zip(form.fields, texts, strict=True):
            found = self._bytes(each, text)
            if found is None:
                data = self._joined(texts)
                break
            columns.append((each.field.start, each.field.width, found))
        else:
            data = interleaved(self._template, batch.num_rows, columns)
        self._row += batch.num_rows
        return data

    def _bytes(self, each: FieldText, text: pa.Array) -> bytes | None:
        """Return the bytes of a column's texts, of which each has the field's width; else None."""
        form = self._form
        data: bytes = text_buffer(text).to_pybytes()
        if data.isascii():
            if form.bytes_ is None:
                # Of sets of several bytes, UTF-8 alone has those of ASCII.
                return data if form.charset is None else None
            signed = bool(each.field.sign)
            table = form.bytes_.signed_from_plain if signed else form.bytes_.from_plain
            return data if table is None else data.translate(table)
        if form.bytes_ is None:
            return None
        try:
            return form.encoded(data)
        except EncodeError:
            raise self._lacking(each, text) from None

    def _lacking(self, each: FieldText, text: pa.Array) -> EncodeError:
        """Return the error of the first text with a character that the set lacks."""
        charset = self._form.charset
        assert charset is not None
        at = next(row for row, one in enumerate(text.to_pylist()) if charset.lacks(one))
        return EncodeError(
            f"Column {each.field.name!r}, row {self._row + at + 1} of its part: the value has a "
            f"character that {charset.name} lacks",
            hint="Set another encoding, or replace the character in the DataFrame",
        )

    def _joined(self, texts: list[pa.Array]) -> Buffer:
        """Return the records as they are joined where a character may take several bytes."""
        form = self._form
        by_start = {each.field.start: text for each, text in zip(form.fields, texts, strict=True)}
        parts = [
            by_start.get(field.start, (field.constant or "").ljust(field.width))
            for field in form.layout.fields
        ]
        lines = pc.binary_join_element_wise(*parts, form.line_sep, "")
        return form.encoded(text_buffer(lines))

    def _check_marks(self, texts: list[pa.Array]) -> None:
        """Check that a read takes no row for a record before or behind the data.

        Raises:
            EncodeError: names the row.

        """
        form = self._form
        by_start = {each.field.start: text for each, text in zip(form.fields, texts, strict=True)}
        for control in form.controls:
            mark = control.mark
            like = like_mark(mark, form.layout, by_start)
            if isinstance(like, pa.Array) and any_true(like):
                raise EncodeError(
                    f"Row {self._row + pc.index(like, True).as_py() + 1} of its part has "
                    f"{mark.constant!r} at {mark.start + 1}, by which a record of {control.option} "
                    "is recognised, so a reader would not take it for a row",
                    hint="Give the rows a constant of their own in the layout, or the record a "
                    "longer one",
                )

    @property
    def _more_ends(self) -> str:
        """The line end of EBCDIC, which is no line break elsewhere."""
        bytes_ = self._form.bytes_
        return NEXT_LINE if bytes_ is not None and bytes_.is_ebcdic else ""

    def _check_lines(self, each: FieldText, text: pa.Array) -> None:
        """Check that no text ends its record.

        Raises:
            EncodeError: names the column and the row.

        """
        if not is_text(text.type):
            return
        data = text_buffer(text).to_pybytes()
        ends = {"\n", "\r", self._form.line_sep, *self._more_ends}
        if not any(end.encode() in data for end in ends):
            return
        for end in ends:
            holds = pc.match_substring(text, end)
            if any_true(holds):
                at = pc.index(holds, True).as_py()
                raise EncodeError(
                    f"Column {each.field.name!r}, row {self._row + at + 1} of its part: the value "
                    "holds a line break, which would end the record",
                    hint="Replace it in the DataFrame, as in translate(column, '\\r\\n', '  ')",
                )
