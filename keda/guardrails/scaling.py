"""Limits of one ScaledObject or ScaledJob: replicas, namespaces, credentials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from keda.checks.engine import Finding as Judgement
from keda.checks.engine import check
from keda.checks.scaling import triggers_of
from keda.core.errors import is_secret_key
from keda.guardrails import Finding, Undecided
from keda.manifests.declared import UNKNOWN, Declared
from keda.manifests.objects import Item, items
from keda.manifests.reading import mapping, text, whole

SCALING_KINDS = ("ScaledObject", "ScaledJob")
NOT_YET = "is known only in the update"


def scalings(declared: Declared) -> Iterator[Item]:
    """The ScaledObjects and ScaledJobs of a manifest; a List may hold several."""
    return (
        item
        for item in items(declared.manifest, declared.where)
        if item.group == "keda.sh" and item.kind in SCALING_KINDS
    )


class Judged:
    """What `keda check` says of an object by one of its rules, its ignore annotation heeded.

    The last object's findings are kept: several rules ask about one object.
    """

    def __init__(self) -> None:
        self._last: tuple[Declared, list[Judgement]] | None = None

    def __call__(self, declared: Declared, code: str) -> Iterator[Finding]:
        if self._last is None or self._last[0] is not declared:
            ours = any(True for _ in scalings(declared))
            self._last = (declared, check([declared]) if ours else [])
        return (Finding(found.text, (found.object,)) for found in self._last[1] if found.code == code)


def replicas_ceiling(declared: Declared, ceiling: int | None, judged: Judged) -> Iterator[Finding]:
    """A maximum that nobody chose, or one above `ceiling` (replicas; for a ScaledJob, Jobs at a time)."""
    yield from judged(declared, "default-max")
    for item in scalings(declared):
        maximum = whole(item.spec.get("maxReplicaCount"))
        if ceiling is not None and maximum is not None and maximum > ceiling:
            yield Finding(
                f"{item.ref} spec.maxReplicaCount: {maximum} is above the ceiling of {ceiling}. One wrong "
                f"metric is enough to reach it. Write at most {ceiling}, or raise the ceiling "
                "(--policy-pack-config: keda-replicas-ceiling.ceiling).",
                (item.ref,),
            )


def undecided_ceiling(declared: Declared) -> Iterator[Undecided]:
    for item in scalings(declared):
        if item.spec.get("maxReplicaCount") is UNKNOWN:
            yield Undecided(item.ref, item.where, "spec.maxReplicaCount", NOT_YET)


def plain_credentials(declared: Declared, judged: Judged) -> Iterator[Finding]:
    """Credentials written into trigger metadata. The values are never part of a message."""
    return judged(declared, "plain-secret")


def undecided_credentials(declared: Declared) -> Iterator[Undecided]:
    """A key that names a secret: whether its value is one, the update tells."""
    for item in scalings(declared):
        for index, trigger in triggers_of(item):
            for key, value in mapping(trigger.get("metadata")).items():
                if value is UNKNOWN and is_secret_key(str(key)) and not str(key).endswith("FromEnv"):
                    path = f"spec.triggers[{index}].metadata.{key}"
                    yield Undecided(item.ref, item.where, path, NOT_YET)


def allowed_namespaces(declared: Declared, allowed: Sequence[str]) -> Iterator[Finding]:
    """Scaling outside the namespaces of `allowed` (shell patterns). Without any, every namespace is."""
    for item in scalings(declared):
        if not allowed or _namespace_unknown(item):
            continue
        if not any(fnmatchcase(item.namespace, pattern) for pattern in allowed):
            yield Finding(
                f"{item.ref} metadata.namespace: {item.namespace} is none of the namespaces where scaling is "
                f"allowed ({', '.join(allowed)}). Move it and its target there, or add the "
                "namespace (--policy-pack-config: keda-namespaces-allowed.allowed).",
                (item.ref,),
            )


def undecided_namespace(declared: Declared) -> Iterator[Undecided]:
    for item in scalings(declared):
        if _namespace_unknown(item):
            name = text(mapping(item.manifest.get("metadata")).get("name")) or "(no name)"
            yield Undecided(f"{item.kind} {name}", item.where, "metadata.namespace", NOT_YET)


def _namespace_unknown(item: Item) -> bool:
    metadata = item.manifest.get("metadata")
    return metadata is UNKNOWN or mapping(metadata).get("namespace") is UNKNOWN
