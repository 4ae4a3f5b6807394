"""How Go reads a string: the conversions of KEDA's typed parser (scalersconfig/typed_config.go, KEDA 2.19.0).

Each function returns the value or raises ValueError with KEDA's words.
"""

from __future__ import annotations

import math
import re
from urllib.parse import unquote_plus

# unicode.IsSpace: not what str.strip() takes away (U+001C to U+001F).
SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_DURATION = re.compile(r"([0-9]*\.?[0-9]*)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9}
_NANOSECONDS["h"] = 3600 * 10**9
_BOOLS = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True)
_BOOLS |= dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False)
INT32 = (-(2**31), 2**31 - 1)
INT64 = (-(2**63), 2**63 - 1)
UINT32 = (0, 2**32 - 1)


def trim(text: str) -> str:
    """strings.TrimSpace."""
    return text.strip(SPACE)


def boolean(text: str) -> bool:
    """strconv.ParseBool: `yes` and `on` are no booleans."""
    if text not in _BOOLS:
        raise ValueError(f'unable to parse boolean value "{text}"')
    return _BOOLS[text]


def integer(text: str, bounds: tuple[int, int] = INT64) -> int:
    """strconv.ParseInt in base 10: a sign and leading zeros are allowed."""
    if not re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) or len(text) > 400:
        raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    if not bounds[0] <= int(text) <= bounds[1]:
        raise ValueError(f'strconv.ParseInt: parsing "{text}": value out of range')
    return int(text)


def real(text: str) -> float:
    """strconv.ParseFloat: also hexadecimal, infinity, and single underscores between digits."""
    text = re.sub(r"(?<=[0-9])_(?=[0-9])", "", text)
    if re.fullmatch(r"[+-]?(inf|infinity|nan)", text, re.ASCII | re.IGNORECASE):
        return float(text)
    if re.fullmatch(r"[+-]?0[xX]([0-9a-fA-F]*\.?[0-9a-fA-F]*)[pP][+-]?[0-9]+", text, re.ASCII):
        return float.fromhex(text)
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text, re.ASCII):
        raise ValueError(f'strconv.ParseFloat: parsing "{text}": invalid syntax')
    if math.isinf(float(text)):
        raise ValueError(f'strconv.ParseFloat: parsing "{text}": value out of range')
    return float(text)


def json_integer(text: str, bounds: tuple[int, int] = INT64) -> int:
    """encoding/json into an integer: no sign `+`, no leading zero, no exponent and no fraction."""
    text = text.strip(" \t\r\n")
    if not _JSON_NUMBER.fullmatch(text):
        raise ValueError("unable to unmarshal to field type int64: not a JSON number")
    whole = re.fullmatch(r"-?[0-9]{1,400}", text, re.ASCII)
    if not whole or not bounds[0] <= int(text) <= bounds[1]:
        raise ValueError("unable to unmarshal to field type int64: not an integer, or out of range")
    return int(text)


def json_real(text: str) -> float:
    """encoding/json into a float64: `.5`, `5.`, `+5`, `05`, `0x10`, `1_000` and NaN are not JSON."""
    text = text.strip(" \t\r\n")
    if not _JSON_NUMBER.fullmatch(text) or math.isinf(float(text)):
        raise ValueError("unable to unmarshal to field type float64: not a JSON number, or out of range")
    return float(text)


def duration(text: str) -> int:
    """A duration in nanoseconds: Go's form (`1m30s`), or a bare integer of milliseconds; never negative."""
    nanoseconds = _go_duration(text)
    if nanoseconds is None:
        try:
            nanoseconds = integer(text) * 10**6
        except ValueError as error:
            forms = "must be either a duration string (e.g. '30s', '5m') or a number of milliseconds"
            raise ValueError(f'unable to parse duration value "{text}": {forms}') from error
    if nanoseconds < 0:
        raise ValueError(f'duration cannot be negative: "{text}"')
    return nanoseconds


def _go_duration(text: str) -> int | None:
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if rest == "0":
        return 0
    total = 0
    while rest:
        part = _DURATION.match(rest)
        if part is None or part[1] in ("", "."):
            return None
        whole, _, fraction = part[1].partition(".")
        unit = _NANOSECONDS[part[2]]
        total += int(whole or 0) * unit
        if fraction:
            total += int(int(fraction) * unit / 10 ** len(fraction))
        rest = rest[part.end() :]
    return sign * total if text not in ("", "-", "+") and total < 2**63 else None


def mapping(text: str, separator: str = ",") -> dict[str, str]:
    """`k=v,k=v`: exactly one `=` in each, so neither `=` nor `,` can be in a value."""
    result = {}
    for part in text.split(separator):
        pair = trim(part).split("=")
        if len(pair) != 2:
            raise ValueError(f'expected format key=value, got "{trim(part)}"')
        result[trim(pair[0])] = trim(pair[1])
    return result


def query(text: str) -> dict[str, list[str]]:
    """url.ParseQuery: `;` and a broken percent escape are errors."""
    result: dict[str, list[str]] = {}
    for pair in text.split("&"):
        if not pair:
            continue
        if ";" in pair or not _escapes(pair):
            raise ValueError(f'expected url.Values, unable to parse query "{text}"')
        key, _, value = pair.partition("=")
        result.setdefault(unquote_plus(key), []).append(unquote_plus(value))
    return result


def _escapes(text: str) -> bool:
    return all(re.match(r"[0-9a-fA-F]{2}", part) for part in text.split("%")[1:])


def url_parts(text: str, *, request: bool = False) -> tuple[str, str, str]:
    """(scheme, host, path) as url.Parse, or url.ParseRequestURI with `request`, reads them."""
    error = ValueError(f'parse "{text}": invalid URL')
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):
        raise error
    if not request:
        text, _, fragment = text.partition("#")
        if not _escapes(fragment):
            raise error
    if not text and request:
        raise error
    if text == "*":
        return "", "", "*"
    scheme, rest = _scheme(text, error)
    rest = rest.partition("?")[0]
    if not rest.startswith("/"):
        if scheme:
            return scheme, "", ""
        if request or ":" in rest.partition("/")[0]:
            raise error
    host = ""
    if rest.startswith("//") and (scheme or not request and not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        host, rest = _host(authority, error), slash + path
    if not _escapes(rest):
        raise error
    return scheme, host, rest


def _scheme(text: str, error: ValueError) -> tuple[str, str]:
    for index, char in enumerate(text):
        if char.isascii() and char.isalpha():
            continue
        if char.isascii() and (char.isdigit() or char in "+-."):
            if index == 0:
                return "", text
            continue
        if char == ":":
            if index == 0:
                raise error
            return text[:index].lower(), text[index + 1 :]
        return "", text
    return "", text


def _host(authority: str, error: ValueError) -> str:
    user, at, host = authority.rpartition("@")
    if at and (not _escapes(user) or not re.fullmatch(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*", user)):
        raise error
    if host.startswith("["):
        closed = host.rfind("]")
        if closed < 0 or not re.fullmatch(r"(:[0-9]*)?", host[closed + 1 :], re.ASCII):
            raise error
        return host
    port = host[host.rfind(":") :] if ":" in host else ""
    # url.validEncoded and unescape in host mode: only non-ASCII bytes may be escaped.
    bad = re.search(r"[ \\^`{|}]|%(?![89A-Fa-f][0-9A-Fa-f])", host)
    if not re.fullmatch(r"(:[0-9]*)?", port, re.ASCII) or bad:
        raise error
    return host
