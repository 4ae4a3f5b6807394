"""The ScaledObject that takes an existing HPA over: same bounds, same pace, same targets.

A `Resource` metric becomes a cpu or memory trigger, which is the HPA's own metric again. What an HPA reads
from the custom and external metrics APIs becomes a prometheus trigger: with Prometheus Adapter's rules its
query is the adapter's own; without them it is proposed, and a note names what to check.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from keda.adoption.hpa import Hpa, Metric, Resource, Series, read_hpa
from keda.adoption.prometheus_adapter import AdapterRules, Matcher, NotExact, Rule, label_matchers
from keda.core.errors import MISSING, Fault, Faults, SpecError, show
from keda.core.names import LABEL_MAX
from keda.ownership import TRANSFER_OWNERSHIP
from keda.resources import ScaledObject
from keda.syntax import promql
from keda.syntax.quantity import parse_quantity
from keda.triggers import Cpu, Memory, Prometheus, Trigger

KEEP = {"helm.sh/resource-policy": "keep"}
_METRIC_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_HELM = "meta.helm.sh/release-name"
_FLUX = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")


@dataclass(frozen=True)
class Adoption:
    """A ScaledObject, and what a person must check or do; each note is one line."""

    scaled_object: ScaledObject
    notes: tuple[str, ...]

    def workload(self) -> dict[str, Any]:
        """The same as a workload of the stack file, by its name."""
        spec = self.scaled_object.spec.dump()
        config = spec["advanced"]["horizontalPodAutoscalerConfig"]
        settings = {
            "recipe": "generic",
            "namespace": self.scaled_object.metadata.namespace,
            "target": spec["scaleTargetRef"],
            "adopt": config["name"],
            "minReplicas": spec["minReplicaCount"],
            "maxReplicas": spec["maxReplicaCount"],
            **({"behavior": config["behavior"]} if "behavior" in config else {}),
            "triggers": spec["triggers"],
        }
        return {self.scaled_object.metadata.name: settings}


def adopt(manifest: Mapping[str, Any], prometheus: str, rules: AdapterRules | None = None) -> Adoption:
    """The ScaledObject for an HPA of autoscaling/v2, v2beta2, v2beta1 or v1, as parsed YAML or JSON.

    Args:
        manifest: the HPA.
        prometheus: address of the server that holds the custom and external metrics.
        rules: Prometheus Adapter's, if it serves them.

    Raises SpecError, paths as in the HPA; nothing is translated if one of its metrics cannot be.
    """
    hpa = read_hpa(manifest)
    _refuse_kedas_own(hpa)
    faults, triggers, notes = Faults(), [], list(_notes(hpa))
    for index, metric in enumerate(hpa.spec.metrics):
        with faults.under(f"spec.metrics[{index}].{metric.key}"):
            trigger, checks = _trigger(metric, hpa, prometheus, rules)
            triggers.append(trigger)
            notes += [f"triggers[{index}]: {note}" for note in checks]
    faults.raise_if_any()
    helm = _HELM in (hpa.metadata.annotations or {})
    target = hpa.spec.scale_target_ref
    behavior = hpa.spec.behavior.dump() if hpa.spec.behavior else None
    scaled_object = ScaledObject.parse(
        {
            "metadata": {
                "name": target.name if len(target.name) <= LABEL_MAX else hpa.metadata.name,
                "namespace": hpa.metadata.namespace,
                "annotations": {TRANSFER_OWNERSHIP: "true", **(KEEP if helm else {})},
            },
            "spec": {
                "scaleTargetRef": target.dump(),
                "minReplicaCount": hpa.spec.min_replicas,
                "maxReplicaCount": hpa.spec.max_replicas,
                "advanced": {
                    "horizontalPodAutoscalerConfig": {
                        "name": hpa.metadata.name,
                        **({"behavior": behavior} if behavior else {}),
                    }
                },
                "triggers": [trigger.dump() for trigger in triggers],
            },
        }
    )
    return Adoption(scaled_object, tuple(notes))


def _refuse_kedas_own(hpa: Hpa) -> None:
    for owner in hpa.metadata.owner_references:
        if owner.get("kind") == "ScaledObject":
            why = (
                f"is KEDA's already: ScaledObject {owner.get('name')} owns it. There is nothing to take over."
            )
            raise SpecError([Fault("metadata.name", hpa.metadata.name, why, "Change that ScaledObject.")])


def _notes(hpa: Hpa) -> Iterator[str]:
    """Who else writes the HPA, and would delete it under KEDA."""
    labels, annotations = hpa.metadata.labels or {}, hpa.metadata.annotations or {}
    if _HELM in annotations:
        yield (
            f"Helm's release {show(annotations[_HELM])} contains the HPA: apply the ScaledObject first, then "
            "take the HPA out of the release. helm.sh/resource-policy: keep on the ScaledObject, which KEDA "
            "copies to the HPA, keeps Helm from deleting it."
        )
    if any(label in labels for label in _FLUX):
        yield (
            "Flux applies the HPA: annotate it with kustomize.toolkit.fluxcd.io/prune: disabled in one "
            "commit, and put the ScaledObject in its place in the next."
        )
    if any(str(entry.get("manager", "")).startswith("pulumi") for entry in hpa.metadata.managed_fields):
        yield "A Pulumi program contains the HPA, and must give it up first: docs/adoption.md."


def _trigger(
    metric: Metric, hpa: Hpa, prometheus: str, rules: AdapterRules | None
) -> tuple[Trigger, list[str]]:
    match metric.type:
        case "Resource" | "ContainerResource":
            resource = metric.resource or metric.container_resource
            assert resource is not None  # Metric.faults has refused it
            return _resource_trigger(resource), []
    series = metric.pods or metric.object or metric.external
    assert series is not None
    query, notes = _query(metric.type, series, hpa, rules)
    trigger = Prometheus(
        server_address=prometheus,
        query=query,
        threshold=_threshold(series),
        metric_type="Value" if series.target.type == "Value" else None,
        # An HPA whose metric has no data stays where it is; KEDA's default would read 0 and scale in.
        ignore_null_values=False,
    )
    if metric.type == "Pods":
        notes.append("an HPA leaves out pods that are not ready; this sum counts every pod with the metric.")
    return trigger, notes


def _resource_trigger(resource: Resource) -> Trigger:
    scaler = {"cpu": Cpu, "memory": Memory}.get(resource.name)
    if scaler is None:
        why = "is not cpu or memory. KEDA has no such trigger, and the HPA's metrics API serves no other."
        raise SpecError([Fault("name", resource.name, why, "Remove the metric from the HPA first.")])
    if resource.target.type == "Value":
        why = "is not Utilization or AverageValue. The API server would refuse the HPA."
        raise SpecError([Fault("target.type", "Value", why, "Write Utilization.")])
    return scaler(
        metric_type=resource.target.type,
        value=resource.target.amount,
        container_name=resource.container,
    )


def _threshold(series: Series) -> float:
    target = series.target
    if target.type == "Utilization":
        why = "is for cpu and memory only. The API server would refuse the HPA."
        raise SpecError([Fault("target.type", target.type, why, "Write AverageValue.")])
    why, amount = "is not a quantity. The API server would refuse the HPA.", None
    with suppress(ValueError):
        amount = parse_quantity(target.amount)
        why = "is not above 0. The API server would refuse the HPA."
    if not amount or amount <= 0:
        raise SpecError([Fault("target", target.amount, why, "Write e.g. 500m or 10.")])
    return float(amount)


def _query(kind: str, series: Series, hpa: Hpa, rules: AdapterRules | None) -> tuple[str, list[str]]:
    """Returns (the query, what to check of it)."""
    name = series.metric.name
    serving = rules.serving(name, external=kind == "External") if rules else []
    unruled = "" if rules is None else f"no rule names the series of {name}; "
    if serving:
        best = max(rule.fits(name, source) for rule, source in serving)
        rule, source = [each for each in serving if each[0].fits(name, each[1]) == best][-1]
        notes = [_whose(name, serving, rule, source)]
        try:
            return _one_number(_by_rule(rule, source, kind, series, hpa)), notes
        except NotExact as reason:
            unruled = f"{rule.where} {reason}; "
    if not _METRIC_NAME.fullmatch(name):
        why = "is not a Prometheus metric. Its adapter reads it from somewhere else."
        fix = "Write the trigger by hand: docs/scalers.md lists KEDA's scalers."
        raise SpecError([Fault("metric.name", name, why, fix)])
    query = _proposed(kind, series, hpa)
    return query, [
        f"CHECK {unruled}the query is a proposal made from the name {name}. Compare its value with "
        f"`kubectl get hpa {hpa.metadata.name} -n {hpa.metadata.namespace}` before you apply it."
    ]


def _whose(name: str, serving: Sequence[tuple[Rule, str]], rule: Rule, source: str) -> str:
    """Of which rule the query is, and what the adapter may take in its place."""
    if len(serving) == 1:
        return f"the query is that of {rule.where}, expanded."
    rules: dict[str, list[str]] = {}
    for each, series in serving:
        rules.setdefault(series, []).append(each.where)
    if len(rules) == 1:
        listed = ", ".join(rules[source])
        return f"CHECK {listed} all serve {name}: the query is {rule.where}'s, the last of them."
    if all(each is rule for each, _ in serving):
        start = f"CHECK which series {rule.where} serves as {name} depends on Prometheus: "
        return f"{start}{', '.join(rules)}; the query takes {source}."
    listed = ", ".join(f"{series} ({', '.join(names)})" for series, names in rules.items())
    start = f"CHECK which rule serves {name} depends on the series in Prometheus: "
    return f"{start}{listed}; the query takes {rule.where}."


def _by_rule(rule: Rule, source: str, kind: str, series: Series, hpa: Hpa) -> str:
    """The adapter's own query for the metric. Raises NotExact."""
    matchers = label_matchers(series.metric.selector)
    resource = {"Pods": "pod", "External": "namespace"}.get(kind) or _described(series)[0]
    if kind == "Object" and resource == "namespace":
        return _filled(rule, source, matchers, "namespace", _described(series)[1])
    if kind != "External" or rule.namespaced:
        matchers.append(Matcher(rule.label("namespace"), "=", hpa.metadata.namespace))
    if kind == "External":
        return rule.query(source, matchers, "")
    if kind == "Pods":
        return _filled(rule, source, matchers, "pod", _pod_names(hpa), "=~")
    return _filled(rule, source, matchers, resource, _described(series)[1])


