"""Archives or deletes the files that a stream has read, after the sink's commit.

Nothing is remembered between processes: the stream names files that it has read and whose batch is
done as long as they are listed, and what a crash left says itself what is left to do. No error of
the server ends the query: it is logged and counted, and the next look tries again.
"""

from __future__ import annotations

import logging
import posixpath
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sftp_async.errors import UNKNOWN_OUTCOME, OptionsError, SFTPAsyncError, TransferError
from sftp_async.humanize import counted
from sftp_async.layout.cleanup_names import SetAside, stream_digits
from sftp_async.layout.sidecars import ALGORITHMS, done_name
from sftp_async.read.cleanup.archive_paths import base_of, reading_root
from sftp_async.read.cleanup.steps import CleaningState, CleanSteps, Outcome
from sftp_async.read.left_out import LeftOut
from sftp_async.read.path_patterns import is_pattern
from sftp_async.read.remote_tree import join, parent_of
from sftp_async.read.root_paths import path_on_server, relative_to
from sftp_async.remote.concurrency import AT_ONCE, each
from sftp_async.remote.operation import run_operation
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import get_runtime

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from typing import Any

    from sftp_async.layout.cleanup_names import Way
    from sftp_async.options import SFTPOptions
    from sftp_async.read.listing import FoundFile
    from sftp_async.remote.filesystem import RemoteFileSystem

__all__ = ["CleanResult", "CleaningRound", "Cleanup"]

log = logging.getLogger("sftp_async.read.cleanup")

#: Refusals after which the rest of the files waits for the next look: they have one reason.
MOST_FAILURES = AT_ONCE
#: The same, before one file was cleaned: what is misconfigured leaves few files set aside.
FIRST_FAILURES = 3
#: Failures that a result names.
NAMED = 10

_DONE = {"archive": "archived", "delete": "deleted"}


@dataclass(frozen=True)
class CleanResult:
    """What became of files that were to be archived or deleted.

    Attributes:
        cleaned: how many are archived or deleted.
        left: how many stay, by reason, such as another version that has the name.
        failed: how many could not be cleaned.
        waiting: how many were not tried, after so many failures.
        failures: path and error of the first ones.

    """

    cleaned: int = 0
    left: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    waiting: int = 0
    failures: Sequence[LeftOut] = ()


class Cleanup:
    """Archives or deletes what one stream has read; for one call at a time, from any thread.

    Args:
        options: of the read, resolved; `clean_source` is not `off`.
        roots: the paths of the read, as of `asked_paths`.
        stream: the stream's id, in hex.

    Raises:
        OptionsError: the archive's path is invalid.

    """

    def __init__(self, options: SFTPOptions, roots: Sequence[str], stream: str) -> None:
        assert options.clean_source != "off"
        self._options = options
        self._roots = tuple(roots)
        self._stream = stream_digits(stream)
        self._way: Way = options.clean_source
        self._archive = None
        if options.source_archive_dir is not None:
            archive = options.source_archive_dir
            self._archive = path_on_server(options, archive, "source_archive_dir")
        self._state = CleaningState()
        self._works = False
        #: Directories in which a file was cleaned.
        self._working: set[str] = set()
        #: How often files could not be cleaned: those that were refused less often come first.
        self._refused: dict[str, int] = {}
        self._reported: frozenset[str] = frozenset()

    async def check(self, connection: RemoteFileSystem) -> None:
        """Ensure that the stream does not read its own archive.

        Raises:
            OptionsError: it does, or may.
            ConnectionLostError, StalledError: the connection failed.

        """
        if self._archive is None or self._way != "archive":
            return
        home = await connection.realpath(".")
        archives = await _absolute(connection, home, self._archive)
        for root in self._roots:
            base = base_of(root)
            below = relative_to(root, base) or ""
            places = {join(start, below) for start in await _absolute(connection, home, base)}
            if not is_pattern(root):
                places |= await _absolute(connection, home, root)
            if any(reading_root(archive, list(places)) for archive in archives):
                hidden = join(base if is_pattern(root) else root, "_done")
                raise OptionsError(
                    f"The stream reads {root}, and would read the files in its archive, "
                    f"source_archive_dir={self._archive}, again. Choose a directory that is "
                    f"neither above nor below what it reads, or a hidden one in it, such as "
                    f"{hidden}."
                )

    def clean(self, files: Sequence[FoundFile], set_aside: Sequence[str] = ()) -> CleanResult:
        """Archive or delete files, several at a time; log what cannot be done.

        Args:
            files: what is listed, and was read in batches that are done; as it was read.
            set_aside: `Listing.set_aside`; of these the ones that are this stream's are completed.

        Returns:
            What became of them. A server or a network that fails raises no error.

        """
        runtime = get_runtime()
        round_ = CleaningRound(files, set_aside)

        async def step(connection: RemoteFileSystem) -> None:
            await self.clean_on(connection, round_)

        pool, retry = runtime.pool(self._options), RetryPolicy.of(self._options)
        try:
            runtime.run(run_operation(pool, retry, step))
        except SFTPAsyncError as error:
            round_.fail(self._roots[0], error)
        result = round_.result()
        self._report(result, round_.reasons)
        return result

    async def clean_on(self, connection: RemoteFileSystem, round_: CleaningRound) -> None:
        """Go on with a round over one connection.

        Raises:
            ConnectionLostError, StalledError: the connection failed; go on with another one.

        """
        steps = CleanSteps(
            connection, self._roots, self._stream, self._way, self._archive, self._state
        )

        async def complete(aside: SetAside) -> None:
            await self._carry_out(round_, aside.path, steps.complete(aside))
            round_.set_aside.discard(aside.hidden_path)

        async def clean(file: FoundFile) -> None:
            if self._may_try(round_, parent_of(file.path)):
                work = steps.clean(file, sidecars_of(file.path, self._options))
                await self._carry_out(round_, file.path, work)
                del round_.waiting[file.path]

        # First: what was in flight when the last connection was lost, or the process stopped.
        parsed = [SetAside.of(path) for path in sorted(round_.set_aside | self._state.begun)]
        own = [aside for aside in parsed if aside is not None and aside.stream == self._stream]
        await each(own, complete)
        round_.failed_before = round_.failed
        # One by one until one works: an archive that refuses files must not strand many.
        files = sorted(round_.waiting.values(), key=lambda file: self._refused.get(file.path, 0))
        for file in files:
            if self._works:
                break
            await clean(file)
        await each([file for file in files if file.path in round_.waiting], clean)
        self._refused = {
            file.path: times
            for file in files
            if (times := self._refused.get(file.path, 0) + (file.path in round_.refused))
        }

    def _may_try(self, round_: CleaningRound, directory: str) -> bool:
        """Whether to clean one more file of a directory, after what was refused so far."""
        if directory not in self._working and round_.by_directory[directory] >= FIRST_FAILURES:
            return False
        most = MOST_FAILURES if self._works else FIRST_FAILURES
        return round_.failed - round_.failed_before < most

    async def _carry_out(
        self, round_: CleaningRound, path: str, work: Coroutine[Any, Any, Outcome]
    ) -> None:
        try:
            outcome = await work
        except UNKNOWN_OUTCOME:
            raise
        except SFTPAsyncError as error:
            round_.fail(path, error)
            return
        round_.outcomes[outcome] += 1
        if outcome is Outcome.CLEANED:
            self._works = True
            self._working.add(parent_of(path))

    def _report(self, result: CleanResult, reasons: frozenset[str]) -> None:
        """Log the result; of what goes on for the same reasons, only once."""
        where = f"{self._options.address}: {', '.join(self._roots)}"
        done = _DONE[self._way]
        if result.cleaned:
            log.info("%s: %s %s", where, counted((result.cleaned, "file")), done)
        texts = [f"{counted((count, 'file'))} left: {why}" for why, count in result.left.items()]
        if result.failures:
            first = result.failures[0]
            waiting = f", and {result.waiting:,} wait" if result.waiting else ""
            texts.append(
                f"{counted((result.failed, 'file'))} could not be {done}{waiting}. The stream goes "
                f"on, and the next look tries again. The first is {first.path}: {first.reason}"
            )
        if texts and not reasons <= self._reported:
            log.warning("%s: %s", where, "; ".join(texts))
        self._reported = reasons


