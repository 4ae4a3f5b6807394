"""KEDA's webhook: passed over while it is down (failurePolicy Ignore), or down with its only pod."""

from __future__ import annotations

import re
from collections.abc import Iterator

from keda.guardrails.guardrail import Config, Finding, Guardrail
from keda.manifests.declared import Declared
from keda.manifests.objects import Item
from keda.manifests.reading import mapping, sequence, text, whole

_WEBHOOKS = re.compile(r"(?:.*/)?keda-admission-webhooks(?:[:@].*)?")


class WebhookAvailability(Guardrail):
    """The webhook's failurePolicy and its replicas."""

    name = "keda-webhook-availability"
    summary = "KEDA's admission webhook is highly available, and its failures are not ignored."
    why = (
        "The chart's default is failurePolicy Ignore and one replica: while that pod restarts, the "
        "API server takes whatever the webhook would refuse. With Fail and one replica it refuses "
        "everything instead. The rule is advisory by default; `replicas` (2) is what it expects."
    )
    fails = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: keda-admission}
webhooks:
  - name: vscaledobject.kb.io
    failurePolicy: Ignore
    rules:
      - {apiGroups: [keda.sh], apiVersions: [v1alpha1], operations: [CREATE], resources: [scaledobjects]}
"""
    passes = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: keda-admission}
webhooks:
  - name: vscaledobject.kb.io
    failurePolicy: Fail
    rules:
      - {apiGroups: [keda.sh], apiVersions: [v1alpha1], operations: [CREATE], resources: [scaledobjects]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: keda-admission-webhooks, namespace: keda}
spec:
  replicas: 2
  selector: {matchLabels: {app: keda-admission-webhooks}}
  template:
    metadata: {labels: {app: keda-admission-webhooks}}
    spec: {containers: [{name: webhooks, image: "ghcr.io/kedacore/keda-admission-webhooks:2.19.0"}]}
"""
    settings = {
        "replicas": {
            "type": "integer",
            "minimum": 1,
            "default": 2,
            "description": "Replicas of KEDA's webhook.",
        }
    }
    severity = "medium"
    level = "advisory"

    def judge(self, declared: Declared, config: Config) -> Iterator[Finding]:
        for item in self.program.items(declared):
            if item.kind == "ValidatingWebhookConfiguration":
                yield from _failure_policy(item)
            elif any(_WEBHOOKS.fullmatch(text(each.get("image"))) for each in item.containers):
                yield from _replicas(item, config["replicas"])


def _replicas(item: Item, replicas: int) -> Iterator[Finding]:
    number = item.spec.get("replicas")
    count = 1 if number is None else whole(number)
    if count is not None and count < replicas:
        yield Finding(
            f"{item.ref} spec.replicas: {count} of KEDA's webhook, fewer than {replicas}. Whenever "
            "its node is drained or it is updated, what it checks is refused (failurePolicy Fail) or "
            f"goes in unchecked (Ignore). Write {replicas}; KEDA's chart: webhooks.replicaCount.",
            (item.ref,),
        )


def _failure_policy(item: Item) -> Iterator[Finding]:
    name = f"{item.kind} {item.name}"
    passing = [
        webhook
        for webhook in map(mapping, sequence(item.manifest.get("webhooks")))
        if webhook.get("failurePolicy") == "Ignore" and _asks_keda(webhook.get("rules"))
    ]
    if passing:
        yield Finding(
            f"{name} webhooks[].failurePolicy: Ignore. While KEDA's webhook does not answer, the API server "
            "takes what it would refuse: a second ScaledObject on one target, a formula that does not "
            "compile. Write Fail, with two replicas of the webhook; KEDA's chart: webhooks.failurePolicy and "
            "webhooks.replicaCount.",
            (name,),
        )


def _asks_keda(rules: object) -> bool:
    return any("keda.sh" in sequence(mapping(rule).get("apiGroups")) for rule in sequence(rules))
