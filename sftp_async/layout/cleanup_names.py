"""Names of files that a stream archives or deletes: set aside, and in the archive. No I/O.

A file is set aside before it is archived or deleted: renamed, in its directory, to a hidden name
that states which version was read. What a crash leaves is completed by what the name says.
"""

from __future__ import annotations

import itertools
import os
import posixpath
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Self, cast, get_args

from sftp_async.layout.part_names import LONGEST_NAME
from sftp_async.options.codecs import CODEC_OF_EXTENSION
from sftp_async.options.pgp import EXTENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What becomes of a file that was read.
Way = Literal["archive", "delete"]

#: Hex digits of a stream's id in the names of its files.
STREAM_DIGITS = 8
#: Bytes behind a name's last dots that are still an extension.
LONGEST_EXTENSION = 50
_SET_ASIDE = re.compile(
    r"\.(?P<name>.+)\.(?P<size>\d+)-(?P<mtime>\d+)"
    rf"-(?P<stream>[0-9a-f]{{{STREAM_DIGITS}}})\.sftp-async-(?P<way>{'|'.join(get_args(Way))})",
    re.DOTALL | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class SetAside:
    """What the name of a file that is set aside says.

    Attributes:
        path: of the file that was read.
        size: of the version that was read, in bytes.
        mtime: of that version, in whole seconds since 1970; 0: the server sends no times.
        stream: first digits of the id of the stream that has read it: another stream leaves it.
        way: what becomes of it.

    """

    path: str
    size: int
    mtime: int
    stream: str
    way: Way

    @property
    def name(self) -> str:
        """The name of the file that was read, without directories."""
        return posixpath.basename(self.path)

    @property
    def hidden_path(self) -> str:
        """Where it is while it is set aside."""
        version = f"{self.size}-{self.mtime}-{self.stream}"
        name = f".{self.name}.{version}.sftp-async-{self.way}"
        return posixpath.join(posixpath.dirname(self.path), name)

    @property
    def is_too_long(self) -> bool:
        """Whether file systems refuse the hidden name for its length."""
        return len(os.fsencode(posixpath.basename(self.hidden_path))) > LONGEST_NAME

    @classmethod
    def of(cls, hidden_path: str) -> Self | None:
        """Return what a path says; None: it is not one of a file that is set aside."""
        directory, name = posixpath.split(hidden_path)
        match = _SET_ASIDE.fullmatch(name)
        if match is None or match["name"] in (".", ".."):
            return None
        return cls(
            posixpath.join(directory, match["name"]),
            int(match["size"]),
            int(match["mtime"]),
            match["stream"],
            cast("Way", match["way"]),
        )


def stream_digits(stream: str) -> str:
    """Return what marks the files that a stream sets aside, by the stream's id in hex."""
    return stream[:STREAM_DIGITS]


def is_set_aside(name: str) -> bool:
    """Whether a file name is one that `SetAside` makes."""
    return _SET_ASIDE.fullmatch(name) is not None


def other_names(name: str, mtime: int) -> Iterator[str]:
    """Yield a name, and names like it in the order in which they are tried if it is taken.

    `orders.csv`, `orders.20261130T101500Z.csv`, `orders.20261130T101500Z-1.csv`, …

    Args:
        name: without directories.
        mtime: in seconds since 1970; 0 if it is not known, and then it is in no name.

    """
    yield name
    stem, extension = posixpath.splitext(name)
    for outer in (EXTENSIONS, CODEC_OF_EXTENSION):
        if extension[1:].partition(".")[0].lower() in outer:
            stem, data = posixpath.splitext(stem)
            extension = data + extension
    if len(os.fsencode(extension)) > LONGEST_EXTENSION:
        stem, extension = name, ""
    stamp = ""
    if mtime:
        stamp = f".{datetime.fromtimestamp(mtime, UTC):%Y%m%dT%H%M%SZ}"
        yield _fitting(stem, stamp + extension)
    for number in itertools.count(1):
        yield _fitting(stem, f"{stamp}-{number}{extension}")


def _fitting(stem: str, end: str) -> str:
    """Return a name of no more bytes than file systems take."""
    left = LONGEST_NAME - len(os.fsencode(end))
    short = os.fsencode(stem)[: max(1, left)]
    # A character of several bytes is left out if it is cut.
    return (stem if len(short) == len(os.fsencode(stem)) else short.decode("utf-8", "ignore")) + end
