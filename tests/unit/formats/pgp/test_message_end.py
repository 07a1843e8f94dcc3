"""What follows a message is noticed, and what it lacks, in whatever pieces the file comes."""

from __future__ import annotations

import random

import pytest

from sftp_async.formats.pgp.message_end import message_end
from tests.support.gnupg import GnuPG

pytestmark = pytest.mark.one_python

#: A marker, and padding: packets that say nothing, which may be anywhere.
NOTHING = b"\xca\x03PGP" + b"\xd5\x02xx"


def is_over(data: bytes, size: int) -> bool:
    end = message_end(data[:size] if size > 1000 else data[:1000])
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return any(end.is_over(piece) for piece in pieces)


def is_whole(data: bytes, size: int) -> bool:
    end = message_end(data[:1000])
    for at in range(0, len(data), size):
        assert not end.is_over(data[at : at + size])
    return end.is_whole


@pytest.mark.parametrize("more", [["--armor"], [], ["--throw-keyids"]])
@pytest.mark.parametrize("size", [10, 100_000])
def test_a_message_of_gnupg_has_one_end(gnupg: GnuPG, more: list[str], size: int) -> None:
    content = random.Random(1).randbytes(size)
    message = gnupg.encrypt(content, "rsa", "ecc", more=more)
    blank = b"\r\n \n" if more == ["--armor"] else NOTHING
    for piece in (1, 7, 4096, len(message)):
        if piece == 1 and size > 1000:
            continue
        assert not is_over(message, piece)
        assert not is_over(message + blank, piece)
        assert is_whole(message, piece)
        assert is_whole(message + blank, piece)
        for missing in (1, 5, size // 2):
            # The last line of ASCII armor ends with the message's last byte, and a line break.
            lacks = message.rstrip() if more == ["--armor"] else message
            assert not is_whole(lacks[:-missing], piece)
        for behind in (message, b"x", b"\n", b"\0"):
            if not behind.strip() and more == ["--armor"]:
                continue
            assert is_over(message + behind, piece)


def test_every_form_of_lengths_is_known() -> None:
    session = b"\xc1\x03abc"
    bodies = {
        "new, one byte": b"\xd2\x05" + b"a" * 5,
        "new, two bytes": b"\xd2\xc5\xfb" + b"a" * 1723,
        "new, five bytes": b"\xd2\xff\0\0\x01\0" + b"a" * 256,
        "new, in parts": b"\xd2\xe9" + b"a" * 512 + b"\xea" + b"a" * 1024 + b"\x02aa",
        "old, one byte": b"\xa4\x05" + b"a" * 5,
        "old, two bytes": b"\xa5\x01\0" + b"a" * 256,
        "old, four bytes": b"\xa6\0\0\x01\0" + b"a" * 256,
    }
    for name, body in bodies.items():
        for piece in (1, 2, 3, 5, 1000, 5000):
            assert not is_over(session + body, piece), name
            assert not is_over(session + body + NOTHING, piece), name
            assert is_whole(session + body, piece), name
            assert not is_whole(session + body[:-1], piece), name
            assert not is_whole(session + body + NOTHING[:-1], piece), name
            assert is_over(session + body + session + body, piece), name
            assert is_over(session + body + b"a", piece), name
            assert is_over(session + NOTHING + body + body, piece), name
    # What is encrypted may be missing as a whole.
    assert not is_whole(session, 3)
    assert not is_whole(session + NOTHING, 3)
    # Without a length, the end of the file is the end of the message.
    assert not is_over(session + b"\xa7" + b"a" * 5000 + session, 100)
    assert is_whole(session + b"\xa7" + b"a" * 5000, 100)
