"""One small local Spark for all tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.requirements import skip_without

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REPOSITORY = Path(__file__).parents[2]
#: What makes the Python processes of a Spark start sooner.
PRELOAD = Path(__file__).with_name("preload")
#: The variable of the file that `class_archive` makes; without it, Java loads classes from jars.
ARCHIVE = "SFTP_ASYNC_CLASS_ARCHIVE"
#: Of every JVM: one that lives for minutes has nothing from the best compiler and collector, which
#: take a quarter of the processors' time.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
if Path(os.environ.get(ARCHIVE, "")).is_file():
    # Where it does not fit, it is not used, and no warning needs to say so on standard output.
    JAVA_OPTIONS += f" -XX:SharedArchiveFile={os.environ[ARCHIVE]} -Xlog:disable"
TIME_ZONE = "Europe/Berlin"  # not UTC: a forgotten conversion must show


def require_java() -> None:
    """Skip or fail without Java 17 or newer."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if java is None:
        skip_without("Java 17 or newer (Debian package openjdk-17-jre-headless)")
    printed = subprocess.run([java, "-version"], check=False, capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', printed)
    if version is None or int(version[1]) < 17:
        skip_without(f"Java 17 or newer; {java} says: {printed.strip().splitlines()[:1]}")


def start_spark(directory: Path, master: str = "local[2]") -> SparkSession:
    """Start Spark with two cores, this Python, and the data source registered.

    `local[2,3]` tries a task three times; plain local mode never tries again.
    """
    require_java()
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        skip_without("PySpark (the extra `spark`)")

    from sftp_async import SFTPDataSource

    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    # Workers import what tests send them, the source tree included.
    path = [str(REPOSITORY), str(PRELOAD)]
    path += [
        place
        for place in os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if place and place not in path
    ]
    os.environ["PYTHONPATH"] = os.pathsep.join(path)
    session = (
        SparkSession.builder.master(master)
        .appName("sftp_async tests")
        .config("spark.driver.memory", "1g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.extraJavaOptions", f"{JAVA_OPTIONS} -Dderby.system.home={directory}")
        .config("spark.executor.extraJavaOptions", JAVA_OPTIONS)
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.warehouse.dir", str(directory / "warehouse"))
        .config("spark.sql.session.timeZone", TIME_ZONE)
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    session.dataSource.register(SFTPDataSource)
    return session
