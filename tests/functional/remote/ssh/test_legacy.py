"""Outdated algorithms: offered with `legacy_algorithms` only, and named where they are missed."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async.errors import (
    AlgorithmsError,
    AuthenticationError,
    ConnectError,
    OptionsError,
    SFTPAsyncWarning,
)
from sftp_async.options import SFTPOptions
from sftp_async.options.connection import connection_identity
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.functional.remote.ssh.connections import CREDENTIALS, connected, login, refused
from tests.support.keys import KeySet
from tests.support.sshd import SSHD

Start = Callable[..., SSHD]

LEGACY = {"legacy_algorithms": "true"}
#: What is outdated, in the order in which it is offered.
OLD = {
    "key exchange": [
        "diffie-hellman-group-exchange-sha1",
        "diffie-hellman-group14-sha1",
        "diffie-hellman-group1-sha1",
    ],
    "host key": ["ssh-rsa"],
    "cipher": ["aes256-cbc", "aes192-cbc", "aes128-cbc", "3des-cbc"],
    "MAC": ["hmac-sha1-etm@openssh.com", "hmac-sha1"],
}
WEAK = re.compile(r"sha1\b|md5|cbc|arcfour|3des|^ssh-(rsa|dss)\b")
#: RFC 8308 and OpenSSH's PROTOCOL: these say what the client can do, they are no key exchanges.
SIGNALS = {"ext-info-c", "kex-strict-c-v00@openssh.com"}
DATA = bytes(range(256)) * 1500


async def offered(options: dict[str, Any]) -> dict[str, list[str]]:
    """Return the algorithms in the first packet that a server gets: SSH_MSG_KEXINIT."""

    def receive() -> bytes:
        sock, _ = listener.accept()
        with sock, sock.makefile("rb") as stream:
            sock.settimeout(20)
            sock.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
            stream.readline()
            return stream.read(int.from_bytes(stream.read(4), "big"))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        where = {"host": "127.0.0.1", "port": listener.getsockname()[1]}
        attempt = asyncio.create_task(login({**CREDENTIALS, **options, **where}))
        packet = await asyncio.to_thread(receive)
        with pytest.raises(ConnectError):
            await attempt
    lists = namelists(packet[1 : len(packet) - packet[0]])
    return dict(zip(("key exchange", "host key", "cipher", "other", "MAC"), lists, strict=False))


def namelists(payload: bytes) -> Iterator[list[str]]:
    assert payload[0] == asyncssh.constants.MSG_KEXINIT
    start = 17  # behind the cookie
    for _ in range(10):
        end = start + 4 + int.from_bytes(payload[start : start + 4], "big")
        names = payload[start + 4 : end].decode("ascii").split(",")
        yield [name for name in names if name not in SIGNALS]
        start = end


AUTHORITY = "@cert-authority * ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"host_key_fingerprint": "", "known_hosts": AUTHORITY},
        {"host_key_fingerprint": "", "host_key_policy": "insecure"},
    ],
    ids=["fingerprint", "authority", "insecure"],
)
@pytest.mark.filterwarnings("ignore:host_key_policy=insecure")
async def test_nothing_weak_is_offered_unasked(more: dict[str, str]) -> None:
    lists = await offered(more)
    assert all(lists[kind] for kind in OLD)
    assert [name for names in lists.values() for name in names if WEAK.search(name)] == []


@pytest.mark.asyncio
@pytest.mark.filterwarnings("ignore:legacy_algorithms=true")
async def test_legacy_algorithms_are_offered_behind_all_others() -> None:
    modern, lists = await offered({}), await offered(LEGACY)
    for kind, old in OLD.items():
        assert lists[kind] == modern[kind] + old


#: Servers that know one old algorithm of a kind, and none that is better.
ANCIENT = [
    *(pytest.param({"KexAlgorithms": name}, name, id=name) for name in OLD["key exchange"]),
    *(pytest.param({"Ciphers": name}, name, id=name) for name in OLD["cipher"]),
    *(pytest.param({"MACs": name, "Ciphers": "aes128-ctr"}, name, id=name) for name in OLD["MAC"]),
    pytest.param({"HostKeyAlgorithms": "ssh-rsa"}, "ssh-rsa", id="ssh-rsa"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("config", "name"), ANCIENT)
async def test_a_server_with_nothing_better_is_refused_unless_the_option_is_set(
    start_sshd: Start, host_keys: KeySet, remote_dir: Path, config: dict[str, str], name: str
) -> None:
    if "HostKeyAlgorithms" in config:
        config = {**config, "HostKey": str(host_keys.path("rsa"))}
    server = start_sshd(**config)
    error = await refused(server.options(), AlgorithmsError, f"the server offers {name}")
    assert "set legacy_algorithms=true" in str(error)
    assert not error.retryable
    assert server.logins() == 0

    with pytest.warns(SFTPAsyncWarning, match="legacy_algorithms=true: with .*SHA-1 and CBC"):
        async with connected({**server.options(), **LEGACY}) as connection:
            await connection.write_file(f"{remote_dir}/old", DATA)
    assert (remote_dir / "old").read_bytes() == DATA
    assert server.logins() == 1


@pytest.mark.asyncio
@pytest.mark.filterwarnings("ignore:legacy_algorithms=true")
async def test_a_server_that_knows_better_is_not_spoken_to_in_the_old_way(
    start_sshd: Start,
) -> None:
    added = {"Ciphers": "cipher", "MACs": "MAC", "KexAlgorithms": "key exchange"}
    config = {keyword: "+" + ",".join(OLD[kind]) for keyword, kind in added.items()}
    server = start_sshd(**config, HostKeyAlgorithms="+ssh-rsa", LogLevel="DEBUG1")
    await login({**server.options(), **LEGACY})
    agreed = re.findall(
        r"kex: (?:algorithm|host key algorithm|client->server cipher): (\S+)", server.log_text()
    )
    assert len(agreed) == 3
    assert not any(map(WEAK.search, agreed))


@pytest.fixture
def old_signatures(
    tmp_path: Path, user_keys: KeySet, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EmbeddedServer]:
    """A server that takes SHA-1 signatures of a user's RSA key, and no others."""
    listen = partial(asyncssh.listen, signature_algs=["ssh-rsa"])
    monkeypatch.setattr(asyncssh, "listen", listen)
    with EmbeddedServer(tmp_path / "old", authorized_keys=[user_keys.public("rsa")]) as server:
        yield server


