"""Defines the options of reading a file's content: columns, malformed rows, CSV, JSON, XML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from sftp_async.options import parsing as p
from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import (
    AutoSwitch,
    Columns,
    Count,
    FieldType,
    OptionalText,
    Switch,
    Text,
)

Fraction = Annotated[
    float, BeforeValidator(p.parse_fraction), FieldType("number above 0, at most 1")
]
OptionalCharacter = Annotated[
    str | None, BeforeValidator(p.parse_character), FieldType("one character")
]
CharacterLimit = Annotated[
    int, BeforeValidator(p.parse_int), AfterValidator(p.at_least(-1)), FieldType("number")
]


class DecodingOptions(OptionsModel):
    """How the content of files becomes rows. Names, defaults and meaning are Spark's."""

    infer_schema: AutoSwitch = Field(
        None,
        description="CSV, XML and Excel: find the types of columns in the data. If not set, all "
        "columns of CSV are strings and those of XML have types, as in Spark; so have those of "
        "Excel.",
        examples=["true"],
    )
    sampling_ratio: Fraction = Field(
        1.0,
        description="CSV, JSON and XML: share of the rows, of those that are looked at, from which "
        "columns and types are inferred.",
        examples=["0.1"],
    )
    merge_schema: Switch = Field(
        False,
        description="Parquet, ORC and Avro: take the columns of all files that `infer_files` "
        "allows, instead of those of one. Excel: the same, and a column that a sheet lacks is "
        "null.",
        examples=["true"],
    )
    schema_evolution: Annotated[
        Literal["none", "add_columns", "fail"],
        BeforeValidator(
            p.one_of(
                ("none", "add_columns", "fail"),
                also={
                    "addnewcolumns": "add_columns",
                    "failonnewcolumns": "fail",
                    "rescue": "none",
                },
            )
        ),
        FieldType(),
    ] = Field(
        "none",
        description="Streams whose columns are inferred: what happens if files have more columns, "
        "of those that `infer_files` allows to look at in each micro-batch. `add_columns` adds "
        "them to the state and stops the query, which goes on with them at its next start. `fail` "
        "stops it. `none` does not look.",
        examples=["add_columns"],
    )
    columns: Columns = Field(
        (),
        description="The columns to read, in this order. Of Parquet and ORC files nothing else is "
        "fetched. Spark does not hand the columns of a query to a Python data source.",
        examples=["id,amount"],
    )
    match_columns: Annotated[
        Literal["position", "name"],
        BeforeValidator(p.one_of(("position", "name"))),
        FieldType(),
    ] = Field(
        "position",
        description="CSV: how the columns of the schema find those of a file. `position` is "
        "Spark's way; `name` goes by the file's header, which must have every column. Excel: the "
        "same; if not set, by the header if there is one.",
        examples=["name"],
    )
    mode: Annotated[
        Literal["permissive", "dropmalformed", "failfast"],
        BeforeValidator(p.one_of(("permissive", "dropmalformed", "failfast"))),
        FieldType(),
    ] = Field(
        "permissive",
        description="CSV, JSON, XML, Excel and fixed width: what happens to a malformed row. "
        "`PERMISSIVE` keeps what can be read of it, `DROPMALFORMED` leaves the row out, `FAILFAST` "
        "fails.",
        examples=["FAILFAST"],
    )
    column_name_of_corrupt_record: Text = Field(
        "_corrupt_record",
        description="CSV, JSON, XML, Excel and fixed width: name of the column that gets the text "
        "of malformed rows in mode `PERMISSIVE`, if the schema has it.",
        examples=["_bad"],
    )
    rescued_data_column: OptionalText = Field(
        None,
        description="All formats but text, XML, Excel and binary: name of a column that gets, as "
        "JSON, what of a row does not fit the schema: columns that it does not have, and, of CSV "
        "and JSON, values that are not of their column's type. Such values are null then, and do "
        "not make the row malformed. CSV files with a header are read by the names in it, and may "
        "lack columns.",
        examples=["_rescued_data"],
    )
    multi_line: Switch = Field(
        False,
        description="CSV: values may contain line breaks in quotes. JSON: a file is one document, "
        "not one for each line. Such files are not split.",
        examples=["true"],
    )
    wholetext: Switch = Field(False, description="Text: each file is one row.", examples=["true"])
    comment: OptionalCharacter = Field(
        None, description="CSV: lines that begin with it are skipped.", examples=["#"]
    )
    enforce_schema: Switch = Field(
        True,
        description="CSV: apply the schema whatever the header says. With `false`, a header that "
        "differs from the schema is an error.",
        examples=["false"],
    )
    prefer_date: Switch = Field(
        True,
        description="CSV: infer dates, before timestamps, where all values of a column are dates.",
        examples=["false"],
    )
    nan_value: Text = Field("NaN", description="CSV: text of not-a-number.", examples=["nan"])
    positive_inf: Text = Field("Inf", description="CSV: text of infinity.", examples=["+inf"])
    negative_inf: Text = Field(
        "-Inf", description="CSV: text of negative infinity.", examples=["-inf"]
    )
    max_columns: Count = Field(
        20480, description="CSV: most columns that a row may have.", examples=["100000"]
    )
    max_chars_per_column: CharacterLimit = Field(
        -1,
        description="CSV: most characters of a value; `-1` is no limit of its own.",
        examples=["1000000"],
    )
    unescaped_quote_handling: Annotated[
        Literal[
            "stop_at_closing_quote",
            "back_to_delimiter",
            "stop_at_delimiter",
            "skip_value",
            "raise_error",
        ],
        BeforeValidator(
            p.one_of(
                (
                    "stop_at_closing_quote",
                    "back_to_delimiter",
                    "stop_at_delimiter",
                    "skip_value",
                    "raise_error",
                )
            )
        ),
        FieldType(),
    ] = Field(
        "stop_at_delimiter",
        description="CSV: what a quote inside a quoted value means that is not escaped, as in "
        "Spark.",
        examples=["raise_error"],
    )
    locale: Text = Field(
        "en-US",
        description="CSV, JSON and XML: language of month and day names, and of numbers.",
        examples=["de-DE"],
    )
    primitives_as_string: Switch = Field(
        False, description="JSON: infer all scalar values as strings.", examples=["true"]
    )
    prefers_decimal: Switch = Field(
        False,
        description="JSON and XML: infer numbers with a fraction as decimals where they fit.",
        examples=["true"],
    )
    drop_field_if_all_null: Switch = Field(
        False,
        description="JSON: leave out fields that are null or empty in all rows, when inferring.",
        examples=["true"],
    )
    allow_comments: Switch = Field(
        False, description="JSON: accept comments as in Java.", examples=["true"]
    )
    allow_unquoted_field_names: Switch = Field(
        False, description="JSON: accept names without quotes.", examples=["true"]
    )
    allow_single_quotes: Switch = Field(
        True, description="JSON: accept single quotes.", examples=["false"]
    )
    allow_numeric_leading_zeros: Switch = Field(
        False, description="JSON: accept numbers such as `007`.", examples=["true"]
    )
    allow_non_numeric_numbers: Switch = Field(
        True, description="JSON: accept `NaN`, `Infinity` and the like.", examples=["false"]
    )
    allow_backslash_escaping_any_character: Switch = Field(
        False, description="JSON: accept a backslash before any character.", examples=["true"]
    )
    allow_unquoted_control_chars: Switch = Field(
        False, description="JSON: accept control characters in strings.", examples=["true"]
    )
    exclude_attribute: Switch = Field(
        False, description="XML: leave out the attributes of elements.", examples=["true"]
    )
    ignore_surrounding_spaces: Switch = Field(
        True, description="XML: remove white space around values.", examples=["false"]
    )
    ignore_namespace: Switch = Field(
        False,
        description="XML: ignore the namespace prefixes of elements and attributes.",
        examples=["true"],
    )
    wildcard_col_name: Text = Field(
        "xs_any",
        description="XML: name of the column that gets the elements that no other column takes.",
        examples=["rest"],
    )
    avro_schema: OptionalText = Field(
        None,
        description="Avro: schema to read with, as JSON text; it may differ from the files'.",
        examples=['{"type":"record","name":"r","fields":[{"name":"id","type":"long"}]}'],
    )

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super()._contradictions()
        if self.rescued_data_column is not None and self.columns:
            names = ("rescued_data_column", "columns")
            yield names, "rescued_data_column takes all other columns: leave out columns."
        if self.schema_evolution == "add_columns" and self.columns:
            names = ("schema_evolution", "columns")
            yield names, "schema_evolution=add_columns takes all columns: leave out columns."
        lowered = [name.lower() for name in self.columns]
        if twice := sorted(name for name, count in Counter(lowered).items() if count > 1):
            yield ("columns",), f"columns has a name twice: {', '.join(twice)}."
