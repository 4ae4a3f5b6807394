"""The cluster guard: the API server itself keeps one owner of a replica count, whoever writes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import targets
from cli.engine import Engine
from components.cluster_guard.rule import actions, binding
from components.cluster_guard.rules import rules
from components.settings import GuardMode, Keda
from generate import kyverno as admission_kyverno
from keda.manifests.declared import Declared
from keda.ownership import HPA_OWNERSHIP, TRANSFER_OWNERSHIP, conflicts
from keda.ownership.kinds import TWO_HPAS
from lab.paths import Lab
from lab.toolchain import tools
from tests.live.cluster import KEDA, Cluster, wait
from tests.live.support import scaled_object, wait_ready, with_overrides

pytestmark = pytest.mark.live

NAMESPACE = "guarded"
HPAS = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"
SCALED_OBJECTS = f"{KEDA}/namespaces/{NAMESPACE}/scaledobjects"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
HPA_RULE, REPLICAS_RULE, VAULT_RULE = rules(Keda())
ENFORCEMENTS = ("deny", "warn", "audit")
OPT_OUT = {HPA_OWNERSHIP: "false"}

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


def hpa(
    name: str, target: str = "web", kind: str = "Deployment", version: str = "apps/v1", **metadata: Any
) -> dict[str, Any]:
    """An HPA as a person writes it."""
    reference = {"apiVersion": version, "kind": kind, "name": target}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"namespace": NAMESPACE, **metadata, "name": name},
        "spec": {"maxReplicas": 3, "scaleTargetRef": reference},
    }


def adopting(name: str, target: str, hpa_name: str) -> dict[str, Any]:
    """A ScaledObject that takes an HPA over."""
    made = scaled_object(
        name, NAMESPACE, target, advanced={"horizontalPodAutoscalerConfig": {"name": hpa_name}}
    )
    made["metadata"]["annotations"] = {TRANSFER_OWNERSHIP: "true"}
    return made


def targeting(kind: str, name: str, **version: str) -> dict[str, Any]:
    """A ScaledObject of its target's name, on any kind."""
    made = scaled_object(name, NAMESPACE, name)
    made["spec"]["scaleTargetRef"] |= {"kind": kind, **version}
    return made


SCALED = [
    scaled_object("web", NAMESPACE, "web"),
    targeting("StatefulSet", "db", apiVersion="apps/v1"),
    targeting("ReplicaSet", "set"),
    adopting("old", "old", "old-hpa"),
]

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": NAMESPACE},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "registry.k8s.io/pause:3.10"}]},
        },
    },
}


