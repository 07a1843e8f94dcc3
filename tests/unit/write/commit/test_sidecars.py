"""Sidecar files of old data never coexist with new data, and a rollback restores them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sftp_async.errors import CommitError
from tests.support.jobs import MemoryJob
from tests.support.memory_server import MemoryServer, Operation, denied

#: Of files that are put there by hand nothing shows whose they are.
SEQ: dict[str, Any] = {"file_name_template": "o_{seq}.csv", "overwrite_scope": "matching"}
OLD, NEW = b"old", b"new"


def put(server: MemoryServer, *names: str) -> None:
    for name in names:
        server.put(f"/out/{name}", OLD)


def old(server: MemoryServer) -> set[str]:
    """Names of the target's files of before."""
    return {path for path, content in server.tree("/out").items() if content == OLD}


def watched(server: MemoryServer, *names: str) -> list[str]:
    """Return a list that fills with those of the names that coexist with new data unchanged."""
    seen: list[str] = []

    def look() -> None:
        paths = {path for path in server.nodes if not path.startswith("/out/_temporary")}
        tree = {path: server.read(path) for path in paths if not server.nodes[path].is_dir}
        if NEW in tree.values():
            seen.extend(name for name in names if tree.get(f"/out/{name}") == OLD)

    server.watch = look
    return seen


async def write(job: MemoryJob, *directories: str) -> None:
    await job.prepare()
    await job.commit(job.stage(*[NEW] * (len(directories) or 1), directories=directories))


async def refused(job: MemoryJob, name: str, *directories: str) -> None:
    """Write two files, of which the server refuses one; roll the job back."""

    def refuse(operation: Operation) -> None:
        restored = "/displaced-" in operation.path
        renamed = operation.name in ("rename", "replace") and not restored
        if renamed and operation.target == f"/out/{name}":
            raise denied(operation.target)

    await job.prepare()
    parts = job.stage(NEW, NEW, directories=directories)
    job.server.refuse = refuse
    with pytest.raises(CommitError, match="cannot be made visible"):
        await job.commit(parts)
    await job.abort()


@pytest.mark.asyncio
async def test_the_done_files_of_stems_go_before_new_files_of_the_template_come(
    server: MemoryServer,
) -> None:
    stems = {"o_1.done", "o_2.done"}
    put(server, "o_1.csv", "o_2.csv", *stems, "other.done")
    seen = watched(server, "o_1.done")
    await write(MemoryJob(server, overwrite=True, done_file_template="{stem}.done", **SEQ))
    assert seen == []
    assert set(server.files("/out")) == {"o_1.csv", "o_1.done", "other.done"}
    assert server.read("/out/o_1.done") == b""


@pytest.mark.asyncio
async def test_a_stem_ends_at_the_first_dot_of_the_template(server: MemoryServer) -> None:
    put(server, "o_7.csv.gz", "o_7.ok", "o_8.tar", "p_7.ok")
    template: dict[str, Any] = {
        "file_name_template": "o_{seq}.csv.gz",
        "overwrite_scope": "matching",
        "done_file_template": "{stem}.ok",
    }
    await write(MemoryJob(server, overwrite=True, **template))
    assert set(server.files("/out")) == {"o_1.csv.gz", "o_1.ok", "o_8.tar", "p_7.ok"}


@pytest.mark.asyncio
async def test_checksum_files_in_partitions_go_before_new_data_comes(server: MemoryServer) -> None:
    put(server, "c=1/o_1.csv", "c=1/o_1.csv.md5", "c=2/o_1.csv", "c=2/o_1.csv.sha256")
    seen = watched(server, "c=1/o_1.csv.md5", "c=2/o_1.csv.sha256")
    await write(MemoryJob(server, overwrite=True, partition_by="c", **SEQ), "c=1", "c=2")
    assert seen == []
    files = {path for path, content in server.tree("/out").items() if content is not None}
    assert files == {"c=1/o_1.csv", "c=2/o_1.csv"}


@pytest.mark.asyncio
async def test_checksum_files_in_partitions_come_back_with_their_data(server: MemoryServer) -> None:
    before = {"c=1/o_1.csv", "c=1/o_1.csv.md5", "c=2/o_1.csv", "c=2/o_1.csv.md5"}
    put(server, *before)
    job = MemoryJob(server, overwrite=True, partition_by="c", **SEQ)
    await refused(job, "c=2/o_1.csv", "c=1", "c=2")
    assert old(server) == before


@pytest.mark.asyncio
@pytest.mark.parametrize("done", ["ready.ok", None])
async def test_a_dynamic_overwrite_removes_the_sidecar_files_of_the_whole_target(
    server: MemoryServer, done: str | None
) -> None:
    names = {"_SUCCESS", "_manifest.json"} | ({done} if done else set())
    put(server, *names, "notes.ok")
    dynamic: dict[str, Any] = {"partition_by": "c", "partition_overwrite_mode": "dynamic"}
    seen = watched(server, *names)
    await write(MemoryJob(server, overwrite=True, done_file_template=done, **dynamic), "c=1")
    assert seen == []
    assert old(server) == {"notes.ok"}


