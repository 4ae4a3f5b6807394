"""Two labs as two clusters of one user: `make init`, `up`, changes and `down` on each touch that one alone.

The commands run in a copy of the project, as in a user's clone, with the stand-ins for Pulumi's plugins.
Cluster a is the session's lab with its stack removed; b is a second lab.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import targets
from cli.engine import Engine
from lab import __main__ as lab_command
from lab.paths import Lab
from tests.live.cluster import KEDA, Cluster, Refused, wait
from tests.live.conftest import NAME, SOON
from tests.live.support import scaled_object

pytestmark = [pytest.mark.live, pytest.mark.long]

PROJECT = Path(__file__).resolve().parents[2]
DEPLOYMENTS = "/apis/apps/v1/namespaces/keda/deployments"
NEEDED = (
    *("cli", "components", "keda", "lab", "policies", "pulumi_plugins", "schemas"),
    *("__main__.py", "Pulumi.yaml"),
)
LAB_VARIABLES = ("KEDA_HOMELAB_STATE", "KEDA_HOMELAB_CACHE")
MORNING = {"start": "0 6 * * *", "end": "0 7 * * *", "desiredReplicas": 2}


@dataclass(frozen=True)
class Clone:
    """A user's clone of the project, with a backend and a kubeconfig of its own."""

    folder: Path
    kubeconfig: Path

    @property
    def own(self) -> dict[str, str]:
        """The variables of this user."""
        return {
            "KUBECONFIG": str(self.kubeconfig),
            "XDG_STATE_HOME": str(self.folder / "local"),
            "PULUMI_BACKEND_URL": (self.folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "two clusters",
        }

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.own}

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`python -m cli ARGUMENTS`, which is what the Makefile runs; stdin is not a terminal."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def on(self, context: str, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`make VERB CLUSTER=context YES=1 STANDIN=1`."""
        return self.run(verb, "--cluster", context, "--yes", "--standin", *arguments)

    def file(self, stack: str) -> Path:
        return self.folder / f"Pulumi.{stack}.yaml"

    def edit(self, stack: str, section: str, values: dict[str, Any]) -> None:
        """Sets keys of a section, as a user would in an editor (comments are lost here)."""
        data = yaml.safe_load(self.file(stack).read_text())
        data["config"].setdefault(f"keda-homelab:{section}", {}).update(values)
        self.file(stack).write_text(yaml.safe_dump(data))

    def engine(self, stack: str, plain: Path) -> Engine:
        """Plain `pulumi` on a stack of the clone."""
        home = self.folder / "local" / "keda-homelab" / stack / "home"
        environment = {**self.environment, "PULUMI_HOME": str(home)}
        return Engine(self.folder, plain, environment, program=self.folder, stack=stack, own=True)

    def state(self, stack: str) -> str:
        """The state as the backend has it."""
        return (self.folder / "state/.pulumi/stacks/keda-homelab" / f"{stack}.json").read_text()


@dataclass(frozen=True)
class Two:
    """Both clusters, and the clone whose kubeconfig has them as contexts a and b."""

    clone: Clone
    a: Cluster
    b: Cluster
    pulumi: Path
    helm: Path
    charts: dict[str, str]


@pytest.fixture(scope="module")
def two(
    lab: Lab,
    engine: Engine,
    tmp_path_factory: pytest.TempPathFactory,
    shown: Callable[[], AbstractContextManager[None]],
) -> Iterator[Two]:
    second = Lab(f"{NAME}-b")
    with shown():
        lab_command.main(["down", "--name", second.name])
        assert lab_command.main(["up", "--name", second.name]) == 0
        # The last test before this removes the session's lab.
        assert lab_command.main(["up", "--name", lab.name]) == 0
        try:
            if (engine.folder / "state").exists() and engine.deployment().get("resources"):
                assert engine.operate("destroy").returncode == 0
            yield _two(lab, second, tmp_path_factory.mktemp("clone"))
        finally:
            lab_command.main(["down", "--name", second.name])


