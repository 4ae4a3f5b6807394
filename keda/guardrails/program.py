"""The objects of one operation as they arrive, and what `keda check` finds in them: each is judged once.

Findings on one object alone come with it. A finding that needs other objects comes with the object that
completes it, in whichever order they arrive; one that something is missing waits for the end, and is dropped
if anything that nobody sees could bring it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from keda.checks.cross_object.monitors import is_monitor
from keda.checks.engine import judge_alone, judge_among
from keda.checks.findings import Finding
from keda.checks.findings import finding as found_by
from keda.checks.registry import Problem, Rule
from keda.core.errors import join
from keda.guardrails.unknowns import has_unknown, stand_ins, unknown_paths, watched
from keda.manifests.declared import UNKNOWN, Declared
from keda.manifests.objects import Item, Objects, items
from keda.manifests.reading import At, dig

MISSING = frozenset(
    {
        *("target-missing", "unknown-authentication", "unknown-secret", "missing-requests"),
        *("jetstream-consumer-missing", "monitor-unselected"),
    }
)
"""Rules that find something missing: another object may still bring it."""

_NAMES = frozenset({"bad-name", "name-too-long"})
_DECIDING = ("keda.sh", "keda.k8s.io")

Wanted = Callable[[Item, Finding], Finding | None]
"""What settings make of a finding on an object: another severity, or None for nothing."""
Key = tuple[str, str, str, str]
"""API group, kind, namespace, name"""


@dataclass(frozen=True)
class UnknownRead:
    """A field of `item` that a finding depends on, and that is not known yet."""

    item: Item
    path: str


class _Seen(Objects):
    """The objects of one cluster; it notes which ones a rule asks for by name."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[Key] = set()

    def get(self, group: str, kind: str, namespace: str, name: str) -> Item | None:
        self.asked.add((group, kind, namespace, name))
        return super().get(group, kind, namespace, name)


@dataclass
class _Cluster:
    """One cluster's objects, and who waits for which of them."""

    objects: _Seen = field(default_factory=_Seen)
    judged: list[Item] = field(default_factory=list)
    waiting: defaultdict[Key, dict[int, Item]] = field(default_factory=lambda: defaultdict(dict))
    """By identity: two objects may be equal."""
    reads: list[UnknownRead] = field(default_factory=list)
    """What was read of unknown fields since it was last emptied."""


