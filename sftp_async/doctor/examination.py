"""The checks in their order, and what each needs: `examine`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.doctor import network, probes, session
from sftp_async.doctor.advice import recommend
from sftp_async.doctor.report import CheckReport, CheckStep
from sftp_async.doctor.subject import Finding, Subject
from sftp_async.errors import SFTPAsyncError
from sftp_async.transport import check_usable

if TYPE_CHECKING:
    from sftp_async.options import SFTPOptions


@dataclass(frozen=True)
class Check:
    """One check: its name, what does it, and the checks that must have gone well before."""

    name: str
    run: Callable[[Subject], Awaitable[Finding]]
    needs: tuple[str, ...]
    #: It takes a while, or several connections: only for those who ask for it.
    thorough: bool = False


async def _resolve_options(subject: Subject) -> Finding:
    subject.options = subject.given.resolve()
    check_usable(subject.options)
    return Finding.ok("complete; keys and references can be read")


CHECKS = (
    Check("Options", _resolve_options, ()),
    Check("Name", network.resolve_name, ("Options",)),
    Check("TCP", network.open_port, ("Name",)),
    Check("SSH", network.read_banner, ("TCP",)),
    Check("Algorithms", session.agree, ("SSH",)),
    Check("Host key", session.trust, ("Algorithms",)),
    Check("Login", session.log_in, ("Host key",)),
    Check("SFTP", session.start_sftp, ("Login",)),
    Check("Round trip", session.measure, ("SFTP",)),
    Check("Sessions", session.count_sessions, ("SFTP",), thorough=True),
    Check("Connections", session.count_connections, ("SFTP",), thorough=True),
    Check("Target", probes.find_target, ("Round trip",)),
    Check("Free space", probes.ask_free_space, ("Target",)),
    Check("Write", probes.write, ("Free space",)),
    Check("Rename", probes.rename, ("Write",)),
    Check("Replace", probes.replace, ("Rename",)),
    Check("Remove", probes.remove, ("Write",)),
    Check("Throughput", probes.estimate_speed, ("Remove",), thorough=True),
)
#: The names of all checks, in their order.
STEPS = tuple(check.name for check in CHECKS)


async def examine(
    options: SFTPOptions,
    path: str,
    *,
    thorough: bool = False,
    on_step: Callable[[CheckStep], None] | None = None,
) -> CheckReport:
    """Try all that a write to `path` needs, on connections of its own; never raises for a fault.

    Makes small hidden files of unique names in `path`, and removes them.

    Args:
        options: as for a write; references are looked up here.
        path: remote path that a job would write to.
        thorough: also count the sessions and connections that the server allows, and estimate the
            throughput (8 MiB or 3 seconds).
        on_step: told each step as it is done.

    """
    subject = Subject(options, path)
    steps: dict[str, CheckStep] = {}
    try:
        for check in CHECKS:
            if check.thorough and not thorough:
                continue
            steps[check.name] = step = await _step(check, subject, steps)
            if on_step is not None:
                on_step(step)
    finally:
        await subject.end()
    return CheckReport(
        address=options.address,
        path=path,
        steps=tuple(steps.values()),
        host_key_fingerprint=subject.host_key_fingerprint,
        algorithms=subject.algorithms,
        capabilities=subject.capabilities,
        server=subject.server,
        round_trip_ms=subject.round_trip_ms,
        sessions=subject.sessions,
        connections=subject.connections,
        free_bytes=subject.free_bytes,
        megabytes_per_second=subject.megabytes_per_second,
        recommended=tuple(recommend(subject, steps)),
    )


async def _step(check: Check, subject: Subject, done: dict[str, CheckStep]) -> CheckStep:
    if subject.lost or not all(done[name].ok for name in check.needs):
        return CheckStep(check.name)
    try:
        found = await check.run(subject)
    except SFTPAsyncError as error:
        found = Finding.failed(error, place=subject.place_of(error))
    return CheckStep(check.name, found.status, found.detail, found.advice)
