"""Jobs for tests of network faults: numbered lines, small chunks, and the files that result."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from sftp_async.write.job import Job
from tests.support.delay import DelayProxy
from tests.support.jobs import LINES, real_job
from tests.support.proxy import FaultProxy
from tests.support.sshd import SSHD

#: Chunks small enough for every size but the smallest to have many, and few of them in memory.
SMALL = {"chunk_size": "32k", "max_buffer_bytes": "256k", "retry_delay": "0.01"}
#: Seconds that say "no hang": many times what any of this takes.
BOUND = 20


def lines(count: int, first: int = 0) -> list[str]:
    """Lines of 100 bytes with their line break; each says which one it is."""
    return [f"{number:09d} " + "x" * 89 for number in range(first, first + count)]


def content(*texts: list[str]) -> bytes:
    return "".join(f"{line}\n" for text in texts for line in text).encode()


def batch(text: list[str]) -> pa.RecordBatch:
    return pa.record_batch([pa.array(text, pa.string())], schema=LINES)


def job_to(
    server: SSHD, out: Path, link: FaultProxy | DelayProxy | None = None, **options: Any
) -> Job:
    """Prepare a job, maybe through a proxy. That login is the driver's, not the upload's."""
    given: dict[str, Any] = server.options()
    if link is not None:
        del given["known_hosts"]
        given |= {"port": link.port, "host_key_fingerprint": server.fingerprints["ed25519"]}
    return real_job(given, str(out), **{**SMALL, **options}).prepare()


def impatient(job: Job, **options: Any) -> Job:
    """Return the job with one try and a second of silence, or with these options instead.

    Its driver has logged in before, and aborts it, at leisure: only what is to fail is in a hurry.
    """
    hasty = {"stall_timeout": 1.0, "operation_timeout": 1.0, "max_retries": 0}
    return replace(job, options=job.options.model_copy(update={**hasty, **options}))


def visible(out: Path) -> list[bytes | str]:
    """The content of what is in the target, by name; of directories the name."""
    return [file.read_bytes() if file.is_file() else file.name for file in sorted(out.iterdir())]


def staged(out: Path) -> list[Path]:
    return list(out.glob("_temporary/*/part-*"))


def is_staged(out: Path, size: int) -> bool:
    """Whether the server has all bytes of the one staged file."""
    return any(file.stat().st_size == size for file in staged(out))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds
