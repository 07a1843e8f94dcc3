"""Names of part files by a template: given at the commit, recognised by the next overwrite."""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import Formatter
from typing import TYPE_CHECKING, Final

from sftp_async.errors import OptionsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

#: One of them makes names differ within a job.
OF_A_FILE: Final = ("partition", "seq")
FIELDS: Final = (*OF_A_FILE, "now", "job", "batch")
_NUMBER = re.compile(r"(?:0[0-9]{0,3})?d?", re.ASCII)
#: Formats under which an overwrite knows the field again.
_FORMATS = dict.fromkeys((*OF_A_FILE, "batch"), _NUMBER) | {
    "job": re.compile(r"(?:\.[1-9][0-9]?)?", re.ASCII)
}

#: Most digits of a number that is not zero-padded to more. A commit's intent lists some 250,000
#: files at most, so a longer number is no `seq` but, say, another program's date.
_DIGITS = {"seq": 6, "partition": 7, "batch": 19}
#: Hexadecimal digits of `job`.
_JOB_DIGITS = 16


def fields_of(template: str) -> set[str]:
    """Return the names of the fields in a template.

    Raises:
        OptionsError: one has a format that it cannot have.

    """
    return {field for _, field, _ in _parsed(template) if field is not None}


def is_of_many(template: str) -> bool:
    """Whether a template makes a name for each part file, and not one for the whole."""
    return not fields_of(template).isdisjoint(OF_A_FILE)


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

    def check(self, *, stream: bool, appends: bool, rolls: bool) -> None:
        """See that the names will differ.

        Args:
            stream: whether the job is a micro-batch.
            appends: whether the files of earlier jobs stay.
            rolls: whether a task may make several files of one directory.

        Raises:
            OptionsError: they may not, or a field is unknown.

        """
        fields = fields_of(self.template)
        known = {*FIELDS, *self.columns} - (set() if stream else {"batch"})
        if unknown := sorted(fields - known):
            raise OptionsError(
                f"file_name_template has an unknown field, {{{unknown[0]}}}: there are "
                f"{', '.join(sorted(known))}"
            )
        if rolls and "seq" not in fields:
            raise OptionsError(
                "file_name_template needs {seq}: a task may write several files with these options"
            )
        if stream and appends and fields.isdisjoint({"batch", "job"}):
            raise OptionsError(
                "file_name_template needs {batch} or {job}: the batches of a stream would have the "
                "same names"
            )
        try:
            name = self.sample
        except (ValueError, TypeError, OverflowError, MemoryError) as error:
            raise OptionsError(f"file_name_template cannot be filled in: {error}") from None
        if "/" in name or name.startswith((".", "_")):
            raise OptionsError(
                "file_name_template must make a file name without a slash; readers ignore names "
                "that begin with . or _"
            )

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

        Args:
            name: of a file.
            directory: its partition directories; a name with columns in it is in one that has
                their values.

        """
        facts = self._facts(directory)
        if not fields_of(self.template) & {*self.columns} <= facts.keys():
            return False
        return re.fullmatch("".join(self._patterns(facts)), name, re.ASCII) is not None

    def _facts(self, directory: str) -> dict[str, str]:
        values = [name.partition("=")[2] for name in directory.split("/") if name]
        return dict(zip(self.columns, values, strict=False))

    def _patterns(self, facts: dict[str, str]) -> Iterator[str]:
        for literal, field, spec in _parsed(self.template):
            yield re.escape(literal)
            if field == "now":
                yield re.escape(format(self.now, spec))
            elif field == "job":
                digits = min(int(spec[1:]), _JOB_DIGITS) if spec else _JOB_DIGITS
                yield f"[0-9a-f]{{{digits}}}"
            elif field in (*OF_A_FILE, "batch"):
                yield _number(int(spec.removesuffix("d") or 0), _DIGITS[field])
            elif field is not None:
                yield re.escape(format(facts[field], spec))


def _number(width: int, most: int) -> str:
    """Return the pattern of numbers of so many digits, zero-padded to a width."""
    if width == 0:
        return rf"(?:0|[1-9]\d{{0,{most - 1}}})"
    if width >= most:
        return rf"0{{{width - most}}}\d{{{most}}}"
    return rf"(?:\d{{{width}}}|[1-9]\d{{{width},{most - 1}}})"


def _parsed(template: str) -> Iterator[tuple[str, str | None, str]]:
    """Split a template: each literal text with the field behind it, if any, and its format."""
    for literal, field, spec, conversion in Formatter().parse(template):
        if conversion or "{" in (spec or ""):
            raise OptionsError(
                f"file_name_template has a conversion, or a field within {{{field}}}: it takes "
                "fields with a format"
            )
        if field in _FORMATS and not _FORMATS[field].fullmatch(spec or ""):
            allowed = f"{{{field}:.8}}" if field == "job" else f"{{{field}:05d}}"
            raise OptionsError(
                f"file_name_template cannot be filled in with {{{field}:{spec}}}: an overwrite "
                f"would not know such names again; give {{{field}}}, or a format as in {allowed}"
            )
        yield literal, field, spec or ""
