"""Each claim of the README is held by a test, or by a committed figure."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from tests.support.documents import REPOSITORY

pytestmark = pytest.mark.one_python

REPORT = "benchmarks/results/2026-11-30-container/report.json"
LOCAL_FILES = re.compile(r"\n\s*(?:import|from) (?:tempfile|shutil|\S+sealed_file)\b")
#: What the README says, and where that is held: `file::test` or a file with the figures.
CLAIMS = {
    'A Spark data source, `format("sftp")`': [
        "tests/spark/test_smoke.py::test_what_was_written_is_read_back"
    ],
    "in about the time of a write to a local disk": [REPORT],
    "with atomic, exactly-once commits": [
        "tests/unit/write/commit/test_model.py::test_any_two_faults_leave_all_of_the_job_or_nothing",
        "tests/spark/test_kills.py::test_a_batch_whose_driver_was_killed_is_there_once_or_not_at_all_after_recovery",
        "tests/spark/test_kills.py::test_a_speculative_attempt_leaves_one_copy",
        "tests/spark/test_kills.py::test_a_stream_whose_driver_was_killed_has_each_row_once_after_its_restart",
    ],
    "each file once": [
        "tests/spark/test_stream_kills.py::test_three_killed_drivers_lose_no_version_and_read_none_twice"
    ],
    "with the rows of Spark's own readers and writers": [
        "tests/parity/test_frames.py::test_csv_of_every_edge_value",
        "tests/parity/test_parquet.py::test_spark_reads_the_same_schema_and_the_same_values",
        "tests/parity/reading/test_csv.py::test_files_of_other_programs_are_read_as_by_spark",
        "tests/parity/reading/test_orc.py::test_files_of_other_programs_read_as_spark_reads_them",
    ],
    "directories of part files, one file of exactly your name, directories by value": [
        "tests/spark/test_write.py::test_append_twice_holds_both_sets_each_row_once",
        "tests/spark/test_write.py::test_the_seeds_readme_example_writes_one_file_of_exactly_that_name",
        "tests/spark/test_partitions.py::test_the_tree_is_that_of_sparks_own_writer",
    ],
    "Pure Python on asyncssh, pyarrow and pydantic": [
        "tests/unit/test_wheel.py::test_the_wheel_is_for_every_machine"
    ],
    "on open Spark, Databricks or any managed Spark 4": [
        "tests/spark/test_interfaces.py::test_a_cluster_that_never_registered_the_format_finds_it_in_the_installed_wheel",
        "tests/spark/test_interfaces.py::test_the_job_of_the_databricks_bundle_checks_the_way_and_writes",
    ],
    "every executor transfers its own partitions; nothing is collected": [
        "tests/spark/test_interfaces.py::test_a_cluster_that_never_registered_the_format_finds_it_in_the_installed_wheel",
        "tests/spark/test_memory.py::test_half_a_gigabyte_in_one_partition_raises_the_workers_peak_by_at_most_200_mib",
    ],
    "a failed job leaves nothing in sight": [
        "tests/spark/test_write.py::test_a_task_that_raises_midway_shows_the_users_error_and_leaves_nothing"
    ],
    "a retry or a second run is [idempotent]": [
        "tests/functional/write/test_job_key.py::test_a_second_write_of_the_same_key_changes_nothing_and_says_so",
        "tests/unit/write/commit/test_directory.py::test_a_commit_run_again_by_a_new_process_changes_nothing",
    ],
    "a killed driver loses nothing": [
        "tests/spark/test_kills.py::test_a_batch_whose_driver_was_killed_is_there_once_after_a_rerun"
    ],
    "writing, too, and the same code on any Spark 4": ["tox.ini"],
    "files of any number and size": [
        "tests/spark/test_memory.py::test_half_a_gigabyte_in_one_partition_raises_the_workers_peak_by_at_most_200_mib",
        "tests/spark/test_partitions.py::test_five_thousand_values_in_one_task_cost_bounded_memory_and_logins",
        "tests/integration/test_read_memory.py::test_a_large_file_takes_little_more_memory_than_a_small_one",
        REPORT,
    ],
    "no file staged on HDFS, nor on a local disk but for Excel files and tar archives": [
        "tests/unit/test_readme.py::test_only_excel_archives_sorting_and_readers_use_the_local_disk"
    ],
    "reads each version of a file in exactly one micro-batch": [
        "tests/spark/test_stream_kills.py::test_three_killed_drivers_lose_no_version_and_read_none_twice",
        "tests/spark/test_read_stream.py::test_a_file_that_was_rewritten_is_read_again_and_a_back_dated_one_is_not_missed",
    ],
    "with Python 3.11 to 3.13 and Java 17 or newer": [
        "tests/unit/test_documentation.py::test_supported_versions_are_those_of_the_package",
        "tests/spark/test_demo.py::test_an_old_java_is_named_in_that_line",
    ],
    "336,776 real flights": [
        "tests/spark/test_demo.py::test_the_demo_writes_all_flights_loses_nothing_to_a_kill_and_reads_them_back"
    ],
    '`pip install "sftp-async[spark,fast]"`': ["pyproject.toml"],
    "checked at once, all mistakes in one error": [
        "tests/spark/test_write.py::test_all_option_mistakes_come_in_one_error_before_any_connection"
    ],
    "looked up on the driver": [
        "tests/spark/test_secrets.py::test_marked_secrets_are_in_no_log_plan_error_or_file"
    ],
    "Files appear atomically. A job that fails is rolled back": [
        "tests/unit/write/commit/test_directory.py::test_old_data_goes_only_after_all_new_data_is_visible",
        "tests/functional/write/commit/test_embedded.py::test_a_half_visible_job_is_rolled_back",
    ],
    "one whose driver dies is completed or rolled back by the next write": [
        "tests/spark/test_kills.py::test_a_batch_whose_driver_was_killed_is_there_once_after_a_rerun"
    ],
    "an overwrite removes only [files that this source wrote]": [
        "tests/spark/test_write.py::test_overwrite_leaves_only_the_new_data_and_every_foreign_file"
    ],
    "A lost connection resumes": [
        "tests/functional/write/test_task.py::test_a_connection_reset_mid_file_is_resumed_and_the_file_is_identical",
        "tests/integration/test_read_faults.py::test_a_cut_in_the_middle_resumes_and_fetches_little_twice",
    ],
    "Seconds to write and to read the same rows": [
        "tests/benchmarks/test_overview.py::test_the_committed_charts_have_the_reports_figures"
    ],
    "A bar with a gap is cut": [
        "tests/benchmarks/test_overview.py::test_a_bar_that_is_far_longer_than_the_others_is_cut"
    ],
    "two cores for Spark and server together; medians of three runs": [REPORT],
    "diagnoses a server, shows what a read would take, copies files": [
        "tests/scripts/test_record_commands.py::test_the_sessions_of_a_page_are_what_the_commands_print"
    ],
    "PySpark 4.0 to 4.3": [
        "tests/unit/test_documentation.py::test_supported_versions_are_those_of_the_package"
    ],
    "[All figures, and where it is not ahead]": [
        "tests/benchmarks/test_overview.py::test_the_chart_is_of_the_report_that_the_page_shows"
    ],
    "[NOTICE](NOTICE) for asyncssh's own": [
        "tests/unit/test_wheel.py::test_the_wheel_carries_its_licences_and_needs_no_spark_of_its_own"
    ],
}


def readme() -> str:
    return " ".join((REPOSITORY / "README.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_is_made_and_what_holds_it_is_there(claim: str) -> None:
    assert claim in readme()
    for place in CLAIMS[claim]:
        name, _, test = place.partition("::")
        file = REPOSITORY / name
        assert file.is_file(), place
        if test:
            tree = ast.parse(file.read_text(encoding="utf-8"))
            assert test in {getattr(node, "name", "") for node in ast.walk(tree)}, place


def test_no_paragraph_or_row_of_a_table_is_without_a_claim_that_is_held() -> None:
    text = re.sub(r"```.*?```", "", (REPOSITORY / "README.md").read_text("utf-8"), flags=re.DOTALL)
    rows = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    prose = re.split(r"\n\n+", re.sub(r"^\|.*$", "", text, flags=re.MULTILINE))
    pieces = [" ".join(piece.split()) for piece in (*rows, *prose) if not piece.startswith("# ")]
    no_claims = ("| instead of | you have |",)
    held = [piece for piece in pieces if any(claim in piece for claim in CLAIMS)]
    assert [each for each in pieces if each and each not in (*held, *no_claims)] == []


def test_only_excel_archives_sorting_and_readers_use_the_local_disk() -> None:
    """Rows that are sorted by partition may spill, as Spark's do; other files are not staged."""
    package = REPOSITORY / "sftp_async"
    using = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if LOCAL_FILES.search(path.read_text(encoding="utf-8")) and "tools" not in path.parts
    }
    assert using == {
        "formats/sealed_file.py",  # which the others use
        "formats/archive_format.py",
        "formats/excel/encoder.py",
        "formats/excel/sheet.py",
        "write/external_sort.py",  # beyond the memory that a task may take
        "formats/spooled_file.py",  # reads of formats whose index is at the end of the file
        "formats/xml/kept_text.py",  # of a reader
        "read/held_rows.py",
    }


def test_the_figures_are_those_of_the_report() -> None:
    report = json.loads((REPOSITORY / REPORT).read_text(encoding="utf-8"))
    assert Path(REPORT).parent.name in readme()
    assert (report["machine"]["cores"], report["suite"]["rounds"]) == (2, 3)
    [time] = [
        t for t in report["targets"] if "time of Spark's own CSV to a local disk" in t["what"]
    ]
    assert time["measured"] < 1.1
