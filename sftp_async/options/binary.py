"""Defines the options of binary files, one for each row."""

from __future__ import annotations

from pydantic import Field

from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import Name


class BinaryOptions(OptionsModel):
    """The columns that make a file; the defaults are the columns of Spark's binary file source."""

    path_column: Name = Field(
        "path",
        description="Column with the path of each file, relative to the target directory.",
        examples=["file_name"],
    )
    content_column: Name = Field(
        "content",
        description="Column with the content of each file, binary or text.",
        examples=["pdf"],
    )
