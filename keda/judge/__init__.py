"""The judge: what KEDA 2.19.0 and the API server would say of objects, before they are applied, and what KEDA
would take and then do wrong. Offline; total over whatever JSON or YAML it is given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from keda.judge.advice import advise
from keda.judge.findings import IGNORE, Finding, Report, Rule, rules
from keda.judge.kinds import check_authentication, check_event_source, check_scaled_job
from keda.judge.metrics import check_expressions
from keda.judge.objects import KEDA_GROUPS, Item, Objects, text
from keda.judge.references import check_secret_references, check_target, check_trigger_references
from keda.judge.shapes import check_ignores, check_shape
from keda.judge.spec import check_scaled_object
from keda.judge.triggers import check_triggers
from keda.ownership import Conflict, Declared, conflicts
from keda.ownership import Rule as OwnerRule

__all__ = ["Finding", "Rule", "check", "rules"]


def check(objects: Iterable[object]) -> list[Finding]:
    """The findings on KEDA's objects among `objects`, in the objects' order.

    An object is a manifest (parsed YAML or JSON, a List too) or `keda.ownership.Declared`, which adds where
    it is from. Of PrometheusRules and Grafana dashboards the expressions are read; other kinds matter only as
    what KEDA's objects refer to. Never raises for what is in them.
    """
    given = Objects(objects)
    owners = _second_owners(given)
    findings: list[Finding] = []
    for item in given.all:
        if item.group in KEDA_GROUPS or item.group == "keda.k8s.io":
            findings += _judge(item, given, owners.get((item.ref, item.where), []))
        else:
            findings += _names(item)
    return findings


def _names(item: Item) -> list[Finding]:
    """Of alerts and dashboards, the expressions only."""
    report = Report(item.ref, item.where)
    check_expressions(item, report)
    check_ignores(item, report)
    return _kept(item, report)


def _judge(item: Item, objects: Objects, owners: list[Conflict]) -> list[Finding]:
    report = Report(item.ref, item.where)
    check_shape(item, report)
    match item.kind:
        case "ScaledObject":
            check_scaled_object(item, report)
            check_triggers(item, objects, report)
            check_target(item, objects, report)
            check_trigger_references(item, objects, report)
        case "ScaledJob":
            check_scaled_job(item, report)
            check_triggers(item, objects, report)
            check_trigger_references(item, objects, report)
        case "TriggerAuthentication" | "ClusterTriggerAuthentication":
            check_authentication(item, report)
            check_secret_references(item, objects, report)
        case "CloudEventSource" | "ClusterCloudEventSource":
            check_event_source(item, report)
    for conflict in owners:
        _add_owner(conflict, report)
    advise(item, objects, report)
    return _kept(item, report)


def _kept(item: Item, report: Report) -> list[Finding]:
    return [_placed(finding, item) for finding in report.findings if not _ignored(finding, item)]


def _ignored(finding: Finding, item: Item) -> bool:
    reason = text(item.annotations.get(f"{IGNORE}{finding.code}"))
    return rules()[finding.code].ignorable and bool(reason.strip())


def _placed(finding: Finding, item: Item) -> Finding:
    return replace(finding, at=(*item.prefix, *finding.at)) if item.prefix else finding


def _second_owners(given: Objects) -> dict[tuple[str, str], list[Conflict]]:
    """The conflicts of keda.ownership, by the ScaledObject they are reported on."""
    found: dict[tuple[str, str], list[Conflict]] = {}
    relevant = [item for item in given.all if item.kind == "ScaledObject" or "spec" in item.manifest]
    places: dict[str, str] = {}
    for item in relevant:
        if item.kind == "ScaledObject":
            places.setdefault(item.ref, item.where)
    for conflict in conflicts(Declared(item.manifest, item.where or item.ref) for item in relevant):
        ref = str(conflict.scaled_object)
        found.setdefault((ref, places.get(ref, "")), []).append(conflict)
    return found


def _add_owner(conflict: Conflict, report: Report) -> None:
    other = conflict.other
    keda = {
        OwnerRule.HPA: f"is already managed by the hpa '{other.name}'",
        OwnerRule.SCALED_OBJECT: f"is already managed by the ScaledObject '{other.name}'",
    }.get(conflict.rule, "")
    report.say(f"one-owner-{conflict.rule}", ("spec", "scaleTargetRef"), conflict.message, keda=keda)
