"""Paths of row files: safe ones pass, others name their column and what is wrong."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sftp_async.errors import EncodeError
from sftp_async.formats.binary.encoder import BinaryFormat
from sftp_async.write.row_paths import SHOWN, safe_paths


def rows(*paths: str) -> pa.RecordBatch:
    return pa.record_batch({"name": list(paths), "content": [b""] * len(paths)})


def test_paths_within_the_target_pass() -> None:
    found = safe_paths(BinaryFormat("name", "content"), rows("a.pdf", "b/c.png"))
    assert found == ["a.pdf", "b/c.png"]


def test_a_path_that_leaves_the_target_is_refused_before_any_row_is_written() -> None:
    with pytest.raises(EncodeError) as caught:
        safe_paths(BinaryFormat("name", "content"), rows("a.pdf", "../b.pdf"))
    assert "'name' holds '../b.pdf', where no file is written: it has a .. in it" in str(
        caught.value
    )


def test_a_long_path_is_shown_in_part() -> None:
    with pytest.raises(EncodeError) as caught:
        safe_paths(BinaryFormat("name", "content"), rows("x" * 10_000))
    assert len(str(caught.value)) < SHOWN + 200
