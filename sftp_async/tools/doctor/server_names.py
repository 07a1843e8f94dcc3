"""Recognizes the product of a server by its SSH banner, and notes its peculiarities."""

from __future__ import annotations

import re

#: The beginning of the banner after `SSH-2.0-`, as a regular expression, and the product.
_SERVERS = (
    (r"OpenSSH_for_Windows", "OpenSSH for Windows"),
    (r"OpenSSH_", "OpenSSH"),
    (r"AWS_SFTP", "AWS Transfer Family"),
    (r"AzureSSH", "Azure Blob Storage"),
    (r"SFTPGo", "SFTPGo"),
    (r"mod_sftp", "ProFTPD (mod_sftp)"),
    (r"AsyncSSH_", "asyncssh, such as the embedded server of sftp_async"),
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

#: How a product differs from others, and what this package does about it.
NOTES = {
    "AWS Transfer Family": "object storage: each file is written over one channel, in order",
    "Azure Blob Storage": "closes connections after 2 idle minutes; a rename cannot replace a file",
    "SFTPGo": "a plain rename replaces an existing file",
}


def server_of(version: str) -> str | None:
    """Return the product of a server with this SSH banner; None if unknown."""
    bare = re.sub(r"^SSH-\d\.\d+-", "", version)
    return next((name for start, name in _SERVERS if re.match(start, bare)), None)
