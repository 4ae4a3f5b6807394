"""policies.sources: files, trees and clusters as they come. Clusters are answers of an API server by path."""

import os
import signal
import stat
import textwrap
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keda.manifests.declared import Declared
from keda.ownership import conflicts
from policies.sources import cluster as live
from policies.sources.files import declared_elsewhere
from tests.policies.cluster import cluster, managed
from tests.policies.manifests import Manifest, deployment, hpa, scaled_object

HPA = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: old}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: voice-pipeline}}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: voice-pipeline}
spec: {template: {}}
"""
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {token: hunter2}\n"


def tree(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))
    return root


def read(*paths: Path) -> tuple[list[Declared], list[str]]:
    unread: list[str] = []
    return declared_elsewhere([str(path) for path in paths], None, unread), unread


def messages(*paths: Path, program: Manifest | None = None) -> list[str]:
    declared, _ = read(*paths)
    return [c.message for c in conflicts([Declared(program or scaled_object(), "urn:voice"), *declared])]


# --- Files ---
def test_a_file_of_several_documents_gives_file_and_line(tmp_path: Path) -> None:
    hpa_there = HPA.replace("{name: old}", "{name: old, namespace: voice}")
    file = tree(tmp_path, {"all.yaml": f"{DEPLOYMENT}---\n{SECRET}---\n{hpa_there}"}) / "all.yaml"
    (message,) = messages(file)
    assert f"HorizontalPodAutoscaler at {file}:11." in message
    assert "HorizontalPodAutoscaler voice/old" in message


def test_secrets_are_not_remembered(tmp_path: Path) -> None:
    declared, unread = read(tree(tmp_path, {"s.yaml": SECRET}))
    assert (declared, unread) == ([], [])


def test_json_and_lists_are_read(tmp_path: Path) -> None:
    tree(tmp_path, {"l.json": '{"apiVersion": "v1", "kind": "List", "items": [' + _json(hpa()) + "]}"})
    assert len(messages(tmp_path)) == 1


def _json(manifest: Manifest) -> str:
    import json

    return json.dumps(manifest)


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("bad.yaml", b"apiVersion: v1\nkind: [", ": is not valid YAML for Kubernetes"),
        (
            "chart.yaml",
            b"apiVersion: v1\nkind: Pod\na: {{ .Values.x }}\n",
            "Is it a Helm template? Check the output of `helm template` instead.",
        ),
        (
            "latin.yaml",
            b"apiVersion: v1\nkind: Pod\na: \xe9",
            "is not valid YAML for Kubernetes: no text of UTF-8",
        ),
    ],
)
def test_what_cannot_be_read_is_one_line_and_the_rest_is_read(
    tmp_path: Path, name: str, content: bytes, line: str
) -> None:
    (tmp_path / name).write_bytes(content)
    tree(tmp_path, {"good.yaml": HPA.replace("{name: old}", "{name: old, namespace: voice}")})
    declared, unread = read(tmp_path)
    assert len(declared) == 1
    assert len(unread) == 1 and line in unread[0] and "\n" not in unread[0]


def test_a_path_that_leads_nowhere_is_one_line(tmp_path: Path) -> None:
    assert read(tmp_path / "nowhere")[1] == [
        f"{tmp_path}/nowhere: cannot be read: No such file or directory."
    ]
    (tmp_path / "empty").mkdir()
    assert read(tmp_path / "empty")[1] == [f"{tmp_path}/empty: no YAML or JSON file is here."]


def test_what_is_rendered_in_the_cluster_is_said_not_guessed(tmp_path: Path) -> None:
    release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: app}\n"
    release += "spec: {values: {autoscaling: {enabled: true}}}\n"
    _, unread = read(tree(tmp_path, {"release.yaml": release}))
    assert len(unread) == 1
    assert "HelmRelease default/app: Flux renders its chart in the cluster" in unread[0]


def test_names_that_flux_fills_in_are_said(tmp_path: Path) -> None:
    hpa_there = HPA.replace("{name: old}", '{name: old, namespace: "${where}"}')
    _, unread = read(tree(tmp_path, {"hpa.yaml": hpa_there, "d.yaml": DEPLOYMENT}))
    assert len(unread) == 1
    assert "HorizontalPodAutoscaler (unknown)/old: metadata.namespace is filled in" in unread[0]


@settings(deadline=None, max_examples=30)  # it writes files
@given(content=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_file_gets_an_answer(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "a.yaml").write_bytes(content)
    (folder / "sub").mkdir()
    (folder / "sub" / "kustomization.yaml").write_bytes(content)
    assert all("\n" not in line for line in read(folder)[1])


# --- Kustomize and Flux ---
OVERLAY = {
    "base/kustomization.yaml": "resources: [hpa.yaml, deployment.yaml]\n",
    "base/hpa.yaml": HPA,
    "base/deployment.yaml": DEPLOYMENT,
    "overlay/kustomization.yaml": """\
        namespace: voice
        resources: [../base]
        replicas: [{name: voice-pipeline, count: 2}]
        """,
    "overlay/left-out.yaml": HPA.replace("old", "left-out"),
}


def test_an_overlay_is_read_once_in_its_namespace(tmp_path: Path) -> None:
    declared, unread = read(tree(tmp_path, OVERLAY))
    assert unread == []
    found = conflicts([Declared(scaled_object(), "urn:voice"), *declared])
    assert [(c.rule, str(c.other)) for c in found] == [
        ("replicas", "Deployment voice/voice-pipeline"),
        ("hpa", "HorizontalPodAutoscaler voice/old"),
    ]
    assert "base/deployment.yaml:1" in found[0].message


@pytest.mark.parametrize("path", ["./apps", "./"])
def test_flux_puts_a_path_into_a_namespace(path: str, tmp_path: Path) -> None:
    """Flux counts from the repository's root."""
    flux = f"""\
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata: {{name: apps, namespace: flux-system}}
        spec: {{path: {path}, targetNamespace: voice}}
        """
    (tmp_path / ".git").mkdir()
    tree(tmp_path, {"clusters/a/apps.yaml": flux, "apps/hpa.yaml": HPA})
    assert len(messages(tmp_path)) == 1


