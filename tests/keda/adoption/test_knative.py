"""Knative Services of every shape, and what is proposed in their place."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from keda import SpecError, check
from keda.adoption.knative import Proposal, propose
from tests.keda.adoption.test_adoption import PROMETHEUS, damaged_everywhere, piped

BASE = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: hello, namespace: shop}
spec:
  traffic: [{percent: 90, revisionName: hello-1}, {percent: 10, latestRevision: true}]
  template:
    metadata:
      labels: {team: a}
      annotations:
        autoscaling.knative.dev/class: kpa.autoscaling.knative.dev
        autoscaling.knative.dev/metric: concurrency
        autoscaling.knative.dev/target: "50"
        autoscaling.knative.dev/min-scale: "0"
        autoscaling.knative.dev/max-scale: "5"
        autoscaling.knative.dev/initial-scale: "3"
        autoscaling.knative.dev/scale-down-delay: 2m
        autoscaling.knative.dev/window: 40s
        autoscaling.knative.dev/panic-threshold-percentage: "150"
        example.com/other: "1"
    spec:
      containerConcurrency: 20
      timeoutSeconds: 30
      serviceAccountName: hello
      containers:
        - {image: "hello:1", env: [{name: A, value: b}], readinessProbe: {httpGet: {path: /, port: 0}}}
"""


def made(annotations: dict[str, str] | None = None, **spec: Any) -> Proposal:
    manifest = yaml.safe_load(BASE)
    if annotations is not None:
        named = {f"autoscaling.knative.dev/{key}": value for key, value in annotations.items()}
        manifest["spec"]["template"]["metadata"]["annotations"] = named
        del manifest["spec"]["template"]["spec"]["containerConcurrency"]
    manifest["spec"]["template"]["spec"] |= spec
    return propose(manifest, PROMETHEUS)


def scaled(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return dict(made(annotations, **spec).manifests[2]["spec"])


def test_the_judge_finds_nothing() -> None:
    assert [str(finding) for finding in check(list(made().manifests))] == []


def test_the_pod_is_knatives_with_what_knative_fills_in() -> None:
    deployment, service, _ = made().manifests
    template = deployment["spec"]["template"]
    assert template["metadata"] == {
        "labels": {"team": "a", "app": "hello"},
        "annotations": {"example.com/other": "1"},
    }
    assert template["spec"] == {
        "serviceAccountName": "hello",
        "containers": [
            {
                "name": "user-container",
                "image": "hello:1",
                "ports": [{"containerPort": 8080}],
                "env": [{"name": "A", "value": "b"}, {"name": "PORT", "value": "8080"}],
                "readinessProbe": {"httpGet": {"path": "/", "port": 8080}},
            }
        ],
    }
    assert "replicas" not in deployment["spec"]
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert service["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": 8080}]


def test_labels_and_annotations_stay_but_for_knatives() -> None:
    manifest = yaml.safe_load(BASE)
    local = "networking.knative.dev/visibility"
    manifest["metadata"] |= {
        "labels": {"team": "b", local: "cluster-local"},
        "annotations": {"autoscaling.knative.dev/min-scale": "2", "serving.knative.dev/creator": "me"},
    }
    manifest["metadata"]["annotations"] |= {
        "argocd.argoproj.io/sync-wave": "1",
        "kubectl.kubernetes.io/a": "1",
    }
    template = manifest["spec"]["template"]["metadata"]
    template["annotations"] |= {"client.knative.dev/user-image": "a", "features.knative.dev/x": "1"}
    template["labels"] |= {"app": "front"}
    proposal = propose(manifest, PROMETHEUS)
    assert [each["metadata"]["labels"] for each in proposal.manifests] == [{"team": "b"}] * 3
    deployment, service, scaled_object = proposal.manifests
    chosen = {"app.kubernetes.io/name": "hello"}
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"] == chosen
    assert deployment["spec"]["template"]["metadata"] == {
        "labels": {"team": "a", "app": "front", **chosen},
        "annotations": {"example.com/other": "1"},
    }
    assert scaled_object["spec"]["minReplicaCount"] == 0
    assert [note for note in proposal.notes if "knative.dev" in note or "argocd" in note] == [
        "autoscaling.knative.dev/min-scale: passed over. Knative reads it in "
        "spec.template.metadata.annotations only, and its webhook refuses it on the Service itself.",
        "LOST argocd.argoproj.io/sync-wave: annotations of the Service itself. Write them where they are "
        "read.",
        f"LOST {local}: attach the HTTPRoute to a Gateway that only the cluster reaches.",
        "LOST features.knative.dev/x: it is for Knative only.",
    ]


