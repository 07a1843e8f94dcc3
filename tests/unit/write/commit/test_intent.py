"""The intent document: what goes in comes out, and names tell jobs and states."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.errors import CommitError
from sftp_async.layout.intent_names import STATES, document_name, document_of
from sftp_async.layout.once import IdempotencyKey
from sftp_async.layout.part_names import PartFile
from sftp_async.layout.target_paths import PromotionMode, TargetPaths
from sftp_async.write.commit import intent_store
from sftp_async.write.commit.intent import Intent
from sftp_async.write.commit.intent_store import load, publish
from tests.support.memory_server import MemoryServer

JOB = "0123456789abcdef" * 2
PATHS = TargetPaths("/out", "/out/_temporary", JOB, JOB, PromotionMode.RENAME)


def intent(**fields: Any) -> Intent:
    return Intent(
        **{
            "paths": PATHS,
            "replaces": False,
            "row_files": False,
            "pieces": (),
            "taken": (),
            "parts": (PartFile("s", "f", 3, 5, "00"),),
            "removes": ("old.csv",),
            "partition_by": (),
            "makes": (),
            "success_file": True,
            "checksums": "none",
            "done_file": None,
            "permissions": 0o640,
            "modified": None,
            "manifest": {"batch": 7},
            "once": IdempotencyKey("query", "7"),
        }
        | fields
    )


#: As servers send them: any bytes, which are lone surrogates here where they are no UTF-8.
names = (
    (st.text(st.characters(codec="utf-8"), min_size=1).map(str.encode) | st.binary(min_size=1))
    .map(lambda name: name.decode("utf-8", "surrogateescape"))
    .filter(lambda name: name not in (".", "..") and {"/", "\0"}.isdisjoint(name))
)


@given(names, names, st.lists(names), st.integers(0), st.sampled_from(PromotionMode))
def test_a_document_reads_back_to_the_same_intent(
    staged: str, final: str, removes: list[str], size: int, mode: PromotionMode
) -> None:
    made = intent(
        paths=replace(PATHS, mode=mode),
        parts=(PartFile(staged, final, 1, size, ""),),
        removes=tuple(removes),
    )
    assert Intent.from_fields(json.loads(made.to_json())) == made


@given(st.lists(names.map("c={}".format), min_size=1), names)
def test_files_in_partition_directories_read_back_to_the_same_intent(
    within: list[str], name: str
) -> None:
    directory = "/".join(within)
    made = intent(
        parts=(PartFile("s", f"{directory}/{name}", 1, 1, ""),),
        removes=(f"{directory}/{name}",),
        makes=(directory,),
        partition_by=("a", "b"),
    )
    assert Intent.from_fields(json.loads(made.to_json())) == made


def test_a_documents_name_tells_job_and_state() -> None:
    for state in STATES:
        assert document_of(document_name(JOB, state)) == (JOB, state)


@pytest.mark.parametrize(
    "name", [JOB, f"{JOB}.json", f"{JOB}.other.json", f"x{JOB}.intent.json", "a.intent.json"]
)
def test_other_names_are_no_documents(name: str) -> None:
    assert document_of(name) is None


@pytest.mark.asyncio
@pytest.mark.parametrize("end", [0, 1, 20, -1])
async def test_a_document_that_was_cut_short_is_not_there(end: int) -> None:
    server = MemoryServer()
    server.put(f"/out/_temporary/{JOB}.intent.json", intent().to_json()[:end])
    assert await load(server.connect(), PATHS, JOB, "intent") is None


@pytest.mark.asyncio
async def test_a_published_intent_appears_whole_under_its_name() -> None:
    server = MemoryServer()
    made = intent()
    server.make(made.paths.staging)
    seen: set[bytes] = set()

    def look() -> None:
        if made.paths.document("intent") in server.nodes:
            seen.add(server.read(made.paths.document("intent")))

    server.watch = look
    await publish(server.connect(), made)
    assert seen == {made.to_json()}
    assert server.names(made.paths.staging) == set()


@pytest.mark.parametrize("path", ["2026/a.pdf", "a.pdf", "x=1/y"])
def test_files_of_rows_may_be_in_any_directory(path: str) -> None:
    parts = (PartFile("s", path, 1, 1, ""),)
    sidecars = (f"{path}.md5", f"{path}.done")
    made = intent(parts=parts, row_files=True, makes=("2026",), removes=sidecars)
    assert Intent.from_fields(json.loads(made.to_json())) == made
    if "/" in path and "=" not in path:
        with pytest.raises(ValueError, match="no partition's directory"):
            Intent.from_fields(json.loads(intent(parts=made.parts).to_json()))


@pytest.mark.parametrize(
    "fields",
    [
        {"parts": (PartFile("s", "../a", 1, 1, ""),)},
        {"parts": (PartFile("s", ".ssh/authorized_keys", 1, 1, ""),)},
        {"parts": (PartFile("s", "_sftp_async/q/1.committed", 1, 1, ""),)},
        {"makes": ("_temporary/x",)},
        {"makes": ("../x",)},
        {"removes": ("2026/a.pdf",)},
        {"removes": ("2026/..",), "parts": (PartFile("s", "2026/a", 1, 1, ""),)},
        {"removes": ("2027/a.md5",), "parts": (PartFile("s", "2026/a", 1, 1, ""),)},
        {"removes": ("../a",), "parts": (), "done_file": "../a"},
        {"removes": (7,)},
        {"taken": ("another.pdf",)},
        {"done_file": "../{name}"},
    ],
)
def test_a_forged_intent_of_rows_reaches_nothing_else(fields: dict[str, Any]) -> None:
    made = intent(row_files=True, **fields)
    with pytest.raises(ValueError, match=r"unsafe name|no part's|valid string"):
        Intent.from_fields(json.loads(made.to_json()))


@pytest.mark.asyncio
async def test_more_files_than_an_intent_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intent_store, "LARGEST", 100)
    server = MemoryServer()
    made = intent()
    server.make(made.paths.staging)
    with pytest.raises(CommitError, match="1 files, too many for one commit"):
        await publish(server.connect(), made)
    assert server.names(made.paths.staging) == set()
