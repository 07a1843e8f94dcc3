"""XML: elements and attributes, what is escaped, where a null stays, and what is refused.

tests/spark/test_read_back.py compares whole files with Spark's own, byte for byte.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pyarrow as pa
import pytest

from sftp_async.errors import EncodeError, OptionsError
from sftp_async.formats import arrow_text, open_format
from sftp_async.options import FormatOptions
from tests.support.encoding import encoded

MAP = pa.map_(pa.string(), pa.int32())


def rows_of(*batches: pa.RecordBatch, **options: Any) -> list[str]:
    """Return what stands inside the rows' elements, without line breaks."""
    text = encoded(*batches, format="xml", indent="", **options).decode()
    _, *rows, last = text.split("\n")[1:]
    assert last == "</ROWS>"
    return [row.removeprefix("<ROW>").removesuffix("</ROW>") for row in rows]


def test_a_file_is_one_element_around_the_rows() -> None:
    rows = pa.record_batch({"id": [1, 2], "name": ["a", None]})
    assert encoded(rows, rows.slice(1), format="xml").decode() == (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        "<ROWS>\n"
        "    <ROW>\n        <id>1</id>\n        <name>a</name>\n    </ROW>\n"
        "    <ROW>\n        <id>2</id>\n    </ROW>\n"
        "    <ROW>\n        <id>2</id>\n    </ROW>\n"
        "</ROWS>"
    )


def test_names_and_the_first_line_can_be_chosen() -> None:
    rows = pa.record_batch({"@id": [1], "a": pa.array([[[1]]], pa.list_(pa.list_(pa.int32())))})
    options = {
        "root_tag": "list of='a&b' x=\"1\"", "row_tag": "entry", "attribute_prefix": "@",
        "array_element_name": "value", "declaration": "", "indent": "\t",
    }  # fmt: skip
    assert encoded(rows, format="xml", **options).decode() == (
        '<list of="a&amp;b" x="1">\n\t<entry id="1">\n\t\t<a>\n\t\t\t<value>1</value>\n\t\t</a>'
        "\n\t</entry>\n</list>"
    )


def test_a_row_with_a_prefix_is_refused() -> None:
    with pytest.raises(OptionsError, match="row_tag must be a name without a colon"):
        encoded(pa.record_batch({"a": [1]}), format="xml", row_tag="n:r")


@pytest.mark.parametrize("indent", ["", "    "])
def test_without_rows_it_is_still_xml(indent: str) -> None:
    data = encoded(pa.record_batch({"a": pa.array([], pa.int32())}), format="xml", indent=indent)
    root = ET.fromstring(data)
    assert (root.tag, len(root)) == ("ROWS", 0)


def test_a_row_of_nulls_is_an_empty_element() -> None:
    rows = pa.record_batch({"a": pa.nulls(2, pa.int32()), "_b": pa.array([None, "x"])})
    assert rows_of(rows) == ["<ROW/>", '<ROW b="x"/>']


def test_null_value_stands_for_nulls_everywhere() -> None:
    rows = pa.record_batch(
        {
            "_at": pa.array([None], pa.int32()),
            "a": pa.array([None], pa.string()),
            "l": pa.array([[1, None]]),
            "m": pa.array([[("k", None)]], MAP),
            "s": pa.array([{"_VALUE": None}], pa.struct([("_VALUE", pa.int32())])),
        }
    )
    assert rows_of(rows, null_value="<>") == [
        '<ROW at="&lt;>"><a>&lt;></a><l>1</l><l>&lt;></l><m><k>&lt;></k></m><s>&lt;></s>'
    ]


@pytest.mark.parametrize(
    ("column", "what"),
    [
        (pa.array([[1, None]]), "An array"),
        (pa.array([[("k", None)]], MAP), "A map"),
        (pa.array([[[None]]], pa.list_(pa.list_(pa.int32()))), "An array"),
    ],
)
def test_a_null_that_would_be_lost_is_refused(column: pa.Array, what: str) -> None:
    with pytest.raises(EncodeError, match=f"{what} in column 'c' holds a null.*null_value"):
        encoded(pa.record_batch({"c": column}), format="xml")


def test_a_null_of_a_sliced_off_row_does_not_matter() -> None:
    rows = pa.record_batch({"c": pa.array([[None], [1, 2], None, []])}).slice(1)
    assert rows_of(rows) == ["<c>1</c><c>2</c>", "<ROW/>", "<ROW/>"]


def test_lists_and_maps_keep_to_their_rows() -> None:
    rows = pa.record_batch(
        {
            "m": pa.array([[("a", 1), ("_x", 2)], None, [], [("b", 3), ("a", 4)]], MAP),
            "l": pa.array([[{"k": ["p", "q"]}], [], None, [{"k": []}]]),
        }
    )
    assert rows_of(rows) == [
        '<m x="2"><a>1</a></m><l><k>p</k><k>q</k></l>',
        "<ROW/>",
        "<m/>",
        "<m><b>3</b><a>4</a></m><l/>",
    ]


def test_an_element_may_have_text_and_attributes() -> None:
    kind = pa.struct([("_unit", pa.string()), ("_VALUE", pa.float64())])
    rows = pa.record_batch({"price": pa.array([{"_unit": "EUR", "_VALUE": 9.5}], kind)})
    assert rows_of(rows) == ['<price unit="EUR">9.5</price>']


HARD = ["a<b", "]]>", ">", "&amp;", "a\rb\r\nc\td", "'\"", "", " x ", "é😀\u2028\x85\x9f", "x]>"]


