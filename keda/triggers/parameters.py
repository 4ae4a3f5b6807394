"""Types of trigger parameters: what KEDA's typed parser takes, in the Python values a person would write.

KEDA reads trigger metadata as text and converts it by the rules of pkg/scalers/scalersconfig/typed_config.go
(v2.19.0). A value is accepted here exactly when its text is accepted there, kept as the Python value KEDA
would get, and written back as text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator

from keda.core.errors import Refused
from keda.syntax import go as go_values

INT64_MAX = 2**63 - 1
_JSON_INTEGER = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_GO_DURATION = re.compile(r"\+?((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+", re.ASCII)
_GO_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_GO_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def text(value: object) -> str:
    """Any text but an empty one, which KEDA takes for an absent one. A whole number is taken as its
    digits.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise Refused("is not a string.")
    if not value.strip():
        raise Refused("is empty, and KEDA takes that for absent.")
    return value.strip()


def amount(value: object) -> str:
    """A quantity, `500m` or `1.5Gi`; a number is taken as its digits."""
    if isinstance(value, (float, Decimal)) and math.isfinite(value):
        return str(value)
    return text(value)


def address(value: object) -> str:
    """An http:// or https:// URL. Raises Refused."""
    url = text(value)
    if not url.startswith(("http://", "https://")):
        raise Refused("is not an http:// or https:// address.", f"Write http://{url.split('://')[-1]}.")
    return url


def integer(value: object) -> int:
    """A 64-bit integer as JSON spells it: not 1e3, not 010, not +5."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    digits = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not _JSON_INTEGER.fullmatch(digits):
        raise Refused("is not a whole number.")
    if not -INT64_MAX - 1 <= int(digits) <= INT64_MAX:
        raise Refused("does not fit into 64 bits.")
    return int(digits)


def number(value: object) -> float:
    """A number as JSON spells it: not .5, not 5., not NaN."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return value
    if not (isinstance(value, str) and _JSON_NUMBER.fullmatch(value.strip())):
        raise Refused("is not a number.")
    parsed = json.loads(value)
    if not math.isfinite(parsed):
        raise Refused("does not fit into a 64-bit float.")
    return float(parsed)


def go_integer(value: object) -> int:
    """A whole number as strconv reads it: +5 and 05 as well. For the scalers with a parser of their own."""
    if isinstance(value, str):
        with suppress(ValueError):
            return go_values.integer(value.strip())
    return integer(value)


def go_number(value: object) -> float:
    """A finite number as strconv reads it: .5 and 1_000 as well."""
    if isinstance(value, str):
        with suppress(ValueError):
            parsed = go_values.real(value.strip())
            if math.isfinite(parsed):
                return parsed
    return number(value)


def boolean(value: object) -> bool:
    """True or False, or a word that Go's ParseBool takes, which `yes` is not."""
    if isinstance(value, bool):
        return value
    word = value.strip() if isinstance(value, str) else None
    if word not in _GO_TRUE | _GO_FALSE:
        raise Refused("is not true or false.")
    return word in _GO_TRUE


def duration(value: object) -> str:
    """A Go duration such as `3s` or `1m30s`, or a timedelta. Kept as text.

    KEDA also takes a bare number, as milliseconds; nobody who writes `timeout: 5` means that, so it is
    refused.
    """
    if isinstance(value, timedelta):
        value = f"{value // timedelta(milliseconds=1)}ms"
    if isinstance(value, (int, float)) or (isinstance(value, str) and value.strip().isdigit()):
        raise Refused(
            "has no unit, and KEDA would take it as milliseconds.", f'Write "{value}s" or "{value}ms".'
        )
    if not (isinstance(value, str) and _GO_DURATION.fullmatch(value.strip())):
        raise Refused("is not a duration.")
    return value.strip()


def words(value: object, separator: str = ",") -> tuple[str, ...]:
    """A list, or KEDA's own text of words with a separator between them."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(separator))
    if not isinstance(value, (list, tuple)):
        raise Refused("is not a list of words.")
    items = tuple(text(word) for word in value)
    if any(separator in word for word in items):
        raise Refused(f"has a {separator!r} in an item, which KEDA would split there.", "Leave it out.")
    return items


def phrases(value: object) -> tuple[str, ...]:
    """A list, or a text of items separated by semicolons."""
    return words(value, ";")


def integers(value: object) -> str:
    """A list of whole numbers, or KEDA's own `1,3-5`. Kept as text."""
    if isinstance(value, (list, tuple)):
        return ",".join(str(integer(item)) for item in value)
    return text(value)


def texts(value: object) -> dict[str, str]:
    """Keys and texts of the user's own."""
    if not isinstance(value, Mapping):
        raise Refused("is not a mapping of keys.")
    return {str(key): text(item) for key, item in value.items()}


def pairs(value: object) -> dict[str, str]:
    """A mapping, or KEDA's own `a=1,b=2`. KEDA cannot read a value that holds `,` or `=`, so neither may
    be there.
    """
    if isinstance(value, str):
        split = [pair.split("=") for pair in value.split(",")]
        if not all(len(pair) == 2 for pair in split):
            raise Refused("is not a list of key=value pairs.")
        return {key.strip(): item.strip() for key, item in split}
    if not isinstance(value, Mapping):
        raise Refused("is not a mapping of keys.")
    result = {str(key): text(item) for key, item in value.items()}
    if any(mark in part for pair in result.items() for part in pair for mark in ",="):
        raise Refused("has a ',' or '=' in a key or value, which KEDA cannot read.", "Leave it out.")
    return result


def written(value: Any, separator: str = ",") -> str:
    """A parameter as KEDA reads it: text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, Mapping):
        return ",".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, tuple):
        return separator.join(value)
    return str(value)


Text = Annotated[str, BeforeValidator(text)]
Amount = Annotated[str, BeforeValidator(amount)]
Address = Annotated[str, BeforeValidator(address)]
Integer = Annotated[int, BeforeValidator(integer)]
Number = Annotated[float, BeforeValidator(number)]
GoInteger = Annotated[int, BeforeValidator(go_integer)]
GoNumber = Annotated[float, BeforeValidator(go_number)]
Boolean = Annotated[bool, BeforeValidator(boolean)]
Duration = Annotated[str, BeforeValidator(duration)]
Integers = Annotated[str, BeforeValidator(integers)]
Texts = Annotated[dict[str, str], BeforeValidator(texts)]
Words = Annotated[tuple[str, ...], BeforeValidator(words)]
Phrases = Annotated[tuple[str, ...], BeforeValidator(phrases)]
Pairs = Annotated[dict[str, str], BeforeValidator(pairs)]
