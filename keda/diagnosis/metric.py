"""A metric of a ScaledObject's HPA: its target, what the HPA shows, what it is now, and what it asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from keda.core.defaults import RESOURCE_SCALERS
from keda.diagnosis.snapshot import Reading, Snapshot, to_milli
from keda.diagnosis.wording import number, quantity
from keda.manifests.objects import Item
from keda.manifests.reading import dig, mapping, sequence, text, whole
from keda.scaling.manifest import Unsimulated, read_trigger
from keda.scaling.numbers import ceil, divide
from keda.scaling.replicas import MetricFailed, Tolerances, external_average, whole_value

COMPOSITE = "composite-metric"
TOLERANCE = 0.1
"""--horizontal-pod-autoscaler-tolerance, by default."""
_INDEX = re.compile(r"s(\d+)-", re.ASCII)


@dataclass(frozen=True)
class Metric:
    """One metric. Amounts are milli, except a Utilization's, which are percent of the requests."""

    name: str
    type: str
    """KEDA's word for the trigger, such as prometheus; "formula" for the composite metric."""
    index: int | None = None
    """The trigger's place; None for the composite metric."""
    target_type: str = "AverageValue"
    target: int = 0
    """0 where it is not known."""
    shown: int | None = None
    """status.currentMetrics of the HPA: the average per replica, or of type Value the value."""
    shown_at: int = 0
    """The replicas that the HPA divided by."""
    failing: bool = False
    """The HPA has no value of it while it has one of others."""
    reading: Reading | None = None
    active: bool | None = None
    """status.triggersActivity: whether KEDA's last poll found it active."""
    activation: float | None = None
    failures: int = 0
    """In a row, as status.health has them; KEDA counts only with a fallback."""

    @property
    def resource(self) -> bool:
        """Whether the HPA reads it itself, from metrics.k8s.io."""
        return self.type in RESOURCE_SCALERS

    @property
    def total(self) -> int | None:
        """The whole value: as read now, else as the HPA's status has it, the average rounded up."""
        if self.reading is not None and self.reading.milli is not None:
            return self.reading.milli
        if self.shown is None or self.resource:
            return None
        return self.shown if self.target_type == "Value" else _whole(self.shown, self.shown_at)

    @property
    def is_active(self) -> bool | None:
        """Whether its value now is above the activation threshold; None if either is not known."""
        if self.reading is None or self.reading.milli is None or self.activation is None:
            return None
        return self.reading.milli / 1000 > self.activation

    def exact(self, ready: int | None) -> int | None:
        """The replicas it asks for without the tolerance."""
        if self.total is None or not self.target:
            return None
        ratio = divide(float(self.total), float(self.target))
        if self.target_type != "Value":
            return int(ceil(ratio))
        return None if ready is None else int(ceil(ratio * ready))

    def wanted(self, replicas: int, ready: int | None, tolerance: float = TOLERANCE) -> int | None:
        """The replicas it asks for; None if that is not known."""
        tolerances = Tolerances(tolerance, tolerance)
        if self.resource:
            if self.shown is None or not self.target:
                return None
            ratio = self.shown / self.target
            return replicas if tolerances.hold(ratio) else int(ceil(ratio * (ready or replicas)))
        if self.total is None or not self.target:
            return None
        if self.target_type != "Value":
            return external_average(self.total, self.target, replicas, tolerances).replicas
        try:
            return whole_value(self.total, self.target, replicas, ready, tolerances).replicas
        except MetricFailed:
            return None

    def arithmetic(self, replicas: int, ready: int | None) -> str:
        """The division with its numbers, such as `25.6 / 10 per replica = 2.56, so 3`; "" if not known."""
        if self.resource:
            return self._resource_arithmetic(replicas)
        if self.total is None or not self.target:
            return ""
        total, target, exact = number(self.total), number(self.target), self.exact(ready)
        ratio = f"{divide(float(self.total), float(self.target)):.3g}"
        if self.target_type == "Value":
            if exact is None:
                return f"{total} / {target} = {ratio} (type Value) x the ready pods, which are not known"
            return f"{total} / {target} = {ratio} (type Value) x {ready} ready = {exact}"
        up = "" if self.total % self.target == 0 else ", rounded up"
        return f"{total} / {target} per replica = {ratio}{up}: {exact}"

    def _resource_arithmetic(self, replicas: int) -> str:
        if self.shown is None or not self.target:
            return ""
        if self.target_type == "Utilization":
            return (
                f"{self.shown} % / {self.target} % x {replicas} = {self.shown / self.target * replicas:.3g}"
            )
        ratio = self.shown / self.target * replicas
        return f"{quantity(self.shown)} / {quantity(self.target)} x {replicas} = {ratio:.3g}"

    @property
    def display(self) -> str:
        """How `kubectl get hpa` shows it."""
        if self.resource and self.target_type == "Utilization":
            return f"{'<unknown>' if self.shown is None else f'{self.shown}%'}/{self.target}%"
        average = " (avg)" if self.target_type == "AverageValue" and not self.resource else ""
        return (
            f"{'<unknown>' if self.shown is None else quantity(self.shown)}/{quantity(self.target)}{average}"
        )


