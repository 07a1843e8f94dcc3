"""One exact XML file of several partitions: one root element around all rows, in their order."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import OptionsError
from tests.support.jobs import real_job, write
from tests.support.sshd import SSHD

ROWS = [["a", "b"], ["c"], [], ["d"]]


@pytest.mark.parametrize("more", [{}, {"indent": ""}, {"declaration": ""}], ids=str)
@pytest.mark.parametrize("rows", [ROWS, [[]]], ids=["rows", "no row"])
def test_it_is_the_file_that_one_partition_makes_in_a_directory(
    sshd: SSHD, remote_dir: Path, rows: list[list[str]], more: dict[str, Any]
) -> None:
    write(sshd.options(), f"{remote_dir}/all.xml", *rows, format="xml", **more)
    alone = [line for part in rows for line in part]
    write(sshd.options(), f"{remote_dir}/dir", alone, format="xml", **more)
    (expected,) = (remote_dir / "dir").glob("part-*")
    assert (remote_dir / "all.xml").read_bytes() == expected.read_bytes()


def test_it_may_be_compressed(sshd: SSHD, remote_dir: Path) -> None:
    write(sshd.options(), f"{remote_dir}/all.xml.gz", *ROWS, format="xml")
    text = gzip.decompress((remote_dir / "all.xml.gz").read_bytes()).decode()
    assert (text.count("<ROWS>"), text.count("<ROW>"), text.count("</ROWS>")) == (1, 4, 1)


def test_control_records_would_make_it_no_xml(sshd: SSHD, remote_dir: Path) -> None:
    with pytest.raises(OptionsError, match="footer_lines is for text"):
        real_job(sshd.options(), f"{remote_dir}/all.xml", format="xml", footer_lines="T")