def test_a_configuration_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = BASE.replace("kind: Service", "kind: Configuration")
    assert piped(alone, monkeypatch) == 1
    assert capsys.readouterr().err == (
        "-: Configuration hello: is a Service of Knative without its Route, and is not translated. "
        "Write it as kind: Service of serving.knative.dev/v1: spec.template is the same.\n"
    )
    made_by_knative = alone.replace("namespace: shop", "ownerReferences: [{kind: Service, name: hello}]")
    assert piped(f"{BASE}\n---{made_by_knative}", monkeypatch) == 0
    assert "Configuration" not in capsys.readouterr().err


def test_beside_a_sidecar_only_the_container_with_the_port_serves() -> None:
    containers = [
        {"name": "log", "image": "log:1"},
        {"name": "web", "image": "b", "ports": [{"containerPort": 9}]},
    ]
    deployment, service, _ = made(containers=containers).manifests
    sidecar, serving = deployment["spec"]["template"]["spec"]["containers"]
    assert sidecar == {"name": "log", "image": "log:1"}
    assert serving["readinessProbe"] == {"tcpSocket": {"port": 9}}
    assert service["spec"]["ports"][0]["targetPort"] == 9


def test_names_and_the_ports_of_probes_are_filled_in_as_knative_does() -> None:
    """revision_defaults.go, SetDefaults and applyProbes; deploy.go, rewriteUserProbe."""
    web = {
        "image": "b",
        "ports": [{"name": "h2c"}],
        "readinessProbe": {"periodSeconds": 5},
        "livenessProbe": {"httpGet": {"path": "/live"}, "periodSeconds": 20},
        "startupProbe": {"grpc": {"port": 0}},
    }
    deployment, service, _ = made(containers=[{"image": "log:1"}, web]).manifests
    assert deployment["spec"]["template"]["spec"]["containers"] == [
        {"name": "user-container-0", "image": "log:1"},
        {
            **web,
            "name": "user-container-1",
            "ports": [{"name": "h2c", "containerPort": 8080}],
            "env": [{"name": "PORT", "value": "8080"}],
            "readinessProbe": {"periodSeconds": 5, "tcpSocket": {"port": 8080}},
            "livenessProbe": {"httpGet": {"port": 8080, "path": "/live"}, "periodSeconds": 20},
            "startupProbe": {"grpc": {"port": 8080}},
        },
    ]
    [port] = service["spec"]["ports"]
    assert port == {"name": "http", "port": 80, "targetPort": 8080, "appProtocol": "kubernetes.io/h2c"}
    own = {"exec": {"command": ["true"]}}
    [container] = made(containers=[{"image": "b", "readinessProbe": own}]).manifests[0]["spec"]["template"][
        "spec"
    ]["containers"]
    assert container["readinessProbe"] == own


def test_concurrency_is_the_gateways_and_wakes_from_zero() -> None:
    spec = scaled()
    assert (spec["minReplicaCount"], spec["maxReplicaCount"], spec["cooldownPeriod"]) == (0, 5, 120)
    assert spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == {
        "scaleDown": {"stabilizationWindowSeconds": 120}
    }
    [trigger] = spec["triggers"]
    labels = '{envoy_cluster_name="httproute/shop/hello/rule/0"}'
    assert trigger["metadata"] == {
        "serverAddress": PROMETHEUS,
        "query": f"sum(avg_over_time(envoy_cluster_upstream_rq_active{labels}[40s])) + 0.001 * "
        f"(sum(rate(envoy_cluster_upstream_rq_completed{labels}[40s])) > bool 0)",
        "threshold": "14",  # 70 % of 20: the hard limit is below the target of 50
        "ignoreNullValues": "false",
    }


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, "70"),  # 70 % of Knative's default, 100
        ({"target": "10", "target-utilization-percentage": "100"}, "10"),
        ({"metric": "rps"}, "140"),
        ({"metric": "rps", "target": "15"}, "10.5"),
        ({"metric": "rps", "targetUtilizationPercentage": "50", "target": "15"}, "7.5"),
    ],
)
def test_the_threshold_is_the_target_at_its_utilization(annotations: dict[str, str], expected: str) -> None:
    [trigger] = scaled(annotations)["triggers"]
    assert trigger["metadata"]["threshold"] == expected
    assert ("rq_active" in trigger["metadata"]["query"]) is ("metric" not in annotations)


