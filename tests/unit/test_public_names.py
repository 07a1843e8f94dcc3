"""The names users import, with and without PySpark."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sftp_async

WITHOUT_PYSPARK = """
import sys
sys.modules["pyspark"] = None  # as if it were not installed
import sftp_async
sftp_async.SFTPOptions(host="h", username="u", password="p")
sftp_async.SFTPConnectionTester
try:
    sftp_async.SFTPDataSource
except ModuleNotFoundError as error:
    print(error)
"""


@pytest.mark.parametrize("name", sftp_async.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(sftp_async, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'SFTPSource'"):
        sftp_async.SFTPSource  # noqa: B018 - the look-up is the test


def test_without_pyspark_options_work_and_the_data_source_names_the_extra() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PYSPARK], capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        "SFTPDataSource needs PySpark. Install it with: pip install 'sftp-async[spark]'\n"
    )


def test_the_data_source_does_without_pandas_which_takes_longer_to_import_than_all_else() -> None:
    code = "import sys, sftp_async.spark.datasource, sftp_async.spark.batch_writer\n"
    code += "import sftp_async.spark.stream_writer\n"
    code += "print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
