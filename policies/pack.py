"""All policies of the pack."""

from __future__ import annotations

from pulumi_policy import Policy

from policies import guardrails, one_owner
from policies.clusters import Clusters
from policies.rule import Operation, Rule, Twins, undecided_policy


def rules(clusters: Clusters | None = None) -> list[Rule]:
    """Every rule, with an empty memory. `clusters`: those of the program; without, none is read."""
    return [*one_owner.rules(clusters or Clusters()), *guardrails.rules()]


def policies() -> list[Policy]:
    """Two policies for each rule, and one that tells what no rule could decide."""
    clusters = Clusters()
    operation = Operation(clusters)
    pairs = [Twins(rule, operation).policies() for rule in rules(clusters)]
    # Last, since the others tell it what to say.
    return [*(policy for pair in pairs for policy in pair), undecided_policy(operation)]
