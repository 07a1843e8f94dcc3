"""Checks OpenPGP keys on the driver, before any task, and keeps what tasks need of them."""

from __future__ import annotations

import base64
import importlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sftp_async.errors import OptionsError
from sftp_async.options.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import SecretStr

    from sftp_async.options.pgp import PGPOptions

#: Bytes of a fingerprint in hex that are a key's ID: the last ones up to version 4 of OpenPGP
#: (RFC 9580, 5.5.4.2), the first ones since version 6 (5.5.4.3), whose fingerprints are longer.
_ID_DIGITS: Final = 16
_LONG_FINGERPRINT: Final = 64
#: What PySequoia raises: its errors have no classes of their own.
_ERRORS: Final = (RuntimeError, OSError)
#: Why Sequoia may not accept a key as a whole.
_REJECTED: Final = (
    "it is damaged, or its own signatures are by algorithms that are no longer safe (SHA-1, MD5, "
    "RSA below 2048 bits)"
)


@dataclass(frozen=True)
class EncryptionKeys:
    """The keys of a write, all of them checked; pickled to the tasks.

    Attributes:
        recipients: public keys.
        sign_key: private key; empty: files are not signed.
        passphrase: of the private key.

    """

    recipients: tuple[bytes, ...]
    sign_key: bytes = field(default=b"", repr=False)
    passphrase: str | None = field(default=None, repr=False)

    def task(self, *, armor: bool) -> dict[str, Any]:
        """Return what the process that encrypts a file is to do."""
        return {
            "work": "encrypt",
            "recipients": [*map(_text, self.recipients)],
            "sign_key": _text(self.sign_key),
            "passphrase": self.passphrase,
            "armor": armor,
        }


@dataclass(frozen=True)
class PrivateKey:
    """One key that decrypts: an OpenPGP key may have several, of which a message names one.

    Attributes:
        key_id: in hex.
        content: the key, and of the whole that it belongs to as much as Sequoia needs.
        passphrase: of the key; None: it has none.

    """

    key_id: str
    content: bytes = field(repr=False)
    passphrase: str | None = field(repr=False)


@dataclass(frozen=True)
class DecryptionKeys:
    """The keys of a read, all of them checked; pickled to the tasks.

    Attributes:
        owner: the private key, as errors name it.
        private: the keys that decrypt; not empty.
        senders: public keys, one of which must have signed; empty: no signature is asked for.
        sender_names: these, as errors name them.

    """

    owner: str
    private: tuple[PrivateKey, ...]
    senders: tuple[bytes, ...] = ()
    sender_names: str = ""

    def task(self, key: PrivateKey) -> dict[str, Any]:
        """Return what the process that decrypts a file is to do, with one of the keys."""
        return {
            "work": "decrypt",
            "private_key": _text(key.content),
            "passphrase": key.passphrase,
            "senders": [*map(_text, self.senders)],
        }


def new_key() -> tuple[PrivateKey, bytes]:
    """Return a new key for encryption, and its public part."""
    key = _library().Tsk.generate("sftp_async")
    return PrivateKey("", bytes(key), None), bytes(key.extract_certificate())


def encryption_keys(options: PGPOptions) -> EncryptionKeys | None:
    """Return the keys of a write; None: its files are not encrypted.

    Args:
        options: resolved.

    Raises:
        OptionsError: a key cannot be used; lists all mistakes, each with the key's fingerprint and
            owner. Or the extra `pgp` is not installed.

    """
    if options.pgp_public_key is None:
        return None
    problems = Problems()
    recipients = _certificates("pgp_public_key", options.pgp_public_key, problems)
    for each in recipients:
        problems.add(_recipient_problems(each))
    sign_key, passphrase = b"", None
    if options.pgp_sign_key is not None:
        for key in _private_keys("pgp_sign_key", options.pgp_sign_key, problems, most=1):
            sign_key = bytes(key)
            unlocked = _unlocked(key.signer, options.pgp_passphrase)
            if isinstance(unlocked, str):
                problems.add([f"pgp_sign_key {_name(key)} cannot sign: {unlocked}."])
            else:
                passphrase = unlocked[0]
    problems.raise_all()
    return EncryptionKeys(tuple(map(bytes, recipients)), sign_key, passphrase)