def _two(first: Lab, second: Lab, folder: Path) -> Two:
    for name in NEEDED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, folder / name)
    (folder / ".venv").symlink_to(PROJECT / ".venv")
    (folder / "state").mkdir()
    clone = Clone(folder, folder / "kubeconfig")
    write_kubeconfig(clone.kubeconfig, {"a": first, "b": second})
    records = {"a": targets.lab_record(first), "b": targets.lab_record(second)}
    charts = {context: record["chart"]["source"] for context, record in records.items()}
    tools = records["a"]["tools"]
    clusters = [Cluster(str(each.kubeconfig)) for each in (first, second)]
    return Two(clone, *clusters, Path(tools["pulumi"]), Path(tools["helm"]).parent, charts)


def write_kubeconfig(path: Path, contexts: dict[str, Lab]) -> None:
    """One file of several labs', each as a context of the given name."""
    merged: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [],
        "users": [],
        "contexts": [],
    }
    for name, lab in contexts.items():
        own = yaml.safe_load(lab.kubeconfig.read_text())
        merged["clusters"].append({**own["clusters"][0], "name": name})
        merged["users"].append({**own["users"][0], "name": name})
        merged["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
    path.write_text(yaml.safe_dump(merged))
    path.chmod(0o600)


@pytest.fixture(scope="module")
def up(two: Two) -> Two:
    """Both clusters after `make init` and a first `make up`."""
    for context in ("a", "b"):
        done = two.clone.on(context, "init")
        assert done.returncode == 0, done.stderr
        # The chart's registry is the lab's, and its probes look sooner; all else is what `make init` wrote.
        mine = {"chart": two.charts[context], "values": {"operator": SOON, "webhooks": SOON}}
        lines = "".join(f"    {key}: {json.dumps(value)}\n" for key, value in mine.items())
        text = two.clone.file(context).read_text()
        two.clone.file(context).write_text(
            text.replace("    namespace: keda\n", f"    namespace: keda\n{lines}")
        )
        done = two.clone.on(context, "up")
        assert done.returncode == 0, done.stdout + done.stderr
    return two


def uids(cluster: Cluster) -> dict[str, str]:
    """What a cluster has of KEDA and of this stack: path -> uid and generation."""
    found = {}
    for path in (
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        DEPLOYMENTS,
        "/api/v1/namespaces/keda/services",
        f"{KEDA}/scaledobjects",
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
        "/apis/monitoring.coreos.com/v1/servicemonitors",
    ):
        for item in (cluster.get(path) or {}).get("items", []):
            metadata = item["metadata"]
            found[f"{path}/{metadata['name']}"] = f"{metadata['uid']} {metadata.get('generation')}"
    return found


def has_keda(cluster: Cluster) -> bool:
    namespace = cluster.get("/api/v1/namespaces/keda")
    return namespace is not None and "deletionTimestamp" not in namespace["metadata"]


def test_init_writes_what_the_cluster_has(up: Two) -> None:
    for context, cluster in (("a", up.a), ("b", up.b)):
        data = yaml.safe_load(up.clone.file(context).read_text())["config"]
        uid = cluster.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
        assert data["keda-homelab:cluster"] == {"context": context, "uid": uid}
        monitoring = data["keda-homelab:monitoring"]
        assert monitoring["prometheus"] == "http://prometheus-operated.monitoring.svc:9090"
        assert monitoring["monitorLabels"] == {} and monitoring["alerts"] is True
        assert data["keda-homelab:workloads"] == {}
        budget = (up.clone.folder / "policies" / f"{context}.json").read_text()
        assert '"capacity": 4' in budget


def test_pulumi_works_on_the_users_file_and_leaves_the_reasons_in_it(up: Two) -> None:
    text = up.clone.file("a").read_text()
    assert "encryptionsalt: " in text
    reasons = (
        "# Kubernetes v1.",
        "# Prometheus monitoring/prometheus",
        "# Nothing is scaled yet.",
        "# NATS: ",
    )
    for reason in reasons:
        assert reason in text, text


def test_a_first_up_from_it_runs_keda_on_both(up: Two) -> None:
    for cluster in (up.a, up.b):
        items = cluster.get(DEPLOYMENTS)["items"]
        assert [item["status"].get("readyReplicas") for item in items] == [1, 1, 1]
    assert set(up.clone.state("a")) and up.clone.state("a") != up.clone.state("b")


def test_plain_pulumi_has_the_same_stack_and_the_same_verdict(up: Two) -> None:
    engine = replace(up.clone.engine("a", up.pulumi), path=[up.helm])
    same = engine.run(
        "preview", "--stack", "a", "--policy-pack", "policies", "--expect-no-changes", capture=True
    )
    assert same.returncode == 0, same.stdout + same.stderr
    greedy = {
        "recipe": "batch",
        "namespace": "batch",
        "target": {"name": "batch-inference"},
        "queue": "inference",
        "gpus": 40,
    }
    before = up.clone.file("a").read_text()
    up.clone.edit("a", "workloads", {"batch": greedy})
    try:
        plain = engine.run("preview", "--stack", "a", "--policy-pack", "policies", capture=True)
        made = up.clone.on("a", "preview")
    finally:
        up.clone.file("a").write_text(before)
    for done in (plain, made):
        assert done.returncode != 0
        text = done.stdout + done.stderr
        assert "keda-gpu-budget" in text and "the cluster has 4" in text, text


def test_a_change_on_one_is_no_change_on_the_other(up: Two) -> None:
    of_b, state_of_b = uids(up.b), up.clone.state("b")
    web = {
        "recipe": "generic",
        "namespace": "voice",
        "target": {"name": "voice-pipeline"},
        "minReplicas": 1,
        "maxReplicas": 2,
        "triggers": [{"type": "cron", "metadata": {"timezone": "UTC", **MORNING}}],
    }
    up.clone.edit("a", "workloads", {"web": web})
    done = up.clone.on("a", "up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 created" in done.stdout, done.stdout  # the component and its ScaledObject
    assert up.a.get(f"{KEDA}/namespaces/voice/scaledobjects/web")
    assert (uids(up.b), up.clone.state("b")) == (of_b, state_of_b)


def test_down_on_one_takes_nothing_from_the_other(up: Two) -> None:
    of_a, state_of_a = uids(up.a), up.clone.state("a")
    done = up.clone.on("b", "down")
    assert done.returncode == 0, done.stdout + done.stderr
    wait("b without KEDA", 60, lambda: not has_keda(up.b) or None)
    assert (uids(up.a), up.clone.state("a")) == (of_a, state_of_a)
    status = up.clone.run("status", "--cluster", "a")
    assert re.search(r"^web +voice +Deployment/voice-pipeline", status.stdout, re.MULTILINE), status.stdout


@contextmanager
def pointing(clone: Clone, lab: Lab) -> Iterator[None]:
    """For the while, context a leads to this lab."""
    before = clone.kubeconfig.read_text()
    write_kubeconfig(clone.kubeconfig, {"a": lab})
    try:
        yield
    finally:
        clone.kubeconfig.write_text(before)


@pytest.mark.parametrize("verb", ["preview", "up", "down"])
@pytest.mark.parametrize("kept", ["in the file", "with the state"])
def test_another_cluster_under_the_same_name_stops(up: Two, verb: str, kept: str) -> None:
    of_a, of_b = uids(up.a), uids(up.b)
    before = up.clone.file("a").read_text()
    if kept == "with the state":
        data = yaml.safe_load(before)
        del data["config"]["keda-homelab:cluster"]["uid"]
        up.clone.file("a").write_text(yaml.safe_dump(data))
    try:
        with pointing(up.clone, Lab(f"{NAME}-b")):
            done = up.clone.on("a", verb)
    finally:
        up.clone.file("a").write_text(before)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if not line.startswith("Pulumi plugins:")]
    assert len(lines) == 1 and lines[0].startswith("stack a: it is of another cluster ("), done.stderr
    assert (uids(up.a), uids(up.b)) == (of_a, of_b)


def test_plain_pulumi_stops_there_too(up: Two) -> None:
    engine = replace(up.clone.engine("a", up.pulumi), path=[up.helm])
    with pointing(up.clone, Lab(f"{NAME}-b")):
        done = engine.run("preview", "--stack", "a", capture=True)
    # The engine shows an error as it comes, and again at the end.
    text = (done.stdout + done.stderr).partition("Diagnostics:")[2]
    assert done.returncode != 0
    assert len([line for line in text.splitlines() if "cluster.uid: " in line]) == 1, text
    assert "is another cluster than the one that answers" in text


def refused(two: Two, *expected: str) -> None:
    """`make up CLUSTER=b` ends with exactly these lines (by what they hold), and nothing is applied."""
    before = uids(two.b)
    done = two.clone.on("b", "up")
    text = done.stdout + done.stderr
    assert done.returncode == 1, text
    summary = text.partition("Diagnostics:")[2]
    starts = ("keda: ", "keda.", "workloads.", "monitoring.", "cluster.")
    found = [line.strip().removeprefix("error: ") for line in summary.splitlines()]
    found = [line for line in found if line.startswith(starts)]
    assert len(found) == len(expected), text
    for line, words in zip(found, expected, strict=True):
        assert words in line, text
    assert "Traceback" not in text
    assert uids(two.b) == before and not has_keda(two.b)


def test_missing_namespaces_are_a_line_each(up: Two) -> None:
    before = up.clone.file("b").read_text()
    generic = yaml.safe_load(up.clone.file("a").read_text())["config"]["keda-homelab:workloads"]["web"]
    up.clone.edit("b", "workloads", {"web": {**generic, "namespace": "nowhere"}})
    up.clone.edit("b", "monitoring", {"dashboards": "configMap", "dashboardNamespace": "no-grafana",
                                      "stateMetrics": {"namespace": "no-metrics"}})  # fmt: skip
    try:
        refused(
            up,
            'workloads.web.namespace: "nowhere" is not a namespace of this cluster.',
            'monitoring.dashboardNamespace: "no-grafana" is not a namespace',
            'monitoring.stateMetrics.namespace: "no-metrics" is not a namespace',
        )
    finally:
        up.clone.file("b").write_text(before)


@contextmanager
def there(cluster: Cluster, *objects: tuple[str, dict[str, Any]]) -> Iterator[None]:
    """For the while, these objects are in the cluster, each by its collection's path."""
    made = []
    try:
        for path, item in objects:
            cluster.create(path, item)
            made.append(f"{path}/{item['metadata']['name']}")
        yield
    finally:
        for path in reversed(made):
            cluster.delete(path)
            wait(f"{path} gone", 60, lambda path=path: cluster.get(path) is None or None)  # type: ignore[misc]


def operator(
    namespace: str, labels: dict[str, str], annotations: dict[str, str]
) -> tuple[str, dict[str, Any]]:
    """A keda-operator Deployment without pods, with a tool's marks on it."""
    own = {
        "app": "keda-operator",
        "app.kubernetes.io/name": "keda-operator",
        "app.kubernetes.io/version": "2.17.2",
    }
    pod = {"metadata": {"labels": own}, "spec": {"containers": [{"name": "keda", "image": "keda:2.17.2"}]}}
    metadata = {"name": "keda-operator", "labels": {**own, **labels}, "annotations": annotations}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": "keda-operator"}}, "template": pod}
    return f"/apis/apps/v1/namespaces/{namespace}/deployments", {"metadata": metadata, "spec": spec}


HELM = {"meta.helm.sh/release-name": "keda", "meta.helm.sh/release-namespace": "scaling"}
FLUX = {"helm.toolkit.fluxcd.io/name": "keda", "helm.toolkit.fluxcd.io/namespace": "flux-system"}


def test_a_foreign_keda_is_one_line_with_what_to_do(up: Two) -> None:
    namespace = ("/api/v1/namespaces", {"metadata": {"name": "scaling"}})
    release = {
        "metadata": {"name": "sh.helm.release.v1.keda.v1", "labels": {"owner": "helm", "name": "keda"}}
    }
    stored = ("/api/v1/namespaces/scaling/secrets", release)
    with there(up.b, namespace, stored, operator("scaling", {}, HELM)):
        refused(up, "Run `make takeover CLUSTER=b`.")
    with there(up.b, namespace, operator("scaling", FLUX, HELM)):
        refused(up, "keda: KEDA 2.17.2 is installed by Flux (HelmRelease flux-system/keda).")
    with there(up.b, namespace, operator("scaling", {}, {})):
        refused(up, "keda: Deployment scaling/keda-operator is a KEDA that this program did not install")


def test_another_server_of_external_metrics_is_one_line(up: Two) -> None:
    service = {"namespace": "monitoring", "name": "prometheus-adapter"}
    spec = {
        "group": "external.metrics.k8s.io",
        "version": "v1beta1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
        "service": service,
    }
    adapter = {"metadata": {"name": "v1beta1.external.metrics.k8s.io"}, "spec": spec}
    with there(up.b, ("/apis/apiregistration.k8s.io/v1/apiservices", adapter)):
        refused(up, "is served by Service monitoring/prometheus-adapter.")


def test_without_a_terminal_and_without_yes_nothing_is_asked(up: Two) -> None:
    done = up.clone.run("up", "--cluster", "b", "--standin")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("CLUSTER=b: this is not a terminal, and the question")
    assert not has_keda(up.b)


def test_without_pulumis_released_parts_nothing_runs(up: Two) -> None:
    done = up.clone.run("up", "--cluster", "b", "--yes", PATH=os.defpath, PULUMI_HOME=str(up.clone.folder))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and "STANDIN=1" in done.stderr, done.stderr
    assert done.stdout == ""


def test_up_shows_the_preview_and_then_asks(up: Two) -> None:
    """On a terminal; Enter takes Pulumi's default, which is no."""
    command = [sys.executable, "-m", "cli", "up", "--cluster", "b", "--standin"]
    # None of CI's variables: with them Pulumi does not ask.
    kept = {key: os.environ[key] for key in ("PATH", "HOME", *LAB_VARIABLES) if key in os.environ}
    environment = {**kept, **up.clone.own, "TERM": "xterm"}
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(up.clone.folder)
        os.execve(sys.executable, command, environment)
    said, answered, deadline = b"", False, time.monotonic() + 120
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                chunk = os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
            said += chunk
            if not answered and b"Do you want to perform this update?" in said:
                answered = bool(os.write(terminal, b"\r"))
    finally:
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.decode(errors="replace"))
    assert answered, text
    assert text.index("server ") < text.index("Previewing update") < text.index("Do you want to perform")
    assert os.waitstatus_to_exitcode(status) == 1, text
    assert not has_keda(up.b)


