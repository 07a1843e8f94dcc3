"""Many workers of one driver that are guests of one server, and how many come at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pyarrow as pa

from sftp_async.layout.part_names import PartFile
from sftp_async.progress.messages import Address
from sftp_async.progress.permits import DriverPermits
from sftp_async.remote.runtime import Runtime
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from sftp_async.write.job import Job
from sftp_async.write.task import TaskWriter


class NoDisplay:
    """A display of a listener that shows nothing."""

    def show(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass


class Counted(set[Any]):
    """The connections of an embedded server; `most` is how many there were at once."""

    most = 0

    def add(self, connection: Any) -> None:
        super().add(connection)
        self.most = max(self.most, len(self))


def counting(server: EmbeddedServer) -> Counted:
    """Count the connections of a server from now on."""
    server.connections = Counted(server.connections)
    return server.connections


def worker(stack: ExitStack, address: Address | None) -> Runtime:
    """Return the runtime of a further worker of a driver's; closed with the stack.

    Args:
        stack: of the test.
        address: of the driver's listener; None: there is none.

    """
    runtime = Runtime()
    runtime.permits = DriverPermits(address) if address is not None else None
    runtime.in_task = True
    stack.callback(runtime.close)
    return runtime


def write_with(
    runtimes: Sequence[Runtime], job: Job, batches: Sequence[Sequence[pa.RecordBatch]]
) -> list[PartFile]:
    """Write one partition with each worker, all at once; return the parts."""

    def write(partition: int) -> tuple[PartFile, ...]:
        task = TaskWriter(job.layout, job.options, job.file_format, partition, runtimes[partition])
        return task.write(batches[partition])

    with ThreadPoolExecutor(len(runtimes)) as threads:
        return [part for parts in threads.map(write, range(len(runtimes))) for part in parts]
