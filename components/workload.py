"""A scaled workload in the cluster: its TriggerAuthentications, then its ScaledObject or ScaledJob."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.manifests import custom_resource
from components.recipes import Scaled
from keda import ScaledObject


class ScaledWorkload(pulumi.ComponentResource):
    """Writes KEDA's objects only: the target, and above all its replicas, belongs to others."""

    def __init__(
        self,
        name: str,
        workload: Scaled,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`after`: what must be there first and go last (a component's depends_on does not reach down)."""
        summary = summarize(workload)
        super().__init__("keda-homelab:workload:ScaledWorkload", name, summary, opts)
        authentications = [
            _apply(f"{name}-{authentication.metadata.name}", authentication.to_manifest(), self, after)
            for authentication in workload.authentications
        ]
        # A trigger whose TriggerAuthentication is missing is only logged by KEDA, so they come first.
        _apply(
            f"{name}-{workload.scaled.kind.lower()}",
            workload.scaled.to_manifest(),
            self,
            [*after, *authentications],
        )
        self.register_outputs(summary)


def summarize(workload: Scaled) -> dict[str, Any]:
    """What one wants to know of a workload at a glance; also what policies see of the component."""
    scaled = workload.scaled
    lowest, highest = workload.bounds
    summary: dict[str, Any] = {
        "kind": scaled.kind,
        "namespace": workload.namespace,
        "name": workload.name,
        "minReplicas": lowest,
        "maxReplicas": highest,
        "triggers": [trigger.type for trigger in scaled.spec.triggers],
    }
    if isinstance(scaled, ScaledObject):
        target = scaled.spec.scale_target_ref
        summary |= {"target": f"{target.kind or 'Deployment'}/{target.name}", "hpa": scaled.hpa_name}
    return summary


def _apply(
    name: str, manifest: dict[str, Any], parent: pulumi.Resource, after: Sequence[pulumi.Resource]
) -> CustomResource:
    return custom_resource(name, manifest, pulumi.ResourceOptions(parent=parent, depends_on=list(after)))
