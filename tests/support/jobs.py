"""Jobs without Spark: in memory, where parts lie in staging by magic, and against real servers."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from sftp_async.layout.job_layout import Layout
from sftp_async.layout.part_names import PartFile, is_data
from sftp_async.options import SFTPOptions
from sftp_async.progress.summary import WriteStats
from sftp_async.remote.operation import run_operation
from sftp_async.remote.retry import RetryPolicy
from sftp_async.write.commit import JobCommitter, Recovered, recover_target
from sftp_async.write.job import Job
from sftp_async.write.plan import plan_job
from tests.support.memory_server import MemoryPool, MemoryServer

LINES = pa.schema([("line", pa.string())])
#: As many as a test may lose connections, without a wait.
RETRY = RetryPolicy(max_retries=20, first_delay=0.0)


@cache
def _options(path: str, more: tuple[tuple[str, Any], ...]) -> SFTPOptions:
    return SFTPOptions(host="h", username="u", password="p", path=path, **dict(more))


class MemoryJob:
    """One job of one Spark driver; like `Job`, it commits and aborts with nothing in memory.

    Args:
        server: where to.
        path: the target.
        overwrite: replace what is there.
        committer: the class under test.
        extension: of part files.
        options: write options.

    """

    def __init__(
        self,
        server: MemoryServer,
        path: str = "/out",
        *,
        overwrite: bool = False,
        committer: type[JobCommitter] = JobCommitter,
        extension: str = "csv",
        **options: Any,
    ) -> None:
        self.server = server
        if overwrite and "partition_by" in options:
            # Where it is not set, a write warns; None: it is not set.
            options.setdefault("partition_overwrite_mode", "static")
            options = {name: value for name, value in options.items() if value is not None}
        self.options = _options(path, tuple(options.items()))
        self.layout = Layout.new(self.options, extension, overwrite=overwrite)
        self._committer = committer
        self._pool: Any = MemoryPool(server)
        #: What a retry of the operation that runs finds in memory: all but the committer is as it
        #: was when the operation began.
        self.memory: tuple[str, JobCommitter, Sequence[PartFile]] | None = None

    def stage(
        self, *contents: bytes, rows: int = 1, directories: Sequence[str] = ()
    ) -> list[PartFile]:
        """Put one complete part for each partition into staging; no request is counted.

        `directories`: of the partitions of `partition_by` that they belong to.
        """
        within = directories or [""] * len(contents)
        return [
            self.put(i, content, rows=rows, directory=directory)
            for i, (content, directory) in enumerate(zip(contents, within, strict=True))
        ]

    def put(
        self, partition: int, content: bytes, *, rows: int = 1, directory: str = ""
    ) -> PartFile:
        """Put the part of one task attempt into staging."""
        staged, final = self.layout.part_names(partition, 0, uuid.uuid4().hex, directory)
        self.server.put(self.layout.paths.staged(staged), content)
        return PartFile(staged, final, rows, len(content), sha256(content).hexdigest())

    def committer(self) -> JobCommitter:
        manifest: dict[str, Any] | None = {} if self.options.manifest else None
        return self._committer(self.layout, self.options, manifest=manifest)

    def _begin(self, operation: str, parts: Sequence[PartFile] = ()) -> JobCommitter:
        committer = self.committer()
        self.memory = (operation, committer, parts)
        return committer

    async def prepare(self) -> None:
        await run_operation(self._pool, RETRY, self._begin("prepare").prepare)

    async def commit(self, parts: list[PartFile]) -> WriteStats:
        committer = self._begin("commit", parts)
        return await run_operation(self._pool, RETRY, lambda c: committer.commit(c, parts))

    async def abort(self) -> None:
        await run_operation(self._pool, RETRY, self._begin("abort").abort)

    async def abandon(self) -> None:
        await run_operation(self._pool, RETRY, self._begin("abandon").abandon)

    async def recover(self) -> Recovered:
        ttl = self.options.staging_ttl
        return await run_operation(
            self._pool, RETRY, lambda c: recover_target(c, self.layout.paths, ttl=ttl)
        )

    async def write(self, *contents: bytes) -> list[PartFile]:
        """Do all of it."""
        await self.prepare()
        parts = self.stage(*contents)
        await self.commit(parts)
        return parts


def real_job(server: dict[str, str], path: str, *, overwrite: bool = False, **options: Any) -> Job:
    """Plan a job of text lines against a real server; options of the server as it gives them."""
    settings = {**server, "path": path, "format": "text", "retry_delay": 0.0, **options}
    return plan_job(SFTPOptions(**settings), LINES, overwrite=overwrite)


def write_part(job: Job, partition: int, batches: Iterable[pa.RecordBatch]) -> tuple[PartFile, ...]:
    """Write one partition; return its part files without the metrics."""
    return job.write(partition, batches)[0]


def upload(job: Job, *partitions: list[str]) -> list[PartFile]:
    """Write one partition after the other, as Spark's tasks would."""
    parts: list[PartFile] = []
    for number, lines in enumerate(partitions):
        batch = pa.record_batch([pa.array(lines, pa.string())], schema=LINES)
        parts += write_part(job, number, [batch])
    return parts


def write(
    server: dict[str, str],
    path: str,
    *partitions: list[str],
    overwrite: bool = False,
    **options: Any,
) -> Job:
    """Do a whole job."""
    job = real_job(server, path, overwrite=overwrite, **options).prepare()
    job.commit(upload(job, *partitions))
    return job


def lines_in(directory: Path) -> list[str]:
    """Return the lines of all data files of a directory, sorted."""
    files = [file for file in directory.iterdir() if file.is_file() and is_data(file.name)]
    return sorted(line for file in files for line in file.read_text().splitlines())
