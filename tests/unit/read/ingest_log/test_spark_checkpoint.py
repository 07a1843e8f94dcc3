"""How far a query has come, by the files that Spark keeps in its checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import StateError
from sftp_async.read.ingest_log.spark_checkpoint import done_batch

STREAM = "0123456789abcdef"


def offset(checkpoint: Path, number: int, *sources: dict[str, Any] | str) -> None:
    """Write an offset as Spark does: its version, its own facts, and a line a source."""
    lines = [source if isinstance(source, str) else json.dumps(source) for source in sources]
    facts = json.dumps({"batchWatermarkMs": 0, "batchTimestampMs": 1, "conf": {}})
    (checkpoint / "offsets").mkdir(parents=True, exist_ok=True)
    (checkpoint / "offsets" / str(number)).write_text("\n".join(["v1", facts, *lines]))
    (checkpoint / "offsets" / f".{number}.crc").write_bytes(b"crc")


def commit(checkpoint: Path, number: int) -> None:
    (checkpoint / "commits").mkdir(exist_ok=True)
    (checkpoint / "commits" / str(number)).write_text('v1\n{"nextBatchWatermarkMs":0}')


def at(batch: int, stream: str = STREAM) -> dict[str, Any]:
    return {"version": 1, "batch": batch, "stream": stream}


def test_a_batch_is_done_when_spark_has_committed_the_batch_that_ends_with_it(
    tmp_path: Path,
) -> None:
    offset(tmp_path, 9, at(10))
    offset(tmp_path, 10, at(11))
    assert done_batch(str(tmp_path), STREAM) == 0
    commit(tmp_path, 9)
    assert done_batch(str(tmp_path), STREAM) == 10
    commit(tmp_path, 10)
    assert done_batch(tmp_path.as_uri(), STREAM) == 11


def test_other_sources_of_the_query_are_passed_over(tmp_path: Path) -> None:
    offset(tmp_path, 0, "-", '{"version":', "[1, 2]", at(7, "feed" * 4), at(3))
    commit(tmp_path, 0)
    assert done_batch(str(tmp_path), STREAM) == 3


def test_a_place_without_a_checkpoint_and_one_of_another_query_are_refused(
    tmp_path: Path,
) -> None:
    with pytest.raises(StateError, match="no checkpoint of a query"):
        done_batch(str(tmp_path), STREAM)
    offset(tmp_path, 0, at(3, "feed" * 4))
    with pytest.raises(StateError, match="of another query"):
        done_batch(str(tmp_path), STREAM)
