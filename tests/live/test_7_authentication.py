"""Recipes read a Prometheus that wants to know who asks: a bearer token with a tenant header, basic
authentication, and a secret header of its own, one workload each.

An Envoy before the lab's Prometheus lets a request through with the right header and answers 401 otherwise.
"""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from cli.engine import Engine
from lab.paths import Lab
from tests.live.cluster import KEDA, MERGE, Cluster, Refused, query, wait
from tests.live.support import WORKLOADS, wait_ready, with_overrides

pytestmark = pytest.mark.live

NAME = "guarded-prometheus"
API = "type.googleapis.com/envoy.extensions.filters"
TOKEN, PASSWORD, VALUE = (secrets.token_hex(16) for _ in range(3))
BASIC = base64.b64encode(f"keda:{PASSWORD}".encode()).decode()
LETS_IN: list[dict[str, str]] = [
    {"authorization": f"Bearer {TOKEN}", "x-scope-orgid": "homelab"},
    {"authorization": f"Basic {BASIC}"},
    {"x-homelab-key": VALUE},
]
"""Headers of which one set opens the way."""
SECRETS = {
    "ray-serve": {"token": TOKEN},
    "envoy-gateway": {"username": "keda", "password": PASSWORD},
    "batch": {"customAuthHeader": "X-Homelab-Key", "customAuthValue": VALUE},
}
AUTHENTICATION: dict[str, dict[str, Any]] = {
    "ray-serve": {
        "secret": NAME,
        "modes": ["bearer"],
        "keys": {"bearerToken": "token"},
        "headers": {"X-Scope-OrgID": "homelab"},
    },
    "envoy-gateway": {"secret": NAME, "modes": ["basic"]},
    "batch": {"secret": NAME, "modes": ["custom"]},
}


