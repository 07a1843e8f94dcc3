"""Times contenders that do the same work in turn, A B A B, after their outcomes were found equal.

How a comparison goes:

1. Every contender warms up. What it left behind is looked at, and must equal in rows and digest
   what the first contender (ours) left: otherwise it is disqualified, both outcomes are in the
   report, and the suite ends with exit status 1. A contender that reads, and leaves nothing, looks
   at every row in its warm-up instead; ours, too, must then have found what is known to be there.
2. `rounds` times, every contender in turn: a fresh target, one run, and the run alone is timed and
   metered. What it left must have the size that was verified; then it is removed, not timed. A
   peer that takes minutes has one run (`LONG`).
3. Every single run is kept. Medians are made by the report, not here.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from benchmarks.time_limit import time_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from benchmarks.context import Context
    from benchmarks.process_usage import Usage

#: Seconds one run may take; the slowest known, Paramiko and pandas at 50 ms, takes about 240.
PATIENCE = 1200.0
#: A peer whose warm-up takes more seconds than this has one counted run: the warm-up itself, unless
#: that looked at every row as well. So slow is only what waits for answers one by one, whose runs
#: differ little; all rounds of it would take hours.
LONG = 30.0


@dataclass(frozen=True)
class Outcome:
    """What a contender left behind.

    Args:
        rows: how many; None where there are none to count, as in a file of random bytes.
        bytes: as they lie on the disk.
        digest: the same for the same rows, or bytes, and for no others.

    """

    rows: int | None
    bytes: int
    digest: str


@dataclass(frozen=True)
class Contender:
    """One way to do the work.

    Args:
        name: its key in the JSON, snake_case: `sftp_async`, `paramiko_pandas`, `openssh_sftp`.
        title: for people.
        run: does all the work once into the fresh target path it is given; only this is timed.
        outcome: looks at what `run` left at the target; None leaves nothing to look at.
        check: does the work once as `run` does, looks at all that it reads, and says what that was;
            it takes the place of `run` and `outcome` in the warm-up.
        truth: what is known to be there: the outcome must have these rows and this digest, and is
            then compared with no other.
        reads: bytes that a run reads, for one that leaves nothing.
        unavailable: why it is skipped on this machine.
        target: makes a fresh target: a path on the server, or a local one (`context.new_local`);
            None takes `context.server.new_target`.
        wake: starts what may have gone to sleep while the others had their turn, into a target of
            its own; before each counted run, not timed. Spark ends Python workers that were idle
            for a minute.
        tidy: removes what `run` left elsewhere (a staging directory); after each run, not timed.
        rows: what must arrive; checked against the outcome.
        labels: what the report should know of this contender alone.

    """

    name: str
    title: str
    run: Callable[[str], object]
    outcome: Callable[[str], Outcome] | None = None
    check: Callable[[str], Outcome] | None = None
    truth: Outcome | None = None
    reads: int = 0
    unavailable: str | None = None
    target: Callable[[], str] | None = None
    wake: Callable[[str], object] | None = None
    tidy: Callable[[str], object] | None = None
    rows: int | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One counted run.

    Args:
        seconds: wall time.
        cpu: CPU seconds by role: client, jvm, server, relay; None where it cannot be seen.
        memory: bytes: `worker` is the peak of the largest Python worker of Spark, `workers` that of
            all of them at one moment.
        bytes: what was left at the target, or read.
        network: bytes that passed the relay, both ways; 0 without one.
        trace: as in `benchmarks.process_usage.Usage`, where asked for.

    """

    seconds: float
    cpu: Mapping[str, float | None]
    memory: Mapping[str, int]
    bytes: int
    trace: Sequence[tuple[float, int, int]] = ()
    network: int = 0


