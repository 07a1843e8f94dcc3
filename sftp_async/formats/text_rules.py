"""Makes of a read's options the rules by which CSV, JSON and XML read text, and checks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sftp_async.formats.values.from_text import TextRules
from sftp_async.formats.values.pattern_reading import PatternReader
from sftp_async.formats.values.text_numbers import LOCALES
from sftp_async.formats.values.zones import zone_of
from sftp_async.options.problems import Problems

if TYPE_CHECKING:
    from sftp_async.options import FormatOptions


def text_rules(options: FormatOptions, *, date_format: str | None = None) -> TextRules:
    """Return how the options have text read.

    Args:
        options: of files.
        date_format: the pattern of dates where the options give none.

    Raises:
        OptionsError: lists all patterns, time zones and locales that are not understood.

    """
    problems = Problems()
    rules = collected_text_rules(options, problems, date_format=date_format)
    problems.raise_all()
    return rules


def collected_text_rules(
    options: FormatOptions, problems: Problems, *, date_format: str | None = None
) -> TextRules:
    """Return how the options have text read, and add what is wrong with them to `problems`."""
    patterns: dict[str, PatternReader | None] = {}
    given = {
        "date_format": options.date_format or date_format,
        "timestamp_format": options.timestamp_format,
        "timestamp_ntz_format": options.timestamp_ntz_format,
    }
    for name, text in given.items():
        patterns[name] = None
        if text is not None:
            with problems.collect():
                patterns[name] = PatternReader.parse(text, option=name)
    if options.time_zone is not None:
        try:
            zone_of(options.time_zone)
        except ValueError:
            problems.add([f"time_zone={options.time_zone!r} is no time zone."])
    language = options.locale.replace("_", "-").split("-")[0].lower()
    if language not in LOCALES:
        problems.add([f"locale={options.locale!r} is not supported: its numbers are not known."])
    return TextRules(
        time_zone=options.time_zone,
        date=patterns["date_format"],
        timestamp=patterns["timestamp_format"],
        timestamp_ntz=patterns["timestamp_ntz_format"],
        locale=options.locale,
        nan=options.nan_value,
        positive_inf=options.positive_inf,
        negative_inf=options.negative_inf,
    )
