"""What a contender left behind, read back without our code: rows, bytes, and a digest to compare.

The digest of a table does not depend on the order of its rows, nor on how they are spread over
files, nor on spelling (`2.3` is `2.30` in a decimal column). Each row's typed values are hashed,
and the hashes are added up: a changed, missing or doubled row changes the sum.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fastavro
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from polars.exceptions import PolarsError
from pyarrow import orc

from benchmarks.comparison import Outcome

#: Two independent hashes of 64 bits a row: that one change undoes another in both is out of reach
#: of any accident.
SEEDS = (3, 7)
#: Decimals are read with this many more digits than their type has: one too many must show.
MORE_DIGITS = 6


BLOCK = 1 << 20
#: Of XML: what ends a row of lineitem, whatever its element's name and the spaces before it.
LAST_ELEMENT = b"</l_comment>"


class VerificationError(ValueError):
    """What a contender left behind cannot be read as what it was to write; says which file."""


def csv_outcome(directory: Path, schema: pl.Schema) -> Outcome:
    """Read a directory of CSV files, each with a header line; `.gz` ones are unpacked.

    Args:
        directory: hidden files and those with a leading underscore are not looked at.
        schema: names and types of the columns that must be there.

    Raises:
        VerificationError: a file is not what it should be, or there is none.

    """
    return _table_outcome(directory, lambda file: _read_csv(file, schema))


def parquet_outcome(directory: Path, schema: pl.Schema) -> Outcome:
    """Read a directory of Parquet files; else like `csv_outcome`."""

    def read(file: Path) -> pl.DataFrame:
        frame = pl.read_parquet(file)
        _expect_columns(file, frame.columns, schema)
        return frame.select(pl.col(name).cast(kind) for name, kind in _widened(schema).items())

    return _table_outcome(directory, read)


def frame_outcome(frame: pl.DataFrame, schema: pl.Schema) -> Outcome:
    """Look at a table in memory; its digest is that of files with the same rows.

    Args:
        frame: what was read.
        schema: names and types of the columns that must be there.

    Raises:
        VerificationError: there are other columns.

    """
    if frame.columns != schema.names():
        raise VerificationError(f"found the columns {', '.join(frame.columns)[:200]}")
    frame = frame.select(pl.col(name).cast(kind) for name, kind in _widened(schema).items())
    return Outcome(rows=len(frame), bytes=0, digest=_digest(_sums(frame)))


def bytes_outcome(file: Path) -> Outcome:
    """Read one file of no particular format: its size and SHA-256."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Outcome(rows=None, bytes=file.stat().st_size, digest=digest)


def count_rows(place: Path, name: str, codec: str) -> int:
    """Count the rows of lineitem in a file, or in a directory of files.

    Args:
        place: as in `csv_outcome`, where it is a directory.
        name: of the format.
        codec: of the file, where the format does not tell it; no value of lineitem holds a line
            break.

    Raises:
        VerificationError: there is no file.

    """
    files = _data_files(place) if place.is_dir() else [place]
    return sum(_count(file, name, codec) for file in files)


def _count(file: Path, name: str, codec: str) -> int:
    if name == "parquet":
        return int(pq.read_metadata(file).num_rows)
    if name == "orc":
        return int(orc.ORCFile(file).nrows)
    if name == "avro":
        with file.open("rb") as blocks:
            return sum(block.num_records for block in fastavro.block_reader(blocks))
    ends, header = (LAST_ELEMENT if name == "xml" else b"\n"), name == "csv"
    with _unpacked(file, codec) as text:
        count, before = -int(header), b""
        while block := text.read(BLOCK):
            seen = before + block
            count += seen.count(ends)
            # An end may lie across two blocks.
            before = seen[max(0, len(seen) - len(ends) + 1) :]
        return count


def _unpacked(file: Path, codec: str) -> Any:
    if codec == "xz":
        return lzma.open(file)
    return pa.input_stream(file, compression={"none": None, "bzip2": "bz2"}.get(codec, codec))


def _table_outcome(directory: Path, read: Callable[[Path], pl.DataFrame]) -> Outcome:
    rows = size = 0
    sums = [0] * len(SEEDS)
    for file in _data_files(directory):
        try:
            frame = read(file)
        except (PolarsError, OSError, EOFError) as error:
            first = str(error).strip().partition("\n")[0]
            raise VerificationError(f"{file.name} cannot be read: {first}") from error
        size += file.stat().st_size
        rows += len(frame)
        sums = [before + new for before, new in zip(sums, _sums(frame), strict=True)]
    return Outcome(rows=rows, bytes=size, digest=_digest(sums))


def _sums(frame: pl.DataFrame) -> list[int]:
    return [_sum(frame.hash_rows(seed=seed)) for seed in SEEDS]


def _digest(sums: list[int]) -> str:
    return "".join(f"{total % 2**64:016x}" for total in sums)


def _sum(hashes: pl.Series) -> int:
    # In halves, which do not overflow.
    return int((hashes % 2**32).sum()) + (int((hashes // 2**32).sum()) << 32)


def _data_files(directory: Path) -> Iterator[Path]:
    files = [f for f in sorted(directory.glob("*")) if not f.name.startswith((".", "_"))]
    if not files:
        raise VerificationError(f"there are no data files in {directory.name}")
    yield from files


def _read_csv(file: Path, schema: pl.Schema) -> pl.DataFrame:
    data = file.read_bytes()
    if file.suffix == ".gz":
        data = gzip.decompress(data)
    # Only here: given a schema, polars takes the names from that and skips the header unread.
    header, _, rows = data.partition(b"\n")
    _expect_columns(file, header.decode(errors="replace").rstrip("\r").split(","), schema)
    if not rows:
        return pl.DataFrame(schema=_widened(schema))
    return pl.read_csv(rows, has_header=False, schema=_widened(schema))


def _expect_columns(file: Path, found: list[str], schema: pl.Schema) -> None:
    if found != schema.names():
        raise VerificationError(
            f"{file.name} has the columns {', '.join(found)[:200]}; "
            f"they should be {', '.join(schema.names())}"
        )


def _widened(schema: pl.Schema) -> pl.Schema:
    return pl.Schema(
        {
            name: pl.Decimal(38, kind.scale + MORE_DIGITS) if isinstance(kind, pl.Decimal) else kind
            for name, kind in schema.items()
        }
    )
