"""Defines the result of the checks, `CheckReport`, as text, as an HTML table and as JSON."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from sftp_async.humanize import printable
from sftp_async.tools.doctor.report_html import steps_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sftp_async.remote.ssh import Capabilities

Status = Literal["ok", "warning", "failed", "skipped"]

_WORDS: Final[dict[Status, str]] = {
    "ok": "ok",
    "warning": "warning",
    "failed": "FAILED",
    "skipped": "not run",
}


@dataclass(frozen=True)
class CheckStep:
    """One step of a check.

    Args:
        name: what was checked.
        status: `ok`; `warning`, if a job works nevertheless; `failed`; `skipped`, if a step that
            it depends on failed.
        detail: the result, or the cause of the failure.
        advice: what to do next; empty if there is nothing to do.

    """

    name: str
    status: Status = "skipped"
    detail: str = ""
    advice: str = ""

    @property
    def ok(self) -> bool | None:
        """Whether the step succeeded, with or without a warning; None if it was not run."""
        return None if self.status == "skipped" else self.status != "failed"

    @property
    def word(self) -> str:
        """The status as it is shown, a failure in capitals."""
        return _WORDS[self.status]


@dataclass(frozen=True)
class Recommendation:
    """An option that should be set for this server, and the reason."""

    option: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"{self.option}={self.value}  ({self.why})"


@dataclass(frozen=True)
class CheckReport:
    """The result of all checks; `print` it, or let a notebook show it as a table.

    Args:
        address: `user@host:port`.
        path: the remote path that was checked.
        steps: the steps in their order.
        host_key_fingerprint: `SHA256:…` of the key that the server presented; None if the check
            did not get that far.
        algorithms: the negotiated algorithms, by kind.
        capabilities: what the server supports; None if the check did not get that far.
        server: the server's product, recognized by its banner; None if unknown.
        round_trip_ms: median time of one request in milliseconds.
        sessions: number of SFTP sessions that one connection may have; counted up to the number
            that a file uses.
        connections: number of simultaneous connections that the server allows; counted up to
            `max_connections`.
        free_bytes: free space on the remote disk; None if the server does not report it.
        megabytes_per_second: throughput of one file over one connection, in 1,000,000 bytes.
        recommended: options that should be set for this server.
        reads: whether it is the report of a read.

    """

    address: str
    path: str
    steps: tuple[CheckStep, ...]
    host_key_fingerprint: str | None = None
    algorithms: Mapping[str, str] = field(default_factory=dict)
    capabilities: Capabilities | None = None
    server: str | None = None
    round_trip_ms: float | None = None
    sessions: int | None = None
    connections: int | None = None
    free_bytes: int | None = None
    megabytes_per_second: float | None = None
    recommended: tuple[Recommendation, ...] = ()
    reads: bool = False

    @property
    def ok(self) -> bool:
        """Whether no step failed; warnings do not count."""
        return all(step.ok for step in self.steps)

    @property
    def title(self) -> str:
        """Address, path and result in one line."""
        verdict = "ok" if self.ok else "FAILED"
        return printable(f"SFTP check of {self.address}, path {self.path}: {verdict}")

    def to_dict(self) -> dict[str, Any]:
        """Return the report as a dictionary that `json.dumps` accepts."""
        found = {name: value for name, value in vars(self).items() if name != "steps"}
        return {
            "ok": self.ok,
            **found,
            "algorithms": dict(self.algorithms),
            "capabilities": asdict(self.capabilities) if self.capabilities else None,
            "recommended": [asdict(each) for each in self.recommended],
            "steps": [asdict(step) for step in self.steps],
        }

    def __str__(self) -> str:
        lines = [self.title]
        for step in self.steps:
            lines.append(f"  {step.word:8} {step.name:12} {step.detail}".rstrip())
            if step.advice:
                lines.append(f"{'':23} -> {step.advice}")
        if self.recommended:
            lines += ["Recommended options:", *(f"  {each}" for each in self.recommended)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        table = steps_table(self.title, ((s.word, s.name, s.detail, s.advice) for s in self.steps))
        recommended = "".join(f"<li>{html.escape(str(each))}</li>" for each in self.recommended)
        return table + (f"<p>Recommended options:</p><ul>{recommended}</ul>" if recommended else "")

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # IPython's plain text
        printer.text(str(self))
