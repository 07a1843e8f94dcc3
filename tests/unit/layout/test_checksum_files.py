"""Checksum files as tools write them."""

from __future__ import annotations

import hashlib

import pytest

from sftp_async.layout.checksum_files import digest_in

SHA = hashlib.sha256(b"data").hexdigest()


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
