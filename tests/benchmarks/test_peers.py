"""The peers of the benchmarks: they do the whole work, as their users would, and check the host."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncssh
import pytest

pytest.importorskip("pyspark", reason="the peer is a Spark data source")

from pyspark.sql import Row

from benchmarks.peers.commands import (
    CIPHER,
    RCLONE_ONCE,
    CommandError,
    no_rclone,
    no_rclone_download,
    no_shell,
    quoted,
    rclone,
    sftp,
)
from benchmarks.peers.downloads import DOWNLOADS
from benchmarks.peers.paramiko_lines import LinesReader
from benchmarks.peers.paramiko_source import ParamikoWriter
from benchmarks.peers.spark_then_copy import spark_disk_rclone, spark_disk_sftp
from benchmarks.peers.tools import TOOLS
from benchmarks.servers import Server, start_server
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.keys import KeySet
from tests.support.requirements import skip_without

pytestmark = pytest.mark.one_python

ROWS = [Row(n=n, text=f"row {n}") for n in range(3)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sshd: object) -> Iterator[Server]:
    """The suite's own sshd; `sshd` is asked for its marker, and for its word where it lacks."""
    with start_server("sshd", tmp_path_factory.mktemp("bench")) as server:
        yield server


@pytest.fixture
def impostor(server: Server, tmp_path: Path, user_keys: KeySet) -> Server:
    """The same server, expected to show another host key."""
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"[{server.host}]:{server.port} {user_keys.public('ed25519')}\n")
    return replace(server, known_hosts_file=known_hosts)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / 'a "file".bin'
    file.write_bytes(bytes(range(256)) * 5000)
    return file


def put(name: str, server: Server, source: Path, target: str) -> None:
    tool = TOOLS[name]
    if (reason := tool.unavailable(server)) is not None:
        skip_without(reason)
    tool.put(server, source, target)


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_puts_the_file_byte_for_byte(name: str, server: Server, source: Path) -> None:
    target = server.new_target() + " 'it'"
    put(name, server, source, target)
    assert server.local(target).read_bytes() == source.read_bytes()


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_refuses_a_server_with_another_host_key(
    name: str, server: Server, impostor: Server, source: Path
) -> None:
    if (reason := TOOLS[name].unavailable(server)) is not None:
        skip_without(reason)
    target = server.new_target()
    put = TOOLS[name].put
    if name.startswith("rclone"):  # by itself it would try again for ten seconds

        def put(*arguments: Any) -> None:
            rclone(arguments[0], "copyto", *arguments[1:], *RCLONE_ONCE)

    with pytest.raises(Exception, match=r"(?i)host key|known_?hosts"):
        put(impostor, source, target)
    assert not server.local(target).exists()


@pytest.mark.parametrize("name", [name for name in TOOLS if name != "asyncssh"])
def test_all_but_stock_asyncssh_speak_the_same_cipher(
    name: str, server: Server, source: Path
) -> None:
    server.ciphers()
    put(name, server, source, server.new_target())
    assert set(server.ciphers()) == {CIPHER}


def test_a_tool_that_fails_tells_its_last_words(server: Server, source: Path) -> None:
    with pytest.raises(CommandError, match=r"sftp failed \(1\).*/absent/file"):
        sftp(server, [f"put {quoted(source)} /absent/file"])


def test_what_the_embedded_server_cannot_serve_is_left_out_with_a_reason(
    server: Server, tmp_path: Path, source: Path
) -> None:
    assert no_shell(server) is no_rclone(server) is None
    with start_server("embedded", tmp_path) as embedded:
        assert "runs no commands" in str(no_shell(embedded))
        # That depends on rclone's version: it must work where it is not left out.
        if (reason := no_rclone(embedded)) is None:
            target = embedded.new_target()
            TOOLS["rclone"].put(embedded, source, target)
            assert embedded.local(target).read_bytes() == source.read_bytes()
        else:
            assert "do not understand each other" in reason


