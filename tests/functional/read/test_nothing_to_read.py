"""A read that takes no file says so: in the log, or in an error where columns must be inferred."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from sftp_async.errors import SFTPAsyncError
from sftp_async.options import SFTPOptions
from sftp_async.read.scan import list_scan, plan_schema, scan_of
from sftp_async.tools.testing.embedded_server import EmbeddedServer


def options(server: EmbeddedServer, **more: Any) -> SFTPOptions:
    folder = server.root / "in"
    folder.mkdir()
    (folder / "a.csv.part").write_text("x\n")
    return SFTPOptions(**server.options(), path="/in", **more)


def test_a_warning_says_what_was_left_out(
    embedded_server: EmbeddedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    given, listing = list_scan(options(embedded_server, format="text"))
    assert "/in: no file to read: 1 left out (1: its name ends in .part" in caplog.text
    columns = plan_schema(given)
    assert columns.names == ["value"]
    assert scan_of(given, listing, columns)[1] == []


@pytest.mark.parametrize("format_name", ["csv", "json", "parquet"])
def test_columns_are_not_inferred_from_nothing(
    embedded_server: EmbeddedServer, format_name: str
) -> None:
    with pytest.raises(SFTPAsyncError, match=r"no file to look at.*1 left out \(1: its name"):
        plan_schema(options(embedded_server, format=format_name))