def decryption_keys(
    private_key: SecretStr, passphrase: SecretStr | None, verify_key: str | None
) -> DecryptionKeys:
    """Return the keys of a read.

    Args:
        private_key: the option `pgp_private_key`, resolved.
        passphrase: the option `pgp_passphrase`, resolved.
        verify_key: the option `pgp_verify_key`, resolved.

    Raises:
        OptionsError: as for `encryption_keys`.

    """
    problems = Problems()
    usable: list[PrivateKey] = []
    owners = _private_keys("pgp_private_key", private_key, problems)
    for key in owners:
        reasons = [f"it has no key for encryption{_lapse(key.extract_certificate())}"]
        found = []
        for key_id, component in _encryption_components(key):
            unlocked = _unlocked(component.decryptor, passphrase)
            if isinstance(unlocked, str):
                reasons.append(unlocked)
            else:
                found.append(PrivateKey(key_id, bytes(component), unlocked[0]))
        if not found:
            problems.add([f"pgp_private_key {_name(key)} cannot decrypt: {reasons[-1]}."])
        usable += found
    senders: list[Any] = []
    if verify_key is not None:
        senders = _certificates("pgp_verify_key", verify_key, problems)
        for each in senders:
            problems.add(_sender_problems(each))
    problems.raise_all()
    return DecryptionKeys(
        ", ".join(map(_name, owners)),
        tuple(usable),
        tuple(map(bytes, senders)),
        ", ".join(map(_name, senders)),
    )


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _library() -> Any:
    try:
        return importlib.import_module("pysequoia")
    except ImportError:
        raise OptionsError(
            "The options pgp_… need the package pysequoia, here and on every worker: pip install "
            "'sftp-async[pgp]'"
        ) from None


def _certificates(option: str, text: str, problems: Problems) -> list[Any]:
    """Return the public keys in a text; what is wrong with it is added to the problems."""
    library = _library()
    found = []
    for block in _blocks(text):
        try:
            found += library.Cert.split_bytes(block)
        except _ERRORS:
            problems.add([f"{option} cannot be read: it holds no whole OpenPGP key."])
            return []
    if not found:
        problems.add([f"{option} holds no OpenPGP key."])
    return found


def _private_keys(
    option: str, secret: SecretStr, problems: Problems, most: int | None = None
) -> list[Any]:
    """Return the private keys in a text; what is wrong with it is added to the problems."""
    library = _library()
    found = []
    for block in _blocks(secret.get_secret_value()):
        try:
            key = library.Tsk.from_bytes(block)
        except _ERRORS:
            problems.add(
                [f"{option} cannot be read: each block must hold one whole OpenPGP private key."]
            )
            return []
        tags = {repr(packet.tag) for packet in _packets(bytes(key))}
        if tags.isdisjoint({"Tag.SecretKey", "Tag.SecretSubkey"}):
            exports = "gpg --export-secret-keys"
            problems.add(
                [f"{option} {_name(key)} is a public key: give the private one, as {exports} does."]
            )
        else:
            found.append(key)
    if most is not None and len(found) > most:
        problems.add([f"{option} holds {len(found)} keys: give one."])
        return []
    return found


def _blocks(text: str) -> list[bytes]:
    """Return each key in ASCII armor: Sequoia reads the first one of a text."""
    start = "-----BEGIN PGP"
    return [f"{start}{block}".encode() for block in text.split(start)[1:]] or [text.encode()]


def _packets(content: bytes) -> Iterator[Any]:
    packet = importlib.import_module("pysequoia.packet")
    found: Iterator[Any] = iter(packet.PacketPile.from_bytes(content))
    return found


def _name(key: Any) -> str:
    """Return how errors name a key: its fingerprint, and its owner if that can be read."""
    certificate = key.extract_certificate() if hasattr(key, "extract_certificate") else key
    fingerprint = certificate.fingerprint.upper()
    try:
        owners = [str(each) for each in certificate.user_ids]
    except _ERRORS:  # a key that Sequoia does not accept, see `_REJECTED`
        owners = []
    owner = next((each for each in owners if each.isprintable()), "")
    return f"{fingerprint} ({owner})" if owner else fingerprint


