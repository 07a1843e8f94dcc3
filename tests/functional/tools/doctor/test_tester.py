"""`SFTPConnectionTester` against the embedded server."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import asyncssh
import pytest

from sftp_async.errors import (
    AuthenticationError,
    ConnectError,
    ConnectionLostError,
    OptionsError,
    RemoteNotFoundError,
    SFTPAsyncWarning,
)
from sftp_async.options import SFTPOptions
from sftp_async.tools.doctor import STEPS, CheckReport, CheckStep, Recommendation
from sftp_async.tools.doctor.tester import SFTPConnectionTester
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.sshd import SSHD

THOROUGH = {"Sessions", "Connections", "Throughput"}
QUICK = tuple(name for name in STEPS if name not in THOROUGH)
ALL_OK = dict.fromkeys(QUICK, "ok")


class ReadOnlyServer(FolderServer):
    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        raise asyncssh.SFTPPermissionDenied("read-only")


class TruncatingServer(FolderServer):
    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        super().write(file_obj, offset, data[:-1])
        return len(data)


class KeepingServer(FolderServer):
    def remove(self, path: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("files stay")


def connecting_to(server: EmbeddedServer, **changes: object) -> SFTPConnectionTester:
    options: dict[str, object] = {**server.options(), **changes}
    return SFTPConnectionTester.from_options(SFTPOptions(**options))


def outcome(report: CheckReport) -> dict[str, str]:
    return {step.name: step.status for step in report.steps}


def step_of(report: CheckReport, name: str) -> CheckStep:
    return next(step for step in report.steps if step.name == name)


def failure(report: CheckReport) -> CheckStep:
    """Return the one step that failed."""
    [step] = [step for step in report.steps if step.ok is False]
    return step


def outcome_until(failed: str) -> dict[str, str]:
    """Return the outcome of a check that failed at a step and skipped the later ones."""
    at = QUICK.index(failed)
    return {
        name: "ok" if number < at else "failed" if number == at else "skipped"
        for number, name in enumerate(QUICK)
    }


# --- connect(), list_files() and disconnect()


def test_files_are_listed_by_sorted_name(embedded_server: EmbeddedServer) -> None:
    for name in ("b.csv", ".hidden", "a.csv"):
        (embedded_server.root / name).touch()
    (embedded_server.root / "sub").mkdir()
    with SFTPConnectionTester(
        embedded_server.host,
        embedded_server.username,
        password=embedded_server.password,
        port=embedded_server.port,
        host_key_fingerprint=embedded_server.fingerprint,
    ) as tester:
        assert tester.list_files() == [".hidden", "a.csv", "b.csv", "sub"]
        assert tester.list_files("sub") == []
        with pytest.raises(RemoteNotFoundError):
            tester.list_files("nothing")


def test_connect_returns_the_tester_and_disconnect_may_be_repeated(
    embedded_server: EmbeddedServer,
) -> None:
    tester = connecting_to(embedded_server)
    assert tester.connect() is tester
    assert tester.connect() is tester
    assert embedded_server.logins == 1
    assert repr(tester).endswith(" connected>")
    tester.disconnect()
    tester.disconnect()
    assert repr(tester).endswith(" not connected>")


def test_a_lost_connection_is_replaced_by_connecting_again(embedded_server: EmbeddedServer) -> None:
    with connecting_to(embedded_server) as tester:
        embedded_server.drop_connections()
        with pytest.raises(ConnectionLostError):
            tester.list_files()
        assert tester.connect().list_files() == []


def test_listing_without_a_connection_is_an_error_with_advice(
    embedded_server: EmbeddedServer,
) -> None:
    with pytest.raises(ConnectError, match=r"Not connected .*Call connect\(\) first"):
        connecting_to(embedded_server).list_files()


def test_a_key_file_logs_in(tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / "id").write_bytes(key.export_private_key())
    public = key.export_public_key().decode()
    with EmbeddedServer(tmp_path / "served", authorized_keys=[public]) as server:
        fingerprint = server.fingerprint
        tester = SFTPConnectionTester(
            server.host, server.username, tmp_path / "id", port=server.port, host_key=fingerprint
        )
        with tester:
            assert tester.list_files() == []


def test_all_invalid_options_are_reported_at_once() -> None:
    with pytest.raises(OptionsError, match="2 invalid options"):
        SFTPConnectionTester("host.example", "me", port=0)


def test_connect_raises_the_error_of_the_login(embedded_server: EmbeddedServer) -> None:
    with pytest.raises(AuthenticationError):
        connecting_to(embedded_server, password="wrong").connect()


# --- check()


def test_a_healthy_server_passes_every_step(embedded_server: EmbeddedServer) -> None:
    report = connecting_to(embedded_server).check()
    assert outcome(report) == ALL_OK
    assert report.ok
    assert report.host_key_fingerprint == embedded_server.fingerprint
    assert report.round_trip_ms is not None
    assert report.round_trip_ms > 0
    assert report.capabilities is not None
    assert report.capabilities.server_version in str(report)
    assert embedded_server.fingerprint in str(report)
    assert list(embedded_server.root.iterdir()) == []


def test_openssh_passes_every_step(sshd: SSHD, remote_dir: Path) -> None:
    report = SFTPConnectionTester.from_options(SFTPOptions(**sshd.options())).check(str(remote_dir))
    assert outcome(report) == ALL_OK, str(report)
    assert "OpenSSH" in str(report)
    assert list(remote_dir.iterdir()) == []


@pytest.mark.asyncio
async def test_a_check_works_where_an_event_loop_is_running(
    embedded_server: EmbeddedServer,
) -> None:
    assert connecting_to(embedded_server).check().ok


def test_a_wrong_password_fails_the_login_and_is_not_shown(embedded_server: EmbeddedServer) -> None:
    report = connecting_to(embedded_server, password="wrong-S3cret").check()
    assert outcome(report) == outcome_until("Login")
    assert "password" in failure(report).detail
    assert not report.ok
    assert "S3cret" not in str(report) + repr(report) + report._repr_html_()


def test_a_wrong_host_key_fails_with_the_key_the_server_showed(
    embedded_server: EmbeddedServer,
) -> None:
    report = connecting_to(embedded_server, host_key_fingerprint="SHA256:" + "a" * 43).check()
    assert outcome(report) == outcome_until("Host key")
    assert report.host_key_fingerprint == embedded_server.fingerprint
    assert embedded_server.fingerprint in failure(report).detail
    assert "host_key_fingerprint" in failure(report).advice
    assert embedded_server.logins == 0


def test_an_unchecked_host_key_is_a_warning(embedded_server: EmbeddedServer) -> None:
    tester = connecting_to(embedded_server, host_key_policy="insecure")
    with pytest.warns(SFTPAsyncWarning, match="insecure"):
        report = tester.check()
    step = step_of(report, "Host key")
    assert step.status == "warning"
    assert report.ok
    assert f"{embedded_server.fingerprint}, NOT checked" in step.detail
    assert "Set host_key_fingerprint" in step.advice


def test_a_closed_port_fails_the_tcp_step(embedded_server: EmbeddedServer) -> None:
    with socket.socket() as taken:  # bound but not listening: no other program answers there
        taken.bind(("127.0.0.1", 0))
        report = connecting_to(embedded_server, port=taken.getsockname()[1]).check()
    assert outcome(report) == outcome_until("TCP")
    assert "refused" in failure(report).detail


def test_an_invalid_private_key_fails_the_options(embedded_server: EmbeddedServer) -> None:
    report = connecting_to(embedded_server, private_key_content="PRIVATE KEY S3cret").check()
    assert outcome(report) == outcome_until("Options")
    assert "private_key_content" in failure(report).detail
    assert "S3cret" not in str(report)


def test_an_unresolved_reference_fails_the_options(embedded_server: EmbeddedServer) -> None:
    report = connecting_to(embedded_server, password="file:/nowhere/at/all").check()
    assert outcome(report) == outcome_until("Options")
    assert "'file:/nowhere/at/all'" in failure(report).detail


def test_a_read_only_directory_fails_the_write_and_nothing_else(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "served", sftp_factory=ReadOnlyServer) as server:
        report = connecting_to(server).check("/")
    assert outcome(report) == outcome_until("Write")
    assert "permission" in failure(report).detail
    assert "permission" in failure(report).advice


def test_a_missing_directory_is_checked_in_its_parent(
    embedded_server: EmbeddedServer,
) -> None:
    (embedded_server.root / "there").mkdir()
    report = connecting_to(embedded_server).check("/there/not/orders.csv")
    assert outcome(report) == {**ALL_OK, "Target": "warning"}
    assert "is missing, for the file orders.csv" in step_of(report, "Target").detail
    assert "create_dirs=true" in step_of(report, "Target").advice
    assert "in /there" in step_of(report, "Write").detail
    assert [*embedded_server.root.rglob("*")] == [embedded_server.root / "there"]


def test_a_missing_directory_fails_without_create_dirs(embedded_server: EmbeddedServer) -> None:
    report = connecting_to(embedded_server, create_dirs=False).check("/not/there")
    assert outcome(report) == outcome_until("Target")
    assert "set create_dirs=true" in failure(report).advice


def test_a_file_in_the_place_of_the_directory_fails(embedded_server: EmbeddedServer) -> None:
    (embedded_server.root / "out").touch()
    report = connecting_to(embedded_server).check("/out")
    assert outcome(report) == outcome_until("Target")
    assert failure(report).detail == "/out is a file, not a directory"


def test_a_server_that_loses_bytes_fails_the_write_and_the_probe_is_removed(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "served", sftp_factory=TruncatingServer) as server:
        report = connecting_to(server).check()
        assert list(server.root.iterdir()) == []
    assert outcome(report) == outcome_until("Write")
    assert "bytes on the server" in failure(report).detail


def test_a_probe_that_cannot_be_removed_is_named(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "served", sftp_factory=KeepingServer) as server:
        report = connecting_to(server).check()
        [probe] = server.root.iterdir()
    assert outcome(report) == {**ALL_OK, "Remove": "failed"}
    assert probe.name in failure(report).advice


def test_a_thorough_check_runs_every_step_and_leaves_nothing(
    embedded_server: EmbeddedServer,
) -> None:
    report = connecting_to(embedded_server).check(thorough=True)
    assert outcome(report) == dict.fromkeys(STEPS, "ok")
    assert (report.sessions, report.connections) == (4, 4)
    assert report.megabytes_per_second is not None
    assert report.megabytes_per_second > 0
    assert embedded_server.logins == 4
    assert list(embedded_server.root.iterdir()) == []


def test_a_connection_lost_during_the_checks_leaves_no_probe_behind(tmp_path: Path) -> None:
    class CuttingServer(FolderServer):
        def rename(self, oldpath: bytes, newpath: bytes) -> None:
            self.connection.abort()

    with EmbeddedServer(tmp_path / "served", sftp_factory=CuttingServer) as server:
        report = connecting_to(server).check()
        assert list(server.root.iterdir()) == []
    assert outcome(report) == outcome_until("Rename")
    assert "connection was lost" in failure(report).detail


def test_the_report_can_be_dumped_as_json(embedded_server: EmbeddedServer) -> None:
    found = json.loads(json.dumps(connecting_to(embedded_server).check().to_dict()))
    assert found["ok"] is True
    assert found["host_key_fingerprint"] == embedded_server.fingerprint
    assert found["capabilities"]["posix_rename"] is True
    assert found["algorithms"]["cipher"] == "aes128-gcm@openssh.com"
    assert [step["name"] for step in found["steps"]] == list(QUICK)


# --- the report


def test_the_report_is_readable_in_a_terminal() -> None:
    steps = (
        CheckStep("Options", "ok", "fine"),
        CheckStep("Target", "warning", "hm"),
        CheckStep("Login", "failed", "no", "try again"),
        CheckStep("Write"),
    )
    recommended = (Recommendation("channels_per_file", "1", "the server allows one"),)
    report = CheckReport("me@h:22", "/out", steps, recommended=recommended)
    assert str(report).splitlines() == [
        "SFTP check of me@h:22, path /out: FAILED",
        "  ok       Options      fine",
        "  warning  Target       hm",
        "  FAILED   Login        no",
        "                        -> try again",
        "  not run  Write",
        "Recommended options:",
        "  channels_per_file=1  (the server allows one)",
    ]


def test_the_table_of_a_notebook_is_escaped() -> None:
    report = CheckReport("<b>@h:22", "/", (CheckStep("Server", "ok", "<script>"),))
    table = report._repr_html_()
    assert "<script>" not in table
    assert "&lt;script&gt;" in table
    assert "&lt;b&gt;@h:22" in table


def test_a_server_cannot_send_control_characters_to_the_terminal(tmp_path: Path) -> None:
    class Hostile(FolderServer):
        def stat(self, path: bytes) -> object:
            raise asyncssh.SFTPFailure("\x1b[2Jgone\nlines")

    with EmbeddedServer(tmp_path / "served", sftp_factory=Hostile) as server:
        report = connecting_to(server).check()
    assert outcome(report) == outcome_until("Round trip")
    assert "\x1b" not in str(report)
    assert "gone lines" in failure(report).detail
