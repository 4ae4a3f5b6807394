"""Numbers as Go and Kubernetes cut them: milli quantities, int32 and int64 conversions of amd64."""

from __future__ import annotations

import math

MAX_INT32 = 2**31 - 1
MIN_INT32 = -(2**31)
MAX_INT64 = 2**63 - 1
MIN_INT64 = -(2**63)


def int64(value: float) -> int:
    """Go's conversion to int64 on amd64: cut towards zero. The lowest for NaN and for what does not fit."""
    return int(value) if -9.223372036854775e18 <= value <= 9.223372036854775e18 else MIN_INT64


def int32(value: float) -> int:
    """Go's conversion to int32 on amd64: cut towards zero. The lowest for NaN and for what does not fit."""
    return int(value) if -2147483649.0 < value < 2147483648.0 else MIN_INT32


def to_milli(value: float) -> int:
    """A metric's value as the adapter hands it out: thousandths, cut (pkg/scalers/scaler.go)."""
    return int64(value * 1000)


def received(milli: int) -> int:
    """A milli value after its way over the API as text. The lowest int64, which NaN and infinity are cut to,
    comes out as 0 (apimachinery 0.34.3, pkg/api/resource; measured).
    """
    return 0 if milli == MIN_INT64 else milli


def divide(numerator: float, denominator: float) -> float:
    """Go's float64 division: no error at zero, but infinity, and NaN for 0/0."""
    if denominator:
        return numerator / denominator
    return math.copysign(math.inf, numerator) if numerator else math.nan


def quotient(numerator: int, denominator: int) -> int:
    """Go's integer division: cut towards zero, not down."""
    result = abs(numerator) // abs(denominator)
    return result if (numerator < 0) == (denominator < 0) else -result


def ceil(value: float) -> float:
    """Go's math.Ceil, which leaves NaN and infinity as they are."""
    return float(math.ceil(value)) if math.isfinite(value) else value
