"""Use marked secrets in every way a user may, rightly and wrongly; a script for `test_secrets`.

Reads one JSON object on stdin and prints one on stdout: what became of each use. All that Spark
keeps is put below `directory`: event log, logs of the executors, exceptions, plans, checkpoint; the
driver's log is stderr. A process of its own, since the event log is a matter of a whole session,
and since executors have logs of their own only on a cluster.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.support.cluster import HOSTS, start_cluster

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

SETTINGS = {
    "spark.eventLog.enabled": "true",
    "spark.eventLog.compress": "false",
    "spark.log.level": "INFO",
    "spark.task.maxFailures": "1",
    "spark.sql.pyspark.worker.logging.enabled": "true",
}


def start(directory: Path) -> SparkSession:
    """Start a cluster of one executor, whose logs go below `directory`."""
    for name in ("executors", "events", "local"):
        (directory / name).mkdir()
    settings = SETTINGS | {
        "spark.eventLog.dir": f"file://{directory}/events",
        "spark.local.dir": f"{directory}/local",
    }
    spark = start_cluster(directory / "executors", settings, HOSTS[:1])
    spark.sparkContext.setLogLevel("INFO")
    return spark


class Uses:
    """Runs each use of a secret, and keeps what was logged about it."""

    def __init__(self, directory: Path, spark: SparkSession, asked: dict[str, Any]) -> None:
        self.directory = directory
        self.spark = spark
        #: Of OpenSSH: an encrypted key as text, its passphrase, a password that is not needed.
        self.key = asked["key"]
        #: Of the embedded server: a password.
        self.password = asked["password"]
        self.wrong = asked["wrong"]
        self.target = asked["target"]
        self.planted = asked["planted"]
        self.outcomes: dict[str, str] = {}
        (directory / "logged").mkdir()

    def say(self, name: str, *texts: object) -> None:
        with (self.directory / "logged" / name).open("a") as file:
            file.writelines(f"{text}\n" for text in texts)

    def use(self, name: str, action: Callable[[], object]) -> None:
        self.spark.sparkContext.setJobDescription(f"use: {name}")
        try:
            action()
            self.outcomes[name] = "done"
        except Exception as error:  # noqa: BLE001 - whatever it is, its text is wanted
            self.outcomes[name] = str(error)
            self.say(name, *traceback.format_exception(error), repr(error))
            cause: BaseException | None = error
            while cause is not None:
                self.say(name, vars(cause), cause.args)
                cause = cause.__cause__ or cause.__context__

    def write(
        self, frame: DataFrame, options: dict[str, str], path: str, mode: str = "append"
    ) -> Callable[[], object]:
        return lambda: frame.write.format("sftp").options(**options).mode(mode).save(path)

    def run(self) -> None:
        """Use them all."""
        two = self.spark.range(0, 1000, 1, 2)
        out = self.target
        self.use("append", self.write(two, self.key, f"{out}/plain"))
        self.use("overwrite", self.write(two, self.key, f"{out}/plain", "overwrite"))
        once = {**self.key, "job_key": "today", "success_file": "true"}
        self.use("job_key", self.write(two, once, f"{out}/keyed"))
        self.use("job_key again", self.write(two, once, f"{out}/keyed"))
        self.use("password", self.write(two, self.password, "plain"))
        references = {
            **self.key,
            "password": "env:MARKED_PASSWORD",
            "private_key_content": "env:MARKED_KEY",
            "private_key_passphrase": f"file:{self.directory.parent}/passphrase",
        }
        self.use("references", self.write(two, references, f"{out}/references"))
        self.fail(two)
        self.stream()
        self.sql()
        self.leave_traces()

    def fail(self, frame: DataFrame) -> None:
        out = self.target
        broken = frame.selectExpr("if(id = 999, raise_error('no such row'), id) as id")
        self.use("failing query", self.write(broken, self.key, f"{out}/failed"))
        self.use("failing task", self.write(frame, self.password, "broken"))
        # The test has put a directory where _SUCCESS goes: the commit fails before its intent.
        marked = {**self.key, "success_file": "true", "max_retries": "0"}
        self.use("failing commit", self.write(frame, marked, f"{out}/unfinished"))

        wrong = self.wrong
        login = self.password | {"password": quote(wrong["password"], safe="")}
        url = "sftp://{username}:{password}@{host}:{port}/x".format(**login)
        misplaced = dict.fromkeys(("password", "port"), wrong["password"])
        for name, options, path in (
            ("wrong password", self.password | {"password": wrong["password"]}, "x"),
            ("wrong passphrase", self.key | {"private_key_passphrase": wrong["password"]}, "x"),
            ("broken key", self.key | {"private_key_content": wrong["key"]}, "x"),
            ("misspelled", self.password | {"pasword": wrong["password"]}, "x"),
            ("misplaced", self.password | misplaced, "x"),
            ("url as path", self.password, url),
            ("unknown host key", self.key | {"known_hosts": "elsewhere ssh-rsa AAAA"}, "x"),
        ):
            self.use(name, self.write(frame, options, path))

    def stream(self) -> None:
        inbox, checkpoint = self.directory / "inbox", self.directory / "checkpoint"
        inbox.mkdir()

        def start() -> StreamingQuery:
            rows = self.spark.readStream.schema("id long").json(str(inbox))
            writer = rows.writeStream.format("sftp").options(**self.key, max_retries="0")
            writer = writer.option("checkpointLocation", str(checkpoint))
            return writer.start(f"{self.target}/stream")

        def run(ids: Iterable[int]) -> None:
            draft = inbox / ".draft"
            draft.write_text("".join(f'{{"id": {id_}}}\n' for id_ in ids))
            draft.rename(inbox / f"{len(list(inbox.iterdir()))}.json")
            queries[:] = queries or [start()]  # two queries would have Python daemons of their own
            (query,) = queries
            try:
                query.processAllAvailable()
            finally:
                explained = io.StringIO()
                with contextlib.redirect_stdout(explained):
                    query.explain(True)
                self.say("stream", explained.getvalue(), query.recentProgress, query.status)
                self.say("stream", query.exception())

        queries: list[StreamingQuery] = []
        self.use("stream", lambda: run(range(10)))
        # A file in place of the directory of markers: the next commit fails, its intent stays.
        (markers,) = Path(self.target, "stream", "_sftp_async").iterdir()
        markers.rename(markers.with_name("aside"))
        markers.touch()
        self.use("failing stream", lambda: run(range(10, 20)))

    def sql(self) -> None:
        """Write by SQL, as the page on security advises those who cannot use references."""
        # Spark knows `password` for a secret by itself; the key would be in the event log.
        regex = "(?i)url|private.?key|sign.?key|passphrase"
        self.spark.conf.set("spark.sql.redaction.options.regex", regex)
        given = {**self.key, "path": f"{self.target}/sql"}
        options = ", ".join(f"`{name}` '{value}'" for name, value in given.items())
        view = f"CREATE TEMPORARY VIEW marked (id BIGINT) USING sftp OPTIONS ({options})"
        self.use("create view", lambda: self.spark.sql(view))
        for statement in ("INSERT INTO", "INSERT OVERWRITE"):
            insert = f"{statement} marked SELECT id FROM range(3)"
            self.use(statement.lower(), lambda insert=insert: self.spark.sql(insert))
            for kind in ("EXTENDED", "FORMATTED", "CODEGEN", "COST"):
                self.say("explain", self.spark.sql(f"EXPLAIN {kind} {insert}").first()[0])
        self.say("explain", self.spark.sql("DESCRIBE EXTENDED marked").collect())
        self.say(
            "explain",
            self.spark.sql(f"EXPLAIN EXTENDED {view.replace(' marked ', ' other ')}").first()[0],
        )

    def leave_traces(self) -> None:
        """Put what the test must find into the logs, and fetch those of the Python workers."""
        if hasattr(self.spark, "tvf") and hasattr(self.spark.tvf, "python_worker_logs"):
            logs = self.spark.tvf.python_worker_logs().toJSON().collect()
            self.say("worker logs", *logs)
        planted = self.planted
        print(f"driver {planted}", file=sys.stderr)
        self.spark.sparkContext.setJobDescription(f"event {planted}")

        def complain(_: object) -> None:
            print(f"executor {planted}", file=sys.stderr, flush=True)

        self.spark.sparkContext.parallelize([1], 1).foreach(complain)


def main() -> None:
    asked: dict[str, Any] = json.load(sys.stdin)
    directory = Path(asked["directory"])
    spark = start(directory)
    try:
        uses = Uses(directory, spark, asked)
        uses.run()
    finally:
        spark.stop()
    print(json.dumps(uses.outcomes))


if __name__ == "__main__":
    main()
