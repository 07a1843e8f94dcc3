"""Keys are checked on the driver: what cannot be used is named by its fingerprint and its owner."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import OptionsError
from sftp_async.formats.pgp.keys import decryption_keys, encryption_keys
from sftp_async.options import SFTPOptions
from sftp_async.read.scan import plan_schema
from tests.support.gnupg import PASSPHRASE, GnuPG, owner

pytestmark = pytest.mark.one_python


def options(**given: Any) -> SFTPOptions:
    return SFTPOptions(host="h", username="u", password="p", path="/out", **given)


def checked(asked: SFTPOptions) -> object:
    if asked.pgp_private_key is None:
        return encryption_keys(asked)
    return decryption_keys(asked.pgp_private_key, asked.pgp_passphrase, asked.pgp_verify_key)


def refused(gnupg: GnuPG, name: str, **given: Any) -> str:
    """Return what a write or a read says of a key, which it names."""
    asked = options(**given).resolve()
    with pytest.raises(OptionsError) as caught:
        checked(asked)
    text = str(caught.value)
    assert f"{gnupg.fingerprint(name)} ({owner(name)})" in text
    assert "PRIVATE KEY" not in text
    assert PASSPHRASE not in text
    return text


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("expired", "cannot encrypt: it expired on 2020-12-31"),
        ("revoked", "cannot encrypt: it is revoked"),
        ("signs-only", "cannot encrypt: it has no key for encryption"),
    ],
)
def test_a_key_that_cannot_encrypt_is_refused(gnupg: GnuPG, name: str, reason: str) -> None:
    keys = gnupg.public("rsa", name).decode()
    assert reason in refused(gnupg, name, pgp_public_key=keys)


def test_a_key_for_encryption_that_has_expired_is_refused_though_the_whole_has_not(
    gnupg: GnuPG,
) -> None:
    gnupg.key("lapsed", made="20200101T000000", encrypts=False)
    gnupg.add("lapsed", "cv25519", made="20200101T000000", expire="1y")
    text = refused(gnupg, "lapsed", pgp_public_key=gnupg.public("lapsed").decode())
    assert "the key for encryption expired on 2020-12-31" in text


def test_a_key_of_old_cryptography_is_refused(gnupg_elsewhere: GnuPG) -> None:
    gnupg_elsewhere.key("old", "rsa2048", more=["--cert-digest-algo", "SHA1"])
    asked = options(pgp_public_key=gnupg_elsewhere.public("old").decode()).resolve()
    with pytest.raises(OptionsError, match=r"no longer safe \(SHA-1") as caught:
        encryption_keys(asked)
    assert gnupg_elsewhere.fingerprint("old") in str(caught.value)


@pytest.mark.parametrize(
    ("name", "given", "reason"),
    [
        ("locked", {}, "cannot sign: it has a passphrase: set pgp_passphrase"),
        ("locked", {"pgp_passphrase": "wrong"}, "pgp_passphrase is not its passphrase"),
        ("expired", {}, "cannot sign: it has no valid key for that"),
        ("revoked", {}, "cannot sign: it has no valid key for that"),
    ],
)
def test_a_key_that_cannot_sign_is_refused(
    gnupg: GnuPG, name: str, given: dict[str, str], reason: str
) -> None:
    passphrase = PASSPHRASE if name == "locked" else ""
    asked = {
        "pgp_public_key": gnupg.public("rsa").decode(),
        "pgp_sign_key": gnupg.private(name, passphrase=passphrase).decode(),
    }
    assert reason in refused(gnupg, name, **asked, **given)


@pytest.mark.parametrize(
    ("name", "given", "reason"),
    [
        ("locked", {}, "cannot decrypt: it has a passphrase: set pgp_passphrase"),
        ("locked", {"pgp_passphrase": "wrong"}, "pgp_passphrase is not its passphrase"),
        ("expired", {}, "cannot decrypt: it has no valid key for that"),
        ("signs-only", {}, "cannot decrypt: it has no key for encryption"),
    ],
)
def test_a_key_that_cannot_decrypt_is_refused(
    gnupg: GnuPG, name: str, given: dict[str, str], reason: str
) -> None:
    passphrase = PASSPHRASE if name == "locked" else ""
    private = gnupg.private(name, passphrase=passphrase).decode()
    assert reason in refused(gnupg, name, pgp_private_key=private, **given)


def test_a_public_key_is_no_private_one(gnupg: GnuPG) -> None:
    text = refused(gnupg, "rsa", pgp_private_key=gnupg.public("rsa").decode())
    assert "is a public key: give the private one" in text


def test_a_senders_key_may_have_expired_and_must_not_be_revoked(gnupg: GnuPG) -> None:
    private = gnupg.private("rsa").decode()
    senders = gnupg.public("expired", "revoked").decode()
    text = refused(gnupg, "revoked", pgp_private_key=private, pgp_verify_key=senders)
    assert "cannot verify: it is revoked" in text
    assert gnupg.fingerprint("expired") not in text


def test_all_keys_that_cannot_be_used_are_in_one_error(gnupg: GnuPG) -> None:
    keys = gnupg.public("expired", "revoked").decode()
    signer = gnupg.private("locked", passphrase=PASSPHRASE).decode()
    text = refused(gnupg, "expired", pgp_public_key=keys, pgp_sign_key=signer)
    assert text.startswith("3 invalid options")


def test_a_private_key_is_refused_where_a_public_one_belongs(gnupg: GnuPG, tmp_path: Path) -> None:
    private = gnupg.private("rsa").decode()
    (tmp_path / "both.asc").write_text(private)
    for given in (private, tmp_path / "both.asc"):
        with pytest.raises(OptionsError, match="pgp_public_key holds a private key") as caught:
            options(pgp_public_key=given).resolve()
        assert private[100:140] not in str(caught.value)


def public(gnupg: GnuPG, *names: str) -> SFTPOptions:
    return options(pgp_public_key=gnupg.public(*names).decode()).resolve()


def test_keys_are_text_or_files_in_both_forms_or_variables_mixed(
    gnupg: GnuPG, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rsa.gpg").write_bytes(gnupg.public("rsa", armor=False))
    (tmp_path / "ecc").write_bytes(gnupg.public("ecc"))
    monkeypatch.setenv("LOCKED", gnupg.public("locked").decode())
    wanted = encryption_keys(public(gnupg, "rsa", "ecc", "locked"))
    assert wanted is not None
    assert len(wanted.recipients) == 3
    places = [f"{tmp_path}/rsa.gpg", f"file:{tmp_path}/ecc", "env:LOCKED"]
    for given in (places, ", ".join(places), "\n".join(places)):
        found = encryption_keys(options(pgp_public_key=given).resolve())
        assert found is not None
        assert {*found.recipients} == {*wanted.recipients}
    mixed = [gnupg.public("rsa").decode(), f"file:{tmp_path}/ecc"]
    found = encryption_keys(options(pgp_public_key=mixed).resolve())
    assert found is not None
    assert len(found.recipients) == 2


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("no key at all", "pgp_public_key must be a key in ASCII armor"),
        ("/nowhere/key.asc", "pgp_public_key refers to the file '/nowhere/key.asc'"),
        ("env:NOWHERE", "pgp_public_key refers to the environment variable 'NOWHERE'"),
    ],
)
def test_a_place_without_a_key_is_named(given: str, reason: str) -> None:
    with pytest.raises(OptionsError) as caught:
        options(pgp_public_key=given).resolve()
    assert reason in str(caught.value)


def test_what_looks_like_a_part_of_a_private_key_is_not_shown() -> None:
    with pytest.raises(OptionsError) as caught:
        options(pgp_private_key="lQVYBGsNlHMBDAC5").resolve()
    assert "lQVYBGsNlHMBDAC5" not in str(caught.value)


def test_private_keys_and_passphrases_are_masked(gnupg: GnuPG) -> None:
    private = gnupg.private("locked", passphrase=PASSPHRASE).decode()
    given = options(
        pgp_public_key=gnupg.public("rsa").decode(),
        pgp_sign_key=private,
        pgp_private_key=private,
        pgp_passphrase=PASSPHRASE,
    ).resolve()
    keys = encryption_keys(given)
    assert given.pgp_private_key is not None
    ours = decryption_keys(given.pgp_private_key, given.pgp_passphrase, None)
    for shown in (repr(given), given._repr_html_(), repr(keys), repr(ours)):
        assert PASSPHRASE not in shown
        assert "PRIVATE KEY" not in shown
        assert private.splitlines()[5] not in shown


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"pgp_sign_key": "env:A"}, "pgp_sign_key is set without pgp_public_key"),
        ({"pgp_verify_key": "env:A"}, "pgp_verify_key is set without pgp_private_key"),
        ({"pgp_armor": True}, "pgp_armor is set without pgp_public_key"),
        ({"pgp_passphrase": "env:A"}, "pgp_passphrase is set without"),
    ],
)
def test_options_without_their_key_are_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionsError) as caught:
        options(**given)
    assert sentence in str(caught.value)


def test_a_read_checks_its_keys_before_it_connects(gnupg: GnuPG) -> None:
    with pytest.raises(OptionsError, match="cannot decrypt"):
        plan_schema(options(pgp_private_key=gnupg.private("expired").decode()))


def test_without_the_package_the_error_names_the_extra(
    gnupg: GnuPG, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    with pytest.raises(OptionsError, match=r"pip install 'sftp-async\[pgp\]'"):
        encryption_keys(public(gnupg, "rsa"))
