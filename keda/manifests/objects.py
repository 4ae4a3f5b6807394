"""The objects given: found by kind and name, whatever shape they came in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from keda.manifests.declared import UNKNOWN, Declared
from keda.manifests.reading import At, dig, mapping, sequence, text
from keda.manifests.unseen import (
    UNKNOWN_NAMESPACE,
    Unseen,
    is_copied,
    is_custom,
    may_make,
    renders_into,
)

KEDA_GROUPS = ("keda.sh", "eventing.keda.sh")
_OF_KEDA = (*KEDA_GROUPS, "keda.k8s.io")
OF_INSTALLERS = ("KedaController",)
"""Kinds of KEDA's group that are not KEDA's: the operator of OpenShift and OperatorHub reads them
(kedacore/keda-olm-operator)."""
NO_NAMESPACE = frozenset(
    {
        "ClusterTriggerAuthentication",
        "ClusterCloudEventSource",
        "Namespace",
        "Node",
        "CustomResourceDefinition",
    }
)


class Item:
    """One object. `prefix` is its place within the List it came in."""

    def __init__(self, manifest: Mapping[Any, Any], where: str, prefix: At = ()) -> None:
        self.manifest, self.where, self.prefix = manifest, where, prefix
        group, slash, _ = text(manifest.get("apiVersion")).partition("/")
        self.group = group if slash else ""
        """The API group; "" for the core group."""
        self.kind, self.name = text(manifest.get("kind")), text(dig(manifest, "metadata", "name"))
        """"" where there is none."""
        self.of_keda = self.group in _OF_KEDA and self.kind not in OF_INSTALLERS
        """Whether it is of one of KEDA's groups, the retired keda.k8s.io included, and not an installer's."""

    @cached_property
    def namespace(self) -> str:
        """Empty for a cluster-scoped kind, UNKNOWN_NAMESPACE, or "default" where none is written."""
        if self.kind in NO_NAMESPACE:
            return ""
        namespace = dig(self.manifest, "metadata", "namespace")
        return UNKNOWN_NAMESPACE if namespace is UNKNOWN else text(namespace) or "default"

    @cached_property
    def names_namespace(self) -> bool:
        """Whether the namespace is written, or left to the apply."""
        return bool(dig(self.manifest, "metadata", "namespace"))

    @property
    def file(self) -> str:
        """The file of its place, or ""."""
        return self.where.rpartition(":")[0]

    @cached_property
    def spec(self) -> Mapping[Any, Any]:
        """The spec, or an empty mapping."""
        return mapping(self.manifest.get("spec"))

    @cached_property
    def annotations(self) -> Mapping[Any, Any]:
        """The annotations, or an empty mapping."""
        return mapping(dig(self.manifest, "metadata", "annotations"))

    @cached_property
    def ref(self) -> str:
        """`Kind namespace/name`, as messages write it; a dashboard or rule file has no kind."""
        if not (self.kind or self.group):  # a file of Grafana's or Prometheus' own
            return "dashboard" if "panels" in self.manifest else "rule file"
        if not self.kind and "panels" in self.manifest:
            return f"dashboard {text(self.manifest.get('title')) or '(no title)'}"
        unknown = dig(self.manifest, "metadata", "name") is UNKNOWN
        name = "(unknown)" if unknown else self.name or "(no name)"
        return f"{self.kind} {self.namespace}/{name}" if self.namespace else f"{self.kind} {name}"

    @cached_property
    def pod(self) -> Mapping[Any, Any]:
        """The pod spec of a workload's template."""
        if self.kind == "Pod":
            return self.spec
        return mapping(dig(self.spec, "template", "spec"))

    @cached_property
    def pod_labels(self) -> Mapping[Any, Any]:
        """The labels of a workload's pods."""
        return mapping(dig(self.spec, "template", "metadata", "labels"))

    @cached_property
    def containers(self) -> list[Mapping[Any, Any]]:
        """The containers of a workload's pods, without init containers."""
        return [mapping(container) for container in sequence(self.pod.get("containers"))]


