"""The host keys that a server has, one of each type: seen without a login, and not trusted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import asyncssh

from sftp_async.errors import ConnectError
from sftp_async.options.address import authority
from sftp_async.options.jump_hosts import jump_hosts_of
from sftp_async.remote.ssh.algorithms import host_keys_of, nothing_in_common, offered
from sftp_async.remote.ssh.error_mapping import LOST, connect_error
from sftp_async.remote.ssh.host_keys import ALGORITHMS, fingerprint_of, known_hosts_line
from sftp_async.remote.ssh.login import Login
from sftp_async.remote.ssh.proxies import tunnel_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.options import ConnectionOptions
    from sftp_async.remote.ssh.proxies import ProxyTunnel

#: Algorithms by the type of key that they sign with (RFC 8332, section 3: RSA has three).
_RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
_TYPES = (*((name,) for name in ALGORITHMS if name not in _RSA), _RSA)


@dataclass(frozen=True)
class HostKey:
    """A key that a server has shown.

    Args:
        algorithm: type of the key, as `ssh-ed25519`.
        fingerprint: `SHA256:…`, as `ssh-keygen -l` prints it.
        line: the known_hosts line that would trust it.

    """

    algorithm: str
    fingerprint: str
    line: str

    @classmethod
    def of(cls, key: asyncssh.SSHKey, options: ConnectionOptions) -> Self:
        """Describe a key of the server that the options name."""
        line = known_hosts_line(options.host, options.port, key)
        return cls(key.algorithm.decode(), fingerprint_of(key), line)


class _Onlooker(asyncssh.SSHClient):
    """Looks at the key, and refuses it: nothing goes on from there."""

    def __init__(self) -> None:
        self.ssh: asyncssh.SSHClientConnection | None = None
        self.key: asyncssh.SSHKey | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self.ssh = conn

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self.key = key
        return False


async def scan_host_keys(options: ConnectionOptions) -> list[HostKey]:
    """Ask a server for its host key of every type, over a connection for each; no login is tried.

    Args:
        options: where; of the rest `connect_timeout` and `legacy_algorithms` count.

    Raises:
        ConnectError: no SSH server could be asked.

    """
    first = await _look(options, ALGORITHMS)
    keys = [first.key] if first.key is not None else []
    theirs = host_keys_of(first.ssh)
    for names in _TYPES:
        seen = {key.algorithm.decode() for key in keys}
        if seen.isdisjoint(names) and not set(theirs).isdisjoint(names):
            found = await _look(options, names)
            keys += [found.key] if found.key is not None else []
    return [HostKey.of(key, options) for key in keys]


async def _look(options: ConnectionOptions, names: Sequence[str]) -> _Onlooker:
    onlooker = _Onlooker()
    algorithms = offered(options, names)
    jump_hosts, proxy = jump_hosts_of(options), tunnel_of(options)
    bastions = [
        Login(jump_host, direct=not (number or proxy))
        for number, jump_host in enumerate(jump_hosts)
    ]
    passed: list[Login | ProxyTunnel | None] = [proxy, *bastions]
    try:
        async with asyncio.timeout(options.connect_timeout):
            for before, bastion in zip(passed, bastions, strict=False):
                await bastion.run(before)
            tunnel: Any = bastions[-1].ssh if bastions else proxy or ()
            await asyncssh.connect(
                options.host,
                options.port,
                tunnel=tunnel,
                client_factory=lambda: onlooker,
                known_hosts=asyncssh.SSHKnownHosts(),
                username="",
                client_keys=None,
                agent_path=None,
                gss_kex=False,
                gss_auth=False,
                x509_trusted_certs=None,
                config=None,
                utf8_decode_errors="backslashreplace",
                **algorithms,
            )
    except asyncssh.HostKeyNotVerifiable:
        pass  # as it is to be
    except TimeoutError:
        raise ConnectError(
            f"No SSH server answered within {options.connect_timeout:g} seconds",
            host=authority(options.host, options.port),
            hint="Check host, port and firewall",
        ) from None
    except (asyncssh.SFTPError, ValueError, *LOST) as error:
        if onlooker.key is None:
            mismatch = nothing_in_common(options, algorithms, onlooker.ssh)
            mapped = connect_error(error, options, methods="no credentials", ssh=onlooker.ssh)
            mapped.host = authority(options.host, options.port)
            raise mismatch or mapped from error
    finally:
        if onlooker.ssh is not None:
            onlooker.ssh.abort()
        for bastion in reversed(bastions):
            bastion.abort()
    return onlooker
