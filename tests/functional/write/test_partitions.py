"""A task's rows to the directories of their values, over real SSH."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sftp_async import SFTPOptions
from sftp_async.errors import EncodeError, OptionsError, RemoteExistsError, TransferError
from sftp_async.layout.part_names import PartFile, is_data
from sftp_async.remote.runtime import get_runtime
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from sftp_async.write import external_sort, partition_router
from sftp_async.write.job import Job
from sftp_async.write.plan import plan_job
from tests.support.jobs import write_part

SCHEMA = pa.schema([("row", pa.int64()), ("value", pa.string()), ("text", pa.string())])


def batches(rows: int, values: int, each: int = 1000) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows, each):
        numbers = range(start, min(start + each, rows))
        yield pa.record_batch(
            [
                pa.array(numbers, pa.int64()),
                pa.array([f"v{row * 7919 % values}" for row in numbers]),
                pa.array([f"row {row}" for row in numbers]),
            ],
            schema=SCHEMA,
        )


def prepared(server: EmbeddedServer, **options: Any) -> Job:
    given = {**server.options(), "path": "out", "partition_by": "value", **options}
    return plan_job(SFTPOptions(**given), SCHEMA, overwrite=False).prepare()


def rows_by_value(server: EmbeddedServer) -> dict[str, list[list[int]]]:
    """The rows of each file of each value."""
    found: dict[str, list[list[int]]] = {}
    for path in sorted(Path(server.root, "out").rglob("part-*")):
        lines = path.read_text().splitlines()
        assert all(
            line == f"{line.partition(',')[0]},row {line.partition(',')[0]}" for line in lines
        )
        rows = [int(line.partition(",")[0]) for line in lines]
        found.setdefault(str(path.parent.relative_to(Path(server.root, "out"))), []).append(rows)
    return found


def expected(rows: int, values: int) -> dict[str, list[list[int]]]:
    found: dict[str, list[list[int]]] = {}
    for row in range(rows):
        found.setdefault(f"value=v{row * 7919 % values}", [[]])[0].append(row)
    return found


def test_each_value_has_one_file_with_its_rows_in_their_order_and_without_its_column(
    embedded_server: EmbeddedServer,
) -> None:
    job = prepared(embedded_server)
    parts = write_part(job, 0, batches(5000, 5))
    assert not [p for p in Path(embedded_server.root, "out").iterdir() if is_data(p.name)]
    stats = job.commit(parts)
    assert rows_by_value(embedded_server) == expected(5000, 5)
    assert (stats.files, stats.rows) == (5, 5000)


@pytest.mark.parametrize("gathered", [external_sort.GATHERED, 20_000], ids=["in memory", "on disk"])
def test_values_beyond_those_that_are_open_at_once_have_one_file_each_too(
    embedded_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, gathered: int
) -> None:
    spilled = 0

    class Counted(external_sort.RowSorter):
        def __init__(self) -> None:
            super().__init__(gathered, block=2000, width=4)

        def __exit__(self, *error: object) -> None:
            nonlocal spilled
            spilled += self.runs
            super().__exit__(*error)

    monkeypatch.setattr(partition_router, "RowSorter", Counted)
    values = partition_router.OPEN + 100
    job = prepared(embedded_server, max_connections=2)
    job.commit(write_part(job, 0, batches(20_000, values)))
    assert rows_by_value(embedded_server) == expected(20_000, values)
    assert (spilled > 0) == (gathered < external_sort.GATHERED)
    stats = get_runtime().pool(job.options).get_stats()
    assert stats.connects_total <= 2
    assert stats.leases == 0


def test_files_of_a_value_roll_at_their_limit_of_rows(embedded_server: EmbeddedServer) -> None:
    job = prepared(embedded_server, max_records_per_file=40)
    job.commit(write_part(job, 0, batches(500, 5)))
    found = rows_by_value(embedded_server)
    assert {name: [len(rows) for rows in files] for name, files in found.items()} == {
        f"value=v{n}": [40, 40, 20] for n in range(5)
    }


def test_an_empty_dataframe_writes_nothing(embedded_server: EmbeddedServer) -> None:
    job = prepared(embedded_server, write_empty=True, header=True)
    job.commit(write_part(job, 0, []))
    assert list(Path(embedded_server.root, "out").iterdir()) == []


def test_parquet_has_all_rows_with_few_files_open_at_once(embedded_server: EmbeddedServer) -> None:
    job = prepared(embedded_server, format="parquet")
    job.commit(write_part(job, 0, batches(2000, 50)))
    found = {
        path.parent.name: pq.ParquetFile(path).read().column("row").to_pylist()
        for path in Path(embedded_server.root, "out").rglob("*.parquet")
    }
    assert found == {name: files[0] for name, files in expected(2000, 50).items()}


@pytest.mark.parametrize("mode", ["rename", "direct"])
def test_manifest_and_checksums_name_the_files_of_all_partitions(
    embedded_server: EmbeddedServer, mode: str
) -> None:
    job = prepared(
        embedded_server, manifest=True, checksum_files="sha256", commit_mode=mode, verify="readback"
    )
    job.commit(write_part(job, 0, batches(100, 3)))
    out = Path(embedded_server.root, "out")
    manifest = json.loads((out / "_manifest.json").read_text())
    assert manifest["partition_by"] == ["value"]
    assert {file["name"] for file in manifest["files"]} == {
        str(path.relative_to(out)) for path in out.rglob("part-*")
    }
    for file in manifest["files"]:
        path = out / file["name"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
        subprocess.run(
            ["sha256sum", "-c", f".{path.name}.sha256"],
            cwd=path.parent,
            check=True,
            capture_output=True,
        )


def test_names_by_a_template_may_hold_the_value_and_count_in_each_directory(
    embedded_server: EmbeddedServer,
) -> None:
    job = prepared(
        embedded_server,
        file_name_template="{value}_{seq:02d}.csv",
        max_records_per_file=2,
        checksum_files="md5",
        done_file_template="{name}.done",
    )
    job.commit(write_part(job, 0, batches(6, 2)))
    out = Path(embedded_server.root, "out")
    names = [f"v{value}_0{number}.csv" for value in (0, 1) for number in (1, 2)]
    made = {f"value={name[:2]}/{name}{more}" for name in names for more in ("", ".md5", ".done")}
    assert {str(path.relative_to(out)) for path in out.rglob("v*_*") if path.is_file()} == made
    static = job.options.model_copy(update={"partition_overwrite_mode": "static"})
    again = plan_job(static, SCHEMA, overwrite=True).prepare()
    again.commit(write_part(again, 0, batches(1, 1)))
    assert {str(path.relative_to(out)) for path in out.rglob("v*_*") if path.is_file()} == {
        f"value=v0/v0_01.csv{more}" for more in ("", ".md5", ".done")
    }


@pytest.mark.parametrize(
    ("value", "why"), [("a\0b", "a NUL"), ("x" * 250, "more than 255 bytes"), ("é" * 130, "255")]
)
def test_a_value_that_makes_no_directory_is_an_error_that_names_column_and_value(
    embedded_server: EmbeddedServer, value: str, why: str
) -> None:
    job = prepared(embedded_server)
    batch = pa.record_batch([pa.array([1]), pa.array([value]), pa.array(["t"])], schema=SCHEMA)
    with pytest.raises(EncodeError, match=why) as caught:
        write_part(job, 0, [batch])
    assert "'value'" in str(caught.value)
    assert repr(value[:50])[1:-1] in str(caught.value)
    job.abort()
    assert list(Path(embedded_server.root, "out").iterdir()) == []


def test_values_like_paths_stay_in_the_target(embedded_server: EmbeddedServer) -> None:
    job = prepared(embedded_server)
    values = ["..", ".", "/etc", "../../x", "a\nb", "a\\b"]
    batch = pa.record_batch(
        [pa.array(range(6)), pa.array(values), pa.array(["t"] * 6)], schema=SCHEMA
    )
    job.commit(write_part(job, 0, [batch]))
    out = Path(embedded_server.root, "out")
    assert {path.name for path in out.iterdir()} == {
        *("value=..", "value=.", "value=%2Fetc", "value=..%2F..%2Fx", "value=a%0Ab", "value=a%5Cb")
    }
    assert [path.name for path in Path(embedded_server.root).iterdir()] == ["out"]


def test_files_that_are_written_directly_have_their_directories(
    embedded_server: EmbeddedServer,
) -> None:
    job = prepared(embedded_server, commit_mode="direct")
    parts = write_part(job, 0, batches(300, 3))
    assert {part.directory for part in parts} == {"value=v0", "value=v1", "value=v2"}
    job.commit(parts)
    assert rows_by_value(embedded_server) == expected(300, 3)


def test_an_abort_removes_files_and_directories_that_were_written_directly(
    embedded_server: EmbeddedServer,
) -> None:
    job = prepared(embedded_server, commit_mode="direct")
    write_part(job, 0, batches(300, 3))
    foreign = Path(embedded_server.root, "out", "value=v1", "foreign.csv")
    foreign.write_text("foreign")
    job.abort()
    out = Path(embedded_server.root, "out")
    assert sorted(out.rglob("*")) == [foreign.parent, foreign]


def test_a_task_that_outlives_its_job_leaves_no_directory_where_it_writes_directly(
    embedded_server: EmbeddedServer,
) -> None:
    job = prepared(embedded_server, commit_mode="direct")
    job.abort()
    with pytest.raises(TransferError, match="job this task belongs to has ended"):
        write_part(job, 0, batches(300, 3))
    assert list(Path(embedded_server.root, "out").iterdir()) == []


def test_a_file_in_the_place_of_a_directory_fails_a_task_that_writes_directly(
    embedded_server: EmbeddedServer,
) -> None:
    job = prepared(embedded_server, commit_mode="direct")
    Path(embedded_server.root, "out", "value=v1").write_text("foreign")
    with pytest.raises(
        RemoteExistsError, match="Expected a directory created by sftp_async, found a file"
    ):
        write_part(job, 0, batches(300, 3))
    job.abort()
    assert [path.name for path in Path(embedded_server.root, "out").rglob("*")] == ["value=v1"]


def test_a_commit_whose_connection_is_lost_continues_on_another(
    embedded_server: EmbeddedServer,
) -> None:
    job = prepared(embedded_server)
    parts: list[PartFile] = [
        *write_part(job, 0, batches(300, 3)),
        *write_part(job, 1, batches(300, 3)),
    ]
    embedded_server.drop_connections()
    job.commit(parts)
    found = rows_by_value(embedded_server)
    assert {name: len(files) for name, files in found.items()} == {
        f"value=v{number}": 2 for number in range(3)
    }


def test_option_mistakes_are_reported_together_before_anything_is_written(
    embedded_server: EmbeddedServer,
) -> None:
    with pytest.raises(OptionsError) as caught:
        prepared(embedded_server, partition_by="valu,row", max_file_bytes=2, path="out.csv")
    assert len(caught.value.problems) == 3
    assert "did you mean 'value'?" in str(caught.value)
    assert list(Path(embedded_server.root).iterdir()) == []
