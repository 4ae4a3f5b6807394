"""The program as a whole: what must hold for every resource it registers."""

from __future__ import annotations

import ast
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from conftest import Program, Recorder, Registered, stack_config

from components.access import chart_access
from components.platform import Platform, chart_values, is_plain_http, keep, overlaid, provider
from components.settings import Cluster, Keda, Monitoring, Settings
from keda import SpecError

MONITORING = Monitoring(prometheus="http://prometheus:9090")
MONITORING_KINDS = {"PrometheusRule", "PodMonitor", "ServiceMonitor", "ClusterRole", "ClusterRoleBinding"}
EVERY_KEY = Path(__file__).parents[1] / "corpus" / "valid" / "settings" / "every-key.yaml"
GENERIC = EVERY_KEY.with_name("generic.yaml")


@pytest.fixture(scope="module", params=["homelab", "every-key", "generic", "scaled-job"])
def any_program(request: pytest.FixtureRequest, config: dict[str, Any]) -> Program:
    if request.param == "homelab":
        return Program(config)
    return Program(stack_config(EVERY_KEY.with_name(f"{request.param}.yaml")))


def ours(program: Program) -> list[Registered]:
    return [resource for resource in program.resources.values() if resource.type != "pulumi:pulumi:Stack"]


def test_it_runs(any_program: Program) -> None:
    assert (any_program.exit, any_program.log) == (None, [])
    assert any_program.of_type("keda.sh/v1alpha1:Scaled")


def test_components_have_our_tokens_props_and_outputs(any_program: Program) -> None:
    components = [r for r in ours(any_program) if not r.custom and not r.type.startswith("kubernetes:")]
    assert components
    for component in components:
        assert re.fullmatch(r"keda-homelab:[a-z]+:[A-Z][A-Za-z]+", component.type)
        assert component.inputs, f"policies would see nothing of {component.name}"
        assert component.has_outputs, f"{component.name} never registered its outputs"


def test_every_resource_is_a_named_child_of_a_component(any_program: Program) -> None:
    for resource in ours(any_program):
        if resource.custom and not resource.type.startswith("pulumi:providers:"):
            parent = any_program.resources[resource.parent]
            assert parent.type.startswith("keda-homelab:")
            metadata = resource.inputs.get("metadata", {})
            own = f"{parent.name}-"
            # A TriggerAuthentication may be shared: it is named by what it is.
            shared = f"{metadata.get('namespace')}/{metadata.get('name')}"
            named = shared if resource.type.endswith(":TriggerAuthentication") else own
            assert resource.name.startswith(named)


def test_every_resource_uses_the_programs_own_provider(any_program: Program) -> None:
    for resource in ours(any_program):
        if not resource.type.startswith("pulumi:"):
            assert "pulumi:providers:kubernetes::kubernetes" in resource.provider, resource.name


def test_the_provider_takes_over_what_exists(program: Program) -> None:
    [cluster] = program.of_type("pulumi:providers:kubernetes")
    assert cluster.inputs["upsertExistingObjects"] in (True, "true")
    assert cluster.inputs["enablePatchForce"] in (True, "true")


