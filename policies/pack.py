"""All policies of the pack."""

from __future__ import annotations

from pulumi_policy import EnforcementLevel, Policy

from keda.guardrails import Guardrail, guardrails
from policies import one_owner
from policies.operation import Operation
from policies.rule import UNDECIDED, RulePolicies, RulesUndecided, schema, undecided_policy


def rules() -> list[type[Guardrail]]:
    """Every rule, in the order in which they are asked."""
    return [*one_owner.RULES, *guardrails()]


def settings() -> dict[str, list[str]]:
    """The keys of each rule's config."""
    return {rule.name: list(schema(rule)) for rule in rules()} | {UNDECIDED: []}


def levels() -> dict[str, EnforcementLevel]:
    """Each rule's level where no config names one."""
    return {rule.name: EnforcementLevel(rule.level) for rule in pages()}


def pages() -> list[type[Guardrail]]:
    """Every rule that has a page."""
    return [*rules(), RulesUndecided]


def policies(operation: Operation | None = None) -> list[Policy]:
    """Two policies for each rule, and one that names what no rule could decide."""
    operation = operation or Operation()
    shared = [*one_owner.rules(operation), *(rule(operation.program) for rule in guardrails())]
    pairs = [RulePolicies(rule, operation).policies() for rule in shared]
    # Last, since the others note what it reports.
    return [*(policy for pair in pairs for policy in pair), undecided_policy(operation)]
