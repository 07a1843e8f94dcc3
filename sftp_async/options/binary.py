"""The options of binary files, one a row."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import Name


class BinaryOptions(OptionsModel):
    """Which columns make a file; the defaults are the columns of Spark's binary file source."""

    group: ClassVar[str] = "Binary"

    path_column: Name = Field(
        "path",
        description="Column with each file's path, relative to the target directory.",
        examples=["file_name"],
    )
    content_column: Name = Field(
        "content", description="Column with each file's content, binary or text.", examples=["pdf"]
    )
