"""Recommends options for a server, from the results of the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sftp_async.tools.doctor.report import Recommendation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sftp_async.tools.doctor.context import CheckContext
    from sftp_async.tools.doctor.report import CheckStep

#: Round-trip time in milliseconds from which a server counts as high-latency: with OpenSSH's
#: channel window of 2 MiB, one channel then carries at most 100 MB/s.
HIGH_LATENCY_MS = 20.0
#: Throughput in MB/s below which compressing takes less time than sending: gzip compresses about
#: 200 MB/s on one core.
SLOW_MB_PER_SECOND = 10.0


def recommend(context: CheckContext, steps: Mapping[str, CheckStep]) -> Iterator[Recommendation]:
    """Yield the options that should have other values than those given."""
    options = context.options
    # This user's known_hosts file is on this machine only; the fingerprint works everywhere.
    if (
        context.host_key_fingerprint
        and steps["Host key"].status == "ok"
        and options.known_hosts is None
        and not options.host_key_fingerprint
    ):
        yield Recommendation(
            "host_key_fingerprint",
            context.host_key_fingerprint,
            "jobs on other machines do not have this user's known_hosts file",
        )
    if context.connections is not None and context.connections < options.max_connections:
        yield Recommendation(
            "max_connections",
            str(context.connections),
            "the server allows no more connections at the same time",
        )
    if context.reads:
        if not context.ranges:
            yield Recommendation(
                "access", "sequential", "the server reads files only from their start"
            )
        return
    if context.sessions == 1 and options.channels_per_file != 1:
        yield Recommendation(
            "channels_per_file", "1", "the server allows one session per connection"
        )
    high_latency = context.round_trip_ms is not None and context.round_trip_ms >= HIGH_LATENCY_MS
    if high_latency and context.capabilities is not None and not context.capabilities.plain_files:
        if options.files_per_partition == 1:
            yield Recommendation(
                "files_per_partition",
                "4",
                f"the round trip of {context.round_trip_ms:.0f} ms limits a single file",
            )
    elif high_latency and options.channels_per_file == 1 and context.sessions != 1:
        yield Recommendation(
            "channels_per_file",
            "auto",
            f"the round trip of {context.round_trip_ms:.0f} ms limits a single channel",
        )
    if "Rename" in steps and steps["Rename"].status == "failed":
        yield Recommendation("commit_mode", "direct", "the server cannot rename files")
    speed = context.megabytes_per_second
    if speed is not None and speed < SLOW_MB_PER_SECOND and options.compression is None:
        yield Recommendation(
            "compression",
            "gzip",
            f"the connection carries about {speed:.1f} MB/s, so sending less data is faster",
        )
