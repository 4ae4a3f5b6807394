"""Recorded series as files: CSV, and the JSON of a Prometheus range query."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from datetime import UTC, datetime
from typing import Any

from keda.scaling.signals import Recorded, SignalError, recorded

_WITH_UNIT = re.compile(r"[-+]?[\d.]+\s*[A-Za-z%]+", re.ASCII)
_MILLISECONDS = 10**14
"""As milliseconds the year 5138: a number of seconds that is larger was milliseconds already."""


Points = list[tuple[int, float]]
"""Milliseconds and values, as they are in the file: `signals.recorded` checks them."""


def from_csv(text: str, source: str) -> Recorded:
    """A signal of two columns, see `csv_points`. Raises SignalError."""
    return recorded(csv_points(text, source), source)


def from_prometheus(text: str, source: str) -> Recorded:
    """A signal of one series, see `prometheus_points`. Raises SignalError."""
    return recorded(prometheus_points(text, source), source)


def csv_points(text: str, source: str) -> Points:
    """Two columns, time and value; a first line of names is skipped. Raises SignalError.

    A time is seconds, or a date with a time as ISO 8601 has them (without a zone: UTC).
    """
    rows = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    if rows and _time(rows[0][0]) is None and not any(each.isdigit() for each in rows[0][-1]):
        rows = rows[1:]
    points = []
    for number, row in enumerate(rows, 1):
        place = f"{source}, value {number}"
        value = _number(row[1]) if len(row) == 2 else None
        time = _time(row[0])
        if value is None and len(row) == 2 and _WITH_UNIT.fullmatch(row[1].strip()):
            raise SignalError(
                f"{place}: {row[1].strip()[:40]} has a unit. Write all values as plain numbers in the "
                "trigger's own unit."
            )
        if value is None or time is None:
            raise SignalError(
                f"{place}: {_shown(','.join(row))} is not a time and a number. Write "
                "for example 2026-01-01T00:00:00Z,12."
            )
        if (_number(row[0]) is None) != (_number(rows[0][0]) is None):
            raise SignalError(
                f"{place}: {row[0].strip()[:40]} and {rows[0][0].strip()[:40]} are times of two sorts. Write "
                "all as seconds, or all as dates."
            )
        points.append((time, value))
    if points and _number(rows[0][0]) is not None and points[0][0] > _MILLISECONDS:
        raise SignalError(
            f"{source}, value 1: the time {rows[0][0].strip()[:40]} is in milliseconds. Write seconds."
        )
    return points


def prometheus_points(text: str, source: str) -> Points:
    """The answer of /api/v1/query_range, or its `data`, with one series. Raises SignalError."""
    try:
        answer: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise SignalError(f"{source} is not JSON. Save the answer of /api/v1/query_range.") from None
    data = answer.get("data", answer) if isinstance(answer, dict) else None
    result = data.get("result") if isinstance(data, dict) else None
    if not isinstance(result, list):
        raise SignalError(f"{source} has no data.result. Save the answer of /api/v1/query_range.")
    if len(result) != 1:
        raise SignalError(
            f"{source} has {len(result)} series. KEDA reads one: aggregate, for example with sum()."
        )
    samples = result[0].get("values") if isinstance(result[0], dict) else None
    if not isinstance(samples, list):
        raise SignalError(f"{source} is not a range. Ask /api/v1/query_range, not /api/v1/query.")
    points = []
    for number, sample in enumerate(samples, 1):
        pair = sample if isinstance(sample, list) and len(sample) == 2 else (None, None)
        time, value = _number(pair[0]), _number(pair[1])
        if time is None or value is None:
            raise SignalError(
                f"{source}, value {number}: it is not a time and a value. Save the answer as it is."
            )
        points.append((round(time * 1000), value))
    return points


def _shown(text: str) -> str:
    """One line."""
    return "".join(each if each.isprintable() else " " for each in text[:60])


def _number(text: object) -> float | None:
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _time(text: str) -> int | None:
    seconds = _number(text)
    if seconds is not None:
        return round(seconds * 1000) if math.isfinite(seconds) else None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
