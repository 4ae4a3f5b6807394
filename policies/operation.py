"""What one preview or update has shown so far: each resource is read once, for all rules together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from threading import RLock
from typing import Any

from keda.guardrails import Finding, Program, Undecided
from keda.manifests.declared import Declared, ObjectRef
from policies.clusters import Clusters
from policies.resources import (
    PROVIDER,
    RELEASE,
    RENDERERS,
    Resource,
    announced,
    declared,
    has_generated_name,
    is_patch,
)

_HIDDEN = "(secret)"
_SHORT = 4
"""Characters below which a secret is hidden only where it stands alone: "a" is part of nearly every word."""


class Operation:
    """Pulumi starts a pack again for each preview and each update, so this is one operation's memory."""

    def __init__(self) -> None:
        self.clusters = Clusters()
        self.program = Program()
        self.lock = RLock()  # the SDK serves requests on several threads
        self.undecided: dict[tuple[str, str], tuple[Undecided, list[str]]] = {}
        self.preview = True
        self.read: dict[str, Resource] = {}
        """The resources by URN, in plain data: `policies.service` reads them."""
        self.dependencies: dict[str, tuple[str, ...]] = {}
        """What each resource of the final stack waits for, by URN."""
        self._declared: dict[str, Declared | None] = {}
        self._registered: set[str] = set()
        self._of_providers: set[str] = set()
        self._urns: dict[str, list[str]] = {}
        self._renderers: dict[str, str] = {}
        self._parents: set[str] = set()

    def register(self, resource: Resource) -> Declared | None:
        """The object that a resource registers."""
        if resource.urn not in self._registered:
            self._registered.add(resource.urn)
            self._parents.add(resource.parent)
            if resource.type == PROVIDER:
                self._of_providers.add(self.clusters.of(resource))
            elif RENDERERS.fullmatch(resource.type):
                self._renderers[resource.urn] = f"{resource.type.rpartition(':')[2]} {resource.name}"
            elif resource.type == RELEASE:
                self.program.hides_objects()
        return self._object(resource, state=False)

    def announced(self, resource: Resource) -> Declared | None:
        """What a component is going to register. It has no provider of its own: where the program has
        several clusters, only its objects show which they are for.
        """
        clusters = self._of_providers - {""}
        return announced(resource, next(iter(clusters), "")) if len(clusters) < 2 else None

    def left_out(self, resource: Resource) -> Declared | None:
        """The object of a resource of the final stack, if this operation never registered it."""
        return None if resource.urn in self._registered else self._object(resource, state=True)

    def is_registered(self, urn: str) -> bool:
        """Whether this operation registered a resource."""
        return urn in self._registered

    def waits_for(self, urn: str, ref: ObjectRef) -> bool:
        """Whether a resource is created after every resource of an object, by its dependencies."""
        pending, seen = [urn], set[str]()
        while pending:
            if (each := pending.pop()) not in seen:
                seen.add(each)
                pending += self.dependencies.get(each, ())
        return set(self._urns.get(str(ref), (urn,))) <= seen - {urn}

    def not_rendered(self) -> Iterator[Undecided]:
        """In a preview: charts and the like without objects. A missing object may be one of theirs."""
        for urn, name in self._renderers.items():
            if self.preview and urn not in self._parents:
                yield Undecided(
                    name,
                    urn,
                    "",
                    "registers no object in this preview: it renders none, or one of its inputs is known "
                    "only in the update, where its objects are checked before they are created",
                )

    def note(self, rule: str, undecided: Undecided) -> None:
        """Keep what a rule could not decide, once for each field, with every rule that needs it."""
        key = (undecided.object + undecided.where, undecided.path)
        names = self.undecided.setdefault(key, (undecided, []))[1]
        if rule not in names:
            names.append(rule)

    def excludes(self, finding: Finding, config: Mapping[str, Any]) -> bool:
        """Whether one of the finding's objects is excluded."""
        return any(
            fnmatchcase(ref, entry.get("object", ""))
            or any(fnmatchcase(urn, entry.get("urn", "")) for urn in self._urns.get(ref, ()))
            for entry in config["excluded"]
            for ref in finding.objects
        )

    def urn_of(self, finding: Finding) -> str | None:
        """The resource that a finding is about: its place, or the first that is one of its objects."""
        if finding.where.startswith("urn:"):
            return finding.where
        return next((self._urns[ref][0] for ref in finding.objects if ref in self._urns), None)

    def printable(self, message: str) -> str:
        """A message in one line, without the program's secrets and without control characters."""
        for secret in sorted(self.program.secrets, key=len, reverse=True):
            if len(secret) >= _SHORT:
                message = message.replace(secret, _HIDDEN)
            else:
                message = re.sub(rf"(?<![\w-]){re.escape(secret)}(?![\w-])", _HIDDEN, message)
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)

    def _object(self, resource: Resource, *, state: bool) -> Declared | None:
        if resource.urn not in self._declared:
            self.program.secrets.update(filter(None, resource.secrets))
            found = None
            if resource.type.startswith("kubernetes:"):
                found = declared(resource, self.clusters.of(resource), state=state)
            self._declared[resource.urn] = found
            if found:
                self._remember(found, resource)
        return self._declared[resource.urn]

    def _remember(self, found: Declared, resource: Resource) -> None:
        if is_patch(resource):
            self.program.is_partial(found.where)
        if has_generated_name(resource):
            self.program.has_generated_name(found.where)
        for item in self.program.items(found):
            for ref in {item.ref, f"{item.kind} {item.name}"}:  # the latter: of the whole cluster
                self._urns.setdefault(ref, []).append(resource.urn)