@dataclass
class Entry:
    """A contender's part in a comparison.

    Args:
        contender: who.
        outcome: what its warm-up left.
        size: bytes of it, as every counted run must leave them.
        failed: why its figures do not count: other rows than ours, or an error.
        cipher: what the server says was negotiated; None where it was not seen.
        warmups: seconds of each warm-up, the first of which pays for imports and start-up.
        runs: the counted ones, in order.
        is_long: whether one run is all that it has; see `LONG`.

    """

    contender: Contender
    outcome: Outcome | None = None
    size: int | None = None
    failed: str | None = None
    cipher: str | None = None
    warmups: list[float] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    is_long: bool = False

    @property
    def counts(self) -> bool:
        """Whether it is there, and did the same as ours."""
        return self.contender.unavailable is None and self.failed is None

    @property
    def has_turn(self) -> bool:
        """Whether it has a run in the next round."""
        return self.counts and not (self.is_long and self.runs)


@dataclass
class Comparison:
    """Contenders, their outcomes, and every run.

    Args:
        name: unique in the report: `bulk/csv`, `latency/csv/50ms`.
        labels: what was done: `workload` and `rtt_ms` (set by `compare`), `format`,
            `compression`, `rows`, `partitions`, `bytes` (of one run's payload, where known).
        rounds: how many runs were to be counted.
        entries: in the order of the contenders.

    """

    name: str
    labels: dict[str, Any]
    rounds: int
    entries: list[Entry]

    @property
    def problems(self) -> list[str]:
        """Sentences on what did not go as it must; any of them fails the suite."""
        return [
            f"{self.name}: {entry.contender.title}: {entry.failed}"
            for entry in self.entries
            if entry.failed is not None
        ]


def compare(
    context: Context,
    name: str,
    contenders: Sequence[Contender],
    *,
    rounds: int,
    warmups: int = 1,
    labels: Mapping[str, Any] | None = None,
    alike: bool = True,
    trace: bool = False,
    patience: float = PATIENCE,
    long: float = LONG,
) -> Comparison:
    """Let contenders do the same work in turn.

    Args:
        context: the suite's; the relay that is open in it, if any, is metered and labelled.
        name: unique in the report.
        contenders: ours first.
        rounds: counted runs of each.
        warmups: uncounted ones of each, at least one: it is the one that is verified.
        labels: see `Comparison`.
        alike: every outcome must equal the first one; False where contenders do different work,
            such as other numbers of rows (give each its `rows` then).
        trace: keep what the workers' memory was all along each run, not its peak alone.
        patience: seconds one run may take.
        long: seconds of a warm-up after which a peer has one counted run; see `LONG`.

    Raises:
        ValueError: no contender, two of one name, or no warm-up to verify.

    """
    names = [contender.name for contender in contenders]
    if not names or len(set(names)) < len(names) or warmups < 1:
        raise ValueError(
            f"{name}: needs contenders with names of their own, and a warm-up: {names}"
        )
    labels = {"workload": context.workload, "rtt_ms": context.rtt_ms, **(labels or {})}
    entries = [Entry(contender) for contender in contenders]
    result = Comparison(name, labels, rounds, entries)
    for entry in entries:
        if entry.contender.unavailable is not None:
            context.say(f"{name}: {entry.contender.title}: skipped, {entry.contender.unavailable}")
            continue
        for number in range(warmups):
            run = _warm_up(context, result, entry, patience, look=number == warmups - 1)
        entry.is_long = entry is not entries[0] and run is not None and run.seconds > long
        if run is not None and entry.is_long and entry.contender.check is None:
            entry.runs.append(run)
    if alike:
        _disqualify(context, result)
    for number in range(1, rounds + 1):
        for entry in entries:
            if entry.has_turn:
                run = _count(context, result, entry, number, patience)
                if run is not None:
                    entry.runs.append(run if trace else replace(run, trace=()))
    return result


