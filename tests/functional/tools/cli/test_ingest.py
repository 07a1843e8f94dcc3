"""`ingest` shows what a stream has read, what waits, and what remains; and `preview --stream`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sftp_async.layout.cleanup_names import SetAside
from sftp_async.read.ingest_log.contents import IngestState
from sftp_async.read.ingest_log.log import IngestLog, LoggedBatch
from sftp_async.read.listing import FoundFile
from tests.support.cli import AtServer, sftp_async
from tests.support.tree import snapshot
from tests.unit.read.ingest_log.test_spark_checkpoint import commit, offset

pytestmark = pytest.mark.one_python

TIME = 1_700_000_000
ARCHIVE = ("-o", "clean_source=archive", "-o", "source_archive_dir=/done")


class Query:
    """A stream's state, and the directory that it reads."""

    def __init__(self, at: AtServer, tmp_path: Path) -> None:
        self.at = at
        self.root: Path = at.server.root  # type: ignore[union-attr]
        self.state = tmp_path / "state"
        self.checkpoint = tmp_path / "checkpoint"
        (self.root / "in").mkdir()
        self.log = IngestLog.open(str(self.state), f"{at.address}: /in")

    def put(self, *names: str) -> list[FoundFile]:
        for name in names:
            path = self.root / "in" / name
            path.write_text(f"{name}\n")
            os.utime(path, (TIME, TIME))
        return [FoundFile(f"/in/{name}", len(name) + 1, TIME) for name in names]

    def read(self, *names: str) -> None:
        """Read files in a micro-batch."""
        self.log.append(LoggedBatch(self.log.last_batch + 1, tuple(self.put(*names))))

    def committed(self, *numbers: int) -> None:
        """Have a checkpoint in which these micro-batches are done, of all that were planned."""
        for number in range(1, self.log.last_batch + 1):
            position = {"version": 1, "batch": number, "stream": self.log.stream_id}
            offset(self.checkpoint, number - 1, position)
        for number in numbers:
            commit(self.checkpoint, number - 1)

    def __call__(self, *more: object, target: bool = True) -> Any:
        if not target:
            return sftp_async("ingest", self.state, *more)
        return self.at("ingest", "/in", *more, before=self.state)

    def files(self) -> list[str]:
        return sorted(path.name for path in (self.root / "in").iterdir())


@pytest.fixture
def query(at: AtServer, tmp_path: Path) -> Query:
    return Query(at, tmp_path)


def test_the_state_alone_shows_what_was_read(query: Query) -> None:
    query.read("a.csv", "b.csv")
    query.read("c.csv")
    before = snapshot(query.state)
    ended = query("--files", target=False)
    assert (ended.code, ended.err) == (0, "")
    assert f"of {query.at.address}: /in" in ended.out
    assert "Micro-batches: 2. Files that the stream knows: 3" in ended.out
    assert [line.split() for line in ended.out.splitlines()[-3:]] == [
        ["1", "6", "/in/a.csv"],
        ["1", "6", "/in/b.csv"],
        ["2", "6", "/in/c.csv"],
    ]
    document = query("--files", "--json", target=False).document
    assert (document["last_batch"], document["done_batch"]) == (2, None)
    assert document["stream"] == query.log.stream_id
    assert document["files"][2] == {"path": "/in/c.csv", "bytes": 6, "modified": TIME, "batch": 2}
    # Looking takes nothing from the query that runs.
    assert snapshot(query.state) == before
    query.read("d.csv")


