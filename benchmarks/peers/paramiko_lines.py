"""A Paramiko data source that reads: one task a file, one row of text a line.

It stands for the SFTP source of `allisonwang-db/pyspark-data-sources`, rewritten from its
behaviour: a look at the path on the driver; on each task a connection, the file opened for reading
with Paramiko's own buffer, and a row for each line. Its user then has Spark parse the lines. Two
things differ, none in its disfavour:

- It checks the server's host key, as all others here do; the original takes any.
- It takes a key of any kind; the original takes RSA keys alone.
"""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

if TYPE_CHECKING:
    import paramiko
    from pyspark.sql.types import StructType


class LinesReader(DataSourceReader):
    """Reads every file of a directory, or one file, line by line.

    Args:
        options: `host`, `port`, `username`, `private_key_path`, `known_hosts_path`, and `path`.

    """

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = dict(options)

    def partitions(self) -> Sequence[InputPartition]:
        """Return one for each file."""
        path = self._options["path"]
        with self._session() as sftp:
            if stat.S_ISREG(sftp.stat(path).st_mode or 0):
                return [InputPartition(path)]
            return [
                InputPartition(posixpath.join(path, entry.filename))
                for entry in sftp.listdir_attr(path)
                if stat.S_ISREG(entry.st_mode or 0)
            ]

    def read(self, partition: InputPartition) -> Iterator[tuple[str]]:
        """Yield the lines of one file, without their ends."""
        with self._session() as sftp, sftp.open(partition.value, "r") as file:
            for line in file:
                yield (line.rstrip("\r\n"),)

    @contextmanager
    def _session(self) -> Iterator[paramiko.SFTPClient]:
        import paramiko

        with paramiko.SSHClient() as client:
            client.load_host_keys(self._options["known_hosts_path"])
            client.set_missing_host_key_policy(paramiko.RejectPolicy())
            client.connect(
                self._options["host"],
                int(self._options["port"]),
                self._options["username"],
                key_filename=self._options["private_key_path"],
                allow_agent=False,
                look_for_keys=False,
            )
            with client.open_sftp() as sftp:
                yield sftp


class ParamikoLinesSource(DataSource):
    """`format("paramiko_lines")`; its options are those of `LinesReader`."""

    @classmethod
    def name(cls) -> str:
        """Return the name for `format`."""
        return "paramiko_lines"

    def schema(self) -> str:
        """Return the one column."""
        return "value STRING"

    def reader(self, schema: StructType) -> LinesReader:
        """Return the reader."""
        return LinesReader(self.options)
