"""Spark's other interfaces: SQL, Spark Connect and a standalone cluster, each by its example."""

from __future__ import annotations

import importlib.util
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql.functions import lit

from examples import spark_sql
from sftp_async import register
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.daemons import (
    beeline,
    cluster,
    connect_server,
    environment,
    thrift_server,
)
from tests.support.requirements import skip_without
from tests.support.spark import PRELOAD, REPOSITORY
from tests.support.wheel import unpacked_wheel

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

#: How a statement of SQL names the columns of a target.
COLUMNS = "(id BIGINT, customer STRING)"


def lines(place: Path) -> list[str]:
    """All lines of one file, or of the files of a directory, in order."""
    files = [place] if place.is_file() else sorted(place.glob("part-*"))
    return sorted(line for file in files for line in file.read_text().splitlines())


def in_sql(server: EmbeddedServer, **more: str) -> str:
    return spark_sql.in_sql({**server.options(), **more})


@pytest.fixture
def session(spark: SparkSession) -> Iterator[SparkSession]:
    """The tests' session, which keeps no views."""
    yield spark
    for view in ("orders", "partner_orders", "partner_report", "sftp_view"):
        spark.catalog.dropTempView(view)


@pytest.fixture
def table(spark: SparkSession) -> Iterator[str]:
    """A table of the catalog; Spark does not hand its OPTIONS on to a source in Python."""
    spark.sql(f"CREATE TABLE sftp_table {COLUMNS} USING sftp")
    yield "sftp_table"
    spark.sql("DROP TABLE sftp_table")


def test_the_sql_example_writes_by_insert_into_and_insert_overwrite_and_reads_by_select(
    spark: SparkSession,
    embedded_server: EmbeddedServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spark_sql.write(spark, embedded_server, tmp_path)
    assert "|   501| 500|" in capsys.readouterr().out
    out = embedded_server.root / "out"
    orders = [line for line in lines(out / "orders") if line != "id,customer"]
    assert sorted(orders) == sorted([*(f"{n},customer {n}" for n in range(500)), "500,the last"])
    assert (out / "daily.csv").read_text() == "id,customer\n2,day 2\n"
    assert {path.name for path in out.iterdir()} == {"orders", "daily.csv"}


def test_a_table_takes_the_options_with_each_insert(
    spark: SparkSession, embedded_server: EmbeddedServer, table: str
) -> None:
    by_sql = in_sql(embedded_server, path="/by_sql.csv")
    spark.sql(f"INSERT INTO {table} WITH {by_sql} VALUES (1, 'one')")
    frame = spark.sql("SELECT 2L AS id, 'two' AS customer")
    options = embedded_server.options()
    frame.writeTo(table).options(**options, path="/by_frame.csv").append()
    frame.write.format("sftp").options(**options, path="/by_name.csv").mode("append").saveAsTable(
        table
    )
    assert lines(embedded_server.root / "by_sql.csv") == ["1,one"]
    assert lines(embedded_server.root / "by_frame.csv") == ["2,two"]
    assert lines(embedded_server.root / "by_name.csv") == ["2,two"]


@pytest.mark.one_python
def test_to_replace_a_table_replaces_its_files_and_to_drop_it_leaves_them(
    session: SparkSession, embedded_server: EmbeddedServer, table: str, tmp_path: Path
) -> None:
    def given(name: str) -> dict[str, str]:
        return {**embedded_server.options(), "path": f"/{name}"}

    for turn in ("1", "2"):
        frame = session.sql(f"SELECT {turn}L AS id, 'turn' AS customer")
        writer = frame.write.format("sftp").options(**given("saved")).mode("overwrite")
        writer.saveAsTable("saved_table")
        created = frame.writeTo("created_table").using("sftp").options(**given("created"))
        created.createOrReplace()
        frame.writeTo(table).options(**given("written")).overwrite(lit(True))
    for gone in ("saved_table", "created_table"):
        session.sql(f"DROP TABLE {gone}")
    for name in ("saved", "created", "written"):
        assert lines(embedded_server.root / name) == ["2,turn"]

    options = in_sql(embedded_server, path="/viewed")
    session.sql(f"CREATE TEMPORARY VIEW sftp_view {COLUMNS} USING sftp OPTIONS {options}")
    frame.writeTo("sftp_view").append()
    frame.write.insertInto("sftp_view")
    assert lines(embedded_server.root / "viewed") == ["2,turn"] * 2


@pytest.mark.one_python
def test_a_stream_writes_by_a_table(
    session: SparkSession, embedded_server: EmbeddedServer, table: str, tmp_path: Path
) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "1.json").write_text('{"id": 3, "customer": "streamed"}\n')
    rows = session.readStream.schema("id BIGINT, customer STRING").json(str(tmp_path / "inbox"))
    stream = rows.writeStream.options(**embedded_server.options()).trigger(availableNow=True)
    stream = stream.option("path", "/out").option("checkpointLocation", str(tmp_path / "at"))
    stream.toTable(table).awaitTermination()
    assert lines(embedded_server.root / "out") == ["3,streamed"]


