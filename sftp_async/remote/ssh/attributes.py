"""Converts the attributes of a file that a server sends into a `RemoteEntry`."""

from __future__ import annotations

import stat as stat_bits
from typing import TYPE_CHECKING

import asyncssh

from sftp_async.remote.filesystem import RemoteEntry

if TYPE_CHECKING:
    from sftp_async.remote.filesystem import Kind


#: The first letter of a line of `ls -l`, which servers of SFTP 3 send with each name.
_KIND_OF_LETTER: dict[bytes, Kind] = {b"-": "file", b"d": "directory", b"l": "link"}
#: The kind in POSIX's mode; everything else is a file.
_KIND_OF_BITS: dict[int, Kind] = {stat_bits.S_IFLNK: "link", stat_bits.S_IFDIR: "directory"}


def entry_of(name: str, attrs: asyncssh.SFTPAttrs, line: bytes | str | None = None) -> RemoteEntry:
    """Return a name's attributes as an entry; what the server leaves out is 0 or None.

    Args:
        name: without directories.
        attrs: as the server has sent them.
        line: of `ls -l`, from a listing: names the kind where the attributes do not.

    """
    kind = _known_kind(attrs) or _kind_in(line)
    owner = None if attrs.uid is None or attrs.gid is None else (attrs.uid, attrs.gid)
    return RemoteEntry(
        name,
        attrs.size or 0,
        kind == "directory",
        float(attrs.mtime or 0),
        attrs.permissions,
        owner=owner,
        is_link=kind == "link",
        is_complete=kind is not None and (attrs.size is not None or kind != "file"),
    )


def kind_of(attrs: asyncssh.SFTPAttrs) -> Kind:
    """Return what the attributes are of; a file, where they do not tell."""
    return _known_kind(attrs) or "file"


def _known_kind(attrs: asyncssh.SFTPAttrs) -> Kind | None:
    """Return the kind by the permissions, where a server sends them with a kind in them."""
    if attrs.permissions is not None and (kind := stat_bits.S_IFMT(attrs.permissions)):
        return _KIND_OF_BITS.get(kind, "file")
    if attrs.type == asyncssh.FILEXFER_TYPE_SYMLINK:
        return "link"
    if attrs.type == asyncssh.FILEXFER_TYPE_DIRECTORY:
        return "directory"
    return None if attrs.type == asyncssh.FILEXFER_TYPE_UNKNOWN else "file"


def _kind_in(line: bytes | str | None) -> Kind | None:
    # An empty line, or one in a form of the server's own, names no kind.
    start = line.encode("utf-8", "replace") if isinstance(line, str) else line or b""
    return _KIND_OF_LETTER.get(start[:1]) if len(start.split()) > 1 else None
