"""Private keys: from the text a user pasted, in whatever state it arrived, to a usable key."""

from __future__ import annotations

import re

import asyncssh

from sftp_async.errors import OptionsError

_PEM = re.compile(
    r"(?P<begin>-----BEGIN (?P<label>[A-Z0-9 ]*PRIVATE KEY)-----)(?P<body>.*?)"
    r"(?P<end>-----END (?P=label)-----)",
    re.DOTALL,
)
# RFC 1421 headers of a legacy encrypted PEM key, the only ones OpenSSL writes.
_PEM_HEADERS = re.compile(r"\s*(Proc-Type:\s*\S+)\s+(DEK-Info:\s*\S+)\s+")
_PEM_LINE = 64
# Line breaks as JSON, YAML and shells write them, escaped once or several times over.
_ESCAPED_BREAK = re.compile(r"(?:\\+[rn])+")
_PUBLIC_KEY = re.compile(r"BEGIN (?:[A-Z0-9]+ )*PUBLIC KEY|^\s*[\"']?(?:ssh|ecdsa|sk)-\S+ AAAA")


def repair_key_text(text: str) -> str:
    r"""Give a PEM key its line breaks back.

    Secret stores, environment variables and JSON turn newlines into spaces or into a literal `\n`;
    both make a key that every SSH library refuses.

    Args:
        text: what the user gave as a private key; anything around the key is dropped.

    Returns:
        The key with one header line, body lines and one footer line; other text unchanged.

    """
    match = _PEM.search(_ESCAPED_BREAK.sub("\n", text))
    if match is None:
        return text
    body = match["body"]
    lines = [match["begin"]]
    headers = _PEM_HEADERS.match(body)
    if headers:
        lines += [headers[1], headers[2], ""]
        body = body[headers.end() :]
    packed = "".join(body.split())
    lines += [packed[i : i + _PEM_LINE] for i in range(0, len(packed), _PEM_LINE)]
    lines.append(match["end"])
    return "\n".join(lines) + "\n"


def load_private_key(text: str, passphrase: str | None, prefix: str = "") -> asyncssh.SSHKey:
    """Load an OpenSSH, PKCS#1 or PKCS#8 private key.

    Args:
        text: the key, newlines intact or not.
        passphrase: what it is encrypted with, or None.
        prefix: how the names of the options begin that gave it.

    Raises:
        OptionsError: not a usable key, or the passphrase is missing or wrong. Shows no key
            material.

    """
    loaded = _load(repair_key_text(text), passphrase)
    # Raised out here: an error raised while another one is handled keeps that one as its context,
    # and a parser's error may hold what it could not parse.
    if isinstance(loaded, str):
        raise OptionsError(loaded.replace("private_key_", f"{prefix}private_key_"))
    return loaded


def _load(text: str, passphrase: str | None) -> asyncssh.SSHKey | str:
    """Return the key, or what is wrong with it."""
    if "PuTTY-User-Key-File" in text:
        return (
            "private_key_content is a PuTTY key (PPK), which SSH tools other than PuTTY do not "
            "read. Convert it: puttygen key.ppk -O private-openssh-new -o id_key "
            "(or in PuTTYgen: Conversions, Export OpenSSH key)"
        )
    if _PEM.search(text) is None and _PUBLIC_KEY.search(text):
        return "private_key_content is a public key: give the private one (without .pub)"
    try:
        return asyncssh.import_private_key(text, passphrase)
    except (asyncssh.KeyEncryptionError, asyncssh.KeyImportError, ValueError) as error:
        # asyncssh has no type for a passphrase that is missing; its words differ by key format.
        if passphrase is None and "assphrase" in str(error):
            return "the private key is encrypted: set private_key_passphrase"
        # A key encrypted the old way has no check sum: a wrong passphrase makes garbage of it.
        if isinstance(error, asyncssh.KeyEncryptionError) or "ENCRYPTED" in text:
            return (
                "private_key_passphrase does not open the private key: it is wrong, or the key is "
                "damaged"
            )
        return (
            "private_key_content is not a private key that can be read (OpenSSH, PKCS#1 or PKCS#8 "
            "PEM, from its BEGIN line to its END line). Check it with: ssh-keygen -y -f keyfile"
        )
