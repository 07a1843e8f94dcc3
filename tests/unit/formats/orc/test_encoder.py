"""ORC: Spark's types, stripes that come while rows go in, and days that no reader may change."""

from __future__ import annotations

import io
import random
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import orc as arrow_orc

from sftp_async.errors import EncodeError
from sftp_async.formats import open_format
from sftp_async.formats.orc import encoder as orc
from sftp_async.options import FormatOptions
from tests.support.encoding import encoded

ZONED = pa.timestamp("us", "Europe/Berlin")
#: What pyarrow calls the name that Spark gives to a type.
SPARK_TYPE = b"spark.sql.catalyst.type"


def file_of(*batches: pa.RecordBatch, **options: Any) -> arrow_orc.ORCFile:
    return arrow_orc.ORCFile(io.BytesIO(encoded(*batches, format="orc", **options)))


@pytest.mark.parametrize("codec", ["none", "zlib", "snappy", "zstd"])
def test_it_holds_the_rows_in_the_codec_asked_for(codec: str) -> None:
    rows = pa.record_batch({"id": [1, None, 3], "name": ["a", "", None]})
    file = file_of(rows, rows.slice(1), compression=codec)
    assert file.compression == {"none": "UNCOMPRESSED"}.get(codec, codec.upper())
    assert file.read().to_pylist() == rows.to_pylist() + rows.slice(1).to_pylist()


@pytest.mark.parametrize("codec", ["zlib", "snappy", "zstd"])
def test_a_codec_makes_the_file_smaller(codec: str) -> None:
    rows = pa.record_batch({"text": [f"{n % 7} times the same" for n in range(20_000)]})
    plain, packed = (len(encoded(rows, format="orc", compression=c)) for c in ("none", codec))
    assert packed < plain


def test_texts_that_come_again_are_written_once() -> None:
    rows = pa.record_batch({"text": [f"{n % 7} times the same" for n in range(20_000)]})
    assert len(encoded(rows, format="orc", compression="none")) < rows.nbytes / 20


def test_types_that_orc_lacks_are_integers_with_sparks_name_at_any_depth() -> None:
    kind = pa.struct([("span", pa.duration("us")), ("seen", pa.timestamp("us"))])
    rows = pa.record_batch(
        {
            "ntz": pa.array([5, None], pa.timestamp("us")),
            "at": pa.nulls(2, ZONED),
            "deep": pa.array([[("k", [{"span": timedelta(1), "seen": 7}])], None],
                             pa.map_(pa.string(), pa.list_(kind))),
        }
    )  # fmt: skip
    file = file_of(rows)
    inner = file.schema.field("deep").type.item_type.value_type
    assert file.schema.field("ntz").metadata == {SPARK_TYPE: b"timestamp_ntz"}
    assert file.schema.field("at").metadata == {SPARK_TYPE: b"timestamp"}
    assert inner.field("span").metadata == {SPARK_TYPE: b"interval day to second"}
    assert inner.field("seen").metadata == {SPARK_TYPE: b"timestamp_ntz"}
    assert file.read().to_pylist() == [
        {"ntz": 5, "at": None, "deep": [("k", [{"span": 86_400_000_000, "seen": 7}])]},
        {"ntz": None, "at": None, "deep": None},
    ]


def test_a_null_struct_may_have_fields_that_are_never_null() -> None:
    kind = pa.struct([pa.field("x", pa.int32(), nullable=False)])
    rows = pa.record_batch({"s": pa.array([{"x": 1}, None], kind)})
    assert file_of(rows).read().to_pylist() == rows.to_pylist()


def test_without_rows_it_has_its_schema() -> None:
    rows = pa.record_batch({"id": pa.array([], pa.int64()), "at": pa.array([], ZONED)})
    file = file_of(rows)
    assert (file.nrows, file.schema.names) == (0, ["id", "at"])


def test_stripes_come_while_rows_go_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orc, "STRIPE_BYTES", 1024 * 1024)
    noise = pa.record_batch({"a": [random.randbytes(50).hex() for _ in range(10_000)]})
    encoder = open_format(FormatOptions(format="orc"), noise.schema).open()
    came = sum(len(bytes(encoder.encode(noise))) for _ in range(8))
    assert came > 2 * len(bytes(encoder.finish()))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("day", pa.array([None, date(1582, 10, 14)])),
        ("at", pa.array([-12_219_292_800_000_001], pa.int64()).cast(ZONED)),
        ("list.element", pa.array([None, [date(1, 1, 1)]])),
        ("map.value", pa.array([[("k", date(1, 1, 1))]], pa.map_(pa.string(), pa.date32()))),
        ("struct.d", pa.array([None, {"d": date(1, 1, 1)}])),
    ],
)
def test_a_day_that_readers_would_take_for_another_is_refused(name: str, values: pa.Array) -> None:
    rows = pa.record_batch({name.split(".")[0]: values})
    with pytest.raises(EncodeError, match=rf"'{name}' has a day before 1582-10-15.*parquet"):
        encoded(rows, format="orc")


def test_a_day_in_a_row_that_was_sliced_off_does_not_matter() -> None:
    kind = pa.map_(pa.string(), pa.date32())
    maps = pa.array([[("k", date(1, 1, 1))], [("k", date(1582, 10, 15))]], kind)
    rows = pa.record_batch({"m": maps}).slice(1)
    assert file_of(rows).read().to_pylist() == rows.to_pylist()


def test_a_part_of_a_second_before_1970_is_refused_as_java_could_not_read_it() -> None:
    whole = pa.record_batch({"at": pa.array([-1_000_000, 1, None], pa.int64()).cast(ZONED)})
    assert file_of(whole).nrows == 3
    parted = pa.record_batch({"at": pa.array([1, -1], pa.int64()).cast(ZONED)})
    with pytest.raises(EncodeError, match=r"'at' has a time before 1970.*SECOND"):
        encoded(parted, format="orc")


@pytest.mark.parametrize("name", ["a`b", ""])
def test_a_name_that_readers_would_not_find_is_refused(name: str) -> None:
    for kind in (pa.int32(), pa.struct([(name, pa.int32())])):
        outer = name if pa.types.is_integer(kind) else "s"
        with pytest.raises(EncodeError, match="ORC cannot hold a"):
            open_format(FormatOptions(format="orc"), pa.schema([(outer, kind)]))
