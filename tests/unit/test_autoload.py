"""What Spark finds by itself: the source, which says why it is not there if it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest

import pyspark_sftp_async
from sftp_async import SFTPAsyncError, SFTPDataSource
from tests.support.spark import REPOSITORY

#: As Spark does it: import, look at the class, send it by name to where it is used.
USE = """
import pickle
import pyspark_sftp_async
from pyspark.sql.datasource import DataSource
source = pyspark_sftp_async.DefaultSource
assert issubclass(source, DataSource)
assert pickle.loads(pickle.dumps(source)) is source
assert source.name() == "sftp"
for use in (
    lambda: source({}).writer(None, False), lambda: source({}).streamWriter(None, True),
    lambda: source({}).schema(), lambda: source({}).reader(None),
):
    try:
        use()
    except ImportError as error:
        print(error)
"""


#: As if it were not installed.
HIDE = "import sys; sys.modules['{}'] = None\n"


#: Spark 4.0 gets no source, as the test at the end of the file shows.
finds_sources = pytest.mark.skipif(
    pyspark.__version__.startswith("4.0."), reason="needs PySpark 4.1 or newer"
)


def run(code: str, *path: Path) -> list[str]:
    """Run it in a Python of its own that imports from there first; returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*path, REPOSITORY)))},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@finds_sources
def test_what_spark_finds_does_what_the_source_does() -> None:
    for use in (
        lambda source: source.schema(),
        lambda source: source.reader(None),
        lambda source: source.streamReader(None),
        lambda source: source.writer(None, overwrite=False),
        lambda source: source.streamWriter(None, overwrite=True),
    ):
        errors = []
        for source in (SFTPDataSource, pyspark_sftp_async.DefaultSource):
            assert source.name() == "sftp"
            with pytest.raises(SFTPAsyncError) as caught:
                use(source({"host": "a b"}))
            errors.append(str(caught.value))
        assert errors[0] == errors[1]


@finds_sources
@pytest.mark.one_python
def test_spark_looks_for_sources_without_loading_this_one() -> None:
    look = "import pyspark_sftp_async, sys; print(pyspark_sftp_async.DefaultSource.name())"
    assert run(f"{look}\nprint({{'pyarrow', 'asyncssh', 'pydantic'}} & set(sys.modules))") == [
        *("sftp", "set()"),
    ]


@finds_sources
@pytest.mark.one_python
@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("pyarrow", "ModuleNotFoundError: import of pyarrow halted"),
        (
            "sftp_async.spark.datasource",
            "ModuleNotFoundError: import of sftp_async.spark.datasource halted",
        ),
        ("", "ValueError: binary incompatible"),
    ],
    ids=["no pyarrow", "no sftp_async", "sftp_async broken"],
)
def test_what_is_missing_is_reported_to_who_writes_and_breaks_no_other_source(
    broken: str, reason: str, tmp_path: Path
) -> None:
    if broken:
        lines = run(f"{HIDE.format(broken)}{USE}")
    else:
        (tmp_path / "sftp_async.py").write_text('raise ValueError("binary incompatible")')
        lines = run(USE, tmp_path)
    assert len(lines) == 4
    for line in lines:
        assert line.startswith(
            f"The data source sftp cannot be loaded by {sys.executable}: {reason}"
        )
        assert line.endswith("pip install sftp-async")


@pytest.mark.one_python
def test_spark_4_0_finds_nothing_since_it_would_refuse_to_register_it() -> None:
    look = "import pyspark_sftp_async as m; print(hasattr(m, 'DefaultSource'))"
    (offers,) = run(f"import pyspark; pyspark.__version__ = '4.0.5'\n{look}")
    assert offers == "False"


@pytest.mark.one_python
def test_without_pyspark_the_module_offers_nothing_and_raises_nothing() -> None:
    look = "import pyspark_sftp_async as m; print(hasattr(m, 'DefaultSource'))"
    (offers,) = run(f"{HIDE.format('pyspark')}{look}")
    assert offers == "False"
