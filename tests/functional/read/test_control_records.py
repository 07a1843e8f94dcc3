"""Lines before and after the data are skipped when files are read, and compared with the rows."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import zipfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sftp_async.errors import ControlRecordError, DecodeError, OptionsError, VerificationError
from sftp_async.options import SFTPOptions
from sftp_async.options.control_template import ControlTemplate
from sftp_async.read import control
from sftp_async.read.preview import preview
from sftp_async.read.scan import list_scan, plan_schema, scan_of, with_format
from sftp_async.read.task import ReadCounters, read_task
from sftp_async.write.plan import plan_job
from tests.support.control_templates import control_templates
from tests.support.jobs import LINES, write_part
from tests.support.sshd import SSHD

pytestmark = pytest.mark.one_python

TEXT = pa.schema([("value", pa.string())])
ORDERS = pa.schema([("id", pa.int64()), ("price", pa.decimal128(12, 2))])
RECORDS = {
    "header_lines": "HDR|{name}|{now:%Y%m%d}",
    "footer_lines": "TRL|{rows:08d}|{sum(id)}|{sum(price):015d}|{bytes}|{sha256}",
}
PARTS = (
    ((1, Decimal("2.50")), (2, Decimal("-4.00"))),
    (),
    ((3, Decimal("0.01")), (None, None)),
)
ROWS = [row for part in PARTS for row in part]
DATA = b"id,price\n1,2.50\n2,-4.00\n3,0.01\n,\n"
DIGEST = hashlib.sha256(DATA).hexdigest()
TRAILER = f"TRL|00000004|6|-00000000000149|{len(DATA)}|{DIGEST}"
CSV = {"format": "csv", "header": True}


def write(
    sshd: SSHD,
    path: str,
    parts: Sequence[Sequence[Sequence[Any]]] = PARTS,
    schema: pa.Schema = ORDERS,
    **options: Any,
) -> None:
    """Write the rows of some partitions."""
    job = plan_job(SFTPOptions(**sshd.options(), path=path, **options), schema, overwrite=True)
    job.prepare()
    written = []
    for number, rows in enumerate(parts):
        columns = list(zip(*rows, strict=True)) or [[]] * len(schema)
        written += write_part(job, number, [pa.record_batch(columns, schema=schema)])
    job.commit(written)


def read(
    sshd: SSHD,
    path: str,
    schema: pa.Schema = ORDERS,
    counters: ReadCounters | None = None,
    **options: Any,
) -> list[Any]:
    """Return the rows, of one column as values."""
    found, listing = list_scan(SFTPOptions(**sshd.options(), path=path, **options))
    scan, tasks = scan_of(with_format(found, listing), listing, schema)
    batches = [batch for task in tasks for batch in read_task(scan, task, counters)]
    rows = [tuple(row.values()) for row in pa.Table.from_batches(batches, schema).to_pylist()]
    return [row[0] for row in rows] if len(schema) == 1 else rows


def test_what_was_written_is_read_back_and_verified(sshd: SSHD, remote_dir: Path) -> None:
    path = f"{remote_dir}/orders.csv"
    write(sshd, path, **CSV, **RECORDS)
    assert (remote_dir / "orders.csv").read_text().splitlines()[-1] == TRAILER
    assert read(sshd, path, **CSV, **RECORDS) == ROWS
    # Neither names nor types come from a control record.
    options = SFTPOptions(**sshd.options(), path=path, **CSV, **RECORDS, infer_schema=True)
    assert plan_schema(options).names == ["id", "price"]
    seen = preview(options, rows=2)
    assert seen.problem is not None  # doubles have no exact sum
    assert "is of the type double" in str(seen.problem)


@pytest.mark.parametrize(
    ("stated", "wrong", "message"),
    [
        ("TRL|00000004", "TRL|00000005", r"rows is '00000005' in .*, and the file has '00000004'"),
        ("|6|", "|7|", r"sum\(id\) is '7' in .*, and the file has '6'"),
        ("149|", "148|", r"sum\(price\) is '-00000000000148' .* has '-00000000000149'"),
        (f"|{len(DATA)}|", "|999|", f"bytes is '999' .* has '{len(DATA)}'"),
        (DIGEST, "0" * 64, f"sha256 is '0+' .* has '{DIGEST}'"),
        ("HDR|orders.csv", "HDR|others.csv", "name is 'others.csv' .* has 'orders.csv'"),
        ("1,2.50\n", "1,2.51\n", r"sum\(price\) is .*; sha256 is "),
        (f"{TRAILER}\n", "", r"no lines as footer_lines='TRL\|.*says: it ends with ','"),
        ("|-000", "|", r"footer_lines='TRL.*says: it ends with 'TRL\|00000004\|6\|00"),
        ("HDR|", "", r"header_lines='HDR\|.* says: it begins with 'orders.csv\|20"),
        (f"{TRAILER}\n", f"{TRAILER}\n" * 2, r"rows is .*the line before .* is as footer_lines"),
        ("\n2,-4.00", "", "rows is"),
        ("", None, "begins with ''"),
    ],
)
def test_a_file_that_is_not_what_its_records_state_is_an_error_and_gives_no_row(
    sshd: SSHD, remote_dir: Path, stated: str, wrong: str | None, message: str
) -> None:
    path = f"{remote_dir}/orders.csv"
    write(sshd, path, **CSV, **RECORDS)
    file = remote_dir / "orders.csv"
    changed = "" if wrong is None else file.read_text().replace(stated, wrong)
    file.write_text(changed)
    counters = ReadCounters()
    with pytest.raises(ControlRecordError, match=message) as caught:
        read(sshd, path, counters=counters, **CSV, **RECORDS)
    assert caught.value.path == path
    assert not caught.value.retryable
    assert counters.rows == 0


def test_an_error_has_what_is_stated_for_a_program(sshd: SSHD, remote_dir: Path) -> None:
    (remote_dir / "a.txt").write_text("a\nb\nTRL|3|ab\n")
    with pytest.raises(ControlRecordError) as caught:
        read(sshd, f"{remote_dir}/a.txt", TEXT, footer_lines="TRL|{rows}|{any}")
    assert caught.value.stated == {"rows": "3"}


@pytest.mark.parametrize(
    "cut", [1, 60, 200_000, 250_000], ids=["end", "trailer", "rows", "most of it"]
)
def test_a_truncated_file_gives_no_row(sshd: SSHD, remote_dir: Path, cut: int) -> None:
    lines = [[f"line {number}"] for number in range(20_000)]
    records = {"footer_lines": "TRL|{rows:08d}|{sha256}"}
    write(sshd, f"{remote_dir}/a.txt", [lines[:5], lines[5:]], LINES, **records)
    whole = (remote_dir / "a.txt").read_bytes()
    assert read(sshd, f"{remote_dir}/a.txt", TEXT, **records) == [line for (line,) in lines]
    (remote_dir / "a.txt").write_bytes(whole[:-cut])
    if cut == 1:  # the end of the last line says nothing
        assert len(read(sshd, f"{remote_dir}/a.txt", TEXT, **records)) == 20_000
        return
    with pytest.raises(ControlRecordError, match="ends with"):
        read(sshd, f"{remote_dir}/a.txt", TEXT, **records)


@pytest.mark.parametrize("codec", ["none", "gzip"])
@pytest.mark.parametrize("sep", [None, "\r\n", "\r", "~"])
def test_without_verification_records_are_skipped_also_where_a_file_is_split(
    sshd: SSHD, remote_dir: Path, codec: str, sep: str | None
) -> None:
    records = {"header_lines": "H\nH2 {any}", "footer_lines": "T{rows}\n{sha256:.8}\nEND"}
    end = sep or "\n"
    lines = [f"{number}" * (number % 40) for number in range(3000)]
    text = end.join(["H", "H2 x", *lines, "T7", "12345678", "END", ""])
    name = "a.txt" if codec == "none" else "a.txt.gz"
    (remote_dir / name).write_bytes(
        gzip.compress(text.encode()) if codec == "gzip" else text.encode()
    )
    more = {} if sep is None else {"line_sep": sep}
    for size in (1, 3, 1000, 100_000):
        if size < 1000 and (codec == "gzip" or sep != "\r\n"):
            continue
        options = (
            {"max_partition_bytes": size, "open_cost_bytes": 0}
            if size > 3
            else {
                # A range ends within a record, and within a line end.
                "max_partition_bytes": len(text) // 2 + size,
                "open_cost_bytes": 0,
            }
        )
        found = read(
            sshd, f"{remote_dir}/{name}", TEXT, verify_control=False, **records, **more, **options
        )
        assert found == lines
    with pytest.raises(ControlRecordError, match="rows is '7'"):
        read(sshd, f"{remote_dir}/{name}", TEXT, **records, **more)


def test_each_range_of_a_small_file_gives_its_rows_once(sshd: SSHD, remote_dir: Path) -> None:
    records = {"header_lines": "HDR", "footer_lines": "T"}
    for text in ("HDR\nT\n", "HDR\na\nbc\n\nT", "HDR\n\nT\n", "\ufeffHDR\na\nT\n"):
        (remote_dir / "a.txt").write_text(text)
        wanted = text.removeprefix("\ufeff").removesuffix("\n").split("\n")[1:-1]
        for size in range(1, len(text.encode()) + 1):
            options = {"max_partition_bytes": size, "open_cost_bytes": 0, "verify_control": False}
            assert read(sshd, f"{remote_dir}/a.txt", TEXT, **records, **options) == wanted, size


def test_lines_that_are_no_records_are_rows_without_verification(
    sshd: SSHD, remote_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (remote_dir / "a.txt").write_text("a\nb\n")
    options = {"header_lines": "H", "footer_lines": "T", "verify_control": False}
    with caplog.at_level(logging.WARNING, logger=control.__name__):
        assert read(sshd, f"{remote_dir}/a.txt", TEXT, **options) == ["a", "b"]
    assert "it has no lines of header_lines, so none are skipped" in caplog.text
    assert "it has no lines of footer_lines, so none are skipped" in caplog.text


@pytest.mark.parametrize(
    ("trailers", "template", "problem"),
    [
        ("END\nEND", "END", "the line before the last one, 'END', is as footer_lines says, too"),
        ("TRL|a.txt\nTRL|a.txt", "TRL|{name}", "is as footer_lines says, too"),
        ("TRL|1\nTRL|2", "TRL|{rows}", None),  # the count says that it is a row
        ("x\ny", "{any}", None),
    ],
)
def test_two_trailers_are_an_error_unless_a_count_says_that_one_is_a_row(
    sshd: SSHD, remote_dir: Path, trailers: str, template: str, problem: str | None
) -> None:
    (remote_dir / "a.txt").write_text(f"a\n{trailers}\n")
    if problem is None:
        found = read(sshd, f"{remote_dir}/a.txt", TEXT, footer_lines=template)
        assert found == ["a", trailers.split("\n")[0]]
        return
    with pytest.raises(ControlRecordError, match=problem):
        read(sshd, f"{remote_dir}/a.txt", TEXT, footer_lines=template)


def test_they_are_found_in_archives_in_copies_and_in_order(sshd: SSHD, remote_dir: Path) -> None:
    records = {"header_lines": "H|{name}", "footer_lines": "T|{rows}|{sha256}"}
    data = "a\nb\n"
    digest = hashlib.sha256(data.encode()).hexdigest().upper()
    with zipfile.ZipFile(remote_dir / "in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("1.txt", "2.txt"):
            archive.writestr(name, f"H|{name}\n{data}T|002|{digest}\n")
    assert read(sshd, f"{remote_dir}/in.zip", TEXT, format="text", **records) == ["a", "b"] * 2
    # A partner compresses what is complete.
    (remote_dir / "c.txt.gz").write_bytes(gzip.compress(f"H|c.txt\n{data}T|2|{digest}".encode()))
    for options in ({}, {"access": "sequential"}, {"access": "once"}, {"verify": "checksum"}):
        given = records | options
        assert read(sshd, f"{remote_dir}/c.txt.gz", TEXT, format="text", **given) == ["a", "b"]


def test_rows_are_those_of_the_format(sshd: SSHD, remote_dir: Path) -> None:
    trailer = {"footer_lines": "T|{rows}"}
    names = pa.schema([("a", pa.string())])
    (remote_dir / "a.csv").write_text('T|x\na\n"1\n2"\n\n#no\n3\nT|2\n')
    options = {"format": "csv", "header": True, "comment": "#", "header_lines": "T|x", **trailer}
    assert read(sshd, f"{remote_dir}/a.csv", names, multi_line=True, **options) == ["1\n2", "3"]
    (remote_dir / "a.json").write_text('{"a":"1"}\n\n[{"a":"2"},{"a":"3"}]\nT|3\n')
    assert read(sshd, f"{remote_dir}/a.json", names, format="json", **trailer) == ["1", "2", "3"]
    (remote_dir / "b.json").write_text('T|2\n[{"a":"2"},\n{"a":"3"}]\n')
    document = {"format": "json", "multi_line": True, "header_lines": "T|{rows}"}
    assert read(sshd, f"{remote_dir}/b.json", names, **document) == ["2", "3"]
    (remote_dir / "w.txt").write_text("a\nb\nT|2\n")
    whole = read(sshd, f"{remote_dir}/w.txt", TEXT, wholetext=True, **trailer)
    assert whole == ["a\nb\n"]
    (remote_dir / "l.txt").write_bytes("Größe\nä\nEnde 1".encode("latin-1"))
    latin = {"header_lines": "Größe", "footer_lines": "Ende {rows}", "encoding": "ISO-8859-1"}
    assert read(sshd, f"{remote_dir}/l.txt", TEXT, **latin) == ["ä"]


def test_a_large_file_is_held_on_the_disk_until_it_is_verified(
    sshd: SSHD, remote_dir: Path
) -> None:
    numbers = pa.schema([("n", pa.int64())])
    top = 2**62
    lines = b"".join(b"%d\n" % (top - number) for number in range(1_100_000))
    total = sum(range(top - 1_099_999, top + 1))
    (remote_dir / "n.csv").write_bytes(lines + f"T|1,100,000|{total}\n".encode())
    given = {"format": "csv", "footer_lines": "T|{rows:,}|{sum(n)}"}
    found, listing = list_scan(SFTPOptions(**sshd.options(), path=f"{remote_dir}/n.csv", **given))
    scan, (task,) = scan_of(found, listing, numbers)
    count = sum(len(batch) for batch in read_task(scan, task))
    assert count == 1_100_000


def test_corrupt_files_that_are_ignored_give_no_row_of_what_was_not_verified(
    sshd: SSHD, remote_dir: Path
) -> None:
    whole = gzip.compress(b"a\n" * 500_000 + b"T|500000\n", compresslevel=0)
    (remote_dir / "a.txt.gz").write_bytes(whole[:-100])
    options = {"footer_lines": "T|{rows}", "ignore_corrupt_files": True, "format": "text"}
    counters = ReadCounters()
    assert read(sshd, f"{remote_dir}/a.txt.gz", TEXT, counters, **options) == []
    assert counters.files_left_out == 1
    with pytest.raises(DecodeError, match="damaged"):
        read(sshd, f"{remote_dir}/a.txt.gz", TEXT, format="text", footer_lines="T|{rows}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "parquet"}, "footer_lines is for text, and format=parquet has no lines"),
        ({"format": "xml", "row_tag": "r"}, "format=xml has no lines"),
        ({"mode": "DROPMALFORMED"}, "mode=DROPMALFORMED leaves some out"),
        ({"footer_lines": "{sum(none)}"}, "there is no column 'none' among"),
        ({"footer_lines": "{sum(name)}"}, "the column is of the type string"),
        ({"footer_lines": "{sum(price):.1f}"}, "which rounds: the column has 2 digits"),
        ({"encoding": "UTF-16"}, "are found only once they are decoded"),
        ({"line_sep": "aa"}, "can overlap with itself"),
        ({"line_sep": "|", "footer_lines": "T|{rows}"}, "a line holds line_sep="),
    ],
)
def test_what_cannot_be_verified_is_refused_before_any_task(
    sshd: SSHD, remote_dir: Path, options: dict[str, Any], message: str
) -> None:
    (remote_dir / "a").write_text("1\n")
    schema = ORDERS.append(pa.field("name", pa.string()))
    given = {"format": "csv", "footer_lines": "{rows}"} | options
    with pytest.raises(OptionsError, match=message):
        read(sshd, f"{remote_dir}/a", schema, **given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"footer_lines": "{any}"}, "which is for reads"),
        ({"footer_lines": "{sum(none)}"}, "there is no column 'none' among"),
        ({"footer_lines": "{sum(price):.1f}"}, "which rounds"),
        ({"footer_lines": "{sum(price):.1d}"}, "may hold the fields"),
        ({"footer_lines": "{sum(price):x}"}, "may hold the fields"),
        ({"footer_lines": "{now}"}, "may hold the fields"),
        ({"footer_lines": "{now:%A}"}, "may hold the fields"),
        ({"footer_lines": "{any:x}"}, "may hold the fields"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_task(
    sshd: SSHD, remote_dir: Path, options: dict[str, Any], message: str
) -> None:
    given = {**sshd.options(), "path": f"{remote_dir}/a.csv", **options}
    with pytest.raises(OptionsError, match=message):
        plan_job(SFTPOptions(**given), ORDERS, overwrite=True)


def test_checksum_files_and_manifests_are_compared_when_asked_for(
    sshd: SSHD, remote_dir: Path
) -> None:
    thorough = {"verify_control": True, **CSV}
    write(sshd, f"{remote_dir}/plain", **CSV)
    with pytest.raises(ControlRecordError, match="Nothing states what the file holds"):
        read(sshd, f"{remote_dir}/plain", **thorough)
    with pytest.raises(ControlRecordError, match=r"no checksum file \.part-.*\.sha256"):
        read(sshd, f"{remote_dir}/plain", checksum_files="sha256", **thorough)
    with pytest.raises(ControlRecordError, match=r"No _manifest\.json states"):
        read(sshd, f"{remote_dir}/plain", manifest=True, **thorough)

    for form, options in (("csv", CSV), ("parquet", {"format": "parquet"})):
        out = remote_dir / form
        write(sshd, str(out), manifest=True, checksum_files="md5", **options)
        given = {"verify_control": True, "manifest": True, "checksum_files": "md5", **options}
        assert sorted(read(sshd, str(out), **given), key=str) == sorted(ROWS, key=str)
        manifest = json.loads((out / "_manifest.json").read_text())
        manifest["files"][0]["rows"] += 1
        (out / "_manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(ControlRecordError, match=r"rows, and .* by .*/_manifest\.json"):
            read(sshd, str(out), **given)
        manifest["files"][0]["sha256"] = "0" * 64
        (out / "_manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(VerificationError, match=r"_manifest\.json says 0+"):
            read(sshd, str(out), **given)
        checksum = next(out.glob(".*.md5"))
        checksum.write_text("0" * 32)
        with pytest.raises(VerificationError, match=r"its checksum file says 0+"):
            read(sshd, str(out), verify_control=True, use_manifest="never", **options)


def test_a_manifest_states_the_files_of_partition_directories(sshd: SSHD, remote_dir: Path) -> None:
    path = f"{remote_dir}/out"
    write(sshd, path, manifest=True, partition_by="id", **CSV)
    schema = pa.schema([("price", pa.decimal128(12, 2)), ("id", pa.int32())])
    found = read(sshd, path, schema, verify_control=True, manifest=True, **CSV)
    assert sorted(found, key=str) == sorted(((price, number) for number, price in ROWS), key=str)


# Each example is a whole job; `tests/unit/read/test_control.py` has many.
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.none() | control_templates(),
    footer=control_templates(),
    rows=st.lists(
        st.tuples(
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.decimals(-(10**33), 10**33, places=3),
        ),
        max_size=6,
    ),
    cut=st.integers(0, 6),
    end=st.sampled_from(["\n", "\r\n", ";!"]),
)
def test_whatever_the_templates_what_is_written_is_verified_when_it_is_read(
    sshd: SSHD,
    remote_dir: Path,
    header: str | None,
    footer: str,
    rows: list[tuple[int | None, Decimal | None]],
    cut: int,
    end: str,
) -> None:
    schema = pa.schema([("n", pa.int64()), ("d", pa.decimal128(38, 3))])
    options = {"header_lines": header, "footer_lines": footer, "line_sep": end, "format": "csv"}
    given = {name: value for name, value in options.items() if value is not None}
    path = f"{remote_dir}/sum of (d).csv"
    write(sshd, path, [rows[:cut], rows[cut:]], schema, **given)
    assert read(sshd, path, schema, **given) == rows
    # One row less is found out wherever something counts.
    file = Path(path)
    counted = ControlTemplate(footer).fields & {"rows", "bytes", "sha256"}
    if rows and counted:
        count = len(ControlTemplate(footer).lines)
        lines = file.read_bytes().split(end.encode())
        del lines[-count - 2]
        file.write_bytes(end.encode().join(lines))
        with pytest.raises(ControlRecordError):
            read(sshd, path, schema, **given)


FIXED = {
    "format": "fixed",
    "fixed_layout": "id:4 bigint zero, price:8.2",
    "fixed_trailer": '"T", rows:11',
}


def test_a_counted_trailer_of_fixed_width_is_no_damage_that_can_be_ignored(
    sshd: SSHD, remote_dir: Path
) -> None:
    (remote_dir / "a.dat").write_bytes(b"000100000250\nT          1\n")
    assert read(sshd, f"{remote_dir}/a.dat", **FIXED) == [(1, Decimal("2.50"))]
    for content in (b"000100000250\nT          2\n", b"000100000250\n", b""):
        (remote_dir / "a.dat").write_bytes(content)
        for path in (f"{remote_dir}/a.dat", str(remote_dir)):
            with pytest.raises(ControlRecordError):
                read(sshd, path, ignore_corrupt_files=True, **FIXED)
    # Without a count nothing says that an empty file is incomplete.
    assert read(sshd, str(remote_dir), **FIXED | {"fixed_trailer": '"T", _:11'}) == []


def test_an_archive_without_a_file_is_an_error(sshd: SSHD, remote_dir: Path) -> None:
    with zipfile.ZipFile(remote_dir / "a.zip", "w") as archive:
        archive.writestr("orders/", "")
    with pytest.raises(ControlRecordError, match="The archive has no file that is read"):
        read(sshd, f"{remote_dir}/a.zip", **CSV, **RECORDS)
    for more in ({"verify_control": False}, {"path_glob_filter": "*.csv"}):
        assert read(sshd, f"{remote_dir}/a.zip", **CSV, **RECORDS, **more) == []
