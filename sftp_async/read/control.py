"""Reads files without their control records, and compares what these state with the rows."""

from __future__ import annotations

import logging
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from sftp_async.errors import ControlRecordError, OptionsError
from sftp_async.formats.control_lines import ControlLines
from sftp_async.formats.decompression import codec_of
from sftp_async.formats.text.decoder import split_lines
from sftp_async.formats.values.exact_sums import ExactSums, scale_of, sum_problems
from sftp_async.options.control_template import ControlTemplate, ExactSum, shown, sum_columns
from sftp_async.options.pgp import pgp_extension, without_pgp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sftp_async.formats.base import ReadableFile, ReadFormat
    from sftp_async.formats.control_lines import FoundRecords
    from sftp_async.options import SFTPOptions

log = logging.getLogger("sftp_async.read.control")

#: The formats whose files consist of lines.
LINE_FORMATS = ("csv", "json", "text")
#: Fields that state how much a file holds.
_COUNTS = frozenset({"rows", "bytes", "sha256"})
_OPTIONS = ("header_lines", "footer_lines")


def verifies_lines(options: SFTPOptions) -> bool:
    """Whether control records are compared with the rows, before one is handed out."""
    return options.verify_control is not False and has_control_lines(options)


def has_control_lines(options: SFTPOptions) -> bool:
    """Whether the files of a read have control records."""
    return any(getattr(options, name) is not None for name in _OPTIONS)


def rows_in(batch: pa.RecordBatch, options: SFTPOptions) -> int:
    """Return how many rows a batch counts for: with `wholetext`, a row is all lines of a file."""
    if options.format != "text" or not options.wholetext or not batch.num_columns:
        return len(batch)
    separator = options.line_sep.encode() if "line_sep" in options.model_fields_set else None
    whole = batch.column(0).cast(pa.binary()).to_pylist()
    return sum(len(split_lines(content, separator)) for content in whole)


