"""Credentials written into trigger metadata."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.scaling import triggers_of
from keda.core.errors import is_secret_key, join
from keda.guardrails.guardrail import Config, Finding, Guardrail, Undecided
from keda.guardrails.keda_check import is_credential, worded
from keda.guardrails.scaling import scalings
from keda.manifests.declared import UNKNOWN, Declared


class CredentialsPlain(Guardrail):
    """Credentials in trigger metadata. The values are never part of a message."""

    name = "keda-credentials-plain"
    summary = "Credentials are read through a TriggerAuthentication, not written into trigger metadata."
    why = (
        "Trigger metadata are readable by everyone who may read the object, and copied into Git, "
        "Pulumi's state and backups. The finding names the key, never the value."
    )
    fails = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: worker, namespace: work}
spec:
  scaleTargetRef: {name: worker}
  maxReplicaCount: 3
  triggers:
    - {type: redis, metadata: {address: "redis:6379", password: hunter2, listName: work, listLength: "5"}}
"""
    passes = """\
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: redis, namespace: work}
spec: {secretTargetRef: [{parameter: password, name: redis, key: password}]}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: worker, namespace: work}
spec:
  scaleTargetRef: {name: worker}
  maxReplicaCount: 3
  triggers:
    - type: redis
      metadata: {address: "redis:6379", listName: work, listLength: "5"}
      authenticationRef: {name: redis}
"""
    note = """\
`keda check` reports the same by [plain-secret](../rules/plain-secret.md), and the annotation that silences
it there does so here.
"""
    severity = "critical"

    def judge(self, declared: Declared, config: Config) -> Iterator[Finding]:
        yield from map(worded, filter(is_credential, self.program.alone(declared)))

    def undecided(self, declared: Declared, config: Config) -> Iterator[Undecided]:
        for scaling in scalings(self.program.items(declared)):
            item = scaling.item
            for trigger in triggers_of(item):
                for key, value in trigger.metadata.items():
                    if value is UNKNOWN and is_secret_key(str(key)) and not str(key).endswith("FromEnv"):
                        at = join(*trigger.at, "metadata", str(key))
                        yield Undecided(item.ref, item.where, at)
