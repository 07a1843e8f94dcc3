"""sftp_async: a Spark data source that reads from SFTP servers, and writes there atomically."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sftp_async.errors import (
    AuthenticationError,
    CommitError,
    ConnectError,
    ControlRecordError,
    DecodeError,
    EncodeError,
    HostKeyError,
    OptionsError,
    PoolClosed,
    PoolError,
    PoolTimeout,
    RemoteChangedError,
    RemoteSpaceError,
    SFTPAsyncError,
    SFTPAsyncWarning,
    StalledError,
    TransferError,
    VerificationError,
)
from sftp_async.version import __version__

if TYPE_CHECKING:
    from sftp_async.explanation.explain import explain
    from sftp_async.options import SFTPOptions
    from sftp_async.options.keywords import SFTPOptionsDict
    from sftp_async.progress import history, last_read, last_write
    from sftp_async.spark.datasource import SFTPDataSource
    from sftp_async.spark.register import register
    from sftp_async.tools.doctor.tester import SFTPConnectionTester
    from sftp_async.write.recovery import recover

__all__ = [
    "AuthenticationError",
    "CommitError",
    "ConnectError",
    "ControlRecordError",
    "DecodeError",
    "EncodeError",
    "HostKeyError",
    "OptionsError",
    "PoolClosed",
    "PoolError",
    "PoolTimeout",
    "RemoteChangedError",
    "RemoteSpaceError",
    "SFTPAsyncError",
    "SFTPAsyncWarning",
    "SFTPConnectionTester",
    "SFTPDataSource",
    "SFTPOptions",
    "SFTPOptionsDict",
    "StalledError",
    "TransferError",
    "VerificationError",
    "__version__",
    "explain",
    "history",
    "last_read",
    "last_write",
    "recover",
    "register",
]

# Imported at the first access: options must work without PySpark, and a Python worker should not
# load what it does not use.
_LAZY = {
    "SFTPConnectionTester": "sftp_async.tools.doctor.tester",
    "SFTPDataSource": "sftp_async.spark.datasource",
    "SFTPOptions": "sftp_async.options",
    "SFTPOptionsDict": "sftp_async.options.keywords",
    "explain": "sftp_async.explanation.explain",
    "history": "sftp_async.progress",
    "last_read": "sftp_async.progress",
    "last_write": "sftp_async.progress",
    "recover": "sftp_async.write.recovery",
    "register": "sftp_async.spark.register",
}

if not TYPE_CHECKING:  # a type checker knows all names, and reports others

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
