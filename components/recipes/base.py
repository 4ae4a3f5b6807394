"""What every recipe has in common: where the workload is, its bounds, its pace, and how settings become
KEDA models.

A recipe is the typed settings of one workload. `models()` turns them into KEDA's objects, which `keda`
checks; its messages name the settings of the stack file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Literal, get_args

from pydantic import Field

from components.monitoring.monitor import Monitor
from components.recipes.alerting import Alerting
from components.setting import Setting
from components.workload import Workload
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
)
from keda.core.errors import last_key
from keda.core.model import Count, Namespace, ObjectName, Positive, Seconds
from keda.core.spelling import spelled
from keda.ownership import TRANSFER_OWNERSHIP

ADOPTION = {TRANSFER_OWNERSHIP: "true", "helm.sh/resource-policy": "keep"}
"""Annotations of a ScaledObject that takes an HPA over. KEDA copies them to the HPA, and there the second one
keeps Helm from deleting it when it leaves the release that made it."""


PAUSES = {
    "in": ("autoscaling.keda.sh/paused-scale-in",),
    "out": ("autoscaling.keda.sh/paused-scale-out",),
    "both": ("autoscaling.keda.sh/paused-scale-in", "autoscaling.keda.sh/paused-scale-out"),
}
"""The annotations of `pausedScale`. The HPA stays and reads its metrics; the annotation paused deletes it."""

RECIPES: dict[str, type[Recipe]] = {}
"""The recipes by name. Importing `components.recipes` fills it."""


class Recipe(Setting):
    """Settings that every recipe takes. Unset, KEDA's and the HPA's defaults apply, or the recipe's own.

    A subclass registers itself under the name in its `recipe: Literal[…]`.
    """

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
    paused_scale: Literal["in", "out", "both"] | None = Field(default=None, examples=["both"])
    monitor: Monitor | None = None
    alerts: Alerting = Alerting()
    labels: Labels | None = None
    annotations: Annotations | None = None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        """Raises TypeError if two recipes have one name."""
        super().__pydantic_init_subclass__(**kwargs)
        for name in get_args(cls.model_fields["recipe"].annotation):  # of a base such as this, none
            if name in RECIPES:
                raise TypeError(f"{cls.__name__}: the recipe {name} is {RECIPES[name].__name__}")
            RECIPES[name] = cls

    def workloads(self, name: str, prometheus: str) -> Mapping[str, Workload]:
        """The workloads that the entry `name` stands for, by name. Arguments and errors of `models`."""
        return {name: self.models(name, prometheus)}

    def models(self, name: str, prometheus: str) -> Workload:
        """KEDA's objects for the workload `name`. `prometheus`: address of the server its metrics are in.

        Raises SpecError, in the words of the settings.
        """
        try:
            with spelled({**self._spelling, **self.spelling}):
                built = self.build(name, prometheus)
            if faults := (*self._adoption_faults(built.scaled), *self._pause_faults(built.scaled)):
                raise SpecError(faults)
            return replace(built, monitor=self.monitored(), unit=self.unit, alerts=self.alerts.dump())
        except SpecError as error:
            raise SpecError(map(self._placed, error.faults)) from None

    def build(self, name: str, prometheus: str) -> Workload:
        """KEDA's objects, errors in KEDA's words."""
        raise NotImplementedError

    def monitored(self) -> Monitor | None:
        """The monitor, with the recipe's own values filled in."""
        if self.monitor is None:
            return None
        known = {
            "namespace": self.monitor.namespace or self.namespace,
            "keep": self.monitor.keep or self.metrics,
        }
        return self.monitor.model_copy(update=known)

    def metadata(self, name: str) -> Metadata:
        """Of the workload's object; with `adopt`, the annotations by which KEDA takes the HPA over."""
        paused = dict.fromkeys(PAUSES[self.paused_scale], "true") if self.paused_scale else {}
        annotations = {**(self.annotations or {}), **(ADOPTION if self.adopt else {}), **paused} or None
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
        """How fast the HPA may move without the setting `behavior`; None leaves it to the HPA."""
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

    def _pause_faults(self, scaled: ScaledObject | ScaledJob) -> Iterator[Fault]:
        """Where `pausedScale` has no meaning, and what it writes a second time."""
        if self.paused_scale is None:
            return
        if isinstance(scaled, ScaledJob):
            why = "has no meaning for a ScaledJob, which has no replicas. Jobs would start as before."
            fix = 'Remove it, or pause with annotations: {autoscaling.keda.sh/paused: "true"}.'
            yield Fault("pausedScale", self.paused_scale, why, fix)
        elif self.adopt is not None:
            why = "is set together with adopt. KEDA would take the HPA over, and then nothing would scale."
            yield Fault("pausedScale", self.paused_scale, why, "Remove it, or adopt.")
        for annotation in PAUSES[self.paused_scale]:
            if annotation in (self.annotations or {}):
                why = "is what pausedScale writes. One of the two would be lost."
                path = f"annotations[{json.dumps(annotation)}]"
                yield Fault(path, (self.annotations or {})[annotation], why, "Remove it.")

    def _placed(self, fault: Fault) -> Fault:
        """A fault of KEDA's objects, at the setting that the value is made from."""
        words = {**self._spelling, **self.spelling}
        path = fault.path.removeprefix("spec.").removeprefix("metadata.")
        path = path.removeprefix("advanced.horizontalPodAutoscalerConfig.")
        first, key = re.split(r"[.\[]", path, maxsplit=1)[0], last_key(path)
        if first in words:
            path = f"{words[first]}{path.removeprefix(first)}"
        elif key in words:
            path = words[key]
        return fault._replace(path=path)
