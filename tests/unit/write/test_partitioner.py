"""Partition columns: what is refused before any task, and the directories that values make."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import EncodeError, OptionsError
from sftp_async.options import SFTPOptions
from sftp_async.write.partitioner import Partitioning, partition_problems

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("Country", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("map", pa.map_(pa.string(), pa.int32())),
        ("place", pa.struct([("x", pa.int32())])),
        ("nothing", pa.null()),
        ("a,b", pa.string()),
        (".hidden", pa.string()),
        ("twice", pa.int32()),
        ("Twice", pa.int32()),
    ]
)


def options(partition_by: Any, **more: Any) -> SFTPOptions:
    given = {"host": "h", "username": "u", "password": "p", "path": "/out", **more}
    return SFTPOptions(**given, partition_by=partition_by)


def problems(partition_by: Any, schema: pa.Schema = SCHEMA, **more: Any) -> list[str]:
    return list(partition_problems(options(partition_by, **more), schema))


def directories(column: pa.Array, name: str = "c") -> list[str]:
    batch = pa.record_batch([pa.array(range(len(column))), column], names=["row", name])
    rows, found, positions = Partitioning((name,)).split(batch)
    assert rows.schema.names == ["row"]
    return [found[position] for position in positions.to_pylist()]


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ("tags", "of type list"),
        ("map", "of type map"),
        ("place", "of type struct"),
        ("nothing", "of type null"),
        (".hidden", "hidden"),
        ("contry", "did you mean 'Country'?"),
        ("xyz", "there are"),
        ("id,ID", "names the column 'id' twice"),
        ("TWICE", "may mean any of the columns 'twice', 'Twice'"),
        ("twice", "cannot tell the columns 'twice', 'Twice' apart"),
    ],
)
def test_a_column_that_makes_no_partitions_is_refused_by_name(column: str, what: str) -> None:
    (problem,) = problems(column)
    assert what in problem
    assert repr(column.partition(",")[0])[1:-1] in problem


@pytest.mark.parametrize("name", ["x" * 250, "a\0b"], ids=["long", "nul"])
def test_a_column_whose_name_makes_no_directory_is_refused(name: str) -> None:
    (problem,) = problems([name], pa.schema([("id", pa.int64()), (name, pa.string())]))
    assert "a directory of it would" in problem


def test_all_columns_are_refused_since_none_is_left() -> None:
    assert problems("b,A", pa.schema([("a", pa.int32()), ("b", pa.int32())])) == [
        "partition_by names all columns, and none is left for the files: leave one out."
    ]


def test_all_mistakes_are_reported_together() -> None:
    assert len(problems("tags,nope,.hidden,twice")) == 4


def test_dynamic_without_partitions_is_refused_since_it_would_replace_everything() -> None:
    (problem,) = problems((), partition_overwrite_mode="dynamic")
    assert "needs partition_by" in problem


@pytest.mark.parametrize(
    "given",
    # Spark makes text of a Python list that is an option.
    ['["a,b", "COUNTRY"]', "['a,b', 'COUNTRY']", ["a,b", "COUNTRY"], ("a,b", "COUNTRY")],
    ids=["json", "python", "list", "tuple"],
)
def test_columns_are_found_in_any_case_and_keep_the_spelling_that_was_asked_for(given: Any) -> None:
    assert problems(given) == []
    made = Partitioning(
        SFTPOptions(host="h", username="u", password="p", partition_by=given).partition_by
    )
    assert made.columns == ("a,b", "COUNTRY")
    assert "Country" not in made.data(SCHEMA).names
    batch = pa.record_batch([["x"], ["y"], [1]], names=["Country", "a,b", "id"])
    assert made.split(batch)[1] == ["a,b=y/COUNTRY=x"]


def test_columns_go_to_spark_and_back() -> None:
    for names in (("a", "b"), ("a,b", "c")):
        options = SFTPOptions(host="h", username="u", password="p", partition_by=names)
        assert SFTPOptions.from_spark(options.to_spark()).partition_by == names


@pytest.mark.parametrize("bad", ["[", "[1]", "[{}]", ",", ["a", 1], [""], 5])
def test_what_names_no_columns_is_refused(bad: Any) -> None:
    with pytest.raises(OptionsError, match="column names separated by commas"):
        SFTPOptions(host="h", username="u", password="p", partition_by=bad)


BERLIN = pa.timestamp("us", "Europe/Berlin")
NTZ = pa.timestamp("us")


def at(text: str, zone: dt.timezone | None = None) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone)


#: Values, and what Spark 4.3 called their directories, without `c=`.
SPARK_DIRECTORIES: list[tuple[Any, pa.DataType, str]] = [
    (None, pa.string(), "__HIVE_DEFAULT_PARTITION__"),
    ("", pa.string(), "__HIVE_DEFAULT_PARTITION__"),
    ("..", pa.string(), ".."),
    ("a/b", pa.large_string(), "a%2Fb"),
    (b"a/b", pa.binary(), "a%2Fb"),
    (True, pa.bool_(), "true"),
    (None, pa.bool_(), "__HIVE_DEFAULT_PARTITION__"),
    (-1, pa.int8(), "-1"),
    (2**63 - 1, pa.int64(), "9223372036854775807"),
    (1.0, pa.float64(), "1.0"),
    (1e20, pa.float64(), "1.0E20"),
    (float("nan"), pa.float64(), "NaN"),
    (-0.0, pa.float64(), "-0.0"),
    (float("-inf"), pa.float64(), "-Infinity"),
    (0.1, pa.float32(), "0.1"),
    (Decimal(0), pa.decimal128(38, 18), "0.000000000000000000"),
    (Decimal("-1.50"), pa.decimal128(10, 2), "-1.50"),
    (Decimal("0.0000001"), pa.decimal128(10, 7), "0.0000001"),
    (dt.date(2024, 5, 1), pa.date32(), "2024-05-01"),
    (dt.date(1, 1, 1), pa.date32(), "0001-01-01"),
    (3789391, pa.date32(), "+12345-01-01"),
    (at("2024-05-01 08:00", dt.UTC), BERLIN, "2024-05-01 10%3A00%3A00"),
    (at("2024-05-01 08:00:00.120", dt.UTC), BERLIN, "2024-05-01 10%3A00%3A00.12"),
    (at("1890-01-01 00:00:00.000001"), NTZ, "1890-01-01 00%3A00%3A00.000001"),
    (at("2024-05-01 10:00:00.5"), NTZ, "2024-05-01 10%3A00%3A00.5"),
    (dt.time(10, 0, 0, 500000), pa.time64("us"), "10%3A00%3A00.5"),
    (dt.time(10, 0), pa.time64("ns"), "10%3A00%3A00"),
    (
        dt.timedelta(days=1, hours=2, minutes=3, seconds=4.5),
        pa.duration("us"),
        "INTERVAL %271 02%3A03%3A04.5%27 DAY TO SECOND",
    ),
]


@pytest.mark.parametrize(("value", "kind", "name"), SPARK_DIRECTORIES)
def test_a_values_directory_is_called_as_spark_calls_it(
    value: Any, kind: pa.DataType, name: str
) -> None:
    assert directories(pa.array([value], kind)) == [f"c={name}"]


def test_null_and_empty_text_share_a_directory_as_in_spark() -> None:
    assert set(directories(pa.array([None, "", None]))) == {"c=__HIVE_DEFAULT_PARTITION__"}


def test_an_hour_that_comes_twice_in_autumn_makes_one_directory() -> None:
    both = pa.array([at("2024-10-27 00:30", dt.UTC), at("2024-10-27 01:30", dt.UTC)], BERLIN)
    assert set(directories(both)) == {"c=2024-10-27 02%3A30%3A00"}


@pytest.mark.parametrize("kind", [pa.binary(), pa.string()])
def test_bytes_that_are_no_text_are_refused_and_not_replaced(kind: pa.DataType) -> None:
    broken = pa.Array.from_buffers(kind, 1, pa.array([b"\xff\xfe"]).buffers())
    with pytest.raises(EncodeError, match=r"'c' is no UTF-8 text.*hex\(`c`\)"):
        directories(broken)
