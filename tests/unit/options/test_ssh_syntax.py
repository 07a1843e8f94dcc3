"""Keys, fingerprints, ciphers and known_hosts files as options take them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sftp_async.options.ssh_syntax import (
    parse_ciphers,
    parse_host_keys,
    parse_key_path,
    parse_known_hosts,
)

FINGERPRINT = "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"


def test_host_keys_may_be_fingerprints_and_public_key_lines_mixed() -> None:
    text = f"{FINGERPRINT}=, ssh-ed25519 AAAAC3Nz me@laptop\nssh-ed25519  AAAAC3Nz"
    assert parse_host_keys(text) == (FINGERPRINT, "ssh-ed25519 AAAAC3Nz")


@pytest.mark.parametrize(
    "text", [FINGERPRINT[:-1], "MD5:aa:bb", "host ssh-ed25519 AAAAC3Nz", [1], 7]
)
def test_a_host_key_that_cannot_match_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="must be SHA256"):
        parse_host_keys(text)


def test_ciphers_may_be_a_sequence() -> None:
    assert parse_ciphers(["aes128-ctr", " aes256-ctr"]) == ("aes128-ctr", "aes256-ctr")


def test_a_cipher_list_with_other_characters_is_refused() -> None:
    with pytest.raises(ValueError, match="comma-separated"):
        parse_ciphers("aes128 ctr")


def test_paths_of_keys_and_known_hosts_files_may_be_path_objects() -> None:
    assert parse_key_path(Path("/keys/id")) == "/keys/id"
    assert parse_known_hosts(Path("/keys/hosts")) == "/keys/hosts"
