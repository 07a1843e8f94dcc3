"""`explain`: cause and remedy of an error that came through Spark, and no secret.

The texts are those of PySpark 4.0 and 4.3; tests/spark/test_explain.py asks Spark itself.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sftp_async import explain
from sftp_async.errors import (
    AuthenticationError,
    CommitError,
    OptionsError,
    RemoteNotFoundError,
    TransferError,
)
from sftp_async.explanation.spark_advice import ADVICE

TRACEBACK = """Traceback (most recent call last):
  File "/x/sftp_async/spark/brief_errors.py", line 36, in called
    raise failure
"""
REFUSED = AuthenticationError(
    "The server refused the login (password tried)", host="me@h:22", hint="Check the username"
)
CAUSE = "The server refused the login (password tried) (host me@h:22)"
PLANNED = (
    "[PYTHON_DATA_SOURCE_ERROR] Failed to initialize Python data source writer: "
    f"{TRACEBACK}sftp_async.errors.AuthenticationError: {REFUSED}\n SQLSTATE: 38000"
)
IN_A_TASK = (
    "\n  An exception was thrown from the Python worker. Please see the stack trace below.\n"
    f"{TRACEBACK}sftp_async.errors.AuthenticationError: {REFUSED}\n\n"
)
IN_A_STREAM = (
    "[STREAM_FAILED] Query [id = 1, runId = 2] terminated with exception: "
    f"{PLANNED} SQLSTATE: XXKST\n=== Streaming Query ===\nIdentifier: [id = 1]\n"
)
THROUGH_PY4J = (
    "An error occurred while calling o211.save.\n: org.apache.spark.SparkException: Job aborted: "
    f"org.apache.spark.api.python.PythonException: {TRACEBACK}"
    f"sftp_async.errors.AuthenticationError: {REFUSED}\n\n"
    "\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.read(X.scala:1)\n"
)
THROUGH_CONNECT = f"{PLANNED}\n\nJVM stacktrace:\norg.apache.spark.sql.AnalysisException\n\tat x"


class FromSparkError(Exception):
    """Stands for PySpark's own, of which only the text is looked at."""


@pytest.mark.parametrize("text", [PLANNED, IN_A_TASK, IN_A_STREAM, THROUGH_PY4J, THROUGH_CONNECT])
def test_an_error_of_ours_is_found_in_what_spark_says(text: str) -> None:
    found = explain(FromSparkError(text))
    assert (found.kind, found.cause, found.remedy) == (
        "AuthenticationError",
        CAUSE,
        "Check the username",
    )
    assert str(found) == f"AuthenticationError: {CAUSE}\nWhat to do: Check the username"


def test_an_error_of_ours_explains_itself_also_as_a_cause() -> None:
    wrapped = RuntimeError("my job failed")
    wrapped.__cause__ = REFUSED
    group = ExceptionGroup("several", [ValueError("x"), wrapped])
    assert explain(REFUSED) == explain(wrapped) == explain(group)
    assert explain(REFUSED).cause == CAUSE


def test_of_a_chain_the_error_that_was_raised_last_is_the_one() -> None:
    cause = RemoteNotFoundError("No such file", path="/stage/a")
    text = (
        f"{TRACEBACK}sftp_async.errors.RemoteNotFoundError: {cause}\n\nThe above exception was the "
        f"direct cause of the following exception:\n\n{TRACEBACK}sftp_async.errors.CommitError: "
        f"{CommitError('Not made visible', path='/out', hint='Run recover')}\n SQLSTATE: 38000"
    )
    assert explain(FromSparkError(text)).cause == "Not made visible (path /out)"


def test_all_problems_of_options_are_shown() -> None:
    error = OptionsError(["port must be a whole number.", "'hots' is not an option."])
    text = f"{TRACEBACK}sftp_async.errors.OptionsError: {error}\n SQLSTATE: 38000"
    found = explain(FromSparkError(text))
    assert found == explain(error)
    assert str(found).splitlines() == [
        "OptionsError: 2 invalid options:",
        "  - port must be a whole number.",
        "  - 'hots' is not an option.",
        "What to do: Correct the options; sftp-async options NAME describes one.",
    ]


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        (
            "[UNRESOLVED_COLUMN] A column `x` cannot be resolved. SQLSTATE: 42703;\n'Project ['x]",
            "[UNRESOLVED_COLUMN] A column `x` cannot be resolved. SQLSTATE: 42703;",
        ),
        (
            "An error occurred while calling o1.load.\n: java.lang.StateException: Gone\n\tat x",
            "Gone",
        ),
        ("(org.apache.spark.FooException) [GONE] Away.\n\nJVM stacktrace:\n", "[GONE] Away."),
        (
            f"An exception was thrown from the Python worker:\n{TRACEBACK}my.BadRow: row 7\n\n",
            "my.BadRow: row 7",
        ),
        ("", "it has no text"),
    ],
)
def test_of_other_errors_their_own_first_sentence_is_shown(text: str, stated: str) -> None:
    found = explain(FromSparkError(text))
    assert found.kind is None
    assert found.remedy is None
    assert str(found) == f"This is not an error of sftp_async. FromSparkError says: {stated}"


def test_what_py4j_cannot_fetch_any_more_is_no_error() -> None:
    class EndedError(Exception):
        def __str__(self) -> str:
            raise ConnectionRefusedError

    assert "the JVM" in explain(EndedError("the JVM")).cause


@pytest.mark.parametrize(
    "text",
    [
        "Bad setting: password=S3cret, port=1",
        'Bad setting: {"privateKey": "S3cret"}',
        "Cannot open sftp://me:S3cret@h/x",
        "Bad key -----BEGIN OPENSSH PRIVATE KEY-----\nS3cret\n-----END OPENSSH PRIVATE KEY-----",
        f"{TRACEBACK}ValueError: token: S3cret",
    ],
)
def test_no_secret_is_shown_not_even_one_of_others(text: str) -> None:
    for error in (FromSparkError(text), TransferError(text)):
        found = explain(error)
        assert "S3cret" not in str(found) + repr(found) + found._repr_html_()


def test_a_notebook_shows_escaped_text() -> None:
    found = explain(TransferError("No file <a>", hint="Look at <b>"))
    assert found._repr_html_() == (
        "<div><b>TransferError: No file &lt;a&gt;</b><br>What to do: Look at &lt;b&gt;</div>"
    )
    assert repr(found) == str(found)


def test_the_advice_for_a_worker_that_does_not_start_in_time_is_found() -> None:
    # The one that tests/spark/test_explain.py does not provoke: it takes Spark its timeout.
    text = "Python worker failed to connect back."
    stream = f"[STREAM_FAILED] Query [id = 1] terminated with exception: {text}"
    found = explain(FromSparkError(stream))
    assert found.cause == f"Spark says: {text}"
    assert "PYSPARK_PYTHON" in (found.remedy or "")
    assert len({each.title for each in ADVICE}) == len(ADVICE)


def test_every_advice_has_its_place_on_the_page_of_errors() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "errors.md").read_text("utf-8")
    headings = re.findall(r"^### (.+)$", page, re.MULTILINE)
    assert [each.title for each in ADVICE if each.title not in headings] == []


def test_explain_needs_neither_pyspark_nor_the_options() -> None:
    code = (
        "import sys\nfrom sftp_async import explain\nexplain(ValueError('x'))\n"
        "print({'pyspark', 'pydantic', 'asyncssh', 'pyarrow'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
