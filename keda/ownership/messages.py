"""Why two owners of one object do not go together, in sentences that are read alone."""

from typing import NamedTuple

from keda.core.defaults import TRANSFER_OWNERSHIP
from keda.ownership.kinds import HPA_NAME_FIELD, SKIP_SCALED_OBJECT
from keda.ownership.model import TWO_HPAS, Controller, Hpa, Owner, Replicas, Scaled, Vpa

_BOTH = frozenset({"cpu", "memory"})
_KEEP_ONE = (
    "Keep one ScaledObject and put the triggers of both into its spec.triggers: the highest count wins."
)


class Disagreement(NamedTuple):
    """What both own, and the harm at run time, both without a full stop; the fixes, the best one first."""

    what: str
    harm: str
    fix: str


def disagreement(scaled: Scaled, other: Owner) -> Disagreement | None:
    """Why the two do not go together; None if they get along."""
    match other:
        case Scaled():
            return _two_scaled(scaled, other)
        case Hpa():
            if scaled.adopts and scaled.hpa == other.source.name:
                return _still_held(scaled, other) if other.held else None
            return _second_hpa(scaled, other)
        case Replicas():
            return _fixed_replicas(scaled, other)
        case Controller():
            start = f"{other.source} {other.does}"
            target = "it" if str(scaled.target) in start else str(scaled.target)
            return Disagreement(f"{start}, and {scaled.source} scales {target}", other.harm, other.fix)
        case Vpa():
            shared = sorted(
                {what for what, container in scaled.resources if _controls(other, what, container)}
            )
            return _same_resource(scaled, other, shared) if shared else None
    return None


def places(scaled: Scaled, other: Owner) -> str:
    """Where both owners are declared, as the last sentence of a message."""
    declared = f"{scaled.source.kind} at {scaled.where}"
    if not (isinstance(other, Controller) and other.implied):
        declared += f"; {other.declared_by.kind} at {other.where}"
    return f"Declared: {declared}."


def _second_hpa(scaled: Scaled, hpa: Hpa) -> Disagreement:
    made_for = sorted(name for kind, name in hpa.goes_with if kind == "ScaledObject")
    if made_for and scaled.hpa != hpa.source.name:
        return Disagreement(
            f"{hpa.source} is the HPA that KEDA writes for ScaledObject "
            f"{hpa.source.namespace}/{made_for[0]}, which scales {scaled.target} like {scaled.source}",
            TWO_HPAS,
            _KEEP_ONE,
        )
    if scaled.hpa == hpa.source.name:
        what = f"{hpa.source} is the very HPA that KEDA writes for {scaled.source}"
        harm = "KEDA and you overwrite each other's limits and metrics"
    else:
        what = f"{hpa.source} and {scaled.source} both scale {scaled.target}"
        harm = f"{TWO_HPAS} (KEDA's webhook refuses the ScaledObject only if the HPA is there first)"
    by = f" (kubectl delete hpa -n {hpa.source.namespace} {hpa.source.name})" if hpa.live else ""
    if scaled.source.kind != "ScaledObject":
        return Disagreement(what, harm, f"Remove the HorizontalPodAutoscaler{by}.")
    return Disagreement(
        what,
        harm,
        f"Remove the HorizontalPodAutoscaler{by}; or let KEDA take it over: on the ScaledObject, "
        f'annotate {TRANSFER_OWNERSHIP}: "true" and set {HPA_NAME_FIELD}: {hpa.source.name}.',
    )


def _still_held(scaled: Scaled, hpa: Hpa) -> Disagreement:
    return Disagreement(
        f"{scaled.source} takes {hpa.source} over, and this program still has it",
        "Pulumi overwrites what KEDA writes, and once you remove the HPA here it deletes it under KEDA",
        "Give the HPA the options retainOnDelete: true and ignoreChanges: [metadata, spec] (Python: "
        "retain_on_delete, ignore_changes) and run pulumi up; then remove it from the program.",
    )


def _two_scaled(one: Scaled, other: Scaled) -> Disagreement:
    if one.source.kind != other.source.kind:
        apart = "under another name, " if one.source.name == other.source.name else ""
        return Disagreement(
            f"{other.source} makes a ScaledObject of its own for {other.target}, next to {one.source} for "
            f"{one.target}",
            "KEDA's webhook refuses the later one, and while it is down their two HPAs stop each other",
            f"Keep the ScaledObject, {apart}with a trigger of type external-push for HTTP, and "
            f'annotate the {other.source.kind} {SKIP_SCALED_OBJECT}: "true"; or remove the ScaledObject.',
        )
    if one.owned.kind == "HorizontalPodAutoscaler":
        return Disagreement(
            f"{one.source} and {other.source} both name their HPA {one.hpa}",
            "KEDA's webhook refuses the second, and while it is down each overwrites the other's HPA",
            f"Give one of them another {HPA_NAME_FIELD}.",
        )
    moved = (
        " If the one in the cluster is only its old name, take two steps, since Pulumi creates before it "
        "deletes: pulumi up without it, then with the new name."
    )
    return Disagreement(
        f"{one.source} and {other.source} both scale {one.target}",
        "KEDA's webhook refuses the second, and while it is down their two HPAs stop each other",
        f"{_KEEP_ONE}{moved if one.live or other.live else ''}",
    )


def _fixed_replicas(scaled: Scaled, fixed: Replicas) -> Disagreement:
    return Disagreement(
        f"{fixed.source} sets spec.replicas: {fixed.replicas} and {scaled.source} scales it",
        f"every apply (pulumi up, GitOps) puts it back to {fixed.replicas} whatever the load, or stops at a "
        "conflict",
        f"Remove spec.replicas from the {fixed.source.kind}, or have it left alone (Pulumi's "
        "ignoreChanges: spec.replicas); minReplicaCount of the ScaledObject is the lower limit.",
    )


def _controls(vpa: Vpa, resource: str, container: str) -> bool:
    """Whether the VPA changes the requests that this trigger is measured against.

    A trigger on the whole pod is taken to see the containers that the policies name.
    """
    if not vpa.controlled:
        return True
    if container:
        return resource in vpa.controlled.get(container, vpa.controlled.get("*", _BOTH))
    return any(resource in controlled for controlled in vpa.controlled.values())


def _same_resource(scaled: Scaled, vpa: Vpa, shared: list[str]) -> Disagreement:
    what = " and ".join(shared)
    rest = ", ".join(sorted(_BOTH - set(shared)))
    keep = f"controlledResources: [{rest}] in its resourcePolicy.containerPolicies"
    ways = ['updatePolicy.updateMode: "Off", and read its advice only', *([keep] if rest else [])]
    return Disagreement(
        f"{vpa.source} sets the {what} requests of {scaled.target} and {scaled.source} scales it on {what}",
        "usage is measured against those requests, so each undoes the other's answer and neither settles",
        f"Give the VerticalPodAutoscaler {'; or '.join(reversed(ways))}; or scale on another trigger.",
    )
