"""Reads the footer of a stripe of an ORC file: where the streams of its columns are."""

from __future__ import annotations

from dataclasses import dataclass

from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.orc.compression import decompressed
from sftp_async.formats.orc.protobuf import bytes_of, number_of, read_fields
from sftp_async.formats.orc.tail import Stripe, Tail


@dataclass(frozen=True)
class Stream:
    """A stream of a column.

    Args:
        kind: Stream.Kind of orc_proto.proto: 0 PRESENT, 1 DATA, 5 SECONDARY.
        column: number of the column.
        start: where it begins in the file, in bytes.
        stop: the byte behind its last one.

    """

    kind: int
    column: int
    start: int
    stop: int


@dataclass(frozen=True)
class StripeFooter:
    """What a stripe says about itself.

    Args:
        streams: of the data, in their order.
        encodings: ColumnEncoding.Kind of each column: 0 DIRECT, 2 DIRECT_V2.
        zone: of the writer's wall-clock times.

    """

    streams: tuple[Stream, ...]
    encodings: tuple[int, ...]
    zone: str

    def ranges(self, columns: set[int]) -> list[tuple[int, int]]:
        """Return where the data of some columns are, in the order of the file."""
        return [(s.start, s.stop) for s in self.streams if s.column in columns]


def parse_footer(tail: Tail, stripe: Stripe, footer: bytes, path: str) -> StripeFooter:
    """Return the footer of a stripe.

    It is checked, since liborc ends the process where a footer is damaged.

    Args:
        tail: of the file.
        stripe: one of its stripes.
        footer: as it is stored.
        path: of the file, for errors.

    Raises:
        DecodeError: the footer is damaged.

    """
    streams: list[Stream] = []
    encodings: list[int] = []
    zone = "UTC"
    at = stripe.offset
    data_start = stripe.offset + stripe.index_bytes
    count = len(tail.root.numbers())
    try:
        for number, value in read_fields(decompressed(footer, tail.codec, tail.block)):
            if number == 1:
                stream = dict(read_fields(bytes_of(value)))
                kind, column, length = (number_of(stream.get(key, 0)) for key in (1, 2, 3))
                if at >= data_start:
                    streams.append(Stream(kind, column, at, at + length))
                at += length
                if column >= count:
                    raise ValueError("a stream is of no column")
            elif number == 2:
                encodings.append(number_of(dict(read_fields(bytes_of(value))).get(1, 0)))
            elif number == 3:
                zone = bytes_of(value).decode() or zone
        if at > stripe.footer[0]:
            raise ValueError("its streams are longer than the stripe")
        if len(encodings) != count:
            raise ValueError(f"it has the encodings of {len(encodings)} of {count} columns")
    except (ValueError, LookupError, TypeError, OSError) as error:
        raise malformed(
            f"The footer of stripe {stripe.number} is damaged: {error}",
            path,
            offset=stripe.footer[0],
        ) from error
    return StripeFooter(tuple(streams), tuple(encodings), zone)