def test_an_account_that_may_read_nothing_gets_a_file_that_says_so(up: Two) -> None:
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    with there(up.b, (accounts, {"metadata": {"name": "poor"}})):
        token = up.b.create(f"{accounts}/poor/token", {"spec": {"expirationSeconds": 600}})["status"]["token"]
        config = yaml.safe_load(up.clone.kubeconfig.read_text())
        config["users"].append({"name": "poor", "user": {"token": token}})
        config["contexts"].append({"name": "poor", "context": {"cluster": "b", "user": "poor"}})
        before = up.clone.kubeconfig.read_text()
        up.clone.kubeconfig.write_text(yaml.safe_dump(config))
        try:
            done = up.clone.on("poor", "init")
        finally:
            up.clone.kubeconfig.write_text(before)
    assert done.returncode == 0, done.stderr
    assert "Not seen, since this account may not read them (403): " in done.stdout
    assert token not in up.clone.file("poor").read_text() + done.stdout + done.stderr


def test_down_refuses_while_others_carry_the_finalizer(up: Two) -> None:
    theirs = f"{KEDA}/namespaces/default/scaledobjects/theirs"
    up.a.create(theirs.rpartition("/")[0], scaled_object("theirs", "default", "backend", minReplicaCount=1))
    try:
        wait("KEDA's finalizer on it", 60, lambda: up.a.get(theirs)["metadata"].get("finalizers"))
        refused = up.clone.on("a", "down")
        assert refused.returncode == 1
        assert "ScaledObject default/theirs" in refused.stderr.splitlines()[-1]
        assert "voice/" not in refused.stderr  # the stack's own are no obstacle
        assert "Traceback" not in refused.stderr
        assert has_keda(up.a)
    finally:
        up.a.delete(theirs)
    wait("theirs is gone", 60, lambda: up.a.get(theirs) is None or None)


def test_down_leaves_a_as_it_was_before(up: Two) -> None:
    done = up.clone.on("a", "down")
    assert done.returncode == 0, done.stdout + done.stderr
    wait("a without KEDA", 60, lambda: not has_keda(up.a) or None)
    with pytest.raises(Refused):
        up.a.request("GET", f"{KEDA}/namespaces/voice/scaledobjects/web")
