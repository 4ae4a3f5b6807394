"""Kubernetes quantities: `500m`, `1.5Gi`, `2e3`. Stricter libraries refuse valid ones, laxer ones take `1
Gi`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

_QUANTITY = re.compile(
    r"(?P<number>[+-]?(\d+(\.\d*)?|\.\d+))((?P<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?\d+))?",
    re.ASCII,
)


@functools.cache
def _scale() -> Mapping[str, Decimal]:
    from decimal import Decimal  # Slow to load, and few objects have a quantity.

    thousands = enumerate(["n", "u", "m", "", "k", *"MGTPE"], start=-3)
    scale = {suffix: Decimal(1000) ** power for power, suffix in thousands}
    return scale | {f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)}


def parse_quantity(text: str) -> Decimal:
    """The amount a quantity stands for, in base units (cores, bytes).

    Raises ValueError on anything apimachinery's `resource.ParseQuantity` would refuse.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"not a quantity: {text}")
    from decimal import Decimal

    number, exponent = Decimal(match["number"]), match["exponent"]
    return number.scaleb(int(exponent)) if exponent else number * _scale()[match["suffix"] or ""]
