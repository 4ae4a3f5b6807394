"""One ScaledObject with all that belongs to it, as read: conditions, metrics, HPA, target, events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from keda.checks.engine import judge_alone
from keda.checks.findings import Finding
from keda.core.defaults import RESOURCE_SCALERS
from keda.diagnosis.metric import Metric, metrics_of
from keda.diagnosis.snapshot import Event, Snapshot
from keda.diagnosis.wording import parse_time
from keda.manifests.objects import Item, selects
from keda.manifests.reading import belongs_to, dig, managed_fields, mapping, sequence, text, whole
from keda.scaling.manifest import Unsimulated, read_limits
from keda.scaling.scaled_object import ScaledObject

SYNC = timedelta(seconds=15)
"""--horizontal-pod-autoscaler-sync-period, by default."""


@dataclass(frozen=True)
class Condition:
    """A condition of any object; absent ones have the status ""."""

    status: str = ""
    reason: str = ""
    message: str = ""
    since: datetime | None = None


def conditions_of(item: Item | None) -> Mapping[str, Condition]:
    """By type."""
    found = {}
    for each in map(mapping, sequence(dig(item.manifest, "status", "conditions")) if item else ()):
        found[text(each.get("type"))] = Condition(
            text(each.get("status")),
            text(each.get("reason")),
            text(each.get("message")),
            parse_time(each.get("lastTransitionTime")),
        )
    return found


@dataclass(frozen=True)
class Writer:
    """A field manager that owns the target's spec.replicas, and when it last wrote."""

    manager: str
    at: datetime | None
    scale: bool
    """It wrote through /scale; Kubernetes leaves out the time then."""


