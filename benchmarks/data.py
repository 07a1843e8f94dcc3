"""Makes the data that is written: TPC-H lineitem in Parquet files, and random bytes in memory."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: TPC-H has this many rows of lineitem at scale 1, give or take a few hundred (TPC-H 3.0.1, 4.2.5).
ROWS_AT_SCALE_1 = 6_000_000
#: No file of the suite is as large; as a setting of Spark it makes one partition of every file.
LARGER_THAN_ANY_FILE = 16 << 30
#: Seconds that making a table may take; scale 1 needs about ten.
PATIENCE = 1800

MIB = 1 << 20
#: Linux's file system in memory.
MEMORY = Path("/dev/shm")  # noqa: S108 - for fresh directories that only this user may enter


class DataError(RuntimeError):
    """The data of a workload cannot be made or is not what the workload needs."""


def cache_directory() -> Path:
    """Return where made tables are kept, unless the user names another directory."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "sftp-async-bench")


def lineitem(scale: float, parts: int, directory: Path | None = None) -> Path:
    """Return a directory with TPC-H lineitem in `parts` Parquet files; made at the first call.

    Args:
        scale: of TPC-H; 1 makes 6 million rows, 737 MiB of CSV.
        parts: number of files, all of about the same number of rows.
        directory: where tables are kept; `cache_directory()` if None.

    Raises:
        DataError: tpchgen-cli is not there or fails.

    """
    generator = _generator()
    name = f"lineitem-scale-{scale:g}-parts-{parts}-{_version(generator)}"

    def make(place: Path) -> None:
        words = ["parquet", "--scale-factor", f"{scale:.12g}", "--tables", "lineitem"]
        words += ["--parts", str(parts), "--output-dir", str(place), "--quiet"]
        _call([generator, *words])
        for file in (place / "lineitem").iterdir():
            file.rename(place / file.name)
        (place / "lineitem").rmdir()
        if len(files_of(place)) != parts:
            raise DataError(f"{generator} made {len(files_of(place))} files, not {parts}")

    return made_once((directory or cache_directory()) / name, make)


def lineitem_pieces(parts: int, rows: int, directory: Path | None = None) -> Path:
    """Return a directory with `parts` Parquet files of exactly `rows` rows of lineitem each.

    They lie ready, so that no contender pays for cutting the table.

    Raises:
        DataError: tpchgen-cli is not there or fails.

    """
    # Orders have one to seven lines, by chance: 5 percent more than wanted is always enough.
    scale = math.ceil(parts * rows * 1.05 / ROWS_AT_SCALE_1 * 1000) / 1000
    source = lineitem(scale, 1, directory)

    def make(place: Path) -> None:
        table = pl.read_parquet(files_of(source))
        if len(table) < parts * rows:
            raise DataError(f"{source.name} has {len(table)} rows, {parts * rows} are needed")
        for part in range(parts):
            piece = table.slice(part * rows, rows)
            piece.write_parquet(place / f"lineitem.{part + 1}.parquet")

    return made_once(source.with_name(f"{source.name}-pieces-{parts}-of-{rows}"), make)


def schema_of(table: Path) -> pl.Schema:
    """Return names and types of a table's columns, for `benchmarks.verify`."""
    return pl.Schema(pl.read_parquet_schema(files_of(table)[0]))


def rows_of(table: Path) -> int:
    """Count a table's rows."""
    return int(pl.scan_parquet(files_of(table)).select(pl.len()).collect().item())


def dataframe(spark: SparkSession, table: Path) -> DataFrame:
    """Read a table with exactly one partition for each of its files.

    Every contender pays for this same read. The session's settings for splitting files are changed
    for good: Spark looks at them when a job starts, not here.

    Raises:
        DataError: Spark would make another number of partitions.

    """
    # Spark packs files into partitions until `maxPartitionBytes`, each counted with what opening it
    # costs: when both are larger than any file, the second file never fits and no file is split.
    for setting in ("maxPartitionBytes", "openCostInBytes"):
        spark.conf.set(f"spark.sql.files.{setting}", str(LARGER_THAN_ANY_FILE))
    files = files_of(table)
    frame = spark.read.parquet(*map(str, files))
    partitions = frame.rdd.getNumPartitions()
    if partitions != len(files):
        raise DataError(f"Spark makes {partitions} partitions of the {len(files)} files of {table}")
    return frame


@contextlib.contextmanager
def random_file(size: int) -> Iterator[Path]:
    """Make a file of `size` random bytes, in memory if there is space; `lies_in` says where it is.

    Random, so that no compression anywhere helps; in memory, so that no disk is measured.
    """
    with in_memory(size) as directory:
        path = directory / "random.bin"
        write_random(path, size)
        yield path


@contextlib.contextmanager
def in_memory(size: int) -> Iterator[Path]:
    """Make a directory in memory, if that has space for `size` bytes, twice over; else on disk."""
    # Containers often have 64 MiB there.
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 2 * size
    with tempfile.TemporaryDirectory(
        prefix="sftp-async-bench-", dir=MEMORY if roomy else None
    ) as directory:
        yield Path(directory)


def write_random(path: Path, size: int) -> None:
    """Write a file of random bytes."""
    with path.open("wb") as file:
        for start in range(0, size, MIB):
            file.write(os.urandom(min(MIB, size - start)))


def lies_in(path: Path) -> str:
    """Say where a random file lies: in `memory`, or on a `disk` (then most likely in its cache)."""
    return "memory" if path.is_relative_to(MEMORY) else "disk"


def files_of(table: Path) -> list[Path]:
    """Return a table's files, in their order."""
    return sorted(table.glob("*.parquet"))


def made_once(place: Path, make: Callable[[Path], None]) -> Path:
    """Let `make` fill a directory, and show it under its name only when it is complete."""
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{place.name}-", dir=place.parent) as directory:
        fresh = Path(directory, "table")
        fresh.mkdir()
        make(fresh)
        try:
            fresh.rename(place)
        except OSError:
            if not place.is_dir():  # else another run was faster, and its table is the same
                raise
    return place


def _generator() -> str:
    # Next to the running Python first: its environment need not be the activated one.
    scripts = sysconfig.get_path("scripts")
    found = shutil.which("tpchgen-cli", path=scripts) or shutil.which("tpchgen-cli")
    if found is None:
        raise DataError("tpchgen-cli is missing: pip install tpchgen-cli")
    return found


def _version(generator: str) -> str:
    # Another version may make other data: it gets a directory of its own.
    return "-".join(_call([generator, "--version"]).split())


def _call(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines()[-1:] or ["nothing"]
        raise DataError(f"{Path(command[0]).name} failed and printed: {lines[0]}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"{Path(command[0]).name} does not run: {error}") from error
    return done.stdout
