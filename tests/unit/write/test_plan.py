"""What a plan refuses, all of it in one error, and what it passes on to a micro-batch."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import EncodeError, OptionsError
from sftp_async.options import SFTPOptions
from sftp_async.options.problems import Problems
from sftp_async.write.plan import plan_job, plan_stream_job
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
        plan_stream_job(given, LINES, overwrite=True, checkpoint="c")


def test_files_of_a_micro_batch_are_named_after_the_attempt_that_wrote_them() -> None:
    given = options(file_name_template="o_{job}_{seq}.csv")
    tasks, driver = (
        plan_stream_job(given, LINES, overwrite=False, checkpoint="c") for _ in range(2)
    )
    names = driver.of_batch(tasks.layout.job_id, "query", 3).layout.names
    assert names is not None
    assert names.render(0, 1, "", "3") == f"o_{tasks.layout.tag}_1.csv"


def test_the_batches_of_a_stream_that_appends_need_names_of_their_own() -> None:
    given = options(file_name_template="{seq}.csv")
    with pytest.raises(OptionsError, match=r"needs \{batch\} or \{job\}"):
        plan_stream_job(given, LINES, overwrite=False, checkpoint="c")
    assert plan_stream_job(given, LINES, overwrite=True, checkpoint="c").layout.names is not None


def test_only_a_stream_has_numbers_of_batches() -> None:
    given = options(file_name_template="{batch}_{seq}.csv")
    assert plan_stream_job(given, LINES, overwrite=False, checkpoint="c").layout.names is not None
    with pytest.raises(OptionsError, match=r"unknown field, \{batch\}"):
        plan_job(given, LINES, overwrite=False)


def test_a_field_that_is_no_column_is_refused_where_no_columns_make_partitions() -> None:
    (problem,) = refused("/out", file_name_template="{seq}_{city}.csv")
    assert "unknown field, {city}: there are job, now, partition, seq" in problem


@pytest.mark.parametrize("template", ["o_{seq:{width}}.csv", "o_{now:{x}}.csv"])
def test_a_field_within_a_field_is_refused(template: str) -> None:
    with pytest.raises(OptionsError, match="a field within"):
        plan_job(options(file_name_template=template), LINES, overwrite=False)


@pytest.mark.parametrize(
    ("path", "staging"), [("/out", "/out/stage"), ("/out", "/out/a/b/"), (".", "stage")]
)
def test_a_staging_directory_where_rows_could_write_is_refused(path: str, staging: str) -> None:
    given = options(path, format="binary", staging_dir=staging)
    with pytest.raises(OptionsError, match="inside the target, where rows could write"):
        plan_job(given, ROWS, overwrite=False)


@pytest.mark.parametrize("staging", ["/out/_temporary", "/out/.stage", "/stage", "/out2", "stage"])
def test_one_that_rows_cannot_name_is_fine(staging: str) -> None:
    plan_job(options(format="binary", staging_dir=staging), ROWS, overwrite=False)


def refused(path: str | None, schema: pa.Schema = LINES, **more: Any) -> list[str]:
    """Return the problems of a batch write; secrets are looked up as well."""
    given = SFTPOptions(host="h", username="u", **{"password": "p", **more}, path=path)
    with pytest.raises(OptionsError) as caught:
        plan_job(given, schema, overwrite=False)
    return caught.value.problems


def test_the_options_report_their_own_mistakes_together() -> None:
    with pytest.raises(OptionsError) as caught:
        options(format="cvs", file_name_template="x_{sequence}.csv", hedaer=True)
    typo, unknown, template = caught.value.problems
    assert "'hedaer' is not an option; did you mean header?" in typo
    assert "format=cvs is not known; did you mean csv?" in unknown
    assert "only {now} can be a field" in template


def test_a_plan_reports_all_other_mistakes_together() -> None:
    schema = pa.schema([("id", pa.int64()), ("tags", pa.list_(pa.string())), ("day", pa.date32())])
    found = refused(
        "/out/orders.orc",
        schema,
        password="env:NO_SUCH_VARIABLE",
        partition_by="dya,tags",
        compression="lz4",
        max_records_per_file=5,
        staging_dir="/out",
        done_file_template="_SUCCESS",
        footer_lines="{sha256}",
        partition_overwrite_mode="dynamic",
    )
    for what in (
        "'NO_SUCH_VARIABLE', which is",
        "did you mean 'day'?",
        "cannot take the column 'tags'",
        "orc has none, zstd, snappy, zlib",
        "partition_by makes directories, but the path",
        "max_records_per_file splits the output",
        "is the target itself",
        "makes a name that is taken: '_SUCCESS'",
        "footer_lines is for text",
        "footer_lines holds {sha256}",
    ):
        assert sum(what in problem for problem in found) == 1, (what, found)
    assert len(found) == 10


def test_columns_and_options_that_are_wrong_are_in_one_error() -> None:
    schema = pa.schema([("id", pa.int64()), ("tags", pa.list_(pa.string()))])
    column, staging = refused("/out", schema, staging_dir="/out")
    assert "Column 'tags' has the type list" in column
    assert "Write it as JSON text" in column
    assert "is the target itself" in staging


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("csv", {"escape": ""}),
        ("json", {"date_format": "QQQQQ"}),
        ("xml", {"encoding": "latin-1"}),
    ],
)
def test_options_of_a_format_and_all_its_columns_are_checked_together(
    name: str, wrong: dict[str, str]
) -> None:
    hour = pa.time64("us")
    schema = pa.schema([("id", pa.int64()), ("begin", hour), ("end", hour)])
    option, begin, end = refused("/out", schema, format=name, **wrong)
    assert next(iter(wrong)) in option
    assert "Column 'begin' has the type time64[us]" in begin
    assert "Column 'end' has the type time64[us]" in end


@pytest.mark.parametrize("name", ["csv", "json", "orc", "avro", "xml"])
def test_all_columns_that_a_format_cannot_hold_are_named(name: str) -> None:
    hour = pa.time64("us")
    with pytest.raises(EncodeError, match=r"^2 problems with the columns:") as caught:
        plan_job(options(format=name), pa.schema([("a", hour), ("b", hour)]), overwrite=False)
    assert "Column 'a'" in str(caught.value)
    assert "Column 'b'" in str(caught.value)


def test_a_column_that_is_the_only_mistake_is_an_error_of_its_own() -> None:
    schema = pa.schema([("tags", pa.list_(pa.string()))])
    with pytest.raises(EncodeError, match="'tags'"):
        plan_job(options(), schema, overwrite=False)


@pytest.mark.parametrize("path", [None, "/"])
def test_a_target_that_is_missing_is_reported_with_all_that_does_not_need_it(
    path: str | None,
) -> None:
    found = refused(path, single_file=True, partition_by="nope", format="parquet")
    assert len(found) == 2
    assert "path" in found[0]
    assert "'nope', which is no column" in found[1]


def test_no_format_is_assumed_where_a_target_may_yet_name_another() -> None:
    schema = pa.schema([("tags", pa.list_(pa.string()))])
    (problem,) = refused(None, schema)
    assert "path is missing" in problem


def test_a_name_that_implies_a_format_is_checked_with_the_other_options() -> None:
    assert refused("/out/a.tsv", quote="\t") == ["sep and quote must not share a character."]


def test_a_stream_reports_its_own_mistakes_with_the_others() -> None:
    given = options("/out/a.csv", job_key="k", partition_by="nope")
    with pytest.raises(OptionsError) as caught:
        plan_stream_job(given, LINES, overwrite=False, checkpoint="c")
    key, column, partitions, exact = caught.value.problems
    assert "job_key is for batch writes" in key
    assert "'nope', which is no column" in column
    assert "cannot append" in partitions + exact


def test_what_was_found_before_is_reported_with_the_plan() -> None:
    before = Problems()
    before.add(["found before."])
    with pytest.raises(OptionsError) as caught:
        plan_job(options(staging_dir="/out"), LINES, overwrite=False, problems=before)
    assert caught.value.problems[0] == "found before."
    assert len(caught.value.problems) == 2
