"""Makes the names of part files from a template, and recognizes them for the next overwrite."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.layout.part_names import TAG_DIGITS, unnumbered
from sftp_async.options.template_option import FILE_NUMBERS, template_fields, template_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

#: Most digits of a number that is not zero-padded to more. A commit's intent lists some 250,000
#: files at most, so a longer number is no `seq` but, say, another program's date.
_DIGITS = {"seq": 6, "partition": 7, "batch": 19}


@dataclass(frozen=True)
class FileNames:
    """A job's names.

    Args:
        template: with fields as in `str.format`: `partition` is Spark's number of the partition,
            `seq` the file's number in its directory, from 1, `now` the time of the plan, `job` what
            marks the job, `batch` a stream's micro-batch; columns of `partition_by` stand for
            their values as the directory shows them.
        now: when the job was planned.
        job: what marks it; hexadecimal digits.
        columns: of `partition_by`.

    """

    template: str
    now: datetime
    job: str
    columns: tuple[str, ...] = ()

    @property
    def sample(self) -> str:
        """One of the names."""
        return self.render(0, 1, "/".join(f"{column}=x" for column in self.columns), "0")

    def render(self, partition: int, seq: int, directory: str, batch: str) -> str:
        """Return the name of one file.

        Args:
            partition: Spark's number of the partition.
            seq: number of the file in its directory.
            directory: its partition directories, `country=DE`; may be empty.
            batch: number of the micro-batch, in digits.

        """
        facts = self._facts(directory)
        own = {"partition": partition, "seq": seq, "now": self.now, "job": self.job}
        return self.template.format_map({**facts, **own, "batch": int(batch or 0)})

    def matches(self, name: str, directory: str = "") -> bool:
        """Whether a name differs from those of this job in the numbers of files and jobs alone.

        So do names that `if_exists=rename` made of them. Other programs' names may do so by chance.

        Args:
            name: of a file.
            directory: its partition directories; a name with columns in it is in one that has
                their values.

        """
        facts = self._facts(directory)
        if not template_fields(self.template) & {*self.columns} <= facts.keys():
            return False
        pattern = re.compile("".join(self._patterns(facts)), re.ASCII)
        return any(map(pattern.fullmatch, (name, *unnumbered(name))))

    @property
    def shows_job(self) -> bool:
        """Whether the names hold the whole tag of their job: no other program has such names."""
        pieces = template_pieces(self.template)
        return any(
            piece.field == "job" and int(piece.spec[1:] or TAG_DIGITS) >= TAG_DIGITS
            for piece in pieces
        )

    def _facts(self, directory: str) -> dict[str, str]:
        values = [name.partition("=")[2] for name in directory.split("/") if name]
        return dict(zip(self.columns, values, strict=False))

    def _patterns(self, facts: dict[str, str]) -> Iterator[str]:
        for piece in template_pieces(self.template):
            yield re.escape(piece.literal)
            if piece.field == "now":
                yield re.escape(format(self.now, piece.spec))
            elif piece.field == "job":
                digits = min(int(piece.spec[1:]), TAG_DIGITS) if piece.spec else TAG_DIGITS
                yield f"[0-9a-f]{{{digits}}}"
            elif piece.field in (*FILE_NUMBERS, "batch"):
                yield _number(int(piece.spec.removesuffix("d") or 0), _DIGITS[piece.field])
            elif piece.field is not None:
                yield re.escape(format(facts[piece.field], piece.spec))


def _number(width: int, most: int) -> str:
    """Return the pattern of numbers of so many digits, zero-padded to a width."""
    if width == 0:
        return rf"(?:0|[1-9]\d{{0,{most - 1}}})"
    if width >= most:
        return rf"0{{{width - most}}}\d{{{most}}}"
    return rf"(?:\d{{{width}}}|[1-9]\d{{{width},{most - 1}}})"
