"""Scaled workloads in the cluster: their TriggerAuthentications, then their ScaledObjects and ScaledJobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.custom_resource import custom_resource
from components.workload import Workload
from keda import ScaledObject
from keda.ownership import TRANSFER_OWNERSHIP

Authentications = dict[tuple[str, str], CustomResource]
"""The TriggerAuthentications registered so far, by namespace and name."""


def scale(
    workloads: Mapping[str, Workload],
    renamed: Mapping[str, str],
    after: Sequence[pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> None:
    """Registers every workload. `renamed` (by workload) and `after` are those of `ScaledWorkload`."""
    authentications: Authentications = {}
    for name, workload in workloads.items():
        ScaledWorkload(name, workload, after, opts, authentications, renamed.get(name))


class ScaledWorkload(pulumi.ComponentResource):
    """Writes KEDA's objects only: the target, and above all its replicas, belongs to others.

    The component waits for nothing, so that the policy pack counts its ScaledObject before it is created.
    """

    def __init__(
        self,
        name: str,
        workload: Workload,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
        authentications: Authentications | None = None,
        renamed: str | None = None,
    ) -> None:
        """Registers the workload.

        Args:
            name: the workload's key in the stack file.
            workload: its KEDA objects.
            after: what must be there first and go last (a component's depends_on does not reach down).
            opts: options of the component.
            authentications: what other workloads have registered; gets what this one adds. Workloads of one
                namespace share a TriggerAuthentication of one name.
            renamed: the name that its ScaledObject has in the cluster, where that is another one.
        """
        announced = announce(workload, renamed)
        super().__init__("keda-homelab:workload:ScaledWorkload", name, announced, opts)
        shared = {} if authentications is None else authentications
        needed = []
        for each in workload.authentications:
            key = (workload.namespace, each.metadata.name)
            if key not in shared:
                # Named by what it is, not by the workload: whichever workload goes, it stays for the others.
                aliases = [
                    pulumi.Alias(name=f"{so_far}-{each.metadata.name}")
                    for so_far in (name, renamed)
                    if so_far
                ]
                shared[key] = _apply("/".join(key), each.to_manifest(), self, after, aliases=aliases)
            needed.append(shared[key])
        # A trigger whose TriggerAuthentication is missing is only logged by KEDA, so they come first.
        kind = workload.scaled.kind.lower()
        # KEDA's webhook refuses a second ScaledObject on a target: under a new name it is the same resource,
        # replaced, and the old one goes first.
        options: dict[str, Any] = {}
        if renamed:
            options = {"aliases": [pulumi.Alias(name=f"{renamed}-{kind}")], "delete_before_replace": True}
        _apply(f"{name}-{kind}", workload.scaled.to_manifest(), self, [*after, *needed], **options)
        self.register_outputs(announced)
        for table in workload.decisions:
            for warning in table.warnings:
                pulumi.log.warn(warning, self)


def summarize(workload: Workload) -> dict[str, Any]:
    """A workload at a glance."""
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
    # A preview shows the lines that a change alters.
    return summary | {"decisions": {table.trigger: str(table) for table in workload.decisions}}


def announce(workload: Workload, renamed: str | None = None) -> dict[str, Any]:
    """What policies see of the component: the summary, and what decides who owns the target's replicas."""
    announced = summarize(workload)
    if isinstance(workload.scaled, ScaledObject):
        annotations = workload.scaled.metadata.annotations or {}
        announced["scaleTargetRef"] = workload.scaled.spec.scale_target_ref.dump()
        announced["adopts"] = annotations.get(TRANSFER_OWNERSHIP) == "true"
    return announced | ({"renamed": renamed} if renamed else {})


def _apply(
    name: str,
    manifest: dict[str, Any],
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource],
    **options: Any,
) -> CustomResource:
    own = pulumi.ResourceOptions(parent=parent, depends_on=list(after), **options)
    return custom_resource(name, manifest, own)
