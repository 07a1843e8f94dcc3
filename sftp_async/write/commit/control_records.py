"""Control records: lines before and after the data of one exact file, which describe it."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sftp_async.formats.charset import Charset
from sftp_async.formats.compressed_stream import Compression
from sftp_async.layout.part_names import PartFile
from sftp_async.options.template_option import control_fields
from sftp_async.remote.checksums import digests_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import SFTPOptions
    from sftp_async.remote.filesystem import RemoteFileSystem


#: No other separator of Unicode's, which `str.splitlines` takes, ends a line of a text file.
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class ControlRecords:
    """Templates of the lines before and after the data, and how they are encoded.

    In a template `{rows}` stands for the number of rows, `{bytes}` and `{sha256}` for size and
    digest of the data between both, `{name}` for the file's name.
    """

    header: str | None
    footer: str | None
    line_sep: str
    compression: Compression
    charset: Charset | None
    #: Bytes that the format puts after the rows: `Format.footer`.
    format_footer: bytes

    @classmethod
    def of(cls, options: SFTPOptions, format_footer: bytes) -> Self | None:
        """Return the records that the options ask for, None if there is nothing around the data."""
        if options.header_lines is None and options.footer_lines is None and not format_footer:
            return None
        return cls(
            options.header_lines,
            options.footer_lines,
            options.line_sep,
            Compression(options.compression or "none", options.compression_level),
            Charset.named(options.encoding),
            format_footer,
        )

    async def around(
        self, connection: RemoteFileSystem, layout: Layout, parts: Sequence[PartFile], name: str
    ) -> tuple[PartFile, ...]:
        """Stage the records; return the parts with them, to be joined.

        Args:
            connection: to the server.
            layout: of the job.
            parts: all of the file's data, in order; at least one.
            name: of the file, once it is visible.

        """
        facts: dict[str, object] = {
            "rows": sum(part.rows for part in parts),
            "bytes": sum(part.size for part in parts),
            "name": name,
        }
        if any("sha256" in control_fields(text) for text in (self.header, self.footer) if text):
            facts["sha256"] = await _digest(connection, layout, parts)

        async def stage(kind: str, data: bytes) -> list[PartFile]:
            if not data:
                return []
            # A new name for each try: see `exact_file.exact_part`.
            name = f"{kind}-{uuid.uuid4().hex}"
            await connection.write_file(layout.paths.staged(name), data, new=True)
            return [PartFile(name, "", 0, len(data), hashlib.sha256(data).hexdigest())]

        return (
            *await stage("header", self._encoded(self.header, facts)),
            *parts,
            *await stage("format-footer", self.format_footer),
            *await stage("footer", self._encoded(self.footer, facts)),
        )

    def _encoded(self, template: str | None, facts: dict[str, object]) -> bytes:
        if template is None:
            return b""
        given = _LINE_END.split(template.format_map(facts))
        if not given[-1]:
            given.pop()  # the last line has an end, too
        lines = "".join(f"{line}{self.line_sep}" for line in given)
        # A compressed stream of its own: those of the parts are joined in the same way.
        stream = self.compression.open()
        data = self.charset.encode(lines.encode()) if self.charset else lines.encode()
        return bytes(stream.compress(data)) + bytes(stream.flush())


async def _digest(connection: RemoteFileSystem, layout: Layout, parts: Sequence[PartFile]) -> str:
    if len(parts) == 1:
        return parts[0].sha256
    ranges = [(layout.paths.staged(part.staged), 0, part.size) for part in parts]
    return (await digests_of(connection, ranges, ["sha256"]))["sha256"]
