"""Times, spans, numbers and foreign messages, as an answer shows them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from keda.core.errors import masked

_LONGEST = 300
_SELECTOR = re.compile(
    r"[/(]?&LabelSelector\{MatchLabels:map\[string\]string\{[^}]*\},MatchExpressions:\[\]"
    r"LabelSelectorRequirement\{\},\}\)?"
)
_QUERY = re.compile(r"(https?://[^\s\"?]+)\?[^\s\"]*")
_REPEATED = re.compile(r"\b([^:]+: )\1+")
"""What KEDA wraps twice."""
_METRIC = re.compile(r"unable to get external metric \S+: ")
_PREFIXES = (
    "the HPA was unable to compute the replica count: ",
    "unable to fetch metrics from external metrics API: ",
    "error when getting metric values ",
)


def parse_time(value: object) -> datetime | None:
    """A timestamp as Kubernetes writes it (RFC 3339), in UTC; None for anything else."""
    if isinstance(value, datetime):  # YAML reads a plain timestamp as one
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def clock(at: datetime, now: datetime) -> str:
    """21:04:10 UTC, with the date where it is not today's."""
    return f"{at:%H:%M:%S} UTC" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def span(seconds: float) -> str:
    """45 s, 14 minutes, 3 hours, 2 days."""
    whole = int(seconds)
    if whole < 120:
        return f"{whole} s"
    for size, name in ((86_400, "days"), (3600, "hours")):
        if whole >= 2 * size:
            return f"{whole // size} {name}"
    return f"{whole // 60} minutes"


def ago(at: datetime, now: datetime) -> str:
    """14 minutes ago."""
    return f"{span(max((now - at) / timedelta(seconds=1), 0))} ago"


def number(milli: int) -> str:
    """A value in thousandths as a decimal number: 25600 is 25.6."""
    sign, whole, rest = "-" * (milli < 0), abs(milli) // 1000, abs(milli) % 1000
    return f"{sign}{whole}.{rest:03}".rstrip("0") if rest else f"{sign}{whole}"


def quantity(milli: int) -> str:
    """A value in thousandths as Kubernetes prints it: 8534m, 12."""
    return f"{milli}m" if milli % 1000 else str(milli // 1000)


def quoted(message: str) -> str:
    """A message of KEDA or Kubernetes in one line, without what wraps it and without credentials."""
    message = message.removeprefix("(combined from similar events): ")
    text = _METRIC.sub("", _SELECTOR.sub("", " ".join(message.split())))
    text = _REPEATED.sub(r"\1", _QUERY.sub(r"\1?…", text))
    for prefix in _PREFIXES:
        text = text.replace(prefix, "")
    text = masked("".join(each for each in text if each.isprintable()))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
