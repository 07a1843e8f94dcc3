"""When an upload gives up: after retries without an acknowledged byte, whatever else happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sftp_async.errors import ConnectError
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.upload import FileUpload


@pytest.mark.asyncio
async def test_rows_that_keep_coming_are_no_progress_on_a_dead_server() -> None:
    asked = retries = 0

    class DeadPool:
        @asynccontextmanager
        async def lease(self, _: object) -> AsyncIterator[Any]:
            nonlocal asked
            asked += 1
            transfer.feed(memoryview(b"more rows"))
            raise ConnectError("refused")
            yield

        def note_retry(self) -> None:
            nonlocal retries
            retries += 1

    pool: Any = DeadPool()
    transfer = FileUpload("out/part", pool, RetryPolicy(3, 0.0), lambda size: None)
    with pytest.raises(ConnectError):
        await transfer.run()
    assert (asked, retries) == (4, 3)
