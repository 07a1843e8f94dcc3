"""Names that templates and rows give: what an overwrite takes for its own, and what blocks none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from sftp_async.errors import CommitError
from sftp_async.layout.part_names import PartFile
from sftp_async.progress.summary import WriteStats
from tests.support.jobs import MemoryJob
from tests.support.memory_server import Crash, MemoryServer, Operation


class RowJob(MemoryJob):
    """A job whose rows are files."""

    def __init__(self, server: MemoryServer, **job: Any) -> None:
        super().__init__(server, **job)
        self.layout = replace(self.layout, row_files=True)

    async def write_rows(self, files: dict[str, bytes]) -> WriteStats:
        """Do all of it."""
        await self.prepare()
        return await self.commit(
            [
                replace(self.put(number, content), final=path)
                for number, (path, content) in enumerate(files.items())
            ]
        )


async def write_rows(server: MemoryServer, files: dict[str, bytes], **job: Any) -> None:
    await RowJob(server, **job).write_rows(files)


async def write(server: MemoryServer, *contents: bytes, **job: Any) -> list[PartFile]:
    return await MemoryJob(server, **job).write(*contents)


async def write_partitioned(
    server: MemoryServer, directories: Sequence[str], **job: Any
) -> tuple[MemoryJob, list[PartFile]]:
    made = MemoryJob(server, partition_by="c", **job)
    await made.prepare()
    return made, made.stage(*[b"new"] * len(directories), directories=directories)


def files(server: MemoryServer) -> set[str]:
    return {name for name, data in server.tree("/out").items() if data is not None}


@pytest.mark.asyncio
async def test_an_overwrite_by_rows_leaves_files_of_other_names(server: MemoryServer) -> None:
    (part,) = await write(server, b"another job's", checksum_files="sha256")
    await write_rows(server, {"scan.pdf": b"1"}, success_file=True)
    await write_rows(server, {"scan.pdf": b"2"}, overwrite=True)
    assert files(server) == {part.final, f".{part.final}.sha256", "scan.pdf"}
    assert server.read("/out/scan.pdf") == b"2"


@pytest.mark.asyncio
async def test_an_overwrite_by_rows_removes_all_data_with_the_scope_directory(
    server: MemoryServer,
) -> None:
    await write(server, b"another job's")
    await write_rows(server, {"b.pdf": b"2"}, overwrite=True, overwrite_scope="directory")
    assert files(server) == {"b.pdf"}


@pytest.mark.asyncio
async def test_an_overwrite_knows_its_files_by_the_values_of_their_directory(
    server: MemoryServer,
) -> None:
    for name in ("invoices_7.csv", "1_1.csv", "c=1/invoices_7.csv", "c=1/1_9.csv", "c=2/1_9.csv"):
        server.put(f"/out/{name}", b"there")
    job, parts = await write_partitioned(
        server,
        ["c=1"],
        overwrite=True,
        overwrite_scope="matching",
        file_name_template="{c}_{seq}.csv",
    )
    await job.commit(parts)
    assert files(server) == {
        "invoices_7.csv",
        "1_1.csv",
        "c=1/invoices_7.csv",
        "c=1/1_1.csv",
        "c=2/1_9.csv",
    }


@pytest.mark.asyncio
@pytest.mark.parametrize("value", ["__HIVE_DEFAULT_PARTITION__", "_x", ".x"])
async def test_a_value_that_would_hide_a_file_is_refused_at_the_commit(
    server: MemoryServer, value: str
) -> None:
    job, parts = await write_partitioned(
        server, ["c=1", f"c={value}"], file_name_template="{c}_{seq}.csv"
    )
    with pytest.raises(CommitError, match=r"begins with _ or \., and readers ignore such files"):
        await job.commit(parts)
    await job.abort()
    assert files(server) == set()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("rows", "options"),
    [
        ({"a": b"1", "a.sha256/x": b"2"}, {"checksum_files": "sha256"}),
        ({"a": b"1", "a.done/x": b"2"}, {"done_file_template": "{name}.done"}),
        ({"a": b"1", "ready/x": b"2"}, {"done_file_template": "ready"}),
    ],
)
async def test_a_directory_of_rows_that_has_a_sidecar_files_name_is_refused(
    server: MemoryServer, rows: dict[str, bytes], options: dict[str, str]
) -> None:
    with pytest.raises(CommitError, match="is that of a directory, a checksum file or a done"):
        await write_rows(server, rows, **options)
    assert files(server) == set()
    await write(server, b"next")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("there", "options"),
    [
        ("a.sha256", {"checksum_files": "sha256"}),
        (".a.done", {"done_file_template": ".{name}.done"}),
        ("ready", {"done_file_template": "ready"}),
    ],
)
async def test_a_directory_on_the_server_that_has_a_sidecar_files_name_is_refused(
    server: MemoryServer, there: str, options: dict[str, str]
) -> None:
    server.make(f"/out/{there}")
    with pytest.raises(CommitError, match="A directory has the name of a checksum file or a done"):
        await write_rows(server, {"a": b"1"}, **options)
    assert files(server) == set()
    await write(server, b"next")


@pytest.mark.asyncio
async def test_a_commit_with_hidden_done_files_can_be_completed(
    server: MemoryServer,
) -> None:
    def die(operation: Operation) -> None:
        if operation.target.endswith(".intent.json"):
            server.meanwhile = lambda operation: None
            raise Crash

    server.meanwhile = die
    with pytest.raises(Crash):
        await write_rows(server, {"2026/a": b"1"}, done_file_template=".{name}.done")
    await write_rows(server, {"b": b"2"})
    assert files(server) == {"2026/a", "2026/.a.done", "b"}


@pytest.mark.asyncio
async def test_an_intent_that_no_reader_accepts_is_never_published(server: MemoryServer) -> None:
    job = RowJob(server)
    # A task checks this; another release's may not.
    with pytest.raises(CommitError, match="cannot be committed as planned: unsafe name"):
        await job.write_rows({"a": b"1", "b/_temporary/x": b"2"})
    await job.abort()
    assert files(server) == set()
    await write(server, b"next")
