"""Records before and behind the data: a read recognises and checks them, a write fills them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.errors import ControlRecordError, OptionsError
from sftp_async.formats.arrow_text import any_true
from sftp_async.formats.fixed.layout import Layout
from sftp_async.formats.fixed.layout_text import parse_layouts
from sftp_async.formats.values.datetime_patterns import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sftp_async.formats.fixed.layout import Field
    from sftp_async.formats.fixed.records import Records
    from sftp_async.options import FormatOptions

#: Name of the field that is the number of rows.
ROWS: Final = "rows"
#: What else a write knows; see `header_lines`.
_FACTS: Final = (ROWS, "bytes", "sha256", "name")
_OPTIONS: Final = ("fixed_header", "fixed_trailer")


@dataclass(frozen=True)
class ControlRecord:
    """One type of record that is no row.

    Attributes:
        option: that has it, for errors.
        layout: of the record, as wide as those of the data.
        width: without the blanks that fill it up.

    """

    option: str
    layout: Layout
    width: int

    @property
    def mark(self) -> Field:
        """The constant by which the record is recognised: the first one."""
        return self.layout.constants[0]

    @property
    def count(self) -> Field | None:
        """The field that is the number of rows; None if there is none."""
        return self.layout.column(ROWS, case_sensitive=False)


def control_records(options: FormatOptions, width: int) -> tuple[ControlRecord, ...]:
    """Return the types of records that are no rows, as wide as those that are.

    Args:
        options: of files.
        width: characters of a record.

    Raises:
        OptionsError: a layout cannot be read, has no constant, or is too wide.

    """
    found = []
    for option in _OPTIONS:
        for layout in _layouts(options, option):
            if layout.width > width:
                raise OptionsError(
                    f"{option} has a record of {layout.width} characters, and those of the data "
                    f"have {width}."
                )
            if not layout.constants:
                raise OptionsError(
                    f'{option} has a record without a constant, such as "T", by which it can be '
                    "recognised."
                )
            whole = Layout.of(layout.fields, width)
            found.append(ControlRecord(option, whole, layout.width))
    return tuple(found)


def states_rows(options: FormatOptions) -> bool:
    """Return whether each file states the number of its rows, so that an empty one is incomplete.

    Raises:
        OptionsError: a layout cannot be read.

    """
    return any(
        layout.column(ROWS, case_sensitive=False) is not None
        for option in _OPTIONS
        for layout in _layouts(options, option)
    )


def _layouts(options: FormatOptions, option: str) -> list[Layout]:
    text = getattr(options, option)
    if text is None:
        return []
    try:
        return parse_layouts(text)
    except ValueError as error:
        raise OptionsError(f"{option} is no layout: {error}") from None


def control_lines(
    controls: Sequence[ControlRecord], options: FormatOptions, now: datetime
) -> dict[str, object]:
    """Return the options `header_lines` and `footer_lines` that write control records.

    Args:
        controls: the records, in the order of their layouts.
        options: of the write.
        now: the time of the write, for fields with a pattern.

    Raises:
        OptionsError: a field cannot be filled in, or the options have such lines already.

    """
    lines: dict[str, object] = {}
    for option, name in zip(_OPTIONS, ("header_lines", "footer_lines"), strict=True):
        layouts = [each.layout for each in controls if each.option == option]
        if layouts:
            if getattr(options, name, None) is not None:
                raise OptionsError(f"{option} and {name} are both given: keep one of them.")
            lines[name] = "\n".join(_template(layout, option, now) for layout in layouts)
    return lines


def _template(layout: Layout, option: str, now: datetime) -> str:
    """Return the template of a control record."""
    return "".join(_piece(field, option, now) for field in layout.fields)


def _piece(field: Field, option: str, now: datetime) -> str:
    width = field.width
    if not field.name:
        return _escaped((field.constant or "").ljust(width))
    if field.pattern is not None:
        pattern = Pattern.parse(
            field.pattern, option=f"{option}, field {field.name!r}: pattern", clock=True, zone=False
        )
        moment = pa.array([now.replace(tzinfo=None)], pa.timestamp("us"))
        return _escaped(pattern.of(moment)[0].as_py().ljust(width))
    name = field.name.lower()
    if name not in _FACTS:
        raise OptionsError(
            f"{option} has the field {field.name!r}, which a write cannot fill in: it knows "
            f"{', '.join(_FACTS)}, and the time for a field with a pattern. Give its text as a "
            "constant in quotes, or name it _ for blanks."
        )
    if name in (ROWS, "bytes"):
        if field.align == "left":
            return f"{{{name}:<{width}d}}"
        return f"{{{name}:0{width}d}}" if field.filling == "0" else f"{{{name}:{width}d}}"
    return f"{{{name}:{'>' if field.align == 'right' else '<'}{width}}}"


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


class ControlCheck:
    """Takes the control records out of the records of one range, and checks them.

    Args:
        types: of control records.
        path: of the file, for errors.

    """

    def __init__(self, types: tuple[ControlRecord, ...], path: str) -> None:
        # `"9"` is the mark of a trailer, and `"999"` that of what fills the file behind it.
        self._types = sorted(types, key=lambda each: -each.mark.width)
        self._path = path
        self._rows = 0
        #: For each type with a count, the rows before the last record of it.
        self._counted: dict[ControlRecord, int] = {}
        self._expected: list[int] = []

    def rows_of(self, records: Records, offset: int) -> Records:
        """Return the records that are rows.

        Args:
            records: some of the file, in order.
            offset: of the first one, in bytes.

        Raises:
            ControlRecordError: a control record has a wrong length, lacks a constant, or counts
                other rows than there are.

        """
        found: dict[int, ControlRecord] = {}
        for each in self._types:
            mark = each.mark
            texts = records.texts(mark.start, mark.stop)
            mask = pc.equal(texts, (mark.constant or "").ljust(mark.width))
            if any_true(mask):
                for place in pc.indices_nonzero(mask).to_pylist():
                    found.setdefault(place, each)
        if not found:
            self._rows += len(records)
            return records
        places = sorted(found)
        controls = records.take(places)
        lengths = pc.utf8_length(controls.whole()).to_pylist()
        for number, place in enumerate(places):
            each = found[place]
            # So many rows are before it: the control records before it are none.
            rows = self._rows + place - number
            self._check(each, controls, number, lengths[number], rows, offset)
        self._rows += len(records) - len(places)
        return records.take([place for place in range(len(records)) if place not in found])

    def finish(self) -> None:
        """Check at the end of a file that was read as a whole that no record is missing.

        Raises:
            ControlRecordError: there is no trailer that counts the last rows, or a header counts
                others.

        """
        for rows in self._expected:
            if rows != self._rows:
                raise self._failed(
                    f"The header counts {rows} rows, and there are {self._rows}", str(rows)
                )
        for each in self._types:
            if each.option == "fixed_header" or each.count is None:
                continue
            text = each.mark.constant
            if each not in self._counted:
                raise self._failed(f"There is no trailer {text!r} at the end of the file")
            if (more := self._rows - self._counted[each]) > 0:
                raise self._failed(f"Behind the trailer {text!r} are {more} rows")

    def _check(
        self,
        each: ControlRecord,
        controls: Records,
        number: int,
        length: int,
        rows: int,
        offset: int,
    ) -> None:
        kind = each.option.removeprefix("fixed_")
        label = f"The {kind} {each.mark.constant!r} behind byte {offset}"
        if length not in (each.width, each.layout.width):
            raise self._failed(
                f"{label} has {length} characters, and its layout {each.layout.width}"
            )
        for field in each.layout.constants:
            text = controls.texts(field.start, field.stop)[number].as_py()
            if text != (field.constant or "").ljust(field.width):
                raise self._failed(f"{label} has no {field.constant!r} at {field.start + 1}")
        if each.count is None:
            return
        text = controls.texts(each.count.start, each.count.stop)[number].as_py().strip()
        if not (text.isascii() and text.isdigit()):
            raise self._failed(f"{label} has {text!r} for its number of rows", text)
        if each.option == "fixed_header":
            self._expected.append(int(text))
            return
        seen = rows - self._counted.get(each, 0)
        self._counted[each] = rows
        if int(text) != seen:
            raise self._failed(f"{label} counts {int(text)} rows, and there are {seen}", text)

    def _failed(self, problem: str, stated: str | None = None) -> ControlRecordError:
        # Not one that `ignore_corrupt_files` covers: the rows before it may be any part of all.
        error = ControlRecordError(
            problem,
            path=self._path,
            hint="The file may be incomplete: ask its sender. To read it as it is, name the field "
            f"{ROWS!r} of the layout _ instead",
        )
        if stated is not None:
            error.stated = {ROWS: stated}
        return error


def counts_rows(types: tuple[ControlRecord, ...]) -> bool:
    """Return whether a file has to be read as a whole, since its rows are counted."""
    return any(each.count is not None for each in types)


def control_problems(types: tuple[ControlRecord, ...], layout: Layout) -> Iterator[str]:
    """Yield which control records cannot be distinguished from rows, as sentences."""
    for each in types:
        mark = each.mark
        if like_mark(mark, layout, {}) is True:
            yield (
                f"{each.option} is recognised by {mark.constant!r} at {mark.start + 1}, which "
                "each record of fixed_layout has, too."
            )


def like_mark(mark: Field, layout: Layout, texts: Mapping[int, pa.Array]) -> pa.Array | bool:
    """Return which rows a read would take for a control record.

    Args:
        mark: by which it is recognised.
        layout: of the rows.
        texts: those of the layout's columns, by the place of their fields.

    Returns:
        For each row whether it would be; or for all of them, where the layout alone says so. A
        field whose texts are not given says that none would be.

    """
    wanted = (mark.constant or "").ljust(mark.width)
    found: pa.Array | bool = True
    for field in layout.fields:
        first, last = max(field.start, mark.start), min(field.stop, mark.stop)
        if first >= last:
            continue
        part = wanted[first - mark.start : last - mark.start]
        start, stop = first - field.start, last - field.start
        if field.start in texts:
            equal = pc.equal(pc.utf8_slice_codeunits(texts[field.start], start, stop), part)
            found = equal if found is True else pc.and_(found, equal)
        elif field.constant is None or field.constant.ljust(field.width)[start:stop] != part:
            return False
    return found
