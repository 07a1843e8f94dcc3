"""What all formats share: names, compression, bounded memory, and what they refuse."""

from __future__ import annotations

import bz2
import decimal
import gzip
import io
import lzma
import pickle
import random
import sys
import zlib

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet

from sftp_async.errors import EncodeError, OptionsError
from sftp_async.formats import arrow_text, open_format
from sftp_async.formats.compressed_stream import Compression
from sftp_async.formats.parquet.encoder import ROW_GROUP_ROWS
from sftp_async.options import FormatOptions, compressors
from tests.support.encoding import encoded

ROWS = pa.record_batch({"id": pa.array(range(5000)), "name": [f"name {i}" for i in range(5000)]})


def unpacked(data: bytes, codec: str) -> bytes:
    unpack = {"none": bytes, "gzip": gzip.decompress, "zstd": unzstd}
    return (unpack | {"bzip2": bz2.decompress, "xz": lzma.decompress})[codec](data)


def unzstd(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(data).read()


@pytest.mark.parametrize(
    ("form", "codec", "extension"),
    [
        ("csv", None, "csv"),
        ("csv", "gzip", "csv.gz"),
        ("csv", "zstd", "csv.zst"),
        ("csv", "bzip2", "csv.bz2"),
        ("json", "xz", "json.xz"),
        ("json", "none", "json"),
        ("json", "gzip", "json.gz"),
        ("text", "zstd", "txt.zst"),
        ("parquet", None, "snappy.parquet"),
        ("parquet", "none", "parquet"),
        ("parquet", "gzip", "gz.parquet"),
        ("parquet", "zstd", "zstd.parquet"),
        ("parquet", "lz4", "lz4raw.parquet"),
        ("parquet", "brotli", "br.parquet"),
        ("orc", None, "zstd.orc"),
        ("orc", "none", "orc"),
        ("orc", "zlib", "zlib.orc"),
        ("orc", "snappy", "snappy.orc"),
        ("xml", None, "xml"),
        ("xml", "bzip2", "xml.bz2"),
        ("avro", None, "avro"),
        ("avro", "zstd", "avro"),
    ],
)
def test_the_extension_is_sparks_and_a_format_pickles(
    form: str, codec: str | None, extension: str
) -> None:
    schema = pa.schema([("a", pa.string())])
    made = open_format(FormatOptions(format=form, compression=codec), schema)
    again = pickle.loads(pickle.dumps(made))
    assert again.extension == made.extension == extension
    assert again.concatenable is (form in ("csv", "json", "text", "xml"))
    rows = pa.record_batch({"a": ["x"]})
    encoder, copy = made.open(), again.open()
    files = [bytes(one.encode(rows)) + bytes(one.finish()) for one in (encoder, copy)]
    # The last bytes of Avro's header are random, and end each block.
    first, second = (file.replace(file[-16:], b"") if form == "avro" else file for file in files)
    assert first == second


@pytest.mark.parametrize("form", ["csv", "json", "xml"])
@pytest.mark.parametrize("codec", ["gzip", "zstd", "bzip2", "xz"])
def test_every_codec_holds_the_plain_file(form: str, codec: str) -> None:
    plain = encoded(ROWS, ROWS, format=form)
    packed = encoded(ROWS, ROWS, format=form, compression=codec)
    assert unpacked(packed, codec) == plain
    assert len(packed) < len(plain) / 2


@pytest.mark.parametrize("codec", ["gzip", "zstd", "bzip2", "xz"])
def test_a_level_makes_smaller_files_of_the_same_text(codec: str) -> None:
    # bzip2's levels are sizes of blocks, the first of 100 kB.
    rows = pa.record_batch({"a": [f"{i % 977} {i * i % 1009}" for i in range(40_000)]})
    low, high = (
        encoded(rows, compression=codec, compression_level=level, format="text") for level in (1, 9)
    )
    assert unpacked(low, codec) == unpacked(high, codec) == encoded(rows, format="text")
    assert len(high) < len(low)


@pytest.mark.parametrize(("codec", "levels"), [("gzip", (1, 9)), ("zstd", (1, 19))])
def test_parquet_and_avro_take_a_level(codec: str, levels: tuple[int, int]) -> None:
    rows = pa.record_batch({"a": [f"{i % 977} {i * i % 1009}" for i in range(40_000)]})
    for form, name in (("parquet", codec), ("avro", {"gzip": "deflate"}.get(codec, codec))):
        low, high = (
            encoded(rows, format=form, compression=name, compression_level=level)
            for level in levels
        )
        assert len(high) != len(low)


def test_a_level_of_zstd_says_which_extra_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert unzstd(encoded(ROWS, compression="zstd")) == encoded(ROWS)
    with pytest.raises(OptionsError, match=r"zstandard.*'sftp-async\[zstd\]'"):
        open_format(FormatOptions(compression="zstd", compression_level=3), ROWS.schema)


def test_a_codec_that_the_format_lacks_is_refused_whatever_named_the_format() -> None:
    # Format or codec was not given, so the options alone cannot find the contradiction.
    options = FormatOptions(compression="snappy")
    with pytest.raises(OptionsError, match="compression=snappy is for parquet, orc and avro"):
        open_format(options, ROWS.schema)
    with pytest.raises(OptionsError, match="csv's compression=none has no levels; gzip, zstd"):
        open_format(FormatOptions(compression_level=1), ROWS.schema)


def test_without_isal_zlib_makes_the_same_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressors, "isal", lambda: None)
    zipped = encoded(ROWS, compression="gzip")
    assert gzip.decompress(zipped) == encoded(ROWS)
    assert isinstance(Compression("gzip").open(), type(zlib.compressobj()))


