"""The list of checks, and how they run: in order, each if the checks it depends on succeeded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.errors import SFTPAsyncError
from sftp_async.remote.ssh import check_usable
from sftp_async.tools.doctor import network_checks, read_checks, session_checks, target_checks
from sftp_async.tools.doctor.advice import recommend
from sftp_async.tools.doctor.context import CheckContext, Finding
from sftp_async.tools.doctor.report import CheckReport, CheckStep

if TYPE_CHECKING:
    from sftp_async.options import SFTPOptions


@dataclass(frozen=True)
class Check:
    """One check: its name, its function, and the checks that it depends on."""

    name: str
    run: Callable[[CheckContext], Awaitable[Finding]]
    needs: tuple[str, ...]
    #: Whether it takes several seconds or several connections, and so is run only on request.
    thorough: bool = False


async def _resolve_options(context: CheckContext) -> Finding:
    context.options = context.given.resolve()
    check_usable(context.options)
    return Finding.ok("valid; all keys and references can be read")


#: What every job needs.
_SESSION = (
    Check("Options", _resolve_options, ()),
    Check("Name", network_checks.resolve_name, ("Options",)),
    Check("TCP", network_checks.open_port, ("Name",)),
    Check("SSH", network_checks.read_banner, ("TCP",)),
    Check("Algorithms", session_checks.negotiate_algorithms, ("SSH",)),
    Check("Host key", session_checks.verify_host_key, ("Algorithms",)),
    Check("Login", session_checks.log_in, ("Host key",)),
    Check("SFTP", session_checks.start_sftp, ("Login",)),
    Check("Round trip", session_checks.measure_round_trip, ("SFTP",)),
    Check("Sessions", session_checks.count_sessions, ("SFTP",), thorough=True),
    Check("Connections", session_checks.count_connections, ("SFTP",), thorough=True),
)
#: What a write needs.
CHECKS = (
    *_SESSION,
    Check("Target", target_checks.find_target, ("Round trip",)),
    Check("Free space", target_checks.check_free_space, ("Target",)),
    Check("Write", target_checks.write_file, ("Free space",)),
    Check("Read", target_checks.read_file, ("Write",)),
    Check("Rename", target_checks.rename_file, ("Write",)),
    Check("Replace", target_checks.replace_file, ("Rename",)),
    Check("Remove", target_checks.remove_files, ("Write",)),
    Check("Rights", target_checks.check_rights, ("Write",)),
    Check("Throughput", target_checks.estimate_throughput, ("Remove",), thorough=True),
)
#: What a read needs.
READ_CHECKS = (
    *_SESSION,
    Check("List", read_checks.list_target, ("Round trip",)),
    Check("Times", read_checks.look_at_times, ("List",)),
    Check("Open", read_checks.open_file, ("List",)),
    Check("Read", read_checks.read_start, ("Open",)),
    Check("Ranges", read_checks.read_middle, ("Read",)),
    Check("Throughput", read_checks.estimate_download, ("Read",), thorough=True),
)
#: The names of the checks of a write and of a read, in their order.
STEPS = tuple(check.name for check in CHECKS)
READ_STEPS = tuple(check.name for check in READ_CHECKS)


async def run_checks(
    options: SFTPOptions,
    path: str,
    *,
    thorough: bool = False,
    read: bool = False,
    on_step: Callable[[CheckStep], None] | None = None,
) -> CheckReport:
    """Check everything that a write to `path`, or a read of it, needs, on connections of its own.

    For a write it creates small hidden files with unique names in `path`, and removes them; for a
    read it writes nothing. A fault of the server is in the report, never raised.

    Args:
        options: as for the job; references are resolved by the first check.
        path: the remote path that a job would write to, or read.
        thorough: also count the sessions and connections that the server allows, and estimate the
            throughput (with up to 8 MiB or 3 seconds).
        read: check what a read needs, not what a write needs.
        on_step: called with each step when it is done.

    """
    context = CheckContext(options, path, reads=read)
    steps: dict[str, CheckStep] = {}
    try:
        for check in READ_CHECKS if read else CHECKS:
            if check.thorough and not thorough:
                continue
            steps[check.name] = step = await _step(check, context, steps)
            if on_step is not None:
                on_step(step)
    finally:
        await context.close()
    return CheckReport(
        address=options.address,
        path=path,
        reads=read,
        steps=tuple(steps.values()),
        host_key_fingerprint=context.host_key_fingerprint,
        algorithms=context.algorithms,
        capabilities=context.capabilities,
        server=context.server,
        round_trip_ms=context.round_trip_ms,
        sessions=context.sessions,
        connections=context.connections,
        free_bytes=context.free_bytes,
        megabytes_per_second=context.megabytes_per_second,
        recommended=tuple(recommend(context, steps)),
    )


async def _step(check: Check, context: CheckContext, done: dict[str, CheckStep]) -> CheckStep:
    if context.lost or not all(done[name].ok for name in check.needs):
        return CheckStep(check.name)
    try:
        found = await check.run(context)
    except SFTPAsyncError as error:
        found = Finding.failed(error, place=context.place_of(error))
    return CheckStep(check.name, found.status, found.detail, found.advice)
