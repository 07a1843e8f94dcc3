"""What the Spark writer does for the process that it runs in."""

import subprocess
import sys

# A worker's life in short: PySpark imports pandas while the first write runs.
WORKER = """
import gc
from sftp_async import SFTPDataSource
from sftp_async.spark.batch_writer import freeze_imports as start_of_a_write

start_of_a_write()
import pandas
start_of_a_write()
gc.collect()
print(len(gc.get_objects()), gc.get_freeze_count())
"""


def test_the_full_collection_after_each_task_does_not_walk_what_was_imported() -> None:
    counts = subprocess.check_output([sys.executable, "-c", WORKER], text=True)
    walked, frozen = map(int, counts.split())

    assert walked < 1_000 < 30_000 < frozen
