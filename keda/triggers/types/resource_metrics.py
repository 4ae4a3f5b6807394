"""The cpu and memory scalers (pkg/scalers/cpu_memory_scaler.go, v2.19.0): the HPA's own resource metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from keda.core.errors import MISSING, Fault
from keda.core.model import INT32_MAX
from keda.syntax.quantity import parse_quantity
from keda.triggers.base import Trigger
from keda.triggers.parameters import Amount, Text


class _ResourceTrigger(Trigger):
    from_authentication: ClassVar[frozenset[str]] = frozenset()

    value: Amount = Field(examples=["60"])
    """Utilization: a percentage of the request, "60". AverageValue: a quantity per pod, "500m" or "1Gi"."""
    container_name: Text | None = None
    """Count this container only. Default: all containers of the pod."""

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if self.metric_type == "Utilization":
            if not self.value.isascii() or not self.value.isdigit() or not 0 < int(self.value) <= INT32_MAX:
                digits = "".join(filter(str.isdigit, self.value)) or "60"
                yield Fault(
                    "value",
                    self.value,
                    f"is not a whole percentage above 0. {self.consequence}",
                    f'Write "{digits}".',
                )
        elif self.metric_type == "AverageValue":
            if not _is_positive_quantity(self.value):
                yield Fault(
                    "value",
                    self.value,
                    "is not a quantity above 0. On an update it would crash KEDA's operator for everyone.",
                    'Write e.g. "500m" or "1Gi".',
                )
        elif self.metric_type is None:
            yield Fault(
                "metricType",
                MISSING,
                f"missing, and required. {self.consequence}",
                "Write metricType: Utilization.",
            )
        else:
            yield Fault(
                "metricType",
                self.metric_type,
                f"is not one of Utilization, AverageValue. {self.consequence}",
                "Write Utilization.",
            )


class Cpu(_ResourceTrigger):
    """CPU of the target's pods. Cannot scale to or from zero; the containers need CPU requests."""

    scaler: ClassVar[str] = "cpu"


class Memory(_ResourceTrigger):
    """Memory of the target's pods. Cannot scale to or from zero; the containers need memory requests."""

    scaler: ClassVar[str] = "memory"


def _is_positive_quantity(text: str) -> bool:
    try:
        return parse_quantity(text) > 0
    except ValueError:
        return False
