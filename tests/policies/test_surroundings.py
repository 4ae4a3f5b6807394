"""Programs that a rule on single manifests gets wrong: what is around an object decides."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from policies.engine import Engine
from policies.resources import covered
from tests.policies.kinds_of_owners import KINDS, Kind
from tests.policies.manifests import CRON, Manifest, deployment, hpa, merged, scaled_object
from tests.policies.operation import Operation, secret

UNDECIDED = "keda-rules-undecided"
SECOND_HPA = ["keda-one-owner-hpa"]


def owners(operation: Operation) -> list[str]:
    return [rule for rule in operation.rules if rule.startswith("keda-one-owner")]


# --- One cluster under two spellings ---
def kubeconfig(server: str = "https://k8s.example.org:6443", user: str = "a", **cluster: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "home",
        "clusters": [{"name": "k", "cluster": {"server": server, **cluster}}],
        "users": [{"name": user, "user": {"token": user}}],
        "contexts": [{"name": "home", "context": {"cluster": "k", "user": user}}],
    }


AUTHORITY = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nA\n").decode()
OTHER_AUTHORITY = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nB\n").decode()
FIRST = {"kubeconfig": json.dumps(kubeconfig())}
SAME = {
    "its context is named": FIRST | {"context": "home"},
    "its cluster is named": FIRST | {"cluster": "k"},
    "another user": {"kubeconfig": json.dumps(kubeconfig(user="b"))},
    "another formatting": {"kubeconfig": json.dumps(kubeconfig(), indent=2)},
    "YAML": {"kubeconfig": yaml.safe_dump(kubeconfig())},
    "an object": {"kubeconfig": kubeconfig()},
    "upper case and a slash": {"kubeconfig": json.dumps(kubeconfig("https://K8S.example.org:6443/"))},
}


@pytest.mark.parametrize("second", SAME.values(), ids=SAME)
def test_owners_of_one_cluster_meet_however_it_is_written(second: Manifest) -> None:
    operation = Operation().register(scaled_object(), provider=FIRST).register(hpa(), provider=second)
    assert owners(operation) == SECOND_HPA


def test_a_kubeconfig_may_be_a_path_and_its_authority_a_file(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(AUTHORITY))
    (tmp_path / "config").write_text(yaml.safe_dump(kubeconfig(**{"certificate-authority": "ca.crt"})))
    by_path = {"kubeconfig": str(tmp_path / "config")}
    by_text = {"kubeconfig": json.dumps(kubeconfig(**{"certificate-authority-data": AUTHORITY}))}
    operation = Operation().register(scaled_object(), provider=by_path).register(hpa(), provider=by_text)
    assert owners(operation) == SECOND_HPA


@pytest.mark.parametrize(
    "second",
    [
        kubeconfig("https://k8s.example.org:7443", **{"certificate-authority-data": AUTHORITY}),
        kubeconfig(**{"certificate-authority-data": OTHER_AUTHORITY}),
    ],
    ids=["another port", "another authority"],
)
def test_other_clusters_do_not_meet(second: Manifest) -> None:
    first = {"kubeconfig": json.dumps(kubeconfig(**{"certificate-authority-data": AUTHORITY}))}
    operation = Operation().register(scaled_object(), provider=first)
    assert owners(operation.register(hpa(), provider={"kubeconfig": json.dumps(second)})) == []


@pytest.mark.parametrize(
    ("other", "same"),
    [("green", False), ("blue/a", False), ("./blue/", True), ("a/../blue", True), ("blue", True)],
)
def test_directories_of_rendered_files_are_clusters_of_their_own(other: str, same: bool) -> None:
    operation = Operation().register(scaled_object(), provider={"renderYamlToDirectory": "blue"})
    operation.register(hpa(), provider={"renderYamlToDirectory": other})
    assert owners(operation) == SECOND_HPA * same


def test_a_cluster_that_the_program_makes_is_named_until_it_is_known() -> None:
    operation = Operation()
    for name, manifest in (("one", scaled_object()), ("two", hpa())):
        given = {"kubeconfig": UNKNOWN_STRING_VALUE, "namespace": name}
        operation.register(manifest, provider=given)
    notes = operation.end().of(UNDECIDED)
    assert len([each for each in notes if "whether its cluster is that of another provider" in each]) == 2
    assert owners(operation) == []


@pytest.mark.parametrize(
    "more",
    [{}, {"context": "home"}, {"cluster": "k", "namespace": "shop"}],
    ids=["plain", "context", "cluster"],
)
def test_a_provider_that_only_reads_is_named_once(more: Manifest) -> None:
    reading = {"kubeconfig": json.dumps(kubeconfig("https://other.example.org")), **more}
    operation = (
        Operation().provider(reading).register(scaled_object(), provider={"renderYamlToDirectory": "a"})
    )
    (note,) = operation.end().of(UNDECIDED)
    assert "An object that is only read with it (`.get`) is shown to no policy" in note
    assert Operation().provider(reading).register(deployment()).end().reports == []


# --- The program's folder ---
@pytest.mark.parametrize("project", ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"])
def test_the_programs_folder_is_that_of_its_project_file(project: str, tmp_path: Path) -> None:
    inner = tmp_path / "program" / "src"
    inner.mkdir(parents=True)
    (tmp_path / "program" / project).touch()
    found = Engine(inner, ("pulumi", "up", "--policy-pack=p", "--policy-pack-config", "a.json"))
    assert found.program == tmp_path / "program"
    assert found.files("--policy-pack-config") == [inner / "a.json"]
    assert found.files("--policy-pack") == [inner / "p"]
    assert Engine(tmp_path, ()).program == tmp_path


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="Linux lists processes in /proc")
def test_the_engine_is_found_among_the_ancestors(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    ask = f"import sys; sys.path.insert(0, {str(root)!r}); import policies.engine as e; print(e.engine())"
    inner = f"import subprocess; subprocess.run([{sys.executable!r}, '-c', {ask!r}], cwd='/')"
    started = subprocess.run(
        ["pulumi", "-c", inner],
        executable=sys.executable,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert str(tmp_path) in started.stdout


# --- Names ---
@pytest.mark.parametrize("version", ["v1", "v2", "v2beta2"])
def test_a_generated_name_hides_no_second_owner(version: str) -> None:
    generated = hpa(version=version, metadata={"generateName": "by-hand-", "name": None})
    for order in ((generated, scaled_object()), (scaled_object(), generated)):
        operation = Operation().register(*order).end()
        assert operation.rules == SECOND_HPA
        assert "HorizontalPodAutoscaler voice/by-hand-<" in operation.messages[0]


def test_two_generated_names_are_two_objects() -> None:
    generated = scaled_object(metadata={"generateName": "voice-", "name": None})
    operation = Operation().register(generated, at="one").register(generated, at="two").end()
    assert owners(operation) == ["keda-one-owner-scaledobject"]
    alone = Operation().register(generated, deployment()).end()
    assert alone.reports == []


@pytest.mark.parametrize("name", ["a\x1b[31m", "a\nfake: line", "a\u202eb", "a\x00b"])
def test_a_name_is_printed_escaped(name: str) -> None:
    operation = Operation().register(scaled_object(), hpa(name)).end()
    assert owners(operation) == SECOND_HPA
    assert all(message.isprintable() for message in operation.messages)


@pytest.mark.parametrize("name", ["topsecretname", "abc", "s"])
def test_a_name_that_is_a_secret_is_not_printed(name: str) -> None:
    scaled = scaled_object(
        metadata={"name": secret(name)}, spec={"scaleTargetRef": {"name": secret("tgt-9")}}
    )
    other = hpa(target="tgt-9")
    operation = Operation().register(scaled, other).end()
    assert owners(operation) == SECOND_HPA
    assert "ScaledObject voice/(secret)" in str(operation.messages)
    assert "tgt-9" not in str(operation.messages)
    assert f"/{name} " not in str(operation.messages)


def test_a_secret_value_that_keda_refuses_is_not_quoted() -> None:
    query = "sum(rate(hidden_metric_of_ours{token=" + "x" * 200
    metadata = {"serverAddress": "http://p.m:9090", "threshold": "5", "query": secret(query)}
    trigger = {"type": "prometheus", "metadata": metadata | {"ignoreNullValues": "false"}}
    operation = Operation().register(scaled_object(spec={"triggers": [trigger]})).end()
    (message,) = operation.of("keda-check")
    assert message.endswith("a secret value that is not valid here. [query-syntax]")
    assert "hidden_metric" not in str(operation.reports)


# --- Fields that are left alone ---
LEFT_ALONE = [
    "spec.replicas",
    "spec",
    'spec["replicas"]',
    '["spec"]["replicas"]',
    "spec.*",
    "*",
    "*.replicas",
]


@pytest.mark.parametrize("path", LEFT_ALONE)
def test_replicas_that_pulumi_leaves_alone_in_any_spelling(path: str) -> None:
    operation = Operation().register(scaled_object())
    assert operation.register(deployment(2), ignore_changes=[path]).end().reports == []


@pytest.mark.parametrize(
    "path", ["spec.replicas[0]", "spec.template", "metadata", 'spec["replica"]', "", "*.*.*"]
)
def test_other_paths_leave_nothing_alone(path: str) -> None:
    assert not covered([path], "spec", "replicas")


# --- Malformed ---
@pytest.mark.parametrize(
    "props",
    [
        {"apiVersion": "x.y/v1", "kind": ["Foo"], "metadata": {"name": "a"}},
        {"apiVersion": {}, "kind": {"a": 1}, "metadata": [], "spec": "x"},
        {"kind": None, "metadata": {"name": ["a"], "namespace": {}, "generateName": 3}},
        {"kind": "List", "items": [None, 3, {"kind": ["ScaledObject"]}]},
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"annotations": []},
            "spec": [],
        },
    ],
)
def test_malformed_properties_break_no_policy(props: Manifest) -> None:
    for provider in ({"namespace": "ns"}, {"namespace": ["ns"]}, {"kubeconfig": 3}, {"kubeconfig": "{"}):
        Operation().register(props, provider=provider, at="odd").end(props, provider=provider, at="left out")


# --- What registers nothing ---
@pytest.mark.parametrize(
    "token",
    [
        "kubernetes:helm.sh/v4:Chart",
        "kubernetes:helm.sh/v3:Chart",
        "kubernetes:yaml/v2:ConfigGroup",
        "kubernetes:yaml:ConfigFile",
        "kubernetes:kustomize/v2:Directory",
    ],
)
def test_a_component_without_objects_is_named(token: str) -> None:
    operation = Operation().other(token, "app", {})
    (note,) = operation.end().of(UNDECIDED)
    assert note.startswith(f"{token.rpartition(':')[2]} app registers no object in this preview")
    urn = f"urn:pulumi:homelab::test::{token}::app"
    assert Operation().other(token, "app", {}).register(hpa(), parent=urn).end().reports == []


# --- Unknown fields of every owner ---
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_decisive_field_that_is_unknown_is_named(kind: Kind) -> None:
    operation = Operation().register(kind.scaled, *kind.with_value(UNKNOWN_STRING_VALUE).others).end()
    assert owners(operation) == []
    assert any("keda-one-owner-*" in note or "keda-check" in note for note in operation.of(UNDECIDED))


# --- GPUs ---
def gpu(amount: int, **more: Any) -> Manifest:
    return {"name": "a", "image": "a:1", "resources": {"limits": {"nvidia.com/gpu": amount}}, **more}


@pytest.mark.parametrize(
    ("init", "containers", "each"),
    [
        ([gpu(1)], [{"name": "b"}], 1),
        ([gpu(1), gpu(3)], [gpu(2)], 3),
        ([gpu(1)], [gpu(2), gpu(1)], 3),
        ([gpu(1, restartPolicy="Always")], [gpu(2)], 3),
        ([gpu(2, restartPolicy="Always"), gpu(3)], [gpu(1)], 5),
    ],
)
def test_gpus_of_init_containers_count_as_kubernetes_counts(
    init: list[Manifest], containers: list[Manifest], each: int
) -> None:
    pod = {"initContainers": init, "containers": containers}
    target = deployment(spec={"template": {"spec": pod}})
    operation = Operation({"keda-gpu-budget": {"capacity": 1}}).register(target, scaled_object()).end()
    (message,) = operation.of("keda-gpu-budget")
    assert f"each pod with {each} nvidia.com/gpu, requests {3 * each}," in message


# --- HTTPScaledObjects ---
def http(**more: Any) -> Manifest:
    return merged(
        {
            "apiVersion": "http.keda.sh/v1alpha1",
            "kind": "HTTPScaledObject",
            "metadata": {"name": "web", "namespace": "voice"},
            "spec": {
                "hosts": ["web.example.org"],
                "scaleTargetRef": {"name": "voice-pipeline", "service": "web", "port": 80},
                "replicas": {"max": 30},
            },
        },
        more,
    )


def test_an_http_scaled_object_is_within_ceiling_budget_and_namespaces() -> None:
    config = {
        "keda-replicas-ceiling": {"ceiling": 20},
        "keda-gpu-budget": {"capacity": 4},
        "keda-namespaces-allowed": {"allowed": ["team-*"]},
    }
    target = deployment(spec={"template": {"spec": {"containers": [gpu(1)]}}})
    operation = Operation(config).register(http(), target).end()
    assert sorted(operation.rules) == sorted(config)
    unset = Operation(config).register(http(spec={"replicas": {"max": None}})).end()
    assert "spec.replicas.max: 100 by default is above the ceiling of 20" in str(unset.messages)
    unknown = Operation(config).register(http(spec={"replicas": {"max": UNKNOWN_STRING_VALUE}})).end()
    assert "spec.replicas.max is known only in the update" in str(unknown.of(UNDECIDED))


# --- Credentials ---
@pytest.mark.parametrize(
    ("kind", "metadata", "key"),
    [
        ("external", {"scalerAddress": "s.ns:1", "apiKey": "hunter2hunter2"}, "apiKey"),
        ("external-push", {"scalerAddress": "s.ns:1", "dbPassword": "hunter2hunter2"}, "dbPassword"),
        ("rabbitmq", {"host": "amqp://user:hunter2@r.ns:5672/", "queueName": "a", "value": "5"}, "host"),
    ],
)
def test_credentials_of_any_scaler_and_in_urls(kind: str, metadata: Manifest, key: str) -> None:
    trigger = {"type": kind, "metadata": metadata}
    operation = Operation().register(scaled_object(spec={"triggers": [trigger, CRON]})).end()
    (message,) = operation.of("keda-credentials-plain")
    assert f"spec.triggers[0].metadata.{key}: a secret in plain text" in message
    assert "hunter2" not in str(operation.reports)


# --- Patches and records of other objects ---
PATCHED = {"metadata": {"name": "voice-pipeline", "namespace": "voice"}}
REVISION = {
    "apiVersion": "apps/v1",
    "kind": "ControllerRevision",
    "metadata": {"name": "voice-pipeline", "namespace": "voice"},
    "revision": 1,
    "data": deployment(2),
}


def test_a_patch_that_sets_replicas_is_an_owner_and_one_of_other_fields_is_not() -> None:
    for kind in ("Deployment", "StatefulSet"):
        reference = {"apiVersion": "apps/v1", "kind": kind, "name": "voice-pipeline"}
        scaled = scaled_object(target=reference)
        token = f"kubernetes:apps/v1:{kind}Patch"
        operation = Operation().register(scaled).register(PATCHED | {"spec": {"replicas": 2}}, token=token)
        assert owners(operation.end()) == ["keda-one-owner-replicas"]
        labels = merged(PATCHED, {"metadata": {"labels": {"team": "voice"}}})
        assert Operation().register(scaled).register(labels, token=token).end().reports == []


def test_a_patch_of_kedas_own_hpa_is_an_owner_if_it_writes_its_spec() -> None:
    own = {"metadata": {"name": "keda-hpa-voice", "namespace": "voice", "labels": {"team": "voice"}}}
    token = "kubernetes:autoscaling/v2:HorizontalPodAutoscalerPatch"
    assert Operation().register(scaled_object()).register(own, token=token).end().reports == []
    limits = own | {"spec": {"maxReplicas": 9}}
    operation = Operation().register(scaled_object()).register(limits, token=token).end()
    assert owners(operation) == SECOND_HPA


def test_a_patch_of_a_custom_resource_is_not_a_whole_object() -> None:
    patch = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "voice", "namespace": "voice"},
        "spec": {"maxReplicaCount": 4},
    }
    for token in ("apiextensions.k8s.io:CustomResourcePatch", "keda.sh/v1alpha1:ScaledObjectPatch"):
        operation = Operation().register(scaled_object()).register(patch, token=f"kubernetes:{token}", at="p")
        assert operation.end().reports == []


def test_a_controller_revision_is_a_record_and_owns_nothing() -> None:
    assert Operation().register(scaled_object(), REVISION).end().reports == []
    holder = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "voice-pipeline", "controller": True}
    made = merged(REVISION, {"metadata": {"ownerReferences": [holder]}, "data": UNKNOWN_STRING_VALUE})
    assert Operation().register(scaled_object(), made).end().reports == []
