"""Private keys: from the text a user pasted, in whatever state it arrived, to a key asyncssh can use."""

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


def repair_key_text(text: str) -> str:
    r"""Give a PEM key its line breaks back.

    Secret stores, environment variables and JSON turn newlines into spaces or into a literal `\n`;
    both make a key that every SSH library refuses.

    Args:
        text: what the user gave as a private key.

    Returns:
        The key with one header line, body lines and one footer line; other text unchanged.

    """
    text = text.strip().strip("\"'").replace("\\r", "").replace("\\n", "\n").replace("\r", "")
    match = _PEM.search(text)
    if match is None:
        return text + "\n"
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


def load_private_key(text: str, passphrase: str | None) -> asyncssh.SSHKey:
    """Load an OpenSSH, PKCS#1 or PKCS#8 private key.

    Args:
        text: the key, newlines intact or not.
        passphrase: what it is encrypted with, or None.

    Raises:
        OptionsError: not a usable key, or the passphrase is missing or wrong. Shows no key
            material.

    """
    if text.lstrip().startswith("PuTTY-User-Key-File"):
        raise OptionsError(
            "private_key_content is a PuTTY key (PPK), which SSH servers' tools do not read. Convert it: "
            "puttygen key.ppk -O private-openssh-new -o id_key (or PuTTYgen: Conversions, Export OpenSSH key)"
        )
    if "PUBLIC KEY" in text or re.match(r"\s*(ssh|ecdsa|sk)-\S+ AAAA", text):
        raise OptionsError(
            "private_key_content is a public key: give the private one (without .pub)"
        )
    try:
        return asyncssh.import_private_key(repair_key_text(text), passphrase)
    except asyncssh.KeyEncryptionError:
        problem = (
            "private_key_passphrase does not open the private key"
            if passphrase
            else "the private key is encrypted: set private_key_passphrase"
        )
        raise OptionsError(problem) from None
    except asyncssh.KeyImportError as error:
        # The reasons for a passphrase that is missing differ by key format; none carries key
        # material.
        if passphrase is None and "assphrase" in str(error):
            raise OptionsError("the private key is encrypted: set private_key_passphrase") from None
        raise OptionsError(
            "private_key_content is not a private key that can be read (OpenSSH, PKCS#1 or PKCS#8 PEM, "
            "from its BEGIN line to its END line). Check it with: ssh-keygen -y -f keyfile"
        ) from None
