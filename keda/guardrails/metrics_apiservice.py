"""Who serves external.metrics.k8s.io: a cluster has one APIService for it, and so one adapter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from keda.guardrails.guardrail import Config, Finding, Guardrail
from keda.guardrails.program import Program
from keda.manifests.declared import Declared
from keda.manifests.objects import Item
from keda.manifests.reading import mapping, text


class MetricsApiservice(Guardrail):
    """A second server of the same group on one cluster."""

    name = "keda-metrics-apiservice"
    summary = "Only one adapter serves external.metrics.k8s.io in a cluster."
    why = (
        "The API group has one APIService. KEDA and a Prometheus Adapter with external metrics, or "
        "two KEDAs, take it from each other: each update hands it to the other, and the HPAs of "
        "the loser read nothing (kedacore/charts#470)."
    )
    fails = """\
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec:
  group: external.metrics.k8s.io
  version: v1beta1
  service: {name: keda-operator-metrics-apiserver, namespace: keda}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec:
  group: external.metrics.k8s.io
  version: v1beta1
  service: {name: prometheus-adapter, namespace: monitoring}
"""
    passes = """\
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec:
  group: external.metrics.k8s.io
  version: v1beta1
  service: {name: keda-operator-metrics-apiserver, namespace: keda}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.custom.metrics.k8s.io}
spec:
  group: custom.metrics.k8s.io
  version: v1beta1
  service: {name: prometheus-adapter, namespace: monitoring}
"""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._served: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def judge(self, declared: Declared, config: Config) -> Iterator[Finding]:
        for item in self.program.items(declared):
            if item.kind != "APIService" or item.spec.get("group") != "external.metrics.k8s.io":
                continue
            name = f"{item.kind} {item.name}"
            for cluster, served in self._served.items():
                met = "" in (cluster, declared.cluster) or cluster == declared.cluster
                for where, service in served.items() if met else ():
                    yield Finding(
                        f"{name} of external.metrics.k8s.io is declared twice: for {_service(item)} at "
                        f"{item.where}, and for {service} at {where}. The API server uses only one of them, "
                        "and every HPA that needs the other reads no metric. Keep KEDA's; move what the "
                        "other adapter serves into ScaledObjects (its prometheus trigger), or switch "
                        "external metrics off in its chart.",
                        (name,),
                    )
            self._served[declared.cluster][item.where] = _service(item)


def _service(item: Item) -> str:
    service = mapping(item.spec.get("service"))
    return f"Service {text(service.get('namespace'))}/{text(service.get('name'))}"