@pytest.fixture(scope="module")
def guarded(stack: Engine, cluster: Cluster) -> Iterator[None]:
    """A namespace with scaled workloads, and the policies at work in it."""
    cluster.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    cluster.create(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", DEPLOYMENT)
    for manifest in SCALED:
        cluster.create(SCALED_OBJECTS, manifest)
    wait_ready(cluster, "web", NAMESPACE)
    yield
    for manifest in SCALED:
        cluster.delete(f"{SCALED_OBJECTS}/{manifest['metadata']['name']}")
    wait("KEDA has let them go", 60, lambda: not cluster.get(SCALED_OBJECTS)["items"] or None)
    cluster.delete(f"/api/v1/namespaces/{NAMESPACE}")


@pytest.fixture
def kubectl(guarded: None, lab: Lab) -> Kubectl:
    """The lab's kubectl: `kubectl("scale", …)`; an object is what it reads from its standard input."""
    command = [targets.lab_record(lab)["tools"]["kubectl"], f"--kubeconfig={lab.kubeconfig}"]

    def run(*arguments: str, manifest: Any = None) -> subprocess.CompletedProcess[str]:
        given = json.dumps(manifest) if manifest else None
        return subprocess.run([*command, *arguments], input=given, capture_output=True, text=True, timeout=60)

    return run


def applied(kubectl: Kubectl, manifest: Any, *flags: str) -> subprocess.CompletedProcess[str]:
    return kubectl("apply", "-f", "-", *flags, manifest=manifest)


def asked(kubectl: Kubectl, manifest: Any) -> subprocess.CompletedProcess[str]:
    """Admission decides, and nothing is kept."""
    return kubectl("create", "--dry-run=server", "-f", "-", manifest=manifest)


SECOND = (
    "HorizontalPodAutoscaler guarded/{name} and ScaledObject guarded/web both scale Deployment/web: "
    f"{TWO_HPAS}. Leave the HorizontalPodAutoscaler out; or let KEDA take it over: on the ScaledObject, "
    'annotate scaledobject.keda.sh/transfer-hpa-ownership: "true" and set '
    "spec.advanced.horizontalPodAutoscalerConfig.name: {name}. If the two never meet, annotate the "
    'HorizontalPodAutoscaler validations.keda.sh/hpa-ownership: "false".'
)


@pytest.mark.parametrize("version", ["autoscaling/v2", "autoscaling/v1"])
def test_an_hpa_by_hand_is_refused_in_one_line(kubectl: Kubectl, version: str) -> None:
    done = applied(kubectl, {**hpa("by-hand"), "apiVersion": version})
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.endswith(f"denied request: {SECOND.format(name='by-hand')}")


MANIFESTS = [
    hpa("a"),
    hpa("a", "other"),
    hpa("a", version="apps/v1beta2"),
    hpa("a", version="argoproj.io/v1alpha1", kind="Rollout"),
    hpa("a", kind="StatefulSet"),
    hpa("a", "db", "StatefulSet"),
    hpa("a", "db"),
    hpa("a", "set", "ReplicaSet"),
    hpa("a", annotations=OPT_OUT),
    hpa("a", annotations={HPA_OWNERSHIP: "true"}),
    hpa("a", annotations={"team": "web"}),
    hpa("a", namespace="default"),
    hpa("old-hpa", "old"),
    hpa("other-hpa", "old"),
    hpa("keda-hpa-db", "other"),
    hpa("keda-hpa-db", "other", annotations=OPT_OUT),
    hpa("keda-hpa-old", "other"),  # the ScaledObject `old` names its HPA otherwise
    hpa(
        "keda-hpa-db",
        "db",
        "StatefulSet",
        ownerReferences=[
            {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "db", "uid": "1"}
        ],
    ),
]


@pytest.mark.parametrize("index", range(len(MANIFESTS)))
def test_the_api_server_and_the_rule_agree(kubectl: Kubectl, index: int) -> None:
    manifest = MANIFESTS[index]
    done = asked(kubectl, manifest)
    ruled = conflicts(Declared(found, "test") for found in (*SCALED, manifest))
    assert (done.returncode != 0) == bool(ruled), done.stderr or ruled
    if ruled:
        assert "keda-one-owner-hpa" in done.stderr
        assert str(ruled[0].scaled_object) in done.stderr


def test_a_copy_of_kedas_own_hpa_is_refused(kubectl: Kubectl, cluster: Cluster) -> None:
    copied = cluster.get(f"{HPAS}/keda-hpa-web")
    assert copied["metadata"]["ownerReferences"]
    copied["metadata"] = {**copied["metadata"], "name": "copied"}
    for key in ("resourceVersion", "uid"):
        del copied["metadata"][key]
    assert SECOND.format(name="copied") in asked(kubectl, copied).stderr


def test_a_second_claim_by_an_update_is_refused(kubectl: Kubectl, cluster: Cluster) -> None:
    cluster.create(HPAS, hpa("elsewhere", "other"))
    cluster.create(HPAS, hpa("opted-out", annotations=OPT_OUT))
    try:
        retargeted = applied(kubectl, hpa("elsewhere"), "--server-side", "--force-conflicts")
        assert SECOND.format(name="elsewhere") in retargeted.stderr
        back_in = kubectl("annotate", "hpa", "opted-out", "-n", NAMESPACE, f"{HPA_OWNERSHIP}-")
        assert SECOND.format(name="opted-out") in back_in.stderr
        assert kubectl("label", "hpa", "opted-out", "-n", NAMESPACE, "team=web").returncode == 0
    finally:
        cluster.delete(f"{HPAS}/elsewhere")
        cluster.delete(f"{HPAS}/opted-out")


def in_mode(cluster: Cluster, kubectl: Kubectl, mode: GuardMode) -> None:
    """Binds the policy as `clusterGuard: MODE` does, and waits until the API server goes by it."""
    path = f"{ADMISSION}/validatingadmissionpolicybindings/{HPA_RULE.name}"
    cluster.request("PATCH", path, {"spec": binding(HPA_RULE, mode)}, "application/merge-patch+json")

    def probe() -> bool | None:
        before = {word: checks(cluster, HPA_RULE.name, word) for word in ENFORCEMENTS}
        asked(kubectl, hpa("probe"))
        acted = {word for word in ENFORCEMENTS if checks(cluster, HPA_RULE.name, word) > before[word]}
        return acted == {action.lower() for action in actions(HPA_RULE, mode)} or None

    wait(f"mode {mode}", 30, probe)


def checks(cluster: Cluster, policy: str, enforcement: str) -> int:
    """How often the API server has acted on a policy: enforcement deny, warn or audit."""
    found = re.findall(
        r"^apiserver_validating_admission_policy_check_total\{([^}]*)\} (\S+)$",
        cluster.text("/metrics"),
        re.M,
    )
    return sum(
        int(float(value))
        for labels, value in found
        if f'policy="{policy}"' in labels and f'enforcement_action="{enforcement}"' in labels
    )


def test_modes(kubectl: Kubectl, cluster: Cluster) -> None:
    try:
        in_mode(cluster, kubectl, "warn")
        told = asked(kubectl, hpa("by-hand"))
        assert told.returncode == 0
        assert told.stderr.splitlines() == [
            f"Warning: Validation failed for ValidatingAdmissionPolicy '{HPA_RULE.name}' with binding "
            f"'{HPA_RULE.name}': {SECOND.format(name='by-hand')}"
        ]
        in_mode(cluster, kubectl, "audit")
        silent = asked(kubectl, hpa("by-hand"))
        assert (silent.returncode, silent.stderr) == (0, "")
    finally:
        in_mode(cluster, kubectl, "deny")


def test_what_stood_before_may_be_edited_and_deleted(kubectl: Kubectl, cluster: Cluster) -> None:
    """An HPA from before the guard is in conflict, but an edit is no new claim."""
    stays = ("hpa", "stays", "-n", NAMESPACE)
    held = {"spec": {"maxReplicas": 4}, "metadata": {"finalizers": ["example.org/one"]}}
    free = {"metadata": {"finalizers": None}}
    in_mode(cluster, kubectl, "audit")
    try:
        cluster.create(HPAS, hpa("stays"))
        in_mode(cluster, kubectl, "deny")
        for command in (
            ("label", *stays, "team=web"),
            ("patch", *stays, "--type=merge", "-p", json.dumps(held)),
            ("delete", *stays, "--wait=false"),
            ("patch", *stays, "--type=merge", "-p", json.dumps(free)),
        ):
            done = kubectl(*command)
            assert done.returncode == 0, done.stderr
        assert cluster.get(f"{HPAS}/stays") is None
    finally:
        in_mode(cluster, kubectl, "deny")
        cluster.delete(f"{HPAS}/stays")


REPLICAS = (
    "Deployment guarded/web: replicas {change}, but ScaledObject guarded/web scales it and will set them "
    "again. Leave spec.replicas out of what you apply. On the ScaledObject, minReplicaCount and "
    'maxReplicaCount set the range, and the annotation autoscaling.keda.sh/paused-replicas: "{count}" '
    "holds this number."
)


def warnings(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What the replicas policy told the user."""
    assert done.returncode == 0, done.stderr
    return [line for line in done.stderr.splitlines() if REPLICAS_RULE.name in line]


def test_writing_replicas_of_a_scaled_target_warns(kubectl: Kubectl, cluster: Cluster) -> None:
    was, _ = cluster.replicas(NAMESPACE, "web")
    count = was + 1
    message = REPLICAS.format(change=f"{was} -> {count}", count=count)
    on_web = ("deployment/web", "-n", NAMESPACE, "--dry-run=server")
    [scaled] = warnings(kubectl("scale", *on_web, f"--replicas={count}"))
    assert scaled.startswith("Warning: ") and scaled.endswith(message)
    spec = json.dumps({"spec": {"replicas": count}})
    [patched] = warnings(kubectl("patch", *on_web, "-p", spec))
    assert patched.endswith(message)
    new = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicas": 2}}
    stateful = {"apiVersion": "apps/v1", "kind": "StatefulSet"}
    db = {**new, **stateful, "metadata": {**new["metadata"], "name": "db"}}
    [created] = warnings(asked(kubectl, db))
    assert "StatefulSet guarded/db: replicas 2, but ScaledObject guarded/db" in created


def test_no_warning_where_nobody_sets_replicas(kubectl: Kubectl, cluster: Cluster) -> None:
    server = ("-n", NAMESPACE, "--dry-run=server")
    assert warnings(kubectl("rollout", "restart", "deployment/web", "-n", NAMESPACE)) == []
    assert warnings(kubectl("set", "env", "deployment/web", "A=b", *server)) == []
    unscaled = {**DEPLOYMENT, "metadata": {"name": "other", "namespace": NAMESPACE}}
    unscaled["spec"] = {**DEPLOYMENT["spec"], "replicas": 2}
    assert warnings(asked(kubectl, unscaled)) == []
    created = {**DEPLOYMENT, "metadata": {"name": "old", "namespace": NAMESPACE}}
    assert warnings(asked(kubectl, created)) == []


def test_a_paused_scaled_object_leaves_replicas_to_people(kubectl: Kubectl, cluster: Cluster) -> None:
    web = f"{SCALED_OBJECTS}/web"
    count = cluster.replicas(NAMESPACE, "web")[0] + 1
    scale = ("scale", "deployment/web", "-n", NAMESPACE, f"--replicas={count}", "--dry-run=server")
    paused = {"metadata": {"annotations": {"autoscaling.keda.sh/paused": "true"}}}
    cluster.request("PATCH", web, paused, content="application/merge-patch+json")
    wait("no warning", 30, lambda: warnings(kubectl(*scale)) == [] or None)
    paused["metadata"]["annotations"]["autoscaling.keda.sh/paused"] = None  # type: ignore[assignment]
    cluster.request("PATCH", web, paused, content="application/merge-patch+json")
    wait("the warning", 30, lambda: warnings(kubectl(*scale)) or None)
    wait("KEDA's HPA, made anew", 60, lambda: cluster.get(f"{HPAS}/keda-hpa-web"))


def test_keda_and_the_hpa_controller_go_on(kubectl: Kubectl, cluster: Cluster) -> None:
    """KEDA's operator wakes the target, then the HPA controller scales it: no check ever fails for them."""
    names = [(rule.name, word) for rule in (HPA_RULE, REPLICAS_RULE) for word in ENFORCEMENTS]
    before = [checks(cluster, *name) for name in names]
    two = {"spec": {"minReplicaCount": 2}}
    cluster.request("PATCH", f"{SCALED_OBJECTS}/web", two, content="application/merge-patch+json")
    wait("two replicas", 60, lambda: cluster.replicas(NAMESPACE, "web")[0] == 2 or None)
    least = cluster.get(f"{HPAS}/keda-hpa-web")["spec"]["minReplicas"]
    assert least == 2
    assert [checks(cluster, *name) for name in names] == before


def test_scaling_to_zero_by_hand_warns(kubectl: Kubectl, cluster: Cluster) -> None:
    """A Scale leaves replicas out if they are 0."""
    was, _ = cluster.replicas(NAMESPACE, "web")  # KEDA has woken it
    on_web = ("deployment/web", "-n", NAMESPACE, "--dry-run=server")
    [scaled] = warnings(kubectl("scale", *on_web, "--replicas=0"))
    assert scaled.endswith(REPLICAS.format(change=f"{was} -> 0", count=0))


@pytest.mark.conformance
def test_kyverno_says_the_same(kubectl: Kubectl, cluster: Cluster, lab: Lab, tmp_path: Path) -> None:
    """Its command line evaluates the policies over the cluster's own objects, as if a person made them."""
    kyverno = tools.ensure(["kyverno"])["kyverno"]
    person = {"apiVersion": "cli.kyverno.io/v1alpha1", "kind": "UserInfo", "userInfo": {"username": "person"}}
    (tmp_path / "person.yaml").write_text(json.dumps({**person, "metadata": {"name": "person"}}))
    written = [
        hpa("by-hand"),
        hpa("elsewhere", "other"),
        hpa("opted-out", annotations=OPT_OUT),
        hpa("old-hpa", "old"),
        hpa("keda-hpa-db", "other"),
    ]
    in_mode(cluster, kubectl, "audit")
    try:
        for manifest in written:
            cluster.create(HPAS, manifest)
        written.append(cluster.get(f"{HPAS}/keda-hpa-web"))
        command = [kyverno, "apply", admission_kyverno.FILE, "--cluster", "--kubeconfig", lab.kubeconfig]
        command += ["--userinfo", tmp_path / "person.yaml", "--namespace", NAMESPACE]
        command += ["--policy-report", "--output-format", "json", "--remove-color"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        report = json.loads(done.stdout[done.stdout.index("{") :])
    finally:
        for manifest in written[:5]:
            cluster.delete(f"{HPAS}/{manifest['metadata']['name']}")
        in_mode(cluster, kubectl, "deny")
    said = {
        (entry["policy"], entry["resources"][0]["name"]): (entry["result"], entry["message"])
        for entry in report["results"]
    }
    for manifest in written:
        kind = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
        ruled = conflicts(Declared(found, "test") for found in (*SCALED, {**manifest, **kind}))
        result, message = said[HPA_RULE.name, manifest["metadata"]["name"]]
        assert result == ("fail" if ruled else "pass"), message
    assert said[HPA_RULE.name, "by-hand"][1] == SECOND.format(name="by-hand")
    count, _ = cluster.replicas(NAMESPACE, "web")
    assert said[REPLICAS_RULE.name, "web"] == ("fail", REPLICAS.format(change=count, count=count))


def test_off_leaves_nothing_and_up_brings_it_back(stack: Engine, cluster: Cluster, kubectl: Kubectl) -> None:
    off = with_overrides(stack, {"keda-homelab:keda.clusterGuard": "off"}).operate(
        "up", "--skip-preview", capture=True
    )
    assert off.returncode == 0, off.stdout + off.stderr
    assert installed(cluster) == []
    wait("an HPA passes", 30, lambda: asked(kubectl, hpa("by-hand")).returncode == 0 or None)
    back = stack.operate("up", "--skip-preview", capture=True)
    assert back.returncode == 0, back.stdout + back.stderr
    assert installed(cluster) == [HPA_RULE.name, REPLICAS_RULE.name, VAULT_RULE.name] * 2
    wait("the HPA is refused", 30, lambda: asked(kubectl, hpa("by-hand")).returncode or None)


def installed(cluster: Cluster) -> list[str]:
    """Names of the guard's policies, then of its bindings."""
    return [
        item["metadata"]["name"]
        for kind in ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
        for item in cluster.get(f"{ADMISSION}/{kind}")["items"]
        if item["metadata"]["name"].startswith("keda-")
    ]
