"""A maximum of replicas that somebody chose, within a ceiling."""

from __future__ import annotations

from collections.abc import Iterator

from keda.core.defaults import DEFAULT_MAX
from keda.guardrails.guardrail import Config, Finding, Guardrail, Undecided
from keda.guardrails.keda_check import found
from keda.guardrails.scaling import scalings, undecided_maximum
from keda.manifests.declared import Declared
from keda.manifests.reading import whole


class ReplicasCeiling(Guardrail):
    """A maximum that nobody chose, or one above `ceiling` (replicas; for a ScaledJob, Jobs at a time)."""

    name = "keda-replicas-ceiling"
    summary = "maxReplicaCount is set, and not above the ceiling."
    why = (
        "KEDA's default is 100. One wrong metric is enough to reach it, and nobody chose it. A "
        "ceiling of your own (`ceiling`, none by default) bounds what is chosen; for a ScaledJob it "
        "counts Jobs at a time."
    )
    fails = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: voice, namespace: voice}
spec:
  scaleTargetRef: {name: voice-pipeline}   # no maxReplicaCount: 100
  triggers:
    - {type: cron, metadata: {timezone: UTC, start: 0 7 * * *, end: 0 19 * * *, desiredReplicas: "2"}}
"""
    passes = fails.replace("   # no maxReplicaCount: 100", "\n  maxReplicaCount: 20")
    note = """\
`keda check` reports the first half by [default-max](../rules/default-max.md), and the annotation that
silences it there does so here.
"""
    example = {"ceiling": 20}
    settings = {
        "ceiling": {
            "type": "integer",
            "minimum": 1,
            "description": "Replicas, or Jobs at a time. Unset: any number that was chosen.",
        }
    }

    def judge(self, declared: Declared, config: Config) -> Iterator[Finding]:
        yield from found(self.program.alone(declared), "default-max")
        ceiling = config.get("ceiling")
        for scaling in scalings(self.program.items(declared)):
            item, limit = scaling.item, scaling.maximum
            unset = limit is None and item.kind == "HTTPScaledObject"
            maximum = DEFAULT_MAX if unset else whole(limit)
            if ceiling is not None and maximum is not None and maximum > ceiling:
                shown = f"{maximum}{' by default' * unset}"
                yield Finding(
                    f"{item.ref} {scaling.path}: {shown} is above the ceiling of {ceiling}. One wrong "
                    f"metric is enough to reach it. Write at most {ceiling}, or raise the ceiling "
                    f"(--policy-pack-config: {self.name}.ceiling).",
                    (item.ref,),
                )

    def undecided(self, declared: Declared, config: Config) -> Iterator[Undecided]:
        for scaling in scalings(self.program.items(declared)):
            yield from undecided_maximum(scaling)
