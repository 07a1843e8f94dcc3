"""Names of part files: how they are made and recognized."""

from __future__ import annotations

import itertools
import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import ConfigDict, Field, StrictInt

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

#: Digits of the job id in a visible name. The name is how a job knows its own files, so two jobs
#: must not share one: 64 bits make that a matter of billions of jobs in one directory.
TAG_DIGITS = 16
#: Digits of the attempt in a name that an attempt writes itself (`commit_mode=direct`).
ATTEMPT_DIGITS = 8
#: Bytes of a file's name: NAME_MAX of the file systems of POSIX and Windows.
LONGEST_NAME = 255
_EXTENSION = r"(?:\.[A-Za-z0-9]+)+"
_PART = re.compile(
    rf"part-\d{{5,}}-(?P<tag>[0-9a-f]{{{TAG_DIGITS}}})(?:-(?P<attempt>[0-9a-f]{{{ATTEMPT_DIGITS}}}))?"
    rf"-c\d{{3,}}{_EXTENSION}",
    re.ASCII,
)


@dataclass(frozen=True)
class PartFile:
    """One part file: complete on the server, sizes compared, but not visible yet.

    `staged` is its name in the staging directory (in the target, with `commit_mode=direct`),
    `final` its name in the target, behind its partition's directories; `size` is in bytes; `sha256`
    of the content as uploaded, in hex, and `md5` if checksum files need it. `plain_size` and
    `crc32` are of the content before it was packed for an archive, which the commit puts around it.
    `sums` are those of its rows that control records hold, in the order of the records' columns, as
    digits without the decimal point. `key_packet` opens an encrypted one that the commit may join
    with others.
    """

    #: Intents are documents on the server, and are read back with these rules.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    staged: str
    final: str
    rows: StrictInt
    size: StrictInt
    sha256: str
    md5: str = ""
    plain_size: Annotated[int, Field(exclude=True)] = 0
    crc32: Annotated[int, Field(exclude=True)] = 0
    sums: Annotated[tuple[int, ...], Field(exclude=True)] = ()
    key_packet: Annotated[bytes, Field(exclude=True)] = field(default=b"", repr=False)

    @property
    def directory(self) -> str:
        """Its partition's directory in the target; empty if that is the target itself."""
        return posixpath.dirname(self.final)

    @property
    def name(self) -> str:
        """Its name in that directory."""
        return posixpath.basename(self.final)


def part_name(
    partition: int, tag: str, sequence: int, extension: str, *, attempt: str | None = None
) -> str:
    """Return the visible name of a part file, which `is_part` recognizes.

    Args:
        partition: Spark's partition id.
        tag: of the job, `tag_of` its id.
        sequence: number of the file within the task, from 0.
        extension: without the leading dot.
        attempt: hex uuid of the task attempt, where attempts write visible names: its first digits
            keep them apart.

    """
    job = tag if attempt is None else f"{tag}-{attempt[:ATTEMPT_DIGITS]}"
    return f"part-{partition:05d}-{job}-c{sequence:03d}.{extension}"


def staged_name(partition: int, sequence: int, attempt: str) -> str:
    """Return the name of a part file in its job's staging directory."""
    return f"part-{partition:05d}-c{sequence:03d}-{attempt}"


def tag_of(job_id: str) -> str:
    """Return what marks a job's part files."""
    return job_id[:TAG_DIGITS]


def is_part(name: str) -> bool:
    """Whether a file name is one that this source gives to its part files."""
    return _PART.fullmatch(name) is not None


def is_extension(text: str) -> bool:
    """Whether part files with this extension, without the leading dot, are known again."""
    return re.fullmatch(_EXTENSION, f".{text}") is not None


def partition_of(name: str) -> int:
    """Return Spark's number of the partition in a part file's name."""
    return int(name.split("-")[1])


def part_tag(name: str) -> str | None:
    """Return the job tag in a part file's name, or None for a name that is not ours."""
    match = _PART.fullmatch(name)
    return match["tag"] if match else None


def is_written_in_place(name: str) -> bool:
    """Whether a part file's name is one that its task writes to itself (`commit_mode=direct`)."""
    match = _PART.fullmatch(name)
    return match is not None and match["attempt"] is not None


def is_data(name: str) -> bool:
    """Whether Spark would read the file as data: its name starts with neither `_` nor `.`."""
    return not name.startswith(("_", "."))


def free_name(wanted: str, taken: Collection[str]) -> str:
    """Return the name, or the first one like it that is free: `orders-1.csv` for `orders.csv`."""
    if wanted not in taken:
        return wanted
    stem, dot, extensions = wanted[1:].partition(".")
    names = (f"{wanted[0]}{stem}-{number}{dot}{extensions}" for number in itertools.count(1))
    return next(name for name in names if name not in taken)


def unnumbered(name: str) -> Iterator[str]:
    """Yield the name that `free_name` may have made this one of, if there is such a name."""
    stem, dot, extensions = name[1:].partition(".")
    wanted, dash, number = stem.rpartition("-")
    if dash and re.fullmatch(r"[1-9]\d*", number, re.ASCII):
        yield f"{name[0]}{wanted}{dot}{extensions}"
