"""Finds the members of archives, zip and tar, as files of their own.

A member is read from the archive as it comes. Its name is part of messages and names its codec, and
nothing is ever written under it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sftp_async.errors import DecodeError
from sftp_async.options.codecs import CODEC_OF_READ_EXTENSION
from sftp_async.options.pgp import without_pgp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

    from sftp_async.formats.archive_member import Member
    from sftp_async.formats.base import ReadableFile

#: Short extensions of compressed tar files -> their codecs.
_TAR_CODECS: Final = {
    "tgz": "gzip",
    "tbz": "bzip2",
    "tbz2": "bzip2",
    "txz": "xz",
    "tzst": "zstd",
}
_NAME: Final = re.compile(
    rf"[^/]\.(?:(?P<zip>zip)|tar|tar\.(?P<codec>{'|'.join(CODEC_OF_READ_EXTENSION)})"
    rf"|(?P<short>{'|'.join(_TAR_CODECS)}))\Z",
    re.IGNORECASE,
)


#: Values of the option `archive` -> what kind of archive it is, and the codec around it.
_KINDS: Final = {"zip": ("zip", "none"), "tar": ("tar", "none"), "tar.gz": ("tar", "gzip")}


def _kind_of(path: str) -> tuple[str, str] | None:
    """Return what kind of archive a path's extension names, and the codec around it."""
    found = _NAME.search(path)
    if found is None:
        return None
    if found["zip"]:
        return _KINDS["zip"]
    short = _TAR_CODECS.get((found["short"] or "").lower())
    return "tar", short or CODEC_OF_READ_EXTENSION.get((found["codec"] or "").lower(), "none")


def is_archive(path: str) -> bool:
    """Return whether the extension of a path is that of an archive; case and PGP do not matter."""
    return _NAME.search(without_pgp(path)) is not None


def members(
    file: ReadableFile,
    *,
    in_order: bool = False,
    kind: str | None = None,
    password: SecretStr | None = None,
) -> Iterator[Member]:
    """Yield the members of an archive that are data files, in its order.

    Directories, links and hidden names are left out. A member may be read when it is yielded, and
    at any later time at the cost of another look for it in a tar archive; a copy that it needed on
    the local disk is gone when the next one comes.

    Args:
        file: `is_archive` of its path, or `kind` says what it is.
        in_order: the server serves no ranges, so a zip archive, whose directory is at its end, is
            copied to the local disk. A tar archive is read in order in any case.
        kind: `zip`, `tar` or `tar.gz`, of a file whose extension names no archive.
        password: of members that are encrypted by AES.

    Raises:
        DecodeError: the archive is damaged, or a member is encrypted in another way, is compressed
            in a way that is not known, or is an archive itself.

    """
    found = _kind_of(without_pgp(file.path)) or _KINDS.get(kind or "")
    if found is None:
        raise DecodeError("The extension is not that of an archive", path=file.path)
    form, codec = found
    if form == "zip":
        from sftp_async.formats.zip_archive import zip_members

        every = zip_members(file, in_order=in_order, password=password)
    else:
        from sftp_async.formats.tar_archive import tar_members

        every = tar_members(file, codec)
    for member in every:
        if is_archive(member.path):
            raise DecodeError(
                "An archive within an archive is not read",
                path=member.path,
                hint="Unpack the outer one before, or leave it out by path_glob_filter",
            )
        yield member
