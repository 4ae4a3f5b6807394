"""Every replica count has one owner: `keda.ownership`'s rule, asked while a program registers resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pulumi_policy import Severity

from keda.guardrails import Finding, Undecided
from keda.guardrails.scaling import NOT_YET
from keda.manifests.declared import UNKNOWN, Declared, ObjectRef
from keda.manifests.objects import Item, items
from keda.manifests.reading import dig, identity, text
from keda.manifests.reading import unlisted as objects
from keda.ownership import Conflict, Owners, owners
from keda.ownership import ConflictKind as Kind
from policies.clusters import Clusters
from policies.rule import Config, Rule
from policies.unknowns import has_unknown, unknown_reads

_OF_WORKLOADS = ("spec", "spec.replicas", "metadata", "metadata.name", "metadata.namespace")
_AUTOSCALERS = ("HorizontalPodAutoscaler", "VerticalPodAutoscaler", "Canary")


@dataclass(frozen=True)
class _Unread:
    """An object with unknown fields that the conflict rule read."""

    item: Item
    paths: list[str]


class Ledger:
    """The owners seen in this operation, for all rules of this module together."""

    def __init__(self) -> None:
        self._owners = Owners()
        self._conflicts: dict[str, list[Conflict]] = {}
        # Where ScaledObjects and their targets are; UNKNOWN stands in for what another object may not know of
        # itself, so that a look-up costs the same however many there are.
        self._namespaces: set[object] = set()
        self._targets: set[tuple[str, object, object]] = set()
        self._unread: list[_Unread] = []
        self._own: set[ObjectRef] = set()
        self._outside: list[Conflict] = []
        self.clusters: set[str] = set()
        """Where the program has an owner of replicas."""

    def add_outside(self, objects: Iterable[Declared]) -> None:
        """Take in what is declared outside the program. Its conflicts wait for the end: they matter only if
        the program has a part in them."""
        for declared in objects:
            self._outside += self._owners.add(declared)

    def outside_conflicts(self) -> Iterator[Conflict]:
        """Those of them that an object of the program is part of."""
        return (each for each in self._outside if {each.scaled_object, each.other} & self._own)

    def conflicts(self, declared: Declared) -> list[Conflict]:
        """The conflicts that an object completes; whichever rule asks first has it looked at."""
        if declared.where not in self._conflicts:
            self._conflicts[declared.where] = self._owners.add(declared)
            self._remember(declared)
        return self._conflicts[declared.where]

    def _remember(self, declared: Declared) -> None:
        """Keep what is asked for at the end."""
        if declared.cluster not in self.clusters and any(owners(declared)):
            self.clusters.add(declared.cluster)
        self._own.update(filter(None, map(identity, objects(declared.manifest))))
        for item in items(declared.manifest, declared.where):
            if item.group == "keda.sh" and item.kind == "ScaledObject":
                self._namespaces |= {item.namespace, UNKNOWN}
                reference = dig(item.spec, "scaleTargetRef")
                kind = text(dig(reference, "kind")) or "Deployment"
                name = text(dig(reference, "name")) or UNKNOWN
                self._targets |= {
                    (kind, each, other) for each in (item.namespace, UNKNOWN) for other in (name, UNKNOWN)
                }
            if has_unknown(item.manifest):
                paths = unknown_reads(
                    item.manifest, lambda manifest: list(owners(replace(declared, manifest=manifest)))
                )
                self._unread.append(_Unread(item, paths))

    def undecided(self) -> Iterator[Undecided]:
        """The unknown fields that may hide a second owner of a ScaledObject's target."""
        for unread in self._unread:
            for path in unread.paths:
                if self._matters(unread, path):
                    yield Undecided(_name(unread.item), unread.item.where, path, NOT_YET)

    def _matters(self, unread: _Unread, path: str) -> bool:
        item, kind = unread.item, unread.item.kind
        name, namespace = _known(item, "name"), _known(item, "namespace")
        near = namespace in self._namespaces
        if kind in ("ScaledObject", "HTTPScaledObject"):
            return True
        if path.startswith(("metadata.annotations", "metadata.labels", "metadata.ownerReferences")):
            return kind == "HorizontalPodAutoscaler" and near
        if kind in _AUTOSCALERS or path not in _OF_WORKLOADS:
            return near
        replicas = UNKNOWN if item.manifest.get("spec") is UNKNOWN else item.spec.get("replicas")
        return replicas is not None and (kind, namespace, name) in self._targets


