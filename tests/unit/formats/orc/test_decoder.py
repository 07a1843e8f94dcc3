from __future__ import annotations

import pickle
import random

import pyarrow as pa
import pytest
from pyarrow import orc

from sftp_async.errors import DecodeError, TransferError
from sftp_async.formats import open_read_format
from sftp_async.formats.orc import decoder, tail
from sftp_async.formats.orc.run_lengths import decode_integers, decode_present
from tests.support.readable import MemoryFile, decode_file, read_options

OPTIONS = read_options(format="orc")
INSTANT = pa.timestamp("us", "UTC")


def stored(table: pa.Table, **options: object) -> MemoryFile:
    sink = pa.BufferOutputStream()
    orc.write_table(table, sink, **options)
    return MemoryFile("/in/file.orc", sink.getvalue().to_pybytes())


def content(file: MemoryFile) -> bytes:
    return file.read_ranges([(0, file.size)])[0]


def numbers(rows: int, columns: int = 3) -> pa.Table:
    made = random.Random(1)
    return pa.table({f"c{i}": [made.randrange(10**9) for _ in range(rows)] for i in range(columns)})


def many_stripes(table: pa.Table, rows: int) -> MemoryFile:
    """Return a file with a stripe for each so many rows."""
    sink = pa.BufferOutputStream()
    with orc.ORCWriter(sink, stripe_size=1, batch_size=rows) as writer:
        for start in range(0, table.num_rows, rows):
            writer.write(table.slice(start, rows))
    return MemoryFile("/in/file.orc", sink.getvalue().to_pybytes())


def test_each_row_is_in_exactly_one_range_wherever_the_file_is_cut() -> None:
    table = numbers(3_072, 1)
    file = many_stripes(table, 1_024)
    begins = [stripe.offset for stripe in tail.read_tail(file).stripes]
    assert len(begins) == 3
    near = {begin + shift for begin in begins for shift in (-1, 0, 1)}
    made = random.Random(2)
    for cut in sorted({*near, 0, file.size, *(made.randrange(file.size) for _ in range(200))}):
        assert decode_file(file, OPTIONS, table.schema, [cut]).equals(table), cut


def test_a_range_holds_the_stripes_that_begin_in_it() -> None:
    table = numbers(2_048, 1)
    file = many_stripes(table, 1_024)
    second = tail.read_tail(file).stripes[1].offset
    reading = open_read_format(OPTIONS, table.schema)
    assert sum(batch.num_rows for batch in reading.decode(file, 0, second)) == 1_024
    assert sum(batch.num_rows for batch in reading.decode(file, second, second + 1)) == 1_024


def test_only_the_wanted_columns_are_fetched() -> None:
    table = numbers(50_000, 16)
    file = stored(table, compression="uncompressed", stripe_size=1024 * 1024)
    wanted = table.select(["c3", "c9", "c15"])
    assert decode_file(file, OPTIONS, wanted.schema).equals(wanted)
    stripes = len(tail.read_tail(file).stripes)
    share = file.size * 3 / 16
    assert 0.9 * share <= file.served < 1.1 * share + 2 * tail.FIRST_READ + stripes * 16 * 1024


def test_all_ranges_of_a_stripe_are_asked_for_at_once() -> None:
    calls = 0

    class Counting(MemoryFile):
        def read_ranges(self, ranges):
            nonlocal calls
            calls += 1
            return super().read_ranges(ranges)

    table = numbers(4_096, 16)
    counting = Counting("/in/file.orc", content(many_stripes(table, 1_024)))
    wanted = table.select(["c1", "c5", "c9"])
    assert decode_file(counting, OPTIONS, wanted.schema).equals(wanted)
    assert calls == 1 + 1 + 4  # the tail, the footers of the stripes, and each stripe


