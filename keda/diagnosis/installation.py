"""KEDA itself: its operator, its metrics adapter, and the API that the HPA controller asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from keda.diagnosis.snapshot import Snapshot
from keda.diagnosis.workload import Condition, conditions_of
from keda.manifests.objects import Item
from keda.manifests.reading import dig, mapping, sequence, text, whole
from keda.syntax.go import boolean

OPERATOR, ADAPTER = "keda-operator", "keda-operator-metrics-apiserver"
_IMAGES = {OPERATOR: "keda", ADAPTER: "keda-metrics-apiserver"}
EXTERNAL_METRICS = "v1beta1.external.metrics.k8s.io"


@dataclass(frozen=True)
class Installation:
    """What a snapshot shows of KEDA; each part None where it is not seen."""

    snapshot: Snapshot

    @cached_property
    def operator(self) -> Item | None:
        """Its operator's Deployment."""
        return self._deployment(OPERATOR)

    @cached_property
    def adapter(self) -> Item | None:
        """The Deployment of its metrics adapter."""
        return self._deployment(ADAPTER)

    @cached_property
    def api_service(self) -> Item | None:
        """The APIService of external metrics."""
        found = (each for each in self.snapshot.objects.everywhere("APIService"))
        return next((each for each in found if each.name == EXTERNAL_METRICS), None)

    @cached_property
    def available(self) -> Condition:
        """Its condition Available."""
        return conditions_of(self.api_service).get("Available", Condition())

    @cached_property
    def service(self) -> str:
        """The Service behind the API, as namespace/name."""
        service = mapping(dig(self.api_service.manifest, "spec", "service")) if self.api_service else {}
        return f"{text(service.get('namespace'))}/{text(service.get('name'))}" if service else ""

    @cached_property
    def foreign(self) -> bool:
        """Whether another adapter serves the API."""
        return bool(self.service) and "keda" not in self.service.partition("/")[2]

    def ready(self, deployment: Item) -> tuple[int, int]:
        """Its ready pods, and the replicas wanted."""
        wanted = whole(deployment.spec.get("replicas"))
        ready = whole(dig(deployment.manifest, "status", "readyReplicas")) or 0
        return ready, 1 if wanted is None else wanted

    def watches(self, namespace: str) -> bool | None:
        """Whether the operator watches a namespace (WATCH_NAMESPACE, cmd/operator/main.go)."""
        if self.operator is None:
            return None
        names = [name.strip() for name in self.watched.split(",") if name.strip()]
        return not names or namespace in names

    @cached_property
    def watched(self) -> str:
        """WATCH_NAMESPACE: namespaces with commas between them, or "" for all."""
        return self._variable("WATCH_NAMESPACE")

    @cached_property
    def restricts_secrets(self) -> bool:
        """KEDA_RESTRICT_SECRET_ACCESS: Secrets are read in KEDA's own namespace only."""
        try:
            return boolean(self._variable("KEDA_RESTRICT_SECRET_ACCESS"))
        except ValueError:
            return False

    def _variable(self, name: str) -> str:
        for container in self.operator.containers if self.operator else ():
            for variable in map(mapping, sequence(container.get("env"))):
                if variable.get("name") == name:
                    return text(variable.get("value"))
        return ""

    def _deployment(self, name: str) -> Item | None:
        for item in self.snapshot.objects.everywhere("Deployment"):
            labels: Mapping[Any, Any] = mapping(dig(item.manifest, "metadata", "labels"))
            images = {_image_name(text(container.get("image"))) for container in item.containers}
            if name in (item.name, labels.get("app.kubernetes.io/name")) or _IMAGES[name] in images:
                return item
        return None


def _image_name(reference: str) -> str:
    """`keda` of ghcr.io/kedacore/keda:2.19.0@sha256:…."""
    return reference.partition("@")[0].rpartition("/")[2].partition(":")[0]
