"""Spark drivers in processes of their own, which tests may kill, and a small cluster for them."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.support.spark import JAVA_OPTIONS, REPOSITORY, require_java, start_spark
from tests.support.sshd import descendants

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Both are this machine; Spark runs a speculative attempt only on a host of another name.
HOSTS = ("127.0.0.1", "localhost")
#: Of TCP, in /proc/net/tcp (include/net/tcp_states.h).
ESTABLISHED = "01"


def start_cluster(
    directory: Path, conf: Mapping[str, str], hosts: Sequence[str] = HOSTS
) -> SparkSession:
    """Start a standalone cluster, an executor with one core on each host, and a session on it.

    Master and workers run in the driver's JVM, as `local-cluster[2,1,1024]` has them, which gives
    both workers one host name; executors are processes of their own, whose logs are in a directory
    for each host. Call it from a process of its own.
    """
    from pyspark import SparkConf, SparkContext

    settings = {
        # All executors are there before the first task.
        "spark.cores.max": str(len(hosts)),
        "spark.scheduler.minRegisteredResourcesRatio": "1.0",
        "spark.scheduler.maxRegisteredResourcesWaitingTime": "120s",
        "spark.executor.memory": "512m",
        "spark.driver.extraJavaOptions": JAVA_OPTIONS,
        **conf,
    }
    SparkContext._ensure_initialized(conf=SparkConf(False).setAll(list(settings.items())))
    gateway: Any = SparkContext._gateway
    deploy, nothing = gateway.jvm.org.apache.spark.deploy, gateway.jvm.scala.Option.empty()
    own = gateway.jvm.org.apache.spark.SparkConf(False).set("spark.master.rest.enabled", "false")
    master = deploy.master.Master.startRpcEnvAndEndpoint(HOSTS[0], 0, 0, own)
    urls = gateway.new_array(gateway.jvm.java.lang.String, 1)
    urls[0] = f"spark://{HOSTS[0]}:{master._1().address().port()}"
    for host in hosts:
        deploy.worker.Worker.startRpcEnvAndEndpoint(
            host, 0, 0, 1, 1024, urls, str(directory / host), nothing, own, nothing
        )
    return start_spark(directory, master=urls[0])


class Driver:
    """A script that drives a Spark of its own, and reads and writes one JSON object a line.

    A context manager: on leaving it, whatever is left of the script is killed.

    Args:
        script: its module, such as `tests.spark.kill_probe`.
        first: its first line; secrets go this way, never on the command line.

    """

    def __init__(self, script: str, **first: Any) -> None:
        require_java()
        # What a killed Spark leaves behind goes with it.
        self._scratch = tempfile.TemporaryDirectory(prefix="driver-", ignore_cleanup_errors=True)
        scratch = self._scratch.name
        path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
        environment = {
            "JDK_JAVA_OPTIONS": f"-Djava.io.tmpdir={scratch}",
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONPATH": path,
            "SPARK_LOCAL_DIRS": scratch,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "TMPDIR": scratch,
        }
        self._errors = Path(scratch, "stderr")
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=REPOSITORY,
                env={**os.environ, **environment},
                text=True,
                start_new_session=True,
            )
        self._messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.tell(**first)

    @property
    def has_spoken(self) -> bool:
        """Whether `hear` returns at once."""
        return not self._messages.empty()

    @property
    def executors(self) -> list[int]:
        """The processes of the executors that are alive."""
        return [pid for pid in descendants(self._process.pid) if _is_executor(pid)]

    def tell(self, **message: Any) -> None:
        """Write it a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def hear(self, seconds: float = 150) -> dict[str, Any]:
        """Return the next line that it writes."""
        try:
            message = self._messages.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"silence for {seconds} s\n{self.complaints()}") from None
        assert message is not None, f"the driver has ended\n{self.complaints()}"
        return message

    def last_words(self) -> list[dict[str, Any]]:
        """Return the lines that it wrote and that were not heard, when it has been killed."""
        self._listener.join(30)
        words = []
        while (message := self._messages.get(timeout=30)) is not None:
            words.append(message)
        return words

    def complaints(self) -> str:
        """Return the end of its standard error."""
        return self._errors.read_text(errors="replace")[-6000:]

    def finish(self, seconds: float = 60) -> None:
        """End its input, and wait until it has ended well."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(seconds) == 0, self.complaints()

    def kill(self) -> None:
        """Kill it and all its descendants at one stroke."""
        family: set[int] = set()
        # Halted first: what is halted starts no other process that would get away.
        while self._process.poll() is None and (more := self._family() - family):
            for pid in more:
                _signal(pid, signal.SIGSTOP)
            family |= more
        for pid in family:
            _signal(pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Kill it, and clear away what it leaves."""
        self.kill()
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._listener.join(30)
        self._scratch.cleanup()

    def _family(self) -> set[int]:
        return {self._process.pid, *descendants(self._process.pid)}

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                self._messages.put(json.loads(line))
        self._messages.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def connected(pids: Iterable[int], port: int) -> list[int]:
    """Return those of the processes that hold a TCP connection to a port."""
    sockets = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, state, _, _, _, _, _, inode, *_ = line.split()
        if state == ESTABLISHED and int(remote.rpartition(":")[2], 16) == port:
            sockets.add(f"socket:[{inode}]")
    return [pid for pid in pids if sockets & _open_files(pid)]


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for what no event tells: one of two things, or what another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.02)


def say(**message: Any) -> None:
    """Write a line to the test that started this script."""
    print(json.dumps(message), flush=True)


def _is_executor(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"CoarseGrainedExecutorBackend" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _open_files(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(descriptor.readlink()))
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