def _state_problem(certificate: Any) -> str | None:
    """Return why a whole key is not to be used, if it is revoked or not accepted."""
    if certificate.is_revoked:
        return "it is revoked"
    try:
        _ = certificate.expiration
    except _ERRORS:  # see `_REJECTED`
        return _REJECTED
    return None


def _recipient_problems(certificate: Any) -> Iterator[str]:
    """Yield why files cannot be encrypted for a key, as a sentence."""
    reason = _state_problem(certificate)
    if reason is None:
        reason = _expired(certificate.expiration)
    if reason is None:
        try:
            _library().encrypt(recipients=[certificate], bytes=b"")
        except _ERRORS:  # no key of it is for encryption, or none that is supported
            reason = "it has no key for encryption that is valid"
        else:
            # Sequoia encrypts with a key that has expired if there is no other.
            reason = _lapse(certificate).removeprefix(": ") or None
    if reason is not None:
        yield (
            f"pgp_public_key {_name(certificate)} cannot encrypt: {reason}. Ask its owner for the "
            "current key."
        )


def _sender_problems(certificate: Any) -> Iterator[str]:
    """Yield why signatures cannot be verified by a key. What it signed before it expired can."""
    if reason := _state_problem(certificate):
        yield f"pgp_verify_key {_name(certificate)} cannot verify: {reason}."


def _expired(moment: datetime | None) -> str | None:
    if moment is None or moment > datetime.now(UTC):
        return None
    return f"it expired on {moment:%Y-%m-%d}"


def _lapse(certificate: Any) -> str:
    """Return `: ` and why no key of a certificate is for encryption now; empty if one is."""
    if whole := _state_problem(certificate) or _expired(certificate.expiration):
        return f": {whole}"
    lapsed = ""
    for group in _groups(certificate):
        if (binding := _binding(group)) is None or not _encrypts(binding.key_flags):
            continue
        period = binding.key_validity_period
        if any(repr(each.signature_type) == "SignatureType.SubkeyRevocation" for each in group):
            lapsed = lapsed or ": the key for encryption is revoked"
        elif period and (reason := _expired(group[0].key_created + period)):
            lapsed = f": the key for encryption expired{reason.removeprefix('it expired')}"
        else:
            return ""
    return lapsed


def _groups(key: Any) -> list[list[Any]]:
    """Return the packets of a key in groups: a key or subkey, and all that follows it."""
    groups: list[list[Any]] = []
    for packet in _packets(bytes(key)):
        if packet.key_id is not None:
            groups.append([])
        groups[-1].append(packet)
    return groups


def _binding(group: list[Any]) -> Any:
    """Return the newest signature of a group that says what the key is for, if there is one."""
    stating = [packet for packet in group if packet.key_flags is not None]
    return max(stating, key=lambda packet: packet.signature_created, default=None)


def _encrypts(flags: Any) -> bool:
    return bool(flags.transport_encryption or flags.storage_encryption)


def _encryption_components(key: Any) -> Iterator[tuple[str, Any]]:
    """Yield each key for encryption of a private key: its ID, and a whole that has no other."""
    library = _library()
    primary, *subkeys = _groups(key)
    for group in (primary, *subkeys):
        binding = _binding(group)
        if binding is None or not _encrypts(binding.key_flags):
            continue
        packets = primary if group is primary else [*primary, *group]
        yield group[0].key_id.lower(), library.Tsk.from_packets(packets)


def _unlocked(
    use: Callable[[str | None], object], passphrase: SecretStr | None
) -> tuple[str | None] | str:
    """Return the passphrase that a key needs, in a tuple; or why it cannot be used."""
    try:
        use(None)
    except _ERRORS as error:
        reason = str(error).partition("\n")[0]
    else:
        return (None,)
    if "is encrypted" not in reason:
        # The text of the error names the key, which the caller does as well.
        return "it has no valid key for that: expired, revoked, or without its private part"
    if passphrase is None:
        return "it has a passphrase: set pgp_passphrase"
    text = passphrase.get_secret_value()
    try:
        use(text)
    except _ERRORS:  # a wrong passphrase has no error of its own
        return "pgp_passphrase is not its passphrase"
    return (text,)
