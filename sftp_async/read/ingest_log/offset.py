"""`StreamOffset`: where a stream stands, as Spark keeps it in its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

from sftp_async.errors import StateError
from sftp_async.read.listing import FoundFile

#: Version of the form that is written, and known.
VERSION: Final = 1


@dataclass(frozen=True)
class StreamOffset:
    """The end of a micro-batch; batch 0 is the start of the stream.

    Without a place for state it holds the files of its batch, and which versions are known.

    Attributes:
        batch: number of the micro-batch.
        stream: identifies the stream; None for batch 0.
        files: of the batch, where the offset holds the state; else none.
        partition_by: names of their partition columns.
        known: `KnownFiles.to_text` with the batch's own files; None if the state is elsewhere.
        columns: digest of the columns, if they were inferred and no state keeps them.
        source: what the stream reads, its address and paths, if no state keeps it.

    """

    batch: int = 0
    stream: str | None = None
    files: tuple[FoundFile, ...] = ()
    partition_by: tuple[str, ...] = ()
    known: str | None = None
    columns: str | None = None
    source: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the offset as JSON can hold it; equal offsets are equal texts."""
        found: dict[str, Any] = {"version": VERSION, "batch": self.batch}
        if self.stream is not None:
            found["stream"] = self.stream
        if self.known is not None:
            found["files"] = [
                [file.path, file.size, int(file.mtime), list(file.partition)] for file in self.files
            ]
            found["partition_by"] = list(self.partition_by)
            found["known"] = self.known
        if self.columns is not None:
            found["columns"] = self.columns
        if self.source is not None:
            found["source"] = self.source
        return found

    def check_source(self, source: str | None) -> None:
        """Ensure that a stream goes on with what it has read so far.

        Args:
            source: what it reads: its address and paths; None: not known.

        Raises:
            StateError: it is another one.

        """
        if None not in (self.source, source) and self.source != source:
            raise StateError(
                f"The checkpoint is that of a query that reads {self.source}, and this one reads "
                f"{source}",
                hint="Give each query a checkpointLocation of its own",
            )

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Self:
        """Return the offset of a checkpoint.

        Raises:
            StateError: a newer version of this package wrote it, or it is none of its offsets.

        """
        version = found.get("version") if isinstance(found, dict) else None
        if version != VERSION:
            raise StateError(
                f"The checkpoint has an offset of version {version!r}, and version {VERSION} is "
                "known here",
                hint="Install the version of sftp_async that wrote it, or a newer one; an offset "
                "of another data source needs a checkpoint of its own",
            )
        try:
            return cls(
                int(found["batch"]),
                found.get("stream"),
                tuple(
                    FoundFile(path, size, mtime, tuple(partition))
                    for path, size, mtime, partition in found.get("files", ())
                ),
                tuple(found.get("partition_by", ())),
                found.get("known"),
                found.get("columns"),
                found.get("source"),
            )
        except (LookupError, TypeError, ValueError) as error:
            raise StateError(
                f"The checkpoint has an offset that is damaged ({error})",
                hint="Restore the checkpoint, or begin with a new one",
            ) from error