def test_the_documented_sql_runs(session: SparkSession, tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "how-to" / "sql-connect-cluster.md").read_text()
    rows = []
    password = tmp_path / "password"
    password.write_text("documented")
    session.sql("SELECT 1L AS id, 'one' AS name").createOrReplaceTempView("orders")
    with EmbeddedServer(tmp_path / "served", username="partner", password="documented") as server:
        for script in re.findall(r"^```sql\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
            here = script.replace("'sftp.example.com'", f"'{server.host}', port '{server.port}'")
            here = here.replace("env:SFTP_PASSWORD", f"file:{password}")
            here = re.sub(r"SHA256:[\w+/]+", server.fingerprint, here)
            statements = filter(str.strip, here.split(";"))
            rows += [session.sql(statement).collect() for statement in statements]
    # Each SELECT, in the order of the page.
    assert [[tuple(row) for row in found] for found in rows if found] == [[("one", 1)], [(1,)]]
    assert lines(server.root / "out" / "orders.csv") == ["1,one", "id,name"]
    assert lines(server.root / "out" / "table") == ["1,one"]


def test_a_thread_of_ones_own_writes_after_register(
    spark: SparkSession, embedded_server: EmbeddedServer
) -> None:
    def write() -> None:
        register(spark)
        writer = (
            spark.range(3).coalesce(1).write.format("sftp").options(**embedded_server.options())
        )
        writer.mode("append").save("/numbers.csv")

    with ThreadPoolExecutor(1) as threads:
        threads.submit(write).result()
    assert lines(embedded_server.root / "numbers.csv") == ["0", "1", "2"]


#: A statement that is refused, and the words that say why, or what to do.
REFUSED = {
    "SELECT * FROM sftp_view": "no such file",
    "SELECT * FROM {table}": "no option has arrived. Spark hands on",
    "CREATE TEMPORARY VIEW other USING sftp OPTIONS {options}": "no such file",
    "INSERT INTO {table} VALUES (1, 'one')": "no option has arrived. Spark hands on",
    "CREATE TABLE copy USING sftp OPTIONS {options} AS SELECT 1 AS id": "no option has arrived",
    "CREATE TABLE copy USING sftp OPTIONS {options}": "no option has arrived",
    "INSERT INTO sftp_view REPLACE WHERE id = 1 SELECT 1, 'one'": "overwrite by filter",
    "INSERT OVERWRITE DIRECTORY '/out' USING sftp SELECT 1 AS id": "Only Data Sources providing",
    "DELETE FROM sftp_view WHERE id = 1": "does not support deletes",
}


@pytest.mark.parametrize("statement", REFUSED)
def test_what_sql_cannot_do_is_refused_in_words(
    session: SparkSession, embedded_server: EmbeddedServer, table: str, statement: str
) -> None:
    options = in_sql(embedded_server, path="/out")
    view = f"CREATE OR REPLACE TEMPORARY VIEW sftp_view {COLUMNS} USING sftp OPTIONS {options}"
    session.sql(view)
    with pytest.raises((PySparkException, Py4JJavaError)) as caught:
        session.sql(statement.format(options=options, table=table)).collect()
    assert REFUSED[statement] in str(caught.value)
    assert list(embedded_server.root.iterdir()) == []


@pytest.mark.one_python
def test_the_job_of_the_databricks_bundle_checks_the_way_and_writes(
    spark: SparkSession, embedded_server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    job = runpy.run_path(str(REPOSITORY / "deploy" / "write_sample.py"))
    options = job["options"](job["parameters"]([]), embedded_server.options())
    job["write"](spark, options, "/sample")
    assert "path .: ok" in capsys.readouterr().out
    assert len(lines(embedded_server.root / "sample")) == 1000 + 2  # and a header in each file


def run_example(name: str, *arguments: str, env: dict[str, str], cwd: Path) -> dict[str, int]:
    """Run an example as a reader does; returns the number that it prints for each file."""
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "examples" / name), *arguments],
        cwd=cwd,
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    printed = (line.partition(": ") for line in done.stdout.splitlines())
    return {file: int(size.split()[0]) for file, _, size in printed if size}


@pytest.mark.one_python
def test_a_job_that_is_killed_goes_on_where_it_was_from_sftp_to_sftp(tmp_path: Path) -> None:
    printed = run_example("ingest.py", env=environment(tmp_path, REPOSITORY, PRELOAD), cwd=tmp_path)
    assert [*printed.values()] == [400, 8]
    assert all("1 killed" in line or line == "archived" for line in printed)


