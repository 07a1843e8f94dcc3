"""Lines before and after the data of one exact file: what partners check it by."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import OptionsError
from tests.support.jobs import real_job, write
from tests.support.sshd import SSHD

HEADER, FOOTER = "HDR|{name}|{rows}", "TRL|{rows:08d}|{bytes}|{sha256}\nEND"
PARTS = [["a", "b"], ["c"], ["d"]]


def expected(name: str, data: bytes, rows: int) -> bytes:
    digest = hashlib.sha256(data).hexdigest()
    footer = f"TRL|{rows:08d}|{len(data)}|{digest}\nEND\n"
    return f"HDR|{name}|{rows}\n".encode() + data + footer.encode()


@pytest.mark.parametrize("parts", [PARTS, PARTS[:1], [[]]], ids=["joined", "one part", "no row"])
@pytest.mark.parametrize(
    "more",
    [{}, {"verify": "readback"}, {"commit_mode": "direct"}],
    ids=["rename", "readback", "direct"],
)
def test_they_tell_what_is_between_them(
    sshd: SSHD, remote_dir: Path, parts: list[list[str]], more: dict[str, Any]
) -> None:
    path = f"{remote_dir}/all.txt"
    write(sshd.options(), path, *parts, header_lines=HEADER, footer_lines=FOOTER, **more)
    data = "".join(f"{line}\n" for part in parts for line in part).encode()
    assert [file.name for file in remote_dir.iterdir()] == ["all.txt"]
    found = (remote_dir / "all.txt").read_bytes()
    assert found == expected("all.txt", data, sum(map(len, parts)))


def test_either_stands_alone_and_ends_its_lines_as_the_data_does(
    sshd: SSHD, remote_dir: Path
) -> None:
    write(sshd.options(), f"{remote_dir}/h.txt", ["a"], header_lines="H\n2", line_sep="\r\n")
    write(sshd.options(), f"{remote_dir}/f.txt", ["a"], footer_lines="{{{rows}}}")
    assert (remote_dir / "h.txt").read_bytes() == b"H\r\n2\r\na\r\n"
    assert (remote_dir / "f.txt").read_bytes() == b"a\n{1}\n"


def test_they_hold_the_name_that_the_file_gets_where_the_one_asked_for_is_taken(
    sshd: SSHD, remote_dir: Path
) -> None:
    for text in ("a", "b"):
        path = f"{remote_dir}/all.txt"
        write(sshd.options(), path, [text], header_lines="{name}", if_exists="rename")
    assert (remote_dir / "all.txt").read_text() == "all.txt\na\n"
    assert (remote_dir / "all-1.txt").read_text() == "all-1.txt\nb\n"


def test_no_other_character_than_the_usual_ends_a_line(sshd: SSHD, remote_dir: Path) -> None:
    kept = "1\x0b2\x0c3\x1c4\x1d5\x1e6\x857\u20288\u20299"
    path = f"{remote_dir}/all.txt"
    write(sshd.options(), path, ["a"], header_lines=f"{kept}\r\nH\rI\n\nJ\n", line_sep=";\n")
    lines = f"{kept};\nH;\nI;\n;\nJ;\na;\n"
    assert (remote_dir / "all.txt").read_bytes() == lines.encode()


def test_doubled_braces_are_no_field(sshd: SSHD, remote_dir: Path) -> None:
    path = f"{remote_dir}/all.txt.gz"
    write(sshd.options(), path, ["a"], footer_lines="{{bytes}} {{sha256}} {rows}")
    found = gzip.decompress((remote_dir / "all.txt.gz").read_bytes())
    assert found == b"a\n{bytes} {sha256} 1\n"


def test_they_are_compressed_with_the_data(sshd: SSHD, remote_dir: Path) -> None:
    path = f"{remote_dir}/all.txt.gz"
    write(sshd.options(), path, *PARTS, header_lines="H", footer_lines="T{rows}")
    assert gzip.decompress((remote_dir / "all.txt.gz").read_bytes()) == b"H\na\nb\nc\nd\nT4\n"


def test_they_are_in_the_datas_character_set(sshd: SSHD, remote_dir: Path) -> None:
    path = f"{remote_dir}/all.txt"
    given = {"header_lines": "Größe", "footer_lines": "Ende {rows}", "encoding": "ISO-8859-1"}
    write(sshd.options(), path, ["ä"], ["ö"], **given)
    assert (remote_dir / "all.txt").read_text("latin-1") == "Größe\nä\nö\nEnde 2\n"


def test_a_checksum_file_is_of_the_whole_with_them(sshd: SSHD, remote_dir: Path) -> None:
    path = f"{remote_dir}/all.txt"
    write(sshd.options(), path, *PARTS, footer_lines="T{rows}", checksum_files="sha256")
    digest = hashlib.sha256((remote_dir / "all.txt").read_bytes()).hexdigest()
    assert (remote_dir / "all.txt.sha256").read_text() == f"{digest}  all.txt\n"


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("", {"header_lines": "H"}, "header_lines is for one exact file"),
        ("a.parquet", {"footer_lines": "T", "format": "parquet"}, "footer_lines is for text"),
        ("a.txt.gz", {"footer_lines": "{sha256}"}, "would be that of the compressed data"),
        ("a.txt", {"header_lines": "H", "encoding": "UTF-16"}, "cannot be written with encoding"),
        ("a.txt", {"footer_lines": "€", "encoding": "latin-1"}, "cannot be written with encoding"),
        ("ä.txt", {"footer_lines": "{name}", "encoding": "ASCII"}, "or of the file's name"),
        ("a.txt", {"footer_lines": "{rows:ä>30}", "encoding": "ASCII"}, "cannot be written with"),
        ("a.txt.gz", {"footer_lines": "{sha256:.8}"}, "would be that of the compressed data"),
        ("a.txt", {"footer_lines": "{rows:{sha256}}"}, "may hold the fields"),
        ("a.txt", {"footer_lines": "{name:{rows}}"}, "may hold the fields"),
        ("a.txt", {"footer_lines": "{rows:c}"}, "may hold the fields"),
        ("a.txt", {"footer_lines": "{columns}"}, "may hold the fields rows, bytes, sha256, name"),
        ("a.txt", {"footer_lines": "{rows.real}"}, "may hold the fields"),
        ("a.txt", {"footer_lines": "{}"}, "may hold the fields"),
        ("a.txt", {"footer_lines": "{"}, "may hold the fields"),
        ("a.txt", {"footer_lines": "{rows:zz}"}, "may hold the fields"),
    ],
)
def test_what_makes_no_control_record_is_refused_before_any_task(
    sshd: SSHD, remote_dir: Path, path: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionsError, match=message):
        real_job(sshd.options(), f"{remote_dir}/{path}", **options)
