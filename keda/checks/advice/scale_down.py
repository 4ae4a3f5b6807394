"""A scale-down that is turned off for the HPA only."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.registry import SETTINGS, Problem, warning
from keda.checks.scaling import SPEC, all_known, lowest_of, only_resources, spec_of
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.syntax import go

_PAUSED = "autoscaling.keda.sh/paused-scale-in"


@warning(
    "scale-down-disabled",
    SETTINGS,
    summary="A scale-down that is disabled, and a minimum of 0",
    why=(
        "behavior is the HPA's. KEDA itself scales to minReplicaCount 0 or idleReplicaCount 0 when no "
        "trigger is active, from any number of replicas (scale_scaledobjects.go:171), and reads no behavior."
    ),
    passes="""
        minReplicaCount: 1
        advanced:
          horizontalPodAutoscalerConfig:
            behavior: {scaleDown: {selectPolicy: Disabled}}
    """,
).on("ScaledObject", having=["advanced"])
def scale_down_disabled(item: Item) -> Iterator[Problem]:
    at = (*SPEC, "advanced", "horizontalPodAutoscalerConfig", "behavior", "scaleDown", "selectPolicy")
    policy = spec_of(item, *at[1:])
    if policy != "Disabled" or lowest_of(item) != 0 or only_resources(item) or not all_known(item, "type"):
        return
    if not _is_paused(item):
        yield Problem(
            at,
            policy,
            "stops the HPA only.",
            "Write minReplicaCount: 1; or, to wait longer before 0, a cooldownPeriod above the longest work.",
            why="KEDA still scales to 0 once no trigger is active for the cooldownPeriod: it "
            "stops pods at work.",
        )


def _is_paused(item: Item) -> bool:
    value = item.annotations.get(_PAUSED)
    try:
        return value is UNKNOWN or isinstance(value, str) and go.boolean(value)
    except ValueError:
        return False