def _known(item: Item, key: str) -> object:
    """metadata.<key>, or UNKNOWN."""
    metadata = item.manifest.get("metadata")
    given = UNKNOWN if metadata is UNKNOWN else dig(metadata, key)
    return UNKNOWN if given is UNKNOWN else getattr(item, key)


def _name(item: Item) -> str:
    return item.ref if UNKNOWN not in (_known(item, "name"), _known(item, "namespace")) else item.kind


class Sources:
    """What stands outside the program, read once: the files that the config names, and a cluster.

    Without a config it is the cluster that the program itself speaks to. What that one does not answer is no
    finding: nobody asked for it by name.
    """

    def __init__(self, ledger: Ledger, clusters: Clusters) -> None:
        self._ledger, self._clusters = ledger, clusters
        self._unread: list[str] | None = None
        self._unasked: list[str] = []

    def judge(self, declared: Declared, config: Config) -> Iterator[Finding]:
        """Files are read before the first object is looked at: conflicts with them are told in time."""
        self._read_files(config)
        self._ledger.conflicts(declared)  # all that is declared is known before a cluster is read
        yield from ()

    def rest(self, config: Config) -> Iterator[Finding]:
        """A cluster is read last: what the program declares replaces what is live, and now all is known."""
        unread = self._read_files(config)
        if (cluster := config.get("cluster")) is not None:
            from policies.sources.files import declared_elsewhere

            self._ledger.add_outside(declared_elsewhere((), cluster, unread))
        else:
            self._ledger.add_outside(self._clusters.read(self._ledger.clusters, self._unasked))
        # What could not be read stands before the first colon: a path, or a cluster's context.
        yield from (Finding(line, (line.partition(":")[0],)) for line in unread)

    def undecided(self, config: Config) -> Iterator[Undecided]:
        """What the program's own cluster does not answer."""
        for line in self._unasked:
            yield Undecided("", line, "", f"{line} So second owners that only the cluster has are not found.")

    def _read_files(self, config: Config) -> list[str]:
        if self._unread is None:
            self._unread = []
            if config["manifests"]:
                # Imported here: a pack that reads no files starts faster without.
                from policies.sources.files import declared_elsewhere

                self._ledger.add_outside(declared_elsewhere(config["manifests"], None, self._unread))
        return self._unread


def rules(clusters: Clusters) -> list[Rule]:
    """One rule for each kind of second owner, with one memory, and first the one that reads other places."""
    ledger = Ledger()
    sources = Sources(ledger, clusters)
    text = {"type": "string", "minLength": 1}
    reading = Rule(
        "keda-one-owner-sources",
        sources.judge,
        announced=sources.judge,
        rest=sources.rest,
        rest_undecided=sources.undecided,
        options={
            "manifests": {
                "type": "array",
                "items": text,
                "default": [],
                "description": "Files and directories whose objects count like the program's own.",
            },
            "cluster": {
                "type": "object",
                "properties": {"kubeconfig": text, "context": text},
                "additionalProperties": False,
                "description": "The cluster to read, {} for the current context. Unset: the program's own.",
            },
        },
        severity=Severity.MEDIUM,
    )
    return [reading, *(_rule(kind, ledger) for kind in Kind)]


def _rule(kind: Kind, ledger: Ledger) -> Rule:
    def told(conflicts: Iterable[Conflict]) -> Iterator[Finding]:
        for each in conflicts:
            if each.rule is kind:
                yield Finding(each.message, (str(each.other), str(each.scaled_object)))

    return Rule(
        f"keda-one-owner-{kind}",
        lambda declared, config: told(ledger.conflicts(declared)),
        announced=lambda declared, config: told(ledger.conflicts(declared)),
        rest=lambda config: told(ledger.outside_conflicts()),
        rest_undecided=lambda config: ledger.undecided(),
    )
