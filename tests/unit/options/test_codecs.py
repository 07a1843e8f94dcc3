"""The table of codecs: every place that names one agrees with it."""

from __future__ import annotations

import re
import subprocess
import sys

import pyarrow as pa
import pytest

from sftp_async.errors import OptionsError
from sftp_async.formats import open_format
from sftp_async.options import FormatOptions, codecs
from tests.support.documents import REPOSITORY

PAGE = REPOSITORY / "docs" / "reference" / "formats.md"


def test_names_aliases_and_extensions_are_unique() -> None:
    spellings = [*codecs.NAMES, *codecs.ALIASES]
    assert len(spellings) == len({*spellings})
    extensions = [ext for codec in codecs.CODECS for ext in codec.file_extensions]
    extensions += [ext for codec in codecs.CODECS for ext in codec.read_extensions]
    assert len(extensions) == len({*extensions})


@pytest.mark.parametrize("codec", codecs.CODECS, ids=lambda codec: codec.name)
def test_every_spelling_is_taken_by_the_option(codec: codecs.Codec) -> None:
    for spelling in (codec.name, *codec.aliases):
        assert FormatOptions(compression=spelling.upper()).compression == codec.name


@pytest.mark.parametrize(
    "codec", [codec for codec in codecs.CODECS if codec.whole_file], ids=lambda codec: codec.name
)
def test_the_extension_of_a_compressed_file_asks_for_its_codec(codec: codecs.Codec) -> None:
    assert codec.whole_file is not None
    extension = codec.whole_file.extension.removeprefix(".")
    assert codecs.CODEC_OF_EXTENSION.get(extension, "none") == codec.name


@pytest.mark.parametrize("form", codecs.DEFAULT_CODECS)
def test_the_default_codec_of_a_format_is_one_of_its_own(form: str) -> None:
    assert codecs.DEFAULT_CODECS[form] in codecs.levels_of(form)


def test_the_documented_table_lists_the_codecs_of_every_format() -> None:
    rows = re.findall(r"^\| (`.*?) \| ([a-z0-9, ]+) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    documented = {
        form: listed.split(", ")
        for names, listed in rows
        for form in re.findall(r"`(\w+)`", names)
        if form in codecs.DEFAULT_CODECS
    }
    assert {form: listed[0] for form, listed in documented.items()} == codecs.DEFAULT_CODECS
    for form, listed in documented.items():
        assert sorted(listed) == sorted(codecs.levels_of(form)), form


def test_a_codec_of_other_formats_cannot_compress_a_whole_file() -> None:
    with pytest.raises(OptionsError, match="compression=snappy cannot compress a whole file"):
        codecs.whole_file("snappy")


@pytest.mark.parametrize("codec", ["lz4", "snappy", "deflate"])
def test_a_codec_that_is_only_read_is_refused_where_files_are_written(codec: str) -> None:
    options = FormatOptions(format="csv", compression=codec)
    with pytest.raises(OptionsError, match=f"compression={codec} is for"):
        open_format(options, pa.schema({"a": pa.string()}))


def test_the_options_load_no_library_of_a_codec() -> None:
    code = (
        "import sys\n"
        "import sftp_async.options.codecs\n"
        "sys.exit(' '.join({'isal', 'zstandard', 'pyarrow'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.stderr.strip() == ""
