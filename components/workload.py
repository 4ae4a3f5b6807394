"""One entry of the stack file's workloads, as KEDA's objects and what belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from components.monitoring.monitor import Monitor
from keda import ScaledJob, ScaledObject, ScaledObjectSpec, TriggerAuthentication
from keda.core.errors import join
from keda.timelines.decisions import Decisions, decisions
from keda.timelines.manifests import Unread

OFF: Literal["off"] = "off"
Minutes = Literal["off"] | int
"""How long an alert's condition must hold, or that the alert is switched off."""


@dataclass(frozen=True)
class Workload:
    """A workload as KEDA will see it."""

    scaled: ScaledObject | ScaledJob
    authentications: tuple[TriggerAuthentication, ...] = ()
    monitor: Monitor | None = None
    """What brings its signal into Prometheus, with its namespace and selector; None: another tool does."""
    gpus_per_pod: int = 0
    """GPUs that each of its pods requests."""
    unit: str = ""
    """What its signal counts; unset: unknown."""
    alerts: Mapping[str, Minutes] = field(default_factory=dict)
    """Alerts that are switched off, or wait another time than their default, by name."""
    entry: str = ""
    """Its key in the stack file, where that is not its name: an entry may stand for several workloads."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """A setting -> where it is below the entry, where that is another place."""

    @property
    def name(self) -> str:
        """Of the ScaledObject or ScaledJob."""
        return self.scaled.metadata.name

    @property
    def namespace(self) -> str:
        """Of the ScaledObject or ScaledJob, and so of its target."""
        return self.scaled.metadata.namespace

    def place(self, *keys: str) -> str:
        """Where a setting of it is in the stack file."""
        entry = ("workloads", self.entry or self.name)
        moved = self.settings.get(keys[0]) if keys else None
        return f"{join(*entry)}.{moved}" if moved else join(*entry, *keys)

    @cached_property
    def decisions(self) -> list[Decisions]:
        """How many replicas follow from which value of each trigger; none where that is not simulated."""
        try:
            return decisions(self.scaled.to_manifest())
        except Unread:
            return []

    @property
    def bounds(self) -> tuple[int, int]:
        """Replicas (Jobs, for a ScaledJob), lowest and highest."""
        spec = self.scaled.spec
        lowest = spec.min_replica_count or 0
        if isinstance(spec, ScaledObjectSpec) and spec.idle_replica_count is not None:
            lowest = spec.idle_replica_count
        return lowest, 100 if spec.max_replica_count is None else spec.max_replica_count
