"""`keda why` as a command: from a dump, from an API server, and what is wrong input."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from keda.api_server import Response, Unreachable
from keda.commands.main import main
from keda.diagnosis import cluster
from tests.keda.diagnosis.cluster import (
    DISABLED,
    INACTIVE,
    METRIC,
    NOW,
    current,
    deployment,
    event,
    hpa,
    keda,
    scaled_object,
)

Manifest = dict[str, Any]
SLEEPING = [scaled_object(active=INACTIVE, last_active=840), hpa(0, 0, active=DISABLED), deployment(0)]


def dump(tmp_path: Path, *objects: Manifest) -> str:
    file = tmp_path / "dump.yaml"
    file.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": list(objects)}))
    return str(file)


def test_a_dump(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = {
        "apiVersion": "external.metrics.k8s.io/v1beta1",
        "kind": "ExternalMetricValueList",
        "items": [{"metricName": METRIC, "value": "0", "timestamp": f"{NOW:%Y-%m-%dT%H:%M:%SZ}"}],
    }
    seen = event("KEDAScalersStarted", "Scaler prometheus is built", 0, warning=False)
    assert main(["why", dump(tmp_path, *SLEEPING, seen, value)]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == (
        "shop/web stays at 0: s0-prometheus is 0, not above its activation threshold 0; last active 14 "
        "minutes ago."
    )
    text = "\n".join(rest)
    assert "next        to 1 at the first poll (every 30 s) that finds s0-prometheus above 0" in text
    assert "not seen    KEDA's own Deployments and APIService: they are not in the dump" in text
    assert rest[-1] == "as of       2026-03-01 21:00:00 UTC"


def test_a_dump_of_a_scaled_object_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", dump(tmp_path, scaled_object())]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "shop/web has replicas that are not seen, neither at Deployment shop/web nor at its HPA"
    )
    assert "its HPA: no HPA is in the dump" in out


def test_several_worst_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failing = scaled_object(
        ready=("False", "TriggerError", "Triggers defined in ScaledObject are not working correctly"),
        namespace="api",
    )
    assert main(["why", dump(tmp_path, *SLEEPING, failing)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("broken   api/web is not scaled: its trigger s0-prometheus fails: ")
    assert lines[1].startswith("working  shop/web stays at 0: ")
    assert "1 broken, 0 limited, 1 working. `keda why NAMESPACE/NAME` shows one with its evidence." in lines
    assert main(["why", "shop/web", dump(tmp_path, *SLEEPING, failing)]) == 0


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "--format", "json", dump(tmp_path, *SLEEPING)]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["level"], found["cause"], found["link"]) == ("working", "inactive", "activation")
    assert (
        found["replicas"] == 0 and found["at"] == "2026-03-01T20:46:00Z"
    )  # the newest timestamp in the dump
    assert [link["link"] for link in found["chain"]] == [
        *("KEDA", "source", "trigger", "activation", "HPA", "target")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing/web"], "has no ScaledObject or ScaledJob missing/web. It has: shop/web."),
        (["a/b/c"], "keda why: a/b/c is not a name. Write NAMESPACE/NAME."),
        (["a", "b"], "keda why: more than one name."),
    ],
)
def test_wrong_input(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", *arguments, dump(tmp_path, *SLEEPING)]) == 2
    printed = capsys.readouterr()
    assert message in printed.err and printed.err.count("\n") == 1 and printed.out == ""


@pytest.mark.parametrize("content", ["a: [", '{"kind": ', ""])
def test_a_broken_dump(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "dump"
    file.write_text(content)
    assert main(["why", str(file)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_no_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert main(["why", "--context", "there"]) == 2
    assert capsys.readouterr().err.startswith("keda why: no kubeconfig can be read")


class ApiServer:
    """Answers GETs with the objects given, and remembers each request."""

    def __init__(self, objects: list[Manifest]) -> None:
        self.objects = objects
        self.asked: list[tuple[str, str, str]] = []
        self.denied: tuple[str, ...] = ()
        self.metrics: dict[str, str] = {}

    def answer(self, path: str) -> tuple[int, Any]:
        url = urlsplit(path)
        if any(each in path for each in self.denied):
            return 403, {"message": "forbidden"}
        parts = [part for part in url.path.split("/") if part]
        if parts[:2] == ["apis", "external.metrics.k8s.io"]:
            value = self.metrics.get(parts[-1])
            items = [{"metricName": parts[-1], "value": value}]
            return (200, {"items": items}) if value else (404, {"message": "not found"})
        inner = parts[3:] if parts[0] == "apis" else parts[2:]
        if not inner:
            return 404, {"message": "the server could not find the requested resource"}
        namespace, (plural, *name) = (inner[1], inner[2:]) if inner[0] == "namespaces" else ("", inner)
        found = [
            each
            for each in self.objects
            if f"{each['kind'].lower()}s" == plural
            and namespace in ("", each["metadata"].get("namespace", ""))
        ]
        if name:
            found = [each for each in found if each["metadata"]["name"] == name[0]]
            return (200, found[0]) if found else (404, {"message": "not found"})
        kind = parse_qs(url.query).get("fieldSelector", [""])[0].rpartition("=")[2]
        if kind:
            found = [each for each in found if each["involvedObject"]["kind"] == kind]
        return 200, {
            "items": [{k: v for k, v in each.items() if k not in ("kind", "apiVersion")} for each in found]
        }


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """An API server of the test's own, and a kubeconfig for it."""
    answers = ApiServer([*SLEEPING, *keda()])

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answers.asked.append((self.command, self.path, self.headers["Accept"]))
            status, value = answers.answer(self.path)
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        def date_time_string(self, timestamp: float | None = None) -> str:
            return f"{NOW:%a, %d %b %Y %H:%M:%S} GMT"

        def log_message(self, *_: object) -> None:
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "home",
        "clusters": [{"name": "home", "cluster": {"server": f"http://127.0.0.1:{listening.server_port}"}}],
        "users": [{"name": "me", "user": {}}],
        "contexts": [{"name": "home", "context": {"cluster": "home", "user": "me"}}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    yield answers
    listening.shutdown()
    listening.server_close()


def test_a_live_cluster(server: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.metrics[METRIC] = "2500m"
    assert main(["why", "shop/web"]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == (
        "shop/web goes from 0 to 1 at KEDA's next poll, within 30 s: s0-prometheus is 2.5, above its "
        "activation "
        "threshold 0."
    )
    assert rest[-1] == "as of       2026-03-01 21:00:00 UTC"  # the API server's clock
    assert {method for method, _, _ in server.asked} == {"GET"}
    assert not [path for _, path, _ in server.asked if "secrets" in path]


def test_a_secret_is_asked_for_without_its_content(server: ApiServer) -> None:
    trigger = {
        "type": "redis",
        "metadata": {"address": "redis:6379", "listName": "jobs", "listLength": "5"},
        "authenticationRef": {"name": "redis"},
    }
    authentication = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": {"name": "redis", "namespace": "shop"},
        "spec": {"secretTargetRef": [{"parameter": "password", "name": "redis", "key": "password"}]},
    }
    server.objects[0] = scaled_object(trigger)
    server.objects.append(authentication)
    main(["why"])
    asked = [accept for _, path, accept in server.asked if "secrets" in path]
    assert asked == ["application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"]


def test_an_authentication_is_asked_for_once_and_another_kind_never(server: ApiServer) -> None:
    metadata = {"address": "redis:6379", "listName": "jobs", "listLength": "5"}
    references: list[Manifest] = [{"name": "redis"}, {"name": "redis"}, {"name": "redis", "kind": "Secret"}]
    triggers = [{"type": "redis", "metadata": metadata, "authenticationRef": each} for each in references]
    server.objects[0] = scaled_object(*triggers)
    main(["why"])
    asked = [path for _, path, _ in server.asked if path.endswith("/redis")]
    assert asked == ["/apis/keda.sh/v1alpha1/namespaces/shop/triggerauthentications/redis"]


def test_a_metric_with_a_fallback_is_not_asked_for(server: ApiServer) -> None:
    server.objects[0] = scaled_object(fallback={"failureThreshold": 3, "replicas": 4})
    server.objects[0]["spec"]["fallback"] = {"failureThreshold": 3, "replicas": 4}
    main(["why"])
    assert not [path for _, path, _ in server.asked if "external.metrics.k8s.io/" in path]


@pytest.mark.parametrize(
    ("denied", "line"),
    [
        (
            "/horizontalpodautoscalers",
            "horizontalpodautoscalers in shop: grant `list horizontalpodautoscalers` in shop",
        ),
        (
            "external.metrics.k8s.io/v1beta1/",
            "metric values in shop: grant `get *` of external.metrics.k8s.io",
        ),
        ("/events", "events in shop: grant `list events` in shop"),
        ("/apiservices", "APIService v1beta1.external.metrics.k8s.io: grant `get apiservices`"),
    ],
)
def test_what_may_not_be_read_is_named(
    denied: str, line: str, server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.denied = (denied,)
    server.metrics[METRIC] = "0"
    assert main(["why"]) == 0, "what is not seen is no fault"
    assert line in capsys.readouterr().out


def test_a_nats_behind_the_api_server_that_does_not_answer() -> None:
    endpoint = "nats-headless.nats.svc.cluster.local:8222"
    metadata = {"natsServerMonitoringEndpoint": endpoint, "account": "$G", "stream": "S", "consumer": "c"}
    server = ApiServer([scaled_object({"type": "nats-jetstream", "metadata": metadata}), *keda()])

    def get(path: str, *_: Any, **__: Any) -> Response:
        if "/proxy/jsz" in path:
            raise Unreachable("the API server does not answer (ReadTimeoutError).")
        status, value = server.answer(path)
        return Response(status, json.dumps(value).encode(), "")

    seen = cluster.read(get)
    assert seen.missing == {}
    assert "the JetStream consumer of shop/web: no answer of NATS within 15 s" in map(str, seen.unseen)


def test_scaled_objects_that_may_not_be_read(server: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.denied = ("/scaled",)
    assert main(["why"]) == 2
    assert "grant `list scaledobjects` in all namespaces" in capsys.readouterr().err


def test_an_object_that_is_not_there(server: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "shop/other"]) == 2
    assert "cluster home has no ScaledObject or ScaledJob shop/other." in capsys.readouterr().err


def test_no_keda_in_the_cluster(server: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.objects[:] = [deployment(1), hpa(1, 1, current("1"))]
    assert main(["why"]) == 2
    assert (
        capsys.readouterr().err == "keda why: the API server serves no ScaledObjects. Install KEDA first.\n"
    )
