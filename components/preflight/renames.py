"""Workloads whose ScaledObject stands in the cluster under another name: their key in the stack file changed.

Pulumi creates before it deletes, and KEDA's webhook refuses a second ScaledObject on one target: without this
each `pulumi up` after such a change would fail. An alias cannot guess the old name, so the cluster is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi

from components.preflight.cluster import Get, api
from components.preflight.foreign import is_pulumis
from components.settings import Settings
from components.workload import Workload
from keda import ScaledObject, ScaleTargetRef
from keda.manifests.reading import dig, mapping, sequence, text

_SCALED_OBJECTS = "/apis/keda.sh/v1alpha1/scaledobjects"


def renamed(settings: Settings) -> dict[str, str]:
    """Workload -> the name of its ScaledObject in the cluster, where that is another one.

    Empty where no cluster answers: nothing can be renamed there.
    """
    get = api(settings.cluster)
    try:
        return old_names(settings.workloads, get) if get else {}
    except OSError as error:
        pulumi.log.debug(f"Renamed workloads are not looked for: {error}")
        return {}


def old_names(workloads: Mapping[str, Workload], get: Get) -> dict[str, str]:
    """Workload -> the name of the ScaledObject that has its target and is no workload of this name any more.

    Raises OSError if nobody answers.
    """
    live = list(_live(mapping(get(_SCALED_OBJECTS) or {})))
    declared = {(each.namespace, each.name) for each in workloads.values()}
    there = {(namespace, name) for namespace, name, _ in live}
    by_target = {
        (namespace, *target): name for namespace, name, target in live if (namespace, name) not in declared
    }
    return {
        name: old
        for name, workload in workloads.items()
        if isinstance(workload.scaled, ScaledObject)
        and (workload.namespace, workload.name) not in there
        and (old := by_target.get((workload.namespace, *workload.scaled.spec.scale_target_ref.identity)))
    }


def _live(listed: Mapping[Any, Any]) -> Iterator[tuple[str, str, tuple[str, str, str]]]:
    """(namespace, name, identity of the target) of each ScaledObject that Pulumi made."""
    for item in map(mapping, sequence(listed.get("items"))):
        metadata = mapping(item.get("metadata"))
        if not is_pulumis(metadata):  # by anyone else it is no earlier one of ours
            continue
        reference = mapping(dig(item, "spec", "scaleTargetRef"))
        target = ScaleTargetRef.model_construct(
            api_version=text(reference.get("apiVersion")) or None,
            kind=text(reference.get("kind")) or None,
            name=text(reference.get("name")),
        )
        yield text(metadata.get("namespace")), text(metadata.get("name")), target.identity