class Program:
    """What an operation has registered so far."""

    def __init__(self) -> None:
        self._items: dict[str, list[Item]] = {}
        self._alone: dict[str, list[Finding]] = {}
        self._among: dict[str, list[Finding]] = {}
        self._rest: list[Finding] | None = None
        self._clusters: dict[str, _Cluster] = {}
        self._reported: set[tuple[str, Finding]] = set()
        self._unseen = False
        self._partial: set[str] = set()
        self._generated: set[str] = set()
        self.secrets: set[str] = set()
        """Texts that the program marked as secret: a finding on one of them does not quote it."""
        self.wanted: Wanted = lambda _, finding: finding
        """The settings of the program's own keda.toml."""
        self.undecided: dict[tuple[str, str], UnknownRead] = {}
        """The unknown fields that findings depend on."""

    def hides_objects(self) -> None:
        """Note that there may be objects that nobody shows: nothing is called missing any more."""
        self._unseen = True

    def is_partial(self, where: str) -> None:
        """Note that the object at `where` is only some fields of one that is elsewhere."""
        self._partial.add(where)

    def has_generated_name(self, where: str) -> None:
        """Note that the API server makes the name of the object at `where`: rules on names pass it over."""
        self._generated.add(where)

    def items(self, declared: Declared) -> list[Item]:
        """The objects of a manifest; a List may hold several."""
        if declared.where not in self._items:
            self._items[declared.where] = list(items(declared.manifest, declared.where))
        return self._items[declared.where]

    def alone(self, declared: Declared) -> list[Finding]:
        """What `keda check` finds in the object by itself."""
        if declared.where not in self._alone:
            found = [] if declared.where in self._partial else map(self._judged, self.items(declared))
            self._alone[declared.where] = [finding for findings in found for finding in findings]
        return self._alone[declared.where]

    def among(self, declared: Declared) -> list[Finding]:
        """What the object completes: findings on it, or on one that came before."""
        if declared.where not in self._among:
            self._among[declared.where] = list(self._arrived(declared))
        return self._among[declared.where]

    def at_end(self) -> list[Finding]:
        """What only all objects together show, and what is missing."""
        if self._rest is None:
            self._rest = [finding for cluster in self._clusters.values() for finding in self._ended(cluster)]
        return self._rest

    def as_wanted(self, finding: Finding) -> Finding | None:
        """What the program's settings make of a finding."""
        item = next((each for each in self._items[finding.where] if each.ref == finding.object), None)
        return finding if item is None else self.wanted(item, finding)

    def finding(self, rule: Rule, problem: Problem, item: Item) -> Finding:
        """A problem of one rule, which was asked directly, as a finding on the object."""
        return self._without_secret(found_by(rule, problem, item.ref, item.where, item.prefix), item)

    def _judged(self, item: Item) -> Iterator[Finding]:
        paths = list(unknown_paths(item.manifest))
        if paths and item.of_keda:
            for at in filter(_decides, paths):
                self._note(UnknownRead(item, join(*at)))
        certain = _certain([judge_alone(each) for each in _variants(item, paths)])
        for finding in certain:
            unnamed = finding.code in _NAMES and finding.where in self._generated
            if not unnamed and not _below(finding.at, paths):
                yield self._without_secret(finding, item)

    def _arrived(self, declared: Declared) -> Iterator[Finding]:
        cluster = self._clusters.setdefault(declared.cluster, _Cluster())
        for item in self.items(declared):
            if _nameless(item):
                self._unseen = True
            held = _as_watched(item, cluster.reads) if has_unknown(item.manifest) else item
            cluster.objects.hold(item, held)
            key = (item.group, item.kind, item.namespace, item.name)
            affected = cluster.waiting.pop(key, {})
            if item.where not in self._partial and (item.of_keda or is_monitor(item)):
                cluster.judged.append(item)
                affected[id(item)] = item
            for each in affected.values():
                for finding in self._met(each, cluster):
                    if finding.code not in MISSING:
                        yield from self._once(each, finding)

    def _met(self, item: Item, cluster: _Cluster) -> list[Finding]:
        """The findings on an object among those of its cluster so far."""
        cluster.reads.clear()
        cluster.objects.asked.clear()
        paths = list(unknown_paths(item.manifest))
        found = _certain([judge_among(each, cluster.objects, {}) for each in _variants(item, paths)])
        for key in cluster.objects.asked:
            cluster.waiting[key][id(item)] = item
        others = [read for read in cluster.reads if read.item.where != item.where]
        if others and item.of_keda:
            for read in others:
                self._note(read)
            return []
        return [self._without_secret(each, item) for each in found if not _below(each.at, paths)]

    def _ended(self, cluster: _Cluster) -> Iterator[Finding]:
        unseen = self._unseen or len(self._clusters) > 1
        for item in cluster.judged:
            for finding in self._met(item, cluster):
                if not (unseen and finding.code in MISSING):
                    yield from self._once(item, finding)

    def _without_secret(self, finding: Finding, item: Item) -> Finding:
        """The finding, without its value and what KEDA or a parser quotes of it if that is a secret."""
        value = dig(item.manifest, *finding.at[len(item.prefix) :]) if self.secrets else None
        if isinstance(value, str) and any(secret in value for secret in self.secrets):
            return finding._replace(what="a secret value that is not valid here.", why="", fix="", keda="")
        return finding

    def _once(self, item: Item, finding: Finding) -> Iterator[Finding]:
        if (item.where, finding) not in self._reported:
            self._reported.add((item.where, finding))
            yield finding

    def _note(self, read: UnknownRead) -> None:
        self.undecided.setdefault((read.item.where, read.path), read)


def _variants(item: Item, paths: list[At]) -> Iterable[Item]:
    """The object as it may turn out to be: with each of several values in place of what is unknown."""
    return [Item(each, item.where, item.prefix) for each in stand_ins(item.manifest)] if paths else [item]


def _certain(variants: list[list[Finding]]) -> list[Finding]:
    """The findings that stand whatever the unknown values are."""
    first, *others = variants
    return [finding for finding in first if all(finding in other for other in others)]


def _below(at: At, paths: list[At]) -> bool:
    """Whether a path leads to or through one of what is unknown."""
    return any(at[: len(path)] == path for path in paths)


def _decides(at: At) -> bool:
    """Whether KEDA or the API server judges the field: the spec, and annotations of KEDA's."""
    if at[:2] == ("metadata", "annotations"):
        return len(at) == 2 or any(group in str(at[2]) for group in _DECIDING)
    return at[0] == "spec"


def _nameless(item: Item) -> bool:
    metadata = item.manifest.get("metadata")
    return UNKNOWN in (item.manifest.get("kind"), metadata, dig(metadata, "name"), dig(metadata, "namespace"))


def _as_watched(item: Item, reads: list[UnknownRead]) -> Item:
    """The object, noting in `reads` where a rule reads what is unknown in it."""
    manifest = watched(item.manifest, lambda path: reads.append(UnknownRead(item, path)))
    return Item(manifest, item.where, item.prefix)