@pytest.mark.parametrize("make", [spark_disk_sftp, spark_disk_rclone])
def test_by_hand_uploads_data_files_only_and_tidies_the_local_disk(
    make: Callable[..., Any], server: Server, tmp_path: Path
) -> None:
    local = tmp_path / "local"

    def write(directory: str) -> None:
        Path(directory).mkdir()
        for name in ("part-0.csv", "part-1.csv", "_SUCCESS", ".part-0.csv.crc"):
            Path(directory, name).write_text(name)

    context = SimpleNamespace(
        new_local=lambda: str(local),
        remove=lambda path: [file.unlink() for file in Path(path).iterdir()],
    )
    contender = make(context, server, write, outcome=None)
    if contender.unavailable is not None:
        skip_without(contender.unavailable)
    target = server.new_target()
    contender.run(target)
    left = {file.name: file.read_text() for file in server.local(target).iterdir()}
    assert left == {"part-0.csv": "part-0.csv", "part-1.csv": "part-1.csv"}
    contender.tidy(target)
    assert list(local.iterdir()) == []


def test_an_absent_tool_is_skipped_with_a_reason(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("openssh_sftp", "ssh_cat", "rclone"):
        assert "is not installed (Debian: " in str(TOOLS[name].unavailable(server))
    contender = spark_disk_rclone(SimpleNamespace(), server, str, outcome=None)
    assert contender.unavailable == "rclone is not installed (Debian: rclone)"


# Downloads


def get(name: str, server: Server, source: str, target: Path) -> None:
    tool = DOWNLOADS[name]
    if (reason := tool.unavailable(server)) is not None:
        skip_without(reason)
    tool.get(server, source, target)


@pytest.fixture
def remote(server: Server, source: Path) -> str:
    """A file on the server, under a name that is not easy to quote."""
    path = server.new_target() + " 'it'"
    server.local(path).write_bytes(source.read_bytes())
    return path


@pytest.mark.parametrize("name", DOWNLOADS)
def test_every_tool_gets_the_file_byte_for_byte(
    name: str, server: Server, source: Path, remote: str, tmp_path: Path
) -> None:
    get(name, server, remote, tmp_path / "came here")
    assert (tmp_path / "came here").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("name", [name for name in DOWNLOADS if not name.startswith("rclone")])
def test_every_tool_gets_nothing_from_a_server_with_another_host_key(
    name: str, impostor: Server, remote: str, tmp_path: Path
) -> None:
    with pytest.raises(Exception, match=r"(?i)host key|known_?hosts"):
        DOWNLOADS[name].get(impostor, remote, tmp_path / "file")
    target = tmp_path / "file"
    assert not target.exists() or target.stat().st_size == 0


@pytest.mark.parametrize("name", [name for name in DOWNLOADS if name != "asyncssh"])
def test_all_but_stock_asyncssh_get_with_the_same_cipher(
    name: str, server: Server, remote: str, tmp_path: Path
) -> None:
    server.ciphers()
    get(name, server, remote, tmp_path / "file")
    assert set(server.ciphers()) == {CIPHER}


def test_rclone_is_tried_against_the_embedded_server_before_it_downloads(
    server: Server, tmp_path: Path, source: Path
) -> None:
    assert no_rclone_download(server) is None
    with start_server("embedded", tmp_path) as embedded:
        if (reason := no_rclone_download(embedded)) is None:
            remote = embedded.new_target()
            embedded.local(remote).write_bytes(source.read_bytes())
            DOWNLOADS["rclone"].get(embedded, remote, tmp_path / "file")
            assert (tmp_path / "file").read_bytes() == source.read_bytes()
        else:
            assert "do not understand each other" in reason


# Paramiko, line by line


def lines_reader(server: Server, path: str) -> LinesReader:
    return LinesReader(
        {
            "host": server.host,
            "port": str(server.port),
            "username": server.username,
            "private_key_path": str(server.key_file),
            "known_hosts_path": str(server.known_hosts_file),
            "path": path,
        }
    )


def test_paramiko_by_line_reads_a_task_a_file_and_a_row_a_line(server: Server) -> None:
    directory = server.new_target()
    server.local(directory).mkdir()
    for name, text in {"a": "1,x\n2,y\n", "b": "3,z"}.items():
        (server.local(directory) / name).write_text(text)
    reader = lines_reader(server, directory)
    tasks = sorted(reader.partitions(), key=lambda task: str(task.value))
    assert [list(reader.read(task)) for task in tasks] == [[("1,x",), ("2,y",)], [("3,z",)]]
    single = lines_reader(server, f"{directory}/b")
    assert [list(single.read(task)) for task in single.partitions()] == [[("3,z",)]]


def test_paramiko_by_line_refuses_a_server_with_another_host_key(impostor: Server) -> None:
    with pytest.raises(Exception, match=r"Host key|known_hosts"):
        lines_reader(impostor, impostor.directory).partitions()


# Paramiko + pandas


def paramiko_pandas(server: Server, path: str) -> ParamikoWriter:
    return ParamikoWriter(
        {
            "host": server.host,
            "port": str(server.port),
            "username": server.username,
            "private_key_path": str(server.key_file),
            "known_hosts_path": str(server.known_hosts_file),
            "path": path,
        }
    )


def test_paramiko_with_pandas_writes_a_partition_as_a_file_with_a_header(server: Server) -> None:
    target = server.new_target()
    paramiko_pandas(server, f"{target}/orders.csv").write(iter(ROWS))
    with (server.local(target) / "orders_part00000.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == [{"n": str(r.n), "text": r.text} for r in ROWS]


def test_paramiko_with_pandas_leaves_nothing_of_an_empty_partition(server: Server) -> None:
    target = server.new_target()
    paramiko_pandas(server, f"{target}/orders.csv").write(iter([]))
    assert not server.local(target).exists()


def test_paramiko_with_pandas_refuses_a_server_with_another_host_key(impostor: Server) -> None:
    with pytest.raises(Exception, match=r"Host key|known_hosts"):
        paramiko_pandas(impostor, f"{impostor.new_target()}/orders.csv").write(iter(ROWS))


def test_paramiko_with_pandas_asks_for_no_more_than_its_model(
    tmp_path: Path, user_keys: KeySet
) -> None:
    """One connection; a look at each directory; open, write, close, and Paramiko's look after."""
    asked: list[str] = []

    class Counting(FolderServer):
        def stat(self, path: bytes) -> Any:
            asked.append(f"stat {path.decode()}")
            return super().stat(path)

        def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> Any:
            asked.append(f"mkdir {path.decode()}")
            return super().mkdir(path, attrs)

        def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
            asked.append(f"open {path.decode()}")
            return super().open(path, pflags, attrs)

        def close(self, file_obj: object) -> Any:
            asked.append("close")
            return super().close(file_obj)

    authorized = [user_keys.public("ed25519")]
    with EmbeddedServer(
        tmp_path / "served", authorized_keys=authorized, sftp_factory=Counting
    ) as embedded:
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(embedded.host_key + "\n")
        address = SimpleNamespace(
            host=embedded.host,
            port=embedded.port,
            username=embedded.username,
            key_file=user_keys.path("ed25519"),
            known_hosts_file=known_hosts,
        )
        (embedded.root / "a" / "deep").mkdir(parents=True)
        paramiko_pandas(address, "/a/deep/place/for/orders.csv").write(iter(ROWS))  # type: ignore[arg-type]
        assert embedded.logins == 1
    assert asked == [
        "stat /a/deep/place",
        "mkdir /a/deep/place",
        "stat /a/deep/place/for",
        "mkdir /a/deep/place/for",
        "open /a/deep/place/for/orders_part00000.csv",
        "close",
        "stat /a/deep/place/for/orders_part00000.csv",
    ]
