"""Replaces the references and paths in options by what they refer to: of logins, and of PGP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import SecretStr

from sftp_async.errors import OptionsError
from sftp_async.options.secret_refs import (
    Unresolved,
    fetch_file,
    fetch_keys,
    fetch_known_hosts,
    fetch_secret,
)

if TYPE_CHECKING:
    from sftp_async.options.connection import ConnectionOptions
    from sftp_async.options.reference_policy import ReferencePolicy

_Options = TypeVar("_Options", bound="ConnectionOptions")

#: Options of `FixedOptions` that may be in a file.
_LAYOUTS: Final = ("fixed_layout", "fixed_header", "fixed_trailer")
_SECRETS: Final = ("password", "private_key_content", "private_key_passphrase")
_OF_FILES: Final = ("archive_password",)
#: Options of keys of OpenPGP -> whether they are private.
_PGP_KEYS: Final = {
    "pgp_public_key": False,
    "pgp_verify_key": False,
    "pgp_private_key": True,
    "pgp_sign_key": True,
}


def with_secrets(options: _Options, policy: ReferencePolicy | None = None) -> _Options:
    """Return a copy with all references and files resolved.

    Args:
        options: the options, as they were given.
        policy: what may be looked up; if None, what the environment of this process allows.

    Raises:
        OptionsError: lists all variables that are not set, all files that cannot be read, and all
            entries that the keyring does not have.

    """
    found: dict[str, object] = {}
    problems: list[str] = []

    def look_up(option: str, fetch: Callable[..., str], *where: str, secret: bool = True) -> None:
        try:
            text = fetch(*where, policy)
            found[option] = SecretStr(text) if secret else text
        except Unresolved as error:
            problems.append(str(error))

    secrets = (*_SECRETS, *(f"proxy_jump_{name}" for name in _SECRETS), "proxy_password")
    for option in (*secrets, *_OF_FILES):
        # Those of files are no options of a connection alone.
        secret: SecretStr | None = getattr(options, option, None)
        if secret is not None:
            look_up(option, fetch_secret, option, secret.get_secret_value())
    for option in ("private_key", "proxy_jump_private_key"):
        path: str | None = getattr(options, f"{option}_path")
        if path is not None:
            look_up(f"{option}_content", fetch_file, f"{option}_path", path)
            found[f"{option}_path"] = None
    for option in _LAYOUTS:
        layout: str | None = getattr(options, option, None)
        if layout is not None:
            look_up(option, fetch_secret, option, layout, secret=False)
    for option, private in _PGP_KEYS.items():  # a connection alone has none
        keys: SecretStr | str | None = getattr(options, option, None)
        if keys is not None:
            text = keys.get_secret_value() if isinstance(keys, SecretStr) else keys
            look_up(option, fetch_keys, option, text, secret=private)
    passphrase: SecretStr | None = getattr(options, "pgp_passphrase", None)
    if passphrase is not None:
        look_up("pgp_passphrase", fetch_secret, "pgp_passphrase", passphrase.get_secret_value())
    if options.known_hosts is not None:
        look_up("known_hosts", fetch_known_hosts, options.known_hosts, secret=False)
    if problems:
        raise OptionsError(problems)
    return options.model_copy(update=found)
