"""The tests in docs/how-to/test-your-own-code.md are real ones, and pass."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sftp_async.tools.testing.test_server import SFTPTestServer
from tests.support.spark import REPOSITORY

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PAGE = REPOSITORY / "docs" / "how-to" / "test-your-own-code.md"


def documented() -> dict[str, Any]:
    """The test functions of the page, by name."""
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        exec(block, names)
    return {name: there for name, there in names.items() if name.startswith("test_")}


@pytest.mark.parametrize(
    "name",
    [
        "test_orders_arrive_with_a_header",
        "test_a_full_disk_leaves_the_old_file",
        "test_a_wrong_password_is_reported_before_any_task",
    ],
)
def test_a_documented_test_passes(spark: SparkSession, tmp_path: Path, name: str) -> None:
    tests = documented()
    assert len(tests) == 3
    with SFTPTestServer(tmp_path / "served") as server:
        given = {"spark_session": spark, "sftp_server": server}
        assert list(inspect.signature(tests[name]).parameters) == list(given)
        tests[name](**given)
