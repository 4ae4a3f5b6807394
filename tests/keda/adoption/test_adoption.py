"""HPAs of every shape, and the ScaledObjects that take them over."""

from __future__ import annotations

import io
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.recipes.generic import Generic
from keda import SpecError, check
from keda.adoption.hpa import Selector, read_hpa
from keda.adoption.prometheus_adapter import AdapterRules, label_matchers, read_rules
from keda.adoption.translate import adopt
from keda.commands.main import main
from tests.keda.checks.test_judge_totality import ODD, damaged, places
from tests.support import CORPUS, ROOT

FOLDER = CORPUS / "adopt"
HPAS = sorted(file for file in FOLDER.glob("*.yaml") if not file.name.endswith("-rules.yaml"))
RULES = {"v2-external-by-rule": "queue-rules.yaml", "v2-custom-by-rule": "custom-rules.yaml"}
PROMETHEUS = "http://prometheus:9090"


def load(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


def rules_for(stem: str) -> AdapterRules | None:
    return read_rules(load(RULES[stem])) if stem in RULES else None


def adopted(stem: str) -> Any:
    return adopt(load(f"{stem}.yaml"), PROMETHEUS, rules_for(stem))


def spec_of(stem: str) -> dict[str, Any]:
    spec: dict[str, Any] = adopted(stem).scaled_object.to_manifest()["spec"]
    return spec


def queries(stem: str) -> list[str]:
    return [each["metadata"]["query"] for each in spec_of(stem)["triggers"] if each["type"] == "prometheus"]


def piped(text: str, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    """The exit code of `keda adopt -` with this text on stdin."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    return main(["adopt", *options, "-"])


def damaged_everywhere(seed: str, *objects: Any) -> Iterator[list[Any]]:
    """The objects with three odd values in each place of theirs, one after another."""
    pick = random.Random(seed)
    for path in filter(lambda path: len(path) > 1, places(list(objects))):
        for value in pick.sample(ODD, 3):
            yield damaged(list(objects), path, value)


@pytest.mark.parametrize("file", HPAS, ids=lambda file: file.stem)
def test_the_judge_finds_no_error(file: Path) -> None:
    findings = check([adopted(file.stem).scaled_object.to_manifest()])
    assert [str(finding) for finding in findings if finding.severity == "error"] == []


@pytest.mark.parametrize("file", HPAS, ids=lambda file: file.stem)
def test_bounds_target_and_name_are_the_hpas(file: Path) -> None:
    hpa, spec = load(file.name), spec_of(file.stem)
    assert spec["minReplicaCount"] == hpa["spec"].get("minReplicas", 1)
    assert spec["maxReplicaCount"] == hpa["spec"]["maxReplicas"]
    assert spec["scaleTargetRef"] == hpa["spec"]["scaleTargetRef"]
    assert spec["advanced"]["horizontalPodAutoscalerConfig"]["name"] == hpa["metadata"]["name"]


@pytest.mark.parametrize("file", HPAS, ids=lambda file: file.stem)
def test_as_a_workload_of_the_stack_file_it_is_the_same(file: Path) -> None:
    adoption = adopted(file.stem)
    [(name, settings)] = adoption.workload().items()
    built = Generic.parse(settings).models(name, PROMETHEUS).scaled.to_manifest()
    manifest = adoption.scaled_object.to_manifest()
    assert built["spec"] == manifest["spec"]
    assert built["metadata"]["annotations"].items() >= manifest["metadata"]["annotations"].items()


def test_resource_metrics_stay_what_they_are() -> None:
    spec = spec_of("v2-resource")
    assert spec["triggers"] == [
        {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "70"}},
        {"type": "memory", "metricType": "AverageValue", "metadata": {"value": "1.5Gi"}},
        {"type": "cpu", "metricType": "AverageValue", "metadata": {"value": "250m", "containerName": "app"}},
    ]
    down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down == {
        "stabilizationWindowSeconds": 60,
        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 30}],
    }


def test_without_metrics_it_is_the_api_servers_default() -> None:
    assert spec_of("v2-default-metric")["triggers"] == [
        {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "80"}}
    ]


def test_null_is_a_field_that_is_left_out() -> None:
    """As for the API server: templates leave such keys behind."""
    metric = {"name": "jobs", "selector": {"matchLabels": None, "matchExpressions": None}}
    external = {"metric": metric, "target": {"type": "AverageValue", "averageValue": "5", "value": None}}
    spec = {
        "scaleTargetRef": {"kind": "Deployment", "name": "web", "apiVersion": None},
        "minReplicas": None,
        "maxReplicas": 3,
        "metrics": [{"type": "External", "pods": None, "external": external}],
    }
    empty = dict.fromkeys(("namespace", "labels", "ownerReferences", "managedFields"))
    given = {"apiVersion": "autoscaling/v2", "metadata": {"name": "web", **empty}, "spec": spec}
    hpa = read_hpa(given)
    assert (hpa.metadata.namespace, hpa.spec.min_replicas) == ("default", 1)
    with pytest.raises(SpecError, match="^spec.maxReplicas: missing, and required"):
        read_hpa({**given, "spec": {**spec, "maxReplicas": None}})


def test_external_metrics_by_the_adapters_rules() -> None:
    first, second = spec_of("v2-external-by-rule")["triggers"]
    assert first["metadata"] == {
        "serverAddress": PROMETHEUS,
        "query": 'sum(max(rabbitmq_queue_messages_ready{dead="",queue="outbox",vhost=~"canary|prod",'
        'namespace="mail"}) by (queue, vhost))',
        "threshold": "30",
        "ignoreNullValues": "false",
    }
    assert "metricType" not in first
    assert second["metricType"] == "Value"
    assert second["metadata"]["query"] == "sum(rate(mails_sent_total{}[5m]))"
    assert second["metadata"]["threshold"] == "2.5"


def test_custom_metrics_by_the_adapters_rules() -> None:
    assert queries("v2-custom-by-rule") == [
        'sum(sum(rate(http_requests_total{verb="GET",namespace="shop",pod=~"api-[0-9]+"}[2m])) by (pod))',
        'sum(rate(nginx_ingress_controller_requests{exported_namespace="shop",ingress="main",path="main"}'
        "[2m])) by (ingress)",
        'sum(rate(http_requests_total{namespace="shop"}[2m])) by (namespace)',
    ]
    values = [each.get("metricType") for each in spec_of("v2-custom-by-rule")["triggers"]]
    assert values == [None, "Value", None]


def test_without_rules_a_query_is_proposed_and_to_be_checked() -> None:
    adoption = adopted("v2-proposed")
    assert queries("v2-proposed") == [
        'sum(sessions{namespace="shop",pod=~"api-.+"})',
        'sum(rate(requests_total{namespace="shop",service="api"}[2m]))',
        'sum(jobs_waiting{queue="a\\"b",namespace="shop"})',
    ]
    assert len([note for note in adoption.notes if "CHECK" in note]) == 3
    assert all("\n" not in note for note in adoption.notes)


def test_a_metric_that_no_rule_gives_is_proposed() -> None:
    adoption = adopt(load("v2-proposed.yaml"), PROMETHEUS, read_rules(load("queue-rules.yaml")))
    assert any("no rule names the series of jobs_waiting" in note for note in adoption.notes)


def test_old_versions_are_read_as_v2() -> None:
    assert queries("v2beta1") == [
        'sum(hits{namespace="shop",service="web"})',
        'sum(jobs{q="a",namespace="shop"})',
    ]
    hpa = read_hpa(load("v1-from-the-api-server.yaml"))
    assert [metric.type for metric in hpa.spec.metrics] == [
        *("Resource", "Resource", "ContainerResource", "Pods", "External", "Object")
    ]
    assert hpa.spec.behavior is not None
    assert hpa.spec.behavior.dump()["scaleDown"]["selectPolicy"] == "Disabled"


def test_whoever_else_holds_the_hpa_is_named() -> None:
    helm = adopted("v2-external-by-rule")
    assert helm.scaled_object.metadata.annotations["helm.sh/resource-policy"] == "keep"
    assert any('Helm\'s release "mail" contains' in note for note in helm.notes)
    assert any("kustomize.toolkit.fluxcd.io/prune: disabled" in note for note in adopted("v2-proposed").notes)
    assert any("Pulumi program" in note for note in adopted("v2-default-metric").notes)


BASE = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  maxReplicas: 3
  scaleTargetRef: {kind: Deployment, name: web}
"""
EXTERNAL = "{type: External, external: {metric: {name: %s}, target: {type: AverageValue, averageValue: %s}}}"
PODS = "{type: Pods, pods: {metric: {name: %s}, target: {type: AverageValue, averageValue: 10}}}"
REFUSED = {
    "KEDA's own": (
        {"metadata": {"name": "web", "ownerReferences": [{"kind": "ScaledObject", "name": "web"}]}},
        'metadata.name: "web" is KEDA\'s already: ScaledObject web owns it.',
    ),
    "another version": ({"apiVersion": "autoscaling/v3"}, 'apiVersion: "autoscaling/v3" is not one of'),
    "no target": ({"spec": {"maxReplicas": 3}}, "spec.scaleTargetRef: missing, and required."),
    "minimum above maximum": (
        {"spec": {"scaleTargetRef": {"kind": "A", "name": "a"}, "minReplicas": 7, "maxReplicas": 5}},
        "spec.minReplicas: 7 is above maxReplicas 5. The API server would refuse the HPA.",
    ),
    "zero by cpu": (
        {"spec": {"scaleTargetRef": {"kind": "A", "name": "a"}, "minReplicas": 0, "maxReplicas": 5}},
        "spec.minReplicas: 0 needs an Object or External metric: no other is there without pods. The API",
    ),
    "no maximum": ({"spec": {"scaleTargetRef": {"kind": "A", "name": "a"}}}, "spec.maxReplicas: missing"),
    "no spec": ({"spec": None}, "spec.scaleTargetRef: missing, and required."),
    "no metadata": ({"metadata": None}, "metadata: "),
    "annotation is not JSON": (
        {
            "apiVersion": "autoscaling/v1",
            "metadata": {"name": "a", "annotations": {"autoscaling.alpha.kubernetes.io/metrics": "[{"}},
        },
        'metadata.annotations["autoscaling.alpha.kubernetes.io/metrics"]: is not JSON.',
    ),
}
METRICS = {
    "not from Prometheus": (EXTERNAL % ('"pubsub.googleapis.com|subscription"', 1), "external.metric.name: "),
    "no quantity": (EXTERNAL % ("a", "ten"), 'external.target: "ten" is not a quantity.'),
    "zero": (EXTERNAL % ("a", "0"), 'external.target: "0" is not above 0.'),
    "another resource": (
        "{type: Resource, resource: {name: gpu, target: {type: Utilization, averageUtilization: 5}}}",
        'resource.name: "gpu" is not cpu or memory.',
    ),
    "type without its part": ("{type: Pods}", "pods: missing, and required by type Pods."),
    "target without its value": (
        "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageValue: 5}}}",
        "resource.target.averageUtilization: missing",
    ),
    "no such type": ("{type: Podz}", 'type: "Podz" is not one of'),
    "pods by a value": (
        "{type: Pods, pods: {metric: {name: a}, target: {type: Value, value: 1}}}",
        'pods.target.type: "Value" is not AverageValue, the one type of a Pods metric. The API server would',
    ),
    "both values": (
        "{type: External, external: {metric: {name: a}, target: {type: Value, value: 1, averageValue: 2}}}",
        "external.target: has value and averageValue, and an External metric has one of them. The API",
    ),
    "object of nothing": (
        "{type: Object, object: {metric: {name: a}, target: {type: Value, value: 1}}}",
        "object.describedObject: missing",
    ),
}


@pytest.mark.parametrize(("change", "line"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_one_line(change: dict[str, Any], line: str) -> None:
    with pytest.raises(SpecError) as error:
        adopt(yaml.safe_load(BASE) | change, PROMETHEUS)
    assert str(error.value).splitlines()[0].startswith(line)


@pytest.mark.parametrize(("metric", "line"), METRICS.values(), ids=METRICS)
def test_a_metric_that_cannot_be_translated_is_one_line(metric: str, line: str) -> None:
    manifest = yaml.safe_load(BASE)
    manifest["spec"]["metrics"] = [yaml.safe_load(metric)]
    with pytest.raises(SpecError) as error:
        adopt(manifest, PROMETHEUS)
    [text] = str(error.value).splitlines()
    assert text.startswith(f"spec.metrics[0].{line}")


@pytest.mark.parametrize("file", HPAS, ids=lambda file: file.stem)
def test_every_place_damaged(file: Path) -> None:
    """Whatever an HPA or a rule holds, the answer is a ScaledObject or lines."""
    rules = load(RULES.get(file.stem, "queue-rules.yaml"))
    for hpa, config in damaged_everywhere(file.name, load(file.name), rules):
        try:
            adopt(hpa, PROMETHEUS, read_rules(config))
        except SpecError as error:
            assert len(str(error).splitlines()) == len(error.faults)


@pytest.mark.parametrize(
    ("series_query", "name", "metric", "series"),
    [
        ("jobs{a!=''}", {}, "jobs", "jobs"),
        ('{__name__="jobs"}', {}, "jobs", "jobs"),
        ('{__name__=~"jobs_.*"}', {}, "jobs_waiting", "jobs_waiting"),
        ('{__name__=~"jobs_.*"}', {}, "mails_waiting", None),
        (
            '{namespace!=""}',
            {"matches": "^container_(.*)_seconds_total$"},
            "cpu",
            "container_cpu_seconds_total",
        ),
        ('{namespace!=""}', {"matches": "^(.*)_total", "as": "${1}_per_second"}, "a_per_second", "a_total"),
        # Go reads $1_per_second as a group of that name: the adapter serves the metric under an empty name.
        ('{namespace!=""}', {"matches": "^(.*)_total", "as": "$1_per_second"}, "a_per_second", None),
        ('{namespace!=""}', {"matches": "^jobs_total$", "as": "jobs"}, "jobs", "jobs_total"),
        ('{namespace!=""}', {"matches": "^(a|b)_(c|d)$", "as": "$1"}, "a", None),
        # Any series that ends so is served under these names: which one, only the running adapter has.
        ('{namespace!=""}', {"matches": "_total$"}, "_total", None),
        ('{namespace!=""}', {"matches": "_total$", "as": "all"}, "all", None),
        ('{namespace!=""}', {"matches": "_(.*)_total$"}, "a", None),
        ("not{", {}, "not", None),
        ('{__name__=~"\\\\pL+"}', {}, "a", None),  # of Go's regular expressions alone
    ],
)
def test_which_series_stands_behind_a_metric(
    series_query: str, name: dict[str, str], metric: str, series: str | None
) -> None:
    [rule] = read_rules({"externalRules": [{"seriesQuery": series_query, "name": name}]}).external
    assert rule.series(metric) == ([series] if series else [])


@pytest.mark.parametrize(
    ("pattern", "series"),
    [
        ("^hits_total$", ["hits_total"]),
        ("hits_total", ["hits_total"]),
        ("^(?:hits_total|calls_total)$", ["hits_total", "calls_total"]),
        ("hits_total|calls_total", ["hits_total", "calls_total"]),
        ("^hits_.*", []),
        ("hits.total", []),
    ],
)
def test_a_pattern_may_be_a_list_of_names(pattern: str, series: list[str]) -> None:
    """Prometheus anchors the pattern of a matcher, so the name alone is the whole name."""
    query = "sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)"
    rule = {"seriesQuery": f'{{__name__=~"{pattern}"}}', "name": {"as": "rps"}, "metricsQuery": query}
    rules = read_rules({"rules": [{**rule, "resources": {"template": "<<.Resource>>"}}]})
    assert rules.custom[0].series("rps") == series
    manifest = yaml.safe_load(BASE)
    manifest["spec"]["metrics"] = [yaml.safe_load(PODS % "rps")]
    adoption = adopt(manifest, PROMETHEUS, rules)
    if not series:
        assert "triggers[0]: CHECK no rule names the series of rps" in adoption.notes[0]
        return
    [trigger] = adoption.scaled_object.to_manifest()["spec"]["triggers"]
    pods = 'namespace="shop",pod=~"web-[a-z0-9]+-[a-z0-9]+"'
    assert trigger["metadata"]["query"] == f"sum(sum(rate({series[-1]}{{{pods}}}[2m])) by (pod))"
    assert adoption.notes[0] == (
        "triggers[0]: the query is that of rules[0], expanded."
        if len(series) == 1
        else "triggers[0]: CHECK which series rules[0] serves as rps depends on Prometheus: hits_total, "
        "calls_total; the query takes calls_total."
    )


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (
            {"metricsQuery": "sum(<<range .GroupBySlice>>x<<end>>)", "resources": {"template": "a"}},
            "externalRules[0] has <<range .GroupBySlice>> in its metricsQuery, which only the running",
        ),
        ({}, "externalRules[0] names no label for a namespace in resources.overrides or resources.template"),
        (
            {"resources": {"template": "<<.Zone>>"}},
            "externalRules[0] names no label for a namespace in resources.overrides or resources.template",
        ),
    ],
)
def test_what_only_a_running_adapter_can_fill_in_is_named(rule: dict[str, Any], reason: str) -> None:
    rules = read_rules({"externalRules": [{"seriesQuery": "jobs_waiting", **rule}]})
    adoption = adopt(load("v2-proposed.yaml"), PROMETHEUS, rules)
    [note] = [note for note in adoption.notes if "jobs_waiting" in note]
    assert note.startswith(f"triggers[2]: CHECK {reason}")


def test_of_two_rules_for_a_metric_the_adapter_takes_the_last() -> None:
    """pkg/external-provider/external_series_registry.go: a later rule writes over an earlier one."""
    rules = [
        {"seriesQuery": "jobs_waiting", "resources": {"template": "<<.Resource>>"}, "metricsQuery": query}
        for query in ("first(<<.Series>>)", "sum(<<.Series>>{<<.LabelMatchers>>})")
    ]
    adoption = adopt(load("v2-proposed.yaml"), PROMETHEUS, read_rules({"externalRules": rules}))
    query = adoption.scaled_object.to_manifest()["spec"]["triggers"][2]["metadata"]["query"]
    assert query == 'sum(jobs_waiting{queue="a\\"b",namespace="shop"})'
    assert (
        "triggers[2]: CHECK externalRules[0], externalRules[1] all serve jobs_waiting: the query is "
        "externalRules[1]'s, the last of them." in adoption.notes
    )


def by_the_charts_rules(metric: str, *, only: int = 6, extra: dict[str, Any] | None = None) -> list[str]:
    """(The query, the note) of a Pods metric by the first rules that Prometheus Adapter's chart has."""
    config = yaml.safe_load(load("chart-default-rules.yaml")["data"]["config.yaml"])
    config["rules"] = [*config["rules"][:only], *([extra] if extra else [])]
    manifest = yaml.safe_load(BASE)
    manifest["spec"]["metrics"] = [yaml.safe_load(PODS % metric)]
    adoption = adopt(manifest, PROMETHEUS, read_rules(config))
    [trigger] = adoption.scaled_object.to_manifest()["spec"]["triggers"]
    return [trigger["metadata"]["query"], adoption.notes[0].removeprefix("triggers[0]: ")]


def test_by_the_charts_own_rules_the_plain_name_comes_first() -> None:
    start = "CHECK which rule serves {} depends on the series in Prometheus: "
    pods = '{namespace="shop",pod=~"web-[a-z0-9]+-[a-z0-9]+"}'
    assert by_the_charts_rules("queue_depth") == [
        f"sum(sum(queue_depth{pods}) by (pod))",
        start.format("queue_depth") + "queue_depth (rules[3]), queue_depth_total (rules[4]), "
        "queue_depth_seconds_total (rules[5]); the query takes rules[3].",
    ]
    assert by_the_charts_rules("queue_depth", only=4)[1] == "the query is that of rules[3], expanded."
    [_, cadvisor] = by_the_charts_rules("memory_usage_bytes", only=4)
    assert "container_memory_usage_bytes (rules[2]), memory_usage_bytes (rules[3]); " in cadvisor
    # Plain, but for a rule with a name of its own.
    own = {
        "seriesQuery": '{namespace!=""}',
        "name": {"matches": "^(.*)_total$", "as": "${1}_per_second"},
        "resources": {"template": "<<.Resource>>"},
        "metricsQuery": "sum(rate(<<.Series>>{<<.LabelMatchers>>}[1m])) by (<<.GroupBy>>)",
    }
    [query, note] = by_the_charts_rules("hits_per_second", extra=own)
    assert query == f"sum(sum(rate(hits_total{pods}[1m])) by (pod))"
    assert note.endswith("hits_total (rules[6]); the query takes rules[6].")
    own |= {"seriesQuery": "container_hits_total", "name": {"as": "hits"}}
    [query, note] = by_the_charts_rules("hits", extra=own)
    assert query == f"sum(sum(rate(container_hits_total{pods}[1m])) by (pod))"
    assert "container_hits (" not in note and note.endswith("the query takes rules[6].")


def test_selectors_are_written_as_the_adapter_writes_them() -> None:
    selector = {
        "matchLabels": {"b": "2", "a": "1"},
        "matchExpressions": [
            {"key": "c", "operator": "NotIn", "values": ["x", "y"]},
            {"key": "d", "operator": "Exists"},
        ],
    }
    assert [str(each) for each in label_matchers(Selector.parse(selector))] == [
        *('a="1"', 'b="2"', 'c!~"x|y"', 'd!=""')
    ]


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ([], "has neither rules nor externalRules."),
        (
            {"kind": "ConfigMap", "data": {"a": ": :", "b": "[" * 999, "c": "2020-99-99"}},
            "has neither rules nor externalRules.",
        ),
        (
            {"kind": "ConfigMap", "data": {"config.yaml": "rules:\n- a: ["}},
            'data["config.yaml"]: is not valid YAML in its line 3: did not find expected node content. The ',
        ),
        (
            {"rules": {"default": False, "existing": "my-rules"}},
            'rules.existing: "my-rules" is a ConfigMap, and the rules are there, not in these values. Give',
        ),
        ({"rules": [{}]}, "rules[0].seriesQuery: missing"),
        (
            {"rules": [{"seriesQuery": "a", "name": {"matches": "("}}]},
            "rules[0].name.matches: is not a regular",
        ),
    ],
)
def test_rules_that_cannot_be_read_are_one_line(document: object, line: str) -> None:
    with pytest.raises(SpecError) as error:
        read_rules(document)
    [text] = str(error.value).splitlines()
    assert text.startswith(line)


