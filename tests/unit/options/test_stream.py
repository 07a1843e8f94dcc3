"""Options of streams that are read: Spark's spellings, what goes together, Auto Loader's names."""

from __future__ import annotations

import pytest

from sftp_async.errors import OptionsError
from sftp_async.options import SFTPOptions
from sftp_async.options.other_readers import _OF_AUTO_LOADER, _OF_FILE_STREAMS


def options(**given: str) -> SFTPOptions:
    return SFTPOptions(host="sftp.example.com", username="me", password="x", **given)


def test_spark_s_own_spellings_are_the_same_options() -> None:
    given = options(
        maxFilesPerTrigger="5",
        maxBytesPerTrigger="1g",
        latestFirst="true",
        cleanSource="ARCHIVE",
        sourceArchiveDir="/done",
    )
    assert (given.max_files_per_trigger, given.max_bytes_per_trigger) == (5, 1 << 30)
    assert (given.latest_first, given.clean_source) == (True, "archive")
    assert given.source_archive_dir == "/done"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"clean_source": "archive"}, "needs source_archive_dir"),
        ({"source_archive_dir": "/done"}, "is the directory of clean_source=archive"),
        ({"source_archive_dir": "/done", "clean_source": "delete"}, "clean_source=archive"),
        ({"max_files_per_trigger": "0"}, "max_files_per_trigger must be at least 1"),
        ({"schema_evolution": "add_columns", "columns": "id"}, "takes all columns: leave out"),
        ({"rescued_data_column": "_rescued", "columns": "id"}, "takes all other columns: leave"),
    ],
    ids=["no directory", "no archive", "deleted", "no file", "evolving", "rescuing"],
)
def test_options_that_make_no_stream_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        options(**given)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("addNewColumns", "add_columns"), ("failOnNewColumns", "fail"), ("rescue", "none")],
)
def test_auto_loader_s_names_of_an_evolution_are_understood(name: str, meant: str) -> None:
    assert options(schemaEvolutionMode=name).schema_evolution == meant


@pytest.mark.parametrize("name", [*_OF_AUTO_LOADER, "useNotifications"])
def test_an_option_of_auto_loader_is_an_error_that_says_what_to_do(name: str) -> None:
    with pytest.raises(OptionsError, match=r"is not an option, but one of Auto Loader: [a-z]"):
        options(**{f"cloudFiles.{name}": "x"})


@pytest.mark.parametrize("name", ["maxFileAge", "fileNameOnly", *_OF_FILE_STREAMS])
def test_an_option_of_sparks_file_streams_is_an_error_that_says_what_to_do(name: str) -> None:
    with pytest.raises(OptionsError, match=r"is not an option, but one of Spark's file streams: l"):
        options(**{name: "x"})


def test_what_users_of_auto_loader_are_to_set_are_options() -> None:
    asked = [
        text.split()[1].rstrip(",") for text in _OF_AUTO_LOADER.values() if text.startswith("set ")
    ]
    assert asked
    assert [name for name in asked if name not in SFTPOptions.model_fields] == []
