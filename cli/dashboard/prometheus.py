"""Questions to a Prometheus server over its HTTP API."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT = 20.0
"""Seconds for one answer."""


@dataclass(frozen=True)
class Window:
    """A stretch of time: `start` and `end` in seconds since 1970, one point every `step` seconds."""

    start: float
    end: float
    step: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


@dataclass(frozen=True)
class Series:
    """One series of an answer: its labels, and its points as (seconds since 1970, value); NaN is left out."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


class QueryError(Exception):
    """Prometheus refused the query or did not answer; `str()` is one line."""


class Prometheus:
    """A server at `address`, as in http://127.0.0.1:9090."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")

    def range(self, expression: str, window: Window) -> list[Series]:
        """The series that `expression` gives over `window`. Raises QueryError."""
        arguments = {
            "query": expression,
            "start": f"{window.start:.0f}",
            "end": f"{window.end:.0f}",
            "step": f"{window.step:.0f}",
        }
        result = self._ask("query_range", arguments)
        return [
            Series(
                {key: str(value) for key, value in each["metric"].items()},
                tuple((float(at), number) for at, text in each["values"] if _shown(number := float(text))),
            )
            for each in result
        ]

    def _ask(self, path: str, arguments: Mapping[str, str]) -> list[dict[str, Any]]:
        url = f"{self._address}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            raise QueryError(_reason(error.read())) from None
        except (OSError, ValueError) as error:
            raise QueryError(f"Prometheus does not answer: {error}") from None
        result: list[dict[str, Any]] = body["data"]["result"]
        return result


def _shown(number: float) -> bool:
    return math.isfinite(number)


def _reason(body: bytes) -> str:
    try:
        return " ".join(str(json.loads(body)["error"]).split())
    except (ValueError, KeyError, TypeError):
        return "Prometheus refuses the query"
