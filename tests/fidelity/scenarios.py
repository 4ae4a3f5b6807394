"""All scenarios, in the batches that run side by side."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fidelity.scenario import Batch
from tests.fidelity.scenarios_disturbed import CONTROLLER_AWAY, DISTURBED, OPERATOR_AWAY
from tests.fidelity.scenarios_faults import FAULTS
from tests.fidelity.scenarios_hpa import HPA
from tests.fidelity.scenarios_jobs import JOBS
from tests.fidelity.scenarios_loop import LOOP
from tests.fidelity.scenarios_pods import PODS

RULES: Mapping[str, str] = {
    "polling": "the loop runs every pollingInterval",
    "activation": "active above the activation threshold, not at it",
    "one-step": "N to 0 in one step",
    "cooldown": "cooldownPeriod since the last active poll",
    "initial-cooldown": "initialCooldownPeriod since the creation while never active",
    "idle": "idleReplicaCount",
    "minimum": "minReplicaCount",
    "maximum": "maxReplicaCount",
    "pause-all": "autoscaling.keda.sh/paused",
    "pause-at-count": "autoscaling.keda.sh/paused-replicas",
    "pause-scale-in": "autoscaling.keda.sh/paused-scale-in",
    "pause-scale-out": "autoscaling.keda.sh/paused-scale-out",
    "force-activation": "autoscaling.keda.sh/force-activation",
    "fallback": "fallback and its behaviors",
    "cached": "useCachedMetrics",
    "modifiers": "scalingModifiers",
    "one-fails": "one trigger fails among several",
    "trigger-error": "all triggers fail, without a fallback",
    "null-values": "no series, NaN",
    "tolerance": "no change within a tenth",
    "rounding": "quantities in milli, counts rounded up",
    "value": "metricType Value: times the ready pods",
    "utilization": "cpu in percent of the requests",
    "resource-average": "memory as an average",
    "missing": "pods without metrics",
    "readiness": "pods that are not ready yet",
    "several": "the largest of several metrics",
    "default-behavior": "the behavior that nobody wrote",
    "policies": "policies with their periods",
    "select": "selectPolicy",
    "stabilization": "stabilization windows",
    "step": "a step",
    "ramp": "a ramp",
    "outage": "the source is away",
    "operator-restart": "KEDA's operator is away",
    "controller-restart": "kube-controller-manager is away",
    "second-owner": "someone else sets the replicas",
    "edit": "the ScaledObject changes",
    "jobs-default": "ScaledJob: the default strategy",
    "jobs-accurate": "ScaledJob: accurate",
    "jobs-eager": "ScaledJob: eager",
    "jobs-custom": "ScaledJob: custom",
    "jobs-several": "ScaledJob: multipleScalersCalculation",
}

BATCHES = (
    Batch("loop", LOOP),
    Batch("faults", FAULTS),
    Batch("hpa", HPA),
    Batch("pods", PODS),
    Batch("jobs", JOBS),
    Batch("disturbed", DISTURBED, OPERATOR_AWAY, CONTROLLER_AWAY),
)
SCENARIOS = {scenario.name: scenario for batch in BATCHES for scenario in batch.scenarios}
