"""Handles the header of CSV files: where it is, and whether its names are those expected."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from sftp_async.errors import DecodeError
from sftp_async.formats.csv.lines import BLANKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.formats.csv.read_dialect import ReadDialect
    from sftp_async.formats.csv.record_parser import Cells

logger = logging.getLogger(__name__)


def header_line(lines: Sequence[str], dialect: ReadDialect) -> int | None:
    """Return the number of the line that is the header: the first that is not blank or a comment.

    None: there is none among the lines.
    """
    comment = dialect.comment
    for number, line in enumerate(lines):
        text = line.strip(BLANKS)
        if text and not (comment and text.startswith(comment)):
            return number
    return None


def safe_names(cells: Cells, null_value: str, *, header: bool, case_sensitive: bool) -> list[str]:
    """Return the names of columns, none twice and none empty, as Spark's CSVUtils.makeSafeHeader.

    Args:
        cells: of the first record.
        null_value: text of null.
        header: whether the first record is a header.
        case_sensitive: whether names that differ only in case are different.

    """
    if not header:
        return [f"_c{index}" for index in range(len(cells))]
    keys = Counter(cell if case_sensitive else cell.lower() for cell in cells if cell is not None)
    twice = {key for key, count in keys.items() if count > 1}
    names = []
    for index, cell in enumerate(cells):
        if not cell or cell == null_value:
            names.append(f"_c{index}")
        elif (cell if case_sensitive else cell.lower()) in twice or cell in twice:
            names.append(f"{cell}{index}")
        else:
            names.append(cell)
    return names


def check_header(
    cells: Cells, names: Sequence[str], path: str, *, enforce: bool, case_sensitive: bool
) -> None:
    """Compare a header with the names of the schema, as Spark's CSVHeaderChecker.

    Args:
        cells: of the header.
        names: of the columns, without that of corrupt records.
        path: of the file.
        enforce: whether the schema holds in spite of a difference, which then is a warning.
        case_sensitive: whether the case of names counts.

    Raises:
        DecodeError: they differ, and `enforce` is false.

    """
    if len(cells) != len(names):
        problem = f"The header has {len(cells)} columns, and the schema {len(names)}"
    else:
        fold = str if case_sensitive else str.lower
        differing = [
            (cell, name)
            for cell, name in zip(cells, names, strict=True)
            if cell is None or fold(cell) != fold(name)
        ]
        if not differing:
            return
        cell, name = differing[0]
        problem = f"The header has {cell!r} where the schema has {name!r}"
    if enforce:
        logger.warning("%s: %s", path, problem)
        return
    raise DecodeError(
        problem,
        path=path,
        hint="Correct the schema, or set enforce_schema=true to go by position",
    )


def positions(cells: Cells, names: Sequence[str], path: str, *, case_sensitive: bool) -> list[int]:
    """Return where a file has each column, by its header.

    Args:
        cells: of the header.
        names: of the columns that are wanted.
        path: of the file.
        case_sensitive: whether the case of names counts.

    Raises:
        DecodeError: a column is missing, or is there twice.

    """
    fold = str if case_sensitive else str.lower
    places: dict[str, list[int]] = {}
    for index, cell in enumerate(cells):
        if cell is not None:
            places.setdefault(fold(cell), []).append(index)
    found = []
    for name in names:
        at = places.get(fold(name), [])
        if len(at) != 1:
            what = "has no column" if not at else f"has {len(at)} columns"
            raise DecodeError(
                f"The header {what} {name!r}",
                path=path,
                hint=f"It has {', '.join(str(cell) for cell in cells)}; with "
                "match_columns=position columns go by their place",
            )
        found.append(at[0])
    return found
