"""Runs the rules: what KEDA 2.19.0 and the API server would refuse of objects before they are applied, and
what KEDA would accept and then do wrong. Offline; total over whatever JSON or YAML it is given.
"""

from __future__ import annotations

from collections.abc import Iterable

from keda.checks.cross_object.owners import SecondOwners, one_owner, second_owners
from keda.checks.findings import IGNORE, Finding, finding
from keda.checks.registry import ADMISSION, ADVICE, Check, Problem, Rule, checks, checks_among, rules
from keda.checks.scaling import marks_of
from keda.core.reasons import is_reason
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import dig

__all__ = ["Finding", "Rule", "SecondOwners", "check", "judge_alone", "judge_among", "rules", "second_owners"]


def check(objects: Iterable[object]) -> list[Finding]:
    """The findings on KEDA's objects among `objects`, in the objects' order.

    An object is a manifest (parsed YAML or JSON, a List too) or `keda.manifests.declared.Declared`, which
    adds where it is from. Of PrometheusRules and Grafana dashboards the expressions are read; other kinds
    matter only as what KEDA's objects refer to. Never raises for what is in them.
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
    return _findings(item, problems(item, ADMISSION, ADVICE))


def judge_among(item: Item, objects: Objects, owners: SecondOwners) -> list[Finding]:
    """The findings that need other objects too; `owners` is from `second_owners`."""
    functions = checks_among(item.of_keda, item.kind, marks_of(item))
    disputes = one_owner(item, owners.get((item.ref, item.where), ()))
    return _findings(item, _standing(item, [*disputes, *_found(functions, item, objects)]))


def problems(item: Item, *packages: str) -> list[tuple[Rule, Problem]]:
    """What the rules of these packages (admission, advice) find in an object by itself."""
    functions = checks(item.of_keda, item.kind, marks_of(item), *packages)
    return _standing(item, _found(functions, item))


def _found(functions: Iterable[Check], *arguments: object) -> list[tuple[Rule, Problem]]:
    """The problems that functions find, each with its rule."""
    found = []
    for each in functions:
        for problem in each.function(*arguments):
            rule = problem.rule or each.rule
            assert rule is not None, f"{each.function.__name__} yields a problem of no rule"
            found.append((rule, problem))
    return found


def _standing(item: Item, found: list[tuple[Rule, Problem]]) -> list[tuple[Rule, Problem]]:
    """Without those on a value that is not known yet, those that another rule's problem stands for, and those
    that an annotation ignores.
    """
    if not found:
        return found
    places = {(rule.name, problem.at) for rule, problem in found}
    return [
        (rule, problem)
        for rule, problem in found
        if not (rule.unless and (rule.unless, problem.at) in places)
        and not _ignored(rule, item)
        and dig(item.manifest, *problem.at) is not UNKNOWN
    ]


def _findings(item: Item, found: list[tuple[Rule, Problem]]) -> list[Finding]:
    """Each problem once."""
    if not found:
        return []
    each = (finding(rule, problem, item.ref, item.where, item.prefix) for rule, problem in found)
    return list(dict.fromkeys(each))


def _ignored(rule: Rule, item: Item) -> bool:
    """Whether an annotation ignores the rule, or may: it is not known yet."""
    if not rule.ignorable:
        return False
    reason = dig(item.manifest, "metadata", "annotations", f"{IGNORE}{rule.name}")
    return reason is UNKNOWN or is_reason(reason)
