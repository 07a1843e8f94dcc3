"""`register` where Spark does not let every setting be changed."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from pyspark.errors import PySparkException

from sftp_async.spark.register import BATCH_LIMIT, _lift_batch_limit


def unavailable(*_: Any) -> NoReturn:
    """Raise what serverless compute raises."""
    raise PySparkException("[CONFIG_NOT_AVAILABLE] This setting is not available.")


@pytest.mark.parametrize("refused", ["get", "set"])
def test_a_setting_that_cannot_be_changed_is_logged(
    refused: str, caplog: pytest.LogCaptureFixture
) -> None:
    conf = SimpleNamespace(get=lambda key, default: default, set=lambda key, value: None)
    setattr(conf, refused, unavailable)
    with caplog.at_level(logging.INFO, "sftp_async.spark.register"):
        _lift_batch_limit(SimpleNamespace(conf=conf))  # type: ignore[arg-type]
    assert f"{BATCH_LIMIT} cannot be lifted" in caplog.text
