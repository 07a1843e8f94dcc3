"""Which algorithms are offered to a server, and why there is none in common with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from asyncssh.encryption import encryption_needs_mac, get_encryption_algs
from asyncssh.kex import get_default_kex_algs
from asyncssh.mac import get_default_mac_algs
from asyncssh.packet import PacketDecodeError, SSHPacket
from asyncssh.public_key import get_default_public_key_algs

from sftp_async.errors import AlgorithmsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import asyncssh

    from sftp_async.options import ConnectionOptions

#: AES-GCM first: on CPUs with AES instructions it moves 250 MiB/s where asyncssh's own first
#: choice, chacha20-poly1305, moves 150 (measured on loopback).
CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
#: Offered behind all others with `legacy_algorithms=true`, and never without: CBC and SHA-1, the
#: stronger ones first.
OLD_CIPHERS = ("aes256-cbc", "aes192-cbc", "aes128-cbc", "3des-cbc")
OLD_KEX = (
    "diffie-hellman-group-exchange-sha1",
    "diffie-hellman-group14-sha1",
    "diffie-hellman-group1-sha1",
)
OLD_MACS = ("hmac-sha1-etm@openssh.com", "hmac-sha1")
OLD_SIGNATURES = ("ssh-rsa",)
_OLD_ONES = {*OLD_CIPHERS, *OLD_KEX, *OLD_MACS, *OLD_SIGNATURES}
#: What is old in asyncssh's own lists and in ours; `sha1` ends a name or a part of it.
_OLD = re.compile(r".*-(sha1|cbc)(-.*)?|ssh-rsa(-cert-v01@openssh\.com)?")
#: The kinds of algorithms in the order of SSH_MSG_KEXINIT (RFC 4253, section 7.1), and what
#: asyncssh calls ours. Client to server first: the other direction never differs.
_KINDS = {
    "key exchange": "kex_algs",
    "host key": "server_host_key_algs",
    "cipher": "encryption_algs",
    "cipher of the server": "encryption_algs",
    "MAC": "mac_algs",
}


def offered(options: ConnectionOptions, host_keys: Iterable[str]) -> dict[str, list[str]]:
    """Return what is offered to the server, by asyncssh's names of the kinds.

    Args:
        options: `ciphers` and `legacy_algorithms`.
        host_keys: algorithms of host keys, in order of preference.

    """

    def offer(known: Iterable[str], old: Iterable[str]) -> list[str]:
        modern = [name for name in known if not _OLD.fullmatch(name)]
        return [*modern, *(old if options.legacy_algorithms else ())]

    host_keys = list(host_keys)
    # A cipher may have left the cryptography library.
    old_ciphers = [name for name in OLD_CIPHERS if name.encode() in get_encryption_algs()]
    return {
        "kex_algs": offer(_texts(get_default_kex_algs()), OLD_KEX),
        "server_host_key_algs": offer(host_keys, filter(_OLD.fullmatch, host_keys)),
        "encryption_algs": list(options.ciphers) or offer(CIPHERS, old_ciphers),
        "mac_algs": offer(_texts(get_default_mac_algs()), OLD_MACS),
        "signature_algs": offer(_texts(get_default_public_key_algs()), OLD_SIGNATURES),
    }


def compressions(options: ConnectionOptions) -> list[str]:
    """Return the compressions to offer; zlib@openssh.com begins behind the login, zlib before."""
    return ["zlib@openssh.com", "none"] if options.compression_on_the_wire else ["none"]


def nothing_in_common(
    options: ConnectionOptions,
    ours: Mapping[str, list[str]],
    ssh: asyncssh.SSHClientConnection | None,
) -> AlgorithmsError | None:
    """Return the error for a server without an algorithm of ours of some kind; None if it has all.

    It comes from the server's own list: the side that finds out first just disconnects, and
    asyncssh leaves host keys to the server.

    Args:
        options: of the connection.
        ours: what was `offered`.
        ssh: the connection, if there is one.

    """
    for kind, theirs in _advertised_by(ssh):
        common = [name for name in ours[_KINDS[kind]] if name in theirs]
        if kind == "cipher" and common and not encryption_needs_mac(common[0].encode()):
            return None  # the next kinds are of no account
        if common or not theirs:
            continue
        hint = "Ask the server's operator for current ones"
        if not (options.legacy_algorithms or _OLD_ONES.isdisjoint(theirs)):
            hint += (
                ", or set legacy_algorithms=true if there are none and the data may travel under "
                "weak protection"
            )
        if _KINDS[kind] == "encryption_algs" and options.ciphers:
            hint = f"Leave ciphers out, or name one of the server's. {hint}"
        return AlgorithmsError(
            f"Client and server share no algorithm ({kind}: the server offers {','.join(theirs)})",
            host=options.address,
            hint=hint,
        )
    return None


def agreed(ours: Mapping[str, list[str]], ssh: asyncssh.SSHClientConnection) -> Mapping[str, str]:
    """Return what was agreed on: `key exchange`, `host key`, `cipher`, `MAC`, as far as is known.

    Key exchange and host key are the first of ours that the server advertised, which is the rule
    by which the two agree (RFC 4253, section 7.1).
    """
    found: dict[str, str] = {}
    theirs = dict(_advertised_by(ssh))
    for kind in ("key exchange", "host key"):
        common = [name for name in ours[_KINDS[kind]] if name in theirs.get(kind, ())]
        if common:
            found[kind] = common[0]
    cipher, mac = ssh.get_extra_info("send_cipher"), ssh.get_extra_info("send_mac")
    if cipher:
        found["cipher"] = str(cipher)
    if mac and mac != cipher:  # asyncssh names a cipher that needs none twice
        found["MAC"] = str(mac)
    return found


def host_keys_of(ssh: asyncssh.SSHClientConnection | None) -> tuple[str, ...]:
    """Return the host key algorithms that the server advertised, in its order."""
    return tuple(dict(_advertised_by(ssh)).get("host key", ()))


def takes_sha2_of_rsa(ssh: asyncssh.SSHClientConnection | None) -> bool:
    """Whether the server advertised that it takes SHA-2 signatures of RSA keys (RFC 8308)."""
    # asyncssh has no public API for it, and does not try an RSA key without it.
    advertised = getattr(ssh, "_server_sig_algs", ())
    return any(b"rsa-sha2" in name for name in advertised)


def _advertised_by(ssh: asyncssh.SSHClientConnection | None) -> Iterator[tuple[str, list[str]]]:
    """Yield the kinds of algorithms, and which of each the server advertised."""
    # asyncssh keeps the server's first packet for the hash of the key exchange, and has no public
    # API for it. Where it is gone, asyncssh's own error has to do.
    kexinit = getattr(ssh, "_server_kexinit", b"")
    if not isinstance(kexinit, bytes) or not kexinit:
        return
    packet = SSHPacket(kexinit)
    try:
        packet.get_bytes(17)  # type and cookie
        for kind in _KINDS:
            yield kind, _texts(packet.get_namelist())
    except (PacketDecodeError, UnicodeDecodeError):
        return


def _texts(names: Iterable[bytes | str]) -> list[str]:
    return [name.decode("ascii") if isinstance(name, bytes) else name for name in names]
