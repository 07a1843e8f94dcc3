"""Passwords in what a user wrote are masked before it is shown."""

from __future__ import annotations

import pytest

from sftp_async.options.masking import MASK, without_passwords


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sftp://demo:SECRET@h/q", "sftp://demo:*@h/q"),
        ("SFTP://demo:S/EC@R,ET@h:22/q", "SFTP://demo:*@h:22/q"),
        ("socks5://pu:SECRET@p:1080", "socks5://pu:*@p:1080"),
        ("sftp://:SECRET@h", "sftp://:*@h"),
        ("sftp://demo%3ASECRET@h", "sftp://demo%3A*@h"),
        ("demo:SECRET%40h", "demo:*%40h"),
        ("demo:SECRET@h", "demo:*@h"),
        ("demo:SECRET\nSECRET@h", "demo:*@h"),
        ("me@corp.example:SECRET@h", "me@corp.example:*@h"),
        ("a@b,me:SECRET@c", "a@b,me:*@c"),
        ("a@b:22,me:SECRET@c", "a@b:*@c"),
        ('Match exec "curl https://u:SECRET@h"', 'Match exec "curl https://u:*@h"'),
        ("https://h/q?sig=SECRET&x=1&api_token=SECRET", "https://h/q?sig=*&x=1&api_token=*"),
        (" -----BEGIN OPENSSH PRIVATE KEY-----\nSECRET", "*"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\nSECRET", "*"),
    ],
)
def test_passwords_are_masked(text: str, shown: str) -> None:
    assert without_passwords(text) == shown.replace("*", MASK)


@pytest.mark.parametrize(
    "text",
    [
        "h:22",
        "me@h:22",
        "me@[::1]:22",
        "sftp://me@h:22/q",
        "~/.ssh/id",
        "/in/a:b@c",
        "a:b",
        "%H:%M",
    ],
)
def test_what_has_no_password_is_shown_as_it_is(text: str) -> None:
    assert without_passwords(text) == text