@pytest.mark.asyncio
async def test_an_rsa_key_signs_with_sha1_only_when_asked(
    old_signatures: EmbeddedServer, user_keys: KeySet
) -> None:
    options = {**old_signatures.options(), "private_key_content": user_keys.private("rsa")}
    error = await refused(options, AuthenticationError, "the RSA key was not tried")
    assert "set legacy_algorithms=true" in str(error)
    assert old_signatures.logins == 0
    with pytest.warns(SFTPAsyncWarning, match="legacy_algorithms=true"):
        await login({**options, **LEGACY})
    assert old_signatures.logins == 1


@pytest.mark.asyncio
async def test_a_refused_rsa_key_that_was_tried_is_not_called_too_old(
    sshd: SSHD, tmp_path: Path
) -> None:
    unknown = KeySet(tmp_path)
    error = await refused(
        {**sshd.options(), "private_key_content": unknown.private("rsa")},
        AuthenticationError,
        "refused the login",
    )
    assert "legacy_algorithms" not in str(error)


@pytest.mark.parametrize("cipher", ["aes256-cbc", "3des-cbc", "arcfour256"])
def test_an_outdated_cipher_by_name_needs_the_option_too(cipher: str) -> None:
    options = {**CREDENTIALS, "host": "h", "ciphers": f"aes256-ctr,{cipher}"}
    with pytest.raises(OptionsError, match=f"ciphers contains {cipher}.*legacy_algorithms=true"):
        SFTPOptions(**options)
    assert SFTPOptions(**options, **LEGACY).ciphers == ("aes256-ctr", cipher)


@pytest.mark.asyncio
@pytest.mark.filterwarnings("ignore:legacy_algorithms=true")
async def test_named_ciphers_are_all_that_is_offered_of_them() -> None:
    named = {"ciphers": "aes192-ctr,aes192-cbc", **LEGACY}
    assert (await offered(named))["cipher"] == ["aes192-ctr", "aes192-cbc"]


@pytest.mark.asyncio
async def test_ciphers_that_miss_are_reported_as_the_cause(start_sshd: Start) -> None:
    server = start_sshd(Ciphers="aes256-ctr")
    error = await refused(
        {**server.options(), "ciphers": "aes128-ctr"},
        AlgorithmsError,
        r"share no algorithm \(cipher: the server offers aes256-ctr\)",
    )
    assert "Leave ciphers out" in str(error)
    assert "legacy_algorithms" not in str(error)


def test_connections_with_and_without_old_algorithms_are_not_shared() -> None:
    plain = SFTPOptions(**CREDENTIALS, host="h")
    legacy = SFTPOptions(**CREDENTIALS, host="h", **LEGACY)
    assert connection_identity(plain) != connection_identity(legacy)
    assert SFTPOptions.from_spark(legacy.to_spark()) == legacy
