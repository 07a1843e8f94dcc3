"""Decodes columns of timestamps that the ORC library cannot hold: it counts nanoseconds in 64 bits.

They are before 1677 or after 2262, such as 0001-01-01 and 9999-12-31, by which many programs mean
that there is no time. This is slower than the library, so only columns that have such values, by
the file's statistics, are decoded here.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.orc.compression import decompressed
from sftp_async.formats.orc.protobuf import bytes_of, number_of, read_fields
from sftp_async.formats.orc.run_lengths import decode_integers, decode_present

if TYPE_CHECKING:
    from sftp_async.formats.base import ReadableFile
    from sftp_async.formats.orc.stripe_footer import StripeFooter
    from sftp_async.formats.orc.tail import Stripe, Tail

INSTANT = "timestamp with local time zone"
_PRESENT, _DATA, _SECONDARY = 0, 1, 5
_DIRECT_V2 = 2
#: Milliseconds that the library holds for certain, in either direction from 1970.
_HELD = 9_223_000_000_000
#: Seconds are counted from 2015 on, in the writer's zone (TreeReaderFactory.TimestampTreeReader).
_EPOCH = 1_420_070_400
_SECOND = 1_000_000


def wide_columns(tail: Tail) -> set[int]:
    """Return the numbers of the columns of timestamps that the library cannot hold.

    They are numbers in the list of columns. Timestamps inside of other values are not looked at.
    """
    statistics = [bytes_of(value) for number, value in tail.footer if number == 7]
    found = set()
    for number, kind in enumerate(tail.root.children):
        if kind.kind in ("timestamp", INSTANT) and kind.number < len(statistics):
            limits = dict(read_fields(statistics[kind.number])).get(9, b"")
            # sint64: minimum, maximum, and both in UTC.
            bounds = [
                (value >> 1) ^ -(value & 1)
                for value in (number_of(v) for key, v in read_fields(bytes_of(limits)) if key < 5)
            ]
            if any(abs(bound) > _HELD for bound in bounds):
                found.add(number)
    return found


def decode_wide(
    file: ReadableFile, tail: Tail, stripe: Stripe, footer: StripeFooter, number: int
) -> pa.Array:
    """Return a column of a stripe as `timestamp[us]`: wall-clock times, or instants in UTC.

    Args:
        file: of which the column's streams are fetched.
        tail: of the file.
        stripe: one of its stripes.
        footer: of the stripe.
        number: of the column in the list of columns.

    Raises:
        ValueError: the data are damaged.

    """
    kind = tail.root.children[number]
    streams = [stream for stream in footer.streams if stream.column == kind.number]
    pieces = file.read_ranges([(stream.start, stream.stop) for stream in streams])
    data = {
        stream.kind: decompressed(piece, tail.codec, tail.block)
        for stream, piece in zip(streams, pieces, strict=True)
    }
    present = decode_present(data[_PRESENT], stripe.rows) if data.get(_PRESENT) else None
    count = stripe.rows if present is None else sum(present)
    version = 2 if footer.encodings[kind.number] == _DIRECT_V2 else 1
    seconds = decode_integers(data.get(_DATA, b""), count, signed=True, version=version)
    nanos = decode_integers(data.get(_SECONDARY, b""), count, signed=False, version=version)
    zone = "UTC" if kind.kind == INSTANT else footer.zone
    return _expanded(_micros(seconds, nanos, zone), present)


def _micros(seconds: array[int], nanos: array[int], zone: str) -> pa.Array:
    begin = _EPOCH
    if zone not in ("UTC", "GMT"):
        wall = pa.array([_EPOCH], pa.timestamp("s"))
        begin = pc.assume_timezone(wall, zone).cast(pa.int64())[0].as_py()
    micros = array("q")
    for second, coded in zip(seconds, nanos, strict=True):
        zeros = coded & 7
        nano = (coded >> 3) * (10 ** (zeros + 1) if zeros else 1)
        instant = second + begin
        if instant < 0 and nano > 999_999:
            instant -= 1
        micros.append(instant * _SECOND + nano // 1_000)
    buffer = pa.py_buffer(micros)
    values = pa.Array.from_buffers(pa.int64(), len(micros), [None, buffer])
    if zone in ("UTC", "GMT"):
        return values.cast(pa.timestamp("us"))
    return pc.local_timestamp(values.cast(pa.timestamp("us", zone)))


def _expanded(values: pa.Array, present: list[bool] | None) -> pa.Array:
    """Return the values with nulls where rows have none."""
    if present is None:
        return values
    places: list[int | None] = []
    number = 0
    for has in present:
        places.append(number if has else None)
        number += has
    return values.take(pa.array(places, pa.int64()))