def test_what_is_remote_is_said_and_not_fetched(tmp_path: Path) -> None:
    remote = f"https://example.invalid/base?ref=v{'1' * 300}"  # longer than a disk's names
    kustomization = f"namespace: voice\nresources: [hpa.yaml, '{remote}']"
    tree(tmp_path, {"kustomization.yaml": kustomization, "hpa.yaml": HPA})
    declared, unread = read(tmp_path)
    assert len(declared) == 1
    assert len(unread) == 1 and remote in unread[0]


def test_patches_are_applied(tmp_path: Path) -> None:
    patched = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: voice-pipeline}, spec: {replicas: 4}}"
    patch = f"patches: [{{patch: '{patched}'}}]"
    files = {"kustomization.yaml": f"namespace: voice\nresources: [d.yaml]\n{patch}\n", "d.yaml": DEPLOYMENT}
    tree(tmp_path, files)
    assert read(tmp_path)[1] == []
    assert "spec.replicas: 4" in messages(tmp_path)[0]


def test_a_chart_and_what_the_cluster_makes_are_said(tmp_path: Path) -> None:
    """The path comes first: `excluded` takes it."""
    tree(
        tmp_path,
        {
            "chart/Chart.yaml": "name: web\n",
            "chart/templates/h.yaml": "a: {{ .Values.x }}\n",
            "set.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: x}\n"
            "spec: {generators: [{clusters: {}}]}\n",
            "app.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: x}\n"
            "spec: {source: {repoURL: x, chart: y}}\n",
        },
    )
    _, unread = read(tmp_path)
    assert [line.partition(": ")[0] for line in unread] == [
        f"{tmp_path}/app.yaml:1",
        f"{tmp_path}/chart",
        f"{tmp_path}/set.yaml:1",
    ]


