"""Provides the options: validated, immutable, with all mistakes reported at once."""

from sftp_async.options.connection import ConnectionOptions
from sftp_async.options.formats import FormatOptions
from sftp_async.options.models import SFTPOptions
from sftp_async.options.read import ReadOptions
from sftp_async.options.stream import StreamOptions
from sftp_async.options.write import TransferOptions, WriteOptions

__all__ = [
    "ConnectionOptions",
    "FormatOptions",
    "ReadOptions",
    "SFTPOptions",
    "StreamOptions",
    "TransferOptions",
    "WriteOptions",
]
