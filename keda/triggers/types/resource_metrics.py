"""The cpu and memory scalers (pkg/scalers/cpu_memory_scaler.go, v2.19.0): the HPA's own resource metrics."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from keda.triggers.base import Trigger
from keda.triggers.parameters import Amount, Text


class _ResourceTrigger(Trigger):
    value: Amount = Field(examples=["60"])
    """Utilization: a percentage of the request, "60". AverageValue: a quantity per pod, "500m" or "1Gi"."""
    container_name: Text | None = None
    """Count this container only. Default: all containers of the pod."""


class Cpu(_ResourceTrigger):
    """CPU of the target's pods. Cannot scale to or from zero; the containers need CPU requests."""

    scaler: ClassVar[str] = "cpu"


class Memory(_ResourceTrigger):
    """Memory of the target's pods. Cannot scale to or from zero; the containers need memory requests."""

    scaler: ClassVar[str] = "memory"
