"""What Spark prints of our errors: no calls inside of the package, and causes that say more."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import pytest

from sftp_async.errors import CommitError, SFTPAsyncError, TransferError
from sftp_async.spark.brief_errors import FULL_TRACEBACKS, brief_errors, brief_errors_of_rows


def deep(error: Exception, cause: Exception | None = None) -> None:
    try:
        raise ValueError("inside")
    except ValueError:
        raise error from cause


@brief_errors
def call(error: Exception, cause: Exception | None = None) -> None:
    """Be called by Spark."""
    deep(error, cause)


@brief_errors_of_rows
def rows(error: Exception) -> Iterator[int]:
    yield 1
    deep(error)


def printed(error: Exception, cause: Exception | None = None) -> str:
    with pytest.raises(type(error)) as caught:
        call(error, cause)
    return "".join(traceback.format_exception(caught.value))


def test_nothing_of_the_package_is_printed_but_the_place_that_spark_calls() -> None:
    text = printed(CommitError("It broke", path="/out"))
    assert "deep" not in text
    assert "inside" not in text
    assert text.endswith("sftp_async.errors.CommitError: It broke (path /out)\n")


def test_rows_come_until_the_error_which_is_brief() -> None:
    found = rows(TransferError("It broke"))
    assert next(found) == 1
    with pytest.raises(TransferError) as caught:
        next(found)
    assert "deep" not in "".join(traceback.format_exception(caught.value))


def test_a_cause_stays_if_it_says_more() -> None:
    assert "TransferError: Gone" in printed(CommitError("It broke"), TransferError("Gone"))
    assert "TransferError" not in printed(CommitError("It broke: Gone"), TransferError("Gone"))
    assert "OSError" not in printed(CommitError("It broke"), OSError("Gone"))


def test_other_errors_keep_their_traceback() -> None:
    assert "in deep" in printed(KeyError("a bug"))


def test_a_variable_keeps_all_tracebacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FULL_TRACEBACKS, "1")
    text = printed(CommitError("It broke"), OSError("Gone"))
    assert "in deep" in text
    assert "OSError: Gone" in text


def test_functions_keep_their_names_and_docstrings() -> None:
    assert call.__name__ == "call"
    assert call.__doc__ == "Be called by Spark."
    assert issubclass(CommitError, SFTPAsyncError)
