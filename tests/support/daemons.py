"""Spark's own servers, as an operator starts them: a standalone cluster, and Spark Connect."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tests.support.spark import JAVA_OPTIONS, require_java


def environment(directory: Path, *path: Path) -> dict[str, str]:
    """Return what a process of Spark runs with: all on loopback, Python from `path`."""
    return {
        **os.environ,
        "JDK_JAVA_OPTIONS": f"{JAVA_OPTIONS} -Djava.io.tmpdir={directory}",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "SPARK_LOCAL_DIRS": str(directory),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "TMPDIR": str(directory),
    }


@contextlib.contextmanager
def cluster(directory: Path, env: dict[str, str]) -> Iterator[str]:
    """Start a master and a worker of two cores; yields the master's URL."""
    deploy, anywhere = "org.apache.spark.deploy", ["--host", "127.0.0.1", "--webui-port", "0"]
    master = ["spark-class", f"{deploy}.master.Master", "--port", "0", *anywhere]
    with _running(master, env, r"Starting Spark master at (spark://\S+)") as url:
        worker = ["spark-class", f"{deploy}.worker.Worker", "--cores", "2", "--memory", "2g"]
        worker += ["--work-dir", str(directory / "work"), *anywhere, url]
        with _running(worker, env, "(Successfully registered with master)"):
            yield url


@contextlib.contextmanager
def connect_server(env: dict[str, str]) -> Iterator[str]:
    """Start a Connect server over a local Spark of two cores; yields its URL."""
    conf = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": "0",
        "spark.ui.enabled": "false",
    }
    command = ["spark-submit", "--master", "local[2]"]
    command += [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    with _running([*command, "spark-internal"], env, r"server started at: .*:(\d+)") as port:
        yield f"sc://127.0.0.1:{port}"


@contextlib.contextmanager
def thrift_server(env: dict[str, str], directory: Path) -> Iterator[str]:
    """Start a Thrift server over a local Spark of two cores; yields its JDBC URL."""
    command = ["spark-submit", "--master", "local[2]", "--conf", "spark.ui.enabled=false"]
    command += ["--conf", f"spark.sql.warehouse.dir={directory}/warehouse"]
    command += ["--driver-java-options", f"-Dderby.system.home={directory}"]
    command += ["--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"]
    settings = {
        "hive.server2.thrift.bind.host": "127.0.0.1",
        "hive.server2.thrift.port": "0",
    }
    command.append("spark-internal")
    for name, value in settings.items():
        command += ["--hiveconf", f"{name}={value}"]
    ready = r"ThriftBinaryCLIService on port (\d+)"
    with _running(command, env, ready) as port:
        yield f"jdbc:hive2://127.0.0.1:{port}"


def beeline(url: str, statements: Path, env: dict[str, str]) -> str:
    """Send a file of statements to a Thrift server; returns all that is printed."""
    import pyspark

    script = Path(pyspark.__file__).parent / "bin" / "beeline"
    done = subprocess.run(
        [str(script), "-u", url, "-n", "user", "--force=true", "-f", str(statements)],
        env=env,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout + done.stderr


@contextlib.contextmanager
def _running(command: list[str], env: dict[str, str], ready: str) -> Iterator[str]:
    """Run one of Spark's scripts, which become the Java they start; yields what its log says."""
    require_java()
    import pyspark

    script = Path(pyspark.__file__).parent / "bin" / command[0]
    process = subprocess.Popen(
        [str(script), *command[1:]],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    log = process.stderr
    assert log is not None
    try:
        yield _wait_for(ready, log)
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(ready: str, log: IO[str]) -> str:
    lines = []
    for line in log:
        lines.append(line)
        if match := re.search(ready, line):
            # The server stops when the pipe is full, so the rest of the log is read, too.
            threading.Thread(target=log.read, daemon=True).start()
            return match[1]
    raise AssertionError(f"it ended before it was ready:\n{''.join(lines[-50:])}")
