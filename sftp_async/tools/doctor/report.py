"""What a check found: `CheckReport` and its `CheckStep`s, as text, as a table, as JSON."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

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
        name: what was looked at.
        status: `ok`; `warning`, a job would work all the same; `failed`; `skipped`, because a step
            that it needs failed.
        detail: what was found, or the cause of the failure.
        advice: what to do next, where there is something to do.

    """

    name: str
    status: Status = "skipped"
    detail: str = ""
    advice: str = ""

    @property
    def ok(self) -> bool | None:
        """Whether it went well, warnings included; None: it was not run."""
        return None if self.status == "skipped" else self.status != "failed"

    @property
    def word(self) -> str:
        """Its status as shown: a failure cries."""
        return _WORDS[self.status]


@dataclass(frozen=True)
class Recommendation:
    """An option worth setting for this server, and why."""

    option: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"{self.option}={self.value}  ({self.why})"


@dataclass(frozen=True)
class CheckReport:
    """What a check found; `print` it, or let a notebook show it as a table.

    Args:
        address: `user@host:port`.
        path: the remote path that was tried.
        steps: in order.
        host_key_fingerprint: `SHA256:…` of the key the server showed, if it got that far.
        algorithms: what was agreed on, by kind.
        capabilities: what the server offers, if it got that far.
        server: what kind of server it is, as far as its greeting tells.
        round_trip_ms: median time of one request in milliseconds.
        sessions: SFTP sessions that one connection may have; no more than a file would use.
        connections: connections allowed at once; no more than `max_connections`.
        free_bytes: what is left on the remote disk, if the server tells.
        megabytes_per_second: of one file over one connection, in units of 1,000,000 bytes.
        recommended: options worth setting for this server.

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

    @property
    def ok(self) -> bool:
        """Whether every step went well; warnings do not count."""
        return all(step.ok for step in self.steps)

    @property
    def title(self) -> str:
        """Address, path and verdict in one line."""
        verdict = "ok" if self.ok else "FAILED"
        return printable(f"SFTP check of {self.address}, path {self.path}: {verdict}")

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as `json.dumps` takes it."""
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


def printable(text: str) -> str:
    """Disarm control characters: a server chooses some of the words shown in a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text.replace("\n", " "))
