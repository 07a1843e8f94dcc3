"""Where a stream's state can be: disks, file systems of pyarrow and fsspec, an S3 server."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import fsspec
import pyarrow.fs
import pytest
from moto.server import ThreadedMotoServer

from sftp_async.errors import StateError
from sftp_async.read.ingest_log import compaction as log_compaction
from sftp_async.read.ingest_log import locations as state_locations
from sftp_async.read.ingest_log.contents import IngestState
from sftp_async.read.ingest_log.locations import open_store, without_secrets
from sftp_async.read.ingest_log.log import IngestLog, LoggedBatch
from sftp_async.read.ingest_log.stores import ArrowStore, FsspecStore, LocalStore
from sftp_async.read.listing import FoundFile

pytestmark = pytest.mark.one_python

SOURCE = "me@there:22 /in"


@pytest.fixture(scope="module")
def s3():
    """Return the part of a URI behind `?` that leads to an S3 server with the bucket `bucket`."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    query = (
        f"endpoint_override=127.0.0.1:{server.get_host_and_port()[1]}&scheme=http&region=us-east-1"
    )
    filesystem, _ = pyarrow.fs.FileSystem.from_uri(
        f"s3://key:secret@bucket?{query}&allow_bucket_creation=true"
    )
    filesystem.create_dir("bucket")
    yield query
    server.stop()


KINDS = ["path", "file URI", "pyarrow, renames", "fsspec memory", "fsspec, renames", "S3"]


@pytest.fixture
def store(kind, tmp_path, request):
    """Return a store of each kind, empty."""
    root = tmp_path / "there" / "state"
    if kind == "path":
        return open_store(str(root))
    if kind == "file URI":
        return open_store(f"file://{root}")
    if kind == "pyarrow, renames":  # as HDFS
        tree = pyarrow.fs.SubTreeFileSystem(str(tmp_path), pyarrow.fs.LocalFileSystem())
        return ArrowStore(tree, "there/state", "there", renames=True)
    if kind == "fsspec memory":
        return open_store(f"memory://{root}")
    if kind == "fsspec, renames":  # as SMB
        return FsspecStore(fsspec.filesystem("file"), str(root), "there", renames=True)
    name = re.sub(r"\W", "_", request.node.name)
    return open_store(f"s3a://key:secret@bucket/{name}/state?{request.getfixturevalue('s3')}")


of_each_kind = pytest.mark.parametrize("kind", KINDS)


@of_each_kind
def test_a_store_lists_and_returns_what_is_written_and_forgets_what_is_removed(store):
    assert store.names() == store.names("batches") == []
    store.write("a.json", b"one\ntwo\n")
    store.write("batches/b.jsonl", b"x" * 100_000)
    store.write("batches/a.jsonl", b"y")
    assert store.names() == ["a.json"]
    assert store.names("batches") == ["a.jsonl", "b.jsonl"]
    with store.open("a.json") as file:
        assert (file.readline(), file.readline(), file.readline()) == (b"one\n", b"two\n", b"")
    with store.open("batches/b.jsonl") as file:
        assert file.read() == b"x" * 100_000
    store.remove("batches/a.jsonl")
    store.remove("batches/a.jsonl")
    assert store.names("batches") == ["b.jsonl"]
    assert store.names("tmp") == []


@of_each_kind
def test_a_file_that_is_not_there_is_reported_as_such(store):
    store.write("a.json", b"one")
    for name in ("b.json", "none/b.json"):
        with pytest.raises(FileNotFoundError):
            store.open(name).read()


@of_each_kind
def test_an_empty_file_counts_as_none(store):
    store.write("a.json", b"")
    assert store.names() == []


@of_each_kind
def test_a_log_is_the_same_on_each_kind_of_store(store, monkeypatch):
    monkeypatch.setattr(log_compaction, "KEPT", 2)
    monkeypatch.setattr(log_compaction, "DUE", 3)
    log = IngestLog.open(store, SOURCE)
    log.set_schema("{}")
    batches = [
        LoggedBatch(number, (FoundFile(f"/in/{number}.csv", number, 5.0, ("ä",)),), ("p",))
        for number in range(1, 8)
    ]
    for batch in batches:
        log.append(batch)
    assert store.names("compacted")
    again = IngestLog.open(store, SOURCE)
    assert (again.stream_id, again.schema, again.last_batch) == (log.stream_id, "{}", 7)
    assert again.known.to_text() == log.known.to_text()
    assert list(IngestState.load(store).batches()) == batches
    with pytest.raises(StateError, match="Another process has opened"):
        log.append(LoggedBatch(8, ()))


@pytest.mark.parametrize("kind", ["path", "pyarrow, renames", "fsspec, renames"])
def test_a_file_has_its_name_only_when_it_is_complete(store, kind, monkeypatch):
    def stop(*args, **kwargs):
        raise OSError("the machine stops")

    owner = {"path": Path, "pyarrow, renames": store, "fsspec, renames": store}[kind]
    monkeypatch.setattr(owner, "replace" if kind == "path" else "_rename", stop)
    with pytest.raises(StateError, match=r"Writing batches/a\.jsonl .* failed: the machine stops"):
        store.write("batches/a.jsonl", b"one")
    assert store.names("batches") == []
    assert store.names("tmp") == ["a.jsonl"]