@dataclass(frozen=True)
class Workload:
    """A view on a ScaledObject of a snapshot; nothing is computed before it is asked for."""

    item: Item
    snapshot: Snapshot

    @property
    def now(self) -> datetime:
        """The time of the snapshot."""
        return self.snapshot.now

    @cached_property
    def status(self) -> Mapping[Any, Any]:
        """The status, {} without one."""
        return mapping(self.item.manifest.get("status"))

    @cached_property
    def conditions(self) -> Mapping[str, Condition]:
        """By type."""
        return conditions_of(self.item)

    def condition(self, kind: str) -> Condition:
        """One condition; an absent one has the status ""."""
        return self.conditions.get(kind, Condition())

    @cached_property
    def created(self) -> datetime:
        """When it was created."""
        return parse_time(dig(self.item.manifest, "metadata", "creationTimestamp")) or self.now

    @cached_property
    def age(self) -> timedelta:
        """Time since its creation."""
        return self.now - self.created

    @cached_property
    def mistakes(self) -> list[Finding]:
        """What `keda check` finds in the object by itself, errors first."""
        written = {key: value for key, value in self.item.manifest.items() if key != "status"}
        return sorted(judge_alone(Item(written, "")), key=lambda each: each.severity)

    @cached_property
    def limits(self) -> ScaledObject | str:
        """Its settings without the triggers, or what makes them unreadable, in one sentence."""
        try:
            return read_limits(self.item.manifest)
        except Unsimulated as error:
            return str(error)

    @cached_property
    def settings(self) -> ScaledObject:
        """Its settings; KEDA's defaults where they are unreadable."""
        return self.limits if isinstance(self.limits, ScaledObject) else ScaledObject(())

    @cached_property
    def paused(self) -> bool:
        """NeedToBePausedByAnnotation: no loop and no HPA (apis/keda/v1alpha1/scaledobject_types.go)."""
        annotations = self.settings.annotations
        return annotations.paused or annotations.paused_replicas is not None

    @cached_property
    def polling(self) -> timedelta:
        """The polling interval."""
        return timedelta(milliseconds=self.settings.polling_interval)

    @cached_property
    def triggers(self) -> list[Mapping[Any, Any]]:
        """Of the spec."""
        return [mapping(each) for each in sequence(self.item.spec.get("triggers"))]

    @cached_property
    def only_resources(self) -> bool:
        """Whether all triggers are cpu and memory, which KEDA takes for always active."""
        return all(each.get("type") in RESOURCE_SCALERS for each in self.triggers)

    @cached_property
    def events(self) -> list[Event]:
        """Its own, newest first; an earlier object of the same name has left some too."""
        return self._since_created(self.snapshot.events(self.item))

    @cached_property
    def hpa_events(self) -> list[Event]:
        """Those of its HPA, newest first."""
        return self._since_created(self.snapshot.events(self.hpa)) if self.hpa else []

    def _since_created(self, events: list[Event]) -> list[Event]:
        return [event for event in events if event.last >= self.created]

    def event(self, *reasons: str) -> Event | None:
        """The newest of these reasons."""
        return next((event for event in self.events if event.reason in reasons), None)

    @cached_property
    def last_active(self) -> datetime | None:
        """status.lastActiveTime."""
        return parse_time(self.status.get("lastActiveTime"))

    # The HPA

    @cached_property
    def hpa_name(self) -> str:
        """getHPAName, controllers/keda/hpa.go: the status first."""
        named = dig(self.item.spec, "advanced", "horizontalPodAutoscalerConfig", "name")
        return text(self.status.get("hpaName")) or text(named) or f"keda-hpa-{self.item.name}"

    @cached_property
    def hpa(self) -> Item | None:
        """The HPA that KEDA made, if it is seen."""
        return self.snapshot.objects.get(
            "autoscaling", "HorizontalPodAutoscaler", self.item.namespace, self.hpa_name
        )

    @cached_property
    def hpa_conditions(self) -> Mapping[str, Condition]:
        """By type."""
        return conditions_of(self.hpa)

    def hpa_condition(self, kind: str) -> Condition:
        """One of the HPA's; an absent one has the status ""."""
        return self.hpa_conditions.get(kind, Condition())

    @cached_property
    def hpa_status(self) -> Mapping[Any, Any]:
        """The HPA's status, {} without one."""
        return mapping(self.hpa.manifest.get("status")) if self.hpa else {}

    @cached_property
    def last_scaled(self) -> datetime | None:
        """When the HPA last wrote another count."""
        return parse_time(self.hpa_status.get("lastScaleTime"))

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """Those of the HPA."""
        return metrics_of(self.item, self.hpa, self.snapshot)

    # The target

    @cached_property
    def target_kind(self) -> str:
        """The kind that is scaled."""
        return text(dig(self.item.spec, "scaleTargetRef", "kind")) or "Deployment"

    @cached_property
    def target_name(self) -> str:
        """Its name."""
        return text(dig(self.item.spec, "scaleTargetRef", "name"))

    @cached_property
    def target_ref(self) -> str:
        """Kind, namespace and name."""
        return f"{self.target_kind} {self.item.namespace}/{self.target_name}"

    @cached_property
    def target(self) -> Item | None:
        """The object that is scaled, if it is seen."""
        return self.snapshot.objects.target(self.item)

    @cached_property
    def replicas(self) -> int | None:
        """spec.replicas of the target; where the target is not seen, what the HPA saw at its last sync."""
        given = self._of_target("spec", "replicas")
        if given is None and self._is_builtin and self.target is not None:
            return 1
        return whole(self.hpa_status.get("currentReplicas") if given is None else given)

    @cached_property
    def ready(self) -> int | None:
        """How many of its pods are Ready; None if its status does not have it."""
        found = whole(self._of_target("status", "readyReplicas"))
        # Kubernetes' own kinds leave a 0 out.
        return 0 if found is None and self._is_builtin and self.target is not None else found

    @property
    def _is_builtin(self) -> bool:
        return self.target_kind in ("Deployment", "StatefulSet", "ReplicaSet")

    @cached_property
    def pods(self) -> list[Item]:
        """The target's pods that were read."""
        selector = self.target.spec.get("selector") if self.target else None
        pods = self.snapshot.objects.of("Pod", self.item.namespace)
        return [pod for pod in pods if selects(selector, mapping(dig(pod.manifest, "metadata", "labels")))]

    @cached_property
    def writers(self) -> list[Writer]:
        """Who owns the target's spec.replicas, the last to write first.

        Often nobody where the last write went through /scale, as those of KEDA, HPAs and kubectl scale do.
        """
        found = []
        for entry in managed_fields(self.target.manifest) if self.target else ():
            if "f:replicas" in mapping(dig(entry, "fieldsV1", "f:spec")):
                manager = text(entry.get("manager")) or "(unnamed)"
                scale = entry.get("subresource") == "scale"
                found.append(Writer(manager, parse_time(entry.get("time")), scale))
        return sorted(found, key=lambda writer: writer.at.timestamp() if writer.at else 0, reverse=True)

    def _of_target(self, *keys: str) -> Any:
        return dig(self.target.manifest, *keys) if self.target else None

    @cached_property
    def other_hpas(self) -> list[Item]:
        """HPAs of others on the same target."""
        found = []
        for hpa in self.snapshot.objects.of("HorizontalPodAutoscaler", self.item.namespace):
            reference = mapping(hpa.spec.get("scaleTargetRef"))
            own = hpa.name == self.hpa_name or ("ScaledObject", self.item.name) in belongs_to(hpa.manifest)
            same = (reference.get("kind"), reference.get("name")) == (self.target_kind, self.target_name)
            if same and not own:
                found.append(hpa)
        return found
