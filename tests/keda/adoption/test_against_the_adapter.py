"""Translated queries against those that Prometheus Adapter's own code sends (tests/oracle/adapter)."""

from __future__ import annotations

import json
import random
import subprocess
from collections import Counter
from typing import Any

import pytest
import yaml

from keda.adoption.prometheus_adapter import read_rules
from keda.adoption.translate import adopt
from lab.toolchain import tools, versions
from tests import oracle

TOOL = versions.load().tools["prometheus-adapter"]
pytestmark = [
    pytest.mark.tools,
    pytest.mark.skipif(tools.locate(TOOL) is None, reason="Prometheus Adapter is not built"),
]

PODS = "web-[a-z0-9]+-[a-z0-9]+"  # what stands for the pods of Deployment web
SERIES = ("shop_requests_total", "shop_queue_length", "up", "a_c", "http_errors")
NAMES: tuple[dict[str, str], ...] = (
    *({}, {}, {"as": "fixed"}, {"matches": "^(.*)_total$"}, {"matches": "^shop_(.*)$"}),
    *({"matches": "^(.*)_total$", "as": "${1}_per_second"}, {"matches": "^shop_(.*)_length$", "as": "x_$1"}),
    *({"matches": "", "as": "$0_now"}, {"matches": "_total$"}, {"matches": "^(a|b)_(c|d)$", "as": "$2"}),
    *({"matches": "^(.*)_total$", "as": "$1_per_second"}, {"matches": "^(a|b)_(c|d)$"}),
)
FILTERS: tuple[list[dict[str, str]], ...] = ([], [], [{"is": "_total$"}], [{"isNot": "^up$"}])
RESOURCES: tuple[dict[str, Any], ...] = (
    {"template": "<<.Resource>>"},
    {"template": "kube_<<.Resource>>"},
    {"template": "<<.Resource>>", "namespaced": False},
    {"template": "x_<<.Group>>_<<.Resource>>"},
    {"overrides": {"exported_namespace": {"resource": "namespace"}, "pod_name": {"resource": "pod"}}},
    {"overrides": {"ns": {"resource": "namespaces"}, "svc": {"resource": "services"}}},
    {"overrides": {"ns": {"resource": "namespace"}}, "template": "label_<<.Resource>>"},
    {},
)
QUERIES = (
    "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)",
    "sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)",
    "max(<<.Series>>{<<.LabelMatchers>>})",
    'sum(<< .Series >>{<<.LabelMatchers>>,code!="500"}) by (<<.GroupBy>>)',
    "avg( <<- .Series ->> {<<.LabelMatchers>>}) by (<<.GroupBy>>)",
    'sum(<<.Series>>{path="<<index .LabelValuesByName "namespace">>"}) by (<<.GroupBy>>)',
    "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<range .GroupBySlice>><<.>>,<<end>>job)",
    "<<if .GroupBy>>sum<<else>>max<<end>>(<<.Series>>{<<.LabelMatchers>>})",
)
SELECTORS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("", {}),
    ("queue=mail", {"matchLabels": {"queue": "mail"}}),
    ("b=2,a=1", {"matchLabels": {"b": "2", "a": "1"}}),
    ("queue in (a,b)", {"matchExpressions": [{"key": "queue", "operator": "In", "values": ["b", "a"]}]}),
    ("queue notin (a)", {"matchExpressions": [{"key": "queue", "operator": "NotIn", "values": ["a"]}]}),
    ("queue", {"matchExpressions": [{"key": "queue", "operator": "Exists"}]}),
    ("!queue", {"matchExpressions": [{"key": "queue", "operator": "DoesNotExist"}]}),
    (
        "a=1,b in (x,y)",
        {
            "matchLabels": {"a": "1"},
            "matchExpressions": [{"key": "b", "operator": "In", "values": ["x", "y"]}],
        },
    ),
)


def question(pick: random.Random) -> tuple[dict[str, Any], dict[str, Any], str, dict[str, Any]]:
    """(What the oracle is asked, the rule, the type of the metric, its selector in the HPA)."""
    series = pick.choice(SERIES)
    rule: dict[str, Any] = {
        "seriesQuery": pick.choice(
            [f'{series}{{namespace!=""}}', series, '{__name__=~"^shop_.*"}', '{job!=""}']
        ),
        "resources": pick.choice(RESOURCES),
        "metricsQuery": pick.choice(QUERIES),
    }
    if name := pick.choice(NAMES):
        rule["name"] = name
    if filters := pick.choice(FILTERS):
        rule["seriesFilters"] = filters
    kind = pick.choice(["External", "Pods", "Service", "Namespace"])
    text, selector = pick.choice(SELECTORS)
    resource, names = {
        "External": ("", []),
        "Pods": ("pods", [PODS, PODS]),  # two names, or the adapter writes = instead of =~
        "Service": ("services", ["front"]),
        "Namespace": ("namespaces", ["shop"]),
    }[kind]
    asked = {
        "rule": yaml.safe_dump({"rules": [rule]}),
        "series": series,
        "external": kind == "External",
        "resource": resource,
        "names": names,
        "namespace": "" if kind == "Namespace" else "shop",
        "selector": text,
    }
    return asked, rule, kind, selector


def hpa(kind: str, metric: str, selector: dict[str, Any]) -> dict[str, Any]:
    named = {"name": metric, **({"selector": selector} if selector else {})}
    field = {"External": "external", "Pods": "pods"}.get(kind, "object")
    source: dict[str, Any] = {"metric": named, "target": {"type": "AverageValue", "averageValue": "1"}}
    if field == "object":
        name = "front" if kind == "Service" else "shop"
        source["describedObject"] = {"apiVersion": "v1", "kind": kind, "name": name}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "metrics": [{"type": field.capitalize(), field: source}],
        },
    }


def test_queries_are_those_that_the_adapter_sends() -> None:
    """Of 4000 random rules and metrics: the same query, or the reason why there is none."""
    pick = random.Random(15)
    questions = [question(pick) for _ in range(4000)]
    program = oracle.binary(oracle.HERE / "adapter", TOOL.group.module if TOOL.group else oracle.MODULE)
    lines = "\n".join(json.dumps(asked) for asked, *_ in questions)
    done = subprocess.run(
        [str(program)], input=lines, capture_output=True, text=True, check=True, timeout=120
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    tally: Counter[str] = Counter()
    for (asked, rule, kind, selector), answer in zip(questions, answers, strict=True):
        metric = answer["metric"]
        key = "externalRules" if kind == "External" else "rules"
        if not metric:
            tally["not served"] += 1
            continue
        adoption = adopt(hpa(kind, metric, selector), "http://p:9090", read_rules({key: [rule]}))
        [note] = [note for note in adoption.notes if "the query" in note]
        [trigger] = adoption.scaled_object.to_manifest()["spec"]["triggers"]
        query = trigger["metadata"]["query"]
        if "CHECK" in note:
            tally["no rule names the series" if "no rule names" in note else "only the running adapter"] += 1
            assert answer["error"] or "no rule names" in note or "<<range" in note or "<<if" in note, (
                rule,
                note,
            )
            continue
        sent = answer["query"].replace(f"{PODS}|{PODS}", PODS)
        assert query in (sent, f"sum({sent})"), (rule, asked)
        assert not answer["error"]
        tally["equal"] += 1
    print(dict(tally))
    assert tally["equal"] > 500
    assert tally["not served"] > 100 and tally["only the running adapter"] > 100