@pytest.mark.one_python
def test_a_cluster_that_never_registered_the_format_finds_it_in_the_installed_wheel(
    tmp_path: Path,
) -> None:
    env = environment(tmp_path, unpacked_wheel(tmp_path), PRELOAD)
    with cluster(tmp_path, env) as master:
        printed = run_example("spark_cluster.py", master, env=env, cwd=tmp_path)
    # A read that Spark ends early (LIMIT) makes no noise in the executors' own output.
    [*outputs] = (tmp_path / "work").glob("app-*/*/stderr")
    assert outputs
    assert not [
        line for file in outputs for line in file.read_text().splitlines() if IS_NOISE(line)
    ]
    read = [printed.pop(target) for target in ("/out/orders", "/out/orders.csv.gz")]
    assert read == [100_000] * 2
    assert [Path(file).parent.name for file in printed] == ["orders"] * 4 + ["out"]
    rows = sum(len(f"{n},customer {n}\n") for n in range(100_000))
    assert sum(list(printed.values())[:4]) == 4 * len("id,customer\n") + rows


#: What a read prints that does not end well. Spark's own daemon prints that its pipe is broken.
IS_NOISE = re.compile(r'File ".*sftp_async/|Exception ignored|Task exception|never awaited').search


#: A client of Spark Connect, whose home and environment are not its server's.
REFERENCES = """
import os, sys
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from sftp_async import SFTPOptions
from sftp_async.tools.testing.embedded_server import EmbeddedServer

spark = SparkSession.builder.remote(os.environ["ADDRESS"]).getOrCreate()
with EmbeddedServer(sys.argv[1], password="secret") as server:
    def write(name, password):
        options = SFTPOptions(**{**server.options(), "password": password})
        writer = spark.range(1).write.format("sftp").options(**options.to_spark())
        writer.mode("append").save(f"/{name}")

    write("from_env", "env:OF_SERVER")
    write("from_file", "file:~/password")
    for refused in ("env:OF_CLIENT", "env:HOME", "file:~/../passwd", "file:/proc/self/environ"):
        try:
            write("from_client", refused)
        except PySparkException as error:
            print(error, file=sys.stderr)
    print(*sorted(path.name for path in server.root.iterdir()))
spark.stop()
"""


@pytest.mark.one_python
def test_spark_connect_reads_and_writes_and_its_server_looks_references_up(
    tmp_path: Path,
) -> None:
    for module in ("grpc", "grpc_status", "google.rpc"):
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            skip_without(f"the Python package {module} (PySpark's extra `connect`)")
    env = environment(tmp_path, REPOSITORY, PRELOAD)
    of_server = {"HOME": str(tmp_path / "of_server"), "OF_SERVER": "secret"}
    of_server["SFTP_ASYNC_REFERENCES"] = "env:OF_*,file:~/password"
    (tmp_path / "of_server").mkdir()
    (tmp_path / "of_server" / "password").write_text("secret\n")
    with connect_server(env | of_server) as address:
        printed = run_example("spark_connect.py", address, env=env, cwd=tmp_path)
        of_client = {"OF_SERVER": "of the client", "OF_CLIENT": "secret", "ADDRESS": address}
        looked_up = [sys.executable, "-c", REFERENCES, str(tmp_path / "served")]
        done = subprocess.run(
            looked_up, cwd=tmp_path, env=env | of_client, capture_output=True, text=True
        )
    assert printed.pop("/out/orders.csv.gz") == 999
    assert [Path(file).parent.name for file in printed] == ["out", "stream"]
    assert list(printed.values())[1] == len("1\n2\n")
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.split() == ["from_env", "from_file"]
    assert "'OF_CLIENT', which is not set on the driver" in done.stderr
    for refused in ("'HOME'", "'file:~/../passwd'", "'file:/proc/self/environ'"):
        assert f"{refused}, which is not allowed: SFTP_ASYNC_REFERENCES" in done.stderr


@pytest.mark.one_python
def test_sql_on_a_thrift_server_reads_nothing_of_the_server_until_its_administrator_allows_it(
    tmp_path: Path, embedded_server: EmbeddedServer
) -> None:
    env = environment(tmp_path, REPOSITORY, PRELOAD) | {
        "OF_SERVER": "secret",
        "HOME": str(tmp_path),
    }
    env.pop("SFTP_ASYNC_REFERENCES", None)
    statements = tmp_path / "statements.sql"
    statements.write_text(
        "".join(
            f"CREATE TEMPORARY VIEW v{number} {COLUMNS} USING sftp OPTIONS "
            f"{in_sql(embedded_server, path='/out', password=password)};\n"
            f"INSERT INTO v{number} VALUES (1, 'one');\n"
            for number, password in enumerate(["file:/proc/self/environ", "env:OF_SERVER"])
        )
        + f"CREATE TEMPORARY VIEW v {COLUMNS} USING sftp OPTIONS "
        f"{in_sql(embedded_server, path='/out')};\nINSERT INTO v VALUES (1, 'one');\n"
    )
    with thrift_server(env, tmp_path) as url:
        done = beeline(url, statements, env)
    for refused in ("'file:/proc/self/environ'", "'OF_SERVER'"):
        reason = f"{refused}, which is not allowed: this driver is a Thrift server"
        assert reason in done, done[-4000:]
    assert embedded_server.logins
    assert lines(embedded_server.root / "out") == ["1,one"]
