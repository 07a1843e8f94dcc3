"""Says what to set here instead of an option of Auto Loader or of Spark's own file streams."""

from __future__ import annotations

from typing import Final

_PREFIX: Final = "cloudfiles."

#: What is to be done instead, by the option's name without `cloudFiles.`, in lower case.
_OF_AUTO_LOADER: Final = {
    "format": "set format",
    "maxfilespertrigger": "set max_files_per_trigger",
    "maxbytespertrigger": "set max_bytes_per_trigger",
    "cleansource": "set clean_source to off, archive or delete",
    "cleansource.movedestination": "set source_archive_dir",
    "schemalocation": "set state_location, which keeps the columns that were inferred",
    "infercolumntypes": "set infer_schema for CSV; JSON and XML have types in any case",
    "schemahints": "give all columns with .schema(…)",
    "schemaevolutionmode": "set schema_evolution to none, add_columns or fail",
    "rescueddatacolumn": "set rescued_data_column",
    "partitioncolumns": "leave it out, since the names of directories are columns; see base_path",
    "allowoverwrites": "set on_change to read or ignore",
    "includeexistingfiles": "set modified_after to leave out what is older",
    "maxfileage": "leave it out: files that are gone are forgotten by themselves",
}

#: The same of Spark's file streams, for those that are no options here (its class
#: `FileStreamOptions`).
_OF_FILE_STREAMS: Final = {
    "maxfileage": "leave it out: files are read however old they are",
    "filenameonly": "leave it out: a file is known by its path, size and time of change",
    "maxcachedfiles": "leave it out, nothing here needs it",
    "discardcachedinputratio": "leave it out, nothing here needs it",
}


def instead_of(name: str) -> str | None:
    """Return whose option it is and what to do instead; None if it is of neither reader.

    Args:
        name: as the user wrote it, in any case.

    """
    name = name.lower()
    if name.startswith(_PREFIX):
        own = name.removeprefix(_PREFIX)
        return f"Auto Loader: {_OF_AUTO_LOADER.get(own, 'leave it out, nothing here needs it')}"
    if (instead := _OF_FILE_STREAMS.get(name)) is not None:
        return f"Spark's file streams: {instead}"
    return None
