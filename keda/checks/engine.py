"""The judge: what KEDA 2.19.0 and the API server would say of objects, before they are applied, and what KEDA
would take and then do wrong. Offline; total over whatever JSON or YAML it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from keda.checks.admission.crd_schema import check_ignores, check_shape
from keda.checks.admission.hpa import check_behavior, check_targets
from keda.checks.admission.scaled_job import check_authentication, check_event_source, check_scaled_job
from keda.checks.admission.scaled_object import check_scaled_object
from keda.checks.admission.triggers import check_triggers, check_triggers_among
from keda.checks.advice.bounds import advise, advise_among
from keda.checks.advice.metric_names import check_expressions
from keda.checks.cross_object.monitors import check_monitor, is_monitor
from keda.checks.cross_object.references import check_secret_references, check_trigger_references
from keda.checks.cross_object.targets import check_job_container, check_target, check_target_among
from keda.checks.findings import IGNORE, Finding, Report, Rule, rules
from keda.manifests.declared import Declared, ObjectRef
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import mapping, text
from keda.ownership import TRANSFER_OWNERSHIP, Conflict, conflicts, links, owners
from keda.ownership import ConflictKind as OwnerRule

__all__ = ["Finding", "Rule", "check", "rules"]

SecondOwners = Mapping[tuple[str, str], list[Conflict]]


def check(objects: Iterable[object]) -> list[Finding]:
    """The findings on KEDA's objects among `objects`, in the objects' order.

    An object is a manifest (parsed YAML or JSON, a List too) or `keda.ownership.Declared`, which adds where
    it is from. Of PrometheusRules and Grafana dashboards the expressions are read; other kinds matter only as
    what KEDA's objects refer to. Never raises for what is in them.
    """
    given = Objects(objects)
    owners = second_owners(given)
    findings: list[Finding] = []
    for item in given.all():
        findings += judge_alone(item)
        findings += judge_among(item, given, owners)
    return findings


def judge_alone(item: Item) -> list[Finding]:
    """The findings that need only the object itself."""
    report = Report(item.ref, item.where)
    if not item.of_keda:
        # Of alerts and dashboards, the expressions only.
        check_expressions(item, report)
        check_ignores(item, report)
        return _kept(item, report)
    check_shape(item, report)
    match item.kind:
        case "ScaledObject":
            check_scaled_object(item, report)
            check_behavior(item, report)
            check_triggers(item, report)
            check_targets(item, report)
            check_target(item, report)
        case "ScaledJob":
            check_scaled_job(item, report)
            check_triggers(item, report)
            check_job_container(item, report)
        case "TriggerAuthentication" | "ClusterTriggerAuthentication":
            check_authentication(item, report)
        case "CloudEventSource" | "ClusterCloudEventSource":
            check_event_source(item, report)
    advise(item, report)
    return _kept(item, report)


def judge_among(item: Item, objects: Objects, owners: SecondOwners) -> list[Finding]:
    """The findings that need other objects too; `owners` is from `second_owners`."""
    disputes = owners.get((item.ref, item.where), [])
    report = Report(item.ref, item.where)
    if is_monitor(item):
        check_monitor(item, objects, report)
        return _kept(item, report)
    if not (item.of_keda or disputes):
        return []
    for conflict in disputes:
        _add_owner(item, conflict, report)
    if not item.of_keda:  # the HTTP add-on's
        return _kept(item, report)
    match item.kind:
        case "ScaledObject" | "ScaledJob":
            check_triggers_among(item, objects, report)
            if item.kind == "ScaledObject":
                check_target_among(item, objects, report)
            check_trigger_references(item, objects, report)
        case "TriggerAuthentication":
            check_secret_references(item, objects, report)
    advise_among(item, objects, report)
    return _kept(item, report)


def _kept(item: Item, report: Report) -> list[Finding]:
    return [_placed(finding, item) for finding in report.findings if not _ignored(finding, item)]


def _ignored(finding: Finding, item: Item) -> bool:
    reason = text(item.annotations.get(f"{IGNORE}{finding.code}"))
    return rules()[finding.code].ignorable and bool(reason.strip())


def _placed(finding: Finding, item: Item) -> Finding:
    return replace(finding, at=(*item.prefix, *finding.at)) if item.prefix else finding


def _declared(item: Item, where: str) -> Declared:
    """As whoever applies it declares it.

    What a cluster answered (it has a uid) has the replicas that run now, and does not say who wants them.
    """
    manifest = item.manifest
    if "uid" in mapping(manifest.get("metadata")) and "replicas" in item.spec:
        manifest = {**manifest, "spec": {key: item.spec[key] for key in item.spec if key != "replicas"}}
    return Declared(manifest, where)


def second_owners(given: Objects) -> SecondOwners:
    """The conflicts of keda.ownership, by the ScaledObject (its ref and place) they are reported on."""
    claims: Counter[ObjectRef] = Counter()
    scaled: set[ObjectRef] = set()
    between: set[ObjectRef] = set()
    for item in given.all():
        declared = _declared(item, "")
        for owner in owners(declared):
            claims[owner.owned] += 1
            if owner.rule is OwnerRule.SCALED_OBJECT:
                scaled.add(owner.owned)
        for link in links(declared):
            claims[link.child] += 1
            between |= {link.parent, link.child}
    contested = {ref for ref in scaled if claims[ref] > 1}
    if not contested:
        return {}
    places: dict[str, str] = {}
    disputing: list[Declared] = []
    for item in given.all():
        declared = _declared(item, item.where or item.ref)
        owned = [owner.owned for owner in owners(declared)]
        if not (contested | between).isdisjoint(owned) or any(links(declared)):
            disputing.append(declared)
            if item.kind in ("ScaledObject", "HTTPScaledObject"):
                places.setdefault(item.ref, item.where)
    found: dict[tuple[str, str], list[Conflict]] = {}
    for conflict in conflicts(disputing):
        ref = str(conflict.scaled_object)
        found.setdefault((ref, places.get(ref, "")), []).append(conflict)
    return found


def _add_owner(item: Item, conflict: Conflict, report: Report) -> None:
    other = conflict.other
    keda = {
        OwnerRule.HPA: f"is already managed by the hpa '{other.name}'",
        OwnerRule.SCALED_OBJECT: f"is already managed by the ScaledObject '{other.name}'",
    }.get(conflict.rule, "")
    if conflict.rule is OwnerRule.HPA and item.annotations.get(TRANSFER_OWNERSHIP) == "true":
        keda = f"the existing hpa '{other.name}' … must be specified by name in advanced settings"
    report.say(f"one-owner-{conflict.rule}", ("spec", "scaleTargetRef"), conflict.message, keda=keda)
