"""The targets T1 to T9 of writing and R1 to R10 of reading, computed from the report's JSON.

All but T9 are ratios within one run.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.measures import (
    COLUMNS,
    ONE_TASK,
    Document,
    NotMeasuredError,
    added_round_trips,
    ciphers,
    cpu,
    encoding,
    faster,
    growth,
    hand_over,
    largest,
    network,
    round_trips,
    seconds,
    share,
    smallest,
    steady,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Target:
    """A target and what was measured for it.

    Args:
        id: `T1` to `T9`, `R1` to `R10`; several rows may share one.
        what: is measured, in words.
        wanted: in words, such as `at least 10`.
        measured: the figure; None when it was not measured.
        unit: of the figure.
        met: None when it was not measured.
        note: why it was not, or what to know about it.

    """

    id: str
    what: str
    wanted: str
    measured: float | None
    unit: str
    met: bool | None
    note: str = ""


@dataclass(frozen=True)
class _Rule:
    id: str
    what: str
    measure: Callable[[Document], float]
    least: float | None = None
    most: float | None = None
    unit: str = "times"
    note: Callable[[Document], str] = lambda document: ""

    def apply(self, document: Document) -> Target:
        wanted = f"at least {self.least:g}" if self.most is None else f"at most {self.most:g}"
        try:
            value = self.measure(document)
            note = self.note(document)
        except NotMeasuredError as reason:
            return Target(self.id, self.what, wanted, None, self.unit, None, str(reason))
        met = value >= self.least if self.least is not None else value <= (self.most or 0)
        return Target(self.id, self.what, wanted, round(value, 3), self.unit, met, note)


def targets(document: Document) -> list[dict[str, Any]]:
    """Return every target with its figure, as JSON.

    Args:
        document: the report; see `benchmarks.report`.

    """
    return [asdict(rule.apply(document)) for rule in RULES]


_CSV = {"format": "csv", "compression": "none"}
_NEAR, _FAR = {"rtt_ms": 0}, {"rtt_ms": 50}
_FILE = {"format": "bytes", **_FAR}
#: What R1 asks of CSV.
CSV_READS = ("csv", "csv-8-files", "csv-quoted")
THEN_SPARK = ("sftp_spark", "rclone_spark")
TOOLS = ("openssh_sftp", "rclone")

RULES = [
    _Rule(
        "T1",
        "bulk, times as fast as Paramiko + pandas",
        faster("bulk", "paramiko_pandas", _CSV),
        least=10,
    ),
    _Rule(
        "T2",
        "bulk, time of Spark's own CSV to a local disk",
        share("bulk", "spark_disk", seconds, _CSV),
        most=1.25,
        note=lambda document: "the aim is 1.1",
    ),
    _Rule(
        "T2",
        "bulk, its CPU seconds of JVM and Python together",
        share("bulk", "spark_disk", cpu("client", "jvm"), _CSV),
        most=1.15,
        note=lambda document: "the aim is 1.0",
    ),
    _Rule(
        "T3",
        "bulk, times as fast as Spark to disk and then rclone",
        faster("bulk", "spark_disk_rclone", _CSV),
        least=1.25,
    ),
    _Rule(
        "T3",
        "the same at 50 ms (latency)",
        faster("latency", "spark_disk_rclone", {**_CSV, **_FAR}),
        least=1.5,
    ),
    _Rule(
        "T4",
        "transport, times the throughput of OpenSSH sftp",
        faster("transport", "openssh_sftp", _NEAR),
        least=1.15,
        note=ciphers("transport"),
    ),
    _Rule(
        "T4",
        "transport, its client's CPU seconds a GiB",
        share("transport", "openssh_sftp", cpu("client"), _NEAR),
        most=1.5,
    ),
    _Rule(
        "T5",
        "one file at 50 ms, times the throughput of OpenSSH sftp",
        faster("latency", "openssh_sftp", _FILE),
        least=3.5,
    ),
    _Rule(
        "T5",
        "one file at 50 ms, times the throughput of rclone",
        faster("latency", "rclone", _FILE),
        least=3.5,
    ),
    _Rule(
        "T6",
        "small-files at 50 ms, times as fast as Paramiko + pandas",
        faster("small-files", "paramiko_pandas", _FAR),
        least=15,
    ),
    _Rule(
        "T7",
        "overhead of one row, times a no-op Python source",
        share("overhead", "noop", seconds, _NEAR),
        most=5,
    ),
    _Rule("T7", "overhead of one row at 50 ms", round_trips, most=50, unit="round trips"),
    _Rule(
        "T8",
        "scale, rows a second at the largest size by those at an eighth",
        steady("scale"),
        least=0.9,
    ),
    _Rule(
        "T8",
        "scale, memory of a worker over an empty write",
        growth("scale", "scale/empty"),
        most=256,
        unit="MiB",
    ),
    _Rule("T9", "encode, CSV by a core", encoding("csv"), least=200, unit="MB/s"),
    _Rule("T9", "encode, JSON by a core", encoding("json"), least=200, unit="MB/s"),
    # Reading
    _Rule(
        "R1",
        "read-bulk, CSV: time of Spark's own reader on the local disk",
        largest(*(share(f"read-bulk/{name}", "spark_disk", seconds) for name in CSV_READS)),
        most=0.50,
        note=lambda document: (
            "the slowest of one file, eight, and the quoted one; "
            f"{hand_over('read-bulk/csv')(document)}"
        ),
    ),
    *(
        _Rule(
            "R1",
            f"read-bulk, {name}: the same",
            share(f"read-bulk/{kind}", "spark_disk", seconds),
            most=most,
            note=hand_over(f"read-bulk/{kind}"),
        )
        for name, kind, most in (
            ("gzipped CSV", "csv-gzip", 0.6),
            ("JSON Lines", "json", 0.6),
            ("Parquet", "parquet", 2.5),
        )
    ),
    _Rule(
        "R2",
        "read-bulk, CSV: times as fast as OpenSSH sftp or rclone, then Spark",
        smallest(*(faster("read-bulk/csv", peer) for peer in THEN_SPARK)),
        least=2.2,
        note=lambda document: "the faster of the two",
    ),
    _Rule(
        "R2",
        "the same at 50 ms (read-latency)",
        smallest(*(faster("read-latency/one-file/50ms", peer) for peer in THEN_SPARK)),
        least=3,
    ),
    _Rule(
        "R3",
        "read-bulk, CSV: times as fast as Paramiko line by line, then Spark",
        faster("read-bulk/csv", "paramiko_lines"),
        least=15,
        note=lambda document: "by the time of a row",
    ),
    _Rule(
        "R4",
        "download, times the throughput of OpenSSH sftp",
        faster("download", "openssh_sftp", _NEAR),
        least=1.3,
        note=ciphers("download"),
    ),
    _Rule(
        "R4",
        "download, its client's CPU seconds a GiB",
        share("download", "openssh_sftp", cpu("client"), _NEAR),
        most=1.0,
    ),
    *(
        _Rule(
            "R5",
            f"download at {rtt_ms} ms, times as fast as OpenSSH sftp and rclone",
            smallest(*(faster(f"download/{rtt_ms}ms", peer) for peer in TOOLS)),
            least=least,
            note=lambda document: "the faster of the two",
        )
        for rtt_ms, least in ((50, 4), (150, 6))
    ),
    *(
        _Rule(
            "R5",
            f"one task's read of one CSV file at {rtt_ms} ms, times as fast as they and Spark",
            smallest(
                *(
                    faster(f"read-latency/one-file/{rtt_ms}ms", peer, ours=ONE_TASK)
                    for peer in THEN_SPARK
                )
            ),
            least=least,
        )
        for rtt_ms, least in ((50, 4), (150, 6))
    ),
    _Rule(
        "R6",
        "read-small-files at 50 ms, times as fast as Paramiko line by line",
        faster("read-small-files", "paramiko_lines", _FAR),
        least=25,
        note=lambda document: "by the time of a row",
    ),
    _Rule(
        "R6",
        "read-small-files, what 50 ms add for each file and slot",
        added_round_trips,
        most=0.4,
        unit="round trips",
    ),
    _Rule("R7", "read-columns, bytes on the network by those of the columns", network, most=1.2),
    _Rule(
        "R7",
        "read-columns, times as fast as a download, then Spark",
        smallest(*(faster("read-columns", peer, ours=COLUMNS) for peer in THEN_SPARK)),
        least=3,
    ),
    _Rule(
        "R8",
        "read-scale, rows a second at the largest size by those at an eighth",
        steady("read-scale"),
        least=0.95,
    ),
    _Rule(
        "R8",
        "read-scale, memory of a worker over that of the smallest file",
        growth("read-scale", "read-scale/smallest"),
        most=64,
        unit="MiB",
    ),
    *(
        _Rule(
            "R9",
            f"list at 50 ms, {what}: times as fast as OpenSSH and rclone",
            smallest(*(faster(f"list/{kind}/50ms", peer) for peer in TOOLS)),
            least=5,
            note=lambda document: "the faster of the two",
        )
        for what, kind in (("one directory", "one"), ("many", "many"))
    ),
    _Rule(
        "R10",
        "copy, times as fast as rclone, Spark on the local disk, rclone",
        faster("copy", "rclone_spark_rclone"),
        least=2,
    ),
]
