"""Where a ClusterTriggerAuthentication reads its Secrets: in KEDA's namespace."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.registry import REFERENCES, SCALING, Problem, warning
from keda.checks.scaling import SPEC, triggers_of
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import mapping, sequence, text

_USUAL = "keda"


def keda_namespaces(objects: Objects) -> set[str]:
    """Where KEDA's operator is, as far as that is visible; and its usual namespace."""
    found = {each.namespace for each in objects.everywhere("Deployment") if each.name == "keda-operator"}
    return found | {_USUAL}


@warning(
    "cluster-secret-namespace",
    REFERENCES,
    summary="A Secret of a ClusterTriggerAuthentication in the namespace of the workload",
    why=(
        "A ClusterTriggerAuthentication reads Secrets and ConfigMaps from the namespace of KEDA's operator, "
        "or KEDA_CLUSTER_OBJECT_NAMESPACE (scale_resolvers.go:404), not from the ScaledObject's. A "
        "Secret that is not there is an empty string. Reported where the Secret is given in the "
        "ScaledObject's namespace and nowhere else."
    ),
    passes="metadata: {name: prom-creds, namespace: keda}   # of the Secret",
    see="secrets.md",
).among("ClusterTriggerAuthentication")
def cluster_secret_namespace(item: Item, objects: Objects) -> Iterator[Problem]:
    users = {each.namespace for each in objects.everywhere(*SCALING) if _uses(each, item.name)}
    of_keda = keda_namespaces(objects)
    for key, kind in (("secretTargetRef", "Secret"), ("configMapTargetRef", "ConfigMap")):
        seen: set[str] = set()
        for index, entry in enumerate(map(mapping, sequence(item.spec.get(key)))):
            name = text(entry.get("name"))
            places = {each.namespace for each in objects.everywhere(kind) if each.name == name}
            elsewhere = places and places <= users and not places & of_keda
            if not elsewhere or name in seen or any(objects.may_exist(kind, ns, name) for ns in of_keda):
                continue
            seen.add(name)
            given = ", ".join(sorted(places))
            yield Problem(
                (*SPEC, key, index, "name"),
                name,
                f"is given in namespace {given}, and a ClusterTriggerAuthentication reads it from KEDA's own "
                f"namespace ({', '.join(sorted(of_keda))}).",
                f"Put the {kind} into KEDA's namespace; or use a TriggerAuthentication in {given}.",
                why="KEDA uses an empty string instead.",
            )


def _uses(scaled: Item, name: str) -> bool:
    references = (mapping(trigger.get("authenticationRef")) for trigger in triggers_of(scaled))
    return any(
        each.get("kind") == "ClusterTriggerAuthentication" and each.get("name") == name for each in references
    )
