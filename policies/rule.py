"""A rule of the pack (`keda.guardrails.Guardrail`), and the two policies it becomes.

Each rule is a pair of policies of one name, so that one entry of the policy config sets the level of both:

- The resource policy is asked about one object at a time, before it is created. Where a rule needs more than
  one object it remembers those before, and reports when the one that completes the mistake arrives, in
  whichever order they come.
- The stack policy looks at the whole stack at the end, for what was never registered in this run: objects
  left out of a targeted update. Alone it would be too weak, since it runs after creation and not at all once
  a step failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
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

from keda.guardrails import NOT_YET, Config, Finding, Guardrail, Undecided
from keda.manifests.declared import Declared
from policies.operation import Operation
from policies.resources import as_whole

EXCLUDED = {
    "type": "array",
    "default": [],
    "description": "Objects this rule ignores: `Kind namespace/name` or a URN (* matches anything), and why.",
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


class RulesUndecided(Guardrail):
    """Its page only: what it reports is what the others could not read."""

    name = "keda-rules-undecided"
    summary = "A rule could not read a field it needs; the advisory names it, and when it is read."
    why = (
        "In a preview a value made from another resource's output is not known yet. It is neither refused "
        "nor accepted: the rule reads it in the update, and refuses a mistake before the object is created. "
        "This advisory names each such field once, at the end of the preview. It never stops anything."
    )
    severity = "low"
    level = "advisory"


UNDECIDED = RulesUndecided.name


def schema(rule: type[Guardrail]) -> dict[str, dict[str, Any]]:
    """The JSON schemas of a rule's config, by key; `excluded` is every rule's."""
    return {**{key: dict(value) for key, value in rule.settings.items()}, "excluded": EXCLUDED}


def _configured(rule: type[Guardrail], given: Config) -> dict[str, Any]:
    """A rule's config with every default in place, and whole numbers as such."""
    defaults = {key: each["default"] for key, each in schema(rule).items() if "default" in each}
    return defaults | {key: as_whole(value) for key, value in given.items()}


class RulePolicies:
    """The two policies of one rule, which report each thing once."""

    def __init__(self, rule: Guardrail, operation: Operation) -> None:
        self.rule, self.operation = rule, operation
        self._config: dict[str, Any] | None = None

    def policies(self) -> tuple[Policy, Policy]:
        """The rule as two policies of one name: on each registration, and on all resources at the end."""
        common: dict[str, Any] = {
            "name": self.rule.name,
            "description": self.rule.summary,
            "enforcement_level": EnforcementLevel(self.rule.level),
            "config_schema": PolicyConfigSchema(schema(type(self.rule))),
            "severity": Severity(self.rule.severity),
        }
        return (
            ResourceValidationPolicy(validate=self.on_registration, **common),
            StackValidationPolicy(validate=self.on_stack, **common),
        )

    def on_registration(self, args: ResourceValidationArgs, report: ReportViolation) -> None:
        """Reports what the rule finds in the objects of one resource, as it is registered."""
        with self.operation.lock:
            config, given = self._configured(args), self.operation.read[args.urn]
            if declared := self.operation.register(given):
                self._report(self._judged(declared, config), config, partial(self._at, report, given.urn))
            elif declared := self.operation.announced(given):
                findings = self.rule.announced(declared, config)
                self._report(findings, config, partial(self._at, report, given.urn))

    def on_stack(self, args: StackValidationArgs, report: ReportViolation) -> None:
        """Reports what only all resources show, and notes the fields that stayed unknown."""
        with self.operation.lock:
            config = self._configured(args)
            for each in args.resources:
                given = self.operation.read[each.urn]
                if declared := self.operation.left_out(given):
                    self._report(self._judged(declared, config), config, partial(self._at, report, given.urn))
            if any(self.operation.not_rendered()):
                self.operation.program.hides_objects()
            self._report(self.rule.at_end(config), config, partial(self._at, report, None))
            for undecided in self.rule.undecided_at_end(config):
                self.operation.note(self.rule.name, undecided)

    def _judged(self, declared: Declared, config: Config) -> Iterable[Finding]:
        for undecided in self.rule.undecided(declared, config):
            self.operation.note(self.rule.name, undecided)
        return self.rule.judge(declared, config)

    def _report(self, findings: Iterable[Finding], config: Config, report: Callable[[Finding], None]) -> None:
        for finding in findings:
            if not self.operation.excludes(finding, config):
                report(finding)

    def _at(self, report: ReportViolation, urn: str | None, finding: Finding) -> None:
        """A finding on the resource at hand, or on another that it is about."""
        about = finding.where if finding.where.startswith("urn:") else urn or self.operation.urn_of(finding)
        report(self.operation.printable(finding.message), about)

    def _configured(self, args: ResourceValidationArgs | StackValidationArgs) -> dict[str, Any]:
        if self._config is None:
            self._config = _configured(type(self.rule), args.get_config())
        return self._config


def undecided_policy(operation: Operation) -> Policy:
    """Names at the end the fields that no rule could read. Its findings never stop anything."""

    def on_stack(args: StackValidationArgs, report: ReportViolation) -> None:
        with operation.lock:
            for undecided, names in operation.undecided.values():
                urn = undecided.where if undecided.where.startswith("urn:") else None
                report(operation.printable(_worded(undecided, names)), urn)

    return StackValidationPolicy(
        UNDECIDED,
        RulesUndecided.summary,
        on_stack,
        enforcement_level=EnforcementLevel.ADVISORY,
        severity=Severity.LOW,
    )


def _worded(undecided: Undecided, names: Sequence[str]) -> str:
    if not undecided.object:
        return undecided.why
    later = ""
    if undecided.why == NOT_YET:
        families = dict.fromkeys("keda-one-owner-*" if "-one-owner-" in name else name for name in names)
        later = (
            f", where {' and '.join(families)} will read it before the object is created. To decide now, "
            "write a plain value instead of another resource's output"
        )
    return " ".join(filter(None, (undecided.object, undecided.path, f"{undecided.why}{later}.")))
