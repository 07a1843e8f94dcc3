"""Decrypts a file as it is read: `DecryptedFile`, in order and in bounded memory."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sftp_async.errors import DecodeError, SFTPAsyncError, VerificationError
from sftp_async.formats.base import ReadableFile
from sftp_async.formats.pgp.process import LACKS_PACKAGE, PGPFailure, PGPProcess
from sftp_async.formats.pgp.recipients import ANONYMOUS, recipient_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.formats.pgp.keys import DecryptionKeys, PrivateKey


class DecryptedFile(ReadableFile):
    """The content of an encrypted file, which can only be read from its start to its end.

    Its path is that of the file. Its size is that of the encrypted file, which says nothing of the
    content's: a consumer that needs that makes a copy (`spooled`).

    What is yielded before the end may be of a message that turns out to be damaged, or not to be
    signed as wanted: only the end without an error says that the content is right. Sequoia holds
    the last 25 MiB back until they are verified, so a smaller message is verified before its first
    byte.

    Args:
        file: the encrypted one.
        keys: of the recipient, and of the senders.
        whole: decrypt up to the end, for a consumer that stops before it: the end says whether the
            content is right.

    """

    def __init__(self, file: ReadableFile, keys: DecryptionKeys, *, whole: bool) -> None:
        self.path, self.size, self.mtime = file.path, file.size, file.mtime
        self._file = file
        self._keys = keys
        self._whole = whole

    @contextmanager
    def chunks(self, start: int, stop: int) -> Iterator[Iterator[bytes]]:
        """Return the whole content; see `ReadableFile.chunks`.

        Raises:
            DecodeError: the file is no message for these keys, is damaged or is truncated.
            VerificationError: no sender that is wanted has signed it.

        """
        with self._file.chunks(0, self._file.size) as encrypted:
            first = next(encrypted, b"")
            process = PGPProcess(self._keys.task(self._key_for(first)))
            try:
                pieces = self._decrypted(process, itertools.chain((first,), encrypted))
                yield pieces
                if self._whole:
                    for _ in pieces:
                        pass
            finally:
                process.stop()

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Refuse: a message has no ranges."""
        raise NotImplementedError

    def _decrypted(self, process: PGPProcess, encrypted: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from process.through(encrypted)
        except PGPFailure as failure:
            raise self._error(str(failure)) from None

    def _key_for(self, head: bytes) -> PrivateKey:
        """Return the key that a message names."""
        ids = recipient_ids(head)
        if ids is None:
            raise DecodeError(
                "The file is not an encrypted OpenPGP message",
                path=self.path,
                hint="If it is not encrypted at all, give it a name without .pgp, .gpg or .asc, or "
                "read it without pgp_private_key and with format=binary",
            )
        for key in self._keys.private:
            if key.key_id in ids or ANONYMOUS in ids:
                return key
        ours = ", ".join(key.key_id.upper() for key in self._keys.private)
        theirs = ", ".join(each.upper() for each in ids) or "a passphrase alone"
        raise DecodeError(
            f"The file is encrypted for {theirs}, and pgp_private_key {self._keys.owner} "
            f"decrypts what is for {ours}",
            path=self.path,
            hint="Ask the sender to encrypt it for your public key, or give the key that it is for",
        )

    def _error(self, reason: str) -> SFTPAsyncError:
        if "no valid signatures" in reason:
            return VerificationError(
                f"The file has no valid signature of {self._keys.sender_names}",
                path=self.path,
                hint="Ask the sender who signed it, and give that key as pgp_verify_key. Rows that "
                "came before this error are not to be relied on",
                retryable=False,
            )
        if "Unexpected message structure" in reason and self._keys.senders:
            # PySequoia 0.1.35 looks for signatures outside of compression alone, and GnuPG signs
            # inside of it.
            return VerificationError(
                "The signature cannot be verified: the sender's program has compressed the content "
                "within the message",
                path=self.path,
                hint="Ask the sender for gpg --compress-algo none (a file that is compressed "
                "before, such as orders.csv.gz, loses nothing), or leave pgp_verify_key out. Rows "
                "that came before this error are not to be relied on",
                retryable=False,
            )
        if reason.startswith(LACKS_PACKAGE):
            return SFTPAsyncError(f"The file cannot be decrypted: {reason}", path=self.path)
        return DecodeError(
            f"The file cannot be decrypted, it is damaged or truncated: {reason}",
            path=self.path,
            hint="Ensure that the file is complete. Rows that came before this error are not to be "
            "relied on",
        )
