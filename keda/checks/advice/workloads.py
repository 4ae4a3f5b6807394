"""Where kubernetes-workload counts pods, and kubernetes-resource reads an object."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.registry import SCALING, TRIGGERS, Problem, warning
from keda.checks.scaling import triggers_of
from keda.manifests.objects import Item
from keda.manifests.reading import text
from keda.manifests.unseen import UNKNOWN_NAMESPACE

_OF_OWN_NAMESPACE = ("kubernetes-workload", "kubernetes-resource")


@warning(
    "workload-namespace",
    TRIGGERS,
    summary="A kubernetes-workload or kubernetes-resource trigger for another namespace",
    why=(
        "kubernetes-workload counts pods of the ScaledObject's own namespace and of no other "
        "(kubernetes_workload_scaler.go:126): with pods elsewhere it counts 0. kubernetes-resource reads a "
        "ConfigMap or Secret there (kubernetes_resource_scaler.go:119): every poll fails."
    ),
    passes="""
        - type: prometheus
          metadata:
            serverAddress: http://prometheus.monitoring:9090
            query: sum(kube_pod_status_phase{namespace="front", phase="Running", pod=~"gateway-.*"})
            threshold: "3"
            ignoreNullValues: "false"
    """,
).on(*SCALING, having=_OF_OWN_NAMESPACE)
def workload_namespace(item: Item) -> Iterator[Problem]:
    for trigger in triggers_of(item, *_OF_OWN_NAMESPACE):
        wanted = text(trigger.get("metadata", "namespace"))
        known = item.namespace not in ("", UNKNOWN_NAMESPACE)
        if not wanted or not known or wanted == item.namespace:
            continue
        own = f"{item.namespace}, the namespace of the {item.kind}"
        if trigger.type == "kubernetes-workload":
            why = f"the scaler counts pods of {own}, and none of {wanted}. It stays at 0."
            fix = (
                "Count them with a prometheus trigger, such as "
                f'sum(kube_pod_status_phase{{namespace="{wanted}", phase="Running", pod=~"…"}}).'
            )
        else:
            why = f"the scaler reads {own}, and does not find the object."
            fix = f"Put the object into {item.namespace}, or the {item.kind} and its target into {wanted}."
        yield Problem((*trigger.at, "metadata", "namespace"), wanted, "is not read:", fix, why=why)
