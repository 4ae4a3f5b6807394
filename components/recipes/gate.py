"""Gate: pods stop while what they need is away, such as a NAS, and start at once when it is back.

Each target has a ScaledObject whose trigger is a probe. Away, KEDA scales to idleReplicaCount 0; back, to
minReplicaCount in one step (KEDA 2.19.0, scale_scaledobjects.go, scaleFromZeroOrIdle). The HPA's minimum is
its maximum, so it never scales. docs/gate.md has the times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from components.recipes.prometheus import PrometheusRecipe
from components.setting import Setting
from components.workload import Workload
from keda import Advanced, Fallback, Fault, Faults, ScaledObject, ScaledObjectSpec, ScaleTargetRef, SpecError
from keda.core.errors import Refused, join
from keda.core.model import INT32_MAX, Count, Namespace, ObjectName, Positive, Seconds
from keda.core.names import label_name
from keda.syntax import promql

ANSWER = 1
"""Seconds that a probe which succeeds may take, until its result can be queried."""
CUT = 1
"""Seconds by which KEDA may cut status.lastActiveTime, which is stored in whole seconds."""
_DERIVED = {
    "min_replicas": "replicas of each target",
    "max_replicas": "replicas of each target",
    "cooldown_period": "blip and pollingInterval",
    "initial_cooldown_period": "blip and pollingInterval",
    "fallback": "unknown",
    "scale_down_window": "blip",
    "behavior": "blip",
}
"""Settings of other recipes -> what a gate makes them from."""
_OF_ONE_HPA = ("hpa_name", "adopt")


def _selector(value: str) -> str:
    """Raises Refused for what is not a selector of the newest sample: max_over_time reads stored samples."""
    fix = 'Write e.g. probe_success{job="nas"}; for an expression, the name of a recording rule.'
    try:
        tree = promql.parse(value)
    except (promql.Broken, promql.TooDeep) as error:
        raise Refused(f"is not PromQL: {str(error) or 'it is nested too deep'}.", fix) from None
    if not promql.is_plain_selector(tree):
        raise Refused("is not the selector of a metric.", fix)
    return value


Selector = Annotated[str, AfterValidator(_selector)]


class GatedTarget(Setting):
    """A target, and its replicas while the gate is open."""

    name: ObjectName = Field(examples=["my-deployment"])
    kind: str | None = Field(default=None, min_length=1, examples=["StatefulSet"])
    api_version: str | None = Field(default=None, min_length=1, examples=["apps/v1"])
    namespace: Namespace | None = Field(default=None, examples=["my-namespace"])
    replicas: Positive = Field(default=1, examples=[1])


class Gate(PrometheusRecipe):
    """One probe and any number of targets: a ScaledObject for each, named `<key>-<target>`."""

    spelling: ClassVar[Mapping[str, str]] = {"query": "probe"}

    unit: ClassVar[str] = "1 = there"

    recipe: Literal["gate"] = Field(examples=["gate"])
    probe: Selector = Field(examples=["""'probe_success{job="nas"}'"""])
    probe_interval: Positive = Field(examples=[15])
    blip: Seconds = Field(default=15, examples=[15], le=86_400)
    unknown: Literal["open", "closed"] = Field(default="open", examples=["open"])
    targets: tuple[GatedTarget, ...] = Field(min_length=1, examples=["[{name: my-deployment}]"])
    min_replicas: Count = Field(default=0, exclude=True)
    max_replicas: Positive = Field(default=1, exclude=True)

    @property
    def interval(self) -> int:
        """Seconds between two polls."""
        return self.polling_interval or self.probe_interval

    @property
    def window(self) -> int:
        """Seconds that a success counts: so long that one lost sample changes nothing."""
        return 2 * (self.probe_interval + ANSWER)

    @property
    def cooldown(self) -> int:
        """Seconds that KEDA waits after the last active poll, so that `blip` seconds never stop a pod.

        The successes before and after a blip are less than blip + window apart, so that the query is 0 for
        less than `blip`. The last active poll is at most one interval before that.
        """
        return self.blip + self.interval + CUT

    @property
    def stops_within(self) -> int:
        """Seconds from the outage until every target has 0 replicas."""
        return self.window + self.cooldown + self.interval

    @property
    def starts_within(self) -> int:
        """Seconds from the return until every target has its replicas."""
        return self.probe_interval + ANSWER + self.interval

    def faults(self) -> Iterator[Fault]:
        """Settings that a gate derives, and two targets whose ScaledObjects would have one name."""
        for field, source in _DERIVED.items():
            if field in self.model_fields_set:
                why = f"is not set here: it follows from {source}."
                yield Fault(_alias(field), getattr(self, field), why, "Remove it.")
        for field in _OF_ONE_HPA:
            if field in self.model_fields_set:
                why = "is the name of one HPA, and a gate has one for each target."
                yield Fault(_alias(field), getattr(self, field), why, "Remove it.")
        names: set[str] = set()
        for index, target in enumerate(self.targets):
            if target.name in names:
                why = "is the name of another target of this gate: both ScaledObjects would have one name."
                fix = "Make a gate of its own for it, with the same probe."
                yield Fault(f"targets[{index}].name", target.name, why, fix)
            names.add(target.name)

    def query(self) -> str:
        """1 while every probe has succeeded within the window, else 0. Without any sample, `unknown`."""
        there = f"min(max_over_time({self.probe}[{self.window}s]))"
        return f"{there} or vector({int(self.unknown == 'open')})"

    def workloads(self, name: str, prometheus: str) -> dict[str, Workload]:
        """One for each target; the first has the monitor. Raises SpecError."""
        built: dict[str, Workload] = {}
        faults = Faults()
        for index, target in enumerate(self.targets):
            place = join("targets", index)
            try:
                workload = self._for(target).models(_named(name, target), prometheus)
            except SpecError as error:
                moved = (each._replace(path=re.sub(r"^target\b", place, each.path)) for each in error.faults)
                faults.extend(each for each in moved if each not in faults)
                continue
            monitor = None if built else workload.monitor
            settings = {"target": place} | ({"namespace": f"{place}.namespace"} if target.namespace else {})
            built[workload.name] = replace(workload, monitor=monitor, entry=name, settings=settings)
        faults.raise_if_any()
        return built

    def build(self, name: str, prometheus: str) -> Workload:
        """A ScaledObject of the only target."""
        (target,) = self.targets
        trigger = self.trigger(
            name,
            prometheus,
            query=self.query(),
            threshold=1,
            ignore_null_values=False,
        )
        return Workload(
            ScaledObject(
                metadata=self.metadata(name),
                spec=ScaledObjectSpec(
                    scale_target_ref=ScaleTargetRef(
                        api_version=target.api_version, kind=target.kind, name=target.name
                    ),
                    polling_interval=self.interval,
                    cooldown_period=self.cooldown,
                    # Else a gate that is created while the probe is not yet scraped would stop pods at once.
                    initial_cooldown_period=self.cooldown,
                    idle_replica_count=0,
                    min_replica_count=target.replicas,
                    max_replica_count=target.replicas,
                    fallback=self._fallback(target.replicas),
                    # A gate that is removed while closed leaves no pod stopped.
                    advanced=Advanced(restore_to_original_replica_count=True),
                    triggers=(trigger,),
                ),
            )
        )

    def _fallback(self, replicas: int) -> Fallback:
        """What an unreachable Prometheus means (KEDA 2.19.0, scale_handler.go and scale_scaledobjects.go).

        A fallback in use makes the ScaledObject active; a fallback of 0 replicas lets the cooldown end while
        the trigger fails. Open: in use after more failures than a blip can have. Closed: never in use.
        """
        if self.unknown == "open":
            return Fallback(failure_threshold=self.blip // self.interval + 1, replicas=replicas)
        return Fallback(failure_threshold=INT32_MAX, replicas=0)

    def _for(self, target: GatedTarget) -> Gate:
        namespace = target.namespace or self.namespace
        return self.model_copy(update={"targets": (target,), "namespace": namespace})


def _named(gate: str, target: GatedTarget) -> str:
    """The name of a target's ScaledObject. Raises SpecError."""
    name = f"{gate}-{target.name}"
    try:
        return label_name(name)
    except Refused as refused:
        why = f"and the gate's key make the name {name}, which {refused.why} KEDA writes it as a label."
        raise SpecError([Fault("target.name", target.name, why, "Shorten the gate's key.")]) from None


def _alias(field: str) -> str:
    return Gate.model_fields[field].alias or field
