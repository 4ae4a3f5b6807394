"""The GPUs that everything scaled may ask for at once, checked against what the cluster has.

A pod whose GPU is taken stays Pending, and nothing reports that two workloads' maxima do
not fit together. The sum is taken by priority class, since the scheduler has a pod of a lower class give
way to one of a higher (preemption): classes may overlap, equals may not.
"""

from __future__ import annotations

from collections.abc import Iterator

from keda.guardrails.gpus import NVIDIA, GpuSum
from keda.guardrails.guardrail import Config, Finding, Guardrail, Undecided
from keda.guardrails.program import Program
from keda.manifests.declared import Declared


class GpuBudget(Guardrail):
    """Off until `capacity` gives what the cluster has."""

    name = "keda-gpu-budget"
    summary = "The GPUs requested at maximum scale do not exceed the capacity of the cluster."
    why = (
        "A pod that finds no GPU stays Pending. Each workload may fit by itself, "
        "and two together not; nothing reports it. The sum of maxReplicaCount x GPUs per pod stays "
        "within `capacity`, which turns the rule on."
    )
    fails = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: render, namespace: render}
spec:
  selector: {matchLabels: {app: render}}
  template:
    metadata: {labels: {app: render}}
    spec: {containers: [{name: render, image: render:1, resources: {limits: {nvidia.com/gpu: 1}}}]}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: render, namespace: render}
spec:
  scaleTargetRef: {name: render}
  maxReplicaCount: 3
  triggers:
    - {type: cron, metadata: {timezone: UTC, start: 0 7 * * *, end: 0 19 * * *, desiredReplicas: "2"}}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledJob
metadata: {name: batch, namespace: batch}
spec:
  maxReplicaCount: 1
  successfulJobsHistoryLimit: 5
  failedJobsHistoryLimit: 5
  rollout: {strategy: gradual}
  jobTargetRef:
    template:
      spec:
        restartPolicy: Never
        containers: [{name: job, image: job:1, resources: {limits: {nvidia.com/gpu: 2}}}]
  triggers:
    - {type: cron, metadata: {timezone: UTC, start: 0 7 * * *, end: 0 19 * * *, desiredReplicas: "2"}}
"""
    passes = "# the Job gives way: its pods are of a priority class of their own\n" + fails.replace(
        "        restartPolicy: Never\n", "        restartPolicy: Never\n        priorityClassName: batch\n"
    )
    note = """\
GPUs per pod are read from the target's pod template in the program, or the ScaledJob's own. A target that
is declared elsewhere is named at the end, not counted; write the GPUs of its pods into the annotation
`keda-homelab.dev/gpus-per-pod: "1"` on the ScaledObject, or for all of them with `elsewhere` in the
config.

Two workloads may overlap if one gives way (pods of another `priorityClassName`: the sum is taken for each
class) or if they never run at once (annotation `keda-homelab.dev/gpu-overlap: "batch runs at night"`). A
workload that by itself requests more than there is may not.
"""
    example = {"capacity": 4}
    settings = {
        "capacity": {
            "type": "integer",
            "minimum": 0,
            "description": "GPUs that pods can have in the whole cluster. Unset: the rule is off.",
        },
        "resource": {
            "type": "string",
            "minLength": 1,
            "default": NVIDIA,
            "description": "The resource's name, for example amd.com/gpu.",
        },
        "elsewhere": {
            "type": "integer",
            "minimum": 0,
            "description": "GPUs per pod of targets that this program does not declare. Unset: they are "
            "named at the end, and not counted.",
        },
    }

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._sum = GpuSum()

    def judge(self, declared: Declared, config: Config) -> Iterator[Finding]:
        if (capacity := config.get("capacity")) is not None:
            self._sum.resource = config["resource"]
            yield from self._sum.add(self.program.items(declared), declared.cluster, capacity)

    def at_end(self, config: Config) -> Iterator[Finding]:
        capacity, elsewhere = config.get("capacity"), config.get("elsewhere")
        if capacity is not None and elsewhere is not None:
            yield from self._sum.rest(capacity, elsewhere)

    def undecided_at_end(self, config: Config) -> Iterator[Undecided]:
        return self._sum.undecided()
