"""Hands errors of this package to Spark without the calls inside of the package.

Spark puts the whole traceback of a Python error before its sentence, causes included: of ours, some
40 lines that tell a user nothing. Errors that are not ours keep theirs.
"""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Callable, Iterator
from functools import wraps
from typing import ParamSpec, TypeVar

from sftp_async.errors import SFTPAsyncError

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("sftp_async.spark.brief_errors")

#: An environment variable of the driver and of the executors; with a value, tracebacks stay.
FULL_TRACEBACKS = "SFTP_ASYNC_FULL_TRACEBACKS"


def brief_errors(call: Callable[P, T]) -> Callable[P, T]:
    """Return the same function of Spark's interface, with brief errors."""

    @wraps(call)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except SFTPAsyncError as error:
            failure = brief(error)
        raise failure

    return called


def brief_errors_of_rows(
    read: Callable[P, Iterator[T]],
) -> Callable[P, Iterator[T]]:
    """Return the same generator function of Spark's interface, with brief errors."""

    @wraps(read)
    def rows(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        try:
            yield from read(*args, **kwargs)
            return
        except SFTPAsyncError as error:
            failure = brief(error)
        raise failure

    return rows


def brief(error: SFTPAsyncError) -> SFTPAsyncError:
    """Return the error without traceback, with those of its causes that say more than it does."""
    if os.environ.get(FULL_TRACEBACKS):
        return error
    log.debug("%s", error, exc_info=error)
    return _without_traceback(error)


def _without_traceback(error: SFTPAsyncError) -> SFTPAsyncError:
    cause = error.__cause__
    bare = copy.copy(error)
    bare.__cause__ = None  # which hides the context, too
    if isinstance(cause, SFTPAsyncError) and cause.message not in str(error):
        bare.__cause__ = _without_traceback(cause)
    return bare
