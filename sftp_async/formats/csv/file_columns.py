"""`FileColumns`: which cells of a file are the columns that are wanted, and which others are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from sftp_async.formats.csv.header import positions, safe_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.formats.csv.read_dialect import ReadDialect
    from sftp_async.formats.csv.record_parser import Cells

#: Cells that are cut at once, at most, where some records have too many: few of a long record.
MAX_CELLS = 4 * 1024 * 1024


@dataclass(frozen=True)
class FileColumns:
    """Where a file has its columns.

    Attributes:
        width: cells that a record should have.
        wanted: the place of each column that is wanted; None: the file does not have it.
        rescues: whether cells that no wanted column takes are kept.
        unknown: the places and names of those.

    """

    width: int
    wanted: tuple[int | None, ...]
    rescues: bool = False
    unknown: tuple[tuple[int, str], ...] = ()

    @classmethod
    def in_order(cls, count: int, *, rescues: bool) -> Self:
        """Return the columns of a file that has those that are wanted, in their order."""
        return cls(count, tuple(range(count)), rescues)

    @classmethod
    def named(cls, cells: Cells, names: Sequence[str], path: str, *, case_sensitive: bool) -> Self:
        """Return the columns of a file by its header.

        Args:
            cells: of the header.
            names: of the columns that are wanted.
            path: of the file.
            case_sensitive: whether the case of names counts.

        Raises:
            DecodeError: a column is missing, or is there twice.

        """
        return cls(len(cells), tuple(positions(cells, names, path, case_sensitive=case_sensitive)))

    @classmethod
    def lenient(
        cls,
        cells: Cells,
        names: Sequence[str],
        dialect: ReadDialect,
        *,
        case_sensitive: bool,
        rescues: bool,
    ) -> Self:
        """Return the columns of a file by its header, which may lack some and have others.

        Args:
            cells: of the header; names that are empty or there twice become others, as in Spark.
            names: of the columns that are wanted.
            dialect: with the text of null.
            case_sensitive: whether the case of names counts.
            rescues: whether cells that no wanted column takes are kept.

        """
        fold = str if case_sensitive else str.lower
        found = safe_names(cells, dialect.null_value, header=True, case_sensitive=case_sensitive)
        places = {fold(name): place for place, name in enumerate(found)}
        wanted = tuple(places.get(fold(name)) for name in names)
        others = set(range(len(found))) - set(wanted) if rescues else set()
        unknown = tuple((place, found[place]) for place in sorted(others))
        return cls(len(cells), wanted, rescues, unknown)

    def with_extra(self, most: int) -> Self:
        """Return the columns with the cells behind the others, where those are kept.

        Args:
            most: cells of a record.

        """
        if not self.rescues or most <= self.width:
            return self
        extra = tuple((place, f"_c{place}") for place in range(self.width, most))
        return replace(self, unknown=self.unknown + extra)

    @property
    def places(self) -> list[int]:
        """The cells that are read: those of wanted columns, and unknown ones."""
        known = [place for place in self.wanted if place is not None]
        return known + [place for place, _ in self.unknown]

    def divide(
        self, cells: Sequence[pa.Array], rows: int
    ) -> tuple[list[pa.Array], dict[str, pa.Array]]:
        """Return the columns that are wanted, and those that are not, by name.

        Args:
            cells: those of `places`, as columns of text.
            rows: how many rows there are.

        """
        found = iter(cells)
        wanted = [
            pa.nulls(rows, pa.string()) if place is None else next(found) for place in self.wanted
        ]
        unknown: dict[str, pa.Array] = {}
        for _, name in self.unknown:
            while name in unknown:
                name += "_"
            unknown[name] = next(found)
        return wanted, unknown
