"""Checksum files as tools print them, and files that are compared with them."""

from __future__ import annotations

import hashlib

import pytest

from sftp_async.errors import VerificationError
from sftp_async.read.verified_file import VerifiedFile, digest_in
from tests.support.readable import MemoryFile

SHA = hashlib.sha256(b"data").hexdigest()
MD5 = hashlib.md5(b"data", usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"{SHA}  a.csv\n", "a.csv"),
        (f"{SHA} *a.csv\n", "a.csv"),
        (f"{SHA.upper()}\r\n", "a.csv"),
        (f"{SHA}", "a.csv"),
        (f"SHA256 (a.csv) = {SHA}\n", "a.csv"),
        (f"{'0' * 64}  b.csv\n{SHA}  /home/me/a.csv\n", "a.csv"),
        (f"{SHA}  name-at-home.csv\n", "a.csv"),
        (f"\\{SHA}  a\\\\b\\n.csv\n", "a\\b\n.csv"),
        (f"# made by x\n{SHA}  a b (1).csv\n", "a b (1).csv"),
    ],
)
def test_the_forms_of_checksum_files(text: str, name: str) -> None:
    assert digest_in(text, name) == SHA


@pytest.mark.parametrize(
    "text", ["", "nothing here", f"{SHA}  b.csv\n{'0' * 64}  c.csv\n", "abcd  a.csv"]
)
def test_a_file_that_names_no_checksum_of_it_gives_none(text: str) -> None:
    assert digest_in(text, "a.csv") is None


def read(file: VerifiedFile) -> bytes:
    with file.chunks(0, file.size) as chunks:
        return b"".join(chunks)


@pytest.mark.parametrize(("algorithm", "digest"), [("sha256", SHA), ("md5", MD5)])
def test_a_file_is_digested_while_it_is_read(algorithm: str, digest: str) -> None:
    source = MemoryFile("/in/a.csv", b"data", chunk=3)
    file = VerifiedFile(source, algorithm, digest, "host")
    assert read(file) == b"data"
    file.verify()
    assert source.served == 4


def test_what_is_not_read_in_order_is_read_once_more() -> None:
    source = MemoryFile("/in/a.csv", b"data", chunk=3)
    file = VerifiedFile(source, "sha256", SHA, "host")
    assert file.read_ranges([(1, 2)]) == [b"a"]
    with file.chunks(0, 4) as chunks:
        next(chunks)
    file.verify()
    assert source.served == 1 + 3 + 4


def test_other_bytes_are_an_error_that_names_the_file() -> None:
    file = VerifiedFile(MemoryFile("/in/a.csv", b"dat4"), "sha256", SHA, "me@host:22")
    read(file)
    with pytest.raises(VerificationError, match="The sha256 of the file is") as caught:
        file.verify()
    assert (caught.value.path, caught.value.retryable) == ("/in/a.csv", False)
