"""Formats of other packages: found through their entry point, pickled to tasks, named in errors."""

from __future__ import annotations

import gzip
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError, EncodeError, OptionsError
from sftp_async.formats import open_format, open_read_format, registry
from sftp_async.options import FormatOptions, format_names
from tests.support.documents import REPOSITORY
from tests.support.encoding import encoded
from tests.support.readable import MemoryFile, decode_file, read_options

PAGE = REPOSITORY / "docs" / "how-to" / "own-format.md"
SCHEMA = pa.schema([("a", pa.int32())])


def install(site: Path, name: str, *points: str, source: str = "") -> None:
    """Put a package into a directory as an installer would."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = ["[sftp_async.formats]", *points]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    if source:
        (site / f"{name}.py").write_text(source)


def install_documented(site: Path) -> str:
    """Install the page's package with the page's entry point; return the format's name."""
    text = PAGE.read_text(encoding="utf-8")
    source = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    point = re.search(r'\[project\.entry-points\."sftp_async\.formats"\]\n(.*?)\n', text)
    assert source is not None
    assert point is not None
    name, module = (part.strip(' "') for part in point[1].split("="))
    install(site, module, f"{name} = {module}", source=source[1])
    return name


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of installed packages; modules imported from it are forgotten afterwards."""
    known = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path / "site")
    yield tmp_path / "site"
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_the_documented_example_works_in_a_process_that_knows_only_its_package(site: Path) -> None:
    name = install_documented(site)
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
    assert made.concatenable
    assert made.buffered_bytes > 0
    assert gzip.decompress(done.stdout).decode() == (
        "a         1         \nbcd       20        \n          3         \n"
    )


def test_the_documented_example_reads_what_it_writes_in_any_ranges(site: Path) -> None:
    name = install_documented(site)
    rows = pa.record_batch({"name": ["a", "bcd", "e f"], "size": [1, 20, 3]})
    file = MemoryFile(f"/x.{name}", encoded(rows, format=name))
    options = read_options(format=name)
    for cut in range(file.size + 1):
        assert decode_file(file, options, rows.schema, [cut]).to_pylist() == rows.to_pylist()
    with pytest.raises(DecodeError, match="give them with"):
        open_read_format(options, None).infer_schema([file])


def test_a_format_may_have_one_half_alone(site: Path) -> None:
    install(site, "half", "mine = half", source="def encoder(options, schema): pass")
    with pytest.raises(OptionsError, match="format=mine can be written, but not read"):
        open_read_format(read_options(format="mine"), SCHEMA)


def test_the_checks_of_the_example_run_before_any_task(site: Path) -> None:
    name = install_documented(site)
    with pytest.raises(EncodeError, match="'l'"):
        open_format(FormatOptions(format=name), pa.schema([("l", pa.list_(pa.int32()))]))


def test_an_instance_of_a_class_is_a_plugin_too(site: Path) -> None:
    source = (
        "from sftp_async.formats.text.encoder import open_text\n"
        "class Plugin:\n"
        "    def encoder(self, options, schema):\n"
        "        return open_text(options, schema)\n"
        "plugin = Plugin()\n"
    )
    install(site, "classes", "mine = classes:plugin", source=source)
    assert encoded(pa.record_batch({"a": ["x"]}), format="mine") == b"x\n"


def test_an_unknown_format_lists_the_known_ones_and_says_how_to_add_one(site: Path) -> None:
    install(site, "other", "parkett = other")
    with pytest.raises(OptionsError) as caught:
        open_format(FormatOptions(format="parquett"), SCHEMA)
    message = str(caught.value)
    assert "format=parquett is not known; did you mean parquet?" in message
    for part in (
        "avro, binary, csv, excel, fixed, json, orc, parkett, parquet, text, xml",
        "sftp_async.formats",
    ):
        assert part in message


def test_a_built_in_format_cannot_be_taken_over(site: Path) -> None:
    install(site, "other", "csv = nowhere")
    assert encoded(pa.record_batch({"a": [1]}), format="csv") == b"1\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "cannot be loaded from broken:plugin: ModuleNotFoundError"),
        ("1 / 0", "cannot be loaded from broken:plugin: ZeroDivisionError"),
        ("plugin = 5", "broken:plugin has neither encoder() nor decoder()"),
        ("class plugin:\n    def encoder(self, options, schema): pass", "broken:plugin is a class"),
        (
            "class Plugin:\n    def encoder(self, options, schema): return 5\nplugin = Plugin()",
            "encoder() returned int, not a Format",
        ),
    ],
)
def test_a_package_that_is_broken_is_named(site: Path, source: str, message: str) -> None:
    install(site, "broken", "mine = broken:plugin", source=source)
    with pytest.raises(OptionsError, match=f"format=mine.*{re.escape(message)}"):
        open_format(FormatOptions(format="mine"), SCHEMA)


def test_a_format_without_an_encoder_can_be_read_but_not_written(site: Path) -> None:
    install(site, "reader", "mine = reader", source="def decoder(options, schema): pass")
    with pytest.raises(OptionsError, match="format=mine can be read, but not written"):
        open_format(FormatOptions(format="mine"), SCHEMA)


def test_two_packages_of_one_format_are_both_named(site: Path) -> None:
    install(site, "one", "mine = one")
    install(site, "two", "mine = two")
    with pytest.raises(OptionsError, match="comes from several packages: one and two"):
        open_format(FormatOptions(format="mine"), SCHEMA)


def test_options_know_the_names_of_all_built_in_formats() -> None:
    assert {*format_names.BUILT_IN} == {*registry.BUILT_IN}