def test_the_server_shows_what_waits_and_what_remains(query: Query) -> None:
    query.read("a.csv", "b.csv")
    query.read("c.csv")
    query.put("new.csv", "later.csv.part")
    (query.root / "in" / "b.csv").write_text("another version")
    before = snapshot(query.root)
    ended = query("-o", "on_change=ignore")
    assert ended.code == 0
    lines = [line.strip() for line in ended.out.splitlines()]
    assert "Waiting: 1 file, 8 bytes; micro-batches for them: 1" in lines
    assert "Changed since they were read (on_change=ignore): 1" in lines
    assert "Read, done, and still there: 1 file, 6 bytes" in lines
    assert "Of micro-batches that are not known to be done: 1 file" in lines
    server = query("-o", "on_change=ignore", "--json").document["server"]
    shown = {kind: [each["path"] for each in server[kind]] for kind in ("waiting", "changed")}
    assert shown == {"waiting": ["/in/new.csv"], "changed": ["/in/b.csv"]}
    assert [each["path"] for each in server["left_out"]] == ["/in/later.csv.part"]
    assert snapshot(query.root) == before


def test_files_of_the_last_batch_are_finished_only_if_the_checkpoint_shows_that_it_is_done(
    query: Query,
) -> None:
    query.read("a.csv")
    query.read("b.csv")
    query.put("new.csv")
    ended = query("--finish", "--yes", *ARCHIVE)
    assert (ended.code, query.files()) == (0, ["b.csv", "new.csv"])
    query.committed(1)
    ended = query("--finish", "--yes", *ARCHIVE, "--checkpoint", query.checkpoint)
    assert "Micro-batch 2, the last one, is not done" in ended.out
    assert query.files() == ["b.csv", "new.csv"]
    query.committed(1, 2)
    ended = query("--finish", "--yes", *ARCHIVE, "--checkpoint", query.checkpoint, "--json")
    assert (ended.code, ended.document["cleaned"]["cleaned"]) == (0, 1)
    assert query.files() == ["new.csv"]
    assert sorted(path.name for path in (query.root / "done").iterdir()) == ["a.csv", "b.csv"]
    again = query("--finish", "--yes", *ARCHIVE, "--checkpoint", query.checkpoint)
    assert "Nothing remains" in again.out


def test_finishing_completes_what_a_process_had_set_aside_when_it_was_killed(query: Query) -> None:
    query.read("a.csv", "b.csv")
    query.read("c.csv")
    aside = SetAside("/in/a.csv", 6, TIME, query.log.stream_id[:8], "delete")
    hidden = query.root / aside.hidden_path.lstrip("/")
    (query.root / "in" / "a.csv").rename(hidden)
    assert "Set aside, to be archived or deleted: 1 file" in query().out
    query("--finish", "--yes", "-o", "clean_source=delete")
    assert query.files() == ["c.csv"]


def test_without_a_yes_nothing_is_done(query: Query) -> None:
    query.read("a.csv")
    query.read("b.csv")
    before = snapshot(query.root), snapshot(query.state)
    for more in (("--finish", *ARCHIVE), ("--forget", "/in/a.csv")):
        ended = query(*more)
        assert (ended.code, "Nothing was done" in ended.out) == (1, True)
        assert query(*more, "--json").document["error"]["message"] == "Nothing was done"
    assert (snapshot(query.root), snapshot(query.state)) == before


def test_a_file_that_is_forgotten_is_new_and_stops_the_query_that_runs(query: Query) -> None:
    query.read("a.csv", "b.csv")
    ended = query("--forget", "/in/a.csv", "--forget", "/in/never.csv", "--yes", target=False)
    assert ended.code == 0
    assert "/in/never.csv: the stream has not read it" in ended.out
    state = IngestState.load(str(query.state))
    assert state.known.version("/in/a.csv") is None
    assert state.known.version("/in/b.csv") == (6, TIME)
    assert [each["path"] for each in query("--json").document["server"]["waiting"]] == ["/in/a.csv"]


def test_to_forget_a_file_that_was_not_read_does_nothing_and_ends_with_an_error(
    query: Query,
) -> None:
    query.read("a.csv")
    before = snapshot(query.state)
    ended = query("--forget", "a.csv", "--yes", target=False)
    assert ended.code == 1
    assert "a.csv: the stream has not read it; --files lists what it has" in ended.out
    assert snapshot(query.state) == before