def test_the_class_hpa_has_no_zero() -> None:
    spec = scaled({"class": "hpa.autoscaling.knative.dev", "metric": "cpu", "target": "75"})
    assert spec["triggers"] == [{"type": "cpu", "metricType": "Utilization", "metadata": {"value": "75"}}]
    assert spec["minReplicaCount"] == 1 and "cooldownPeriod" not in spec
    assert scaled({"class": "hpa.autoscaling.knative.dev", "target": "75"}) == spec, "its default metric"
    assert "advanced" not in spec, "Knative writes no behavior"
    paced = made({"metric": "cpu", "target": "74.2", "window": "90s", "scale-down-delay": "2m"})
    both = {"stabilizationWindowSeconds": 90}
    paced_spec = paced.manifests[2]["spec"]
    assert paced_spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == {
        "scaleDown": both,
        "scaleUp": both,
    }
    assert paced_spec["triggers"] == spec["triggers"]
    assert "scale-down-delay: passed over, as Knative's class hpa does." in paced.notes
    [memory] = scaled({"metric": "memory", "target": "200"})["triggers"]
    assert (memory["metricType"], memory["metadata"]) == ("AverageValue", {"value": "200Mi"})


@pytest.mark.parametrize(("metric", "check"), [("cpu", ""), ("memory", "CHECK ")])
def test_without_a_target_the_class_hpa_has_the_api_servers_default(metric: str, check: str) -> None:
    proposal = made({"class": "hpa.autoscaling.knative.dev", "metric": metric})
    [trigger] = proposal.manifests[2]["spec"]["triggers"]
    assert trigger == {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "80"}}
    assert proposal.notes[0] == (
        f"{check}{metric} has no target, so Knative's HPA has no metric, and the API server's default holds: "
        "cpu at 80 %."
    )


def test_the_class_hpa_reads_another_metric_from_the_custom_metrics_api() -> None:
    with pytest.raises(SpecError, match='"rps" is not cpu or memory. Knative reads it from the custom'):
        made({"class": "hpa.autoscaling.knative.dev", "metric": "rps"})


def test_what_is_lost_is_named() -> None:
    assert made().notes == (
        "CHECK the query: Knative counts in its own sidecar, which is gone. The query is Envoy Gateway's, of "
        "an HTTPRoute shop/hello; docs/http-scaling.md has its traps.",
        "LOST requests at 0: Knative's activator holds them until a pod is ready; here they get 503. Set "
        "minReplicaCount: 1, or put the KEDA HTTP add-on in front, which holds requests.",
        "LOST containerConcurrency: 20: no sidecar queues what is above it.",
        "LOST initial-scale: 3: a Deployment starts with 1 pod, and scales from there.",
        "LOST panic-threshold-percentage: an HPA has no panic mode: it scales up at its next sync.",
        "LOST timeoutSeconds: 30: write the timeouts into the HTTPRoute.",
        "LOST revisions and the address: write an HTTPRoute or Ingress to Service hello. The traffic split "
        "becomes the HTTPRoute's weights.",
        "Knative owns a Service hello as long as its own Service exists: delete that one right "
        "before you apply this, or give this another name first.",
    )
    quiet = made({"min-scale": "1", "max-scale": "2", "metric": "rps"}).notes
    assert not any("at 0" in note or "maximum" in note for note in quiet)
    for given, most in (({}, "100 is KEDA's default"), ({"min-scale": "150"}, "150 is the minimum")):
        note = f"CHECK Knative sets no maximum here: {most}. Write your own."
        assert note in made(given).notes
        assert scaled(given)["maxReplicaCount"] == int(most.split()[0])


@pytest.mark.parametrize(
    ("annotations", "line"),
    [
        ({"target": "ten"}, '"ten" is not a number of at least 0.01. Knative\'s webhook would refuse it.'),
        ({"target": "nan"}, '"nan" is not a number'),
        ({"window": "soon"}, '"soon" is not a duration.'),
        ({"metric": "queue_length"}, '"queue_length" is not concurrency, rps, cpu or memory.'),
    ],
)
def test_what_cannot_be_read_is_one_line(annotations: dict[str, str], line: str) -> None:
    [key] = annotations
    with pytest.raises(SpecError) as error:
        made(annotations)
    place = f'spec.template.metadata.annotations["autoscaling.knative.dev/{key}"]'
    assert str(error.value).startswith(f"{place}: {line}")


def test_every_place_damaged() -> None:
    """Whatever a Knative Service holds, the answer is a proposal or lines."""
    for [manifest] in damaged_everywhere("knative", yaml.safe_load(BASE)):
        try:
            propose(manifest, PROMETHEUS)
        except SpecError as error:
            assert len(str(error).splitlines()) == len(error.faults)


@pytest.mark.parametrize(
    ("options", "code", "kinds"),
    [((), 0, ["Deployment", "Service", "ScaledObject"]), (("--workload",), 1, [])],
)
def test_the_command(
    options: tuple[str, ...],
    code: int,
    kinds: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert piped(BASE, monkeypatch, "--prometheus", PROMETHEUS, *options) == code
    out, err = capsys.readouterr()
    assert [each["kind"] for each in yaml.safe_load_all(out) if each] == kinds
    assert all(line.startswith("-: Service hello: ") for line in err.splitlines())
