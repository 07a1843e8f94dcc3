"""Which server it is, as its greeting tells, and what is worth knowing of it."""

from __future__ import annotations

import re

#: By what their greetings begin with, behind `SSH-2.0-`.
_SERVERS = (
    (r"OpenSSH_for_Windows", "OpenSSH for Windows"),
    (r"OpenSSH_", "OpenSSH"),
    (r"AWS_SFTP", "AWS Transfer Family"),
    (r"AzureSSH", "Azure Blob Storage"),
    (r"SFTPGo", "SFTPGo"),
    (r"mod_sftp", "ProFTPD (mod_sftp)"),
    (r"AsyncSSH_", "asyncssh (the embedded server of sftp_async, for one)"),
    (r".*Bitvise", "Bitvise SSH Server"),
    (r"CerberusFTPServer", "Cerberus FTP Server"),
    (r"CompleteFTP", "CompleteFTP"),
    (r"(?i)crushftp", "CrushFTP"),
    (r"(?i)goanywhere", "GoAnywhere MFT"),
    (r"(?i)serv-?u", "Serv-U"),
    (r"WS_FTP|MOVEit", "Progress WS_FTP or MOVEit"),
    (r"(?i)apache-?mina|SSHD-", "Apache MINA SSHD"),
    (r"dropbear", "Dropbear"),
    (r"paramiko", "paramiko"),
    (r"libssh", "libssh"),
    (r"Go$", "a server written in Go"),
)

#: What differs from the rest there, and what this package does about it.
NOTES = {
    "AWS Transfer Family": "object storage: a file is written over one channel, in order",
    "Azure Blob Storage": "closes what is idle for 2 minutes; no replacing by rename",
    "SFTPGo": "a plain rename replaces what is there",
}


def server_of(version: str) -> str | None:
    """Return what kind of server greets like that; None: unknown."""
    bare = re.sub(r"^SSH-\d\.\d+-", "", version)
    return next((name for start, name in _SERVERS if re.match(start, bare)), None)
