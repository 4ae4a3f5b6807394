"""Every replica count has one owner: a rule for each kind of second owner, with one memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from keda.guardrails import Config, Finding, Guardrail, Undecided
from keda.manifests.declared import Declared
from keda.ownership import Conflict, ConflictKind
from policies.ledger import Ledger
from policies.operation import Operation
from policies.outside import Sources


class _SecondOwner(Guardrail):
    """One kind of second owner."""

    kind: ClassVar[ConflictKind]

    def __init__(self, operation: Operation, ledger: Ledger) -> None:
        super().__init__(operation.program)
        self._ledger = ledger

    def judge(self, declared: Declared, config: Config) -> Iterator[Finding]:
        return self._of(self._ledger.conflicts(declared))

    announced = judge

    def at_end(self, config: Config) -> Iterator[Finding]:
        return self._of(self._ledger.outside_conflicts())

    def undecided_at_end(self, config: Config) -> Iterator[Undecided]:
        return self._ledger.undecided()

    def _of(self, conflicts: Iterable[Conflict]) -> Iterator[Finding]:
        for each in conflicts:
            if each.rule is self.kind:
                yield Finding(each.message, (str(each.other), str(each.scaled_object)))


class SecondHpa(_SecondOwner):
    """A HorizontalPodAutoscaler of the target."""

    name = "keda-one-owner-hpa"
    summary = "The target of a ScaledObject has no HorizontalPodAutoscaler of its own."
    why = (
        "KEDA turns a ScaledObject into an HPA (`keda-hpa-<name>`). Kubernetes stops two HPAs on the "
        "same pods (condition AmbiguousSelector): nothing scales, and the ScaledObject is Ready all "
        "the same. Where their limits differ, the replicas flap. KEDA's webhook refuses the "
        "ScaledObject if the HPA is there first; an HPA that comes later is admitted."
    )
    fails = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: voice, namespace: voice}
spec:
  scaleTargetRef: {name: voice-pipeline}
  maxReplicaCount: 3
  triggers:
    - {type: cron, metadata: {timezone: UTC, start: 0 7 * * *, end: 0 19 * * *, desiredReplicas: "2"}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: old, namespace: voice}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: voice-pipeline}
  maxReplicas: 3
"""
    passes = """\
# KEDA takes the old HPA over, without a gap in scaling. In a Pulumi program that HPA has the options
# retainOnDelete: true and ignoreChanges: [metadata, spec].
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: voice
  namespace: voice
  annotations: {scaledobject.keda.sh/transfer-hpa-ownership: "true"}
spec:
  scaleTargetRef: {name: voice-pipeline}
  maxReplicaCount: 3
  advanced: {horizontalPodAutoscalerConfig: {name: old}}
  triggers:
    - {type: cron, metadata: {timezone: UTC, start: 0 7 * * *, end: 0 19 * * *, desiredReplicas: "2"}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: old, namespace: voice}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: voice-pipeline}
  maxReplicas: 3
"""
    note = """\
The program without the HPA passes as well. In a chart, switch its own off (most have
`autoscaling.enabled: false`). Pulumi deletes last: if the HPA is in the cluster already, remove it in one
update and add the ScaledObject in the next, or KEDA's webhook meets the old HPA and refuses the
ScaledObject. To let KEDA take over an HPA of the same program: docs/adoption.md.

Passes, as with KEDA's webhook: an HPA annotated `validations.keda.sh/hpa-ownership: "false"` (the two
never meet), and KEDA's own HPA, known by its `ownerReferences`.
"""
    kind = ConflictKind.HPA


class SecondScaledObject(_SecondOwner):
    """Another ScaledObject."""

    name = "keda-one-owner-scaledobject"
    summary = "A workload is the target of one ScaledObject, and each has an HPA of its own."
    why = (
        "KEDA's webhook refuses the second ScaledObject on one target, or with one HPA name "
        "(`spec.advanced.horizontalPodAutoscalerConfig.name`), in the middle of the update; while the "
        "webhook is down two HPAs fight."
    )
    fails = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: voice, namespace: voice}
spec:
  scaleTargetRef: {name: voice-pipeline}
  maxReplicaCount: 3
  triggers:
    - {type: kubernetes-workload, metadata: {podSelector: app=caller, value: "10"}}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: voice-night, namespace: voice}
spec:
  scaleTargetRef: {name: voice-pipeline}
  maxReplicaCount: 3
  triggers:
    - {type: cron, metadata: {timezone: UTC, start: 0 7 * * *, end: 0 19 * * *, desiredReplicas: "2"}}
