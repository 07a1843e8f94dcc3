"""Fixtures with both readers, of the same files: Spark's own from a disk, ours over sshd."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.parity.reading.columnar import Columnar
from tests.parity.reading.comparing import Readers
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture
def both(spark: SparkSession, sshd: SSHD, remote_dir: Path) -> Readers:
    return Readers(spark, sshd, remote_dir)


@pytest.fixture
def columnar(spark: SparkSession, sshd: SSHD) -> Columnar:
    return Columnar(spark, sshd)
