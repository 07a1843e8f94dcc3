"""The suite's servers: each serves files that are seen here, and a fallback says why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

pytest.importorskip("pyspark", reason="the suite measures Spark")

from benchmarks import __main__ as suite
from benchmarks.backends import NoServerError
from benchmarks.latency_relay import LatencyRelay
from benchmarks.process_usage import processes
from benchmarks.servers import Server, known_hosts_lines, start_server
from benchmarks.workloads import NAMES, transport
from tests.support.requirements import skip_without

pytestmark = pytest.mark.one_python


@pytest.fixture(
    params=[
        pytest.param("container", marks=pytest.mark.container),
        pytest.param("sshd", marks=pytest.mark.sshd),
        "embedded",
    ],
    scope="module",
)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    started = start_server(request.param, tmp_path_factory.mktemp("bench"))
    try:
        server = started.__enter__()
    except NoServerError as reason:
        skip_without(str(reason))
    yield server
    started.__exit__(None, None, None)


async def put(server: Server, path: str, data: bytes) -> None:
    async with (
        asyncssh.connect(
            server.host,
            server.port,
            username=server.username,
            client_keys=[str(server.key_file)],
            known_hosts=str(server.known_hosts_file),
            config=None,
            agent_path=None,
            encryption_algs=["aes128-gcm@openssh.com"],
        ) as connection,
        connection.start_sftp_client() as sftp,
    ):
        await sftp.mkdir(path)
        async with sftp.open(f"{path}/part-0", "wb") as file:
            await file.write(data)


@pytest.mark.asyncio
async def test_a_target_is_seen_here_and_can_be_removed(server: Server) -> None:
    target = server.new_target()
    server.ciphers()
    await put(server, target, b"rows")
    assert (server.local(target) / "part-0").read_bytes() == b"rows"
    wanted = [] if server.kind == "embedded" else ["aes128-gcm@openssh.com"]
    assert server.ciphers() == wanted
    assert server.ciphers() == []
    server.remove(target)
    server.remove(target)  # what is gone may be removed
    assert not server.local(target).exists()


@pytest.mark.asyncio
async def test_a_container_removes_as_its_root_what_this_user_may_not(server: Server) -> None:
    target = server.new_target()
    await put(server, target, b"rows")
    if server.kind == "container":
        server.backend.remove(target)
        assert not server.local(target).exists()
    else:
        with pytest.raises(PermissionError):
            server.backend.remove(target)


def test_its_processes_are_seen_here(server: Server) -> None:
    assert server.visible
    assert set(server.pids()) <= set(processes())
    assert len(server.pids()) == 1


@pytest.mark.asyncio
async def test_behind_a_relay_it_is_the_same_server_with_its_keys_checked(
    server: Server, tmp_path: Path
) -> None:
    with LatencyRelay(server.host, server.port, 2) as relay:
        remote = server.through(relay.host, relay.port, tmp_path)
        target = remote.new_target()
        await put(remote, target, b"far")
        assert (server.local(target) / "part-0").read_bytes() == b"far"
    assert remote.options()["port"] == str(relay.port)
    assert str(relay.port) in remote.options()["known_hosts"]
    server.remove(target)


@pytest.mark.sshd
def test_without_docker_the_next_kind_is_taken_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-daemon")
    monkeypatch.delenv("SFTP_ASYNC_REQUIRE_SERVERS", raising=False)  # here one is to be missing
    with start_server("auto", tmp_path) as server:
        assert server.kind in {"sshd", "embedded"}
        assert server.passed_over[0].startswith("container: needs a Docker daemon that answers")


def test_a_kind_that_was_asked_for_and_cannot_run_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-daemon")
    monkeypatch.delenv("SFTP_ASYNC_REQUIRE_SERVERS", raising=False)  # here one is to be missing
    wanted = pytest.raises(NoServerError, match="container: needs a Docker daemon")
    with wanted, start_server("container", tmp_path):
        pass


def test_a_known_hosts_line_names_a_port_unless_it_is_sshs_own() -> None:
    assert known_hosts_lines("h", 22, ["k"]) == "h k\n"
    assert known_hosts_lines("h", 2222, ["k", "l"]) == "[h]:2222 k\n[h]:2222 l\n"


def test_the_command_lists_its_workloads(capsys: pytest.CaptureFixture[str]) -> None:
    assert suite.main(["--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == list(NAMES)


def test_the_command_runs_a_workload_and_leaves_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(transport, "QUICK_SIZE", 1_000_000)
    status = suite.main(["transport", "--server", "embedded", "--output", str(tmp_path / "out")])
    document = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (status, document["problems"]) == (0, [])
    assert [comparison["name"] for comparison in document["contests"]] == ["transport"]
    assert (tmp_path / "out" / "report.md").read_text().startswith("Server: embedded (")
    assert "Targets" in capsys.readouterr().out


def test_a_workload_that_fails_makes_the_command_fail_and_is_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "QUICK_SIZE", None)
    arguments = ["transport", "--server", "embedded", "--output", str(tmp_path / "out")]
    assert suite.main(arguments) == 1
    (problem,) = json.loads((tmp_path / "out" / "report.json").read_text())["problems"]
    assert problem.startswith("transport ended early: TypeError")
