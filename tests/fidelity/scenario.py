"""What a scenario is: a ScaledObject, its signals, and what is done to it meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lab.node.netns import NODE_ADDRESS
from tests.fidelity.signals import Step, Timeline
from tests.fidelity.source import PORT

NAMESPACE = "fidelity"
REQUEST = 20
"""cpu and memory request of a pod: thousandths of a core, and as many KiB."""


class Act(NamedTuple):
    """Done by someone else at `at` seconds: replicas set, or a merge patch of the ScaledObject."""

    at: float
    replicas: int | None = None
    patch: Mapping[str, Any] | None = None


def annotate(at: float, **annotations: str | None) -> Act:
    """Annotations of autoscaling.keda.sh, with - for _; None takes one away."""
    keys = {f"autoscaling.keda.sh/{name.replace('_', '-')}": value for name, value in annotations.items()}
    return Act(at, patch={"metadata": {"annotations": keys}})


@dataclass(frozen=True)
class Trigger:
    """One trigger and what it reads. `parameters` are added to its metadata."""

    steps: tuple[Step, ...]
    target: float = 5
    type: str = "metrics-api"
    parameters: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)

    def timeline(self) -> Timeline:
        return Timeline(self.steps, self.parameters.get("ignoreNullValues", "true") == "true")

    def manifest(self, path: str) -> dict[str, Any]:
        url = f"http://{NODE_ADDRESS}:{PORT}/{path}"
        metadata: dict[str, Any] = {"targetValue": f"{self.target:g}", "url": url, "valueLocation": "value"}
        if self.type == "prometheus":
            metadata = {"threshold": f"{self.target:g}", "serverAddress": url, "query": "signal"}
        elif self.type in ("cpu", "memory"):
            metadata = {"value": f"{self.target:g}"}
        return {"type": self.type, "metadata": metadata | dict(self.parameters), **self.fields}


@dataclass(frozen=True)
class Scenario:
    """`rules` are names of RULES. `pods`: "none" are never scheduled, "real" run, and are Ready `delay`
    seconds after their start. `sampled_after`: the seconds after which a pod has cpu and memory metrics."""

    name: str
    rules: tuple[str, ...]
    triggers: tuple[Trigger, ...]
    spec: Mapping[str, Any]
    seconds: int = 120
    replicas: int = 0
    acts: tuple[Act, ...] = ()
    pods: str = "none"
    delay: int = 0
    sampled_after: int = 0
    annotations: Mapping[str, str] = field(default_factory=dict)
    kind: str = "ScaledObject"
    lifetime: int = 0
    """Of a ScaledJob: the seconds after which a Job ends."""
    live: bool = False
    """One of the sample that the live tests run."""

    def scaled_object(self) -> dict[str, Any]:
        metadata = {"name": self.name, "namespace": NAMESPACE, "annotations": dict(self.annotations)}
        triggers = [each.manifest(f"{self.name}/{index}") for index, each in enumerate(self.triggers)]
        target: dict[str, Any] = {"scaleTargetRef": {"name": self.name}}
        if self.kind == "ScaledJob":
            job = {"activeDeadlineSeconds": self.lifetime, "backoffLimit": 0}
            pod = {**self.pod(), "restartPolicy": "Never"}
            target = {"jobTargetRef": {**job, "template": {"spec": pod}}}
        spec = {**target, **self.spec, "triggers": triggers}
        return {"apiVersion": "keda.sh/v1alpha1", "kind": self.kind, "metadata": metadata, "spec": spec}

    def pod(self) -> dict[str, Any]:
        """The specification of a pod that does nothing."""
        container: dict[str, Any] = {"name": "pause", "image": "registry.k8s.io/pause:3.10"}
        container["resources"] = {"requests": {"cpu": f"{REQUEST}m", "memory": f"{REQUEST}Ki"}}
        if self.delay:
            # kubelet's own health: it answers at once, so that the delay alone decides.
            probe = {"tcpSocket": {"host": "127.0.0.1", "port": 10248}, "periodSeconds": 1}
            container["readinessProbe"] = {**probe, "initialDelaySeconds": self.delay}
        pod: dict[str, Any] = {"containers": [container], "terminationGracePeriodSeconds": 1}
        pod["automountServiceAccountToken"] = False
        if self.pods == "none":
            pod["nodeSelector"] = {"fidelity": "no-node-has-it"}
        return pod

    def deployment(self) -> dict[str, Any]:
        """The target of a ScaledObject."""
        labels = {"app": self.name}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self.name, "namespace": NAMESPACE, "labels": labels},
            "spec": {
                "replicas": self.replicas,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": self.pod()},
            },
        }


@dataclass(frozen=True)
class Batch:
    """Scenarios that run at the same time. `operator_away`, `controller_away`: from when to when these are
    stopped, in seconds since the last scenario began."""

    name: str
    scenarios: Sequence[Scenario]
    operator_away: tuple[float, float] | None = None
    controller_away: tuple[float, float] | None = None


FAST: Mapping[str, Any] = {"policies": [{"type": "Pods", "value": 100, "periodSeconds": 1}]}
"""A way up without limits."""
SHORT: Mapping[str, Any] = {"stabilizationWindowSeconds": 8}
"""Between two syncs: at a multiple of their period a millisecond decides. So are the periods of policies."""


APART = 3.7
"""KEDA's poll and the HPA's sync begin together. A change of the spec then begins the polls anew, between two
syncs: where both write in one moment, it is chance who is first."""


def scaled(
    name: str,
    rules: str,
    *triggers: Trigger,
    up: Mapping[str, Any] | None = FAST,
    down: Mapping[str, Any] | None = SHORT,
    advanced: Mapping[str, Any] | None = None,
    **more: Any,
) -> Scenario:
    """A scenario with shortened periods; `spec` keys are those of the ScaledObject, in camelCase."""
    own = {key: more.pop(key) for key in list(more) if key in Scenario.__dataclass_fields__}
    behavior = {key: dict(rule) for key, rule in (("scaleUp", up), ("scaleDown", down)) if rule is not None}
    advanced = dict(advanced or {})
    if behavior:
        advanced["horizontalPodAutoscalerConfig"] = {"behavior": behavior}
    spec = {"pollingInterval": 5, "cooldownPeriod": 15, "maxReplicaCount": 10, **more}
    if advanced:
        spec["advanced"] = advanced
    apart = {"spec": {"initialCooldownPeriod": more.get("initialCooldownPeriod", 0) + 1}}
    own["acts"] = (Act(APART, patch=apart), *own.get("acts", ()))
    return Scenario(name, tuple(rules.split()), triggers, spec, **own)


def jobs(name: str, rules: str, *triggers: Trigger, strategy: Mapping[str, Any], **more: Any) -> Scenario:
    """A ScaledJob whose Jobs end after 32 s."""
    own = {key: more.pop(key) for key in list(more) if key in Scenario.__dataclass_fields__}
    spec = {"pollingInterval": 5, "maxReplicaCount": 10, "scalingStrategy": dict(strategy), **more}
    own = {"kind": "ScaledJob", "lifetime": 32, "seconds": 110, **own}
    return Scenario(name, tuple(rules.split()), triggers, spec, **own)


def rules(window: int | None = None, select: str | None = None, *policies: str) -> dict[str, Any]:
    """scaleUp or scaleDown; a policy as `4 Pods / 15` or `50 Percent / 15`."""
    found: dict[str, Any] = {}
    if window is not None:
        found["stabilizationWindowSeconds"] = window
    if select is not None:
        found["selectPolicy"] = select
    if policies:
        parts = [policy.split() for policy in policies]
        found["policies"] = [
            {"type": kind, "value": int(value), "periodSeconds": int(period)}
            for value, kind, _, period in parts
        ]
    return found
