"""Columns in Spark's DDL: what they mean, and where a text stops to be DDL."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import OptionsError
from sftp_async.formats.ddl import DDLError, parse_ddl
from sftp_async.formats.given_schema import given_schema
from sftp_async.formats.spark_schema import ddl_of
from sftp_async.options.problems import Problems


def type_of(ddl: str) -> Any:
    (field,) = parse_ddl(f"c {ddl}")["fields"]
    return field["type"]


@pytest.mark.parametrize(
    ("ddl", "kind"),
    [
        ("INT", "integer"),
        ("bigint", "long"),
        ("Tinyint", "byte"),
        ("REAL", "float"),
        ("TIMESTAMP_LTZ", "timestamp"),
        ("DECIMAL", "decimal(10,0)"),
        ("NUMERIC(12)", "decimal(12,0)"),
        ("DECIMAL( 12 , 2 )", "decimal(12,2)"),
        ("VARCHAR(3)", "varchar(3)"),
        ("CHARACTER(3)", "char(3)"),
        ("TIME", "time(6)"),
        ("INTERVAL YEAR TO MONTH", "interval year to month"),
        ("INTERVAL DAY", "interval day"),
        ("STRING COLLATE UTF8_BINARY", "string"),
    ],
)
def test_a_simple_type_has_the_name_of_sparks_json(ddl: str, kind: str) -> None:
    assert type_of(ddl) == kind


def test_types_hold_others() -> None:
    kind = type_of("MAP<STRING, ARRAY<STRUCT<`a b`: INT NOT NULL COMMENT 'x', y INT>>>")
    assert (kind["type"], kind["keyType"]) == ("map", "string")
    inside = kind["valueType"]["elementType"]["fields"]
    assert [(field["name"], field["nullable"]) for field in inside] == [("a b", False), ("y", True)]
    assert inside[0]["metadata"] == {"comment": "x"}
    assert type_of("STRUCT<>") == {"type": "struct", "fields": []}


def test_a_schema_may_be_written_as_one_struct_and_a_column_may_have_its_name() -> None:
    assert parse_ddl("STRUCT<a: INT>") == parse_ddl("a INT")
    (field,) = parse_ddl("struct INT")["fields"]
    assert field["name"] == "struct"


@pytest.mark.parametrize(
    ("ddl", "message"),
    [
        ("", "the name of a column is missing at the end"),
        ("a INT,", "the name of a column is missing at the end"),
        ("a", "the type of 'a' is missing at the end"),
        ("a INT b INT", "a comma, or the end is missing before 'b', after 'a INT '"),
        ("a ARRAY<INT", "'>' is missing at the end"),
        ("a NIT", "a has the type 'nit', which Spark does not have"),
        ("a INT NOT", "NULL is missing"),
        ("a INT COMMENT b", "a text in single quotes is missing before 'b'"),
        ("a DECIMAL(40,2)", "needs 1 to 38 digits"),
        ("a DECIMAL(2,x)", "a number is missing before 'x'"),
        ("a CHAR", "needs a length"),
        ("a INTERVAL", "needs its units"),
        ("a INTERVAL DAY TO YEAR", "a smaller unit than DAY"),
        ("a " + "ARRAY<" * 200, "nested more than 100 deep"),
    ],
)
def test_an_error_says_what_is_missing_and_where(ddl: str, message: str) -> None:
    with pytest.raises(DDLError) as caught:
        parse_ddl(ddl)
    assert message in str(caught.value)


class StructType:
    """Stands for Spark's."""

    def json(self) -> str:
        return json.dumps(parse_ddl("id BIGINT, name VARCHAR(3) NOT NULL"))


@pytest.mark.parametrize(
    "given",
    [
        "id BIGINT, name VARCHAR(3) NOT NULL",
        StructType(),
        StructType().json(),
        json.loads(StructType().json()),
    ],
)
def test_every_form_of_a_schema_gives_the_same_columns(given: object) -> None:
    problems = Problems()
    found = given_schema(given, problems)
    assert found.field("name") == pa.field("name", pa.string(), nullable=False)
    assert ddl_of(found) == "id BIGINT, name VARCHAR(3) NOT NULL"
    assert problems.sentences == []


def test_an_arrow_schema_is_taken_as_it_is() -> None:
    schema = pa.schema([("a", pa.int64())])
    assert given_schema(schema, Problems()) is schema


def test_columns_that_spark_hands_to_no_python_are_problems_and_text_from_then_on() -> None:
    problems = Problems()
    found = given_schema("a INTERVAL MONTH, b INT, c INTERVAL YEAR", problems)
    assert list(found.types) == [pa.string(), pa.int32(), pa.string()]
    first, second = problems.sentences
    assert first.startswith("Column 'a' of type interval month cannot be written. Cast it")
    assert "Column 'c'" in second


@pytest.mark.parametrize("given", ["a NIT", "{", '{"fields": [1]}', "{}", 5, ["a INT"]])
def test_what_is_no_schema_is_a_mistake_of_the_caller(given: object) -> None:
    with pytest.raises(OptionsError, match=": schema "):
        given_schema(given, Problems())
