from __future__ import annotations

import contextlib
import itertools
import pickle
import random

import pyarrow as pa
import pytest
from pyarrow import parquet

from sftp_async.errors import DecodeError, TransferError
from sftp_async.formats import open_read_format
from sftp_async.formats.parquet import decoder, footer
from tests.support.readable import MemoryFile, decode_file, read_options

OPTIONS = read_options(format="parquet")


def stored(table: pa.Table, **options: object) -> MemoryFile:
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, **options)
    return MemoryFile("/in/file.parquet", sink.getvalue().to_pybytes())


def numbers(rows: int, columns: int = 3) -> pa.Table:
    made = random.Random(1)
    return pa.table({f"c{i}": [made.randrange(10**9) for _ in range(rows)] for i in range(columns)})


def test_each_row_is_in_exactly_one_range_wherever_the_file_is_cut() -> None:
    table = numbers(15, 1)
    file = stored(table, row_group_size=5, write_statistics=False, use_dictionary=False)
    for cut in range(file.size + 1):
        assert decode_file(file, OPTIONS, table.schema, [cut]).equals(table), cut
    table = numbers(700)
    file = stored(table, row_group_size=100, compression="zstd")
    made = random.Random(2)
    for _ in range(100):
        cuts = sorted(made.randrange(file.size) for _ in range(made.randrange(1, 9)))
        assert decode_file(file, OPTIONS, table.schema, cuts).equals(table), cuts


def test_a_range_holds_the_row_groups_whose_middle_is_in_it() -> None:
    table = numbers(300)
    file = stored(table, row_group_size=100, use_dictionary=False)
    group = parquet.read_metadata(pa.BufferReader(file.read_ranges([(0, file.size)])[0]))
    first = group.row_group(0).column(0).data_page_offset
    middle = first + sum(group.row_group(0).column(i).total_compressed_size for i in range(3)) // 2
    reading = open_read_format(OPTIONS, table.schema)
    assert sum(b.num_rows for b in reading.decode(file, 0, middle)) == 0
    assert sum(b.num_rows for b in reading.decode(file, 0, middle + 1)) == 100


def test_only_the_wanted_columns_are_fetched() -> None:
    table = numbers(20_000, 16)
    file = stored(table, row_group_size=5_000, use_dictionary=False, compression="none")
    wanted = table.select(["c3", "c9", "c15"])
    assert decode_file(file, OPTIONS, wanted.schema).equals(wanted)
    share = file.size * 3 / 16
    assert share <= file.served < 1.1 * share + footer.FIRST_READ


def test_the_footer_takes_one_request_or_two() -> None:
    class Counting(MemoryFile):
        calls = 0

        def read_ranges(self, ranges):
            self.calls += 1
            return super().read_ranges(ranges)

    small = numbers(10)
    wide = pa.table({f"column {i}": [1] for i in range(2_000)})
    for table, calls in ((small, 1), (wide, 2)):
        file = stored(table)
        counting = Counting(file.path, file.read_ranges([(0, file.size)])[0])
        footer.read_footer(counting)
        assert counting.calls == calls


def test_all_ranges_of_a_row_group_are_asked_for_at_once() -> None:
    asked: list[int] = []

    class Noting(MemoryFile):
        def read_ranges(self, ranges):
            asked.append(len(ranges))
            return super().read_ranges(ranges)

    table = numbers(4_000, 16)
    file = stored(table, row_group_size=1_000, use_dictionary=False)
    noting = Noting(file.path, file.read_ranges([(0, file.size)])[0])
    wanted = table.select(["c1", "c5", "c9"])
    assert decode_file(noting, OPTIONS, wanted.schema).equals(wanted)
    assert asked == [1, 3, 3, 3, 3]  # the footer, and four row groups


def test_a_row_group_above_the_bound_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    table = numbers(200_000, 4)
    file = stored(table, row_group_size=100_000, data_page_size=16 * 1024, compression="none")
    monkeypatch.setattr(decoder, "HELD_BYTES", 512 * 1024)
    largest = 0

    class Noting(MemoryFile):
        def read_ranges(self, ranges):
            nonlocal largest
            largest = max(largest, sum(stop - start for start, stop in ranges))
            return super().read_ranges(ranges)

    noting = Noting(file.path, file.read_ranges([(0, file.size)])[0])
    assert decode_file(noting, OPTIONS, table.schema).equals(table)
    assert largest < 1024 * 1024 < file.size / 4
    assert noting.served < 1.05 * file.size + footer.FIRST_READ  # nothing is fetched twice


