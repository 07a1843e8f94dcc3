"""Defines the options of OpenPGP: the keys that encrypt, sign, decrypt and verify files."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, SecretStr

from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import AutoSwitch, FieldType, Secret
from sftp_async.options.parsing import parse_text

#: Extensions of encrypted files, in lower case and without the dot.
EXTENSIONS: Final = ("pgp", "gpg", "asc")
#: The one of these that stands for ASCII armor, as GnuPG's option `--armor` gives it.
ARMORED: Final = "asc"


def pgp_extension(path: str) -> str:
    """Return the extension of a path if it is that of an encrypted file, in lower case; else ''."""
    stem, _, extension = posixpath.basename(path).rpartition(".")
    return extension.lower() if stem and extension.lower() in EXTENSIONS else ""


def without_pgp(path: str) -> str:
    """Return a path without the extension of an encrypted file: what the decrypted file is."""
    return path[: -1 - len(pgp_extension(path))] if pgp_extension(path) else path


def _key_text(value: object) -> str:
    """Take keys as text, as paths or as references: several in a list, or separated by commas."""
    if isinstance(value, list | tuple) and value:
        return "\n".join(map(_key_text, value))
    text = parse_text(os.fspath(value) if isinstance(value, os.PathLike) else value)
    if not text.strip():
        # Of a job's parameter that is not set: files would not be encrypted, or not verified.
        raise ValueError("is blank: set it, or leave it out")
    if "\0" in text:
        raise ValueError("must be the text of keys, their paths, or references to them")
    return text


def _public(value: object) -> str:
    text = _key_text(value)
    if "PRIVATE KEY" in text:
        raise ValueError("holds a private key: give the public part, as gpg --export writes it")
    return text


def _private(value: object) -> SecretStr:
    return SecretStr(_key_text(value.get_secret_value() if isinstance(value, SecretStr) else value))


_PublicKeys = Annotated[
    str | None,
    BeforeValidator(_public),
    FieldType("text, local path or reference", keeps_blank=True),
]
_PrivateKey = Annotated[
    SecretStr | None,
    BeforeValidator(_private),
    FieldType("text, local path or reference", secret=True, keeps_blank=True),
]


class PGPOptions(OptionsModel):
    """Keys of OpenPGP (PGP, GnuPG); each is text, the path of a file on the driver, or a reference.

    A reference is as those of other secrets: `env:NAME`, `file:/path`, `keyring:NAME`.
    """

    pgp_public_key: _PublicKeys = Field(
        None,
        description="Write: encrypt every file for the owners of these public keys, and append "
        "`.pgp` to its name ([PGP](how-to/pgp.md)). The text of the keys, paths of files on the "
        "driver, or references; several are separated by commas or line breaks, or are in one "
        "file. Needs the extra `pgp`.",
        examples=["/keys/bank.asc"],
    )
    pgp_sign_key: _PrivateKey = Field(
        None,
        description="Write: sign the encrypted content with this private key.",
        examples=["file:/keys/ours.asc"],
    )
    pgp_private_key: _PrivateKey = Field(
        None,
        description="Read: decrypt the files whose names end in `.pgp`, `.gpg` or `.asc` with this "
        "private key.",
        examples=["file:/keys/ours.asc"],
    )
    pgp_passphrase: Secret = Field(
        None,
        description="Passphrase of `pgp_private_key` and `pgp_sign_key`.",
        examples=["env:PGP_PASSPHRASE"],
    )
    pgp_verify_key: _PublicKeys = Field(
        None,
        description="Read: the public keys of the senders. A file that none of them has signed is "
        "an error.",
        examples=["/keys/bank.asc"],
    )
    pgp_armor: AutoSwitch = Field(
        None,
        description="Write ASCII armor (text, a third larger) rather than bytes; part files end in "
        "`.asc` then. If not set, the name of an exact file decides: `orders.csv.asc` has armor.",
        examples=["true"],
    )

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super()._contradictions()
        for name, needed, why in (
            ("pgp_sign_key", "pgp_public_key", "files are signed when they are encrypted"),
            ("pgp_armor", "pgp_public_key", "it is the form of encrypted files"),
            ("pgp_verify_key", "pgp_private_key", "files are verified when they are decrypted"),
        ):
            if getattr(self, name) is not None and getattr(self, needed) is None:
                yield (name, needed), f"{name} is set without {needed}: {why}."
        owners = ("pgp_private_key", "pgp_sign_key")
        if self.pgp_passphrase is not None and all(getattr(self, each) is None for each in owners):
            yield (
                ("pgp_passphrase", *owners),
                "pgp_passphrase is set without pgp_private_key or pgp_sign_key.",
            )
