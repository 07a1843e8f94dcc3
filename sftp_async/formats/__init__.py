"""File formats by name: `open_format` checks options and schema together, before any task runs."""

from sftp_async.formats.base import Format, PartEncoder, ReadableFile, ReadFormat
from sftp_async.formats.registry import open_format, open_read_format

__all__ = [
    "Format",
    "PartEncoder",
    "ReadFormat",
    "ReadableFile",
    "open_format",
    "open_read_format",
]
