"""Formats floats and doubles in Java's notation, with the fewest digits that read back."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.arrow_text import any_true, join, replace_where

# java.lang.Double.toString: positional from 1e-3 (inclusive) to 1e7 (exclusive), else scientific.
_POSITIONAL_FROM = 1e-3
_POSITIONAL_TO = 1e7
# Near the smallest value one digit is enough to distinguish values, but Java prints the two digits
# that are closest (4.9E-324): https://docs.oracle.com/en/java/javase/19/docs/api/java.base/java/lang/Double.html#toString(double)
_COARSE = {pa.float64(): 1e-321, pa.float32(): 1e-42}


def java_text(values: pa.Array) -> pa.Array:
    """Return the text of a float32 or float64 array as Java 19 and later print it.

    `1.0`, `1.0E10`, `NaN`, `-Infinity`; nulls stay null.
    """
    text = values.cast(pa.string())
    whole = pc.equal(pc.trunc(values), values)
    if any_true(whole):
        text = pc.if_else(whole, join(text, ".0"), text)
    magnitude = pc.abs(values)
    positional = pc.or_(
        pc.and_(pc.greater_equal(magnitude, _POSITIONAL_FROM), pc.less(magnitude, _POSITIONAL_TO)),
        pc.equal(magnitude, 0.0),
    )
    other = pc.invert(positional)
    if not any_true(other):
        return text
    return replace_where(other, text, _other_text(values.filter(other)))


def _other_text(values: pa.Array) -> pa.Array:
    """Return the text of values that Java does not print positionally; none is null."""
    finite = pc.is_finite(values)
    nan = pc.is_nan(values)
    names = pc.if_else(nan, "NaN", pc.if_else(pc.less(values, 0.0), "-Infinity", "Infinity"))
    if not any_true(finite):
        return names
    return replace_where(finite, names, _scientific(values.filter(finite)))


def _scientific(values: pa.Array) -> pa.Array:
    # Arrow writes these as 12345678.5, 1.5e+10, 0.00015 or 1e-7: find the digits and the exponent.
    mantissa = pc.ascii_ltrim(values.cast(pa.string()), characters="-")
    has_power = pc.match_substring(mantissa, "e")
    power: pa.Array | int = 0
    if any_true(has_power):
        written = pc.replace_substring_regex(mantissa, pattern=r"^.*e\+?", replacement="")
        power = pc.if_else(has_power, written, "0").cast(pa.int32())
        mantissa = pc.replace_substring_regex(mantissa, pattern="e.*$", replacement="")
    point = pc.find_substring(mantissa, ".")
    whole = pc.if_else(pc.less(point, 0), pc.binary_length(mantissa), point)
    digits = pc.replace_substring(mantissa, ".", "")
    significant = pc.ascii_ltrim(digits, characters="0")
    leading_zeros = pc.subtract(pc.binary_length(digits), pc.binary_length(significant))
    exponent = pc.subtract(pc.add(pc.subtract(whole, 1), power), leading_zeros)
    number = pc.ascii_rtrim(pc.binary_replace_slice(significant, 1, 1, "."), characters="0")
    one_digit = pc.ends_with(number, ".")
    sign = pc.if_else(pc.less(values, 0.0), "-", "")
    zero = pc.if_else(one_digit, "0", "")
    text = join(sign, number, zero, "E", exponent.cast(pa.string()))
    coarse = pc.and_(pc.less(pc.abs(values), _COARSE[values.type]), one_digit)
    if any_true(coarse):
        closest = [f"{value:.1e}".replace("e", "E") for value in values.filter(coarse).to_pylist()]
        text = replace_where(coarse, text, pa.array(closest, pa.string()))
    return text
