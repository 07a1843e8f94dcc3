"""Which options are worth setting for a server, from what the checks found out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sftp_async.tools.doctor.report import Recommendation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sftp_async.tools.doctor.context import CheckContext
    from sftp_async.tools.doctor.report import CheckStep

#: Milliseconds from which on a server is distant: a window of 2 MiB (OpenSSH's) then lets no more
#: than 100 MB/s through.
DISTANT = 20.0
#: MB/s below which compressing costs less time than sending: gzip makes 200 on one core.
SLOW = 10.0


def recommend(subject: CheckContext, steps: Mapping[str, CheckStep]) -> Iterator[Recommendation]:
    """Yield options that differ from what was given."""
    options = subject.options
    # Who trusts a known_hosts file of this machine must bring it along; a pin travels.
    if (
        subject.host_key_fingerprint
        and steps["Host key"].status == "ok"
        and options.known_hosts is None
        and not options.host_key_fingerprint
    ):
        yield Recommendation(
            "host_key_fingerprint",
            subject.host_key_fingerprint,
            "jobs on another machine do not have this user's known_hosts",
        )
    if subject.connections is not None and subject.connections < options.max_connections:
        yield Recommendation(
            "max_connections", str(subject.connections), "the server allows no more at once"
        )
    if subject.sessions == 1 and options.channels_per_file != 1:
        yield Recommendation(
            "channels_per_file", "1", "the server allows one session on a connection"
        )
    distant = subject.round_trip_ms is not None and subject.round_trip_ms >= DISTANT
    if distant and subject.capabilities is not None and not subject.capabilities.plain_files:
        if options.files_per_partition == 1:
            yield Recommendation(
                "files_per_partition",
                "4",
                f"the round trip of {subject.round_trip_ms:.0f} ms holds a single file back",
            )
    elif distant and options.channels_per_file == 1 and subject.sessions != 1:
        yield Recommendation(
            "channels_per_file",
            "auto",
            f"the round trip of {subject.round_trip_ms:.0f} ms limits a single channel",
        )
    if "Rename" in steps and steps["Rename"].status == "failed":
        yield Recommendation("commit_mode", "direct", "the server does not rename")
    speed = subject.megabytes_per_second
    if speed is not None and speed < SLOW and options.compression is None:
        yield Recommendation(
            "compression", "gzip", f"the line carries about {speed:.1f} MB/s: send less"
        )
