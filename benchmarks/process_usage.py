"""Measures CPU seconds by role and the memory of Spark's Python workers, from /proc.

Every process is booked to one role, and one that has ended is booked where it was reaped (the
kernel adds its time to that parent's `cutime`), so that nothing is counted twice:

- `server`: the listener, its sessions, and all they have reaped;
- `relay`: likewise;
- `jvm`: each `java` under the root (this process), its own time alone;
- `client`: the root and all else under it: itself, the tools it starts, Spark's Python workers, and
  what all of them, the JVM included, have reaped. (What a JVM reaps are Python processes, and now
  and then a `chmod` of Hadoop's.)

The kernel's resolution is a tick, a hundredth of a second on Linux.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

PROC = Path("/proc")
TICK = 1 / os.sysconf("SC_CLK_TCK")
#: Bytes that hold any line of a process: a name and fifty numbers.
STAT_SIZE = 4096
ROLES = ("client", "jvm", "server", "relay")
#: Seconds between two looks at the workers. A look costs two or three milliseconds, in `client`.
INTERVAL = 0.25
#: Looks at the process table until two agree; a system where processes come and go all the time is
#: measured all the same.
TRIES = 5


@dataclass(frozen=True)
class Process:
    """A line of the process table.

    Args:
        pid, parent: ids.
        name: of the program, as the kernel keeps it: at most 15 characters.
        own: CPU seconds of its own, all threads.
        reaped: those of its children that have ended and were waited for, theirs included.

    """

    pid: int
    parent: int
    name: str
    own: float
    reaped: float


@dataclass
class Usage:
    """What a run took; filled when the run ends.

    Args:
        seconds: wall time.
        cpu: CPU seconds by role; None for a server that cannot be seen from here.
        memory: bytes, of the Python processes under a JVM: `worker` is the highest resident size of
            any one that did something in the run, `workers` that of all together at one look. What
            they share with each other (forked pages, libraries) counts in each.
        trace: of every look: seconds since the start, and the bytes of the largest worker and of
            all of them.

    """

    seconds: float = 0.0
    cpu: dict[str, float | None] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    trace: list[tuple[float, int, int]] = field(default_factory=list)


class UsageMeter:
    """Meters what happens in a `with` block.

    Args:
        server: process ids of the server's roots, as they are now.
        relay: likewise.
        server_is_visible: whether the server's processes are in this machine's /proc.
        root: process id of what is metered; this process if None.

    """

    def __init__(
        self,
        server: Callable[[], Collection[int]] = tuple,
        relay: Callable[[], Collection[int]] = tuple,
        *,
        server_is_visible: bool = True,
        root: int | None = None,
    ) -> None:
        self._root = os.getpid() if root is None else root
        self._server = server
        self._relay = relay
        self._server_is_visible = server_is_visible

    @contextmanager
    def measure(self) -> Iterator[Usage]:
        """Yield a reading that is filled at the end of the block."""
        reading = Usage()
        with _Watch(self._root) as watch:
            table = settled()
            before = self.cpu(table)
            started = time.perf_counter()
            try:
                yield reading
            finally:
                reading.seconds = time.perf_counter() - started
                table_after = settled()
                after = self.cpu(table_after)
        for role, used in after.items():
            was = before[role]
            lost = unreaped(table, table_after, self._root) if role == "client" else 0.0
            reading.cpu[role] = None if used is None or was is None else round(used - was + lost, 3)
        reading.memory = watch.memory()
        reading.trace = watch.trace

    def cpu(self, table: dict[int, Process] | None = None) -> dict[str, float | None]:
        """CPU seconds by role since each process began, ended ones included."""
        table = settled() if table is None else table
        server = family(table, self._server())
        relay = family(table, self._relay())
        mine = family(table, [self._root]) - server - relay
        jvm = sum((table[pid].own for pid in mine if table[pid].name == "java"), 0.0)
        return {
            "client": _all(table, mine) - jvm,
            "jvm": jvm,
            "server": _all(table, server) if self._server_is_visible else None,
            "relay": _all(table, relay),
        }


def _all(table: dict[int, Process], pids: Iterable[int]) -> float:
    return sum((table[pid].own + table[pid].reaped for pid in pids), 0.0)


def processes() -> dict[int, Process]:
    """Read the process table: pid to process. Those that end while it is read are left out."""
    table = {}
    # Without pathlib, which takes half the time of a look, four times a second.
    for name in os.listdir(PROC):  # noqa: PTH208
        if not name.isdigit():
            continue
        with suppress(OSError):
            file = os.open(f"{PROC}/{name}/stat", os.O_RDONLY)
            try:
                line = os.read(file, STAT_SIZE)
            finally:
                os.close(file)
            # `pid (program) state ppid …`: the program's name may hold anything, brackets too.
            head, _, tail = line.rpartition(b")")
            words = tail.split(maxsplit=15)
            own, reaped = int(words[11]) + int(words[12]), int(words[13]) + int(words[14])
            program = head.partition(b"(")[2].decode(errors="replace")
            table[int(name)] = Process(int(name), int(words[1]), program, own * TICK, reaped * TICK)
    return table


def settled() -> dict[int, Process]:
    """Read the table until no process was born, ended or reaped between two looks.

    A child that is reaped while the table is read would count twice, or not at all.
    """
    table = processes()
    for _ in range(TRIES):
        again = processes()
        if {pid: p.reaped for pid, p in again.items()} == {p.pid: p.reaped for p in table.values()}:
            return again
        table = again
    return table


def family(table: dict[int, Process], roots: Iterable[int]) -> set[int]:
    """Return the roots that are there, and all their descendants."""
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    queue = [pid for pid in roots if pid in table]
    found = set(queue)
    while queue:
        new = [pid for pid in children.get(queue.pop(), ()) if pid not in found]
        found.update(new)
        queue += new
    return found


def unreaped(before: dict[int, Process], after: dict[int, Process], root: int) -> float:
    """Return the CPU seconds of those under `root` that have ended since and that no parent reaped.

    PySpark's daemons ignore SIGCHLD, and then the kernel forgets a child's time (proc(5), cutime).
    A worker that had been idle for a minute would make the run in which it ends look cheaper.
    """
    lost = 0.0
    for pid in family(before, [root]) - after.keys():
        process = before[pid]
        parent = after.get(process.parent)
        took = process.own + process.reaped
        if parent is not None and parent.reaped - before[parent.pid].reaped < took:
            lost += took
    return lost


def python_workers(table: dict[int, Process], root: int) -> set[int] | None:
    """Return the ids of all Python processes under a JVM that is under `root`; None without one."""
    jvms = {pid for pid in family(table, [root]) if table[pid].name == "java"}
    found = family(table, jvms) - jvms
    return {pid for pid in found if table[pid].name.startswith("python")} if jvms else None


class _Watch:
    """Looks at the workers' memory from a thread of its own."""

    def __init__(self, root: int) -> None:
        self._root = root
        self.trace: list[tuple[float, int, int]] = []
        self._peaks: dict[int, int] = {}
        self._stale: set[int] = set()
        #: CPU seconds that those had who were there at the start, while that is all they have.
        self._idle: dict[int, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)

    def __enter__(self) -> _Watch:
        table = processes()
        workers = python_workers(table, self._root)
        self._started = time.perf_counter()
        if (
            workers is not None
        ):  # else there is nothing to see, and the looks would cost for nothing
            self._idle = {pid: table[pid].own for pid in workers}
            self._stale = {pid for pid in workers if not reset_peak(pid)}
            self._look(table)
            self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._thread.is_alive():
            self._stop.set()
            self._thread.join()
            table = processes()
            self._look(table)
            for pid, own in list(self._idle.items()):
                if pid in table and table[pid].own - own > 2 * TICK:
                    del self._idle[pid]

    def memory(self) -> dict[str, int]:
        return {
            "worker": max(
                (peak for pid, peak in self._peaks.items() if pid not in self._idle), default=0
            ),
            "workers": max((together for *_, together in self.trace), default=0),
        }

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL):
            self._look(processes())

    def _look(self, table: dict[int, Process]) -> None:
        sizes = [0]
        for pid in python_workers(table, self._root) or ():
            now, peak = resident(pid)
            sizes.append(now)
            # Where the peak could not be reset it is an older one: the looks must do.
            seen = now if pid in self._stale else peak
            self._peaks[pid] = max(seen, self._peaks.get(pid, 0))
        since = round(time.perf_counter() - self._started, 3)
        self.trace.append((since, max(sizes), sum(sizes)))


def reset_peak(pid: int) -> bool:
    """Make the kernel forget a process's highest resident size; False where it may not be done.

    Writing 5 to clear_refs: see proc_pid_clear_refs(5).
    """
    try:
        Path(PROC, str(pid), "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def resident(pid: int) -> tuple[int, int]:
    """Return a process's resident bytes, and their peak; zeros when it has ended."""
    sizes = {"VmRSS": 0, "VmHWM": 0}
    with suppress(OSError):
        for line in Path(PROC, str(pid), "status").read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name in sizes:
                sizes[name] = int(value.split()[0]) * 1024
    return sizes["VmRSS"], sizes["VmHWM"]
