"""Decrypts a file as it is read: `DecryptedFile`, in order and in bounded memory."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sftp_async.errors import DecodeError, SFTPAsyncError, VerificationError
from sftp_async.formats.base import ReadableFile
from sftp_async.formats.pgp.message_end import message_end
from sftp_async.formats.pgp.process import LACKS_PACKAGE, PGPFailure, PGPProcess
from sftp_async.formats.pgp.recipients import ANONYMOUS, recipient_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.formats.pgp.keys import DecryptionKeys, PrivateKey

#: Bytes at the start of a message that are looked at for its recipients.
_HEAD: Final = 64 * 1024
#: Of Sequoia's error, which comes before any content.
_NO_KEY: Final = "No key to decrypt"
_UNRELIABLE: Final = "Rows that came before this error are not to be relied on"


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

    Raises:
        DecodeError: the file is empty.

    """

    def __init__(self, file: ReadableFile, keys: DecryptionKeys, *, whole: bool) -> None:
        self.path, self.size, self.mtime = file.path, file.size, file.mtime
        self._file = file
        self._keys = keys
        self._whole = whole
        if not file.size:  # which a decoder may not read at all
            raise self._no_message()

    @contextmanager
    def chunks(self, start: int, stop: int) -> Iterator[Iterator[bytes]]:
        """Return the whole content; see `ReadableFile.chunks`.

        Raises:
            DecodeError: the file is no message for these keys, is damaged or is truncated.
            VerificationError: no sender that is wanted has signed it.

        """
        with self._file.chunks(0, self._file.size) as encrypted:
            head = b""
            while len(head) < _HEAD and (piece := next(encrypted, b"")):
                head += piece
            process = PGPProcess(self._keys.task(self._key_for(head)))
            try:
                pieces = self._decrypted(process, self._single(head, encrypted))
                try:
                    yield pieces
                except DecodeError:
                    # The rows before the damage may be kept, so they have to be the sender's.
                    if self._whole and self._keys.senders:
                        _exhaust(pieces)
                    raise
                if self._whole:
                    _exhaust(pieces)
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

    def _single(self, head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
        """Yield a message, and ensure that all of it is there, and nothing behind it.

        Raises:
            DecodeError, VerificationError: its end is missing, or something is behind it, which may
                be another message.

        """
        end = message_end(head)
        for piece in itertools.chain((head,), rest):
            if end.is_over(piece):
                raise self._damaged(
                    "The file goes on behind the end of its message, and the rest is not decrypted",
                    "Ask the sender for one file for each message",
                )
            yield piece
        if not end.is_whole:
            raise self._damaged(
                "The file ends before its message does: it is truncated",
                "Ensure that the file is complete",
            )

    def _key_for(self, head: bytes) -> PrivateKey:
        """Return the key that a message names."""
        ids = recipient_ids(head)
        if ids is None:
            raise self._no_message()
        for key in self._keys.private:
            if key.key_id in ids:
                return key
        if ANONYMOUS in ids:
            return self._fitting(head)
        ours = ", ".join(key.key_id.upper() for key in self._keys.private)
        theirs = ", ".join(each.upper() for each in ids) or "a passphrase alone"
        raise DecodeError(
            f"The file is encrypted for {theirs}, and pgp_private_key {self._keys.owner} "
            f"decrypts what is for {ours}",
            path=self.path,
            hint="Ask the sender to encrypt it for your public key, or give the key that it is for",
        )

    def _fitting(self, head: bytes) -> PrivateKey:
        """Return the key of a message that names none: the first one that its start is for."""
        *keys, last = self._keys.private
        for key in keys:
            process = PGPProcess(self._keys.task(key))
            try:
                _exhaust(process.through((head,)))
            except PGPFailure as failure:
                if _NO_KEY in str(failure):
                    continue
            finally:
                process.stop()
            return key
        return last

    def _no_message(self) -> DecodeError:
        return DecodeError(
            "The file is not an encrypted OpenPGP message",
            path=self.path,
            hint="If it is not encrypted at all, give it a name without .pgp, .gpg or .asc, or "
            "read it without pgp_private_key and with format=binary",
        )

    def _error(self, reason: str) -> SFTPAsyncError:
        if _NO_KEY in reason:
            return DecodeError(
                "The file does not say for which key it is encrypted, and it is for none of "
                f"pgp_private_key {self._keys.owner}",
                path=self.path,
                hint="Ask the sender to encrypt it for your public key, or give the key that it is "
                "for",
            )
        if "no valid signatures" in reason:
            return VerificationError(
                f"The file has no valid signature of {self._keys.sender_names}",
                path=self.path,
                hint="Ask the sender who signed it, and give that key as pgp_verify_key. "
                f"{_UNRELIABLE}",
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
                "before, such as orders.csv.gz, loses nothing), or leave pgp_verify_key out. "
                f"{_UNRELIABLE}",
                retryable=False,
            )
        if reason.startswith(LACKS_PACKAGE):
            return SFTPAsyncError(f"The file cannot be decrypted: {reason}", path=self.path)
        return self._damaged(
            f"The file cannot be decrypted, it is damaged or truncated: {reason}",
            "Ensure that the file is complete",
        )

    def _damaged(self, problem: str, remedy: str) -> SFTPAsyncError:
        """Return the error of a message that is not whole, whose signature cannot be verified."""
        hint = f"{remedy}. {_UNRELIABLE}"
        if self._keys.senders:  # so it is none that `ignore_corrupt_files` covers
            return VerificationError(problem, path=self.path, hint=hint, retryable=False)
        return DecodeError(problem, path=self.path, hint=hint)


def _exhaust(pieces: Iterator[bytes]) -> None:
    for _ in pieces:
        pass
