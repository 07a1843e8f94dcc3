"""A stream on the driver and in its tasks, over a real connection, without Spark."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import NewColumnsError, OptionsError, RemoteChangedError, StateError
from sftp_async.options import SFTPOptions
from sftp_async.progress.listener import Listener
from sftp_async.progress.permits import join_driver
from sftp_async.progress.state import WriteState
from sftp_async.read.stream import server_looks
from sftp_async.read.stream.columns import columns_of, columns_text
from sftp_async.read.stream.open_stream import OpenStream
from sftp_async.read.stream.source import StreamSource, plan_columns, plan_stream, state_of
from sftp_async.read.task import read_task
from sftp_async.remote.runtime import get_runtime
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.guests import NoDisplay

pytestmark = pytest.mark.one_python

TEXT = pa.schema([("value", pa.string())])


@pytest.fixture(autouse=True)
def _runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Looks follow one another at once; connections end with the test."""
    monkeypatch.setattr(server_looks, "INTERVAL", 0.0)
    yield
    get_runtime().close()


class Query:
    """A stream of `/in`, as Spark 4.2 reads it.

    Attributes:
        directory: that is read.
        offset: the end of the last batch.

    """

    def __init__(self, server: EmbeddedServer) -> None:
        self.directory = server.root / "in"
        self.directory.mkdir()
        self.offset: dict[str, Any] = {"version": 1, "batch": 0}
        self._server = server
        self._numbers = 0

    def put(self, name: str, text: str) -> Path:
        """Make a file that has a time of its own."""
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        self._numbers += 1
        os.utime(path, (1_700_000_000 + self._numbers,) * 2)
        return path

    def source(
        self, *, schema: pa.Schema = TEXT, inferred: str | None = None, **more: Any
    ) -> StreamSource:
        return plan_stream(self.options(**more), schema, inferred=inferred)

    def options(self, **more: Any) -> SFTPOptions:
        return SFTPOptions(**{"stable_for": 0, **self._server.options(), **more}, path="/in")

    def plan(self, stream: OpenStream) -> list[Any]:
        """Return the tasks of the next batch."""
        before, self.offset = self.offset, stream.planner.latest(self.offset)
        return stream.tasks(before, self.offset)

    def rows(self, stream: OpenStream, source: StreamSource) -> list[dict[str, Any]]:
        """Return the rows of the next batch, as its tasks read them in processes of their own."""
        found = []
        for task in pickle.loads(pickle.dumps(self.plan(stream))):
            scan = pickle.loads(pickle.dumps(source)).scan.scan(task.shape)
            for batch in read_task(scan, task.files):
                found += batch.to_pylist()
        return found


@pytest.fixture
def query(embedded_server: EmbeddedServer) -> Query:
    return Query(embedded_server)


def test_the_tasks_of_a_batch_know_its_format_its_directories_and_the_verified_keys(
    query: Query,
) -> None:
    schema = pa.schema([("id", pa.int64()), ("name", pa.string()), ("day", pa.int32())])
    source = query.source(schema=schema, header=True)
    stream = OpenStream(source)
    query.put("day=1/a.tsv", "id\tname\n1\tx\n")
    assert query.rows(stream, source) == [{"id": 1, "name": "x", "day": 1}]
    query.put("day=2/b.json", '{"id": 2, "name": "y"}\n')
    assert query.rows(stream, source) == [{"id": 2, "name": "y", "day": 2}]
    assert query.rows(stream, source) == []


def test_a_replay_needs_no_look_and_reads_the_planned_version_or_says_that_it_is_lost(
    query: Query,
) -> None:
    source = query.source(format="text")
    query.put("a.txt", "a1\n")
    assert query.rows(OpenStream(source), source) == [{"value": "a1"}]
    query.put("a.txt", "a2, which is longer\n")
    [task] = OpenStream(source).tasks({"version": 1, "batch": 0}, query.offset)
    with pytest.raises(RemoteChangedError, match="micro-batch is planned with is lost"):
        list(read_task(source.scan.scan(task.shape), task.files))
    lenient = query.source(format="text", ignore_missing_files=True)
    [task] = OpenStream(lenient).tasks({"version": 1, "batch": 0}, query.offset)
    assert list(read_task(lenient.scan.scan(task.shape), task.files)) == []


