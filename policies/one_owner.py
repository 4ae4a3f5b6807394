"""Every replica count has one owner: `keda.ownership`'s rule, asked while a program registers resources.

Each rule is a pair of policies of one name, so that one entry of the policy config sets the level of both:

- The resource policy remembers what was registered and speaks when the second owner arrives: in preview,
  and in `up` before that owner is created, in whichever order the two come.
- The stack policy looks at the whole stack at the end, for what was never registered in this run: objects
  only read, or left out of a targeted update. Alone it would be too weak, since it runs after creation and
  not at all once a step failed.

Pulumi starts a policy pack anew for each preview and each update, so what is remembered is one operation's.
"""

from threading import Lock

from pulumi_policy import (
    Policy,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)

from keda.ownership import Conflict, Owners, Rule
from policies.resources import Resource, declared

DESCRIPTIONS = {
    Rule.HPA: "The target of a ScaledObject has no HorizontalPodAutoscaler of its own.",
    Rule.SCALED_OBJECT: "A workload is the target of one ScaledObject, and each has an HPA of its own.",
    Rule.REPLICAS: "The target of a ScaledObject does not fix spec.replicas.",
    Rule.CONTROLLER: "No other controller sets the replicas of a ScaledObject's target.",
    Rule.VPA: "A VerticalPodAutoscaler and a ScaledObject do not act on the same resource of one target.",
}


class Ledger:
    """The owners seen in this operation. Several rules ask about one resource: it is looked at once."""

    def __init__(self) -> None:
        self._lock = Lock()  # the SDK serves requests on several threads
        self._owners = Owners()
        self._conflicts: dict[str, list[Conflict]] = {}
        self._registered: set[str] = set()

    def register(self, resource: Resource) -> list[Conflict]:
        """The conflicts this registration completes."""
        with self._lock:
            self._registered.add(resource.urn)
            return self._look(resource, state=False)

    def rest(self, resource: Resource) -> list[Conflict]:
        """The conflicts that a resource of the final stack completes, if it was never registered."""
        with self._lock:
            return [] if resource.urn in self._registered else self._look(resource, state=True)

    def _look(self, resource: Resource, *, state: bool) -> list[Conflict]:
        if resource.urn not in self._conflicts:
            manifest = declared(resource, state=state)
            self._conflicts[resource.urn] = self._owners.add(manifest) if manifest else []
        return self._conflicts[resource.urn]


def policies() -> list[Policy]:
    """The rules, with an empty memory."""
    ledger = Ledger()
    return [twin for rule in Rule for twin in _twins(rule, ledger)]


def _twins(rule: Rule, ledger: Ledger) -> tuple[Policy, Policy]:
    def on_registration(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for conflict in ledger.register(args):
            if conflict.rule is rule:
                report(conflict.message, None)

    def on_stack(args: StackValidationArgs, report: ReportViolation) -> None:
        for resource in args.resources:
            for conflict in ledger.rest(resource):
                if conflict.rule is rule:
                    report(conflict.message, resource.urn)

    name, description = f"keda-one-owner-{rule}", DESCRIPTIONS[rule]
    return (
        ResourceValidationPolicy(name, description, on_registration, severity=Severity.HIGH),
        StackValidationPolicy(name, description, on_stack, severity=Severity.HIGH),
    )
