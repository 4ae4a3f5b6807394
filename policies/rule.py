"""A rule of the pack, and the two policies it becomes.

Each rule is a pair of policies of one name, so that one entry of the policy config sets the level of both:

- The resource policy is asked about one object at a time, before it is created. Where a rule needs more than
  one object it remembers those before, and speaks when the one that completes the mistake arrives, in
  whichever order they come.
- The stack policy looks at the whole stack at the end, for what was never registered in this run: objects
  only read, or left out of a targeted update. Alone it would be too weak, since it runs after creation and
  not at all once a step failed.

Pulumi starts a policy pack anew for each preview and each update, so what is remembered is one operation's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from threading import RLock
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)

from keda.core.errors import did_you_mean
from keda.guardrails import Finding, Undecided
from keda.guardrails.scaling import NOT_YET
from keda.manifests.declared import Declared
from keda.manifests.objects import items
from policies import texts
from policies.clusters import Clusters
from policies.resources import PROVIDER, Resource, announced, cluster_of, declared

Config = Mapping[str, Any]

UNDECIDED = "keda-rules-undecided"

EXCLUDED = {
    "type": "array",
    "default": [],
    "description": "Objects this rule passes over: `Kind namespace/name` or a URN, * for any text, and why.",
    "items": {
        "type": "object",
        "properties": {
            "object": {"type": "string", "minLength": 1},
            "urn": {"type": "string", "minLength": 1},
            "reason": {"type": "string", "minLength": 1},
        },
        "required": ["reason"],
        "anyOf": [{"required": ["object"]}, {"required": ["urn"]}],
        "additionalProperties": False,
    },
}


def _nothing(*_: Any) -> Iterable[Any]:
    return ()


@dataclass(frozen=True)
class Rule:
    """`judge` is given each object once and yields what is wrong with it, or with it and those before.

    A rule with a memory is made anew for each operation.
    """

    name: str
    judge: Callable[[Declared, Config], Iterable[Finding]]
    undecided: Callable[[Declared, Config], Iterable[Undecided]] = _nothing
    """The unknown fields of one object that `judge` would have to read."""
    rest: Callable[[Config], Iterable[Finding]] = _nothing
    """What only the end of the operation tells."""
    rest_undecided: Callable[[Config], Iterable[Undecided]] = _nothing
    announced: Callable[[Declared, Config], Iterable[Finding]] = _nothing
    """`judge`, for what a component is going to register: it comes again as an object of its own."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """JSON schemas of the rule's config, by key; `excluded` is every rule's."""
    severity: Severity = Severity.HIGH
    level: EnforcementLevel = EnforcementLevel.MANDATORY

    @property
    def schema(self) -> dict[str, dict[str, Any]]:
        return {**{key: dict(value) for key, value in self.options.items()}, "excluded": EXCLUDED}

    def config(self, given: Config) -> dict[str, Any]:
        """`given` with every default in place."""
        return {key: each["default"] for key, each in self.schema.items() if "default" in each} | dict(given)


class Operation:
    """What one preview or update has shown so far. Several rules ask about one resource: it is read once."""

    def __init__(self, clusters: Clusters | None = None) -> None:
        self.clusters = clusters or Clusters()
        self.lock = RLock()  # the SDK serves requests on several threads
        self.undecided: dict[tuple[str, str], tuple[Undecided, list[str]]] = {}
        self._read: dict[str, Declared | None] = {}
        self._registered: set[str] = set()
        self._providers: set[str] = set()
        self._urns: dict[str, list[str]] = {}

    def register(self, resource: Resource) -> Declared | None:
        """The object that a resource registers."""
        if resource.urn not in self._registered:
            self._registered.add(resource.urn)
            if resource.resource_type == PROVIDER:
                self._providers.add(cluster_of(resource))
            elif resource.resource_type.startswith("kubernetes:"):
                self.clusters.add(resource)
        return self._declared(resource, state=False)

    def announced(self, resource: Resource) -> Declared | None:
        """What a component is going to register. It has no provider of its own: where the program speaks to
        several clusters, its objects alone tell which they are for."""
        clusters = self._providers - {""}
        return announced(resource, next(iter(clusters), "")) if len(clusters) < 2 else None

    def left_out(self, resource: Resource) -> Declared | None:
        """The object of a resource of the final stack, if this operation never registered it."""
        return None if resource.urn in self._registered else self._declared(resource, state=True)

    def note(self, rule: str, undecided: Undecided) -> None:
        """Keep what a rule could not decide, once for each field, with every rule that needs it."""
        key = (undecided.object + undecided.where, undecided.path)
        names = self.undecided.setdefault(key, (undecided, []))[1]
        if rule not in names:
            names.append(rule)

    def excludes(self, finding: Finding, config: Config) -> bool:
        """Whether one of the finding's objects is excluded."""
        for entry in config["excluded"]:
            for ref in finding.objects:
                urns = self._urns.get(ref, [])
                if fnmatchcase(ref, entry.get("object", "")) or any(
                    fnmatchcase(urn, entry.get("urn", "")) for urn in urns
                ):
                    return True
        return False

    def urn_of(self, finding: Finding) -> str | None:
        """The first resource that is one of the finding's objects."""
        return next((self._urns[ref][0] for ref in finding.objects if ref in self._urns), None)

    def _declared(self, resource: Resource, *, state: bool) -> Declared | None:
        if resource.urn not in self._read:
            self._read[resource.urn] = found = declared(resource, state=state)
            for item in items(found.manifest) if found else ():
                for ref in {item.ref, f"{item.kind} {item.name}"}:  # the latter: of the whole cluster
                    self._urns.setdefault(ref, []).append(resource.urn)
        return self._read[resource.urn]


