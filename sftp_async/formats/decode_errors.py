"""Makes the errors of files whose content is not of their format."""

from __future__ import annotations

from sftp_async.errors import DecodeError


def malformed(
    message: str, path: str, *, offset: int | None = None, hint: str | None = None
) -> DecodeError:
    """Return the error of a file that cannot be decoded.

    Args:
        message: what is wrong with it, without a full stop.
        path: of the file.
        offset: where in the file, in bytes, if that is known; the message states it.
        hint: what to do next.

    """
    where = "" if offset is None else f", at byte {offset:,}"
    error = DecodeError(f"{message}{where}", path=path, hint=hint)
    error.offset = offset
    return error