def _filled(
    rule: Rule, source: str, matchers: list[Matcher], resource: str, value: str, operator: str = "="
) -> str:
    label = rule.label(resource)
    return rule.query(source, [*matchers, Matcher(label, operator, value)], label)


def _proposed(kind: str, series: Series, hpa: Hpa) -> str:
    """What a metric of that name most often stands for, as Prometheus Adapter's own examples have it."""
    name = series.metric.name
    matchers = [*label_matchers(series.metric.selector), Matcher("namespace", "=", hpa.metadata.namespace)]
    if kind == "Pods":
        matchers.append(Matcher("pod", "=~", _pod_names(hpa)))
    elif kind == "Object" and _described(series)[0] != "namespace":
        matchers.append(Matcher(_described(series)[0], "=", _described(series)[1]))
    selector = "{" + ",".join(map(str, matchers)) + "}"
    if name.endswith("_per_second"):
        return f"sum(rate({name.removesuffix('_per_second')}_total{selector}[2m]))"
    return f"sum({name}{selector})"


def _described(series: Series) -> tuple[str, str]:
    """(kind, name) of the object an Object metric describes. Raises SpecError."""
    if series.described_object is None:
        why = "missing, and required by type Object. The API server would refuse the HPA."
        raise SpecError([Fault("describedObject", MISSING, why, "Write the object.")])
    return series.described_object.kind.lower(), series.described_object.name


def _pod_names(hpa: Hpa) -> str:
    """A pattern for the target's pods: the adapter lists them by name, and names change."""
    target = hpa.spec.scale_target_ref
    tail = {"Deployment": "-[a-z0-9]+-[a-z0-9]+", "StatefulSet": "-[0-9]+"}.get(target.kind, "-.+")
    return re.escape(target.name).replace("\\-", "-") + tail


def _one_number(query: str) -> str:
    """An HPA adds up all series of a metric; KEDA needs one."""
    try:
        return query if promql.one_series(promql.parse(query)) else f"sum({query})"
    except promql.TooDeep:
        return f"sum({query})"
    except promql.Broken as error:
        why = (
            f"is not valid PromQL once the rule is filled in: {error}. "
            "Prometheus would refuse the adapter as well."
        )
        raise SpecError([Fault("metric", query, why, "Correct the rule.")]) from None