def test_isal_is_used_where_it_is_installed() -> None:
    isal_zlib = pytest.importorskip("isal.isal_zlib", reason="needs the extra `fast`")
    assert isinstance(Compression("gzip").open(), type(isal_zlib.compressobj()))


def test_compressed_files_can_be_joined() -> None:
    joined = encoded(ROWS, compression="gzip") + encoded(ROWS, compression="gzip")
    assert gzip.decompress(joined) == encoded(ROWS, ROWS)
    zstd = encoded(ROWS, compression="zstd") + encoded(ROWS, compression="zstd")
    reader = zstandard.ZstdDecompressor().stream_reader(zstd, read_across_frames=True)
    assert reader.read() == encoded(ROWS, ROWS)
    for codec in ("bzip2", "xz"):
        packed = encoded(ROWS, compression=codec) + encoded(ROWS, compression=codec)
        assert unpacked(packed, codec) == encoded(ROWS, ROWS)


@pytest.mark.parametrize("codec", ["none", "gzip", "zstd", "bzip2", "xz"])
def test_a_file_without_rows_is_a_whole_stream(codec: str) -> None:
    assert unpacked(encoded(ROWS.slice(0, 0), compression=codec), codec) == b""


def test_bytes_come_while_the_file_is_written() -> None:
    noise = pa.record_batch({"a": [random.randbytes(50).hex() for _ in range(15_000)]})
    for form, codec in (
        *(("csv", codec) for codec in ("none", "gzip", "zstd", "bzip2", "xz")),
        *(("avro", codec) for codec in ("none", "deflate", "snappy", "zstd", "bzip2", "xz")),
        *(("xml", codec) for codec in ("none", "gzip")),
    ):
        options = FormatOptions(format=form, compression=codec)
        encoder = open_format(options, noise.schema).open()
        sizes = [len(bytes(encoder.encode(noise))) for _ in range(4)]
        # An encoder that gathers the file would hand out nothing before its end; xz has a
        # dictionary of 1 MiB at its level.
        assert sum(sizes) > 2 * len(bytes(encoder.finish())), (form, codec)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_huge_batch_is_made_into_text_slice_by_slice(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = encoded(ROWS, format=form)
    monkeypatch.setattr(arrow_text, "MAX_SLICE_BYTES", 1000)
    assert len(list(arrow_text.slices(ROWS))) > 50
    assert encoded(ROWS, format=form) == whole


def test_text_is_the_values_and_nothing_else() -> None:
    rows = pa.record_batch({"line": ["a", None, "", 'q"\\', "é"]})
    assert encoded(rows, format="text") == 'a\n\n\nq"\\\né\n'.encode()
    assert encoded(rows.slice(3), format="text", line_sep="|") == 'q"\\|é|'.encode()
    large = rows.set_column(0, "line", rows.column(0).cast(pa.large_string()))
    assert encoded(large, format="text") == encoded(rows, format="text")


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_parquet_holds_the_rows_in_the_codec_asked_for(codec: str) -> None:
    data = io.BytesIO(encoded(ROWS, ROWS, format="parquet", compression=codec))
    file = parquet.ParquetFile(data)
    name = {"none": "UNCOMPRESSED"}.get(codec, codec.upper())
    assert file.metadata.row_group(0).column(0).compression == name
    assert file.read().equals(pa.Table.from_batches([ROWS, ROWS]))


def test_parquet_gathers_batches_into_row_groups_and_hands_each_out() -> None:
    rows = pa.record_batch({"a": pa.array(range(ROW_GROUP_ROWS // 4), pa.int32())})
    encoder = open_format(FormatOptions(format="parquet"), rows.schema).open()
    sizes = [len(bytes(encoder.encode(rows))) for _ in range(8)]
    assert [size > 100_000 for size in sizes] == [False, False, False, True] * 2


def test_parquet_holds_decimals_as_integers_where_spark_does() -> None:
    values = [decimal.Decimal("1.50"), None, decimal.Decimal("-0.01")]
    kinds = {"int": (9, 2), "long": (18, 2), "bytes": (19, 2)}
    rows = pa.record_batch(
        {name: pa.array(values, pa.decimal128(*kind)) for name, kind in kinds.items()}
    )
    file = parquet.ParquetFile(io.BytesIO(encoded(rows, format="parquet")))
    stored = [file.schema.column(number).physical_type for number in range(3)]
    assert stored == ["INT32", "INT64", "FIXED_LEN_BYTE_ARRAY"]
    assert file.read().to_pydict() == dict.fromkeys(kinds, values)


def test_parquet_has_dictionaries_for_columns_of_few_values_only() -> None:
    keys = pa.array(range(100_000))
    rows = pa.record_batch({"key": keys, "few": pa.array([key % 1_000 for key in range(100_000)])})
    data = encoded(rows, format="parquet", compression="none")
    group = parquet.ParquetFile(io.BytesIO(data)).metadata.row_group(0)
    # A dictionary of all keys would take as much as the keys, and their numbers a quarter more.
    assert group.column(0).total_compressed_size < 1.15 * keys.nbytes
    assert group.column(1).total_compressed_size < 0.25 * keys.nbytes


def test_parquet_without_rows_has_its_schema() -> None:
    data = encoded(ROWS.slice(0, 0), format="parquet")
    table = parquet.read_table(io.BytesIO(data))
    assert table.schema == ROWS.schema
    assert table.num_rows == 0


@pytest.mark.parametrize("codec", ["none", "gzip", "zstd"])
def test_pandas_and_polars_read_what_is_written(codec: str) -> None:
    expected = ROWS.to_pydict()
    name = {"none": None}.get(codec, codec)
    lines = encoded(ROWS, format="json", compression=codec)
    frame = pd.read_json(io.BytesIO(lines), lines=True, compression=name)
    assert frame.to_dict("list") == expected
    table = encoded(ROWS, compression=codec, header=True)
    assert pd.read_csv(io.BytesIO(table), compression=name).to_dict("list") == expected
    assert pl.read_csv(table).to_dict(as_series=False) == expected


STRUCT = pa.struct([("x", pa.int32())])


@pytest.mark.parametrize(
    ("form", "kind", "hint"),
    [
        ("csv", STRUCT, "to_json"),
        ("csv", pa.list_(pa.int32()), "to_json"),
        ("csv", pa.map_(pa.string(), pa.int32()), "to_json"),
        ("csv", pa.null(), "CAST"),
        ("csv", pa.month_day_nano_interval(), "CAST"),
        ("json", pa.map_(pa.date32(), pa.int32()), "transform_keys"),
        ("json", pa.month_day_nano_interval(), "CAST"),
        ("parquet", pa.null(), "CAST"),
        ("parquet", pa.struct([]), "field"),
        ("text", pa.int32(), "CAST"),
        ("orc", pa.null(), "CAST"),
        ("orc", pa.struct([]), "field"),
        ("orc", pa.month_day_nano_interval(), "CAST"),
        ("avro", pa.month_day_nano_interval(), "CAST"),
        ("avro", pa.map_(pa.int32(), pa.int32()), "transform_keys"),
        ("avro", pa.struct([]), "field"),
        ("xml", pa.binary(), "base64"),
        ("xml", pa.duration("us"), "CAST"),
        ("xml", pa.map_(pa.int32(), pa.int32()), "transform_keys"),
        ("xml", pa.struct([]), "field"),
    ],
)
def test_a_type_that_does_not_read_back_is_refused_by_its_columns_name(
    form: str, kind: pa.DataType, hint: str
) -> None:
    schema = pa.schema([("culprit", kind)])
    with pytest.raises(EncodeError, match="'culprit'") as caught:
        open_format(FormatOptions(format=form), schema)
    assert str(kind) in str(caught.value)
    assert hint in str(caught.value)


def test_a_refused_type_inside_others_is_named_by_its_path() -> None:
    schema = pa.schema([("a", pa.list_(pa.struct([("b", pa.map_(pa.binary(), pa.int32()))])))])
    with pytest.raises(EncodeError, match=r"'a\.element\.b'"):
        open_format(FormatOptions(format="json"), schema)


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "text", "xml", "orc", "avro"])
def test_no_column_is_refused(form: str) -> None:
    with pytest.raises(EncodeError, match="no column"):
        open_format(FormatOptions(format=form), pa.schema([]))


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "xml", "orc", "avro"])
def test_two_columns_of_one_name_are_refused(form: str) -> None:
    with pytest.raises(EncodeError, match=r"more than once.*'a'"):
        open_format(FormatOptions(format=form), pa.schema([("a", pa.int32()), ("a", pa.int32())]))


def test_two_fields_of_one_name_are_refused() -> None:
    twice = pa.struct([pa.field("x", pa.int32()), pa.field("x", pa.int32())])
    with pytest.raises(EncodeError, match=r"struct 's'.*'x'"):
        open_format(FormatOptions(format="json"), pa.schema([("s", twice)]))


def test_text_takes_one_column() -> None:
    with pytest.raises(EncodeError, match="one column, but there are 2"):
        open_format(FormatOptions(format="text"), ROWS.schema)


def test_an_unknown_time_zone_is_refused() -> None:
    schema = pa.schema([("at", pa.timestamp("us", "Mars/Olympus"))])
    with pytest.raises(EncodeError, match=r"'at'.*'Mars/Olympus'"):
        open_format(FormatOptions(), schema)


def test_all_mistakes_in_the_options_are_reported_together() -> None:
    options = FormatOptions(
        sep=";", line_sep=";", escape="", date_format="GG", timestamp_format="YYYY"
    )
    with pytest.raises(OptionsError) as caught:
        open_format(options, ROWS.schema)
    problems = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 4
    for word in ("sep and line_sep", "escape", "date_format", "timestamp_format"):
        assert word in problems
