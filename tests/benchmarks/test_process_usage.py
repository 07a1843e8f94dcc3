"""The meter: every CPU second is booked once and to the right role, and no peak is missed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.process_usage import Process, UsageMeter, family, processes

MIB = 1 << 20
#: Ticks are hundredths of a second, and every process is rounded.
TOLERANCE = 0.1

BURN = """
import os, subprocess, sys, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
"""
#: Burns, has a child of its own burn, says what both took while that child is alive, and once more
#: when it has been reaped.
FAMILY = (
    BURN
    + """
burn(0.2)
pipe = subprocess.PIPE
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=pipe, stdout=pipe, text=True)
childs = float(child.stdout.readline())
print(time.process_time() + childs, flush=True)
sys.stdin.readline()
child.communicate()
times = os.times()
print(times.user + times.system + times.children_user + times.children_system, flush=True)
sys.stdin.readline()
"""
)
CHILD = BURN + "burn(0.3)\nprint(time.process_time(), flush=True)\nsys.stdin.read()"
#: Calls itself java; the Python process under it allocates and frees memory on request.
JVM = """
import ctypes, subprocess, sys
ctypes.CDLL(None).prctl(15, b"java", 0, 0, 0)  # PR_SET_NAME
worker = subprocess.run([sys.executable, "-c", sys.argv[1]])
"""
WORKER = (
    BURN
    + """
import mmap
for line in sys.stdin:
    burn(0.05)
    with mmap.mmap(-1, int(line) or 1) as memory:
        for page in range(0, len(memory), 4096):
            memory[page] = 1
    print("done", flush=True)
"""
)


@contextmanager
def child(*words: str) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", *words], stdin=pipe, stdout=pipe, text=True, bufsize=1
    )
    with process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def go_on(process: subprocess.Popen[str], word: str = "") -> None:
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")


def test_a_tools_seconds_and_its_childrens_count_once_alive_or_reaped() -> None:
    with child(FAMILY, CHILD) as tool:
        meter = UsageMeter(root=tool.pid)
        for _ in ("alive", "reaped"):
            took = float(heard(tool))
            assert took >= 0.5
            assert meter.cpu()["client"] == pytest.approx(took, abs=TOLERANCE)
            go_on(tool)


@pytest.mark.parametrize("role", ["server", "relay"])
def test_the_seconds_of_a_server_and_its_sessions_are_not_the_clients(role: str) -> None:
    script = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {FAMILY!r}, {CHILD!r}])"
    )
    with child(script) as client:
        took = float(heard(client))
        (server,) = (pid for pid, p in processes().items() if p.parent == client.pid)
        cpu = UsageMeter(**{role: lambda: [server]}, root=client.pid).cpu()
        go_on(client)
        heard(client)
        reaped = UsageMeter(**{role: lambda: [server]}, root=client.pid).cpu()
    assert cpu[role] == pytest.approx(took, abs=TOLERANCE)
    assert reaped[role] == pytest.approx(took, abs=TOLERANCE)
    assert (cpu["client"] or 0) <= TOLERANCE * 3  # its start, and no more


def test_only_what_passes_inside_the_block_is_counted() -> None:
    with child(FAMILY, CHILD) as tool:
        heard(tool)
        with UsageMeter(root=tool.pid).measure() as reading:
            pass
    assert (reading.cpu["client"] or 0) <= TOLERANCE
    assert reading.seconds > 0


def test_a_worker_that_ends_unreaped_takes_no_seconds_with_it() -> None:
    # As PySpark's daemon does: the time of its children is lost to all.
    daemon = (
        "import os, signal, subprocess, sys\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        f"subprocess.Popen([sys.executable, '-c', {CHILD!r}])\n"
        "os.dup2(os.open('/dev/null', os.O_RDONLY), 0)\n"
        "signal.pause()\n"
    )
    with child(daemon) as tool:
        assert float(heard(tool)) >= 0.3
        (worker,) = (pid for pid, p in processes().items() if p.parent == tool.pid)
        with UsageMeter(root=tool.pid).measure() as reading:
            go_on(tool, "")
            assert tool.stdin is not None
            tool.stdin.close()  # the worker's, too: it ends
            while worker in processes():
                pass
        tool.kill()
    assert -TOLERANCE <= (reading.cpu["client"] or 0) <= TOLERANCE


def test_a_server_out_of_sight_has_no_figure_rather_than_nothing_spent() -> None:
    with UsageMeter(server_is_visible=False).measure() as reading:
        pass
    assert reading.cpu["server"] is None


def test_a_jvms_own_seconds_are_its_own_and_its_pythons_are_the_clients() -> None:
    script = "import ctypes\nctypes.CDLL(None).prctl(15, b'java', 0, 0, 0)\n" + FAMILY
    with child(script, CHILD) as jvm:
        meter = UsageMeter(root=jvm.pid)
        for _ in ("alive", "reaped"):
            took = float(heard(jvm))
            cpu = meter.cpu()
            assert cpu["jvm"] == pytest.approx(processes()[jvm.pid].own, abs=TOLERANCE)
            assert (cpu["jvm"] or 0) >= 0.2
            assert (cpu["client"] or 0) >= 0.3
            assert (cpu["jvm"] or 0) + (cpu["client"] or 0) == pytest.approx(took, abs=TOLERANCE)
            go_on(jvm)


def test_a_peak_between_two_looks_is_seen_and_is_gone_in_the_next_run() -> None:
    with child(JVM, WORKER) as jvm:
        go_on(jvm, "0")
        heard(jvm)  # now the worker is there
        meter = UsageMeter(root=jvm.pid)
        readings = []
        for size in (0, 64 * MIB, 0):
            with meter.measure() as reading:
                go_on(jvm, str(size))
                heard(jvm)
            readings.append(reading)
    small, large, after = (reading.memory["worker"] for reading in readings)
    assert 0 < small < large - 32 * MIB
    if os.access(f"/proc/{os.getpid()}/clear_refs", os.W_OK):
        assert after < large - 32 * MIB
    seconds, largest, together = readings[0].trace[-1]
    assert (seconds > 0, 0 < largest <= together) == (True, True)


def test_the_memory_of_a_worker_that_did_nothing_is_not_the_runs() -> None:
    with child(JVM, WORKER) as jvm:
        go_on(jvm, "0")
        heard(jvm)
        with UsageMeter(root=jvm.pid).measure() as reading:
            pass
    assert reading.memory["worker"] == 0 < reading.memory["workers"]


def test_without_spark_there_is_no_workers_memory() -> None:
    with child("input()") as tool, UsageMeter(root=tool.pid).measure() as reading:
        go_on(tool)
    assert reading.memory == {"worker": 0, "workers": 0}
    assert reading.trace == []


def test_a_family_is_the_roots_that_are_there_and_all_below_them() -> None:
    parents = {1: 0, 2: 1, 3: 2, 4: 1, 5: 4}
    table = {pid: Process(pid, parent, "x", 0, 0) for pid, parent in parents.items()}
    assert family(table, [2]) == {2, 3}
    assert family(table, [2, 4, 99]) == {2, 3, 4, 5}
    assert family(table, []) == set()


def test_a_program_may_have_any_name(tmp_path: Path) -> None:
    script = "import ctypes\nctypes.CDLL(None).prctl(15, b'a) (b c', 0, 0, 0)\nprint()\ninput()"
    with child(script) as odd:
        heard(odd)
        found = processes()[odd.pid]
        go_on(odd)
    assert (found.name, found.parent) == ("a) (b c", os.getpid())