def test_files_that_may_be_left_out_are_not_shared_by_tasks(query: Query) -> None:
    split = {"format": "text", "max_partition_bytes": 1000, "open_cost_bytes": 0}
    query.put("a.txt", "a line\n" * 1000)
    assert len(query.plan(OpenStream(query.source(**split)))) > 5
    query.offset = {"version": 1, "batch": 0}
    assert len(query.plan(OpenStream(query.source(**split, ignore_missing_files=True)))) == 1


def test_each_task_of_a_file_finds_the_names_of_its_columns(query: Query) -> None:
    split = {"max_partition_bytes": 1000, "open_cost_bytes": 0}
    schema = pa.schema([("id", pa.int64()), ("name", pa.string()), ("_rescued", pa.string())])
    rescues = {"rescued_data_column": "_rescued", "format": "csv", "header": True}
    source = query.source(schema=schema, **rescues, **split)
    query.put("a.csv", "name,id\n" + "x,1\n" * 1000)
    found = query.rows(OpenStream(source), source)
    assert found == [{"id": 1, "name": "x", "_rescued": None}] * 1000
    query.put("b.csv", "name,id\n" + "x,1\n" * 1000)
    assert len(query.plan(OpenStream(source))) == 5


@pytest.mark.parametrize("connections", [1, 8])
def test_what_was_read_is_archived_when_its_batch_is_done(
    query: Query, embedded_server: EmbeddedServer, connections: int
) -> None:
    cleans = {"clean_source": "archive", "source_archive_dir": "/done", "format": "text"}
    source = query.source(**cleans, max_connections=connections)
    stream = OpenStream(source)
    file = query.put("a.txt", "a1\n")
    stream.planner.prepare_available_now()
    assert query.rows(stream, source) == [{"value": "a1"}]
    assert file.exists()
    assert query.rows(stream, source) == []
    assert not file.exists()
    assert (embedded_server.root / "done" / "a.txt").read_text() == "a1\n"


@pytest.mark.parametrize("limit", [1, 2])
def test_the_next_look_waits_for_the_batch_where_all_share_one_connection(
    query: Query, limit: int
) -> None:
    listener = Listener("127.0.0.1", WriteState(), NoDisplay)
    try:
        options = query.options(format="text", max_total_connections=limit)
        source = plan_stream(options, TEXT, listener=listener.address)
        join_driver(source.scan.options, listener.address, in_task=False)
        stream = OpenStream(source)
        query.put("a.txt", "a1\n")
        assert len(query.plan(stream)) == 1
        look = stream.planner._looks._pending
        assert (look is None) is (limit == 1)
        if look is not None:
            assert look.result().listing.files
    finally:
        get_runtime().close()
        listener.close()


def test_an_archive_in_what_is_read_is_refused_before_anything_is_planned(query: Query) -> None:
    cleans = {"clean_source": "archive", "source_archive_dir": "/in/done", "format": "text"}
    query.put("a.txt", "a1\n")
    with pytest.raises(OptionsError, match="would read the files in its archive"):
        query.plan(OpenStream(query.source(**cleans)))


def test_columns_that_are_inferred_stay_those_of_the_first_start(
    query: Query, tmp_path: Path
) -> None:
    file = query.put("a.csv", "id,name\n1,x\n")
    header = {"header": True, "format": "csv"}
    first = plan_columns(query.options(**header))
    text = columns_text(first)
    assert columns_of(text).equals(first, check_metadata=True)
    assert query.plan(OpenStream(query.source(schema=first, inferred=text, **header)))
    query.put("b.csv", "id,name,more\n2,y,z\n")
    file.unlink()
    other = plan_columns(query.options(**header))
    changed = query.source(schema=other, inferred=columns_text(other), **header)
    with pytest.raises(StateError, match=r"not those that were inferred at the first start"):
        query.plan(OpenStream(changed))
    # With a place for the state, the first ones are kept there.
    placed = {**header, "state_location": str(tmp_path / "state")}
    OpenStream(query.source(schema=first, inferred=text, **placed))
    again = plan_columns(query.options(**placed))
    assert again.equals(first, check_metadata=True)


