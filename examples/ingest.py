"""From SFTP to SFTP, with a job that is killed and goes on: every row arrives once.

Run it with `python examples/ingest.py`; it brings its own servers, on loopback. A partner sends
files; a job reads them as a stream, writes their rows to another server, and archives the files.
All processes of the job are killed in the middle of its work, and it is started again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from sftp_async import register
from sftp_async.testing import EmbeddedServer

FILES = 8
ROWS = 50
KILLS = 1


def job(settings: dict[str, Any]) -> None:
    """Read what has arrived, write it, archive it, and end: what a scheduler would start."""
    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "OFF")
        .getOrCreate()
    )
    register(spark)
    orders = (
        spark.readStream.format("sftp")
        .options(**settings["source"])
        .option("format", "csv")
        .option("state_location", settings["state"])
        .option("max_files_per_trigger", 2)
        .option("stable_for", "1s")
        .option("clean_source", "archive")
        .option("source_archive_dir", "/done")
        .schema("id BIGINT, customer STRING")
        .load("/in")
    )
    (
        orders.selectExpr("id", "upper(customer) AS customer")
        .writeStream.format("sftp")
        .options(**settings["target"])
        .option("checkpointLocation", settings["checkpoint"])
        .trigger(availableNow=True)
        .start("/out")
        .awaitTermination()
    )
    spark.stop()


def send(server: EmbeddedServer, number: int) -> None:
    """Have the partner send a file: under another name first, as careful senders do."""
    lines = [f"{number * ROWS + row},customer {row}\n" for row in range(ROWS)]
    (server.root / "in").mkdir(exist_ok=True)
    draft = server.root / "in" / f"{number:03}.csv.part"
    draft.write_text("".join(lines))
    draft.rename(draft.with_suffix(""))


def ids(server: EmbeddedServer) -> Counter[int]:
    """Return how often each id has arrived."""
    files = (server.root / "out").glob("part-*.csv")
    return Counter(
        int(line.split(",")[0]) for file in files for line in file.read_text().splitlines()
    )


def run(settings: Path, target: EmbeddedServer, *, kill: bool) -> bool:
    """Run the job; kill it with all its processes once it has written something more."""
    before = sum(ids(target).values())
    command = [sys.executable, __file__, str(settings)]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if kill and sum(ids(target).values()) > before:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return False
        time.sleep(0.01)
    if process.returncode:
        raise SystemExit(f"The job ended with status {process.returncode}")
    return True


def main() -> None:
    """Start the servers, feed one of them, and run the job until all is done."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        EmbeddedServer(Path(scratch, "partner")) as partner,
        EmbeddedServer(Path(scratch, "warehouse")) as warehouse,
    ):
        settings = Path(scratch, "settings.json")
        settings.touch(mode=0o600)  # it has the passwords
        given = {
            "source": partner.options(),
            "target": warehouse.options(),
            "state": str(Path(scratch, "state")),
            "checkpoint": str(Path(scratch, "checkpoint")),
        }
        settings.write_text(json.dumps(given))
        done = partner.root / "done"
        sent = kills = runs = 0
        # The last run archives what the one before has read, if Spark did not report that.
        while sent < FILES or len(list(done.glob("*.csv"))) < FILES:
            for _ in range(FILES // 2):
                if sent < FILES:
                    send(partner, sent)
                    sent += 1
            runs += 1
            if not run(settings, warehouse, kill=kills < KILLS):
                kills += 1
        wrong = {number for number, count in ids(warehouse).items() if count != 1}
        assert not wrong, f"these rows did not arrive once: {sorted(wrong)}"
        arrived = sum(ids(warehouse).values())
        assert arrived == FILES * ROWS, f"{arrived} rows have arrived"
        print(f"{runs} runs, {kills} killed: {arrived} rows arrived, each once")
        print(f"archived: {FILES} files")


if __name__ == "__main__":
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    if len(sys.argv) > 1:
        job(json.loads(Path(sys.argv[1]).read_text()))
    else:
        main()
