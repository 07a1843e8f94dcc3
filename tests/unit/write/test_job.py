"""What a plan refuses of names and places, and what it hands to a micro-batch."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import OptionsError
from sftp_async.options import SFTPOptions
from sftp_async.write.job import Job
from tests.support.jobs import LINES

ROWS = pa.schema([("path", pa.string()), ("content", pa.binary())])


def options(path: str = "/out", **more: Any) -> SFTPOptions:
    return SFTPOptions(host="h", username="u", password="p", path=path, **more)


@pytest.mark.parametrize("template", ["o_{now:%H%M%S}.csv", "o_{now:%H%M%S}_{seq}.csv"])
def test_a_stream_that_replaces_its_files_cannot_have_the_time_in_their_names(
    template: str,
) -> None:
    given = options(file_name_template=template)
    with pytest.raises(OptionsError, match=r"holds \{now\}"):
        Job.plan_stream(given, LINES, overwrite=True, checkpoint="c")


def test_files_of_a_micro_batch_are_named_after_the_attempt_that_wrote_them() -> None:
    given = options(file_name_template="o_{job}_{seq}.csv")
    tasks, driver = (
        Job.plan_stream(given, LINES, overwrite=False, checkpoint="c") for _ in range(2)
    )
    names = driver.of_batch(tasks.layout.job_id, "query", 3).layout.names
    assert names is not None
    assert names.render(0, 1, "", "3") == f"o_{tasks.layout.tag}_1.csv"


@pytest.mark.parametrize("template", ["o_{seq:{width}}.csv", "o_{now:{x}}.csv"])
def test_a_field_within_a_field_is_refused(template: str) -> None:
    with pytest.raises(OptionsError, match="a field within"):
        Job.plan(options(file_name_template=template), LINES, overwrite=False)


@pytest.mark.parametrize(
    ("path", "staging"), [("/out", "/out/stage"), ("/out", "/out/a/b/"), (".", "stage")]
)
def test_a_staging_directory_where_rows_could_write_is_refused(path: str, staging: str) -> None:
    given = options(path, format="binary", staging_dir=staging)
    with pytest.raises(OptionsError, match="inside the target, where rows could write"):
        Job.plan(given, ROWS, overwrite=False)


@pytest.mark.parametrize("staging", ["/out/_temporary", "/out/.stage", "/stage", "/out2", "stage"])
def test_one_that_rows_cannot_name_is_fine(staging: str) -> None:
    Job.plan(options(format="binary", staging_dir=staging), ROWS, overwrite=False)
