"""A write with `job_key`: the second one of a key changes nothing, and says so."""

from __future__ import annotations

import pytest

from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.jobs import lines_in, real_job, upload


def test_so_does_one_whose_exact_name_holds_another_time(
    embedded_server: EmbeddedServer,
) -> None:
    given = {"job_key": "tonight", "file_name_template": "o_{now:%H%M%S%f}.txt"}
    first, second = (real_job(embedded_server.options(), "/out", **given) for _ in range(2))
    assert first.layout.file_name != second.layout.file_name
    first.prepare().commit(upload(first, ["a"]))
    assert second.prepare().committed
    assert lines_in(embedded_server.root / "out") == ["a"]


def test_a_second_write_of_the_same_key_changes_nothing_and_says_so(
    embedded_server: EmbeddedServer, caplog: pytest.LogCaptureFixture
) -> None:
    first = real_job(embedded_server.options(), "/out", job_key="tonight").prepare()
    assert first.commit(upload(first, ["a"])).rows == 1
    assert "committed before" not in caplog.text
    second = real_job(embedded_server.options(), "/out", job_key="tonight").prepare()
    parts = upload(second, ["b"])
    summary = second.commit(parts)
    assert (parts, summary.files, summary.rows, summary.bytes) == ([], 0, 0, 0)
    assert lines_in(embedded_server.root / "out") == ["a"]
    assert "/out: job_key=tonight was committed before; this write changes nothing" in caplog.text