def envoy() -> dict[str, Any]:
    """Envoy's configuration."""
    routes: list[dict[str, Any]] = [
        {
            "match": {
                "prefix": "/",
                "headers": [
                    {"name": key, "string_match": {"exact": value}} for key, value in headers.items()
                ],
            },
            "route": {"cluster": "prometheus"},
        }
        for headers in LETS_IN
    ]
    routes.append({"match": {"prefix": "/"}, "direct_response": {"status": 401}})
    router = {"@type": f"{API}.http.router.v3.Router"}
    manager = {
        "@type": f"{API}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "guard",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]

    def at(address: str, port: int) -> dict[str, Any]:
        return {"socket_address": {"address": address, "port_value": port}}

    endpoint = {"endpoint": {"address": at("prometheus-operated.monitoring.svc.cluster.local", 9090)}}
    assignment = {"cluster_name": "prometheus", "endpoints": [{"lb_endpoints": [endpoint]}]}
    cluster = {"name": "prometheus", "type": "STRICT_DNS", "load_assignment": assignment}
    listener = {"address": at("0.0.0.0", 9090), "filter_chains": [{"filters": filters}]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def secret(name: str, namespace: str, data: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "stringData": data}


@pytest.fixture(scope="module")
def guard(stack: Engine, cluster: Cluster) -> Iterator[str]:
    """The guarded Prometheus' address in the cluster; the Secrets of those who may ask it."""
    labels = {"app": NAME}
    container = {
        "name": "envoy",
        "image": "docker.io/envoyproxy/envoy:distroless-v1.40.0",
        "args": ["--config-path", "/etc/envoy/envoy.yaml", "--concurrency", "1"],
        "readinessProbe": {"tcpSocket": {"port": 9090}, "periodSeconds": 1},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/envoy"}],
    }
    pod = {"containers": [container], "volumes": [{"name": "config", "secret": {"secretName": NAME}}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    core, apps = "/api/v1/namespaces", "/apis/apps/v1/namespaces"
    made = [
        (f"{core}/monitoring/secrets", secret(NAME, "monitoring", {"envoy.yaml": json.dumps(envoy())})),
        (
            f"{apps}/monitoring/deployments",
            {"metadata": {"name": NAME}, "spec": {"selector": {"matchLabels": labels}, "template": template}},
        ),
        (
            f"{core}/monitoring/services",
            {"metadata": {"name": NAME}, "spec": {"selector": labels, "ports": [{"port": 9090}]}},
        ),
        *(
            (f"{core}/{WORKLOADS[name]}/secrets", secret(NAME, WORKLOADS[name], data))
            for name, data in SECRETS.items()
        ),
    ]
    try:
        for path, body in made:
            cluster.create(path, body)
        wait("the guard", 120, lambda: cluster.replicas("monitoring", NAME) == (1, 1) or None)
        yield f"http://{NAME}.monitoring.svc:9090"
    finally:
        for path, _ in reversed(made):
            cluster.delete(f"{path}/{NAME}")


@pytest.fixture(scope="module")
def authenticated(stack: Engine, guard: str) -> Iterator[Engine]:
    """The stack on the guarded Prometheus."""
    changed = {
        "keda-homelab:monitoring.prometheus": guard,
        "keda-homelab:keda.watchNamespaces": sorted(WORKLOADS.values()),
        "keda-homelab:keda.secrets": "watched",
    }
    changed |= {
        f"keda-homelab:workloads.{name}.authentication": settings for name, settings in AUTHENTICATION.items()
    }
    engine = with_overrides(stack, changed)
    done = engine.operate("up", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr
    try:
        yield engine
    finally:
        assert stack.operate("up", capture=True).returncode == 0


def test_the_guard_refuses_who_has_no_credentials(guard: str, cluster: Cluster) -> None:
    path = f"/api/v1/namespaces/monitoring/services/{NAME}:9090/proxy/api/v1/query?query=1"
    with pytest.raises(Refused) as refused:
        cluster.request("GET", path)
    assert refused.value.status == 401


@pytest.mark.parametrize("workload", AUTHENTICATION)
def test_every_mode_reads_the_metric(
    authenticated: Engine, cluster: Cluster, lab: Lab, workload: str
) -> None:
    wait_ready(cluster, workload, WORKLOADS[workload])
    port = json.loads(lab.record.read_text())["ports"]["prometheus"]
    # A reading that is fresh: it fails a moment after the last success at most.
    errors = f'sum(increase(keda_scaler_detail_errors_total{{scaledObject="{workload}"}}[30s]))'
    wait(f"{workload} without errors", 120, lambda: query(port, f"{errors} == 0") or None)
    [trigger] = cluster.get(f"{KEDA}/namespaces/{WORKLOADS[workload]}/scaledobjects/{workload}")["spec"][
        "triggers"
    ]
    assert NAME in trigger["metadata"]["serverAddress"]
    assert trigger["authenticationRef"]["name"] == f"{workload}-prometheus"


def test_a_workload_scales_on_what_the_guarded_prometheus_says(
    authenticated: Engine, cluster: Cluster, lab: Lab
) -> None:
    wait_ready(cluster, "ray-serve", "ray")
    wait("ray-serve at rest", 180, lambda: cluster.replicas("ray", "ray-serve")[0] == 1 or None)
    load = subprocess.Popen(
        [sys.executable, "-m", "lab", "load", "ray-serve", "--name", lab.name], stdout=subprocess.DEVNULL
    )
    wait("ray-serve scales out", 180, lambda: cluster.replicas("ray", "ray-serve")[0] > 1 or None)
    load.wait(timeout=300)


def test_a_wrong_token_is_seen_in_the_condition(authenticated: Engine, cluster: Cluster) -> None:
    path = f"/api/v1/namespaces/ray/secrets/{NAME}"
    cluster.request("PATCH", path, {"stringData": {"token": "wrong"}}, MERGE)
    ray = f"{KEDA}/namespaces/ray/scaledobjects/ray-serve"
    # KEDA keeps a scaler with the token that it was made with until the object changes.
    try:
        cluster.request("PATCH", ray, {"spec": {"pollingInterval": 6}}, MERGE)
        wait("not Ready", 120, lambda: cluster.condition(ray, "Ready")[0] == "False" or None)
    finally:
        cluster.request("PATCH", path, {"stringData": {"token": TOKEN}}, MERGE)
        cluster.request("PATCH", ray, {"spec": {"pollingInterval": 5}}, MERGE)
    wait_ready(cluster, "ray-serve", "ray")


def test_no_secret_is_in_an_object_or_in_the_state(authenticated: Engine, cluster: Cluster) -> None:
    found = [cluster.get(f"{KEDA}/{kind}") for kind in ("scaledobjects", "triggerauthentications")]
    text = json.dumps([found, authenticated.deployment()])
    assert "ray-serve-prometheus" in text
    for value in (TOKEN, PASSWORD, VALUE, BASIC):
        assert value not in text