def _warm_up(
    context: Context, result: Comparison, entry: Entry, patience: float, *, look: bool
) -> Run | None:
    if entry.failed is not None:
        return None
    contender = entry.contender
    run = None
    with _turn(context, result, entry) as target:
        seen = context.server.ciphers()  # what came before is not this contender's
        checked = None
        before = context.network_bytes()
        with time_limit(patience), context.meter.measure() as reading:
            if look and contender.check is not None:
                checked = contender.check(target)
            else:
                contender.run(target)
        entry.warmups.append(reading.seconds)
        run = _run_of(context, contender, reading, context.size(target), before)
        seen = context.server.ciphers()
        # A pool that is still connected from an earlier comparison negotiates nothing again.
        if seen:
            context.ciphers[contender.name] = "+".join(sorted(set(seen)))
        entry.cipher = context.ciphers.get(contender.name)
        if look and contender.outcome is not None:
            checked = contender.outcome(target)
        if checked is not None:
            entry.size = context.size(target)
            entry.outcome = checked
            wanted = contender.rows if contender.rows is not None else result.labels.get("rows")
            if None not in (wanted, entry.outcome.rows) and wanted != entry.outcome.rows:
                entry.failed = f"left {entry.outcome.rows:,} rows instead of {wanted:,}"
            elif contender.truth is not None and not _alike(checked, contender.truth):
                entry.failed = (
                    f"found something else than is there: {_described(checked)} instead of "
                    f"{_described(contender.truth)}"
                )
            if entry.failed is not None:
                context.say(f"{result.name}: {contender.title}: DISQUALIFIED, {entry.failed}")
        context.say(f"{result.name}: {contender.title}: warm-up {entry.warmups[-1]:.2f} s")
    return run


def _run_of(
    context: Context, contender: Contender, reading: Usage, left: int, network_before: int
) -> Run:
    """Return what was metered, with the bytes that were left and those that passed the relay."""
    return Run(
        reading.seconds,
        reading.cpu,
        reading.memory,
        left or contender.reads,
        tuple(reading.trace),
        context.network_bytes() - network_before,
    )


def _disqualify(context: Context, result: Comparison) -> None:
    looked = [
        entry
        for entry in result.entries
        if entry.contender.truth is None
        and (entry.contender.outcome is not None or entry.contender.check is not None)
    ]
    if not looked:
        return
    ours, others = looked[0], looked[1:]
    for entry in others:
        if not entry.counts:
            continue
        if ours.outcome is None or entry.outcome is None:
            entry.failed = (
                f"cannot be verified: {ours.contender.title} left nothing to compare with"
            )
        elif not _alike(entry.outcome, ours.outcome):
            entry.failed = (
                f"left something else than {ours.contender.title}: {_described(entry.outcome)} "
                f"instead of {_described(ours.outcome)}"
            )
        if entry.failed is not None:
            context.say(f"{result.name}: {entry.contender.title}: DISQUALIFIED, {entry.failed}")


def _alike(one: Outcome, other: Outcome) -> bool:
    return (one.rows, one.digest) == (other.rows, other.digest)


def _described(outcome: Outcome) -> str:
    rows = "" if outcome.rows is None else f"{outcome.rows:,} rows, "
    return f"{rows}{outcome.bytes:,} bytes, digest {outcome.digest}"


def _count(
    context: Context, result: Comparison, entry: Entry, number: int, patience: float
) -> Run | None:
    contender = entry.contender
    run = None
    if contender.wake is not None:
        with _turn(context, result, entry) as target, time_limit(patience):
            contender.wake(target)
        if entry.failed:
            return None
    with _turn(context, result, entry) as target:
        before = context.network_bytes()
        with time_limit(patience), context.meter.measure() as reading:
            contender.run(target)
        left = context.size(target)
        run = _run_of(context, contender, reading, left, before)
        if entry.size is not None and left != entry.size:
            entry.failed = f"run {number} left {left:,} bytes, not the {entry.size:,} verified"
        cpu = ", ".join(f"{role} {used:.1f}" for role, used in reading.cpu.items() if used)
        context.say(
            f"{result.name}: {contender.title}: {number}/{result.rounds} "
            f"{reading.seconds:.2f} s (CPU {cpu or 'too little to see'})"
        )
    return run


@contextmanager
def _turn(context: Context, result: Comparison, entry: Entry) -> Iterator[str]:
    """Give a fresh target and take it away; an error ends this contender's part, no other's."""
    contender = entry.contender
    target = (contender.target or context.server.new_target)()
    try:
        yield target
    except Exception as error:  # noqa: BLE001 - a peer may fail in any way; the others go on
        entry.failed = f"{type(error).__name__}: {error}"[:2000]
        context.say(f"{result.name}: {contender.title}: FAILED, {entry.failed}")
        context.calm()
    finally:
        context.remove(target)
        if contender.tidy is not None:
            contender.tidy(target)
