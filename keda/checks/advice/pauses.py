"""Annotations that pause the scaling, and contradict one another."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.registry import REPLICAS, SCALING, Problem, warning
from keda.manifests.objects import Item
from keda.manifests.reading import text
from keda.syntax import go

_PAUSED, _REPLICAS = "autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas"
_SCALE_OUT, _FORCE = "autoscaling.keda.sh/paused-scale-out", "autoscaling.keda.sh/force-activation"
_NOT_OF_JOBS = (_REPLICAS, "autoscaling.keda.sh/paused-scale-in", _SCALE_OUT, _FORCE)


@warning(
    "paused-contradiction",
    REPLICAS,
    summary="Annotations of a pause that contradict",
    why=(
        'paused-replicas pauses by its presence, also with paused: "false" (scaledobject_types.go:233). '
        "paused-scale-out keeps force-activation from starting a pod (scale_scaledobjects.go:300). Of these "
        "annotations a ScaledJob reads only paused."
    ),
    passes="""
        annotations:
          autoscaling.keda.sh/paused: "false"
    """,
).on(*SCALING, having=["annotations"])
def paused_contradiction(item: Item) -> Iterator[Problem]:
    annotations = item.annotations
    if item.kind == "ScaledJob":
        for key in _NOT_OF_JOBS:
            if key in annotations:
                what, why = "has no effect on a ScaledJob:", "KEDA reads it of ScaledObjects only."
                fix = 'Write autoscaling.keda.sh/paused: "true" to pause, or maxReplicaCount for fewer Jobs.'
                yield Problem(("metadata", "annotations", key), annotations[key], what, fix, why=why)
        return
    if _REPLICAS in annotations and _is(annotations.get(_PAUSED), False):
        replicas = text(annotations[_REPLICAS])
        yield Problem(
            ("metadata", "annotations", _REPLICAS),
            annotations[_REPLICAS],
            'pauses by its presence, also with paused: "false":',
            "Remove paused-replicas to let it scale, or paused to keep the pause.",
            why=f"the target stays at {replicas if replicas.isdigit() else 'that number of'} replicas.",
        )
    if _is(annotations.get(_FORCE), True) and _is(annotations.get(_SCALE_OUT), True):
        yield Problem(
            ("metadata", "annotations", _FORCE),
            annotations[_FORCE],
            "has no effect at 0 replicas:",
            "Remove paused-scale-out, or force-activation.",
            why="the paused-scale-out there keeps KEDA from starting a pod.",
        )


def _is(value: object, wanted: bool) -> bool:
    try:
        return isinstance(value, str) and go.boolean(value) is wanted
    except ValueError:
        return False