@pytest.mark.parametrize("codec", ["uncompressed", "zlib", "snappy", "lz4", "zstd"])
def test_every_codec_is_read(codec: str) -> None:
    table = pa.table({"n": range(5_000), "text": [f"text {n % 50}" for n in range(5_000)]})
    file = stored(table, compression=codec)
    assert decode_file(file, OPTIONS, table.schema).equals(table)


def test_a_stripe_above_the_bound_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    table = numbers(200_000, 4)
    file = stored(table, compression="uncompressed")
    monkeypatch.setattr(decoder, "HELD_BYTES", 512 * 1024)
    largest = 0

    class Noting(MemoryFile):
        def read_ranges(self, ranges):
            nonlocal largest
            largest = max(largest, sum(stop - start for start, stop in ranges))
            return super().read_ranges(ranges)

    noting = Noting(file.path, content(file))
    assert decode_file(noting, OPTIONS, table.schema).equals(table)
    assert largest < 1024 * 1024 < file.size / 2
    assert noting.served < 1.2 * file.size + 2 * tail.FIRST_READ


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "no ORC file"),
        (lambda data: b"a,b\n1,2\n" * 9, "no ORC file"),
        (lambda data: data[:-10], "no ORC file"),
        (lambda data: data[: len(data) // 2], "no ORC file"),
        (lambda data: data[:-120] + bytes(60) + data[-60:], "damaged"),
        (lambda data: data[len(data) // 2 :], "not within the file|damaged|cannot be decoded"),
    ],
    ids=["empty", "text", "cut off", "half", "footer", "begin missing"],
)
def test_a_damaged_file_is_an_error_that_names_it_and_the_place(damage, message: str) -> None:
    table = numbers(2_000)
    damaged = MemoryFile("/in/bad.orc", damage(content(stored(table, compression="zlib"))))
    with pytest.raises(DecodeError, match=message) as caught:
        decode_file(damaged, OPTIONS, table.schema)
    assert caught.value.path == "/in/bad.orc"
    assert caught.value.offset is not None


def test_an_error_of_the_network_is_raised_as_it_is() -> None:
    class Failing(MemoryFile):
        calls = 0

        def read_ranges(self, ranges):
            self.calls += 1
            if self.calls > 3:
                raise TransferError("the server refused", path=self.path)
            return super().read_ranges(ranges)

    table = numbers(4_096)
    failing = Failing("/in/file.orc", content(many_stripes(table, 1_024)))
    with pytest.raises(TransferError, match="refused"):
        decode_file(failing, OPTIONS, table.schema)


def test_missing_columns_are_null_and_names_with_dots_are_names() -> None:
    table = pa.table({"a.b": [1], "a": [{"b": 2}]})
    schema = pa.schema([("gone", pa.string()), ("a.b", pa.int64())])
    rows = decode_file(stored(table), OPTIONS, schema).to_pylist()
    assert rows == [{"gone": None, "a.b": 1}]
    nothing = open_read_format(OPTIONS, pa.schema([]))
    file = stored(table)
    assert sum(batch.num_rows for batch in nothing.decode(file, 0, file.size)) == 1
    gone = pa.schema([("gone", pa.string())])
    assert decode_file(stored(table), OPTIONS, gone).num_rows == 1


def test_columns_of_old_hive_files_are_found_by_their_position() -> None:
    table = pa.table({"_col0": [1], "_col1": ["x"]})
    schema = pa.schema([("id", pa.int64()), ("name", pa.string()), ("more", pa.int32())])
    rows = decode_file(stored(table), OPTIONS, schema).to_pylist()
    assert rows == [{"id": 1, "name": "x", "more": None}]


@pytest.mark.parametrize(
    ("zone", "hour"), [("UTC", 12), ("Europe/Berlin", 11), ("America/New_York", 17)]
)
def test_wall_clock_times_are_those_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, zone: str, hour: int
) -> None:
    noon = 12 * 3600 * 1_000_000
    table = pa.table(
        {
            "wall": pa.array([noon], pa.timestamp("us")),
            "instant": pa.array([noon], INSTANT),
        }
    )
    monkeypatch.setenv("TZ", zone)
    schema = pa.schema([("wall", INSTANT), ("instant", INSTANT)])
    rows = decode_file(stored(table), OPTIONS, schema)
    assert rows["wall"].cast(pa.int64()).to_pylist() == [hour * 3600 * 1_000_000]
    assert rows["instant"].cast(pa.int64()).to_pylist() == [noon]


@pytest.mark.parametrize("codec", ["uncompressed", "zlib", "lz4"])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_timestamps_are_the_same_by_the_library_and_by_the_decoder_of_wide_ones(
    monkeypatch: pytest.MonkeyPatch, codec: str, zone: str | None
) -> None:
    made = random.Random(3)
    values: list[int | None] = [n * 1_000_000 for n in range(2_000)]  # one step
    values += [7_000_001] * 700  # repeated
    values += [n**2 * 1_000 for n in range(3_000)]  # growing steps
    values += [made.choice([None, -1, -1_000_000, -1_500_000, 5]) for _ in range(3_000)]
    values += [made.randrange(10**6) for _ in range(500)] + [9 * 10**15]  # patched
    values += [made.randrange(-9 * 10**15, 9 * 10**15) for _ in range(5_000)]
    table = pa.table({"n": range(len(values)), "at": pa.array(values, pa.timestamp("us", zone))})
    file = stored(table, compression=codec, stripe_size=16 * 1024)
    monkeypatch.setenv("TZ", "UTC")
    schema = pa.schema([("at", INSTANT), ("n", pa.int64())])
    by_library = decode_file(file, OPTIONS, schema)
    assert by_library["at"].cast(pa.int64()).to_pylist() == values
    monkeypatch.setattr(decoder, "wide_columns", lambda tail: {1})
    assert decode_file(file, OPTIONS, schema).equals(by_library)
    alone = pa.schema([("at", INSTANT)])
    assert decode_file(file, OPTIONS, alone)["at"].equals(by_library["at"])


def test_the_encodings_of_whole_numbers_are_those_of_the_specification() -> None:
    """The examples of https://orc.apache.org/specification/ORCv1/."""

    def decode(text: str, count: int, *, signed: bool = False, version: int = 2) -> list[int]:
        data = bytes.fromhex(text)
        return list(decode_integers(data, count, signed=signed, version=version))

    assert decode("61 00 07", 100, version=1) == [7] * 100
    assert decode("61 ff 64", 100, version=1) == list(range(100, 0, -1))
    assert decode("fb 02 03 06 07 0b", 5, version=1) == [2, 3, 6, 7, 11]
    assert decode("0a 27 10", 5) == [10_000] * 5
    assert decode("5e 03 5c a1 ab 1e de ad be ef", 4) == [23713, 43806, 57005, 48879]
    patched = "8e 13 2b 21 07 d0 1e 00 14 70 28 32 3c 46 50 5a 64 6e 78 82 8c 96 a0 aa b4 be fc e8"
    expected = [2030, 2000, 2020, 1_000_000, *range(2040, 2200, 10)]
    assert decode(patched, 20) == expected
    assert decode("c6 09 02 02 22 42 42 46", 10) == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
    assert decode_present(bytes.fromhex("ff 80"), 8) == [True] + [False] * 7
    for cut_off in ("", "61", "5e 03 5c", "8e 13 2b 21 07", "c6 09 02 02 22"):
        with pytest.raises(ValueError, match="too early"):
            decode(cut_off, 20)


def test_the_format_is_pickled_to_tasks() -> None:
    table = numbers(10)
    file = stored(table)
    reading = pickle.loads(pickle.dumps(open_read_format(OPTIONS, table.schema)))
    assert reading.is_splittable("x.orc")
    assert reading.reads_ranges("x.orc")
    assert pa.Table.from_batches(reading.decode(file, 0, file.size)).equals(table)
