"""Pulumi lets go of an HPA of the same program that KEDA takes over.

Until it is removed from the program, Pulumi leaves it as it is; once removed, Pulumi forgets it instead of
deleting it under KEDA.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pulumi

from components.workload import Workload
from keda import ScaledObject
from keda.ownership import TRANSFER_OWNERSHIP


def release_adopted_hpas(workloads: Mapping[str, Workload]) -> None:
    """For all HPAs registered after this call, in charts and components too, that a workload adopts."""
    adopted = {
        (workload.namespace, workload.scaled.hpa_name): name
        for name, workload in workloads.items()
        if isinstance(workload.scaled, ScaledObject)
        and (workload.scaled.metadata.annotations or {}).get(TRANSFER_OWNERSHIP) == "true"
    }
    if adopted:
        pulumi.runtime.register_resource_transform(partial(_released, adopted))


def _released(
    adopted: Mapping[tuple[str, str], str], args: pulumi.ResourceTransformArgs
) -> pulumi.ResourceTransformResult | None:
    kind = args.type_.rpartition(":")[2]
    metadata = args.props.get("metadata")
    if kind != "HorizontalPodAutoscaler" or not isinstance(metadata, Mapping):
        return None
    # A name that is an Output matches nothing here; the policy pack reports it once it is known.
    namespace, name = metadata.get("namespace") or "default", metadata.get("name")
    workload = adopted.get((namespace, name)) if isinstance(name, str) else None
    if workload is None:
        return None
    pulumi.warn(
        f"{kind} {namespace}/{name} is now managed by KEDA (workloads.{workload}.adopt). "
        f"Remove {args.name!r} from the program: Pulumi forgets it and deletes nothing."
    )
    extra = pulumi.ResourceOptions(retain_on_delete=True, ignore_changes=["metadata", "spec"])
    return pulumi.ResourceTransformResult(args.props, pulumi.ResourceOptions.merge(args.opts, extra))
