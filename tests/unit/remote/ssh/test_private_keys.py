"""Private keys load in every form and state they arrive in, and never show themselves."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.errors import OptionsError
from sftp_async.remote.ssh.private_keys import load_private_key, repair_key_text
from tests.support.keys import KINDS, PASSPHRASE, KeySet

FORMS = ("openssh", "pkcs1-pem", "pkcs8-pem")
# PKCS#1 is RSA's own; the like of it for ECDSA is SEC 1 ("EC PRIVATE KEY"). Ed25519 has none.
KEYS = [
    (kind, form) for kind in KINDS for form in FORMS if (kind, form) != ("ed25519", "pkcs1-pem")
]

ARRIVALS: dict[str, Callable[[str], str]] = {
    "as it was": lambda text: text,
    r"newlines as \n": lambda text: text.replace("\n", r"\n"),
    r"newlines as \r\n": lambda text: text.replace("\n", r"\r\n"),
    r"newlines as \\n": lambda text: text.replace("\n", r"\\n"),
    "newlines as spaces": lambda text: text.replace("\n", " "),
    "windows newlines": lambda text: text.replace("\n", "\r\n"),
    "old mac newlines": lambda text: text.replace("\n", "\r"),
    "in double quotes": lambda text: f'"{text}"',
    "in single quotes, one line": lambda text: "'" + text.replace("\n", r"\n") + "'",
    "blank lines around": lambda text: f"\n\n  \n{text}\n\n",
    "indented": lambda text: "".join(f"    {line}\n" for line in text.splitlines()),
    "no newline at the end": lambda text: text.rstrip("\n"),
    "prose around": lambda text: f"Bag Attributes\n  friendlyName: x\n{text}see wiki\n",
}


def chain(error: BaseException | None) -> str:
    """Everything that a log of the error could show, causes and contexts included."""
    shown = ""
    while error is not None:
        shown += f"{error} {error!r} {error.args} {vars(error)}\n"
        assert error.__cause__ is None or error.__context__ is error.__cause__
        error = error.__context__
    return shown


def refuse(text: str, passphrase: str | None = None) -> OptionsError:
    with pytest.raises(OptionsError) as caught:
        load_private_key(text, passphrase)
    shown = chain(caught.value)
    for word in re.findall(r"[A-Za-z0-9+/]{20,}", text):
        assert word not in shown
    if passphrase:
        assert passphrase not in shown
    return caught.value


@pytest.mark.one_python
@pytest.mark.parametrize("arrival", ARRIVALS)
@pytest.mark.parametrize(("kind", "form"), KEYS)
def test_a_key_loads_in_whatever_state_it_arrived(
    user_keys: KeySet, kind: str, form: str, arrival: str
) -> None:
    text = ARRIVALS[arrival](user_keys.export(kind, form))
    key = load_private_key(text, None)
    assert key.export_public_key("openssh").decode().strip() == user_keys.public(kind)


@pytest.fixture(scope="session")
def encrypted(user_keys: KeySet) -> Callable[[str, str], str]:
    """Encrypted keys by kind and form; made once, for the key derivation is slow on purpose."""
    made: dict[tuple[str, str], str] = {}

    def export(kind: str, form: str) -> str:
        if (kind, form) not in made:
            made[kind, form] = (
                user_keys.private(kind, encrypted=True)
                if form == "openssh"
                else user_keys.export(kind, form, encrypted=True)
            )
        return made[kind, form]

    return export


@pytest.mark.parametrize("arrival", ["as it was", "newlines as spaces"])
@pytest.mark.parametrize(("kind", "form"), KEYS)
def test_an_encrypted_key_loads_with_its_passphrase_in_whatever_state_it_arrived(
    user_keys: KeySet, encrypted: Callable[[str, str], str], kind: str, form: str, arrival: str
) -> None:
    key = load_private_key(ARRIVALS[arrival](encrypted(kind, form)), PASSPHRASE)
    assert key.export_public_key("openssh").decode().strip() == user_keys.public(kind)


@pytest.mark.parametrize("form", ["PEM", "PKCS8"])
def test_an_encrypted_key_that_openssh_wrote_as_pem_loads(
    user_keys: KeySet, tmp_path: Path, form: str
) -> None:
    path = tmp_path / "key"
    path.write_text(user_keys.private("rsa"))
    path.chmod(0o600)
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-m", form, "-P", "", "-N", PASSPHRASE, "-f", str(path)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    text = path.read_text()
    assert "ENCRYPTED" in text
    key = load_private_key(ARRIVALS["newlines as spaces"](text), PASSPHRASE)
    assert key.export_public_key("openssh").decode().strip() == user_keys.public("rsa")


def test_a_passphrase_that_a_plain_key_does_not_need_does_no_harm(user_keys: KeySet) -> None:
    assert load_private_key(user_keys.private("ed25519"), "not needed")


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_passphrase_is_named_as_the_mistake(
    encrypted: Callable[[str, str], str], form: str
) -> None:
    error = refuse(encrypted("rsa", form), "open sesame, please")
    assert "private_key_passphrase does not open the private key: it is wrong" in str(error)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("arrival", ["as it was", "newlines as spaces"])
def test_a_missing_passphrase_is_asked_for(
    encrypted: Callable[[str, str], str], form: str, arrival: str
) -> None:
    error = refuse(ARRIVALS[arrival](encrypted("rsa", form)))
    assert error.problems == ["the private key is encrypted: set private_key_passphrase"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_public_key_is_distinguished_from_a_private_one(user_keys: KeySet, kind: str) -> None:
    for text in (user_keys.public(kind), f'"{user_keys.public(kind)}"'):
        assert "is a public key: give the private one" in str(refuse(text))


@pytest.mark.parametrize("form", ["rfc4716", "pkcs8-pem"])
def test_a_public_key_in_pem_form_is_distinguished_from_a_private_one(
    user_keys: KeySet, form: str
) -> None:
    key = load_private_key(user_keys.private("rsa"), None)
    assert "is a public key" in str(refuse(key.export_public_key(form).decode()))


def test_a_private_key_next_to_its_public_one_loads(user_keys: KeySet) -> None:
    key = load_private_key(user_keys.private("rsa"), None)
    both = key.export_public_key("pkcs8-pem").decode() + user_keys.private("rsa")
    assert load_private_key(both, None).public_data == key.public_data


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_putty_key_is_answered_with_the_command_that_converts_it(
    version: int, quote: str
) -> None:
    error = refuse(
        f"{quote}PuTTY-User-Key-File-{version}: ssh-ed25519\nEncryption: none\nComment: x\n"
        "Public-Lines: 2\nAAAAC3NzaC1lZDI1NTE5AAAAIGSsbDrQaNvkcD0P5DDtQnRyTz8B2vPo/xx7\n"
        f"Private-Lines: 1\nAAAAIP1234567890abcdefghijklmnopqrstuvwxyz123456{quote}"
    )
    assert "puttygen key.ppk -O private-openssh-new -o id_key" in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n!!!!\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nQUJDREVGR0hJSktMTU5PUQ==\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nschlüsselwörtergröße\n-----END PRIVATE KEY-----",
        "-----BEGIN CERTIFICATE-----\nQUJDREVGR0hJSktMTU5PUQ==\n-----END CERTIFICATE-----",
    ],
)
def test_garbage_is_answered_with_what_would_be_a_key(text: str) -> None:
    assert "OpenSSH, PKCS#1 or PKCS#8" in str(refuse(text))


@pytest.mark.parametrize("form", FORMS)
def test_a_key_cut_short_is_refused_without_showing_it(user_keys: KeySet, form: str) -> None:
    lines = user_keys.export("rsa", form).splitlines()
    refuse("\n".join([*lines[:6], lines[-1]]))
    refuse("\n".join(lines[:6]))


@given(st.text())
def test_any_text_is_either_a_key_or_an_options_error(body: str) -> None:
    with pytest.raises(OptionsError):
        load_private_key(f"-----BEGIN RSA PRIVATE KEY-----{body}-----END RSA PRIVATE KEY-----", "x")
    with pytest.raises(OptionsError):
        load_private_key(body, None)


def test_repairing_a_sound_key_changes_nothing_but_the_length_of_lines(user_keys: KeySet) -> None:
    text = user_keys.private("ecdsa")
    repaired = repair_key_text(text)
    assert "".join(repaired.split()) == "".join(text.split())
    assert repair_key_text(repaired) == repaired
