"""Makes one message of the encrypted parts of an exact file and its control records, on the driver.

The server never has a byte in the clear: parts are read, decrypted, encrypted for the recipients
and written back as they come, in bounded memory.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from sftp_async.errors import EncodeError, TransferError
from sftp_async.formats.pgp.joinable import JoinableFormat
from sftp_async.layout.part_names import PartFile
from sftp_async.remote.checksums import verify
from sftp_async.write.commit.concat import expect_size, read_file, write_in_order
from sftp_async.write.commit.control_records import Packed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from sftp_async.formats.base import Format
    from sftp_async.formats.pgp.joinable import Joining
    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import WriteOptions
    from sftp_async.remote.filesystem import RemoteFileSystem

T = TypeVar("T")

#: Bytes that a process gets at once: each time a thread is asked.
GATHERED = 1024 * 1024
#: Pieces of the message that are being written.
WRITES_AT_ONCE = 8


@dataclass(frozen=True)
class EncryptedPieces:
    """The encryption of a job's exact file.

    Args:
        messages: the format of its parts.

    """

    messages: JoinableFormat

    @classmethod
    def of(cls, file_format: Format) -> Self | None:
        """Return the encryption of the parts of a format; None: they are not joined messages."""
        return cls(file_format) if isinstance(file_format, JoinableFormat) else None

    def pack(self, data: bytes) -> Packed:
        """Return bytes as a part."""
        message, key_packet = self.messages.sealed(data)
        return Packed(message, key_packet=key_packet)

    async def joined(
        self,
        connection: RemoteFileSystem,
        layout: Layout,
        parts: Sequence[PartFile],
        options: WriteOptions,
    ) -> tuple[PartFile, ...]:
        """Stage the one message, verified as the parts were; return it as the only part.

        Args:
            connection: to the server.
            layout: of the job.
            parts: all that the file holds, in order; at least one. A single one may stay.
            options: the write options.

        Raises:
            EncodeError: a process has failed.
            CommitError: a part has another size than it should.
            VerificationError: the server does not hold what was sent.

        """
        if len(parts) == 1 and self.messages.may_stay:
            return tuple(parts)
        # A new name for each try: see `exact_file.exact_part`.
        staged = f"encrypted-{uuid.uuid4().hex}"
        path = layout.paths.staged(staged)
        digests = {"sha256": hashlib.sha256()}
        if options.checksum_files == "md5":
            digests["md5"] = hashlib.md5(usedforsecurity=False)
        size = 0

        async def counted(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
            nonlocal size
            async with aclosing(pieces):
                async for piece in pieces:
                    if not piece:
                        continue
                    size += len(piece)
                    for digest in digests.values():
                        digest.update(piece)
                    yield piece

        output = await connection.open_truncated(path)
        joining = self.messages.join()
        try:
            pieces = _message(connection, layout, parts, joining)
            await write_in_order(output, counted(pieces), WRITES_AT_ONCE)
        except BaseException:
            with suppress(TransferError):
                await output.close()
            raise
        finally:
            joining.stop()
        await output.close()
        await expect_size(connection, path, size)
        found = {name: digest.hexdigest() for name, digest in digests.items()}
        await verify(connection, path, 0, size, found["sha256"], options.verify)
        rows = sum(part.rows for part in parts)
        return (PartFile(staged, "", rows, size, found["sha256"], found.get("md5", "")),)


async def _message(
    connection: RemoteFileSystem, layout: Layout, parts: Sequence[PartFile], joining: Joining
) -> AsyncGenerator[bytes]:
    """Yield the message of all parts."""
    for part in parts:
        path = layout.paths.staged(part.staged)
        try:
            yield await _in_thread(joining.begin, part.key_packet)
            async with aclosing(_gathered(read_file(connection, path, part.size))) as blocks:
                async for block in blocks:
                    yield await _in_thread(joining.send, block)
            yield await _in_thread(joining.end_part)
        except EncodeError as error:
            raise EncodeError(
                error.message,
                host=connection.address,
                path=path,
                hint="Write again; if it happens again, check the memory of the driver, which "
                "encrypts the file, and the server's disk",
            ) from error
    yield await _in_thread(joining.end)


async def _gathered(blocks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    some: list[bytes] = []
    size = 0
    async with aclosing(blocks):
        async for block in blocks:
            some.append(block)
            size += len(block)
            if size >= GATHERED:
                yield b"".join(some)
                some, size = [], 0
    if some:
        yield b"".join(some)


async def _in_thread(step: Callable[..., T], *arguments: object) -> T:
    """Take a step that may wait for a process; it has ended when this returns or is cancelled."""
    running = asyncio.ensure_future(asyncio.to_thread(step, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