def test_a_state_is_next_to_the_checkpoint_if_the_reader_has_it(query: Query) -> None:
    options = query.options()
    assert state_of(options, ["/in"], None) is None
    place = state_of(options, ["/in"], "s3://lake/checkpoints/orders/")
    assert place is not None
    assert place.startswith("s3://lake/checkpoints/orders/sftp_async-")
    assert place != state_of(options, ["/other"], "s3://lake/checkpoints/orders")
    own = query.options(state_location="/state")
    assert state_of(own, ["/in"], "s3://lake/checkpoints/orders") == "/state"


class Evolving:
    """A stream whose columns are inferred, with a place for its state.

    Attributes:
        options: of the stream.

    """

    def __init__(self, query: Query, state: Path, **options: Any) -> None:
        self.options = {"state_location": str(state), "header": True, "format": "csv", **options}
        self._query = query

    def start(self) -> tuple[OpenStream, StreamSource]:
        """Start the stream, as `load` and `start` do."""
        columns = plan_columns(self._query.options(**self.options))
        text = columns_text(columns)
        source = self._query.source(schema=columns, inferred=text, **self.options)
        return OpenStream(source), source

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the next batch of a new start."""
        return self._query.rows(*self.start())


def test_new_columns_stop_a_stream_before_it_reads_them_and_are_there_at_its_next_start(
    query: Query, tmp_path: Path
) -> None:
    evolving = Evolving(query, tmp_path / "state", schema_evolution="addNewColumns")
    query.put("a.csv", "id,name\n1,x\n")
    assert evolving.rows() == [{"id": "1", "name": "x"}]
    query.put("b.csv", "id,amount,name\n2,7,y\n")
    stream, source = evolving.start()
    with pytest.raises(NewColumnsError, match=r"amount STRING .*/in/b.csv.*start the stream again"):
        query.rows(stream, source)
    query.put("c.csv", "name,id\nz,3\n")
    assert evolving.rows() == [
        {"id": "2", "name": "y", "amount": "7"},
        {"id": "3", "name": "z", "amount": None},
    ]


def test_a_stream_that_takes_no_new_columns_stops_or_keeps_them_apart(
    query: Query, tmp_path: Path
) -> None:
    rescues = Evolving(query, tmp_path / "one", rescued_data_column="_rescued")
    fails = Evolving(query, tmp_path / "two", schema_evolution="fail")
    ignores = Evolving(query, tmp_path / "three", match_columns="name")
    first = query.offset
    query.put("a.csv", "id\n1\n")
    offsets = []
    for stream in (rescues, fails, ignores):
        query.offset = first
        assert [row["id"] for row in stream.rows()] == ["1"]
        offsets.append(query.offset)
    query.put("b.csv", "id,new\n2,n\n")
    query.offset = offsets[0]
    [row] = rescues.rows()
    assert row["_rescued"].startswith('{"new":"n","_file_path":"sftp://')
    for _ in range(2):
        query.offset = offsets[1]
        with pytest.raises(NewColumnsError, match=r"new STRING.*with add_columns the stream takes"):
            fails.rows()
    query.offset = offsets[2]
    assert ignores.rows() == [{"id": "2"}]


def test_malformed_records_are_no_new_column_and_corrupt_files_fail_where_they_are_read(
    query: Query, tmp_path: Path
) -> None:
    evolving = Evolving(query, tmp_path / "state", format="json", schema_evolution="add_columns")
    query.put("a.json", '{"id":1}\n')
    assert evolving.rows() == [{"id": 1}]
    query.put("b.json", '{"id":\n')
    assert evolving.rows() == [{"id": None}]
    query.put("c.json", '{"id":2,"s":{"x":1}}\n')
    with pytest.raises(NewColumnsError, match=r"s STRUCT<x: BIGINT>"):
        evolving.rows()
    assert evolving.rows() == [{"id": 2, "s": {"x": 1}}]


def test_new_columns_need_a_place_and_inferred_columns(
    query: Query, caplog: pytest.LogCaptureFixture
) -> None:
    columns = pa.schema([("id", pa.string())])
    with pytest.raises(OptionsError, match="add_columns needs state_location"):
        query.source(schema_evolution="add_columns", inferred=columns_text(columns))
    evolves = {"schema_evolution": "add_columns", "format": "csv", "header": True}
    source = query.source(schema=columns, **evolves)
    query.put("a.csv", "number,more\n1,2\n")
    assert query.rows(OpenStream(source), source) == [{"id": "1"}]
    assert "schema_evolution=add_columns has no effect" in caplog.text
