"""Converts the attributes of a file that a server sends into a `RemoteEntry`."""

from __future__ import annotations

import stat as stat_bits
from typing import TYPE_CHECKING

import asyncssh

from sftp_async.remote.filesystem import RemoteEntry

if TYPE_CHECKING:
    from sftp_async.remote.filesystem import Kind


def entry_of(name: str, attrs: asyncssh.SFTPAttrs) -> RemoteEntry:
    """Return a name's attributes as an entry; what the server leaves out is 0 or None."""
    kind = kind_of(attrs)
    owner = None if attrs.uid is None or attrs.gid is None else (attrs.uid, attrs.gid)
    return RemoteEntry(
        name,
        attrs.size or 0,
        kind == "directory",
        float(attrs.mtime or 0),
        attrs.permissions,
        owner=owner,
        is_link=kind == "link",
    )


def kind_of(attrs: asyncssh.SFTPAttrs) -> Kind:
    """Return what the attributes are of: by the permissions, where a server sends them."""
    if attrs.permissions is not None:
        link = stat_bits.S_ISLNK(attrs.permissions)
        directory = stat_bits.S_ISDIR(attrs.permissions)
    else:
        link = attrs.type == asyncssh.FILEXFER_TYPE_SYMLINK
        directory = attrs.type == asyncssh.FILEXFER_TYPE_DIRECTORY
    return "link" if link else "directory" if directory else "file"
