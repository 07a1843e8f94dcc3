"""What options say of text is checked before any file is read, alike for CSV, JSON and XML."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sftp_async.errors import OptionsError
from sftp_async.formats import open_read_format
from sftp_async.formats.text_rules import text_rules
from tests.support.readable import read_options

SCHEMA = pa.schema([("t", pa.timestamp("us", "UTC"))])
FORMATS = pytest.mark.parametrize("name", ["csv", "json", "xml"])


@FORMATS
def test_everything_that_is_not_understood_is_in_one_error(name: str) -> None:
    options = read_options(
        format=name,
        row_tag="r",
        date_format="yyyy-bb",
        timestamp_ntz_format="yyyy'",
        time_zone="Mars/Phobos",
        locale="tlh-KX",
    )
    with pytest.raises(OptionsError) as caught:
        open_read_format(options, SCHEMA)
    for word in ("date_format", "timestamp_ntz_format", "'Mars/Phobos'", "'tlh-KX'"):
        assert word in str(caught.value)


@FORMATS
def test_what_is_understood_is_no_error(name: str) -> None:
    options = read_options(
        format=name, row_tag="r", date_format="dd.MM.yyyy", time_zone="+01:00", locale="de_DE"
    )
    open_read_format(options, SCHEMA)


def test_a_pattern_that_is_given_is_used_instead_of_a_formats_own() -> None:
    given = text_rules(read_options(date_format="dd.MM.yyyy"), date_format="yyyy-MM-dd")
    assert given.date is not None
    assert given.date.text == "dd.MM.yyyy"
    default = text_rules(read_options(), date_format="yyyy-MM-dd")
    assert default.date is not None
    assert default.date.text == "yyyy-MM-dd"
    assert text_rules(read_options()).date is None
