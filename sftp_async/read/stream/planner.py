"""Plans the micro-batches of a stream: which files are new, complete, and next."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from sftp_async.errors import RemoteChangedError
from sftp_async.humanize import counted
from sftp_async.read.ingest_log.known_files import whole_seconds
from sftp_async.read.ingest_log.log_format import LoggedBatch
from sftp_async.read.ingest_log.offset import StreamOffset
from sftp_async.read.listing import NOT_IN_PARTITION
from sftp_async.read.stream.admission import Limits, admit
from sftp_async.read.stream.readiness import Readiness
from sftp_async.remote.file_version import FileVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sftp_async.read.cleanup.background import Cleaning
    from sftp_async.read.ingest_log.known_files import KnownFiles
    from sftp_async.read.ingest_log.state import StreamState
    from sftp_async.read.listing import FoundFile, Listing
    from sftp_async.read.stream.server_looks import Clock, Look, ServerLooks

log = logging.getLogger("sftp_async.read.stream")

#: Identifies a version of a file: path, size, time of last change in whole seconds.
Version = tuple[str, int, int]


@dataclass(frozen=True)
class StreamRules:
    """What the options say about a stream.

    Attributes:
        target: what is read, for messages.
        limits: of a micro-batch.
        latest_first: whether the newest files come first.
        on_change: what to do with a file that was read in another version.
        stable_for: seconds between the two looks that must see the same version.

    """

    target: str
    limits: Limits = field(default_factory=Limits)
    latest_first: bool = False
    on_change: Literal["read", "ignore", "fail"] = "read"
    stable_for: float = 0.0


@dataclass
class _Findings:
    """What a look shows to a stream.

    Attributes:
        look: the listing.
        ready: files to be read, stable.
        unstable: files to be read as soon as they are stable.
        read: files whose version was read.
        ignored: how many were read in another version, with `on_change=ignore`.

    """

    look: Look
    ready: list[FoundFile] = field(default_factory=list)
    unstable: list[FoundFile] = field(default_factory=list)
    read: list[FoundFile] = field(default_factory=list)
    ignored: int = 0

    def take(self, files: Sequence[FoundFile]) -> None:
        """Leave out the files of a micro-batch that is planned."""
        taken = {file.path for file in files}
        self.ready = [file for file in self.ready if file.path not in taken]


class StreamPlanner:
    """Answers Spark's questions about a stream, which come one at a time.

    Args:
        rules: of the stream.
        state: what it remembers.
        looks: at the server.
        clock: of those.
        cleaning: archives or deletes what was read; None: nothing does.
        check: looks at the files of a batch before it is planned, and may refuse it; None: nothing
            does.

    """

    def __init__(
        self,
        rules: StreamRules,
        state: StreamState,
        looks: ServerLooks,
        clock: Clock,
        cleaning: Cleaning | None = None,
        check: Callable[[Listing], None] | None = None,
    ) -> None:
        self._rules = rules
        self._check = check
        self._cleaning = cleaning
        self._state = state
        self._looks = looks
        self._clock = clock
        self._readiness = Readiness(rules.stable_for)
        #: Where the stream stands, for a Spark that does not say it (4.0 and 4.1).
        self._position: StreamOffset | None = None
        self._findings: _Findings | None = None
        #: With `availableNow`: the versions that were there at the start of the query.
        self._target: frozenset[Version] | None = None
        #: The look of that start.
        self._first_look: Look | None = None
        self._waits = True
        self._last_report = ""

    def initial(self) -> dict[str, Any]:
        """Return the offset of a stream that has read nothing."""
        return StreamOffset().to_dict()

    def latest(self, start: dict[str, Any] | None, limits: Limits | None = None) -> dict[str, Any]:
        """Plan the next micro-batch; return its end, or the start if there is nothing to read.

        Args:
            start: the end of the last batch, which is done; None: Spark does not say it, and the
                last batch that was planned is done.
            limits: of the batch; those of the options if None.

        Raises:
            SFTPAsyncError: the server cannot be listed, or the state cannot be used.

        """
        if start is not None:
            self._position = StreamOffset.from_dict(start)
        offset = self._position = self._position or StreamOffset()
        end = self._state.planned(offset)
        if end is None:
            findings = self._news(self._state.known(offset))
            self._clean(offset, findings)
            files = admit(
                findings.ready, limits or self._rules.limits, latest_first=self._rules.latest_first
            )
            if not files:
                return offset.to_dict()
            findings.take(files)
            listing = replace(findings.look.listing, files=tuple(files))
            if self._check is not None:
                self._check(listing)
            partition_by = listing.partition_by
            batch = LoggedBatch(offset.batch + 1, tuple(files), partition_by)
            end = self._state.plan(offset, batch, findings.look.paths(), self._clock.time())
            self._log(batch)
        self._position = end
        self._looks.begin_ahead()
        return end.to_dict()

    def batches(self, start: dict[str, Any], end: dict[str, Any]) -> Sequence[LoggedBatch]:
        """Return the micro-batches between two offsets; they depend on these alone.

        Raises:
            SFTPAsyncError: the state does not have them.

        """
        first, last = StreamOffset.from_dict(start), StreamOffset.from_dict(end)
        self._position = last
        return () if first == last else self._state.batches(first, last)

    def prepare_available_now(self) -> None:
        """Confine the stream to the files that are there now; raises as `latest`."""
        self._first_look = self._looks.afresh()
        self._target = frozenset(map(_version, self._first_look.listing.files))

    def backlog(self) -> dict[str, Any] | None:
        """Return how much is there to be read; None if no look has shown it yet."""
        if self._findings is None:
            return None
        waiting = self._findings.ready
        return {"files_waiting": len(waiting), "bytes_waiting": sum(file.size for file in waiting)}

    # Files

    def _news(self, known: KnownFiles) -> _Findings:
        """Return what is to be read by a look that is new enough."""
        if self._findings is not None and self._looks.is_recent(self._findings.look):
            # What the last batch left.
            findings = self._sorted(self._findings.look, known)
            if findings.ready:
                return findings
        ahead = self._first_look or self._looks.ahead()
        self._first_look = None
        if ahead is not None:
            findings = self._sorted(ahead, known)
        if ahead is None or not findings.ready:
            findings = self._sorted(self._looks.afresh(), known)
        # One trigger may be all that a query has: its first one waits until files are stable.
        while findings.unstable and not findings.ready and self._waits:
            self._report(findings)
            self._waits = self._target is not None
            stable_at = self._readiness.stable_at(findings.unstable)
            self._clock.sleep(max(0.0, stable_at - self._clock.monotonic()))
            findings = self._sorted(self._looks.afresh(), known)
        self._waits = self._target is not None
        self._report(findings)
        return findings

    def _sorted(self, look: Look, known: KnownFiles) -> _Findings:
        findings = _Findings(look)
        unread: dict[str, FoundFile] = {}
        for file in look.listing.files:
            match known.version_state(file.path, file.size, file.mtime):
                case "known":
                    findings.read.append(file)
                    continue
                case "changed" if self._rules.on_change == "ignore":
                    findings.ignored += 1
                    continue
                case "changed" if self._rules.on_change == "fail":
                    raise self._changed(file, known.version(file.path))
            if self._target is None or _version(file) in self._target:
                unread[file.path] = file
        for error in look.listing.missing:
            # What the stream itself has archived or deleted stays in a manifest.
            if known.version(error.path or "") is None:
                raise error
        # What is there and not to be read now, as without its done file, is not gone.
        known.missed(look.paths(), self._clock.time())
        findings.ready, findings.unstable = self._readiness.divide(unread.values(), look)
        self._findings = findings
        return findings

    def _clean(self, done: StreamOffset, findings: _Findings) -> None:
        """Have the files cleaned that a look shows and that batches up to an offset have read."""
        if self._cleaning is None or done.stream is None:
            return
        if self._target is not None and not findings.ready:
            # The query ends: its last batch is cleaned now, or at the next start.
            self._cleaning.finish()
            if findings.read:
                findings = self._sorted(self._looks.afresh(), self._state.known(done))
            self._cleaning.begin(done.stream, findings.look, findings.read)
            self._cleaning.finish()
        else:
            self._cleaning.begin(done.stream, findings.look, findings.read)

    # Messages

    def _changed(self, file: FoundFile, before: tuple[int, int] | None) -> RemoteChangedError:
        size, mtime = before or (0, 0)
        return RemoteChangedError(
            f"A file has changed since the stream read it: it had {FileVersion('', size, mtime)}; "
            f"now it has {FileVersion('', file.size, file.mtime)}",
            host=self._rules.target,
            path=file.path,
            hint="on_change=fail asks for this error: with read, the stream reads all of the file "
            "again, and with ignore, none of it",
        )

    def _log(self, batch: LoggedBatch) -> None:
        log.debug(
            "%s: micro-batch %d has %s",
            self._rules.target,
            batch.number,
            counted((len(batch.files), "file"), (sum(file.size for file in batch.files), "byte")),
        )

    def _report(self, findings: _Findings) -> None:
        """Log what waits, and why, where that has changed."""
        parts = []
        if findings.unstable:
            parts.append(f"{len(findings.unstable):,} not stable yet (stable_for)")
        if findings.ignored:
            parts.append(f"{findings.ignored:,} changed since they were read (on_change=ignore)")
        if summary := findings.look.listing.left_out_summary:
            parts.append(summary)
        report = "; ".join(parts)
        if report != self._last_report:
            # A partition directory that appears next to plain files ends the reading of these.
            unread = NOT_IN_PARTITION in findings.look.listing.left_out_by_reason
            log.log(
                logging.WARNING if unread else logging.INFO,
                "%s: files that are not read now: %s",
                self._rules.target,
                report or "none",
            )
        self._last_report = report


def _version(file: FoundFile) -> Version:
    return file.path, file.size, whole_seconds(file.mtime)
