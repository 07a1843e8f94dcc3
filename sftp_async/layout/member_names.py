"""Makes the names of the members of archives from a template, and ensures that they are safe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sftp_async.layout.part_names import LONGEST_NAME, is_data
from sftp_async.layout.path_safety import unpacked_problem
from sftp_async.options.codecs import CODEC_OF_READ_EXTENSION
from sftp_async.options.template_option import FILE_NUMBERS, template_fields

if TYPE_CHECKING:
    from datetime import datetime

#: Fields of a member's name; the columns of `partition_by` come on top of them.
MEMBER_FIELDS: Final = (*FILE_NUMBERS, "stem", "now", "job", "batch")
#: Extensions of archives and of encrypted files, which no member is.
_OTHERS: Final = frozenset({"zip", "tar", "tgz", "pgp", "gpg"})
_ONE: Final = "{stem}.{extension}"
_OF_SEVERAL: Final = "{stem}-{partition:05d}.{extension}"


@dataclass(frozen=True)
class MemberNames:
    """The names of a job's members.

    Args:
        template: as the user gave it; None: the default.
        extension: of the members' format, without the leading dot.
        now: when the job was planned.

    """

    template: str | None
    extension: str
    now: datetime

    def render(
        self,
        archive: str,
        *,
        partition: int = 0,
        seq: int = 1,
        several: bool = False,
        directory: str = "",
        job: str = "",
        batch: str = "",
    ) -> str:
        """Return the name of one member.

        Args:
            archive: name of the archive.
            partition: Spark's number of the partition.
            seq: number of the member in the archive, from 1.
            several: whether the archive has further members.
            directory: partition directories of the archive, `country=DE`; may be empty.
            job: what marks the job.
            batch: number of the micro-batch, in digits.

        Raises:
            ValueError: no member can have the name, or no file where it is unpacked.

        """
        # A leading dot hides a file, it starts no extension.
        stem = archive[:1] + archive[1:].partition(".")[0]
        values = dict(
            column.partition("=")[::2] for column in directory.split("/") if "=" in column
        )
        own = {"partition": partition, "seq": seq, "stem": stem, "now": self.now, "job": job}
        facts = {**values, **own, "batch": int(batch or 0), "extension": self.extension}
        template = self.template or (_OF_SEVERAL if several else _ONE)
        name = template.format_map(facts)
        if (problem := member_problem(name, self.extension)) is not None:
            raise ValueError(f"{name[:LONGEST_NAME]!r}, which {problem}")
        return name


def member_problem(name: str, extension: str) -> str | None:
    """Return why no member of an archive may have the name; None if one may.

    The user who unpacks the archive gets one file, in the directory that he chooses, and readers
    take it for what its name says.

    Args:
        name: of the member.
        extension: of the members' format, without the leading dot.

    """
    _, dot, last = name.lower().rpartition(".")
    codec = CODEC_OF_READ_EXTENSION.get(last) if dot else None
    if codec is not None and codec != CODEC_OF_READ_EXTENSION.get(extension.rpartition(".")[2]):
        return f"ends as a file that {codec} has compressed, and the member is none"
    if dot and last in _OTHERS:
        return f"ends as a file of the kind {last}, and the member is none"
    if "/" in name:
        return "has a slash in it"
    if ":" in name:
        return "has a colon in it, which Windows takes for a drive"
    if not is_data(name):
        return "begins with _ or ., and readers ignore such files"
    return unpacked_problem(name)


def template_problem(template: str, columns: tuple[str, ...], *, stream: bool) -> str | None:
    """Return which field of a template no member has; None: there is none.

    Args:
        template: of members' names.
        columns: of `partition_by`.
        stream: whether the job is a micro-batch.

    """
    known = sorted({*MEMBER_FIELDS, *columns} - (set() if stream else {"batch"}))
    unknown = sorted(template_fields(template) - {*known})
    return None if not unknown else f"{{{unknown[0]}}}: there are {', '.join(known)}"
