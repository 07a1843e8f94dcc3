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


def fields_of(template: str) -> set[str]:
    """Return the names of the fields in a template."""
    return {field for _, field, _, _ in Formatter().parse(template) if field is not None}


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
        except (ValueError, TypeError) as error:
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
        values = [name.partition("=")[2] for name in directory.split("/")]
        facts = dict(zip(self.columns, values, strict=False))
        own = {"partition": partition, "seq": seq, "now": self.now, "job": self.job}
        return self.template.format_map({**facts, **own, "batch": int(batch or 0)})

    def matches(self, name: str) -> bool:
        """Whether a name differs from those of this job in the numbers of files and jobs alone."""
        return re.fullmatch("".join(self._patterns()), name, re.ASCII) is not None

    def _patterns(self) -> Iterator[str]:
        for literal, field, spec, _ in Formatter().parse(self.template):
            yield re.escape(literal)
            if field == "now":
                yield re.escape(format(self.now, spec or ""))
            elif field == "job":
                yield "[0-9a-f]+"
            elif field in (*OF_A_FILE, "batch"):
                yield r" *\d+ *"
            elif field is not None:
                yield "[^/]+"