@dataclass(frozen=True)
class ControlReading:
    """How the control records of one read are skipped, and compared.

    Args:
        options: of the read.
        lines: how the records are found.
        verifies: whether they are compared.
        scales: digits behind the point, by the column of which records state the sum.

    """

    options: SFTPOptions
    lines: ControlLines
    verifies: bool
    scales: Mapping[str, int]

    @classmethod
    def of(cls, options: SFTPOptions, schema: pa.Schema | None) -> Self | None:
        """Return what the options ask for; None if files have no control records.

        Args:
            options: of the read, with the format.
            schema: the columns of the files; None: they are to be inferred, and nothing is
                compared.

        Raises:
            OptionsError: the options do not suit the format or the columns.

        """
        if not has_control_lines(options):
            return None
        if problems := list(_problems(options, schema)):
            raise OptionsError(problems)
        lines = ControlLines.of(options)
        if lines is None:
            return None
        verifies = schema is not None and verifies_lines(options)
        scales = {}
        if schema is not None and verifies:
            names = sum_columns(options.header_lines, options.footer_lines)
            scales = {name: scale_of(schema.field(name).type) or 0 for name in names}
        return cls(options, lines, verifies, scales)

    def rows(
        self, file_format: ReadFormat, file: ReadableFile, start: int, stop: int
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a range, without the control records.

        Args:
            file_format: of the read.
            file: as it is on the server, a copy, or a member of an archive.
            start: see `ReadFormat.decode`.
            stop: see `ReadFormat.decode`.

        Raises:
            ControlRecordError: a record is missing, or states other than the file has; once all
                rows were yielded. None of them may be used before.
            DecodeError: as `ReadFormat.decode`.

        """
        if (start, stop) != (0, file.size):
            part = self.lines.range_of(file)
            yield from file_format.decode(part, *part.within(start, stop))
            return
        hashes = any("sha256" in template.fields for template in _templates(self.options).values())
        between = self.lines.without(file, digest=self.verifies and hashes, strict=self.verifies)
        count = 0
        sums = ExactSums(list(self.scales))
        for batch in file_format.decode(between, 0, between.size):
            count += rows_in(batch, self.options)
            sums.add(batch)
            yield batch
        found = between.records()
        if not self.verifies:
            for option, lines in (("header_lines", found.header), ("footer_lines", found.footer)):
                if lines is None:
                    log.warning("%s: it has no lines of %s, so none are skipped", file.path, option)
            return
        facts = {
            "rows": count,
            "bytes": found.size,
            "sha256": found.sha256,
            **{
                f"sum({name})": ExactSum(total, self.scales[name])
                for name, total in zip(self.scales, sums.unscaled, strict=True)
            },
        }
        self._compare(file.path, found, facts)

    def check_members(self, path: str) -> None:
        """Take an archive of which no member was read, unless the user asked for none of its.

        Raises:
            ControlRecordError: it should have one, with control records.

        """
        if self.verifies and self.options.path_glob_filter is None:
            raise ControlRecordError(
                "The archive has no file that is read, so nothing states what it should hold",
                path=path,
                hint="It is incomplete or of another kind: ask the sender for it again, or set "
                "verify_control=false to read it all the same",
            )

    def _compare(self, path: str, found: FoundRecords, facts: dict[str, object]) -> None:
        """Compare all records with what a file has.

        Raises:
            ControlRecordError: they state something else.

        """
        names = [posixpath.basename(path)]
        # A partner compresses and encrypts what is complete.
        if pgp_extension(path):
            names.append(without_pgp(names[-1]))
        if codec_of(path, None) != "none":
            names.append(names[-1].rpartition(".")[0])
        problems: list[str] = []
        stated: dict[str, str] = {}
        for option, templates, lines in (
            ("header_lines", self.lines.header, found.header or []),
            ("footer_lines", self.lines.footer, found.footer or []),
        ):
            for template, line in zip(templates, lines, strict=True):
                differing = min(
                    (template.differences(line, {**facts, "name": each}) for each in names),
                    key=len,
                )
                stated |= {each.field: each.stated for each in differing}
                problems += [
                    f"{each.field} is {shown(each.stated)!r} in the line {shown(line)!r} of "
                    f"{option}, and the file has {shown(each.found)!r}"
                    for each in differing
                ]
        last = self.lines.footer[-1] if self.lines.footer else None
        twice = last is not None and found.next is not None and last.matches(found.next)
        counted = any(
            _COUNTS & template.fields or template.sum_columns
            for template in _templates(self.options).values()
        )
        if twice and last is not None and last.has_text and (problems or not counted):
            problems.append(
                f"the line before the last one, {shown(found.next or '')!r}, is as footer_lines "
                "says, too"
            )
        if problems:
            error = ControlRecordError(
                f"The file does not hold what its control records state: {'; '.join(problems)}",
                path=path,
                hint="It is incomplete, damaged, or two files in one: ask the sender for it again. "
                "verify_control=false reads it all the same",
            )
            error.stated = stated
            raise error


def _templates(options: SFTPOptions) -> dict[str, ControlTemplate]:
    given = {name: getattr(options, name) for name in _OPTIONS}
    return {name: ControlTemplate(text) for name, text in given.items() if text is not None}


def _problems(options: SFTPOptions, schema: pa.Schema | None) -> Iterator[str]:
    verifies = verifies_lines(options)
    for name, template in _templates(options).items():
        if options.format not in LINE_FORMATS:
            yield (
                f"{name} is for text, and format={options.format} has no lines: leave it out, or "
                "read csv, json or text."
            )
        if verifies and schema is not None:
            yield from sum_problems(name, template, schema)
        if verifies and options.mode == "dropmalformed":
            for field in sorted(template.fields & {"rows"}) or template.sum_columns[:1]:
                yield (
                    f"{name} states {field} of all rows, and mode=DROPMALFORMED leaves some out: "
                    "take PERMISSIVE with a column of corrupt records, or verify_control=false."
                )