def test_an_application_puts_a_folder_into_a_namespace(tmp_path: Path) -> None:
    application = """\
        apiVersion: argoproj.io/v1alpha1
        kind: Application
        metadata: {name: apps, namespace: argocd}
        spec: {source: {repoURL: x, path: apps}, destination: {namespace: voice}}
        """
    tree(tmp_path, {"argocd/apps.yaml": application, "apps/hpa.yaml": HPA})
    assert read(tmp_path)[1] == []
    assert len(messages(tmp_path)) == 1


def test_folders_that_take_each_other_in_end(tmp_path: Path) -> None:
    tree(tmp_path, {"a/kustomization.yaml": "resources: [../b]", "b/kustomization.yaml": "resources: [../a]"})
    read(tmp_path / "a")


# --- A cluster ---
REPLICAS = {"f:spec": {"f:replicas": {}}}
SPEC = {"f:spec": {"f:maxReplicas": {}}}


def seen(*objects: Manifest, **more: Any) -> tuple[list[Declared], list[str]]:
    unread: list[str] = []
    return list(live.live_owners(cluster(*objects, **more), "homelab", unread)), unread


def test_a_live_hpa_is_named_with_its_field_manager() -> None:
    by_hand = managed(hpa("old"), "kubectl-client-side-apply", SPEC)
    there, _ = seen(hpa("other", "x"), by_hand)
    (message,) = [c.message for c in conflicts([Declared(scaled_object(), "urn:voice"), *there])]
    assert (
        "Declared: ScaledObject at urn:voice; HorizontalPodAutoscaler at live cluster homelab: "
        "HorizontalPodAutoscaler voice/old, field manager kubectl-client-side-apply." in message
    )
    assert "(kubectl delete hpa -n voice old)" in message


@pytest.mark.parametrize(
    ("count", "manager", "more", "claims"),
    [
        (2, "kustomize-controller", {"operation": "Apply"}, True),
        (1, "pulumi-kubernetes-1", {"operation": "Apply"}, True),
        (2, "helm", {}, True),
        (1, "helm", {}, False),  # the API server's default looks the same
        (2, "kubectl-create", {}, False),  # once, by hand
        (2, "kubectl", {"subresource": "scale"}, False),
        (2, "keda", {"subresource": "scale"}, False),
        (2, "kube-controller-manager", {"subresource": "scale"}, False),
        (2, "kubectl-client-side-apply", {}, False),
    ],
)
def test_live_replicas_belong_to_whom_will_write_them_again(
    count: int, manager: str, more: dict[str, str], claims: bool
) -> None:
    found = conflicts(
        [
            Declared(scaled_object(), "urn:voice"),
            *seen(managed(deployment(count), manager, REPLICAS, **more))[0],
        ]
    )
    assert [c.rule for c in found] == (["replicas"] if claims else [])
    assert not claims or f"field manager {manager}." in found[0].message


def test_kubectl_apply_remembers_whether_it_declared_replicas() -> None:
    for applied, count in (('{"spec":{"replicas":3}}', 1), ('{"spec":{}}', 0)):
        annotations = {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied}}
        manifest = managed(deployment(3, metadata=annotations), "kubectl-client-side-apply", REPLICAS)
        assert len(conflicts([Declared(scaled_object(), "urn"), *seen(manifest)[0]])) == count


def test_what_the_program_declares_replaces_what_is_live() -> None:
    program = [
        Declared(scaled_object(), "urn:voice"),
        Declared(deployment(), "urn:deployment"),
        Declared(hpa("moved", "elsewhere"), "urn:hpa"),
    ]
    there = seen(
        managed(deployment(3), "pulumi-kubernetes-1", REPLICAS, operation="Apply"),
        hpa("moved"),
        scaled_object(),
        scaled_object("voice", "voice-pipeline"),
    )[0]
    assert len(there) >= 3
    assert conflicts([*program, *there]) == []
    assert [c.rule for c in conflicts([program[0], *there])] == ["replicas", "hpa"]


