"""The table of built-in formats: each opens its half, and only what it needs is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sftp_async.errors import OptionsError
from sftp_async.formats import ReadFormat, open_read_format
from sftp_async.formats.registry import BUILT_IN, find_half
from sftp_async.options import FormatOptions, codecs
from tests.support.documents import REPOSITORY


def test_every_built_in_format_has_its_codecs() -> None:
    assert BUILT_IN.keys() == codecs.DEFAULT_CODECS.keys()


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_format_can_be_written_and_read(name: str) -> None:
    assert callable(find_half(name, "encoder"))
    layout = {"fixed_layout": "a:1"} if name == "fixed" else {}
    assert isinstance(open_read_format(FormatOptions(format=name, **layout), None), ReadFormat)


def test_a_misspelled_name_suggests_the_nearest_and_lists_all() -> None:
    with pytest.raises(OptionsError) as caught:
        find_half("cvs", "encoder")
    message = str(caught.value)
    assert "format=cvs is not known; did you mean csv?" in message
    assert ", ".join(sorted(BUILT_IN)) in message


@pytest.mark.parametrize(
    ("opened", "absent"),
    [
        (None, ["plugins", "csv", "json", "parquet", "orc", "avro", "excel", "xml", "fixed"]),
        ("csv", ["plugins", "json", "parquet", "orc", "avro", "excel", "xml", "fixed"]),
        ("parquet", ["plugins", "csv", "json", "orc", "avro", "excel", "xml", "fixed"]),
    ],
)
def test_only_the_format_that_is_opened_is_imported(opened: str | None, absent: list[str]) -> None:
    code = (
        "import sys, pyarrow as pa\n"
        "from sftp_async.formats import open_format\n"
        "from sftp_async.options import FormatOptions\n"
        f"if {opened!r}:\n"
        f"    open_format(FormatOptions(format={opened!r}), pa.schema([('a', pa.string())]))\n"
        "libraries = {'parquet': 'pyarrow.parquet', 'orc': 'pyarrow.orc', 'avro': 'fastavro'}\n"
        "libraries['excel'] = 'xlsxwriter'\n"
        f"late = {{f'sftp_async.formats.{{name}}' for name in {absent!r}}}\n"
        f"late |= {{libraries.get(name, name) for name in {absent!r}}} - {{'csv', 'json'}}\n"
        "sys.exit(' '.join(late & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.stderr.strip() == ""
