"""Defines the options of a stream: how much a micro-batch takes, what of it is remembered where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from sftp_async.options import parsing as p
from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import (
    Count,
    FieldType,
    OptionalSize,
    OptionalText,
    RemotePath,
    Switch,
)

#: Seconds between the two looks that a stream takes at a new file, unless `stable_for` is set.
STREAM_STABLE_FOR = 5.0


class StreamOptions(OptionsModel):
    """What `spark.readStream` takes in a micro-batch, and what becomes of its files afterwards."""

    max_files_per_trigger: Count = Field(
        1000,
        description="Most files of one micro-batch; `max_bytes_per_trigger` holds as well.",
        examples=["100"],
    )
    max_bytes_per_trigger: OptionalSize = Field(
        None,
        description="Most bytes of the files of one micro-batch; it takes one file at least.",
        examples=["10g"],
    )
    latest_first: Switch = Field(
        False,
        description="Take the newest files first. Older ones follow as the limits allow.",
        examples=["true"],
    )
    on_change: Annotated[
        Literal["read", "ignore", "fail"],
        BeforeValidator(p.one_of(("read", "ignore", "fail"))),
        FieldType(),
    ] = Field(
        "read",
        description="What to do with a file that has another size or time than when it was read: "
        "`read` reads all of it again, `ignore` does not read it, and `fail` ends the query.",
        examples=["fail"],
    )
    clean_source: Annotated[
        Literal["off", "archive", "delete"],
        BeforeValidator(p.one_of(("off", "archive", "delete"))),
        FieldType(),
    ] = Field(
        "off",
        description="What to do with files whose micro-batch is done: `archive` moves them to "
        "`source_archive_dir`, `delete` removes them.",
        examples=["archive"],
    )
    source_archive_dir: RemotePath = Field(
        None,
        description="Directory on the server that `clean_source=archive` moves files to, with "
        "their paths below the directory that is read. It must not be inside of that.",
        examples=["/done"],
    )
    state_location: OptionalText = Field(
        None,
        description="Directory in which the stream keeps which files it has read: a local path, or "
        "a URI of a file system that pyarrow or fsspec knows, such as `s3://…` or `hdfs://…`. If "
        "it is not set, Spark's own checkpoint keeps it, for up to 10,000 files.",
        examples=["s3://lake/state/orders"],
    )

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super()._contradictions()
        names = ("clean_source", "source_archive_dir")
        if self.clean_source == "archive" and self.source_archive_dir is None:
            yield names, "clean_source=archive needs source_archive_dir, the directory to move to."
        if self.source_archive_dir is not None and self.clean_source != "archive":
            yield names, "source_archive_dir is the directory of clean_source=archive: set that."