@pytest.mark.parametrize("held", [1, 24 * 1024 * 1024], ids=["in parts", "at once"])
def test_nested_columns_are_equal_by_both_ways_to_read_a_row_group(
    monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(decoder, "HELD_BYTES", held)
    rows = [
        {
            "list": [{"a": i, "b": str(i) * (i % 5)} if i % 4 else None for i in range(n % 7)],
            "map": [(f"k{n}", n), ("l", None)] if n % 3 else None,
            "text": "x" * (n % 1000),
        }
        for n in range(5_000)
    ]
    element = pa.field("element", pa.struct([("a", pa.int64()), ("b", pa.string())]))
    schema = pa.schema(
        [
            ("list", pa.list_(element)),
            ("map", pa.map_(pa.string(), pa.int32())),
            ("text", pa.string()),
        ]
    )
    table = pa.Table.from_pylist(rows, schema)
    file = stored(table, row_group_size=2_000, data_page_size=4_096)
    found = decode_file(file, OPTIONS, schema, [file.size // 2])
    assert found.combine_chunks().equals(table.combine_chunks())


def test_batches_are_bounded_in_rows_and_in_bytes() -> None:
    narrow, wide = numbers(150_000, 1), pa.table({"t": ["x" * 100_000] * 1_000})
    reading = open_read_format(OPTIONS, narrow.schema)
    file = stored(narrow)
    assert max(b.num_rows for b in reading.decode(file, 0, file.size)) <= 65_536
    file = stored(wide, row_group_size=500, use_dictionary=False)
    sizes = [b.nbytes for b in open_read_format(OPTIONS, wide.schema).decode(file, 0, file.size)]
    assert max(sizes) < 2 * decoder.BATCH_BYTES


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "too short"),
        (lambda data: b"a,b\n1,2\n" * 9, "no Parquet file"),
        (lambda data: data[:-10], "no Parquet file"),
        (lambda data: data[:-4] + b"PARE", "encrypted"),
        (lambda data: data[:-8] + b"\xff\xff\xff\x7f" + data[-4:], "footer is damaged"),
        (lambda data: data[:-60] + b"\xff" * 52 + data[-8:], "footer is damaged"),
        (lambda data: data[:200] + b"\xff" * 400 + data[600:], "Row group 0 cannot be decoded"),
        (lambda data: data[len(data) // 2 :], "not within the file"),
    ],
    ids=["empty", "text", "cut off", "encrypted", "length", "footer", "pages", "begin missing"],
)
def test_a_damaged_file_is_an_error_that_names_it_and_the_place(damage, message: str) -> None:
    table = numbers(2_000)
    file = stored(table, compression="zstd", write_page_checksum=True)
    damaged = MemoryFile("/in/bad.parquet", damage(file.read_ranges([(0, file.size)])[0]))
    with pytest.raises(DecodeError, match=message) as caught:
        decode_file(damaged, OPTIONS, table.schema)
    assert caught.value.path == "/in/bad.parquet"
    assert caught.value.offset is not None
    assert f"at byte {caught.value.offset:,}" in str(caught.value)


def test_any_damaged_byte_is_an_error_of_ours_or_harmless() -> None:
    table = numbers(50)
    file = stored(table, compression="none", write_page_checksum=False)
    data = file.read_ranges([(0, file.size)])[0]
    made = random.Random(3)
    for position in made.sample(range(len(data)), 400):
        changed = bytearray(data)
        changed[position] ^= 1 << made.randrange(8)
        with contextlib.suppress(DecodeError):
            decode_file(MemoryFile("/in/bad", bytes(changed)), OPTIONS, table.schema)


def test_an_error_of_the_network_is_raised_as_it_is() -> None:
    class Failing(MemoryFile):
        calls = 0

        def read_ranges(self, ranges):
            self.calls += 1
            if self.calls > 3:
                raise TransferError("the server refused", path=self.path)
            return super().read_ranges(ranges)

    table = numbers(4_000)
    file = stored(table, row_group_size=1_000)
    failing = Failing(file.path, file.read_ranges([(0, file.size)])[0])
    with pytest.raises(TransferError, match="refused"):
        decode_file(failing, OPTIONS, table.schema)


def test_an_abandoned_read_leaves_no_thread() -> None:
    import threading

    table = numbers(4_000)
    file = stored(table, row_group_size=1_000)
    batches = open_read_format(OPTIONS, table.schema).decode(file, 0, file.size)
    next(batches)
    batches.close()
    assert not [t for t in threading.enumerate() if "parquet" in t.name]


def test_a_read_without_columns_has_as_many_rows_and_fetches_only_the_footer() -> None:
    table = numbers(1_000)
    file = stored(table)
    reading = open_read_format(OPTIONS, pa.schema([]))
    assert sum(batch.num_rows for batch in reading.decode(file, 0, file.size)) == 1_000
    assert file.served == min(file.size, footer.FIRST_READ)


def test_a_missing_column_is_null_with_the_right_number_of_rows() -> None:
    table = numbers(1_000)
    schema = pa.schema([("gone", pa.list_(pa.string()))])
    assert decode_file(stored(table), OPTIONS, schema)["gone"].null_count == 1_000


def test_fields_that_differ_in_case_alone_are_an_error_unless_case_counts() -> None:
    table = pa.table({"a": [1], "A": [2]})
    schema = pa.schema([("a", pa.int64())])
    with pytest.raises(DecodeError, match="case does not count"):
        decode_file(stored(table), OPTIONS, schema)
    exact = read_options(format="parquet", case_sensitive=True)
    assert decode_file(stored(table), exact, schema)["a"].to_pylist() == [1]


def test_names_with_dots_are_names() -> None:
    table = pa.table({"a.b": [1], "a": [{"b": 2}]})
    file = stored(table)
    assert decode_file(file, OPTIONS, table.schema.remove(1))["a.b"].to_pylist() == [1]
    assert decode_file(file, OPTIONS, table.schema.remove(0))["a"].to_pylist() == [{"b": 2}]


@pytest.mark.parametrize("version", [b"2.4.8", b"3.5.1"])
def test_old_dates_of_spark_2_are_those_that_it_was_given(version: bytes) -> None:
    days = pa.array([-719164, -141428, -141427, 0, None], pa.int32())  # Julian: 0001-01-01 ...
    table = pa.table({"day": days.cast(pa.date32())})
    table = table.replace_schema_metadata({b"org.apache.spark.version": version})
    found = decode_file(stored(table), OPTIONS, pa.schema([("day", pa.date32())]))["day"]
    if version.startswith(b"2"):
        texts = [str(day) for day in found.to_pylist()]
        assert texts == ["0001-01-01", "1582-10-04", "1582-10-15", "1970-01-01", "None"]
    else:
        assert found.cast(pa.int32()).to_pylist() == days.to_pylist()


def test_old_timestamps_of_spark_2_are_an_error_that_says_why() -> None:
    for micros, old in ((-2_208_988_800_000_001, True), (-2_208_988_800_000_000, False)):
        table = pa.table({"s": [{"at": micros}]})
        kind = pa.struct([("at", pa.timestamp("us", "UTC"))])
        table = table.cast(pa.schema([("s", kind)]))
        table = table.replace_schema_metadata({b"org.apache.spark.version": b"2.4.8"})
        file = stored(table)
        if old:
            with pytest.raises(DecodeError, match=r"'s.at'.*another calendar"):
                decode_file(file, OPTIONS, pa.schema([("s", kind)]))
        else:
            assert decode_file(file, OPTIONS, pa.schema([("s", kind)])).num_rows == 1


def test_the_format_is_pickled_to_tasks() -> None:
    table = numbers(10)
    file = stored(table)
    reading = pickle.loads(pickle.dumps(open_read_format(OPTIONS, table.schema)))
    assert reading.is_splittable("x.parquet")
    assert reading.reads_ranges("x.parquet")
    batches = reading.decode(file, 0, file.size)
    assert pa.Table.from_batches(itertools.chain(batches)).equals(table)
