"""Why a replica count changes, or stays: a kind and its numbers, and one sentence for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SENTENCES: Mapping[str, str] = {
    # KEDA's loop, pkg/scaling/executor/scale_scaledobjects.go
    "activated": "KEDA: {trigger} is active",
    "forced": "KEDA: activation is forced by annotation",
    "to-zero": "KEDA: inactive, {waited} s passed of the cooldown of {cooldown} s",
    "to-idle": "KEDA: inactive, {waited} s passed of the cooldown of {cooldown} s, to idleReplicaCount",
    "to-minimum": "KEDA: inactive, below minReplicaCount {minimum}",
    "paused-replicas": "KEDA: paused at {replicas}",
    "paused": "KEDA: paused, nothing moves",
    "cooling-down": "KEDA: inactive, {waited} s passed of the cooldown of {cooldown} s",
    "scale-in-paused": "KEDA: inactive, scale-in is paused",
    "scale-out-paused": "KEDA: active, scale-out is paused",
    "trigger-error": "KEDA: a trigger fails, nothing is scaled",
    "fallback-pending": "KEDA: a trigger fails, the fallback comes after {threshold} failures",
    "active": "KEDA: active",
    "partly-failing": "KEDA: active, a trigger fails",
    "inactive": "KEDA: inactive",
    # ScaledJobs, pkg/scaling/executor/scale_jobs.go
    "jobs-created": "KEDA: asks for {wanted}, {unfinished} unfinished: starts {created}",
    "jobs-enough": "KEDA: asks for {wanted}, {unfinished} unfinished: starts none",
    "jobs-minimum": "KEDA: {unfinished} unfinished, minReplicaCount {minimum}: starts {created}",
    "jobs-no-value": "KEDA: no trigger has a value, no Job starts",
    "jobs-started": "begin to run: {count}",
    "jobs-ended": "end: {count}",
    # The HPA controller, pkg/controller/podautoscaler/horizontal.go
    "above-target": "HPA: {metric} asks for {wanted}",
    "below-target": "HPA: all metrics ask for at most {wanted}",
    "at-target": "HPA: {metric} asks for the {wanted} that are there",
    "above-maximum": "HPA: above the maximum {maximum}",
    "below-minimum": "HPA: below the minimum {minimum}",
    "disabled": "HPA: disabled at 0 replicas",
    "metrics-failed": "HPA: {failed} of {metrics} metrics failed, nothing is scaled",
    "no-hpa": "no HPA while paused",
    # Someone else
    "second-owner": "another owner set {replicas}",
}
LIMITS: Mapping[str, str] = {
    "ScaleDownStabilized": "held by a higher recommendation of the stabilization window",
    "ScaleUpStabilized": "held by a lower recommendation of the stabilization window",
    "ScaleUpLimit": "as fast as scaleUp's policies allow",
    "ScaleDownLimit": "as fast as scaleDown's policies allow",
    "TooManyReplicas": "the maximum",
    "TooFewReplicas": "the minimum",
    "TooManyJobs": "the maximum",
}
"""What kept the HPA from what its metrics ask for: the reasons of its conditions, in Kubernetes' words.
TooManyJobs is of a ScaledJob.
"""


@dataclass(frozen=True, slots=True)
class Reason:
    """`kind` is a key of SENTENCES; `limits` are keys of LIMITS."""

    kind: str
    numbers: Mapping[str, int | float | str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()

    def __str__(self) -> str:
        sentence = SENTENCES[self.kind].format(**self.numbers)
        return ", ".join((sentence, *(LIMITS[limit] for limit in self.limits)))
