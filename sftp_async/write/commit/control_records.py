"""Control records: lines before and after the data of one exact file, which describe it."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from sftp_async.errors import EncodeError
from sftp_async.formats.archive_frame import Content
from sftp_async.formats.charset import Charset
from sftp_async.formats.compressed_stream import Compression
from sftp_async.formats.values.exact_sums import scale_of
from sftp_async.layout.part_names import PartFile
from sftp_async.options.control_template import LINE_END, ControlTemplate, ExactSum, sum_columns
from sftp_async.remote.checksums import digests_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from sftp_async.formats.base import Format
    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import SFTPOptions
    from sftp_async.remote.filesystem import RemoteFileSystem


@dataclass(frozen=True)
class Packed:
    """Bytes as they are joined with the parts of a file.

    Attributes:
        data: these.
        content: what an archive around them states of them.
        key_packet: what opens them, if they are encrypted.

    """

    data: bytes
    content: Content = field(default_factory=Content)
    key_packet: bytes = b""


@dataclass(frozen=True)
class ControlRecords:
    """Templates of the lines before and after the data, and how they are encoded.

    In a template `{rows}` stands for the number of rows, `{sum(column)}` for the sum of a column,
    `{bytes}` and `{sha256}` for size and digest of the data between both, `{name}` for the file's
    name.
    """

    header: ControlTemplate | None
    footer: ControlTemplate | None
    line_sep: str
    compression: Compression
    #: Makes of bytes what is joined with the parts.
    pack: Callable[[bytes], Packed]
    charset: Charset | None
    #: Of each column of which there is a sum, the digits behind the point.
    scales: Mapping[str, int]
    #: Bytes that the format puts after the rows: `Format.footer`.
    format_footer: bytes
    #: Characters of each line; None: any number. See `Format.record_width`.
    width: int | None = None

    @classmethod
    def of(
        cls,
        options: SFTPOptions,
        file_format: Format,
        schema: pa.Schema,
        pack: Callable[[bytes], Packed] = Packed,
    ) -> Self | None:
        """Return the records that the options ask for, None if there is nothing around the data.

        Args:
            options: of the job.
            file_format: of the data.
            schema: the columns of the rows.
            pack: makes of bytes what is joined with the parts: an archive, or encryption, does.

        """
        footer = file_format.footer
        if options.header_lines is None and options.footer_lines is None and not footer:
            return None
        return cls(
            None if options.header_lines is None else ControlTemplate(options.header_lines),
            None if options.footer_lines is None else ControlTemplate(options.footer_lines),
            options.line_sep if file_format.record_end is None else file_format.record_end,
            Compression(options.compression or "none", options.compression_level),
            pack,
            Charset.named(options.encoding),
            {
                name: scale_of(schema.field(name).type) or 0
                for name in sum_columns(options.header_lines, options.footer_lines)
            },
            footer,
            file_format.record_width,
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
        for place, (column, scale) in enumerate(self.scales.items()):
            total = sum(part.sums[place] for part in parts)
            facts[f"sum({column})"] = ExactSum(total, scale)
        templates = [template for template in (self.header, self.footer) if template is not None]
        if any("sha256" in template.fields for template in templates):
            facts["sha256"] = await _digest(connection, layout, parts)

        async def stage(kind: str, plain: bytes) -> list[PartFile]:
            if not plain:
                return []
            packed = self.pack(plain)
            data = packed.data
            # A new name for each try: see `exact_file.exact_part`.
            name = f"{kind}-{uuid.uuid4().hex}"
            await connection.write_file(layout.paths.staged(name), data, new=True)
            digest = hashlib.sha256(data).hexdigest()
            return [
                PartFile(
                    name,
                    "",
                    0,
                    len(data),
                    digest,
                    plain_size=packed.content.size,
                    crc32=packed.content.crc32,
                    key_packet=packed.key_packet,
                )
            ]

        return (
            *await stage("header", self._encoded(self.header, facts)),
            *parts,
            *await stage("format-footer", self.format_footer),
            *await stage("footer", self._encoded(self.footer, facts)),
        )

    def _encoded(self, template: ControlTemplate | None, facts: dict[str, object]) -> bytes:
        if template is None:
            return b""
        given = LINE_END.split(template.render(facts))
        if not given[-1]:
            given.pop()  # the last line has an end, too
        lines = "".join(f"{self._filled(line)}{self.line_sep}" for line in given)
        # A compressed stream of its own: those of the parts are joined in the same way.
        stream = self.compression.open()
        data = self.charset.encode(lines.encode()) if self.charset else lines.encode()
        return bytes(stream.compress(data)) + bytes(stream.flush())

    def _filled(self, line: str) -> str:
        """Return a line with blanks up to the width of records, if they have one.

        Raises:
            EncodeError: it is longer.

        """
        if self.width is None:
            return line
        if len(line) > self.width:
            raise EncodeError(
                f"A control record takes {len(line)} characters, and the records of the file have "
                f"{self.width}: {line[:40]!r}…",
                hint="Widen its fields, or shorten its lines",
            )
        return line.ljust(self.width)


async def _digest(connection: RemoteFileSystem, layout: Layout, parts: Sequence[PartFile]) -> str:
    if len(parts) == 1:
        return parts[0].sha256
    ranges = [(layout.paths.staged(part.staged), 0, part.size) for part in parts]
    return (await digests_of(connection, ranges, ["sha256"]))["sha256"]
