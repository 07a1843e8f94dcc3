"""Messages between tasks, driver and listener: their classes, encoding and authentication."""

from __future__ import annotations

import hmac
import json
import socket
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal, Self

from sftp_async.progress.read_summary import ReadSummary
from sftp_async.progress.summary import WriteSummary
from sftp_async.remote.stats import UNSPENT, ConnectionStats

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from sftp_async.options import SFTPOptions

#: Seconds between two datagrams of one task: at least, and at most while nothing changes.
INTERVAL, HEARTBEAT = 0.5, 2.0
#: Bytes of the seal in front of a message: an HMAC-SHA256.
SEAL = 32
KEY_BYTES = 32

TaskState = Literal["running", "done", "failed"]
Telemetry = Literal["auto", "off", "otel"]


@dataclass(frozen=True)
class Address:
    """A listener's IP address and port, so that no name has to be resolved, and its key."""

    host: str
    port: int
    key: bytes = field(repr=False)

    @property
    def family(self) -> socket.AddressFamily:
        """IPv4 or IPv6."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET


@dataclass(frozen=True)
class JobLabels:
    """What traces, metrics and the log say of a job besides its numbers; carries no secret.

    `host` and `port` are the server's; `format` is that of the files; `started` is when the job was
    planned, in seconds since 1970; `telemetry` and `traceparent` are the options; `batch` is the
    number of a micro-batch, -1: it is none.
    """

    host: str = ""
    port: int = 0
    format: str = ""
    started: float = 0.0
    telemetry: Telemetry = "auto"
    traceparent: str = ""
    batch: int = -1

    @classmethod
    def of(cls, options: SFTPOptions, started: float, batch: int = -1) -> Self:
        """Return the labels of a job with these options."""
        return cls(
            options.host,
            options.port,
            options.format,
            started,
            options.telemetry,
            options.traceparent or "",
            batch,
        )


@dataclass(frozen=True)
class TaskProgress:
    """A task's progress: its complete files, encoded rows, and bytes that the server acknowledged.

    `age` is the number of seconds since the job was planned, by the clocks of two machines: it may
    be less than 0; `began` is the age at which the task began. `stage` is Spark's number of the
    stage that it belongs to; -1: unknown. `error` is why it failed, and `error_type` the class of
    that error. `attempt` is Spark's number of the attempt at the partition. `spent` is what its
    connections took. `shown` is whether a display may show it.
    """

    kind: Literal["task"]
    job: str
    target: str
    age: float
    partition: int
    state: TaskState
    files: int
    rows: int
    bytes: int
    began: float = 0.0
    stage: int = -1
    error: str = ""
    error_type: str = ""
    attempt: int = 0
    spent: ConnectionStats = UNSPENT
    shown: bool = True
    labels: JobLabels = field(default=JobLabels(), compare=False)


@dataclass(frozen=True)
class CommitProgress:
    """The driver commits a job; `began` is the age at which it began, `error` why it failed.

    `spent` is what its connections took.
    """

    kind: Literal["commit"]
    job: str
    target: str
    age: float
    error: str = ""
    error_type: str = ""
    state: TaskState = "running"
    began: float = 0.0
    spent: ConnectionStats = UNSPENT
    shown: bool = True
    labels: JobLabels = field(default=JobLabels(), compare=False)


@dataclass(frozen=True)
class ReadProgress:
    """A read task's progress: files it is done with, rows it handed to Spark, bytes that came.

    `files` are those whose first range it has read, `ranges` all that it has read, of any file.
    `job` is one run of a scan: the scan and Spark's stage, since a DataFrame may be read again.
    `tasks` is the number of all tasks; `files_left_out` counts this task's, `left_out_before` those
    of the listing. `fast_bytes` and `exact_bytes` took these paths of their decoder. The fields
    from `spent` on are those of `TaskProgress`.
    """

    kind: Literal["read"]
    job: str
    target: str
    age: float
    partition: int
    state: TaskState
    tasks: int
    files: int
    rows: int
    bytes: int
    files_left_out: int = 0
    left_out_before: int = 0
    ranges: int = 0
    fast_bytes: int = 0
    exact_bytes: int = 0
    spent: ConnectionStats = UNSPENT
    began: float = 0.0
    error: str = ""
    error_type: str = ""
    attempt: int = 0
    shown: bool = True
    labels: JobLabels = field(default=JobLabels(), compare=False)


@dataclass(frozen=True)
class RollBackBegun:
    """The driver begins to roll a job back: how its tasks end from now on is not why it failed."""

    kind: Literal["abort"]
    job: str
    target: str
    age: float
    shown: bool = True
    labels: JobLabels = field(default=JobLabels(), compare=False)


@dataclass(frozen=True)
class JobEnded:
    """A job has ended; without a summary it has failed.

    `shown` is whether a display may show its end if it has not shown the job before: it does not
    for a micro-batch, nor with `progress=off`. `error_type` is the class of what it failed with.
    """

    kind: Literal["end"]
    job: str
    summary: WriteSummary | ReadSummary | None
    shown: bool = True
    error_type: str = ""
    labels: JobLabels = field(default=JobLabels(), compare=False)


@dataclass(frozen=True)
class ModeQuestion:
    """A write that is being planned asks for its session's mode of overwriting partitions.

    `session` is the number that `progress.answer_mode` gave to the session; `nonce` is repeated by
    the answer, so that none is replayed.
    """

    kind: Literal["question"]
    session: int
    nonce: str


@dataclass(frozen=True)
class ModeAnswer:
    """The answer to a `ModeQuestion`."""

    kind: Literal["answer"]
    nonce: str
    mode: Literal["static", "dynamic"]


Message = TaskProgress | ReadProgress | CommitProgress | RollBackBegun | JobEnded


def seal(key: bytes, message: DataclassInstance) -> bytes:
    """Return a message as a datagram."""
    content = json.dumps(asdict(message), ensure_ascii=False).encode()
    return hmac.digest(key, content, "sha256") + content


def unseal(key: bytes, datagram: bytes) -> bytes | None:
    """Return the content of a datagram; None if it was not sealed with this key."""
    content = datagram[SEAL:]
    ours = hmac.compare_digest(hmac.digest(key, content, "sha256"), datagram[:SEAL])
    return content if ours else None
