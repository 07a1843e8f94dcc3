"""The referee of the benchmarks: it must see every difference in rows, and none in their order."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import orc

from benchmarks import verify
from benchmarks.verify import (
    VerificationError,
    bytes_outcome,
    count_rows,
    csv_outcome,
    parquet_outcome,
)

SCHEMA = pl.Schema(
    {
        "key": pl.Int64,
        "line": pl.Int32,
        "price": pl.Decimal(15, 2),
        "flag": pl.String,
        "mode": pl.String,
        "day": pl.Date,
    }
)
HEADER = "key,line,price,flag,mode,day\n"
ROWS = [
    "1,2,17954.55,N,TRUCK,1996-03-13\n",
    "2,1,0.04,R,AIR,1996-04-12\n",
    '3,7,-1.50,A,"MAIL, REG",1996-01-29\n',
    '4,4,,"",,1996-01-30\n',
]


def written(directory: Path, *files: list[str], name: str = "part-{}.csv") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for i, rows in enumerate(files):
        (directory / name.format(i)).write_text(HEADER + "".join(rows))
    return directory


def replaced(old: str, new: str) -> list[str]:
    changed = [row.replace(old, new, 1) for row in ROWS]
    assert changed != ROWS
    return changed


@pytest.fixture
def digest(tmp_path: Path) -> Callable[..., str]:
    count = iter(range(100))

    def digest(*files: list[str]) -> str:
        return csv_outcome(written(tmp_path / str(next(count)), *files), SCHEMA).digest

    return digest


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(replaced("17954.55", "17954.56"), id="another decimal"),
        pytest.param(replaced("17954.55", "17954.551"), id="a decimal with a digit too many"),
        pytest.param(replaced("1,2,", "1,3,"), id="another number"),
        pytest.param(replaced("TRUCK", "TRUCk"), id="another text"),
        pytest.param(replaced("03-13", "03-14"), id="another day"),
        pytest.param(replaced(',"",', ",,"), id="a null for an empty text"),
        pytest.param(replaced("N,TRUCK", "TRUCK,N"), id="two columns swapped"),
        pytest.param(replaced("1,2,", "2,1,"), id="two numbers swapped"),
        pytest.param(ROWS[:3], id="a missing row"),
        pytest.param([*ROWS, ROWS[0]], id="a doubled row"),
        pytest.param([ROWS[0], *ROWS[:3]], id="a doubled row for a missing one"),
        pytest.param([ROWS[0], ROWS[0], ROWS[2], ROWS[2]], id="two doubled for two missing"),
        pytest.param(
            [ROWS[0].replace("TRUCK", "AIR"), ROWS[1].replace("AIR", "TRUCK"), *ROWS[2:]],
            id="values swapped between rows",
        ),
        pytest.param([], id="no row"),
    ],
)
def test_other_rows_have_another_digest(digest: Callable[..., str], rows: list[str]) -> None:
    assert digest(rows) != digest(ROWS)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param([ROWS[::-1]], id="another order"),
        pytest.param([ROWS[:1], [], ROWS[1:]], id="more files"),
        pytest.param([replaced("-1.50", "-1.5")], id="another spelling of a decimal"),
        pytest.param([replaced("TRUCK", '"TRUCK"')], id="needless quotes"),
    ],
)
def test_the_same_rows_have_the_same_digest(
    digest: Callable[..., str], files: list[list[str]]
) -> None:
    assert digest(*files) == digest(ROWS)


def test_rows_and_bytes_are_counted_over_all_data_files(tmp_path: Path) -> None:
    directory = written(tmp_path, ROWS[:3], ROWS[3:])
    (directory / "_SUCCESS").write_text("not data")
    (directory / ".part-0.csv.crc").write_text("not data")
    outcome = csv_outcome(directory, SCHEMA)
    assert outcome.rows == 4
    assert outcome.bytes == 2 * len(HEADER) + sum(map(len, ROWS))


def test_gzip_and_parquet_files_have_the_digest_of_their_rows(tmp_path: Path) -> None:
    plain = written(tmp_path / "plain", ROWS)
    packed = tmp_path / "packed"
    packed.mkdir()
    # Two members, as from writers that pack piece by piece.
    head, tail = HEADER + ROWS[0], "".join(ROWS[1:])
    members = gzip.compress(head.encode()) + gzip.compress(tail.encode())
    (packed / "part-0.csv.gz").write_bytes(members)
    columns = tmp_path / "columns"
    columns.mkdir()
    frame = pl.DataFrame(
        {
            "key": [1, 2, 3, 4],
            "line": [2, 1, 7, 4],
            "price": [Decimal("17954.55"), Decimal("0.04"), Decimal("-1.50"), None],
            "flag": ["N", "R", "A", ""],
            "mode": ["TRUCK", "AIR", "MAIL, REG", None],
            "day": [date(1996, 3, 13), date(1996, 4, 12), date(1996, 1, 29), date(1996, 1, 30)],
        },
        schema=SCHEMA,
    )
    frame.write_parquet(columns / "part-0.parquet")
    wanted = csv_outcome(plain, SCHEMA).digest
    assert csv_outcome(packed, SCHEMA).digest == wanted
    assert parquet_outcome(columns, SCHEMA).digest == wanted
    frame.tail(3).write_parquet(columns / "part-0.parquet")
    assert parquet_outcome(columns, SCHEMA).digest != wanted


def test_a_file_cut_off_in_a_row_has_another_digest_or_is_refused(tmp_path: Path) -> None:
    whole = csv_outcome(written(tmp_path / "whole", ROWS), SCHEMA)
    cut = written(tmp_path / "cut", [*ROWS[:3], "4,4"])
    assert csv_outcome(cut, SCHEMA).digest != whole.digest
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "part-0.csv.gz").write_bytes(gzip.compress((HEADER + ROWS[0]).encode())[:-9])
    with pytest.raises(VerificationError, match=r"part-0\.csv\.gz cannot be read"):
        csv_outcome(packed, SCHEMA)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("".join(ROWS), "has the columns 1, 2, 17954.55"),
        ("", "has the columns"),
        (HEADER.replace("flag,mode", "mode,flag") + ROWS[0], "has the columns key, line"),
        (HEADER + ROWS[0].replace("1,2,", "1.0,2,"), "cannot be read: could not parse `1.0`"),
        (HEADER + "1,2,3,4,5,1996-01-01,7\n", "cannot be read"),
    ],
    ids=["no header", "empty", "columns swapped", "a number with a point", "a value too many"],
)
def test_a_file_of_another_shape_is_refused_by_name(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "part-0.csv").write_text(content)
    with pytest.raises(VerificationError, match=rf"part-0\.csv {message}"):
        csv_outcome(tmp_path, SCHEMA)


def test_a_directory_without_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").touch()
    with pytest.raises(VerificationError, match="no data files"):
        csv_outcome(tmp_path, SCHEMA)


def test_a_file_of_bytes_is_known_by_its_size_and_sha256(tmp_path: Path) -> None:
    file = tmp_path / "random.bin"
    file.write_bytes(b"abc")
    outcome = bytes_outcome(file)
    assert (outcome.rows, outcome.bytes) == (None, 3)
    # The digest of "abc" in FIPS 180-4's examples.
    assert outcome.digest.startswith("ba7816bf8f01cfea")
    file.write_bytes(b"abd")
    assert bytes_outcome(file).digest != outcome.digest


ELEMENT = "<row><l_tax>1</l_tax><l_comment>a b</l_comment></row>"


@pytest.mark.parametrize(
    ("name", "codec", "content", "rows"),
    [
        ("csv", "none", b"a,b\n1,2\n3,4\n", 2),
        ("csv", "none", b"a,b\n", 0),
        ("csv", "gzip", gzip.compress(b"a,b\n1,2\n", mtime=0), 1),
        ("csv", "xz", lzma.compress(b"a,b\n1,2\n"), 1),
        ("csv", "bzip2", bz2.compress(b"a,b\n1,2\n"), 1),
        ("json", "none", b"{}\n{}\n", 2),
        ("text", "none", b"a\n\nb\n", 3),
        ("xml", "none", f"<rows>{ELEMENT * 7}\n</rows>".encode(), 7),
    ],
    ids=["csv", "csv without rows", "gzip", "xz", "bzip2", "json", "text", "xml"],
)
@pytest.mark.parametrize("block", [1, 5, 1 << 20])
def test_rows_are_counted_wherever_a_block_of_the_file_ends(
    tmp_path: Path,
    name: str,
    codec: str,
    content: bytes,
    rows: int,
    block: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verify, "BLOCK", block)
    file = tmp_path / "file"
    file.write_bytes(content)
    assert count_rows(file, name, codec) == rows


def test_the_rows_of_all_files_of_a_directory_count_but_not_what_lies_next_to_them(
    tmp_path: Path,
) -> None:
    for name in ("part-0", "part-1", ".part-0.crc", "_SUCCESS"):
        (tmp_path / name).write_text("a,b\n1,2\n")
    assert count_rows(tmp_path, "csv", "none") == 2


@pytest.mark.parametrize("name", ["parquet", "orc"])
def test_a_columnar_file_says_how_many_rows_it_has(tmp_path: Path, name: str) -> None:
    file = tmp_path / "file"
    table = pa.table({"a": [1, 2, 3]})
    {"parquet": pq.write_table, "orc": orc.write_table}[name](table, file)
    assert count_rows(file, name, "none") == 3
