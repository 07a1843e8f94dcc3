"""A Databricks job's task: checks the connection to an SFTP server and writes a few rows there."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sftp_async import SFTPConnectionTester, SFTPOptions, register

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Parameters that are options of the source; an empty one comes from the secret scope.
OPTIONS = ("host", "port", "username", "host_key_fingerprint")
ROWS = 1000


def parameters(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the job's parameters."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in (*OPTIONS, "secret_scope", "target_path"):
        parser.add_argument(f"--{name.replace('_', '-')}", default="")
    return parser.parse_args(argv)


def options(given: argparse.Namespace, secrets: Mapping[str, str]) -> SFTPOptions:
    """Return the secrets that are named like options, and before them what was given.

    Raises:
        OptionsError: something is missing or wrong; all mistakes together.

    """
    known = {name: value for name, value in secrets.items() if name in SFTPOptions.model_fields}
    known |= {name: value for name in OPTIONS if (value := getattr(given, name))}
    return SFTPOptions(**known, header=True)


def read_scope(scope: str) -> dict[str, str]:
    """Return all secrets of a Databricks secret scope."""
    if not scope:
        return {}
    from databricks.sdk.runtime import dbutils

    return {
        found.key: dbutils.secrets.get(scope, found.key) for found in dbutils.secrets.list(scope)
    }


def write(spark: SparkSession, target: SFTPOptions, path: str) -> None:
    """Check the connection from the driver, then let the executors write."""
    print(SFTPConnectionTester.from_options(target).check("."))
    register(spark)
    rows = spark.range(ROWS, numPartitions=2).selectExpr("id AS order_id", "id * 1.5 AS amount")
    rows.write.format("sftp").options(**target.to_spark()).mode("overwrite").save(path)
    print(f"{ROWS} rows are in {path} on {target.address}")


def main() -> None:
    """Do the task."""
    from pyspark.sql import SparkSession

    given = parameters()
    if not given.target_path:
        raise SystemExit("target_path is empty: which directory of the server may be written?")
    target = options(given, read_scope(given.secret_scope))
    write(SparkSession.builder.getOrCreate(), target, given.target_path)


if __name__ == "__main__":
    main()
