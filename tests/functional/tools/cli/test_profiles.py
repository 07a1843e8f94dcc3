"""Commands take a server from a connection of the file, and from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.cli import sftp_async

pytestmark = pytest.mark.one_python


@pytest.fixture(autouse=True)
def root(embedded_server: EmbeddedServer) -> Path:
    (embedded_server.root / "out").mkdir()
    (embedded_server.root / "out" / "a.csv").write_text("a\n1\n")
    return embedded_server.root


def listed(*arguments: str, env: dict[str, str] | None = None) -> list[str]:
    ended = sftp_async("ls", *arguments, "--json", env=env)
    assert ended.code == 0, ended.out + ended.err
    return [entry["name"] for entry in ended.document["entries"]]


def test_a_name_with_a_path_is_a_connection(connections: Path) -> None:
    assert listed("partner:/out") == ["a.csv"]
    assert listed("partner:out") == ["a.csv"]
    assert listed("partner:") == listed("partner") == ["out"]


def test_the_connection_s_own_path_is_for_a_target_without_one(connections: Path) -> None:
    connections.write_text(connections.read_text() + 'path = "/out"\n')
    assert listed("partner") == ["a.csv"]
    assert listed("partner:/") == ["out"]


@pytest.mark.parametrize(
    "command",
    [
        ("doctor", "partner", "--quick"),
        ("doctor", "partner:/out/a.csv", "--read", "--quick"),
        ("keyscan", "partner"),
        ("preview", "partner:/out/a.csv"),
        ("recover", "partner:/out"),
        ("clean", "partner:/out"),
        ("tree", "partner:/"),
        ("mkdir", "partner:/new"),
        ("mv", "partner:/out/a.csv", "/out/b.csv"),
        ("rm", "partner:/out/a.csv", "--yes"),
    ],
)
def test_every_command_takes_a_connection(connections: Path, command: tuple[str, ...]) -> None:
    ended = sftp_async(*command, "--json")
    assert ended.code == 0, ended.out + ended.err


def test_files_are_sent_and_fetched_by_the_name(
    connections: Path, root: Path, tmp_path: Path
) -> None:
    assert sftp_async("get", "partner:/out/a.csv", tmp_path / "b.csv").code == 0
    assert sftp_async("put", tmp_path / "b.csv", "partner:/out").code == 0
    assert (root / "out" / "b.csv").read_text() == "a\n1\n"


def test_a_host_with_a_user_is_a_host_whatever_the_file_says(connections: Path) -> None:
    for target in ("me@partner:/out", "sftp://partner/out"):
        ended = sftp_async("ls", target, "-u", "me", "-o", "password=env:HOME", "--json")
        assert ended.document["error"]["host"] == "me@partner:22"
    connections.chmod(0o666)  # not even read
    ended = sftp_async("ls", "me@127.0.0.1:1:/", "-o", "password=env:HOME", "--json")
    assert ended.document["error"]["kind"] == "ConnectError"


def test_a_name_that_is_no_connection_is_a_host(connections: Path) -> None:
    ended = sftp_async("ls", "127.0.0.1:1:/", "-u", "me", "-o", "password=env:HOME", "--json")
    assert ended.document["error"]["host"] == "me@127.0.0.1:1"


def test_a_name_that_is_no_connection_and_has_no_user_may_be_either(connections: Path) -> None:
    ended = sftp_async("ls", "partnr:2222:/out", "--json")
    assert ended.code == 2
    [problem] = ended.document["error"]["problems"]
    assert problem == (
        f"There is no connection 'partnr' in {connections}; did you mean partner? If it is a host, "
        "name the user: sftp://USER@partnr:2222/out (or -u USER)."
    )


def test_given_options_come_before_the_connection_s(connections: Path) -> None:
    ended = sftp_async("ls", "partner:/out", "-p", "1", "--json")
    assert ended.document["error"]["host"].endswith("@127.0.0.1:1")
    ended = sftp_async("ls", "partner:1:/out", "--json")
    assert ended.document["error"]["host"].endswith("@127.0.0.1:1")


def test_the_environment_comes_between_and_says_where_it_replaces_a_server(
    connections: Path,
) -> None:
    env = {"SFTP_ASYNC_PORT": "1", "SFTP_ASYNC_CONNECT_TIMEOUT": "5"}
    ended = sftp_async("ls", "partner:/out", "--json", env=env)
    assert ended.document["error"]["host"].endswith("@127.0.0.1:1")
    assert "SFTP_ASYNC_PORT of the environment replaces port of the connection" in ended.err
    port = connections.read_text().partition("port = ")[2].partition("\n")[0]
    assert listed("partner:/out", "-p", port, env=env) == ["a.csv"]


def test_a_target_without_a_server_is_one_of_the_environment(
    connections: Path, embedded_server: EmbeddedServer
) -> None:
    env = {
        "SFTP_ASYNC_HOST": embedded_server.host,
        "SFTP_ASYNC_PORT": str(embedded_server.port),
        "SFTP_ASYNC_USERNAME": embedded_server.username,
        "SFTP_ASYNC_PASSWORD": str(embedded_server.password),
        "SFTP_ASYNC_HOST_KEY_FINGERPRINT": embedded_server.fingerprint,
    }
    assert listed(":/out", env=env) == ["a.csv"]
    assert listed(":out", env={"SFTP_ASYNC_PROFILE": "partner"}) == ["a.csv"]
    assert listed(":", env=env) == ["out"]
    ended = sftp_async("ls", ":/out", "--json")
    assert "TARGET names no server" in ended.document["error"]["message"]


def test_a_default_connection_does_not_lend_its_secrets_to_a_host(connections: Path) -> None:
    env = {"SFTP_ASYNC_PROFILE": "partner"}
    ended = sftp_async("ls", "me@127.0.0.1:/out", "--json", env=env)
    assert "No credentials are given" in ended.document["error"]["message"]


def test_mistakes_in_a_connection_name_the_file_and_the_table(connections: Path) -> None:
    connections.write_text('[partner]\nhots = "x"\nport = 0')
    problems = sftp_async("ls", "partner:/", "--json").document["error"]["problems"]
    assert problems == [
        f"{connections}, [partner]: 'hots' is not an option; did you mean host?",
        f"{connections}, [partner]: port must be from 1 to 65535, not '0'.",
    ]
