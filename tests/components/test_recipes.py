"""What each recipe makes of its settings, down to the query and the bounds."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

import pytest

from components.access import secrets_needed
from components.recipes import RECIPES
from components.workload import Workload
from keda import ScaledJob, ScaledObject, trigger_class
from tests.support import CORPUS, ROOT, STACK, settings_of

PROMETHEUS = "http://prometheus-operated.monitoring.svc:9090"


@pytest.fixture(scope="module")
def homelab() -> dict[str, Workload]:
    return dict(settings_of(STACK.read_text()).workloads)


def spec_of(workload: Workload) -> dict[str, Any]:
    spec: dict[str, Any] = workload.scaled.to_manifest()["spec"]
    return spec


def valid(name: str) -> dict[str, Workload]:
    return dict(settings_of((CORPUS / "valid" / "settings" / f"{name}.yaml").read_text()).workloads)


def test_ray_serve(homelab: dict[str, Workload]) -> None:
    assert spec_of(homelab["ray-serve"]) == {
        "scaleTargetRef": {"name": "ray-serve"},
        "minReplicaCount": 1,
        "maxReplicaCount": 4,
        "triggers": [
            {
                "type": "prometheus",
                "metadata": {
                    "serverAddress": PROMETHEUS,
                    "query": '(sum(ray_serve_deployment_queued_queries{application="inference"}) '
                    "or vector(0)) + "
                    '(sum(ray_serve_num_ongoing_requests_at_replicas{application="inference"}) or vector(0))',
                    "threshold": "5",
                },
            }
        ],
    }


def test_envoy_gateway(homelab: dict[str, Workload]) -> None:
    spec = spec_of(homelab["envoy-gateway"])
    assert spec["scaleTargetRef"] == {"name": "envoy-default-eg-e41e7b31"}
    [trigger] = spec["triggers"]
    assert trigger["metadata"]["query"] == (
        'sum(envoy_http_downstream_cx_active{gateway_envoyproxy_io_owning_gateway_namespace="default",'
        'gateway_envoyproxy_io_owning_gateway_name="eg",envoy_http_conn_manager_prefix=~"https?-.*"})'
    )
    assert trigger["metadata"]["ignoreNullValues"] == "false"
    down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down == {
        "stabilizationWindowSeconds": 300,
        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 390}],
    }


def test_envoy_names() -> None:
    workloads = valid("gateway-namespace")
    assert spec_of(workloads["inner"])["scaleTargetRef"] == {"name": "inner"}
    assert spec_of(workloads["outer"])["scaleTargetRef"] == {"name": "edge-proxy"}


def test_voice(homelab: dict[str, Workload]) -> None:
    spec = spec_of(homelab["voice"])
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (0, 2)
    assert spec["triggers"] == [
        {
            "type": "nats-jetstream",
            "metadata": {
                "natsServerMonitoringEndpoint": "nats-headless.nats.svc.cluster.local:8222",
                "account": "$G",
                "stream": "VOICE",
                "consumer": "voice-pipeline",
                "lagThreshold": "10",
                "useHttps": "false",
            },
        }
    ]


def test_batch_as_a_deployment(homelab: dict[str, Workload]) -> None:
    spec = spec_of(homelab["batch"])
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (0, 4)
    [trigger] = spec["triggers"]
    assert trigger["metadata"]["query"] == (
        'sum(batch_jobs_pending{queue="inference"}) + '
        '(sum(batch_jobs_running{queue="inference"}) or vector(0))'
    )
    assert trigger["metadata"]["ignoreNullValues"] == "false"


def test_batch_as_jobs() -> None:
    scaled = valid("scaled-job")["batch"].scaled
    assert isinstance(scaled, ScaledJob)
    spec = scaled.to_manifest()["spec"]
    assert spec["maxReplicaCount"] == 2  # 5 GPUs, 2 a pod
    assert spec["rollout"] == {"strategy": "gradual"}
    assert "scalingStrategy" not in spec
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (5, 5)
    pod = spec["jobTargetRef"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    [container] = pod["containers"]
    assert container["resources"] == {"limits": {"nvidia.com/gpu": "2"}}
    assert container["env"] == [{"name": "LOG_LEVEL", "value": "debug"}]


def test_one_setting_turns_the_stacks_batch_into_jobs() -> None:
    scaled = settings_of(STACK.read_text().replace("kind: ScaledObject   ", "kind: ScaledJob   ")).workloads[
        "batch"
    ]
    assert scaled.scaled.kind == "ScaledJob"


def test_pace_settings() -> None:
    spec = spec_of(valid("every-key")["ray-serve"])
    config = spec["advanced"]["horizontalPodAutoscalerConfig"]
    assert config["name"] == "ray-serve"
    assert config["behavior"]["scaleDown"] == {
        "stabilizationWindowSeconds": 0
    }  # scaleDownWindow is the last word
    assert config["behavior"]["scaleUp"]["selectPolicy"] == "Max"
    assert (spec["pollingInterval"], spec["cooldownPeriod"], spec["initialCooldownPeriod"]) == (5, 0, 60)
    assert spec["fallback"] == {"failureThreshold": 3, "replicas": 2, "behavior": "currentReplicasIfHigher"}


@pytest.mark.parametrize(
    ("value", "paused"), [("in", {"in"}), ("out", {"out"}), ("both", {"in", "out"}), (None, set())]
)
def test_one_setting_pauses_both_directions(value: str | None, paused: set[str]) -> None:
    setting = "" if value is None else f"\n      pausedScale: {value}"
    text = STACK.read_text().replace(
        "      recipe: nats-jetstream", f"      recipe: nats-jetstream{setting}", 1
    )
    annotations = settings_of(text).workloads["voice"].scaled.metadata.annotations or {}
    assert annotations == {f"autoscaling.keda.sh/paused-scale-{each}": "true" for each in paused}


def test_adopt_takes_the_named_hpa_over() -> None:
    workload = valid("every-key")["ray-serve"]
    assert isinstance(workload.scaled, ScaledObject)
    assert workload.scaled.hpa_name == "ray-serve"
    assert workload.scaled.metadata.annotations == {
        "scaledobject.keda.sh/transfer-hpa-ownership": "true",
        "helm.sh/resource-policy": "keep",
    }


def test_a_shorter_window_keeps_envoys_policy() -> None:
    text = STACK.read_text().replace(
        "connectionsPerReplica: 50", "connectionsPerReplica: 50\n      scaleDownWindow: 7"
    )
    spec = spec_of(settings_of(text).workloads["envoy-gateway"])
    down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] == 7
    assert down["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 390}]


def test_labels_in_queries_are_quoted() -> None:
    recipe = RECIPES["ray-serve"].parse(
        {
            "recipe": "ray-serve",
            "namespace": "ray",
            "target": {"name": "serve"},
            "application": 'a"b\\c',
            "requestsPerReplica": 1,
            "maxReplicas": 2,
        }
    )
    [trigger] = recipe.models("serve", PROMETHEUS).scaled.to_manifest()["spec"]["triggers"]
    assert r'{application="a\"b\\c"}' in trigger["metadata"]["query"]


def test_no_recipe_writes_anything_but_kedas_objects(homelab: dict[str, Workload]) -> None:
    for workload in homelab.values():
        assert isinstance(workload.scaled, (ScaledObject, ScaledJob))
        assert '"replicas"' not in json.dumps(workload.scaled.to_manifest())


def test_every_trigger_is_typed(homelab: dict[str, Workload]) -> None:
    for workload in (*homelab.values(), *valid("scaled-job").values(), *valid("generic").values()):
        for trigger in workload.scaled.spec.triggers:
            assert type(trigger) is trigger_class(trigger.scaler)


def test_no_component_writes_a_trigger_by_hand() -> None:
    def keys() -> Iterator[set[object]]:
        for file in (ROOT / "components").rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Dict):
                    yield {key.value for key in node.keys if isinstance(key, ast.Constant)}

    found = list(keys())
    assert found
    assert not [each for each in found if {"type", "metadata"} <= each or "serverAddress" in each]


AUTHENTICATED = {
    "ray-serve": {
        "namespace": "ray",
        "target": {"name": "serve"},
        "application": "a",
        "requestsPerReplica": 5,
    },
    "envoy-gateway": {"gateway": {"namespace": "default", "name": "eg"}, "connectionsPerReplica": 50},
    "batch": {"namespace": "batch", "target": {"name": "batch"}, "queue": "q", "gpus": 4},
}


def authenticated(recipe: str, **authentication: Any) -> Workload:
    settings = {"recipe": recipe, **AUTHENTICATED[recipe], "authentication": authentication}
    if recipe != "batch":
        settings["maxReplicas"] = 4
    return RECIPES[recipe].parse(settings).models("work", PROMETHEUS)


@pytest.mark.parametrize("recipe", AUTHENTICATED)
@pytest.mark.parametrize(
    ("modes", "parameters"),
    [
        (["bearer"], ["bearerToken"]),
        (["basic"], ["username", "password"]),
        (["custom"], ["customAuthHeader", "customAuthValue"]),
        (["tls"], ["cert", "key"]),
        (["basic", "tls"], ["username", "password", "cert", "key"]),
    ],
)
def test_authentication_at_prometheus(recipe: str, modes: list[str], parameters: list[str]) -> None:
    workload = authenticated(recipe, secret="prometheus", modes=modes)
    [trigger] = spec_of(workload)["triggers"]
    assert trigger["authenticationRef"] == {"name": "work-prometheus"}
    assert trigger["metadata"]["authModes"] == ",".join(modes)
    [made] = workload.authentications
    assert made.metadata.namespace == workload.namespace
    assert made.to_manifest()["spec"] == {
        "secretTargetRef": [{"parameter": each, "name": "prometheus", "key": each} for each in parameters]
    }


def test_a_secrets_own_keys_and_a_private_ca() -> None:
    keys = {"bearerToken": "token", "ca": "ca.crt"}
    [made] = authenticated("ray-serve", secret="prometheus", modes=["bearer"], keys=keys).authentications
    references = made.to_manifest()["spec"]["secretTargetRef"]
    assert {each["parameter"]: each["key"] for each in references} == keys


def test_a_tenant_header_needs_no_secret() -> None:
    workload = authenticated("batch", headers={"X-Scope-OrgID": "homelab"})
    [trigger] = spec_of(workload)["triggers"]
    assert trigger["metadata"]["customHeaders"] == "X-Scope-OrgID=homelab"
    assert "authenticationRef" not in trigger
    assert workload.authentications == ()


def test_kedas_role_reads_the_secret_of_a_recipe() -> None:
    [need] = secrets_needed(authenticated("batch", secret="prometheus", modes=["bearer"]))
    assert need.name == "prometheus"