"""
    passes = """\
# one ScaledObject with both triggers: the highest count wins
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: voice, namespace: voice}
spec:
  scaleTargetRef: {name: voice-pipeline}
  maxReplicaCount: 3
  triggers:
    - {type: kubernetes-workload, metadata: {podSelector: app=caller, value: "10"}}
    - {type: cron, metadata: {timezone: UTC, start: 0 7 * * *, end: 0 19 * * *, desiredReplicas: "2"}}
"""
    kind = ConflictKind.SCALED_OBJECT


class FixedReplicas(_SecondOwner):
    """A replica count in the target's own manifest."""

    name = "keda-one-owner-replicas"
    summary = "The target of a ScaledObject does not fix spec.replicas."
    why = (
        "Each `pulumi up` that touches the Deployment puts it back to that number whatever the load, "
        "or stops at a server-side apply conflict on `.spec.replicas`, which the HPA controller owns "
        "by then."
    )
    fails = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: voice-pipeline, namespace: voice}
spec:
  replicas: 2
  selector: {matchLabels: {app: voice}}
  template: {metadata: {labels: {app: voice}}, spec: {containers: [{name: voice, image: voice:1}]}}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: voice, namespace: voice}
spec:
  scaleTargetRef: {name: voice-pipeline}
  maxReplicaCount: 3
  triggers:
    - {type: cron, metadata: {timezone: UTC, start: 0 7 * * *, end: 0 19 * * *, desiredReplicas: "2"}}
"""
    passes = (
        "# without replicas a new Deployment starts with 1, and KEDA takes it from there\n"
        + fails.replace("  replicas: 2\n", "")
    )
    note = """\
Passes too: a resource with `ignore_changes` on its replicas, which helps with charts that always render
them:
```python
def leave_replicas_alone(args):
    options = pulumi.ResourceOptions(ignore_changes=["spec.replicas"])
    return pulumi.ResourceTransformResult(args.props, pulumi.ResourceOptions.merge(args.opts, options))

Chart("app", chart="...", opts=pulumi.ResourceOptions(transforms=[leave_replicas_alone]))
```
"""
    kind = ConflictKind.REPLICAS


class OtherController(_SecondOwner):
    """Another controller."""

    name = "keda-one-owner-controller"
    summary = "No other controller sets the replicas of a ScaledObject's target."
    why = (
        "Envoy Gateway, Ray, Knative, Argo Rollouts, Flagger and others write replicas, or scale by "
        "themselves. KEDA's webhook checks none of them. docs/who-owns-replicas.md has the list."
    )
    fails = """\
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: eg, namespace: default}
spec:
  provider:
    type: Kubernetes
    kubernetes:
      envoyDeployment: {name: proxies}
      envoyHpa: {maxReplicas: 5}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: gateway, namespace: envoy-gateway-system}
spec:
  scaleTargetRef: {name: proxies}
  maxReplicaCount: 3
  triggers:
    - {type: cron, metadata: {timezone: UTC, start: 0 7 * * *, end: 0 19 * * *, desiredReplicas: "2"}}
"""
    passes = fails.replace("      envoyHpa: {maxReplicas: 5}\n", "")
    kind = ConflictKind.CONTROLLER


class SameResource(_SecondOwner):
    """A VerticalPodAutoscaler on the same resource."""

    name = "keda-one-owner-vpa"
    summary = "A VerticalPodAutoscaler and a ScaledObject do not act on the same resource of one target."
    why = (
        "A cpu or memory trigger measures usage against the pods' requests, and the VPA changes "
        "those: each undoes the other's answer."
    )
    fails = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: web}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 1
  maxReplicaCount: 3
  triggers:
    - {type: cpu, metricType: Utilization, metadata: {value: "60"}}
---
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata: {name: web, namespace: web}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
"""
    passes = (
        fails
        + '  resourcePolicy: {containerPolicies: [{containerName: "*", controlledResources: [memory]}]}\n'
    )
    kind = ConflictKind.VPA


_KINDS = (SecondHpa, SecondScaledObject, FixedReplicas, OtherController, SameResource)
RULES: tuple[type[Guardrail], ...] = (Sources, *_KINDS)


def rules(operation: Operation) -> list[Guardrail]:
    """One rule for each kind of second owner, with one memory, and first the one that reads other places."""
    ledger = Ledger()
    return [Sources(operation, ledger), *(kind(operation, ledger) for kind in _KINDS)]
