"""What is written by any template is verified when it is read, and what was cut is not."""

from __future__ import annotations

import gzip
import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sftp_async.errors import ControlRecordError
from sftp_async.formats import open_format, open_read_format
from sftp_async.formats.values.exact_sums import ExactSums
from sftp_async.options.control_template import LINE_END, ControlTemplate, ExactSum
from sftp_async.read.control import ControlReading
from tests.support.control_templates import control_templates
from tests.support.readable import MemoryFile, read_options

pytestmark = pytest.mark.one_python

SCHEMA = pa.schema([("n", pa.int64()), ("d", pa.decimal128(38, 3))])
TEXT = pa.schema([("value", pa.string())])
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.decimals(-(10**33), 10**33, places=3),
    ),
    max_size=6,
)


def batch_of(rows: list[tuple[int | None, Decimal | None]]) -> pa.RecordBatch:
    return pa.record_batch(list(zip(*rows, strict=True)) or [[], []], schema=SCHEMA)


def lines_of(template: str | None, facts: dict[str, Any], end: str) -> bytes:
    """Return control lines as `ControlRecords` stages them."""
    if template is None:
        return b""
    given = LINE_END.split(ControlTemplate(template).render(facts))
    return "".join(f"{line}{end}" for line in given if line or line is not given[-1]).encode()


def read(data: bytes, chunk: int, options: dict[str, Any]) -> list[tuple[Any, ...]]:
    given = read_options(**options)
    reading = ControlReading.of(given, SCHEMA)
    assert reading is not None
    file = MemoryFile("/in/a (1).csv", data, chunk=chunk)
    batches = reading.rows(open_read_format(given, SCHEMA), file, 0, len(data))
    found = pa.Table.from_batches(list(batches), SCHEMA)
    return [tuple(row.values()) for row in found.to_pylist()]


@settings(max_examples=50)
@given(
    header=st.none() | control_templates(),
    footer=control_templates(),
    rows=ROWS,
    end=st.sampled_from(["\n", "\r\n", "\r", ";!"]),
    chunk=st.sampled_from([1, 3, 100_000]),
    cut=st.integers(0, 10_000),
)
def test_what_is_written_is_verified_and_what_is_cut_is_not(
    header: str | None,
    footer: str,
    rows: list[tuple[int | None, Decimal | None]],
    end: str,
    chunk: int,
    cut: int,
) -> None:
    options = {"format": "csv", "footer_lines": footer, "line_sep": end}
    if header is not None:
        options["header_lines"] = header
    batch = batch_of(rows)
    encoder = open_format(read_options(**options), SCHEMA).open()
    data = bytes(encoder.encode(batch)) + bytes(encoder.finish())
    sums = ExactSums(SCHEMA.names)
    sums.add(batch)
    facts = {
        "rows": len(rows),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "name": "a (1).csv",
        "now": datetime(2026, 11, 30, tzinfo=UTC),
        "sum(n)": ExactSum(sums.unscaled[0]),
        "sum(d)": ExactSum(sums.unscaled[1], 3),
    }
    whole = lines_of(header, facts, end) + data + lines_of(footer, facts, end)
    assert read(whole, chunk, options) == rows

    # Where something depends on all bytes, no cut goes unnoticed but that of the last line end.
    assume({"bytes", "sha256"} & ControlTemplate(footer).fields and "\n" not in footer)
    shorter = whole[: max(0, len(whole) - len(end) - 1 - cut % len(whole))]
    with pytest.raises(ControlRecordError):
        read(shorter, chunk, options)


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.txt.gz.pgp", "a.txt.asc"])
def test_a_file_may_be_named_as_before_it_was_compressed_and_encrypted(name: str) -> None:
    given = read_options(format="text", header_lines="H|{name}")
    reading = ControlReading.of(given, TEXT)
    assert reading is not None
    data = b"H|a.txt\nb\n"
    data = gzip.compress(data) if ".gz" in name else data
    file = MemoryFile(f"/in/{name}", data)  # as it is once it is decrypted
    batches = list(reading.rows(open_read_format(given, TEXT), file, 0, len(data)))
    assert [batch.to_pydict() for batch in batches] == [{"value": ["b"]}]
    file.path = "/in/b.txt"
    if name == "a.txt":
        with pytest.raises(ControlRecordError, match=r"name is 'a\.txt' in the line"):
            list(reading.rows(open_read_format(given, TEXT), file, 0, len(data)))


def test_sums_are_exact_where_64_and_128_bits_are_too_few() -> None:
    sums = ExactSums(["n", "d"])
    most = Decimal("9" * 35 + ".999")
    for _ in range(3):
        sums.add(batch_of([(2**63 - 1, most), (None, None), (2**63 - 1, most)]))
    assert sums.unscaled == [6 * (2**63 - 1), 6 * (10**38 - 1)]
    sums.add(batch_of([(-(2**63), most.copy_negate())] * 6))
    assert sums.unscaled == [-6, 0]
