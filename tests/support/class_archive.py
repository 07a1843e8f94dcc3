"""Archives the classes that Spark loads: Java processes of the tests that use it start sooner.

`python -m tests.support.class_archive FILE`; the tests find it by the variable in `ARCHIVE`. Java
leaves an archive of other jars, or of another Java, alone.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyspark

from tests.support.spark import ARCHIVE, start_spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def is_up_to_date(archive: Path) -> bool:
    """Return whether it was made after PySpark was installed."""
    jars = Path(pyspark.__file__).with_name("jars")
    return archive.exists() and archive.stat().st_mtime > jars.stat().st_mtime


def make(archive: Path) -> None:
    """Start Spark, use what most tests use, and have Java archive the classes as it ends."""
    os.environ.pop(ARCHIVE, None)
    # Java would name hundreds of classes that it cannot archive.
    options = f"-XX:ArchiveClassesAtExit={archive} -Xlog:cds=error -Xlog:cds+dynamic=error"
    conf = f"--conf 'spark.driver.defaultJavaOptions={options}'"
    os.environ["PYSPARK_SUBMIT_ARGS"] = f"{conf} pyspark-shell"
    with tempfile.TemporaryDirectory() as directory:
        spark = start_spark(Path(directory))
        use(spark)
        gateway: Any = spark.sparkContext._gateway
        spark.stop()
        gateway.proc.stdin.close()  # upon which it ends
        gateway.proc.wait()


def use(spark: SparkSession) -> None:
    """Plan, compile and run what most tests have Spark do."""
    frame = spark.range(0, 100, 1, 2).selectExpr("id", "concat('row ', id) AS text")
    frame.write.format("noop").mode("append").save()
    frame.groupBy("text").count().collect()


if __name__ == "__main__":
    (file,) = map(Path, sys.argv[1:])
    # The tests say what is missing.
    if (shutil.which("java") or os.environ.get("JAVA_HOME")) and not is_up_to_date(file):
        make(file)