REPLACING: dict[str, Any] = {"if_exists": "replace", **SEQ}
SIDECARS = ("_SUCCESS", "_manifest.json", "o_1.csv.sha256", "o_1.csv.md5", "o_1.csv.done")


@pytest.mark.asyncio
@pytest.mark.parametrize("more", [{}, {"success_file": True, "checksum_files": "sha256"}])
async def test_an_append_that_replaces_files_leaves_no_sidecar_files_of_them(
    server: MemoryServer, more: dict[str, Any]
) -> None:
    put(server, "o_1.csv", *SIDECARS, "o_2.csv", "o_2.csv.sha256", "o_2.csv.done")
    seen = watched(server, *SIDECARS)
    await write(MemoryJob(server, done_file_template="{name}.done", **REPLACING, **more))
    assert seen == []
    assert old(server) == {"o_2.csv", "o_2.csv.sha256", "o_2.csv.done"}


@pytest.mark.asyncio
async def test_an_append_that_replaced_files_restores_all_in_a_rollback(
    server: MemoryServer,
) -> None:
    before = {"o_1.csv", *SIDECARS}
    put(server, *before)
    await refused(MemoryJob(server, done_file_template="{name}.done", **REPLACING), "o_2.csv")
    assert old(server) == before == server.names("/out")


@pytest.mark.asyncio
async def test_an_append_that_replaces_nothing_leaves_all_sidecar_files(
    server: MemoryServer,
) -> None:
    put(server, "p_1.csv", "p_1.csv.sha256", "_SUCCESS", "_manifest.json")
    await write(MemoryJob(server, **REPLACING))
    assert old(server) == {"p_1.csv", "p_1.csv.sha256", "_SUCCESS", "_manifest.json"}


@pytest.mark.asyncio
@pytest.mark.parametrize("overwrite", [False, True])
async def test_sidecar_files_of_a_rows_file_are_removed_and_a_rows_own_file_stays(
    server: MemoryServer, overwrite: bool
) -> None:
    put(server, "in/a", "in/a.sha256", "in/a.md5", "in/other.md5", "_SUCCESS")
    job = MemoryJob(server, overwrite=overwrite, if_exists="replace", file_name_template="{seq}")
    job.layout = replace(job.layout, row_files=True, names=None)

    await job.prepare()
    parts = zip(job.stage(NEW, NEW), ("in/a", "in/a.sha256"), strict=True)
    await job.commit([replace(part, final=name) for part, name in parts])
    assert old(server) == {"in/other.md5"}
    assert server.files("/out/in") == {"a": NEW, "a.sha256": NEW, "other.md5": OLD}


def manifest(*names: str) -> bytes:
    return json.dumps({"version": 1, "files": [{"name": name} for name in names]}).encode()


@pytest.mark.asyncio
async def test_an_exact_overwrite_leaves_no_checksum_file_that_does_not_match(
    server: MemoryServer,
) -> None:
    sidecars = ("x.csv.sha256", "x.csv.md5")
    put(server, "x.csv", *sidecars, "y.csv.md5", "_SUCCESS")
    seen = watched(server, *sidecars)
    await write(MemoryJob(server, "/out/x.csv", overwrite=True))
    assert seen == []
    assert old(server) == {"y.csv.md5", "_SUCCESS"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("found", "stays"),
    [
        (manifest("x.csv"), False),
        (manifest("x.csv", "y.csv"), True),
        (manifest("y.csv"), True),
        (b'{"version": 2, "files": [{"name": "x.csv"}]}', True),
        (b'["x.csv"]', True),
        (b"{", True),
    ],
)
async def test_an_exact_overwrite_takes_away_a_manifest_of_that_file_alone(
    server: MemoryServer, found: bytes, stays: bool
) -> None:
    put(server, "x.csv")
    server.put("/out/_manifest.json", found)
    await write(MemoryJob(server, "/out/x.csv", overwrite=True))
    assert ("_manifest.json" in server.names("/out")) == stays
    assert server.read("/out/x.csv") == NEW


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "options", "name"),
    [
        ("/out", {"success_file": True}, "_SUCCESS"),
        ("/out", {"manifest": True}, "_manifest.json"),
        ("/out", {"done_file_template": "ready.ok"}, "ready.ok"),
        ("/out/x.csv", {"done_file_template": "{name}.done"}, "x.csv.done"),
        ("/out/x.csv", {"checksum_files": "md5"}, "x.csv.md5"),
    ],
)
async def test_a_directory_in_the_place_of_a_sidecar_file_ends_the_job_before_anything_is_visible(
    path: str, options: dict[str, Any], name: str
) -> None:
    server = MemoryServer()
    server.make(f"/out/{name}")
    job = MemoryJob(server, path, **options)
    await job.prepare()
    parts = job.stage(b"1", b"2")
    with pytest.raises(CommitError, match="A directory has the name"):
        await job.commit(parts)
    await job.abort()
    assert server.files("/out") == {}
    await MemoryJob(server, path).write(b"1")
    assert len(server.files("/out")) == 1
