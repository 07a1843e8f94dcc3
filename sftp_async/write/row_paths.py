"""The paths that rows give their files, checked before anything is written to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sftp_async.errors import EncodeError
from sftp_async.layout.path_safety import path_problem

if TYPE_CHECKING:
    import pyarrow as pa

    from sftp_async.formats.base import RowFiles

#: Characters of a path that an error shows.
SHOWN = 200


def safe_paths(file_format: RowFiles, batch: pa.RecordBatch) -> list[str]:
    """Return the file of each row, as a path relative to the target directory.

    Raises:
        EncodeError: a row names no file, has no content for it, or names one outside of the
            target or among the files of this package.

    """
    paths = file_format.paths(batch)
    for path in paths:
        if (why := path_problem(path)) is not None:
            raise EncodeError(
                f"Column {file_format.path_column!r} holds {path[:SHOWN]!r}, where no file is "
                f"written: it {why}",
                hint="Give paths relative to the target directory, such as 2026/scan.pdf",
            )
    return paths
