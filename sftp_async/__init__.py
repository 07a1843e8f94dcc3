"""sftp_async: a Spark data source that writes DataFrames to SFTP servers, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sftp_async.errors import (
    AuthenticationError,
    CommitError,
    ConnectError,
    EncodeError,
    HostKeyError,
    OptionsError,
    PoolClosed,
    PoolError,
    PoolTimeout,
    RemoteSpaceError,
    SFTPAsyncError,
    SFTPAsyncWarning,
    StalledError,
    TransferError,
    VerificationError,
)

if TYPE_CHECKING:
    from sftp_async.datasource import SFTPDataSource
    from sftp_async.options import SFTPOptions
    from sftp_async.progress import last_write
    from sftp_async.recovery import recover
    from sftp_async.session import register
    from sftp_async.tester import SFTPConnectionTester

__version__ = "0.1.0"

__all__ = [
    "AuthenticationError",
    "CommitError",
    "ConnectError",
    "EncodeError",
    "HostKeyError",
    "OptionsError",
    "PoolClosed",
    "PoolError",
    "PoolTimeout",
    "RemoteSpaceError",
    "SFTPAsyncError",
    "SFTPAsyncWarning",
    "SFTPConnectionTester",
    "SFTPDataSource",
    "SFTPOptions",
    "StalledError",
    "TransferError",
    "VerificationError",
    "__version__",
    "last_write",
    "recover",
    "register",
]

# Imported when first asked for: options must work without PySpark, and a Python worker should not
# pay for what it does not use.
_LAZY = {
    "SFTPConnectionTester": "sftp_async.tester",
    "SFTPDataSource": "sftp_async.datasource",
    "SFTPOptions": "sftp_async.options",
    "last_write": "sftp_async.progress",
    "recover": "sftp_async.recovery",
    "register": "sftp_async.session",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        return getattr(import_module(_LAZY[name]), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pyspark":
            raise
        raise ModuleNotFoundError(
            f"{name} needs PySpark. Install it with: pip install 'sftp-async[spark]'",
            name="pyspark",
        ) from error
