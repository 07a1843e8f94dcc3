"""What a decoder reads of a file: itself, verified, decrypted, or the members of an archive."""

from __future__ import annotations

import logging
import posixpath
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sftp_async.errors import DecodeError, OptionsError
from sftp_async.formats.archive import is_archive, members
from sftp_async.formats.spooled_file import spooled
from sftp_async.options.pgp import ARMORED, pgp_extension
from sftp_async.read.control import verifies_lines
from sftp_async.read.path_patterns import NamePattern
from sftp_async.read.verified_copy import verified_copy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import SecretStr

    from sftp_async.formats.base import ReadableFile, ReadFormat
    from sftp_async.formats.pgp.keys import DecryptionKeys
    from sftp_async.options import SFTPOptions
    from sftp_async.read.readable_file import RemoteReadable
    from sftp_async.read.stated import Digest

log = logging.getLogger("sftp_async.read.sources")


def may_split(path: str, options: SFTPOptions, file_format: ReadFormat) -> bool:
    """Whether several tasks may share a file.

    Args:
        path: of the file.
        options: of the read.
        file_format: of the files.

    """
    if options.split == "false" or options.access in ("sequential", "once"):
        return False
    if options.verify == "checksum" or options.verify_control is True or verifies_lines(options):
        return False
    if reads_members(path, options) or decrypts(path, options):
        return False
    return file_format.is_splittable(path)


def reads_members(path: str, options: SFTPOptions) -> bool:
    """Whether a file is an archive whose members are read; in format binary it is a file itself."""
    if options.archive == "none" or options.format == "binary":
        return False
    return options.archive != "auto" or is_archive(path)


def decrypts(path: str, options: SFTPOptions) -> bool:
    """Whether a file is encrypted by its name, and is to be decrypted.

    Raises:
        OptionsError: there is no key for it. Without one, format binary reads it as it is, and so
            does every format if its name ends in `.asc`, which other files have as well.

    """
    extension = pgp_extension(path)
    if not extension or options.pgp_private_key is not None:
        return bool(extension)
    if extension == ARMORED or options.format == "binary":
        return False
    raise OptionsError(
        f"{path} is encrypted: set pgp_private_key to the key that it is for, or leave it out by "
        "path_glob_filter. format=binary reads it as it is."
    )


@lru_cache(4)
def _keys(private_key: SecretStr, passphrase: SecretStr | None, verify_key: str | None) -> Any:
    from sftp_async.formats.pgp.keys import decryption_keys

    return decryption_keys(private_key, passphrase, verify_key)


def keys_of(options: SFTPOptions) -> DecryptionKeys | None:
    """Return the keys that files are decrypted with; None: none are given.

    Args:
        options: resolved.

    Raises:
        OptionsError: a key cannot be used; lists all mistakes.

    """
    if options.pgp_private_key is None:
        return None
    # To open a private key takes a tenth of a second, and a task may have many files.
    found: DecryptionKeys = _keys(
        options.pgp_private_key, options.pgp_passphrase, options.pgp_verify_key
    )
    return found


@contextmanager
def sources(
    file: RemoteReadable,
    options: SFTPOptions,
    file_format: ReadFormat,
    digests: Sequence[Digest] = (),
    *,
    whole: bool = True,
) -> Iterator[Iterator[ReadableFile]]:
    """Yield what is to be decoded of a file, one after the other.

    A copy on the local disk is gone behind the block.

    Args:
        file: of the server.
        options: of the read.
        file_format: of the files.
        digests: that the content must have.
        whole: every row is wanted; else a consumer may stop early, and nothing more is read then.

    Raises:
        VerificationError: it has others.

    """
    with verified_copy(file, digests) if digests else nullcontext(file) as source:
        # A copy has ranges, whatever the server serves.
        in_order = options.access in ("sequential", "once") and source is file
        path = file.path
        content: ReadableFile = source
        if decrypts(path, options):
            from sftp_async.formats.pgp.decrypt import DecryptedFile

            keys = keys_of(options)
            assert keys is not None
            content, in_order = DecryptedFile(source, keys, whole=whole), True
        # A file that is decrypted has a size of its own only as a copy.
        as_copy = file_format.reads_ranges(path) or (
            options.format == "binary" and content is not source
        )
        if in_order and as_copy and not reads_members(path, options):
            with spooled(content) as copy:
                yield iter((copy,))
        else:
            yield _parts(content, options, in_order=in_order)


def _parts(file: ReadableFile, options: SFTPOptions, *, in_order: bool) -> Iterator[ReadableFile]:
    if not reads_members(file.path, options):
        yield file
        return
    pattern = options.path_glob_filter
    wanted = NamePattern.of(pattern) if pattern is not None else None
    every = members(
        file, in_order=in_order, kind=options.archive, password=options.archive_password
    )
    for member in every:
        name = posixpath.basename(member.path)
        if pgp_extension(name) and options.pgp_private_key is not None:
            raise DecodeError(
                "An encrypted file within an archive is not read",
                path=member.path,
                hint="Encrypt the archive rather than its members, or leave it out by "
                "path_glob_filter",
            )
        if name.endswith(options.ignore_suffixes) or (wanted and not wanted.matches(name)):
            log.info("%s: left out by its name", member.path)
        else:
            yield member
