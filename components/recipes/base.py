"""What every recipe has in common: where the workload is, its bounds, its pace, and how settings become
KEDA models.

A recipe is the typed settings of one workload. `models()` turns them into KEDA's objects; the checks are ring
1's, and their messages are put into the words of the stack file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from pydantic import Field

from components.recipes.alerting import Alerting, Minutes
from components.recipes.monitor import Monitor
from components.setting import Setting
from keda import (
    MISSING,
    Advanced,
    Annotations,
    Behavior,
    Fallback,
    Fault,
    HorizontalPodAutoscalerConfig,
    Labels,
    Metadata,
    ScaledJob,
    ScaledObject,
    ScaledObjectSpec,
    ScaleTargetRef,
    ScalingRules,
    SpecError,
    Trigger,
    TriggerAuthentication,
)
from keda.core.errors import last_key
from keda.core.model import Count, Namespace, ObjectName, Positive, Seconds
from keda.ownership import TRANSFER_OWNERSHIP

ADOPTION = {TRANSFER_OWNERSHIP: "true", "helm.sh/resource-policy": "keep"}
"""Annotations of a ScaledObject that takes an HPA over. KEDA copies them to the HPA, and there the second one
keeps Helm from deleting it when it leaves the release that made it."""


@dataclass(frozen=True)
class Scaled:
    """A workload as KEDA will see it."""

    scaled: ScaledObject | ScaledJob
    authentications: tuple[TriggerAuthentication, ...] = ()
    monitor: Monitor | None = None
    """What brings its signal into Prometheus, with its namespace and selector; None: somebody else does."""
    gpus_per_pod: int = 0
    """GPUs that each of its pods asks for."""
    unit: str = ""
    """What its signal counts; unset: only the query's author knows."""
    alerts: Mapping[str, Minutes] = field(default_factory=dict)
    """Alerts that are switched off, or wait another time than their default, by name."""

    @property
    def name(self) -> str:
        return self.scaled.metadata.name

    @property
    def namespace(self) -> str:
        return self.scaled.metadata.namespace

    @property
    def bounds(self) -> tuple[int, int]:
        """Replicas (Jobs, for a ScaledJob), lowest and highest."""
        spec = self.scaled.spec
        return spec.min_replica_count or 0, 100 if spec.max_replica_count is None else spec.max_replica_count


