from __future__ import annotations

import json

import pyarrow as pa
import pytest

from sftp_async.formats.spark_schema import SPARK_SCHEMA, ddl_of
from sftp_async.read.stream.evolution import widened

COLUMNS = pa.schema(
    [("id", pa.int64()), ("s", pa.struct([("x", pa.int32())])), ("l", pa.list_(pa.struct([])))],
    metadata={b"key": b"kept"},
)


def test_new_columns_come_last_and_types_stay_as_they_are() -> None:
    found = pa.schema([pa.field("new", pa.date32(), nullable=False), ("ID", pa.string())])
    wider = widened(COLUMNS, found, case_sensitive=False)
    assert wider.names == ["id", "s", "l", "new"]
    assert wider.field("id") == COLUMNS.field("id")
    assert wider.field("new") == pa.field("new", pa.date32())
    assert wider.metadata == COLUMNS.metadata


def test_names_that_differ_in_case_are_new_if_case_counts() -> None:
    found = pa.schema([("ID", pa.string())])
    assert widened(COLUMNS, found, case_sensitive=True).names == ["id", "s", "l", "ID"]


def test_objects_get_the_members_that_they_have_besides_at_any_depth() -> None:
    found = pa.schema(
        [
            ("l", pa.list_(pa.struct([("y", pa.bool_())]))),
            ("s", pa.struct([("x", pa.string()), ("z", pa.string())])),
        ]
    )
    wider = widened(COLUMNS, found, case_sensitive=False)
    assert ddl_of(wider) == ("id BIGINT, s STRUCT<x: INT, z: STRING>, l ARRAY<STRUCT<y: BOOLEAN>>")


@pytest.mark.parametrize(
    "found", [pa.schema([]), pa.schema([("id", pa.string()), ("s", pa.struct([]))]), COLUMNS]
)
def test_without_new_columns_all_stays_as_it_is(found: pa.Schema) -> None:
    assert widened(COLUMNS, found, case_sensitive=False) is COLUMNS


def test_types_that_only_spark_has_are_kept_where_all_files_name_theirs() -> None:
    def named(**kinds: str) -> pa.Schema:
        fields = [
            {"name": name, "type": kind, "nullable": True, "metadata": {}}
            for name, kind in kinds.items()
        ]
        text = json.dumps({"type": "struct", "fields": fields})
        columns = [(name, pa.string()) for name in kinds]
        return pa.schema(columns, metadata={SPARK_SCHEMA: text.encode()})

    wider = widened(named(a="char(3)"), named(a="string", b="char(2)"), case_sensitive=False)
    assert ddl_of(wider) == "a CHAR(3), b CHAR(2)"
    plain = widened(named(a="char(3)"), pa.schema([("b", pa.int32())]), case_sensitive=False)
    assert ddl_of(plain) == "a STRING, b INT"
