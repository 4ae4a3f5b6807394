"""Triggers that read a TriggerAuthentication or the target's environment."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.admission.trigger_rules import rests_on_unknown
from keda.checks.admission.triggers import check_triggers_among
from keda.checks.cross_object.references import reads_unknown
from keda.checks.findings import Report
from keda.checks.registry import SCALING, Problem, among_objects
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import dig


@among_objects(*SCALING)
def triggers(item: Item, objects: Objects) -> Iterator[Problem]:
    report = Report()
    check_triggers_among(item, objects, report)
    for problem in report.problems:
        trigger = dig(item.manifest, *problem.at[:3])
        if not rests_on_unknown(item, problem) and not reads_unknown(trigger, item, objects):
            yield problem