class Recipe(Setting):
    """Settings every recipe takes. Unset, KEDA's and the HPA's defaults hold, save what a recipe says."""

    spelling: ClassVar[Mapping[str, str]] = {}
    """KEDA's key -> the setting it is made from, for the messages of ring 1."""
    _spelling: ClassVar[Mapping[str, str]] = {
        "minReplicaCount": "minReplicas",
        "maxReplicaCount": "maxReplicas",
        "scaleTargetRef": "target",
    }

    unit: ClassVar[str] = ""
    """What its signal counts."""
    metrics: ClassVar[str | None] = None
    """Regular expression of the metrics its signal is made of, which its monitor keeps; None: all."""

    recipe: str = Field(examples=["generic"])
    namespace: Namespace = Field(examples=["my-namespace"])
    min_replicas: Count = Field(default=0, examples=[0])
    max_replicas: Positive = Field(examples=[4])
    polling_interval: Positive | None = Field(default=None, examples=[30])
    cooldown_period: Seconds | None = Field(default=None, examples=[300])
    initial_cooldown_period: Seconds | None = Field(default=None, examples=[0])
    scale_down_window: Seconds | None = Field(default=None, examples=[300], le=3600)
    behavior: Behavior | None = None
    fallback: Fallback | None = None
    hpa_name: ObjectName | None = Field(default=None, examples=["keda-hpa-my-workload"])
    adopt: ObjectName | None = Field(default=None, examples=["my-hpa"])
    monitor: Monitor | None = None
    alerts: Alerting = Alerting()
    labels: Labels | None = None
    annotations: Annotations | None = None

    def models(self, name: str, prometheus: str) -> Scaled:
        """KEDA's objects for the workload `name`. `prometheus`: address of the server its metrics are in.

        Raises SpecError, in the words of the settings.
        """
        try:
            built = self.build(name, prometheus)
            if faults := tuple(self._adoption_faults(built.scaled)):
                raise SpecError(faults)
            return replace(built, monitor=self.monitored(), unit=self.unit, alerts=self.alerts.dump())
        except SpecError as error:
            raise SpecError(self._reworded(error.faults)) from None

    def build(self, name: str, prometheus: str) -> Scaled:
        """KEDA's objects, errors in KEDA's words."""
        raise NotImplementedError

    def monitored(self) -> Monitor | None:
        """The monitor, with what a recipe knows filled in."""
        if self.monitor is None:
            return None
        known = {
            "namespace": self.monitor.namespace or self.namespace,
            "keep": self.monitor.keep or self.metrics,
        }
        return self.monitor.model_copy(update=known)

    def metadata(self, name: str) -> Metadata:
        annotations = {**(self.annotations or {}), **(ADOPTION if self.adopt else {})} or None
        return Metadata(name=name, namespace=self.namespace, labels=self.labels, annotations=annotations)

    def scaled_object(self, name: str, target: ScaleTargetRef, triggers: tuple[Trigger, ...]) -> ScaledObject:
        """The ScaledObject of these settings."""
        hpa = self.adopt or self.hpa_name
        config = HorizontalPodAutoscalerConfig(name=hpa, behavior=self._behavior())
        return ScaledObject(
            metadata=self.metadata(name),
            spec=ScaledObjectSpec(
                scale_target_ref=target,
                polling_interval=self.polling_interval,
                cooldown_period=self.cooldown_period,
                initial_cooldown_period=self.initial_cooldown_period,
                min_replica_count=self.min_replicas,
                max_replica_count=self.max_replicas,
                fallback=self.fallback,
                advanced=Advanced(horizontal_pod_autoscaler_config=config) if config.dump() else None,
                triggers=triggers,
            ),
        )

    def default_behavior(self) -> Behavior | None:
        """How fast the HPA may move, unless `behavior` says; None leaves it to the HPA."""
        return None

    def _behavior(self) -> Behavior | None:
        behavior = self.behavior or self.default_behavior()
        if self.scale_down_window is None:
            return behavior
        down = (behavior.scale_down if behavior else None) or ScalingRules()
        paced = down.model_copy(update={"stabilization_window_seconds": self.scale_down_window})
        return (behavior or Behavior()).model_copy(update={"scale_down": paced})

    def _adoption_faults(self, scaled: ScaledObject | ScaledJob) -> Iterator[Fault]:
        """What contradicts `adopt`, or would let replicas fall while the HPA changes hands."""
        if self.adopt is None:
            return
        if isinstance(scaled, ScaledJob):
            why = "has no meaning for a ScaledJob, which has no HPA. The HPA would go on as it is."
            yield Fault("adopt", self.adopt, why, "Remove it, and delete the HPA if its target goes.")
            return
        if self.hpa_name not in (None, self.adopt):
            why = f"is not the HPA that adopt names ({self.adopt}). KEDA can write only one."
            yield Fault("hpaName", self.hpa_name, why, "Remove hpaName.")
        if (written := (self.annotations or {}).get(TRANSFER_OWNERSHIP, "true")) != "true":
            why = "contradicts adopt. KEDA's webhook would reject the ScaledObject: the HPA was there first."
            yield Fault(f"annotations[{json.dumps(TRANSFER_OWNERSHIP)}]", written, why, "Remove it.")
        if "min_replicas" not in self.model_fields_set:
            why = (
                f"missing, and required by adopt. From the HPA's own minimum, replicas could fall to "
                f"{self.min_replicas}, the default."
            )
            fix = "Write the HPA's spec.minReplicas, which is 1 if it has none."
            yield Fault("minReplicas", MISSING, why, fix)

    def _reworded(self, faults: tuple[Fault, ...]) -> Iterator[Fault]:
        """Ring 1 names KEDA's keys; the person wrote ours."""
        words = {**self._spelling, **self.spelling}
        pattern = re.compile(rf"\b({'|'.join(map(re.escape, words))})\b")

        def reword(text: str) -> str:
            return pattern.sub(lambda match: words[match[0]], text)

        for fault in faults:
            path = fault.path.removeprefix("spec.").removeprefix("metadata.")
            path = path.removeprefix("advanced.horizontalPodAutoscalerConfig.")
            first, key = re.split(r"[.\[]", path, maxsplit=1)[0], last_key(path)
            if first in words:
                path = f"{words[first]}{path.removeprefix(first)}"
            elif key in words:
                path = words[key]
            yield replace(fault, path=path, why=reword(fault.why), fix=reword(fault.fix))


def quoted(value: str) -> str:
    """A PromQL string literal."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
