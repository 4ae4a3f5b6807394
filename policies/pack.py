"""All policies of the pack."""

from __future__ import annotations

from pulumi_policy import Policy

from policies import guardrails, one_owner
from policies.rule import Operation, Rule, Twins, undecided_policy


def rules() -> list[Rule]:
    """Every rule, with an empty memory."""
    return [*one_owner.rules(), *guardrails.rules()]


def policies() -> list[Policy]:
    """Two policies for each rule, and one that tells what no rule could decide."""
    operation = Operation()
    pairs = [Twins(rule, operation).policies() for rule in rules()]
    # Last, since the others tell it what to say.
    return [*(policy for pair in pairs for policy in pair), undecided_policy(operation)]
