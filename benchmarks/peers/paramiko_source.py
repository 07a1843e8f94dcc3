"""A Paramiko data source that writes: rows to a list, to pandas, to one buffer, and up.

It stands for `marcjimz/databricks-sftp-data-source`, rewritten from its behaviour. On each
partition: one SSH connection, one look at each directory of the path, one `putfo` (with the
look at the file's size that Paramiko ends it with). Three things differ, none in its disfavour:

- It checks the server's host key, as all others here do, at no round trip more; the original
  takes any.
- It looks at the last two directories of the path only, as in `/upload/orders`: how deep the
  suite's own directory lies on the server is no fault of the original's.
- Where two tasks make the directory at the same moment, the original's job fails. Here it goes
  on.
"""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark import TaskContext
from pyspark.sql.datasource import DataSource, DataSourceWriter, WriterCommitMessage

if TYPE_CHECKING:
    import paramiko
    from pyspark.sql import Row
    from pyspark.sql.types import StructType

#: The original's, in seconds.
CONNECT_TIMEOUT = 30
#: So many directories of the path are looked at, counted from the last.
DIRECTORIES = 2


@dataclass(frozen=True)
class Uploaded(WriterCommitMessage):
    """What one partition wrote."""

    rows: int


class ParamikoWriter(DataSourceWriter):
    """Writes each partition as one CSV file with a header, `<name>_part00000.csv`.

    Args:
        options: `host`, `port`, `username`, `private_key_path`, `known_hosts_path`, and `path`: the
            remote directory and the files' common name, as in `/upload/orders/orders.csv`.

    """

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = dict(options)

    def write(self, iterator: Iterator[Row]) -> Uploaded:
        """Write one partition; an empty one leaves no file."""
        # As in the original: the driver's side, which imports this module too, does not pay for it.
        import pandas

        rows = list(iterator)
        if not rows:
            return Uploaded(0)
        frame = pandas.DataFrame([row.asDict() for row in rows])
        with self._connect() as client, client.open_sftp() as sftp:
            directory, name = posixpath.split(self._options["path"])
            _make_directories(sftp, directory)
            buffer = io.BytesIO()
            frame.to_csv(buffer, index=False, header=True)
            buffer.seek(0)
            stem, extension = posixpath.splitext(name)
            part = f"{stem}_part{_partition():05d}{extension}"
            sftp.putfo(buffer, posixpath.join(directory, part))
        return Uploaded(len(rows))

    def _connect(self) -> paramiko.SSHClient:
        import paramiko

        client = paramiko.SSHClient()
        client.load_host_keys(self._options["known_hosts_path"])
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        client.connect(
            self._options["host"],
            int(self._options["port"]),
            self._options["username"],
            key_filename=self._options["private_key_path"],
            timeout=CONNECT_TIMEOUT,
            allow_agent=False,
            look_for_keys=False,
        )
        return client


class ParamikoDataSource(DataSource):
    """`format("paramiko_pandas")`; its options are those of `ParamikoWriter`."""

    @classmethod
    def name(cls) -> str:
        """Return the name for `format`."""
        return "paramiko_pandas"

    def writer(self, schema: StructType, overwrite: bool) -> ParamikoWriter:
        """Return the writer; the mode makes no difference to the original."""
        return ParamikoWriter(self.options)


def _partition() -> int:
    context = TaskContext.get()
    return context.partitionId() if context is not None else 0


def _make_directories(sftp: paramiko.SFTPClient, directory: str) -> None:
    path = directory
    wanted: list[str] = []
    while path not in ("", "/") and len(wanted) < DIRECTORIES:
        wanted.append(path)
        path = posixpath.dirname(path)
    for path in reversed(wanted):
        try:
            sftp.stat(path)
        except FileNotFoundError:
            with suppress(OSError):  # another task made it just now; else the upload fails
                sftp.mkdir(path)
