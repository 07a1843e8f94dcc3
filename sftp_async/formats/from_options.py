"""Builds from the options what several formats need: compression, text of values, character set.

The functions that take `problems` add every mistake that they find.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sftp_async.formats.charset import Charset
from sftp_async.formats.compressed_stream import Compression
from sftp_async.formats.values.cell_text import CellText, is_zone
from sftp_async.formats.values.datetime_patterns import Pattern

if TYPE_CHECKING:
    from sftp_async.options import FormatOptions
    from sftp_async.options.problems import Problems


def file_compression(options: FormatOptions) -> Compression:
    """Return the compression of files as a whole.

    Raises:
        OptionsError: a package that the level needs is missing.

    """
    compression = Compression(options.compression or "none", options.compression_level)
    if compression.level is not None:
        compression.open()  # a package that is missing shows now, not in the tasks
    return compression


def cell_text(options: FormatOptions, problems: Problems) -> CellText:
    """Return how values become text: patterns and time zone, checked."""
    patterns: dict[str, Pattern] = {}
    for option, text in (
        ("date_format", options.date_format),
        ("timestamp_format", options.timestamp_format),
        ("timestamp_ntz_format", options.timestamp_ntz_format),
    ):
        if text is None:
            continue
        with problems.collect():
            patterns[option] = Pattern.parse(
                text,
                option=option,
                clock=option != "date_format",
                zone=option != "timestamp_ntz_format",
            )
    zone = options.time_zone
    if zone is not None and not is_zone(zone):
        problem = (
            f"time_zone={zone!r} is not known here: take a name such as Europe/Berlin or UTC, or "
            "an offset such as +02:00, and check that the machine has the time zone database."
        )
        problems.add([problem])
        zone = None
    return CellText(**patterns, time_zone=zone)


def file_charset(
    options: FormatOptions, problems: Problems, *names: str, json: bool = False
) -> Charset | None:
    r"""Return the files' character set, None for UTF-8.

    Args:
        options: of the format.
        problems: gets a sentence for each option whose text the character set lacks.
        names: the options whose text stands in the files.
        json: whether `\uXXXX` may stand for a character that the set lacks.

    """
    charset = Charset.named(options.encoding, json=json)
    if charset is not None:
        lacking = [name for name in names if charset.lacks(getattr(options, name) or "")]
        problems.add(f"{name} has a character that {charset.name} lacks." for name in lacking)
    return charset
