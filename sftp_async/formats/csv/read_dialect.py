"""Holds how CSV text is cut into cells: the options of a read, as uniVocity's parser takes them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sftp_async.options import FormatOptions

#: Stands for a character that is not set, as in Spark's CSVOptions.getChar.
NUL = "\0"


@dataclass(frozen=True)
class ReadDialect:
    """Separators, quotes and limits of a read; immutable, and pickled with a format.

    Attributes:
        sep: between cells, one or more characters.
        quote: around cells; NUL if cells are not quoted.
        escape: before a quote in a quoted cell; NUL if there is none.
        escape_escape: before an escape in a quoted cell; NUL if there is none.
        comment: at the start of lines that are skipped; None if there are none.
        null_value: text of null.
        empty_value: text that a quoted empty cell becomes.
        trim_left: whether white space before cells is dropped.
        trim_right: whether white space behind unquoted cells is dropped.
        unescaped: what happens to a quote in a quoted cell that is not escaped.
        max_columns: most cells of a record.
        max_chars: most characters of a cell; -1: any number.
        line_sep: the end of lines that the user set; None: found in the data.
        multi_line: whether cells may have line breaks.

    """

    sep: str = ","
    quote: str = '"'
    escape: str = "\\"
    escape_escape: str = "\\"
    comment: str | None = None
    null_value: str = ""
    empty_value: str = ""
    trim_left: bool = False
    trim_right: bool = False
    unescaped: str = "stop_at_delimiter"
    max_columns: int = 20480
    max_chars: int = -1
    line_sep: str | None = None
    multi_line: bool = False

    @classmethod
    def of(cls, options: FormatOptions) -> ReadDialect:
        """Return what the options ask for, with Spark's defaults of reading."""
        given = options.model_fields_set
        quote, escape = options.quote or NUL, options.escape or NUL
        # CsvFormat.getCharToEscapeQuoteEscaping
        escape_escape = options.char_to_escape_quote_escaping or (
            NUL if quote == escape else escape
        )
        return cls(
            sep=options.sep,
            quote=quote,
            escape=escape,
            escape_escape=escape_escape,
            comment=options.comment or None,
            null_value=options.null_value,
            empty_value=options.empty_value if "empty_value" in given else "",
            trim_left=options.ignore_leading_white_space,
            trim_right=options.ignore_trailing_white_space,
            unescaped=options.unescaped_quote_handling,
            max_columns=options.max_columns,
            max_chars=options.max_chars_per_column,
            line_sep=options.line_sep if "line_sep" in given else None,
            multi_line=options.multi_line,
        )

    @cached_property
    def splits_plainly(self) -> bool:
        """Whether a line without quotes has the cells that `str.split` finds in it."""
        if self.trim_left or self.trim_right or self.max_chars >= 0:
            return False
        first, rest = self.sep[0], self.sep[1:]
        # The parser does not go back after a part of a long separator, which `str.split` does.
        return first not in rest or not rest.strip(first)
