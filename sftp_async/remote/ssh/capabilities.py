"""`Capabilities`: what a server offers, as it advertised at the start of the session."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import asyncssh

#: Requests above this bring nothing: OpenSSH's own limit is 261,120 bytes.
MAX_REQUEST = 256 * 1024
#: The request size every server takes: draft-ietf-secsh-filexfer-02, section 3, asks for packets of
#: 34,000 bytes, which is 32 KiB of data and its header.
SAFE_REQUEST = 32 * 1024
#: The request size that no server may go below: with a request for each byte it could fill our
#: memory.
LEAST_REQUEST = 4 * 1024
#: OpenSSH's banner ends its name in the version: "OpenSSH_for_Windows_9.5" has no POSIX underneath.
_OPENSSH = re.compile(r"(SSH-2\.0-)?OpenSSH_\d")
#: ProFTPD's module for SFTP.
_PROFTPD = re.compile(r"(SSH-2\.0-)?mod_sftp")


@dataclass(frozen=True)
class Capabilities:
    """What the server offers, as it advertised at the start of the session.

    `None` means that this version of asyncssh does not expose it; the operation itself finds out.
    """

    max_read: int
    max_write: int
    limits: bool
    copy_data: bool
    posix_rename: bool | None
    statvfs: bool | None
    fsync: bool | None
    server_version: str

    @classmethod
    def of(cls, ssh: asyncssh.SSHClientConnection, sftp: asyncssh.SFTPClient) -> Self:
        """Read the capabilities of an open session; costs no round trip."""
        # asyncssh asks for the limits itself, and keeps a default of 16 KiB where there are none.
        advertised = sftp.limits
        limits = _advertises(sftp, "limits") or advertised.max_write_len > SAFE_REQUEST
        return cls(
            max_read=_between(advertised.max_read_len) if limits else SAFE_REQUEST,
            max_write=_between(advertised.max_write_len) if limits else SAFE_REQUEST,
            limits=limits,
            copy_data=sftp.supports_remote_copy,
            posix_rename=_advertises(sftp, "posix_rename"),
            statvfs=_advertises(sftp, "statvfs"),
            fsync=_advertises(sftp, "fsync"),
            server_version=str(ssh.get_extra_info("server_version", "unknown")),
        )

    @property
    def plain_files(self) -> bool:
        """Whether plain POSIX files are known to be underneath, served in the order of requests.

        True for OpenSSH with an sftp-server that offers what OpenSSH's own does: it serves one
        request after the other, and what several channels write to one file ends up in one file.
        Object stores behind SFTP promise neither.
        """
        return (
            _OPENSSH.match(self.server_version) is not None
            and self.posix_rename is True
            and self.statvfs is True
            and self.fsync is True
        )

    @property
    def in_order(self) -> bool:
        """Whether the server is known to serve the requests of a channel one after the other.

        True for OpenSSH's own sftp-server, and for ProFTPD, which has one process for a session.
        """
        return self.plain_files or _PROFTPD.match(self.server_version) is not None


def _between(advertised: int) -> int:
    return max(LEAST_REQUEST, min(advertised, MAX_REQUEST))


def _advertises(sftp: asyncssh.SFTPClient, extension: str) -> bool | None:
    # asyncssh 2.24 has no public API for most extensions. Its handler's flags are asked here and
    # nowhere else; where they are gone, the answer is "not known" and every caller copes with that.
    handler = getattr(sftp, "_handler", None)
    flag = getattr(handler, f"_supports_{extension}", None)
    return flag if isinstance(flag, bool) else None