class CleaningRound:
    """The files of one call, over connections: what became of them, and which are waiting.

    Args:
        files: to be cleaned; see `Cleanup.clean`.
        set_aside: hidden paths, whatever stream has set them aside.

    """

    def __init__(self, files: Sequence[FoundFile], set_aside: Sequence[str] = ()) -> None:
        self.waiting = {file.path: file for file in files}
        self.set_aside = set(set_aside)
        self.outcomes: Counter[Outcome] = Counter()
        self.failed = 0
        #: How many of them were set aside before.
        self.failed_before = 0
        self.refused: set[str] = set()
        self._messages: set[str] = set()
        self.by_directory: Counter[str] = Counter()
        self._failures: list[LeftOut] = []

    def fail(self, path: str, error: SFTPAsyncError) -> None:
        """Note that a file could not be cleaned."""
        self.failed += 1
        self.refused.add(path)
        self._messages.add(error.message)
        self.by_directory[parent_of(path)] += 1
        if len(self._failures) < NAMED:
            self._failures.append(LeftOut(path, str(error)))

    @property
    def reasons(self) -> frozenset[str]:
        """Why files could not be cleaned, or stay."""
        return frozenset({*self.result().left, *self._messages})

    def result(self) -> CleanResult:
        """Return what became of the files."""
        left = {
            outcome.value: count
            for outcome in Outcome
            if outcome not in (Outcome.CLEANED, Outcome.GONE) and (count := self.outcomes[outcome])
        }
        return CleanResult(
            self.outcomes[Outcome.CLEANED],
            left,
            self.failed,
            len(self.waiting),
            tuple(self._failures),
        )


def sidecars_of(path: str, options: SFTPOptions) -> list[str]:
    """Return the paths of a file's own sidecar files, as far as the options name them.

    A done file that several files share stays: the others wait for it.
    """
    found = []
    template = options.done_file_template
    if template is not None and done_name(template, "a.b") != done_name(template, "a.c"):
        found.append(done_name(template, path))
    if options.verify == "checksum":
        found += [f"{path}.{algorithm}" for algorithm in ALGORITHMS]
    return found


async def _absolute(connection: RemoteFileSystem, home: str, path: str) -> set[str]:
    """Return the absolute forms of a path: as it is written, and with its links followed."""
    written = posixpath.normpath(posixpath.join(home, path))
    try:
        return {written, await connection.realpath(path)}
    except UNKNOWN_OUTCOME:
        raise
    except TransferError:  # there is no such directory yet
        return {written}
