"""CSV files to compare readers with: cells of every type, options, and files made at random."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

#: type -> cells that are of it, nearly of it, or look like it.
CELLS: dict[str, list[str]] = {
    "TINYINT": ["1", "127", "128", "-128", "00000001", "+5", " 1"],
    "SMALLINT": ["32767", "32768", "-32768"],
    "INT": ["1", "-5", "+7", "007", "2147483648", "x", "1.0", " 3", "0x1F", "\u0663", "1_0", "NaN"],
    "BIGINT": ["9223372036854775807", "9223372036854775808", "-9223372036854775808", "-0", "--1"],
    "FLOAT": ["1.1", "3.4028236e38", "16777217", "NaN", "1.17549435E-38", "0.1f", "1e-50"],
    "DOUBLE": [
        *("1.5", "1e5", "NaN", "Inf", "-Inf", "Infinity", "-Infinity", "nan", "inf", "1d", "1f"),
        *(" 2.5 ", "0x1p3", "1e400", ".5", "5.", "-", "1_0", "+1.5", "1e-400", "0x1.8", "-0.0"),
    ],
    "BOOLEAN": ["true", "FALSE", "True", "1", "0", "t", " true", "fal\u017fe", "yes"],
    "DECIMAL(10,2)": [
        *("1", "1.5", "1.005", "1.015", "-1.005", "1,234.5", "99999999.99", "99999999.995"),
        *("123456789", "1e3", "1E-3", ".5", "5.", ".", "\u0663.\u0664", " 1", "+1", "1e50"),
        *("1e-400", "1,,2", ",", "-", "0e99"),
    ],
    "DECIMAL(38,0)": ["1" * 38, "1" * 39, "0.5", "1e37", "3.4028236e38", "-0", "9e38"],
    "DECIMAL(38,38)": ["0." + "1" * 38, "1", "0." + "9" * 39],
    "DATE": [
        *("2020-01-01", "2020-1-1", "2020-02-30", "2020", "2020-05", "+2020-01-01", "-0044-03-15"),
        *("12345-01-01", "2020-01-01 12:00", "2020-01-01Tx", "2020-01-01T", "20200101"),
        *("0000-01-01", "2020-01-01GMT", " 2020-01-01 ", "9999999-01-01", "5881580-07-11"),
        *("5881580-07-12", "2020-01-01x", "9999-12-31", "0001-01-01", "2020-01-01\x7f"),
    ],
    "TIMESTAMP": [
        *("2020-01-01", "2020-01-01 12:30", "2020-01-01T12:30:15", "2020-01-01 12:30:15.123456"),
        *("2020-01-01T12:30:15.1234567", "2020-01-01T12:30:15Z", "2020-01-01T12:30:15+01:00"),
        *("2020-01-01T12:30:15+0100", "2020-01-01T12:30:15+1:00", "2020-01-01T12:30:15PST"),
        *("2020-01-01T12:30:15 Europe/Paris", "2020-01-01T12:30:15UTC+2", "2020-01-01T12:30Z"),
        *("2020-03-29 02:30:00", "2020-10-25 02:30:00", "1800-01-01 00:00:00", "2020-01-01 12"),
        *("0001-01-01 00:00:00", "9999-12-31 23:59:59", "12345-06-07 08:09:10", "2020", "2020-06"),
        *("-0001-01-01 00:00:00", "2020-01-01T24:00:00", "2020-01-01T12:60:00", "2020-01-01T"),
        *("2100-07-01 12:00:00", "2020-01-01 1:2:3", "2020-01-01T12:30:15.", "2020-1-1 1:1:1"),
        *("2020-01-01T12:30:15.Z", "2020-01-01T12:30:15+19:00", "2020-01-01T12:30:15+18:00"),
        *("2020-01-01T12:30:15-18:30", "2020-01-01T00:00GMT+01:00", "2020-01-01T12:30:15z"),
        *("2020-01-01T00:00:00GMT+01:00", "2020-01-01T12:30:15.1+01", "2020-01-01T12:30:15 utc"),
        *("1893-04-01 00:03:00", "1945-05-24 02:30:00", "2020-01-01 12:30+01", "2038-07-01 1:1:1"),
    ],
    "TIMESTAMP_NTZ": [
        *("2020-01-01", "2020-01-01 12:30:15.5", "2020-01-01T12:30:15Z", "12345-06-07 08:09:10"),
        *("2020-1-1 1:1:1", "10:20:30", "2020-03-29 02:30:00", "2020-01-01 12:30:15 UTC"),
    ],
    "STRING": ["a", "\u00e9", '"', '""', 'x"y', "\\", " a ", "\u00a0", "NULL", "\U0001f600"],
    "BINARY": ["abc", "\u00e9"],
}

#: pattern -> texts, for dates.
DATE_PATTERNS = {
    "dd.MM.yyyy": ["01.02.2020", "1.2.2020", "31.02.2020", "01.02.20200", "2020-01-01"],
    "yyyyMMdd": ["20200102", "120200102", "2020012"],
    "d/M/yy": ["1/2/20", "11/12/99", "01/02/2020"],
    "MMM d, yyyy": ["Jan 5, 2020", "jan 05, 2020", "JANUARY 5, 2020"],
    "MMMM": ["May", "march"],
    "yyyy": ["2020", "+12020", "20200", "-2020"],
    "y": ["5", "-5", "12345"],
    "DDD yyyy": ["100 2020", "366 2019", "366 2020"],
    "M-d": ["12-31", "2-29"],
    "yyyy'T'MM": ["2020T05", "2020t05"],
}
#: pattern -> texts, for timestamps with and without time zone.
TIMESTAMP_PATTERNS = {
    "yyyy-MM-dd HH:mm:ss": [
        *("2020-01-01 10:20:30", "2020-01-01T10:20:30", "2020-03-29 02:30:00"),
        *("2020-01-01 24:00:00", "2020-02-30 10:20:30", "2020-10-25 02:30:00"),
    ],
    "yyyyMMddHHmmss": ["20200101102030"],
    "yyyyMMddHHmmssSSS": ["20200101102030123"],
    "yyyy-MM-dd HH:mm:ss.SSS": [
        *("2020-01-01 10:20:30.1", "2020-01-01 10:20:30.123", "2020-01-01 10:20:30.1234"),
    ],
    "yyyy-MM-dd HH:mm:ss[.SSSSSS][XXX]": [
        *("2020-01-01 10:20:30", "2020-01-01 10:20:30.5", "2020-01-01 10:20:30.5+02:00"),
        *("2020-01-01 10:20:30Z", "2020-01-01 10:20:30z"),
    ],
    "dd/MM/yyyy hh:mm a": ["01/02/2020 12:30 AM", "01/02/2020 12:30 pm", "01/02/2020 13:30 PM"],
    "yyyy-MM-dd VV": [
        *("2020-01-01 Europe/Paris", "2020-01-01 UTC", "2020-01-01 +01:00", "2020-01-01 PST"),
    ],
    "X yyyy": ["Z 2020", "+01 2020", "+0130 2020", "+1 2020"],
    "yyyy-MM-dd HH": ["2020-01-01 10"],
    "hh:mm": ["12:30", "01:30"],
    "a": ["AM", "PM"],
    "kk": ["24", "0", "12"],
    "Z yyyy": ["+0100 2020", "+01:00 2020"],
    "ZZZZ yyyy": ["GMT+01:00 2020", "GMT 2020", "GMT+1 2020"],
    "xxx yyyy": ["+01:00 2020", "+00:00 2020", "Z 2020"],
    "ZZZZZ yyyy": ["+01:00 2020", "Z 2020", "+01:00:05 2020"],
    "s": ["5", "59", "60"],
    "H:m:s": ["1:2:3", "01:02:03"],
    "SSS": ["5", "123"],
    "yyyy-MM-ddHHmm": ["2020-01-011020"],
}
LOCALES = ["de-DE", "fr-FR", "en-GB", "pl-PL"]
LOCALE_DECIMALS = [
    *("1,5", "1.5", "1.234,56", "1 234", "1\u00a0234", "-1", "+1", "1e3", "1E3", "1E-2", ",5"),
    *("5,", "1,234.5", "1..5", "1\u202f234,5", "\u0663", "-", "1-"),
]

#: Options in Spark's spelling, each for one batch of generated files.
OPTIONS: list[dict[str, str]] = [
    {},
    {"header": "true"},
    {"escape": '"'},
    {"ignoreLeadingWhiteSpace": "true", "ignoreTrailingWhiteSpace": "true"},
    {"ignoreTrailingWhiteSpace": "true"},
    {"mode": "DROPMALFORMED"},
    {"nullValue": "NULL"},
    {"nullValue": "NULL", "emptyValue": "EMPTY"},
    {"emptyValue": "x"},
    {"comment": "#"},
    {"comment": "#", "header": "true"},
    {"sep": "\t"},
    {"sep": "||"},
    {"quote": ""},
    {"quote": "'"},
    {"escape": ""},
    {"charToEscapeQuoteEscaping": "~"},
    {"unescapedQuoteHandling": "STOP_AT_CLOSING_QUOTE"},
    {"unescapedQuoteHandling": "SKIP_VALUE"},
    {"unescapedQuoteHandling": "BACK_TO_DELIMITER"},
    {"lineSep": ";"},
    {"lineSep": "\n"},
    {"lineSep": "\r"},
    {"encoding": "ISO-8859-1"},
    {"sep": ";", "escape": '"', "header": "true"},
]
#: Options with which Spark fails at some files, each of which is then a job of its own.
FAILING: list[dict[str, str]] = [
    {"mode": "FAILFAST"},
    {"unescapedQuoteHandling": "RAISE_ERROR"},
    {"maxColumns": "4"},
    {"maxCharsPerColumn": "5"},
    {"header": "true", "enforceSchema": "false"},
]
MULTI_LINE: list[dict[str, str]] = [
    {"multiLine": "true"},
    {"multiLine": "true", "escape": '"', "header": "true"},
    {"multiLine": "true", "comment": "#"},
    {
        "multiLine": "true",
        "ignoreLeadingWhiteSpace": "true",
        "ignoreTrailingWhiteSpace": "true",
    },
]
_ODD_LINES = ["", " ", "\t", "#x", "# y", " #z", ",", "\0", "\0x", ",,,"]
_ODD_CELLS = ["NULL", "EMPTY", "x", " ", '"', '""', '\\"', "\\", "#"]
_ODD_BYTES = [
    *(b"\xff", b"\xed\xa0\x80", b"\xc3", b'"', b",", b"\\", b"\n", b"\r", b"\0"),
    *(b"\xe2\x82", b"\x0c"),
]


@dataclass(frozen=True)
class Batch:
    """Files of one schema, and the options to read them with."""

    options: Mapping[str, str]
    schema: str
    files: list[bytes] = field(repr=False)


def generated(seed: int, options: Mapping[str, str], count: int) -> Batch:
    """Make files of a random schema: whole cells mostly, and whatever goes wrong."""
    chosen = random.Random(seed)
    kinds = [chosen.choice(list(CELLS)) for _ in range(chosen.choice([1, 2, 3, 3]))]
    schema = ", ".join(f"c{index} {kind}" for index, kind in enumerate(kinds))
    if chosen.random() < 0.6:
        schema += ", _corrupt_record STRING"
    return Batch(options, schema, [_file(chosen, options, kinds) for _ in range(count)])


def _file(chosen: random.Random, options: Mapping[str, str], kinds: list[str]) -> bytes:
    sep = options.get("sep", ",")
    given = options.get("lineSep")
    end = chosen.choice(["\n", "\n", "\r\n", "\r"] if given is None else [given] * 4 + ["\n", "\r"])
    lines = []
    if options.get("header"):
        lines.append(sep.join(chosen.choice([f"c{at}"] * 5 + ["x"]) for at in range(len(kinds))))
    for _ in range(chosen.randint(0, 6)):
        if chosen.random() < 0.12:
            lines.append(chosen.choice([*_ODD_LINES, sep, sep * 3]))
            continue
        row = [_cell(chosen, options, kind) for kind in kinds]
        if chosen.random() < 0.08:
            row.pop()
        if chosen.random() < 0.08:
            row.append("extra")
        lines.append(sep.join(row))
    text = end.join(lines) + (end if chosen.random() < 0.7 else "")
    data = text.encode(options.get("encoding", "utf-8"), "replace")
    if chosen.random() < 0.05:
        data = b"\xef\xbb\xbf" + data
    if chosen.random() < 0.08 and data:
        at = chosen.randrange(len(data))
        data = data[:at] + chosen.choice(_ODD_BYTES) + data[at:]
    return data


def _cell(chosen: random.Random, options: Mapping[str, str], kind: str) -> str:
    quote, escape = options.get("quote", '"'), options.get("escape", "\\")
    cell = chosen.choice(CELLS[kind if chosen.random() < 0.9 else chosen.choice(list(CELLS))])
    luck = chosen.random()
    if luck < 0.1:
        cell = ""
    elif luck < 0.15:
        cell = chosen.choice(_ODD_CELLS)
    elif luck < 0.2:
        cell += options.get("sep", ",")
    if quote and chosen.random() < 0.4:
        inside = cell.replace(quote, escape + quote) if chosen.random() < 0.7 else cell
        cell = (
            quote + inside + quote + (chosen.choice([" ", "x"]) if chosen.random() < 0.06 else "")
        )
    return f" {cell} " if chosen.random() < 0.06 else cell
