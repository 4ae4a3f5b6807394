"""Manifests the policy tests are made of, with the few fields that decide ownership."""

from typing import Any

Manifest = dict[str, Any]

CRON: Manifest = {
    "type": "cron",
    "metadata": {"timezone": "UTC", "start": "0 7 * * *", "end": "0 19 * * *", "desiredReplicas": "2"},
}


def scaled_object(name: str = "voice", target: Any = "voice-pipeline", **more: Any) -> Manifest:
    """A ScaledObject in namespace voice; `target` is a name or a whole scaleTargetRef."""
    reference = target if isinstance(target, dict) else {"name": target}
    return merged(
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": name, "namespace": "voice"},
            "spec": {
                "scaleTargetRef": reference,
                "maxReplicaCount": 3,
                "triggers": [CRON],
            },
        },
        more,
    )


def adopting(name: str, **more: Any) -> Manifest:
    """A ScaledObject that takes over the HPA of that name."""
    return scaled_object(
        metadata={"annotations": {"scaledobject.keda.sh/transfer-hpa-ownership": "true"}},
        spec={"advanced": {"horizontalPodAutoscalerConfig": {"name": name}}},
        **more,
    )


def hpa(name: str = "by-hand", target: Any = "voice-pipeline", version: str = "v2", **more: Any) -> Manifest:
    reference = (
        target
        if isinstance(target, dict)
        else {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    )
    return merged(
        {
            "apiVersion": f"autoscaling/{version}",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": name, "namespace": "voice"},
            "spec": {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 3},
        },
        more,
    )


def deployment(
    replicas: Any = None, name: str = "voice-pipeline", kind: str = "Deployment", **more: Any
) -> Manifest:
    spec = {"template": {}} if replicas is None else {"template": {}, "replicas": replicas}
    metadata = {"name": name, "namespace": "voice"}
    return merged({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}, more)


def merged(base: Manifest, more: Manifest) -> Manifest:
    """`more` laid over `base`, key by key."""
    both = dict(base)
    for key, value in more.items():
        both[key] = (
            merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        )
    return both