def test_the_values_of_the_chart_may_stand_further_in() -> None:
    values = {"rules": {"custom": [{"seriesQuery": "a"}], "external": [{"seriesQuery": "b"}]}}
    plain = read_rules(values)
    assert (len(plain.custom), len(plain.external)) == (1, 1)
    assert read_rules({"prometheus-adapter": values, "grafana": {}}) == plain
    for inner in (values, {"prometheus-adapter": values}):
        assert read_rules({"kind": "HelmRelease", "spec": {"values": inner}}) == plain


def test_hpas_and_rules_do_not_both_come_from_stdin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert piped(BASE, monkeypatch, "--adapter-config", "-") == 2
    assert capsys.readouterr().err == (
        "--adapter-config: - is stdin, and so is FILE. Give one of them as a file.\n"
    )


def test_the_command_writes_what_the_check_command_takes() -> None:
    command = [sys.executable, "-m", "keda"]
    files = [str(FOLDER / f"{stem}.yaml") for stem in ("v2-resource", "v2-external-by-rule")]
    rules = ["--adapter-config", str(FOLDER / "queue-rules.yaml"), "--prometheus", PROMETHEUS]
    made = subprocess.run([*command, "adopt", *files, *rules], cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert len(list(yaml.safe_load_all(made.stdout))) == 2
    assert all(line.startswith(str(FOLDER)) for line in made.stderr.splitlines())
    checked = subprocess.run(
        [*command, "check", "-"], cwd=ROOT, input=made.stdout, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_wrong_address_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adopt", str(FOLDER / "v2-proposed.yaml"), "--prometheus", "prometheus:9090"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line == (
        '--prometheus: "prometheus:9090" is not an http:// or https:// address. Write http://prometheus:9090.'
    )


def test_what_must_be_checked_stands_in_the_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adopt", str(FOLDER / "v2-proposed.yaml"), "--workload"]) == 0
    text = capsys.readouterr().out
    assert text.count("# triggers[") == 3
    assert yaml.safe_load(text)["api"]["adopt"] == "api"


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        ("kind: Service", 2, "-: contains no HorizontalPodAutoscaler or Knative Service."),
        ("a: [", 2, "-:2: is not valid YAML"),
        (
            "kind: HorizontalPodAutoscaler\nmetadata:\n  {{- include 1 }}\n  name: a\n",
            2,
            "-:3: is not valid YAML for Kubernetes: did not find expected node content. Is it a Helm "
            "template? Check the output of `helm template` instead.",
        ),
        (BASE + "  metrics: [{type: Podz}]", 1, "-: HorizontalPodAutoscaler web: spec.metrics[0].type"),
        (BASE.replace("name: web, ", ""), 1, "-: HorizontalPodAutoscaler without a name: metadata.name: "),
    ],
)
def test_the_commands_errors_are_one_line(
    content: str,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert piped(content, monkeypatch) == code
    out, err = capsys.readouterr()
    assert out == ""
    [text] = err.splitlines()
    assert text.startswith(line)


def test_a_password_in_the_address_is_not_written_anywhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adopt", "-", "--prometheus", "http://user:hunter2@prometheus:9090"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "hunter2" not in said.err
    assert said.err.startswith("--prometheus: carries a password")


QUEUE = EXTERNAL % ("jobs", 1)


def test_a_namespace_that_is_missing_is_named_and_can_be_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = BASE.replace(", namespace: shop", "") + f"  metrics: [{QUEUE}]"
    assert piped(text, monkeypatch, "--prometheus", PROMETHEUS) == 0
    said = capsys.readouterr()
    assert 'sum(jobs{namespace="default"})' in said.out
    assert said.err.splitlines()[0] == (
        "-: HorizontalPodAutoscaler web: has no namespace: `default` is taken, in the query too. "
        "Give --namespace NAME for another."
    )
    assert piped(text, monkeypatch, "--prometheus", PROMETHEUS, "--namespace", "shop") == 0
    said = capsys.readouterr()
    assert 'sum(jobs{namespace="shop"})' in said.out and "no namespace" not in said.err


@pytest.mark.parametrize("options", [(), ("--workload",)])
def test_a_second_object_of_one_name_is_refused(
    options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    second = BASE.replace("name: web, n", "name: other, n").replace("Deployment", "StatefulSet")
    elsewhere = BASE.replace("kind: Deployment, name: web", "kind: Deployment, name: api")
    assert piped("---".join((BASE, second, elsewhere)), monkeypatch, *options) == 1
    said = capsys.readouterr()
    made = "workload web" if options else "ScaledObject shop/web"
    assert said.err.splitlines() == [
        f"-: HorizontalPodAutoscaler other: gives {made}, as HorizontalPodAutoscaler web does. Applied, the "
        "second would write over the first. Translate it alone and give it another name; of two HPAs on one "
        "target, put the metrics into one."
    ]
    assert len(list(yaml.safe_load_all(said.out))) == 2


def test_the_default_address_is_named_once_where_it_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [f"{BASE.replace('name: web}', f'name: {name}}}')}  metrics: [{QUEUE}]" for name in ("a", "b")]
    assert piped("\n---\n".join(both), monkeypatch) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "--prometheus" in line] == [
        "--prometheus: is not given, so the triggers read http://prometheus-operated.monitoring.svc:9090."
    ]
    for text, *options in ((BASE,), (both[0], "--prometheus", PROMETHEUS)):
        assert piped(text, monkeypatch, *options) == 0
        assert "--prometheus" not in capsys.readouterr().err
