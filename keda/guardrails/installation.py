"""KEDA's own installation: its webhook, its version, and who serves external metrics."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from keda.guardrails import Finding, Undecided
from keda.guardrails.scaling import NOT_YET
from keda.manifests.declared import UNKNOWN, Declared
from keda.manifests.objects import Item, items
from keda.manifests.reading import dig, mapping, sequence, text, whole

# Wherever the image is mirrored to, the last part of its name stays.
_IMAGE = re.compile(
    r"(?:.*/)?(keda|keda-metrics-apiserver|keda-admission-webhooks):v?(\d[^@:/]*)(?:@sha256:[0-9a-f]+)?"
)
_WEBHOOKS = re.compile(r"(?:.*/)?keda-admission-webhooks(?:[:@].*)?")


def webhook_availability(declared: Declared, replicas: int) -> Iterator[Finding]:
    """KEDA's webhook passed over while it is down (failurePolicy Ignore), or down with its only pod."""
    for item in items(declared.manifest, declared.where):
        if item.kind == "ValidatingWebhookConfiguration":
            yield from _failure_policy(item)
        elif any(_WEBHOOKS.fullmatch(text(each.get("image"))) for each in item.containers):
            given = item.spec.get("replicas")
            count = 1 if given is None else whole(given)
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


def version_drift(declared: Declared, version: str) -> Iterator[Finding]:
    """Another KEDA than `version`, the one that types and rules are of: by image, or by Helm release."""
    for item in items(declared.manifest, declared.where):
        for index, container in enumerate(item.containers):
            image = _IMAGE.fullmatch(text(container.get("image")))
            if image and image[2] != version:
                path = f"spec.template.spec.containers[{index}].image"
                yield _drift(item.ref, path, f"{image[1]} {image[2]}", version)
        chart = text(item.manifest.get("chart"))
        given = text(item.manifest.get("version")).removeprefix("v")
        if chart.rpartition("/")[2] == "keda" and given and given != version:
            yield _drift(
                f"{item.kind} {text(item.manifest.get('name')) or item.name}".strip(),
                "version",
                f"chart keda {given}",
                version,
            )


def _drift(name: str, path: str, found: str, version: str) -> Finding:
    return Finding(
        f"{name} {path}: {found}, and what is checked here is checked against KEDA {version}. A field, a "
        f"trigger parameter or a refusal of the other release goes unseen. Install {version}; or, once you "
        "have read its changelog, say which one you run (--policy-pack-config: keda-version-drift.version).",
        (name,),
    )


@dataclass
class ExternalMetrics:
    """Who serves external.metrics.k8s.io: a cluster has one APIService for it, and so one adapter."""

    _served: defaultdict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, declared: Declared) -> Iterator[Finding]:
        """Take an object in; say if another one serves the same group on the same cluster."""
        for item in items(declared.manifest, declared.where):
            if item.kind != "APIService" or item.spec.get("group") != "external.metrics.k8s.io":
                continue
            name = f"{item.kind} {item.name}"
            for cluster, served in self._served.items():
                met = "" in (cluster, declared.cluster) or cluster == declared.cluster
                for where, service in served.items() if met else ():
                    yield Finding(
                        f"{name} of external.metrics.k8s.io is declared twice: for {_service(item)} at "
                        f"{item.where}, and for {service} at {where}. The API server asks only one of them, "
                        "and every HPA that needs the other reads no metric. Keep KEDA's; move what the "
                        "other adapter serves into ScaledObjects (its prometheus trigger), or switch "
                        "external metrics off in its chart.",
                        (name,),
                    )
            self._served[declared.cluster][item.where] = _service(item)


def _service(item: Item) -> str:
    service = mapping(item.spec.get("service"))
    return f"Service {text(service.get('namespace'))}/{text(service.get('name'))}"


def undecided_image(declared: Declared) -> Iterator[Undecided]:
    """A container of KEDA's operator whose image is not known yet."""
    for item in items(declared.manifest, declared.where):
        label = dig(item.manifest, "metadata", "labels", "app.kubernetes.io/part-of")
        for index, container in enumerate(item.containers):
            if container.get("image") is UNKNOWN and label == "keda-operator":
                yield Undecided(
                    item.ref, item.where, f"spec.template.spec.containers[{index}].image", NOT_YET
                )


__all__ = ["ExternalMetrics", "undecided_image", "version_drift", "webhook_availability"]
