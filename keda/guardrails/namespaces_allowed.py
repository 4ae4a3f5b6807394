"""Namespaces where scaling is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from keda.guardrails.guardrail import Config, Finding, Guardrail, Undecided
from keda.guardrails.scaling import namespace_unknown, scalings, undecided_namespace
from keda.manifests.declared import Declared


class NamespacesAllowed(Guardrail):
    """Scaling outside the namespaces of `allowed` (shell patterns). Without any, every namespace is."""

    name = "keda-namespaces-allowed"
    summary = "ScaledObjects and ScaledJobs are in the namespaces where scaling is allowed."
    why = (
        "Where a platform team grants scaling by namespace, or KEDA watches some namespaces only "
        "(`watchNamespace`), an object elsewhere is against the rules, or dead. The rule is off until "
        "`allowed` names namespaces."
    )
    fails = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: default}
spec:
  scaleTargetRef: {name: web}
  maxReplicaCount: 3
  triggers:
    - {type: cron, metadata: {timezone: UTC, start: 0 7 * * *, end: 0 19 * * *, desiredReplicas: "2"}}
"""
    passes = fails.replace("namespace: default", "namespace: team-web")
    example = {"allowed": ["voice", "team-*"]}
    settings = {
        "allowed": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "default": [],
            "description": "Namespaces where scaling is allowed, * matches anything. []: everywhere.",
        }
    }
    severity = "medium"

    def judge(self, declared: Declared, config: Config) -> Iterator[Finding]:
        allowed = config["allowed"]
        for scaling in scalings(self.program.items(declared)) if allowed else ():
            item = scaling.item
            if namespace_unknown(item) or any(fnmatchcase(item.namespace, pattern) for pattern in allowed):
                continue
            yield Finding(
                f"{item.ref} metadata.namespace: {item.namespace} is none of the namespaces where scaling is "
                f"allowed ({', '.join(allowed)}). Move it and its target there, or add the "
                f"namespace (--policy-pack-config: {self.name}.allowed).",
                (item.ref,),
            )

    def undecided(self, declared: Declared, config: Config) -> Iterator[Undecided]:
        for scaling in scalings(self.program.items(declared)) if config["allowed"] else ():
            yield from undecided_namespace(scaling.item)
