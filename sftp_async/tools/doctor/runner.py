"""The checks in their order, and what each needs: `examine`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.errors import SFTPAsyncError
from sftp_async.remote.ssh import check_usable
from sftp_async.tools.doctor import network_checks, session_checks, target_checks
from sftp_async.tools.doctor.advice import recommend
from sftp_async.tools.doctor.context import CheckContext, Finding
from sftp_async.tools.doctor.report import CheckReport, CheckStep

if TYPE_CHECKING:
    from sftp_async.options import SFTPOptions


@dataclass(frozen=True)
class Check:
    """One check: its name, what does it, and the checks that must have gone well before."""

    name: str
    run: Callable[[CheckContext], Awaitable[Finding]]
    needs: tuple[str, ...]
    #: It takes a while, or several connections: only for those who ask for it.
    thorough: bool = False


async def _resolve_options(subject: CheckContext) -> Finding:
    subject.options = subject.given.resolve()
    check_usable(subject.options)
    return Finding.ok("complete; keys and references can be read")


CHECKS = (
    Check("Options", _resolve_options, ()),
    Check("Name", network_checks.resolve_name, ("Options",)),
    Check("TCP", network_checks.open_port, ("Name",)),
    Check("SSH", network_checks.read_banner, ("TCP",)),
    Check("Algorithms", session_checks.agree, ("SSH",)),
    Check("Host key", session_checks.trust, ("Algorithms",)),
    Check("Login", session_checks.log_in, ("Host key",)),
    Check("SFTP", session_checks.start_sftp, ("Login",)),
    Check("Round trip", session_checks.measure, ("SFTP",)),
    Check("Sessions", session_checks.count_sessions, ("SFTP",), thorough=True),
    Check("Connections", session_checks.count_connections, ("SFTP",), thorough=True),
    Check("Target", target_checks.find_target, ("Round trip",)),
    Check("Free space", target_checks.ask_free_space, ("Target",)),
    Check("Write", target_checks.write, ("Free space",)),
    Check("Rename", target_checks.rename, ("Write",)),
    Check("Replace", target_checks.replace, ("Rename",)),
    Check("Remove", target_checks.remove, ("Write",)),
    Check("Throughput", target_checks.estimate_speed, ("Remove",), thorough=True),
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
    subject = CheckContext(options, path)
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


async def _step(check: Check, subject: CheckContext, done: dict[str, CheckStep]) -> CheckStep:
    if subject.lost or not all(done[name].ok for name in check.needs):
        return CheckStep(check.name)
    try:
        found = await check.run(subject)
    except SFTPAsyncError as error:
        found = Finding.failed(error, place=subject.place_of(error))
    return CheckStep(check.name, found.status, found.detail, found.advice)