def test_no_target_is_written_and_no_replicas_anywhere(any_program: Program) -> None:
    kinds = {resource.type.rpartition(":")[2] for resource in ours(any_program) if resource.custom}
    allowed = {"kubernetes", "Namespace", "ConfigMap", "ScaledObject", "ScaledJob"}
    allowed |= {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    assert kinds <= allowed | {"TriggerAuthentication", "GrafanaDashboard"} | MONITORING_KINDS

    def keys(value: object) -> set[str]:
        if isinstance(value, Mapping):
            return {str(key) for key in value}.union(*(keys(item) for item in value.values()))
        return set().union(*(keys(item) for item in value)) if isinstance(value, list) else set()

    for resource in ours(any_program):
        fallback = {"replicas"} if resource.inputs.get("spec", {}).get("fallback") else set()
        assert "replicas" not in keys(resource.inputs) - fallback, resource.name


def test_each_workload_has_its_decisions(program: Program) -> None:
    """A change of them is a change of the component's properties, which a preview shows."""
    found = {each.name: each.inputs["decisions"] for each in program.of_type(":ScaledWorkload")}
    assert found.keys() == {"ray-serve", "envoy-gateway", "voice", "batch"}
    assert found["voice"] == {
        "s0-nats-jetstream": "0 -> 0; 1 -> 1 within 30 s; 2 at most, from 12 on, within 45 s; "
        "back to 0 300 s after the last"
    }


def test_what_nobody_wants_is_a_warning(config: dict[str, Any]) -> None:
    voice = config["workloads"]["voice"] | {"behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}
    voice |= {"minReplicas": 1}
    program = Program(config | {"workloads": {"voice": voice}})
    assert program.log == ["voice (s0-nats-jetstream) cannot come down: 2 replicas remain without work."]


def depends_on(resource: Registered, fragment: str) -> bool:
    return any(fragment in urn for urn in resource.depends_on)


def test_order(any_program: Program) -> None:
    """Namespace, then chart, then everything KEDA's webhook judges and its operator finalizes."""
    [chart] = any_program.of_type("helm.sh/v4:Chart")
    assert depends_on(chart, "core/v1:Namespace")
    after = [
        r for r in ours(any_program) if re.search(r":(Scaled|TriggerAuth|GrafanaDash)", r.type) and r.custom
    ]
    assert after
    for resource in after:
        assert depends_on(resource, "helm.sh/v4:Chart"), resource.name


def test_trigger_authentications_come_before_who_uses_them() -> None:
    program = Program(stack_config(GENERIC))
    [authentication] = program.of_type("TriggerAuthentication")
    assert (authentication.name, authentication.aliases) == ("web/redis", ["rollout-redis"])
    [user] = [r for r in program.of_type(":ScaledObject") if r.name == "rollout-scaledobject"]
    assert depends_on(user, "TriggerAuthentication::web/redis")


def sharing(*names: str) -> dict[str, Any]:
    """Workloads of one namespace with a TriggerAuthentication of one name."""
    trigger = {"type": "redis", "metadata": {"address": "redis:6379", "listName": "a", "listLength": 5}}
    workloads = {
        name: {
            "recipe": "generic",
            "namespace": "web",
            "target": {"name": name},
            "maxReplicas": 4,
            "triggers": [trigger | {"authenticationRef": {"name": "redis"}}],
            "authentications": {
                "redis": {"secretTargetRef": [{"parameter": "password", "name": "redis", "key": "password"}]}
            },
        }
        for name in names
    }
    keda = {"secrets": "watched"}
    return {"keda": keda, "monitoring": {"prometheus": "http://p:9090"}, "workloads": workloads}


def urns(program: Program, fragment: str) -> list[str]:
    return [urn for urn, resource in program.resources.items() if fragment in resource.type]


def test_a_shared_trigger_authentication_is_one_resource_whichever_workload_goes() -> None:
    both, first, second = (Program(sharing(*names)) for names in (("one", "two"), ("one",), ("two",)))
    [shared] = urns(both, "TriggerAuthentication")
    assert urns(first, "TriggerAuthentication") == urns(second, "TriggerAuthentication") == [shared]
    users = [each for each in both.of_type("v1alpha1:ScaledObject") if shared in each.depends_on]
    assert {each.name for each in users} == {"one-scaledobject", "two-scaledobject"}


def held(monkeypatch: pytest.MonkeyPatch, *items: dict[str, Any]) -> None:
    """A cluster that holds these ScaledObjects, and serves nothing else."""
    answers = {"/apis/keda.sh/v1alpha1/scaledobjects": {"items": list(items)}}
    monkeypatch.setattr("components.preflight.renames.api", lambda cluster: answers.get)


def live(name: str, manager: str = "pulumi-kubernetes-1f2e3d4c", target: str = "one") -> dict[str, Any]:
    metadata = {"namespace": "web", "name": name, "managedFields": [{"manager": manager}]}
    return {"metadata": metadata, "spec": {"scaleTargetRef": {"name": target}}}


def test_a_renamed_workload_is_its_old_scaled_object_replaced_deleted_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held(monkeypatch, live("old"))
    program = Program(sharing("one"))
    [scaled] = program.of_type("v1alpha1:ScaledObject")
    assert (scaled.name, scaled.aliases) == ("one-scaledobject", ["old-scaledobject"])
    assert scaled.deleted_first
    [component] = program.of_type(":ScaledWorkload")
    assert component.inputs["renamed"] == "old"


@pytest.mark.parametrize(
    "items",
    [
        [live("one")],
        [live("old", manager="kubectl")],  # somebody else's: the policy pack refuses it
        [live("old", target="other")],
        [live("one"), live("old")],
        [],
    ],
)
def test_what_is_no_rename(monkeypatch: pytest.MonkeyPatch, items: list[dict[str, Any]]) -> None:
    held(monkeypatch, *items)
    program = Program(sharing("one"))
    [scaled] = program.of_type("v1alpha1:ScaledObject")
    assert (scaled.aliases, scaled.deleted_first) == ([], False)
    [component] = program.of_type(":ScaledWorkload")
    assert "renamed" not in component.inputs


def test_a_workload_that_takes_a_living_ones_target_is_no_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other workload is still there under its name: it moves to another target."""
    held(monkeypatch, live("two", target="one"))
    for scaled in Program(sharing("one", "two")).of_type("v1alpha1:ScaledObject"):
        assert scaled.aliases == []


def test_a_workloads_component_waits_for_nothing_and_names_its_target(any_program: Program) -> None:
    """So the policy pack knows the target before anything is created that takes time."""
    components = any_program.of_type(":ScaledWorkload")
    assert components
    for component in components:
        assert component.depends_on == []
        if component.inputs["kind"] == "ScaledObject":
            assert component.inputs["scaleTargetRef"]["name"]


CANARY = "hunter2-canary"
IN_URL = f"http://me:{CANARY}@host:9090"


def everywhere(config: Any) -> list[Any]:
    """The config once for each text in it, with an address that holds a password in its place."""
    if isinstance(config, dict):
        return [config | {key: each} for key, value in config.items() for each in everywhere(value)]
    if isinstance(config, list):
        return [
            [*config[:index], each, *config[index + 1 :]]
            for index, value in enumerate(config)
            for each in everywhere(value)
        ]
    return [IN_URL, f"me:{CANARY}@host:9090", f"https://host/?access_token={CANARY}", {"a": IN_URL}]


@pytest.mark.parametrize("file", ["every-key", "scaled-job"])
def test_no_message_quotes_a_password(file: str) -> None:
    variants = everywhere(stack_config(EVERY_KEY.with_name(f"{file}.yaml")))
    refused = 0
    for variant in variants:
        try:
            Settings.parse(variant)
        except SpecError as error:
            refused += 1
            assert CANARY not in str(error), error
    assert refused > len(variants) / 2


@pytest.mark.parametrize("section", ["cluster", "keda", "monitoring", "workloads"])
def test_a_section_with_a_secret_is_refused_and_not_quoted(config: dict[str, Any], section: str) -> None:
    program = Program({**config, section: {"anything": CANARY}}, secret=[section])
    assert program.exit == 32
    [line] = program.log
    assert line.startswith(f"{section}: contains a secret.") and CANARY not in line
    assert ours(program) == []


def test_an_interrupt_ends_the_program_without_a_traceback(program: Program) -> None:
    """The engine sends one once a policy has refused."""
    assert program.interrupt is signal.SIG_DFL


def test_the_chart_gets_plain_inputs(program: Program) -> None:
    [chart] = program.of_type("helm.sh/v4:Chart")
    assert chart.inputs["chart"] == "oci://ghcr.io/kedacore/charts/keda"
    assert (chart.inputs["version"], chart.inputs["namespace"]) == ("2.19.0", "keda")
    assert "plainHttp" not in chart.inputs
    [namespace] = program.of_type("core/v1:Namespace")
    assert namespace.inputs["metadata"]["name"] == "keda"


def test_the_labs_registry_is_spoken_to_without_tls(config: dict[str, Any]) -> None:
    lab = {**config, "keda": {**config["keda"], "chart": "oci://127.0.0.1:5000/kedacore/charts/keda"}}
    [chart] = Program(lab).of_type("helm.sh/v4:Chart")
    assert chart.inputs["plainHttp"] is True
    assert not is_plain_http("oci://127.0.0.1.example.org/keda")
    assert not is_plain_http("./charts/keda.tgz")


def test_a_chart_on_disk_has_its_own_version() -> None:
    [chart] = Program(stack_config(EVERY_KEY)).of_type("helm.sh/v4:Chart")
    assert "version" not in chart.inputs


def test_chart_values() -> None:
    on = {"enabled": True, "serviceMonitor": {"enabled": True}}
    assert chart_values(Keda(), MONITORING, ()) == {
        "crds": {"install": True, "additionalAnnotations": {"helm.sh/resource-policy": "keep"}},
        "webhooks": {"enabled": True},
        "prometheus": {"operator": on, "metricServer": on, "webhooks": on},
        **chart_access(Keda(), ()),
    }
    off = chart_values(Keda(), Monitoring(prometheus="http://p", service_monitors=False), ())
    assert off["prometheus"]["webhooks"]["serviceMonitor"] == {"enabled": False}
    laid_over = overlaid({"a": {"b": 1, "c": [1]}, "d": 1}, {"a": {"c": [2]}, "e": 2})
    assert laid_over == {"a": {"b": 1, "c": [2]}, "d": 1, "e": 2}


def transformed(type_: str) -> pulumi.ResourceOptions | None:
    args = pulumi.ResourceTransformArgs(
        custom=True, type_=type_, name="x", props={"a": 1}, opts=pulumi.ResourceOptions(protect=True)
    )
    result = keep(args)
    assert result is None or (result.props == {"a": 1} and result.opts.protect)
    return result.opts if result else None


def test_crds_outlive_a_destroy_and_injected_certificates_stay() -> None:
    crd = transformed("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition")
    assert crd is not None
    assert crd.retain_on_delete
    service = transformed("kubernetes:apiregistration.k8s.io/v1:APIService")
    assert service is not None
    assert service.ignore_changes == ["spec.caBundle"]
    hooks = transformed("kubernetes:admissionregistration.k8s.io/v1:ValidatingWebhookConfiguration")
    assert hooks is not None
    assert hooks.ignore_changes == ["webhooks[*].clientConfig.caBundle"]
    assert transformed("kubernetes:apps/v1:Deployment") is None


def dashboard_maps(program: Program) -> list[Registered]:
    return [each for each in program.of_type("core/v1:ConfigMap") if each.parent.endswith("::dashboards")]


def test_dashboards_take_the_form_that_is_set(config: dict[str, Any]) -> None:
    forms = {"configMap": (2, 0), "grafanaDashboard": (0, 2), "both": (2, 2), "none": (0, 0)}
    for form, counts in forms.items():
        program = Program({**config, "monitoring": {**config["monitoring"], "dashboards": form}})
        found = (len(dashboard_maps(program)), len(program.of_type(":GrafanaDashboard")))
        assert found == counts, form


def test_the_sidecar_finds_the_dashboard(program: Program) -> None:
    for config_map in dashboard_maps(program):
        metadata = config_map.inputs["metadata"]
        assert metadata["labels"] == {"grafana_dashboard": "1"}
        assert metadata["annotations"] == {"grafana_folder": "KEDA"}
        assert metadata["namespace"] == "monitoring"


def kept(metrics: str) -> dict[str, Any]:
    return {"sourceLabels": ["__name__"], "regex": metrics, "action": "keep"}


def test_monitors_carry_the_labels_prometheus_selects_by() -> None:
    program = Program(stack_config(EVERY_KEY))
    [monitor] = program.of_type(":ServiceMonitor")
    assert monitor.inputs["metadata"] == {
        "name": "ray-serve",
        "namespace": "ray-head",
        "labels": {"release": "kube-prometheus-stack"},
    }
    assert monitor.inputs["spec"] == {
        "selector": {"matchLabels": {"ray.io/cluster": "inference"}},
        "podTargetLabels": ["ray.io/cluster"],
        "endpoints": [{"port": "as-metrics", "path": "/m", "metricRelabelings": [kept("ray_serve_.+")]}],
    }
    [chart] = program.of_type("helm.sh/v4:Chart")
    of_operator = chart.inputs["values"]["prometheus"]["operator"]["serviceMonitor"]
    assert of_operator["additionalLabels"] == {"release": "kube-prometheus-stack"}


def test_the_gateways_monitor_follows_its_gateway(program: Program) -> None:
    [monitor] = [each for each in program.of_type(":PodMonitor") if each.name == "monitors-envoy-gateway"]
    owner = "gateway.envoyproxy.io/owning-gateway-"
    assert monitor.inputs["spec"] == {
        "selector": {"matchLabels": {f"{owner}name": "eg", f"{owner}namespace": "default"}},
        "podTargetLabels": [f"{owner}namespace", f"{owner}name"],
        "podMetricsEndpoints": [
            {
                "port": "metrics",
                "path": "/stats/prometheus",
                "metricRelabelings": [kept("envoy_http_downstream_cx_active")],
            }
        ],
    }


def test_kube_state_metrics_is_told_of_kedas_objects() -> None:
    program = Program(stack_config(EVERY_KEY))
    [binding] = program.of_type(":ClusterRoleBinding")
    assert binding.inputs["subjects"] == [
        {"kind": "ServiceAccount", "name": "ksm", "namespace": "observability"}
    ]
    [told] = [each for each in program.of_type("core/v1:ConfigMap") if each.name.startswith("state-metrics-")]
    assert told.inputs["metadata"]["namespace"] == "observability"
    resources = yaml.safe_load(told.inputs["data"]["config.yaml"])["spec"]["resources"]
    assert [each["groupVersionKind"]["kind"] for each in resources] == ["ScaledObject", "ScaledJob"]


def test_wrong_settings_end_the_program_before_anything_is_registered(config: dict[str, Any]) -> None:
    program = Program({**config, "workload": {}, "monitoring": {"prometheus": "prometheus:9090"}})
    assert program.exit == 32  # the language host then adds nothing of its own
    assert program.log == [
        "workload: unknown key. It would be silently ignored. Write workloads.",
        'monitoring.prometheus: "prometheus:9090" is not an http:// or https:// address. '
        "KEDA's triggers and the dashboards need it. Write http://prometheus:9090.",
    ]
    assert ours(program) == []


@pulumi.runtime.test
def test_the_platforms_namespace_is_an_output() -> Any:
    pulumi.runtime.set_mocks(Recorder(), preview=False)
    options = pulumi.ResourceOptions(providers=[provider(Cluster())])
    platform = Platform("keda", Keda(namespace="autoscaling"), MONITORING, (), options)

    def check(namespace: str) -> None:
        assert namespace == "autoscaling"

    return platform.namespace.apply(check)


def test_tests_of_outputs_wait_for_them() -> None:
    """Without @pulumi.runtime.test a failing assert inside apply() passes silently."""
    guarded = 0
    for file in Path(__file__).parent.glob("test_*.py"):
        for function in ast.walk(ast.parse(file.read_text())):
            if not isinstance(function, ast.FunctionDef) or not function.name.startswith("test_"):
                continue
            calls = [
                node.func.attr
                for node in ast.walk(function)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            ]
            if "apply" in calls:
                guarded += 1
                decorators = [ast.unparse(decorator) for decorator in function.decorator_list]
                assert "pulumi.runtime.test" in decorators, f"{file.name}: {function.name}"
    assert guarded