def test_on_a_disk_the_bytes_are_durable_before_the_name_and_the_name_before_the_return(
    tmp_path, monkeypatch
):
    steps = []
    sync, replace = os.fsync, Path.replace

    def note_sync(descriptor):
        steps.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    def note_replace(path, target):
        steps.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    LocalStore(tmp_path / "state").write("batches/a.jsonl", b"one")
    made = [tmp_path.name, "state", "state"]
    assert steps == [*made, "a.jsonl", "rename", "batches"]


def test_a_path_is_on_this_machine_whatever_directory_is_current_later(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = open_store("state")
    monkeypatch.chdir("/")
    store.write("a.json", b"one")
    assert (tmp_path / "state" / "a.json").read_bytes() == b"one"


@pytest.mark.parametrize("uri", ["file:{}/a%20b", "file://{}/a%20b", "{}/a b"])
def test_a_file_uri_is_a_path(tmp_path, uri):
    open_store(uri.format(tmp_path)).write("a.json", b"one")
    assert (tmp_path / "a b" / "a.json").exists()


def test_on_databricks_dbfs_is_where_it_is_mounted(tmp_path, monkeypatch):
    monkeypatch.setattr(state_locations, "DBFS", tmp_path)
    open_store("dbfs:/checkpoints/x").write("a.json", b"one")
    assert (tmp_path / "checkpoints" / "x" / "a.json").exists()


# Errors


def test_a_place_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(
        StateError, match=rf"Writing a\.json .* at {tmp_path}/file failed.*writable"
    ):
        open_store(f"{tmp_path}/file").write("a.json", b"one")


def test_a_bucket_that_is_not_there_is_an_error_without_the_key(s3):
    store = open_store(f"s3://me:hush@nobucket/state?{s3}")
    with pytest.raises(StateError, match=r"state at s3://nobucket/state failed") as caught:
        IngestLog.open(store, SOURCE)
    assert "hush" not in str(caught.value)


def test_a_scheme_that_no_library_knows_is_an_error_that_says_what_to_install():
    with pytest.raises(
        StateError, match=r"never://.* cannot be opened.*fsspec's package for never"
    ):
        open_store("never://a/b")


def test_without_fsspec_the_error_says_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(StateError, match=r"no file system for .* memory:///a.*Install fsspec"):
        open_store("memory:///a")


def test_a_file_system_without_atomic_writes_is_refused():
    class Plain(fsspec.AbstractFileSystem):
        protocol = "plain"

    fsspec.register_implementation("plain", Plain, clobber=True)
    with pytest.raises(StateError, match=r"fsspec's plain cannot rename .*Use a path, or a URI of"):
        open_store("plain://there/state")


@pytest.mark.parametrize("uri", ["s3://b/x?nonsense=1", "gs://b/x?nonsense=1"])
def test_an_option_in_the_uri_that_is_wrong_is_an_error(uri):
    with pytest.raises(StateError, match=r"cannot be opened: .*nonsense"):
        open_store(uri)


def test_hdfs_without_java_or_hadoop_says_what_to_set(monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("HADOOP_HOME", str(tmp_path))
    with pytest.raises(StateError, match=r"hdfs://there/x cannot be opened.*CLASSPATH"):
        open_store("hdfs://there/x")


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("s3://key:secret@bucket/a?region=x", "s3://bucket/a"),
        ("abfs://box@account.dfs.core.windows.net/a", "abfs://box@account.dfs.core.windows.net/a"),
        ("abfs://:secret@account/box/a", "abfs://account/box/a"),
        ("hdfs://there:8020/a", "hdfs://there:8020/a"),
        ("hdfs:///a", "hdfs:///a"),
    ],
)
def test_a_uri_is_shown_without_secrets(uri, shown):
    assert without_secrets(uri) == shown


# A process that is killed

APPENDS = """
import sys
from sftp_async.read.ingest_log import compaction as log_compaction
from sftp_async.read.ingest_log.log import IngestLog, LoggedBatch
from sftp_async.read.listing import FoundFile
log_compaction.KEPT, log_compaction.DUE = 3, 3
log = IngestLog.open(sys.argv[1], "source")
while True:
    number = log.last_batch + 1
    log.append(LoggedBatch(number, (FoundFile(f"/in/{number}", number, 1),)))
    print(number, flush=True)
"""


@pytest.mark.parametrize(
    ("location", "kills"), [("{}", (1, 14, 30)), ("s3://key:secret@bucket/killed?{s3}", (9,))]
)
def test_a_process_that_is_killed_loses_no_batch_that_it_had_recorded(
    location, kills, tmp_path, s3
):
    location = location.format(tmp_path / "state", s3=s3)
    recorded = 0
    for killed_at in kills:
        process = subprocess.Popen(
            [sys.executable, "-c", APPENDS, location], stdout=subprocess.PIPE, text=True
        )
        for line in process.stdout:
            recorded = int(line)
            if recorded >= killed_at:
                process.send_signal(signal.SIGKILL)
                break
        recorded = max([recorded, *map(int, process.stdout)])
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
        batches = [batch.number for batch in IngestState.load(location).batches()]
        assert batches[:recorded] == list(range(1, recorded + 1))
        assert len(batches) <= recorded + 1
