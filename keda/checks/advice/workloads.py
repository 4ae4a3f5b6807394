"""Where kubernetes-workload looks for pods."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.registry import SCALING, TRIGGERS, Problem, warning
from keda.checks.scaling import triggers_of
from keda.manifests.objects import Item
from keda.manifests.reading import text
from keda.manifests.unseen import UNKNOWN_NAMESPACE


@warning(
    "workload-namespace",
    TRIGGERS,
    summary="A kubernetes-workload trigger for another namespace",
    why=(
        "The scaler counts pods of the ScaledObject's own namespace and reads no other "
        "(kubernetes_workload_scaler.go:126). With pods elsewhere it counts 0."
    ),
    passes="""
        - type: prometheus
          metadata:
            serverAddress: http://prometheus.monitoring:9090
            query: sum(kube_pod_status_phase{namespace="front", phase="Running", pod=~"gateway-.*"})
            threshold: "3"
            ignoreNullValues: "false"
    """,
).on(*SCALING, having=["kubernetes-workload"])
def workload_namespace(item: Item) -> Iterator[Problem]:
    for trigger in triggers_of(item, "kubernetes-workload"):
        wanted = text(trigger.get("metadata", "namespace"))
        known = item.namespace not in ("", UNKNOWN_NAMESPACE)
        if wanted and known and wanted != item.namespace:
            yield Problem(
                (*trigger.at, "metadata", "namespace"),
                wanted,
                "is not read:",
                f"Count them with a prometheus trigger, such as "
                f'sum(kube_pod_status_phase{{namespace="{wanted}", phase="Running", pod=~"…"}}).',
                why=f"the kubernetes-workload scaler counts pods of {item.namespace}, the "
                f"namespace of the {item.kind}, and none of {wanted}. It stays at 0.",
            )