def _whole(average: int, replicas: int) -> int:
    """The roundest value whose average over the replicas, rounded up, is this one."""
    highest, lowest = average * replicas, (average - 1) * replicas + 1
    candidates = (highest - highest % size for size in (1000, 100, 10))
    return next((each for each in candidates if each >= lowest), highest)


def metrics_of(item: Item, hpa: Item | None, snapshot: Snapshot) -> tuple[Metric, ...]:
    """The metrics of the ScaledObject's HPA; without one those of its status, whose targets are not known."""
    status, triggers = mapping(item.manifest.get("status")), sequence(item.spec.get("triggers"))
    if hpa:
        found = list(_of_hpa(hpa))
    else:
        # KEDA does not write the names of a ScaledJob's metrics into its status, though the field is there.
        names = _names(status) or [
            name for *place, name in snapshot.readings if place == [item.namespace, item.name]
        ]
        found = [Metric(text(name), "") for name in names]
    result = []
    for metric in found:
        key = (item.namespace, item.name, metric.name)
        metric = replace(metric, reading=snapshot.readings.get(key))
        result.append(_with_trigger(metric, item, triggers, status))
    return tuple(result)


def _names(status: Mapping[Any, Any]) -> list[Any]:
    composite = text(status.get("compositeScalerName"))
    external = [composite] if composite else sequence(status.get("externalMetricNames"))
    return [*external, *sequence(status.get("resourceMetricNames"))]


def _of_hpa(hpa: Item) -> Iterator[Metric]:
    current = [mapping(each) for each in sequence(dig(hpa.manifest, "status", "currentMetrics"))]
    replicas = whole(dig(hpa.manifest, "status", "currentReplicas")) or 0
    for place, spec in enumerate(map(mapping, sequence(hpa.spec.get("metrics")))):
        key = text(spec.get("type"))[:1].lower() + text(spec.get("type"))[1:]
        source = mapping(spec.get(key))
        name = text(dig(source, "metric", "name")) or text(source.get("name"))
        target = mapping(source.get("target"))
        kind = text(target.get("type"))
        status = current[place] if place < len(current) else {}
        shown = _amount(mapping(dig(status, key, "current")), kind)
        yield Metric(
            name,
            name if key != "external" else "",
            target_type=kind,
            target=_amount(target, kind) or 0,
            shown=shown,
            shown_at=replicas,
            failing=shown is None and any(each.get("type") for each in current),
        )


def _amount(values: Mapping[Any, Any], kind: str) -> int | None:
    if kind == "Utilization":
        return whole(values.get("averageUtilization"))
    found = values.get("value" if kind == "Value" else "averageValue")
    return None if found is None else to_milli(found)


def _with_trigger(metric: Metric, item: Item, triggers: list[Any], status: Mapping[Any, Any]) -> Metric:
    """The metric with what its trigger, and KEDA's status, have on it."""
    if metric.name == COMPOSITE:
        modifiers = mapping(dig(item.spec, "advanced", "scalingModifiers"))
        try:
            activation = float(modifiers.get("activationTarget") or 0)
        except ValueError:
            return replace(metric, type="formula")
        return replace(metric, type="formula", activation=activation)
    if metric.resource:
        return metric
    match = _INDEX.match(metric.name)
    index = int(match[1]) if match else None
    trigger = mapping(triggers[index]) if index is not None and index < len(triggers) else {}
    active = dig(status, "triggersActivity", metric.name, "isActive")
    try:
        activation_value: float | None = read_trigger(trigger, "").activation
    except Unsimulated:
        activation_value = None
    return replace(
        metric,
        type=text(trigger.get("type")) or "external",
        index=index,
        active=active if isinstance(active, bool) else None,
        activation=activation_value,
        failures=whole(dig(status, "health", metric.name, "numberOfFailures")) or 0,
    )
