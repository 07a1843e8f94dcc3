"""The result of a dry run of a write, `WritePlan`: as text, as HTML for notebooks, and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from sftp_async.humanize import counted, in_units, printable
from sftp_async.write.commit.pending import Sweep

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.write.commit.forecast import Files, Forecast
    from sftp_async.write.commit.pending import Action

#: Names of each kind that are shown; `to_dict` has all of them.
SHOWN = 10
_ENDS = {
    "complete": "make its files visible",
    "finish": "its files are visible: finish its commit",
    "roll back": "roll its files back",
    "discard": "discard its files, because newer data has taken their place",
}
_GRANTED = {True: "the server permits", False: "the server REFUSES", None: "only a write shows"}


@dataclass(frozen=True)
class WritePlan:
    """What a write would do; `print` it, or let a notebook show it as a table.

    Attributes:
        address: `user@host:port`.
        path: the target, as given; None: it is missing.
        mode: `append` or `overwrite`.
        format: of the files.
        compression: of the files; None: the format's default.
        archive: `zip`, `tar` or `tar.gz`; None: the files are no archives.
        member: name of the first member of an archive; an exact file of several partitions may have
            further ones.
        ddl: the columns, as Spark's DDL.
        names: of the first files that the job would write; `<job>` stands for what differs from job
            to job.
        staging: the directory in which the job would make its staging directory.
        direct: files would have their final names from the start (`commit_mode=direct`).
        max_connections: that one Python worker would open at most.
        problems: everything that is wrong; empty: nothing was found.
        target: what the server shows; None: it was not looked at, or cannot be reached.

    """

    address: str
    path: str | None
    mode: str
    format: str
    compression: str | None
    archive: str | None
    member: str | None
    ddl: str
    names: tuple[str, ...]
    staging: str | None
    direct: bool
    max_connections: int
    problems: tuple[str, ...]
    target: Forecast | None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong, as far as a dry run can tell."""
        return not self.problems

    @property
    def title(self) -> str:
        """Address, path, mode and result in one line."""
        if self.problems:
            verdict = counted((len(self.problems), "problem"))
        else:
            verdict = "nothing is wrong" + ("" if self.target else "; the server was not asked")
        return printable(f"{self.address}, path {self.path}, mode {self.mode}: {verdict}")

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as a dictionary that `json.dumps` accepts."""
        found = self.target
        target: dict[str, Any] | None = None
        if found is not None:
            target = {
                "exists": found.exists,
                "nothing_to_do": found.nothing_to_do,
                "replaces": asdict(found.replaces),
                "removes": asdict(found.removes),
                "removes_sidecars": asdict(found.removes_sidecars),
                "at_most": found.at_most,
                "stays": None if found.stays is None else asdict(found.stays),
                "recovers": [_facts(action) for action in found.recovers],
                "unfinished": list(found.unfinished),
                "claims": list(found.claims),
                "rights": [
                    {"right": str(need.right), "for": need.purpose, "granted": need.granted}
                    for need in found.needs
                ],
                "free_bytes": found.free_bytes,
                "notes": list(found.notes),
            }
        return {
            "ok": self.ok,
            "address": self.address,
            "path": self.path,
            "mode": self.mode,
            "format": self.format,
            "compression": self.compression,
            "archive": self.archive,
            "member": self.member,
            "schema": self.ddl,
            "names": list(self._names),
            "staging": self.staging,
            "max_connections": self.max_connections,
            "problems": list(self.problems),
            "target": target,
        }

    @property
    def _names(self) -> tuple[str, ...]:
        # With if_exists=rename the server decides.
        return self.names if self.target is None else self.target.names

    def rows(self) -> Iterator[tuple[str, str, Sequence[str]]]:
        """Yield what the plan says: heading, text, and further lines."""
        if self.problems:
            yield "Problems", counted((len(self.problems), "problem")), self.problems
        codec = f", {self.compression}" if self.compression not in (None, "none") else ""
        yield "Format", f"{self.format}{codec}", ()
        if self.archive is not None:
            yield "Archive", f"{self.archive}, with the member {self.member}", ()
        yield "Schema", self.ddl, ()
        if self._names:
            yield "Names", "the first file, and what is written next to it", self._names
        if self.staging is not None:
            where = "files have their final names from the start" if self.direct else ""
            yield "Staging", where or f"files are uploaded below {self.staging}, then renamed", ()
        most = f"a Python worker opens {self.max_connections} at most, for all its tasks"
        yield "Connections", f"1 of the driver; {most}", ()
        if self.target is None:
            yield "Server", "not looked at", ()
        else:
            yield from _target_rows(self.target, self.mode)

    def __str__(self) -> str:
        lines = [self.title]
        for heading, text, more in self.rows():
            lines.append(printable(f"  {heading:12} {text}"))
            lines += [printable(f"  {'':12}   {line}") for line in more]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        cell = "text-align:left;vertical-align:top"
        rows = "".join(
            f'<tr><td style="{cell};white-space:nowrap"><b>{escape(heading)}</b></td>'
            f'<td style="{cell};overflow-wrap:anywhere">{escape(text)}'
            + "".join(f"<div>{escape(line)}</div>" for line in more)
            + "</td></tr>"
            for heading, text, more in self.rows()
        )
        caption = (
            f'<caption style="text-align:left;font-weight:bold">{escape(self.title)}</caption>'
        )
        return f"<table>{caption}<tbody>{rows}</tbody></table>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # IPython's plain text
        printer.text(str(self))


def _target_rows(found: Forecast, mode: str) -> Iterator[tuple[str, str, Sequence[str]]]:
    if found.nothing_to_do is not None:
        yield "Nothing", f"would be written: {found.nothing_to_do}", ()
    if not found.exists:
        yield "Directory", "it is missing, and the job would make it", ()
    at_most = " at most, of the partitions that get rows" if found.at_most else ""
    for heading, files, text in (
        ("Replaces", found.replaces, ""),
        ("Removes", found.removes, at_most),
        ("Removes too", found.removes_sidecars, f"{at_most}, which stand next to data"),
    ):
        if files.names:
            yield heading, f"{_size(files)}{text}", _first(files.names)
    if mode == "overwrite" and not found.replaces.names and not found.removes.names:
        yield "Removes", "no file", ()
    if found.stays is not None and found.stays.names:
        yield "Stays", _size(found.stays), _first(found.stays.names)
    if found.recovers:
        lines = [_line(action) for action in found.recovers[:SHOWN]]
        yield "Before", f"it ends {counted((len(found.recovers), 'leftover'))} of other jobs", lines
    if found.unfinished:
        jobs = counted((len(found.unfinished), "other job"))
        yield "Meets", f"{jobs}: running, or crashed lately; its staging stays", found.unfinished
    if found.claims:
        yield "Waits for", f"{counted((len(found.claims), 'job'))} of the same names", found.claims
    yield "Rights", f"{counted((len(found.needs), 'right'))} needed", list(_rights(found))
    if found.free_bytes is not None:
        yield "Free space", in_units(found.free_bytes), ()
    if found.notes:
        yield "Notes", "", found.notes


def _rights(found: Forecast) -> Iterator[str]:
    for granted, words in _GRANTED.items():
        rights = ", ".join(need.right for need in found.needs if need.granted is granted)
        if rights:
            yield f"{words}: {rights}" + (" (sftp-async doctor)" if granted is None else "")


def _size(files: Files) -> str:
    return f"{counted((len(files.names), 'file'))}, {in_units(files.bytes)}"


def _first(names: Sequence[str]) -> list[str]:
    more = [f"and {len(names) - SHOWN:,} more"] if len(names) > SHOWN else []
    return [*names[:SHOWN], *more]


def _line(action: Action) -> str:
    if isinstance(action, Sweep):
        return f"{action.path}: remove what a crashed job left"
    facts = _facts(action)
    return (
        f"job {facts['job_id'][:16]}, {counted((facts['files'], 'file'))}, "
        f"{in_units(facts['bytes'])}: {_ENDS[action.end]}"
    )


def _facts(action: Action) -> dict[str, Any]:
    if isinstance(action, Sweep):
        return {"end": "sweep", "path": action.path}
    parts = action.intent.parts
    return {
        "end": action.end,
        "job_id": action.intent.paths.job_id,
        "files": len(parts),
        "bytes": sum(part.size for part in parts),
    }
