"""Encrypts the files of any format, as they are written: `EncryptedFormat`."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Self

from sftp_async.errors import EncodeError
from sftp_async.formats.base import Format, PartEncoder, RowFiles
from sftp_async.formats.pgp.process import PGPFailure, PGPProcess
from sftp_async.options.pgp import ARMORED, pgp_extension

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa
    from typing_extensions import Buffer

    from sftp_async.formats.pgp.keys import EncryptionKeys

#: Bytes that a process takes at most, as measured (docs/decisions/0032).
PROCESS_BYTES = 24 * 1024 * 1024


class EncryptedFormat(Format):
    """Files of another format, each of them one encrypted message.

    Args:
        inner: the format of the content.
        keys: of the recipients, and of the signer.
        armor: write text rather than bytes.

    """

    # Readers take the first of several messages, and leave out the others, or refuse the file.
    concatenable = False

    def __init__(self, inner: Format, keys: EncryptionKeys, *, armor: bool) -> None:
        self._inner = inner
        self._keys = keys
        self._armor = armor
        self.extension = f"{inner.extension}.{ARMORED if armor else 'pgp'}"
        self.buffered_bytes = inner.buffered_bytes + PROCESS_BYTES
        self.member_extension = inner.member_extension
        self.implied_options = dict(inner.implied_options)
        self.record_width = inner.record_width
        self.record_end = inner.record_end

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file, and the process that encrypts it."""
        process = PGPProcess(self._keys.task(armor=self._armor))
        return EncryptedPart(self._inner.open(header=header), process)

    def named(self, member: str) -> Self:
        """Return the format for one file, with the name of the member of an archive in it."""
        found = copy.copy(self)
        found._inner = self._inner.named(member)  # noqa: SLF001 - of a copy
        return found

    def for_concatenation(self) -> EncryptedFormat:
        """Return the format of parts that the driver can join; itself where it cannot."""
        if self.member_extension is not None:
            return self  # an archive has to be around all parts
        inner = self._inner.for_concatenation()
        if not inner.concatenable:
            return self  # nor could it without encryption
        from sftp_async.formats.pgp.joinable import JoinableFormat

        return JoinableFormat(inner, self._keys, armor=self._armor)


class EncryptedRowFiles(EncryptedFormat, RowFiles):
    """A file for each row, encrypted; its name is that of the row, with the extension.

    Args:
        inner: the format of the content.
        keys: see `EncryptedFormat`.
        armor: see `EncryptedFormat`.

    """

    def __init__(self, inner: RowFiles, keys: EncryptionKeys, *, armor: bool) -> None:
        super().__init__(inner, keys, armor=armor)
        self.path_column = inner.path_column
        self._rows = inner

    def paths(self, batch: pa.RecordBatch) -> list[str]:
        """Return the file of each row; a name that has an extension of PGP keeps it."""
        suffix = f".{ARMORED if self._armor else 'pgp'}"
        return [
            path if pgp_extension(path) else f"{path}{suffix}" for path in self._rows.paths(batch)
        ]


class EncryptedPart(PartEncoder):
    """One message.

    Args:
        inner: of the content.
        process: that encrypts it.

    """

    def __init__(self, inner: PartEncoder, process: PGPProcess) -> None:
        self._inner = inner
        self._process = process

    def encode(self, batch: pa.RecordBatch) -> Buffer:
        """Return what has been encrypted meanwhile; see `PartEncoder.encode`."""
        return self._written(self._process.send(self._inner.encode(batch)))

    def finish(self) -> Buffer:
        """Return the end of the message."""
        return b"".join(self.tail())

    def tail(self) -> Iterator[Buffer]:
        """Yield the end of the message, in pieces."""
        for piece in self._inner.tail():
            yield self._written(self._process.send(piece))
        yield self._written(self._process.end())

    def _written(self, pieces: Iterator[bytes]) -> bytes:
        """Return what is written of the message, of what has been encrypted."""
        return joined(pieces)


def joined(pieces: Iterable[bytes]) -> bytes:
    """Return what a process has encrypted, as one.

    Raises:
        EncodeError: it has failed.

    """
    try:
        return b"".join(pieces)
    except PGPFailure as failure:
        raise EncodeError(f"The file cannot be encrypted: {failure}") from None


def encrypted(inner: Format, keys: EncryptionKeys, *, armor: bool) -> Format:
    """Return a format whose files are encrypted.

    Args:
        inner: the format of the content.
        keys: of the recipients, and of the signer.
        armor: write text rather than bytes.

    """
    kind = EncryptedRowFiles if isinstance(inner, RowFiles) else EncryptedFormat
    return kind(inner, keys, armor=armor)  # type: ignore[arg-type]