class Twins:
    """The two policies of one rule, which say each thing once."""

    def __init__(self, rule: Rule, operation: Operation) -> None:
        self.rule, self.operation = rule, operation
        self._config: dict[str, Any] | None = None

    def policies(self) -> tuple[Policy, Policy]:
        text = texts.rule_text(self.rule.name)
        common: dict[str, Any] = {
            "name": self.rule.name,
            "description": text.summary,
            "enforcement_level": self.rule.level,
            "config_schema": PolicyConfigSchema(self.rule.schema),
            "severity": self.rule.severity,
        }
        return (
            ResourceValidationPolicy(validate=self.on_registration, **common),
            StackValidationPolicy(validate=self.on_stack, **common),
        )

    def on_registration(self, args: ResourceValidationArgs, report: ReportViolation) -> None:
        with self.operation.lock:
            config = self._configured(args.get_config(), partial(_at, report, None))
            if declared := self.operation.register(args):
                self._say(self._judged(declared, config), config, partial(_at, report, None))
            elif declared := self.operation.announced(args):
                self._say(self.rule.announced(declared, config), config, partial(_at, report, None))

    def on_stack(self, args: StackValidationArgs, report: ReportViolation) -> None:
        with self.operation.lock:
            config = self._configured(args.get_config(), partial(_at, report, None))
            for resource in args.resources:
                if declared := self.operation.left_out(resource):
                    self._say(self._judged(declared, config), config, partial(_at, report, resource.urn))
            for finding in self.rule.rest(config):
                self._say([finding], config, partial(_at, report, self.operation.urn_of(finding)))
            for undecided in self.rule.rest_undecided(config):
                self.operation.note(self.rule.name, undecided)

    def _judged(self, declared: Declared, config: Config) -> Iterable[Finding]:
        for undecided in self.rule.undecided(declared, config):
            self.operation.note(self.rule.name, undecided)
        return self.rule.judge(declared, config)

    def _say(self, findings: Iterable[Finding], config: Config, report: Callable[[str], None]) -> None:
        for finding in findings:
            if not self.operation.excludes(finding, config):
                report(finding.message)

    def _configured(self, given: Config, report: Callable[[str], None]) -> dict[str, Any]:
        """The config with its defaults; a key that nobody reads is told, once."""
        if self._config is None:
            self._config = self.rule.config(given)
            for key in sorted(set(given) - set(self.rule.schema)):
                guess = did_you_mean(key, self.rule.schema)
                fix = f"Write {guess}." if guess else f"Known here: {', '.join(self.rule.schema)}."
                report(
                    f"policy config {self.rule.name}.{key}: unknown key. It would be silently ignored. {fix}"
                )
        return self._config


def _at(report: ReportViolation, urn: str | None, line: str) -> None:
    report(line, urn)


def undecided_policy(operation: Operation) -> Policy:
    """Says at the end which fields no rule could read. Its findings never stop anything."""

    def on_stack(args: StackValidationArgs, report: ReportViolation) -> None:
        with operation.lock:
            for undecided, names in operation.undecided.values():
                urn = undecided.where if undecided.where.startswith("urn:") else None
                report(_told(undecided, names), urn)

    return StackValidationPolicy(
        UNDECIDED,
        texts.rule_text(UNDECIDED).summary,
        on_stack,
        enforcement_level=EnforcementLevel.ADVISORY,
        severity=Severity.LOW,
    )


def _told(undecided: Undecided, names: Sequence[str]) -> str:
    if not undecided.object:
        return undecided.why
    later = ""
    if undecided.why == NOT_YET:
        families = dict.fromkeys("keda-one-owner-*" if "-one-owner-" in name else name for name in names)
        later = (
            f", where {' and '.join(families)} will read it before the object is created. To know now, write "
            "a plain value instead of another resource's output"
        )
    return f"{undecided.object} {undecided.path} {undecided.why}{later}."