def items(manifest: object, where: str = "") -> Iterator[Item]:
    """The object, or every one inside a List. What is not a mapping is not an object."""
    pending: list[tuple[Mapping[Any, Any], At]] = [(mapping(manifest), ())]
    while pending:
        current, prefix = pending.pop()
        kind, inner, key = text(current.get("kind")), current.get("items"), "items"
        if kind == "Template":  # OpenShift's
            kind, inner, key = "List", current.get("objects"), "objects"
        if kind.endswith("List") and isinstance(inner, list):
            own = (
                {}
                if kind == "List"
                else {"apiVersion": current.get("apiVersion"), "kind": kind.removesuffix("List")}
            )
            for index in reversed(range(len(inner))):
                pending.append((own | dict(mapping(inner[index])), (*prefix, key, index)))
        elif current:
            yield Item(current, where, prefix)


class Objects:
    """All objects given, by group, kind, namespace and name. The first of two with one name counts.

    What is held for each is an Item here; `keda.checks.summaries` holds less.
    """

    def __init__(self, objects: Iterable[object] = (), unseen: Unseen | None = None) -> None:
        self.unseen = unseen or Unseen()
        self._renderers: list[tuple[str, str, str]] = []
        self._held: list[Any] = []
        self._by_name: dict[tuple[str, str, str, str], Any] = {}
        self._by_kind: dict[str, defaultdict[str, list[Any]]] = {}
        self._workloads: defaultdict[str, set[str]] = defaultdict(set)
        self._words: dict[str, str] = {}
        self._unidentified: set[str] = set()
        for given in objects:
            whole = (given.manifest, given.where) if isinstance(given, Declared) else (given, "")
            for item in items(*whole):
                self.hold(item, item)

    def hold(self, item: Item, held: Any) -> None:
        """Remember an object, as `held`."""
        self._held.append(held)
        # One text for all objects of a group, kind or namespace: there may be very many objects.
        group, kind, namespace = (
            self._words.setdefault(word, word) for word in (item.group, item.kind, item.namespace)
        )
        if item.name:
            self._by_name.setdefault((group, kind, namespace, item.name), held)
        if (into := renders_into(group, kind, namespace, item.manifest)) is not None:
            self._renderers.append((kind, item.name, into))
        self._by_kind.setdefault(kind, defaultdict(list))[namespace].append(held)
        if item.pod and item.group != "keda.sh":
            self._workloads[item.namespace].add(item.file)
        paths = (("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace"))
        if UNKNOWN in [dig(item.manifest, *path) for path in paths]:
            self._unidentified.add(kind)

    def opened(self, held: Any) -> Item:
        """The object of what is held for it."""
        item: Item = held
        return item

    def all(self) -> Iterator[Item]:
        """Every object, in the order of the input."""
        return map(self.opened, self._held)

    def get(self, group: str, kind: str, namespace: str, name: str) -> Item | None:
        """The object of that identity, or None; group "" is the core group."""
        held = self._by_name.get((group, kind, namespace, name))
        return None if held is None else self.opened(held)

    def of(self, kind: str, namespace: str) -> list[Item]:
        """The objects of a kind in one namespace."""
        found = self._by_kind.get(kind)
        return [self.opened(held) for held in found.get(namespace, ())] if found else []

    def everywhere(self, *kinds: str) -> Iterator[Item]:
        """The objects of these kinds in all namespaces."""
        for kind in kinds:
            for found in self._by_kind.get(kind, {}).values():
                yield from map(self.opened, found)

    def unidentified(self, *kinds: str) -> bool:
        """Whether an object is given that may be of these kinds, its name or namespace not known yet."""
        return not self._unidentified.isdisjoint((*kinds, ""))

    def has_workloads(self, namespace: str) -> bool:
        """Whether workloads of this namespace are given, so that one that is missing is truly missing."""
        return namespace in self._workloads

    def is_applied_with_workloads(self, item: Item) -> bool:
        """Whether an object and the workloads of its namespace are surely for one place: of one root, of one
        file, or with the namespace written. Files of a folder that name none may be for several.
        """
        loose = self.unseen.loose and not item.names_namespace
        return not loose or item.file in self._workloads.get(item.namespace, ())

    @property
    def are_all(self) -> bool:
        """Whether there is no sign of objects which are not given."""
        return not (self._makers() or self.unseen.incomplete or self.unseen.unjudged)

    def _makers(self) -> list[str]:
        """The namespaces ("" for any) in which objects may be made that are not given."""
        complete = self.unseen.complete
        return [into for kind, name, into in self._renderers if (kind, name) not in complete]

    def may_exist(self, kind: str, namespace: str, name: str) -> bool:
        """Whether an object that is not given may be there all the same.

        A chart, a generator or an operator may make it, another part of the repository or a file that could
        not be read may declare it, or the name or namespace of one that is given is filled in later.
        """
        unseen = self.unseen
        if unseen.incomplete or unseen.unjudged or namespace == UNKNOWN_NAMESPACE:
            return True
        if (kind, name) in unseen.elsewhere:
            return True
        if any(into in ("", namespace) or not namespace for into in self._makers()):
            return True
        if any(each.manifest.get("kind") is UNKNOWN for each in self.everywhere("")):
            return True
        if any(_may_be(each, namespace, name) for each in self.everywhere(kind)):
            return True
        return any(
            dig(each.manifest, "metadata", "name") is UNKNOWN
            or may_make(each.kind, each.name, each.manifest, kind, name)
            for each in self._custom(namespace)
        )

    def has_every_key(self, item: Item) -> bool:
        """Whether the keys of a Secret or ConfigMap are all that it has in the cluster."""
        if UNKNOWN in [item.manifest.get(part) for part in ("data", "stringData", "binaryData")]:
            return False
        if item.manifest.get("type") == "kubernetes.io/service-account-token" or is_copied(item.manifest):
            return False
        return not any(
            may_make(each.kind, "", each.manifest, item.kind, item.name)
            for each in self._custom(item.namespace)
        )

    def _custom(self, namespace: str) -> Iterator[Item]:
        """The custom resources of a namespace, and those of none."""
        for kind, by_namespace in self._by_kind.items():
            for where in {namespace, "default", UNKNOWN_NAMESPACE} & by_namespace.keys():
                for each in map(self.opened, by_namespace[where]):
                    custom = each.manifest.get("apiVersion") is UNKNOWN or is_custom(each.group, kind)
                    here = where in (namespace, UNKNOWN_NAMESPACE) or not each.names_namespace
                    if custom and here:
                        yield each

    def target(self, item: Item) -> Item | None:
        """The object a ScaledObject scales, if it is given."""
        reference = mapping(item.spec.get("scaleTargetRef"))
        version = text(reference.get("apiVersion")) or "apps/v1"
        kind = text(reference.get("kind")) or "Deployment"
        return self.get(version.rpartition("/")[0], kind, item.namespace, text(reference.get("name")))


def selects(selector: object, labels: Mapping[Any, Any]) -> bool:
    """Whether a label selector selects `labels`. An expression it cannot read selects nothing."""
    wanted = mapping(mapping(selector).get("matchLabels"))
    expressions = sequence(mapping(selector).get("matchExpressions"))
    if not wanted and not expressions or any(labels.get(key) != value for key, value in wanted.items()):
        return False
    for expression in map(mapping, expressions):
        key, values = text(expression.get("key")), sequence(expression.get("values"))
        present, found = key in labels, labels.get(key) in values
        holds = {"In": found, "NotIn": not found, "Exists": present, "DoesNotExist": not present}
        if not holds.get(text(expression.get("operator")), False):
            return False
    return True


def _may_be(given: Item, namespace: str, name: str) -> bool:
    """Whether an object may turn out to be the one of this namespace and name."""
    if not given.name:
        return given.namespace in (namespace, UNKNOWN_NAMESPACE) or not given.names_namespace
    if given.name != name:
        return False
    unknown = given.namespace == UNKNOWN_NAMESPACE or given.manifest.get("apiVersion") is UNKNOWN
    return unknown or not given.names_namespace or is_copied(given.manifest)
