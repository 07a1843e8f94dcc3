"""`SFTPTestServer`, the server for the tests of users: its login and its injected faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from sftp_async import SFTPConnectionTester, SFTPOptions
from sftp_async.errors import ConnectionLostError, RemoteSpaceError
from sftp_async.tools.testing.test_server import SFTPTestServer
from sftp_async.write.plan import plan_job
from tests.support.jobs import write_part

SCHEMA = pa.schema([("n", pa.int64())])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SFTPTestServer]:
    with SFTPTestServer(tmp_path / "served") as server:
        yield server


def write(server: SFTPTestServer) -> None:
    options = SFTPOptions(**server.options, path="/out/numbers.csv", max_retries=0)
    job = plan_job(options, SCHEMA, overwrite=True).prepare()
    job.commit(write_part(job, 0, [pa.record_batch([pa.array([1, 2])], schema=SCHEMA)]))


def failed_steps(server: SFTPTestServer) -> dict[str, str]:
    """What a check of the server finds wrong, by step."""
    options = SFTPOptions(**server.options, max_retries=0)
    report = SFTPConnectionTester.from_options(options).check("/")
    return {step.name: step.detail for step in report.steps if step.ok is False}


def test_a_write_with_its_options_arrives_in_its_directory(server: SFTPTestServer) -> None:
    write(server)
    assert (server.path / "out" / "numbers.csv").read_text() == "1\n2\n"
    assert server.host_key_fingerprint == server.options["host_key_fingerprint"]


def test_its_url_and_known_hosts_line_work_too(server: SFTPTestServer) -> None:
    secrets = {"password": server.password, "known_hosts": server.known_hosts}
    options = SFTPOptions.from_url(server.url, **secrets)
    assert SFTPConnectionTester.from_options(options).check("/").ok
    assert server.logins == 1


def test_options_taken_from_it_are_a_copy(server: SFTPTestServer) -> None:
    server.options["password"] = "another"
    assert failed_steps(server) == {}


def test_a_full_disk_is_reported_until_it_has_free_space_again(server: SFTPTestServer) -> None:
    server.disk_full = True
    with pytest.raises(RemoteSpaceError) as caught:
        write(server)
    assert caught.value.free_bytes == 0
    assert not (server.path / "out" / "numbers.csv").exists()
    server.disk_full = False
    write(server)


def test_refused_logins_fail_until_they_are_let_in_again(server: SFTPTestServer) -> None:
    options = server.options
    server.logins_refused = True
    assert server.logins_refused
    assert server.options == options
    assert list(failed_steps(server)) == ["Login"]
    server.logins_refused = False
    assert failed_steps(server) == {}


def test_a_stopped_server_comes_back_where_it_was_with_what_it_had(server: SFTPTestServer) -> None:
    write(server)
    server.stop()
    assert list(failed_steps(server)) == ["TCP"]
    server.start()
    assert failed_steps(server) == {}
    assert (server.path / "out" / "numbers.csv").exists()


def test_dropped_connections_are_gone_and_new_ones_get_in(server: SFTPTestServer) -> None:
    with SFTPConnectionTester.from_options(SFTPOptions(**server.options)) as tester:
        assert tester.list_files("/") == []
        server.drop_connections()
        with pytest.raises(ConnectionLostError):
            tester.list_files("/")
    assert failed_steps(server) == {}


def test_its_repr_shows_no_password(server: SFTPTestServer) -> None:
    assert server.url in repr(server)
    assert server.password not in repr(server)


@pytest.mark.parametrize("name", ["port", "options", "url", "known_hosts"])
def test_a_server_that_was_never_started_says_so(tmp_path: Path, name: str) -> None:
    server = SFTPTestServer(tmp_path)
    assert str(tmp_path) in repr(server)
    with pytest.raises(RuntimeError, match=r"call start\(\)"):
        getattr(server, name)
