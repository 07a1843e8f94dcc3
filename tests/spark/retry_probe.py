"""Write once with a Spark that tries failed tasks again; a script for `test_retries`.

Reads one JSON object on stdin (`options`, `target`, `rows`). A process of its own, since a Spark
session in plain local mode, as the other tests have, tries no task again.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.spark import start_spark


def main() -> None:
    asked: dict[str, Any] = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as directory:
        spark = start_spark(Path(directory), master="local[2,3]")
        try:
            frame = spark.range(0, asked["rows"], 1, 1).selectExpr(
                "id", "repeat(hex(xxhash64(id)), 8)"
            )
            frame.write.format("sftp").options(**asked["options"]).mode("append").save(
                asked["target"]
            )
        finally:
            spark.stop()


if __name__ == "__main__":
    main()
