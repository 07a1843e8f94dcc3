"""Decodes the bytes of a JSON record, in the character set that Jackson finds in them."""

from __future__ import annotations

import codecs

from sftp_async.formats.json.tokens import MalformedJSONError


def record_text(record: bytes) -> str:
    """Return a record as text; bytes that are not UTF-8 become lone surrogates.

    The rules are those of Jackson's ByteSourceJsonBootstrapper: a byte order mark, or zero bytes
    next to the first character, mean UTF-16 or UTF-32.

    Raises:
        MalformedJSONError: the record is in no character set.

    """
    head = record[:4]
    if b"\x00" in head or head[:1] in (b"\xef", b"\xfe", b"\xff"):
        charset, skipped = _charset(head)
        if charset != "utf-8":
            return _wide_text(record[skipped:], charset)
        record = record[skipped:]
    return record.decode(errors="surrogateescape")


def given_text(record: bytes) -> str:
    """Return a record of a file whose encoding is given, as Java decodes it.

    Raises:
        UnicodeDecodeError: it is malformed. A character that is cut off at its end is left out:
            Java looks at it last, when the record may be complete.

    """
    try:
        return record.decode()
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            raise
        return record[: error.start].decode()


def _charset(head: bytes) -> tuple[str, int]:
    if len(head) == 4:
        if head in (b"\x00\x00\xfe\xff", b"\xff\xfe\x00\x00"):
            return ("utf-32-be" if head[0] == 0 else "utf-32-le"), 4
        if head in (b"\x00\x00\xff\xfe", b"\xfe\xff\x00\x00"):
            raise MalformedJSONError("the order of its bytes is unknown")
        if head[:2] in (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE):
            return ("utf-16-be" if head[0] == 0xFE else "utf-16-le"), 2
        if head[:3] == codecs.BOM_UTF8:
            return "utf-8", 3
        places = [place for place in range(4) if head[place]]
        if len(places) <= 1:
            place = places[0] if places else 3
            if place in (1, 2):
                raise MalformedJSONError("the order of its bytes is unknown")
            return ("utf-32-le" if place == 0 else "utf-32-be"), 0
    if len(head) >= 2:
        if head[0] == 0:
            return "utf-16-be", 0
        if head[1] == 0:
            return "utf-16-le", 0
    return "utf-8", 0


def _wide_text(record: bytes, charset: str) -> str:
    if charset.startswith("utf-32"):
        try:
            return record.decode(charset)
        except UnicodeDecodeError as error:
            raise MalformedJSONError(str(error)) from None
    return record.decode(charset, "replace")