def test_any_other_parser_finds_the_text_again() -> None:
    rows = pa.record_batch({"t": HARD, "_a": HARD})
    root = ET.fromstring(encoded(rows, format="xml"))
    assert [row.findtext("t") for row in root] == HARD
    # A parser may read C1 controls in an attribute as they are; all else is written as a number.
    assert [row.get("a") for row in root] == HARD


@pytest.mark.parametrize("character", ["\0", "\x0b", "\x1f", "\ufffe", "\uffff"])
@pytest.mark.parametrize("name", ["text", "_attribute"])
def test_a_character_that_xml_lacks_is_refused(name: str, character: str) -> None:
    rows = pa.record_batch({name: ["fine", f"a{character}b"]})
    with pytest.raises(EncodeError, match=f"'{name}' holds a character that XML has no way"):
        encoded(rows, format="xml")


def test_a_null_value_that_xml_lacks_is_refused_before_any_task() -> None:
    options = FormatOptions(format="xml", null_value="\0")
    with pytest.raises(OptionsError, match="null_value holds a character that XML"):
        open_format(options, pa.schema([("a", pa.int32())]))


@pytest.mark.parametrize(
    "declaration",
    [
        "hello",
        'version="1.0" encoding="ISO-8859-1"',
        'version="1.0" encoding="Shift_JIS"',
        'version="1.0" encoding="UTF-16"',
        'version="1.0" encoding="klingon"',
    ],
)
def test_a_declaration_that_parsers_would_not_take_is_refused_before_any_task(
    declaration: str,
) -> None:
    options = FormatOptions(format="xml", declaration=declaration, root_tag='r b="1" b="2"')
    with pytest.raises(OptionsError) as caught:
        open_format(options, pa.schema([("a", pa.int32())]))
    root, declared = caught.value.problems
    assert "root_tag makes no XML" in root
    assert "declaration does not begin an XML file in UTF-8" in declared


@pytest.mark.parametrize("attribute", ['b="\x01"', 'b="1" b="1"', 'xmlns="\uffff"'])
def test_a_root_tag_that_parsers_would_not_take_is_refused_before_any_task(attribute: str) -> None:
    options = FormatOptions(format="xml", root_tag=f"r {attribute}")
    with pytest.raises(OptionsError, match="root_tag makes no XML"):
        open_format(options, pa.schema([("a", pa.int32())]))


@pytest.mark.parametrize("declaration", ['version="1.0"', "version='1.0' encoding='utf-8'"])
def test_other_declarations_of_utf8_are_taken(declaration: str) -> None:
    data = encoded(pa.record_batch({"a": ["\u20ac"]}), format="xml", declaration=declaration)
    assert [cell.text for cell in ET.fromstring(data).iter("a")] == ["\u20ac"]


def test_times_are_dates_in_attributes_too() -> None:
    # Spark prints them as numbers of days and microseconds there, and reads them back as null.
    at = pa.array([0], pa.int64()).cast(pa.timestamp("us", "UTC"))
    rows = pa.record_batch({"_at": at, "_day": pa.array([0], pa.int32()).cast(pa.date32())})
    assert rows_of(rows) == ['<ROW at="1970-01-01T00:00:00.000Z" day="1970-01-01"/>']


def test_a_pattern_formats_dates_and_is_escaped() -> None:
    rows = pa.record_batch({"day": pa.array([0], pa.int32()).cast(pa.date32())})
    assert rows_of(rows, date_format="yyyy'<'MM") == ["<day>1970&lt;01</day>"]


@pytest.mark.parametrize("name", ["a b", "1a", "a:b", "<", "_", "_1", "", "-x"])
def test_a_name_that_xml_lacks_is_refused(name: str) -> None:
    for kind, outer in ((pa.int32(), name), (pa.struct([(name, pa.int32())]), "s")):
        with pytest.raises(EncodeError, match="XML cannot hold a column or field of the name"):
            open_format(FormatOptions(format="xml"), pa.schema([(outer, kind)]))


def test_letters_of_all_alphabets_make_names() -> None:
    assert rows_of(pa.record_batch({"straße-1.b": [1]})) == ["<straße-1.b>1</straße-1.b>"]


def test_a_key_that_is_no_name_is_refused() -> None:
    rows = pa.record_batch({"m": pa.array([[("fine", 1), ("not so", 2)]], MAP)})
    with pytest.raises(EncodeError, match=r"'m' has the key 'not so'.*transform_keys"):
        encoded(rows, format="xml")
    nested = pa.map_(pa.string(), pa.list_(pa.int32()))
    rows = pa.record_batch({"m": pa.array([[("_at", [2])]], nested)})
    with pytest.raises(EncodeError, match="'_at', which stands for an attribute"):
        encoded(rows, format="xml")


@pytest.mark.parametrize("name", ["_a", "_VALUE"])
@pytest.mark.parametrize(
    "kind", [MAP, pa.list_(pa.int32()), pa.struct([("x", pa.int32())])], ids=str
)
def test_an_attribute_or_text_holds_no_others(name: str, kind: pa.DataType) -> None:
    with pytest.raises(EncodeError, match=rf"'{name}' has the type .*to_json"):
        open_format(FormatOptions(format="xml"), pa.schema([(name, kind)]))


def test_arrays_are_nested_at_most_twice() -> None:
    kind = pa.list_(pa.list_(pa.list_(pa.int32())))
    with pytest.raises(EncodeError, match=r"'c\.element\.element'"):
        open_format(FormatOptions(format="xml"), pa.schema([("c", kind)]))


def test_a_huge_batch_is_made_into_text_slice_by_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pa.record_batch({"a": range(2_000), "l": [[i, -i] for i in range(2_000)]})
    whole = encoded(rows, format="xml")
    monkeypatch.setattr(arrow_text, "MAX_SLICE_BYTES", 1_000)
    assert encoded(rows, format="xml") == whole
