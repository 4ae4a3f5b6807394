"""Credentials written into trigger metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator

from keda.checks.admission.parameters import INTO_A_SECRET, PLAIN_TEXT
from keda.checks.scaling import SPEC, triggers_of
from keda.core.errors import is_secret_key, join
from keda.guardrails.guardrail import Config, Finding, Guardrail, Undecided
from keda.guardrails.keda_check import is_credential, worded
from keda.guardrails.scaling import scalings
from keda.manifests.declared import UNKNOWN, Declared
from keda.manifests.objects import Item
from keda.manifests.reading import At, mapping
from keda.scalers.facts import scalers

_NO_SECRET = re.compile(r"(?i)true|false|\d{1,3}")


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
        findings = [each for each in self.program.alone(declared) if is_credential(each)]
        yield from map(worded, findings)
        places = {(each.object, each.at) for each in findings}
        for scaling in scalings(self.program.items(declared)):
            item = scaling.item
            for index, key in _of_open_scalers(item):
                at: At = (*SPEC, "triggers", index, "metadata", key)
                if (item.ref, (*item.prefix, *at)) not in places:
                    yield Finding(f"{item.ref} {join(*at)}: {PLAIN_TEXT} {INTO_A_SECRET}", (item.ref,))

    def undecided(self, declared: Declared, config: Config) -> Iterator[Undecided]:
        for scaling in scalings(self.program.items(declared)):
            item = scaling.item
            for index, trigger in triggers_of(item):
                for key, value in mapping(trigger.get("metadata")).items():
                    if value is UNKNOWN and is_secret_key(str(key)) and not str(key).endswith("FromEnv"):
                        yield Undecided(item.ref, item.where, f"spec.triggers[{index}].metadata.{key}")


def _of_open_scalers(item: Item) -> Iterator[tuple[int, str]]:
    """(trigger, key) of credentials for a scaler that passes on whatever it is given: `external`."""
    for index, trigger in triggers_of(item):
        scaler = scalers().get(str(trigger.get("type")))
        for key, value in mapping(trigger.get("metadata")).items():
            known = scaler is None or not scaler.open or any(key in each.names for each in scaler.parameters)
            named = isinstance(key, str) and is_secret_key(key) and not key.endswith("FromEnv")
            if named and not known and isinstance(value, str) and value and not _NO_SECRET.fullmatch(value):
                yield index, key
