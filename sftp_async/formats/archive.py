"""Finds the members of archives, zip and tar, as files of their own.

A member is read from the archive as it comes. Its name is part of messages and names its codec, and
nothing is ever written under it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sftp_async.errors import DecodeError
from sftp_async.options.codecs import CODEC_OF_READ_EXTENSION

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def is_archive(path: str) -> bool:
    """Return whether the extension of a path is that of an archive, in any case."""
    return _NAME.search(path) is not None


def members(file: ReadableFile, *, in_order: bool = False) -> Iterator[Member]:
    """Yield the members of an archive that are data files, in its order.

    Directories, links and hidden names are left out. A member may be read when it is yielded, and
    at any later time at the cost of another look for it in a tar archive; a copy that it needed on
    the local disk is gone when the next one comes.

    Args:
        file: `is_archive` of its path.
        in_order: the server serves no ranges, so a zip archive, whose directory is at its end, is
            copied to the local disk. A tar archive is read in order in any case.

    Raises:
        DecodeError: the archive is damaged, or a member is encrypted, is compressed in a way that
            is not known, or is an archive itself.

    """
    found = _NAME.search(file.path)
    if found is None:
        raise DecodeError("The extension is not that of an archive", path=file.path)
    if found["zip"]:
        from sftp_async.formats.zip_archive import zip_members

        every = zip_members(file, in_order=in_order)
    else:
        from sftp_async.formats.tar_archive import tar_members

        extension = (found["codec"] or "").lower()
        short = _TAR_CODECS.get((found["short"] or "").lower())
        every = tar_members(file, short or CODEC_OF_READ_EXTENSION.get(extension, "none"))
    for member in every:
        if is_archive(member.path):
            raise DecodeError(
                "An archive within an archive is not read",
                path=member.path,
                hint="Unpack the outer one before, or leave it out by path_glob_filter",
            )
        yield member
