"""Formats of other packages: found through their entry point, pickled to tasks, named in errors."""

from __future__ import annotations

import gzip
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from sftp_async.errors import EncodeError, OptionsError
from sftp_async.formats import open_format
from sftp_async.options import FormatOptions
from tests.support.documents import REPOSITORY
from tests.support.encoding import encoded

PAGE = REPOSITORY / "docs" / "how-to" / "own-format.md"
SCHEMA = pa.schema([("a", pa.int32())])


def install(site: Path, name: str, *points: str, source: str = "") -> None:
    """Lay a package into a directory as an installer would."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = ["[sftp_async.formats]", *points]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    if source:
        (site / f"{name}.py").write_text(source)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of installed packages."""
    monkeypatch.syspath_prepend(tmp_path / "site")
    return tmp_path / "site"


def test_the_documented_example_works_in_a_process_that_never_heard_of_it(site: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    source = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    point = re.search(r'\[project\.entry-points\."sftp_async\.formats"\]\n(.*?)\n', text)
    assert source is not None
    assert point is not None
    name, value = (part.strip(' "') for part in point[1].split("="))
    module, _, _ = value.partition(":")
    install(site, module, f"{name} = {value}", source=source[1])

    rows = pa.record_batch({"name": ["a", "bcd", None], "size": [1, 20, 3]})
    made = open_format(FormatOptions(format=name, compression="gzip"), rows.schema)
    worker = (
        "import pickle, sys, pyarrow as pa\n"
        "made = pickle.load(sys.stdin.buffer)\n"
        f"rows = pa.record_batch({rows.to_pydict()!r})\n"
        "encoder = made.open()\n"
        "out = bytes(encoder.encode(rows)) + bytes(encoder.finish())\n"
        "sys.stdout.buffer.write(out)"
    )
    path = os.pathsep.join([str(site), str(REPOSITORY)])
    done = subprocess.run(
        [sys.executable, "-c", worker],
        input=pickle.dumps(made),
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert made.extension == "fwf.gz"
    assert made.joinable
    assert gzip.decompress(done.stdout).decode() == (
        "a         1         \nbcd       20        \n          3         \n"
    )
    del sys.modules[module]


def test_what_the_example_refuses_is_refused_before_any_task(site: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    source = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert source is not None
    install(site, "fixed_width", "fwf = fixed_width:open_fwf", source=source[1])
    with pytest.raises(EncodeError, match="'l'"):
        open_format(FormatOptions(format="fwf"), pa.schema([("l", pa.list_(pa.int32()))]))
    del sys.modules["fixed_width"]


def test_an_unknown_format_lists_those_there_are_and_says_how_to_add_one(site: Path) -> None:
    install(site, "other", "parkett = other:open")
    with pytest.raises(OptionsError) as caught:
        open_format(FormatOptions(format="parquett"), SCHEMA)
    said = str(caught.value)
    assert "format=parquett is not known; did you mean parquet?" in said
    for name in (
        "avro, binary, csv, json, orc, parkett, parquet, text, xml",
        "sftp_async.formats",
    ):
        assert name in said


def test_a_format_that_is_built_in_cannot_be_taken_over(site: Path) -> None:
    install(site, "other", "csv = nowhere:open")
    assert encoded(pa.record_batch({"a": [1]}), format="csv") == b"1\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "cannot be loaded from broken:open: ModuleNotFoundError"),
        ("1 / 0", "cannot be loaded from broken:open: ZeroDivisionError"),
        ("open = 5", "broken:open is no function"),
    ],
)
def test_a_package_that_is_broken_is_named(site: Path, source: str, said: str) -> None:
    install(site, "broken", "mine = broken:open", source=source)
    with pytest.raises(OptionsError, match=re.escape(said)):
        open_format(FormatOptions(format="mine"), SCHEMA)
    sys.modules.pop("broken", None)


def test_an_extension_that_an_overwrite_would_not_know_again_is_refused(site: Path) -> None:
    source = (
        "class Made:\n    extension = 'fixed-width'\n\ndef open(options, schema): return Made()"
    )
    install(site, "dashed", "mine = dashed:open", source=source)
    with pytest.raises(OptionsError, match="format=mine has the extension 'fixed-width'"):
        open_format(FormatOptions(format="mine"), SCHEMA)
    del sys.modules["dashed"]


def test_two_packages_of_one_format_are_both_named(site: Path) -> None:
    install(site, "one", "mine = one:open")
    install(site, "two", "mine = two:open")
    with pytest.raises(OptionsError, match="brought by several packages: one and two"):
        open_format(FormatOptions(format="mine"), SCHEMA)


def test_what_only_some_formats_need_is_loaded_for_them_only() -> None:
    code = (
        "import sys\n"
        "from sftp_async.formats import open_format\n"
        "late = {'sftp_async.formats.plugins', 'fastavro', 'pyarrow.orc', 'pyarrow.parquet'}\n"
        "sys.exit(' '.join(late & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.stderr.strip() == ""
