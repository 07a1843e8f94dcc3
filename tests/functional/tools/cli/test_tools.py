"""`keyscan`, `bench`, `options` and `serve`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import asyncssh
import pytest

from sftp_async import SFTPConnectionTester, SFTPOptions
from sftp_async.options.catalog import option_entries
from sftp_async.options.json_schema import options_schema
from sftp_async.tools.cli.bench import recommended
from sftp_async.tools.cli.bench_run import Measurement
from tests.support.cli import AtServer, sftp_async
from tests.support.sshd import SSHD

pytestmark = pytest.mark.one_python

# --- keyscan


def test_keyscan_shows_every_key_of_openssh_as_ssh_keyscan_does(sshd: SSHD, tmp_path: Path) -> None:
    ended = sftp_async("keyscan", f"{sshd.host}:{sshd.port}")
    assert ended.code == 0
    assert sorted(ended.out.splitlines()) == sorted(sshd.known_hosts.splitlines())
    assert all(fingerprint in ended.err for fingerprint in sshd.fingerprints.values())
    assert "Nothing is trusted yet" in ended.err
    assert sshd.fingerprints["ed25519"] in ended.err.splitlines()[-1]
    # What it prints is what the other commands take.
    (tmp_path / "scanned").write_text(ended.out)
    key = sshd.user_keys.path("ed25519")
    login = ["-i", key, "--known-hosts", tmp_path / "scanned"]
    assert sftp_async("ls", f"{sshd.username}@{sshd.host}:{sshd.port}:/", *login).code == 0


def test_keyscan_in_json_states_that_nothing_is_trusted(at: AtServer) -> None:
    document = sftp_async("keyscan", at.address, "--json").document
    assert document["trusted"] is False
    [key] = document["keys"]
    assert key["fingerprint"] == at.server.fingerprint  # type: ignore[union-attr]
    assert document["options"] == {"host_key_fingerprint": key["fingerprint"]}
    assert at.server.logins == 0  # type: ignore[operator]


def test_keyscan_of_a_closed_port_is_an_error_with_the_reason() -> None:
    with socket.socket() as taken:  # bound but not listening: no other program answers there
        taken.bind(("127.0.0.1", 0))
        ended = sftp_async("keyscan", "127.0.0.1", "-p", taken.getsockname()[1])
    assert ended.code == 1
    assert "The connection was refused: nothing listens on that port" in ended.err


# --- bench


def test_bench_measures_each_setting_and_leaves_nothing(at: AtServer) -> None:
    arguments = [
        "--size",
        "300k",
        "--connections",
        "1,2",
        "--channels-per-file",
        "1,auto",
        "--json",
    ]
    document = at("bench", "/", *arguments).document
    assert [(r["connections"], r["channels_per_file"]) for r in document["results"]] == [
        (1, 1),
        (2, 1),
        (1, "auto"),
        (2, "auto"),
    ]
    assert all(r["bytes"] == 300 * 1024 for r in document["results"])
    assert all(r["megabytes_per_second"] > 0 for r in document["results"])
    assert set(document["recommended"]) == {"max_connections", "channels_per_file"}
    assert list(at.server.root.iterdir()) == []  # type: ignore[union-attr]


def test_bench_recommends_the_fewest_connections_that_are_about_the_fastest() -> None:
    def measured(connections: int, speed: float, channels: int | str = "auto") -> Measurement:
        return Measurement(connections, channels, 100, 1.0, speed)  # type: ignore[arg-type]

    results = [measured(1, 80.0), measured(2, 97.0, 4), measured(2, 96.0), measured(4, 100.0)]
    assert recommended(results) is results[2]


def test_bench_reports_all_invalid_settings_at_once(at: AtServer) -> None:
    wrong = ["--size", "many", "--connections", "1,0", "--channels-per-file", "9"]
    ended = at("bench", "/", *wrong, "--json")
    assert ended.code == 2
    size, connections, channels = ended.document["error"]["problems"]
    assert size.startswith("--size must be a whole number of bytes")
    assert connections == "--connections must be at least 1."
    assert channels.startswith("--channels-per-file must be auto")


# --- options


def test_all_options_are_shown() -> None:
    shown = sftp_async("options").out
    listed = [entry["name"] for entry in sftp_async("options", "--json").document]
    assert listed == [entry.name for entry in option_entries()]
    assert set(listed) == set(SFTPOptions.model_fields)
    assert all(name in shown for name in listed)


def test_one_option_is_shown_by_any_of_its_names() -> None:
    for name in ("private_key_passphrase", "privateKeyPassphrase", "passphrase"):
        assert sftp_async("options", name).out.startswith("private_key_passphrase\n  Passphrase of")
    assert sftp_async("options", "channels_per_file", "--json").document["default"] == "auto"


def test_a_json_schema_of_the_options_is_printed_with_and_without_json() -> None:
    assert sftp_async("options", "--json-schema").document == options_schema()
    assert sftp_async("options", "--json-schema", "--json").document == options_schema()


def test_an_unknown_option_gets_a_suggestion() -> None:
    ended = sftp_async("options", "max_conections")
    assert ended.code == 2
    assert "'max_conections' is not an option; did you mean max_connections?" in ended.err


# --- serve


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_serve_prints_the_login_and_stops_on_a_signal(
    ending: signal.Signals, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "sftp_async", "serve", "--json", str(tmp_path / "root")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        shown = json.loads(process.stdout.readline())
        with SFTPConnectionTester.from_options(SFTPOptions(**shown["options"])) as tester:
            assert tester.list_files("/") == []
        process.send_signal(ending)
        rest, _ = process.communicate(timeout=20)
    assert (process.returncode, rest) == (0, "")
    assert shown["host"] == "127.0.0.1"
    assert shown["directory"] == str(tmp_path / "root")


def test_serve_does_not_show_a_password_that_was_given(tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    (tmp_path / "keys").write_text(f"# mine\n\n{key}")
    command = [sys.executable, "-m", "sftp_async", "serve", "-d", str(tmp_path / "root")]
    command += ["--password-env", "SERVED", "--authorized-keys", str(tmp_path / "keys")]
    env = {**os.environ, "SERVED": "S3cret"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while "sftp-async doctor" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1]
        process.terminate()
    shown = "".join(lines)
    assert "S3cret" not in shown
    assert "password='env:SERVED'" in shown
    assert "--password-env SERVED" in lines[-1]


def test_serve_takes_one_folder(tmp_path: Path) -> None:
    ended = sftp_async("serve", tmp_path / "a", "-d", tmp_path / "b")
    assert ended.code == 2
    assert "FOLDER and --directory are the same" in ended.err


def test_serve_refuses_an_invalid_key(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("S3cret")
    ended = sftp_async("serve", "-d", tmp_path, "--authorized-keys", tmp_path / "keys")
    assert ended.code == 2
    assert "must be a file of public keys" in ended.err
    assert "S3cret" not in ended.err