def test_an_archive_in_the_directory_that_is_read_is_refused(query: Query) -> None:
    query.read("a.csv")
    query.read("b.csv")
    archive = ("-o", "clean_source=archive", "-o", "source_archive_dir=/in/done")
    ended = query("--finish", "--yes", *archive)
    assert ended.code == 2
    assert "would read the files in its archive" in ended.err
    assert query.files() == ["a.csv", "b.csv"]


@pytest.mark.parametrize(
    ("more", "target", "message"),
    [
        (["--finish"], False, "--finish needs TARGET"),
        (["--finish"], True, "clean_source=delete"),
        (["-o", "format=csv"], False, "TARGET is missing"),
    ],
)
def test_what_is_missing_is_asked_for(
    query: Query, more: list[str], target: bool, message: str
) -> None:
    ended = query(*more, target=target)
    assert (ended.code, message in ended.err) == (2, True)


def test_a_target_that_the_stream_does_not_read_is_an_error(query: Query) -> None:
    query.read("a.csv")
    ended = query.at("ingest", "/elsewhere", before=query.state)
    assert ended.code == 1
    assert f"is that of {query.at.address}: /in, and TARGET is" in ended.err


def test_a_place_without_a_state_is_an_error(query: Query, tmp_path: Path) -> None:
    ended = sftp_async("ingest", tmp_path / "elsewhere")
    assert ended.code == 1
    assert "no stream's state" in ended.err
    assert not (tmp_path / "elsewhere").exists()


# preview --stream


def test_a_preview_of_a_stream_shows_its_next_micro_batches(query: Query) -> None:
    query.put("a.csv", "b.csv", "c.csv", "d.csv.tmp")
    os.utime(query.root / "in" / "c.csv", (TIME - 60, TIME - 60))
    limits = ("-o", "max_files_per_trigger=2", "-o", "stable_for=1ms")
    ended = query.at("preview", "/in", "--stream", *limits)
    assert ended.code == 0
    lines = [line.strip() for line in ended.out.splitlines()]
    assert "Waiting: 3 files, 18 bytes; micro-batches for them: 2" in lines
    assert "Next micro-batch: 2 files, 12 bytes" in lines
    document = query.at("preview", "/in", "--stream", *limits, "--json").document
    assert [file["path"] for file in document["files"]] == ["/in/a.csv", "/in/c.csv"]
    assert document["stream"]["batches"] == [2, 1]
    assert len(document["rows"]) == 2


def test_a_preview_of_a_stream_with_its_state_leaves_out_what_was_read(query: Query) -> None:
    query.read("a.csv")
    query.put("b.csv")
    state = ("-o", f"state_location={query.state}", "-o", "stable_for=0")
    document = query.at("preview", "/in", "--stream", *state, "--json").document
    assert [file["path"] for file in document["files"]] == ["/in/b.csv"]
    assert document["stream"]["read"] == 1
    query.log.append(LoggedBatch(2, tuple(query.put("b.csv"))))
    ended = query.at("preview", "/in", "--stream", *state)
    assert (ended.code, "Waiting: 0 files" in ended.out) == (0, True)
    assert "No state" not in ended.out
    mistyped = ("-o", f"state_location={query.state}s", "-o", "stable_for=0")
    ended = query.at("preview", "/in", "--stream", *mistyped)
    assert f"No state at {query.state}s: the stream has not begun" in ended.out.replace("\n", "")
    assert not query.at("preview", "/in", "--stream", *mistyped, "--json").document["stream"][
        "begun"
    ]


def test_a_preview_of_a_stream_says_which_files_change_within_stable_for(
    query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    query.put("a.csv", "growing.csv")

    async def grow(seconds: float) -> None:
        assert seconds == 5.0
        with (query.root / "in" / "growing.csv").open("a") as file:
            file.write("more\n")

    monkeypatch.setattr("sftp_async.read.listing._pause", grow)
    ended = query.at("preview", "/in", "--stream")
    assert "Waiting: 1 file, 6 bytes; micro-batches for them: 1" in ended.out
    assert "/in/growing.csv: it changed within stable_for" in ended.out