def test_what_may_not_be_listed_is_one_line_and_the_rest_is_read() -> None:
    declared, unread = seen(hpa("old"), scaled_object("a"), scaled_object("b"), forbidden="scaledobjects")
    assert [each.where for each in declared] == ["live cluster homelab: HorizontalPodAutoscaler voice/old"]
    assert unread == [
        "cluster homelab: scaledobjects.keda.sh: may not be read (403). Grant its user `list`, cluster-wide."
    ]


def test_every_page_is_read() -> None:
    assert len(seen(*(hpa(f"hpa-{n}") for n in range(7)), page=3)[0]) == 7


def kubeconfig(folder: Path, user: str) -> str:
    config = f"""\
        apiVersion: v1
        kind: Config
        current-context: a
        contexts: [{{name: a, context: {{cluster: a, user: a}}}}]
        clusters: [{{name: a, cluster: {{server: "https://127.0.0.1:1"}}}}]
        users: [{{name: a, user: {user}}}]
        """
    return str(tree(folder, {"config": config}) / "config")


def test_an_unknown_context_is_one_line(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, "{token: hunter2}")
    unread: list[str] = []
    assert declared_elsewhere([], {"kubeconfig": file, "context": "b"}, unread) == []
    assert unread == ["cluster b: the kubeconfig has no such context. It has: a."]


def test_a_cluster_that_is_down_is_one_line(tmp_path: Path) -> None:
    unread: list[str] = []
    assert declared_elsewhere([], {"kubeconfig": kubeconfig(tmp_path, "{token: hunter2}")}, unread) == []
    (line,) = unread
    assert "the API server does not answer" in line and "hunter2" not in line


def test_a_cluster_without_the_tls_of_the_kubeconfig_is_one_line(tmp_path: Path) -> None:
    unread: list[str] = []
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        file = Path(kubeconfig(tmp_path, "{token: hunter2}"))
        file.write_text(file.read_text().replace("127.0.0.1:1", f"127.0.0.1:{server.server_port}"))
        assert declared_elsewhere([], {"kubeconfig": str(file)}, unread) == []
        server.shutdown()
    (line,) = unread
    assert "TLS with the API server fails" in line and "hunter2" not in line


def test_a_broken_kubeconfig_is_not_quoted(tmp_path: Path) -> None:
    file = tree(tmp_path, {"config": "users: [{name: a, user: {token: hunter2}}\n"}) / "config"
    unread: list[str] = []
    declared_elsewhere([], {"kubeconfig": str(file)}, unread)
    assert len(unread) == 1 and "hunter2" not in unread[0]


def test_a_cluster_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential helper that hangs is the one thing that no request's timeout bounds."""
    helper = tmp_path / "helper"
    started = tmp_path / "started"
    helper.write_text(f"#!/bin/sh\necho $$ > {started}.part\nmv {started}.part {started}\nexec sleep 600\n")
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    exec_with = f"apiVersion: client.authentication.k8s.io/v1, command: {helper}, interactiveMode: Never"
    file = kubeconfig(tmp_path, f"{{exec: {{{exec_with}}}}}")
    monkeypatch.setattr(live, "SECONDS", 0.3)
    unread: list[str] = []
    assert declared_elsewhere([], {"kubeconfig": file}, unread) == []
    assert len(unread) == 1 and "gave no full answer" in unread[0]
    deadline = time.monotonic() + 30
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(int(started.read_text()), signal.SIGKILL)


@pytest.mark.parametrize("as_text", [True, False])
def test_a_named_context_needs_no_current_one(as_text: bool, tmp_path: Path) -> None:
    text = (
        "apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "users: [{name: a, user: {}}]\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n"
    )
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    kubeconfig = text if as_text else str(file)
    assert live._connect({"kubeconfig": kubeconfig, "context": "a"})[1] == "a"
    with pytest.raises(live.Unreadable, match=r"has no current context\. Name one as `context`: a\.$"):
        live._connect({"kubeconfig": kubeconfig})
