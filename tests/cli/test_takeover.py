"""Taking over a KEDA that Helm installed: what is refused, what is planned, and a stop at any step."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import re
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cli.engine import Engine
from cli.errors import CommandError
from cli.helm_release import StoredRelease
from cli.kubectl import Kubectl
from cli.takeover import command
from cli.takeover.plan import KINDS, check_owner, differing, inspect, plan
from cli.takeover.refusals import applied_by_flux, refusals, unserved
from components.settings import Settings

MARKS = {"meta.helm.sh/release-name": "keda", "meta.helm.sh/release-namespace": "keda"}
NAMES = ("keda-operator", "keda-operator-metrics-apiserver", "keda-admission-webhooks")
CRDS = {
    "scaledobjects.keda.sh": "ScaledObject",
    "scaledjobs.keda.sh": "ScaledJob",
    "triggerauthentications.keda.sh": "TriggerAuthentication",
}
Object = dict[str, Any]


def deployment(name: str, **metadata: Any) -> Object:
    spec = {"selector": {"matchLabels": {"app": name}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "keda", **metadata},
        "spec": spec,
    }


def crd(name: str, **metadata: Any) -> Object:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name, **metadata},
    }


ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "by-helm-only"},
}
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "keda-operator-auth-reader", "namespace": "kube-system"},
}
CHART = [*map(crd, CRDS), *map(deployment, NAMES), ROLE, BINDING]
MANIFEST = "".join(f"---\n{json.dumps(each)}\n" for each in CHART)


def release(kind: str = "Secret", revision: int = 1, **changed: Any) -> Object:
    data = {
        "name": "keda",
        "namespace": "keda",
        "version": revision,
        "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "keda", "version": "2.19.0"}},
        "config": {"operator": {"replicaCount": 2}, "env": [{"name": "PASSWORD", "value": "hunter2"}]},
        "manifest": MANIFEST,
        **changed,
    }
    text = base64.b64encode(gzip.compress(json.dumps(data).encode())).decode()
    if kind == "Secret":
        text = base64.b64encode(text.encode()).decode()
    name = f"sh.helm.release.v1.keda.v{revision}"
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "keda", "labels": {"owner": "helm", "name": "keda"}},
        "data": {"release": text},
    }


def scaled(name: str = "shop", namespace: str = "web", **spec: Any) -> Object:
    spec = {"scaleTargetRef": {"name": name}, "triggers": [], **spec}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def authentication(**spec: Any) -> Object:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": {"name": "auth", "namespace": "web"},
        "spec": spec,
    }


class Killed(BaseException):
    """The command is stopped here, as by kill -9."""


@dataclass
class Cluster(Kubectl):
    """An API server of a few verbs.

    Attributes:
        kill_at: which of the writes is the last one, and does not return.
    """

    objects: list[Object]
    kill_at: int = -1
    writes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for index, item in enumerate(self.objects):
            item["metadata"] |= {"uid": f"uid-{index}", "resourceVersion": "1"}

    def items(self, *args: str) -> list[Object]:
        kinds = {"secrets": "Secret", "configmaps": "ConfigMap", "deployments": "Deployment", **CRDS}
        kinds["horizontalpodautoscalers"] = "HorizontalPodAutoscaler"
        if args[0] == "customresourcedefinitions":
            return [
                copy.deepcopy(each) for each in self.objects if each["kind"] == "CustomResourceDefinition"
            ]
        if args[0] not in kinds:
            return []
        return [copy.deepcopy(each) for each in self.objects if each["kind"] == kinds[args[0]]]

    def call(self, *args: str, stdin: str = "") -> str:
        given = json.loads(stdin) if stdin else {}
        wanted = given.get("items", [given] if given else [])
        if args[0] == "get":
            # As kubectl: -n is for objects that name no namespace, and no object may name another one.
            place = args[args.index("-n") + 1] if "-n" in args else ""
            named = {item["metadata"].get("namespace", place) for item in wanted}
            assert not place or named == {place}, "does not match the namespace"
            return json.dumps({"items": [each for item in wanted for each in self._at(item)]})
        self.writes.append(" ".join([args[0], *(item["kind"] for item in wanted)]))
        match args[0]:
            case "annotate" if "--overwrite" in args:
                name, (key, value) = args[-2].partition("/")[2], args[-1].split("=")
                item = next(each for each in self.objects if each["metadata"]["name"] == name)
                item["metadata"].setdefault("annotations", {})[key] = value
            case "annotate" | "label":
                for item in (each for bare in wanted for each in self._at(bare)):
                    for key in args[3:]:
                        item["metadata"].get(f"{args[0]}s".replace("annotates", "annotations"), {}).pop(
                            key.removesuffix("-"), None
                        )
            case "replace":
                [item] = self._at(given)
                assert item["metadata"]["resourceVersion"] == given["metadata"]["resourceVersion"]
                item["data"] = given["data"]
            case "patch":
                [item] = self._at(given)
                test, change = json.loads(args[args.index("-p") + 1])
                assert test["value"] == item["metadata"]["resourceVersion"]
                item["metadata"]["managedFields"] = change["value"]
            case "apply":
                [item] = self._at(given)
                manager = next(each for each in args if "field-manager" in each).partition("=")[2]
                mine = [each for each in item["metadata"]["managedFields"] if each["manager"] == manager]
                assert [each["operation"] for each in mine] == ["Apply"], "only an Apply can be taken back"
                item["metadata"]["managedFields"] = []
            case "delete":
                for item in self._at(given):
                    self.objects.remove(item)
        if len(self.writes) == self.kill_at:
            raise Killed
        return ""

    def _at(self, bare: Object) -> Iterable[Object]:
        def key(item: Object) -> tuple[str, str]:
            return item["kind"], item["metadata"]["name"]

        return [each for each in self.objects if key(each) == key(bare)]

    def stored(self) -> list[StoredRelease]:
        return [StoredRelease.of(each) for each in self.objects if each["kind"] in {"Secret", "ConfigMap"}]


def installed(kind: str = "Secret", *more: Object) -> Cluster:
    """A cluster as Helm leaves it, with one ScaledObject."""
    helm = {"manager": "helm", "operation": "Update"}
    marked: dict[str, Any] = {"annotations": dict(MARKS), "managedFields": [helm]}
    objects = [crd(name, **copy.deepcopy(marked)) for name in CRDS]
    objects += [deployment(name, **copy.deepcopy(marked)) for name in NAMES]
    objects += [
        copy.deepcopy(ROLE),
        copy.deepcopy(BINDING),
        release(kind, 1),
        release(kind, 2),
        scaled(),
        *more,
    ]
    return Cluster(objects)


@dataclass(frozen=True)
class Pulumi(Engine):
    """An engine whose `up` makes the three Deployments and the CRDs."""

    ran: list[str] = field(default_factory=list)
    code: int = 0
    cluster: Cluster | None = None

    def operate(self, verb: str, *args: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        self.ran.append(verb)
        assert self.env[command.TAKEOVER] == "keda/keda"
        if verb == "up" and self.cluster:
            assert all(each.keeping() is None for each in self.cluster.stored()), "the CRDs are not kept yet"
        return subprocess.CompletedProcess([], self.code, "", "")

    def deployment(self) -> Object:
        made = [*map(crd, CRDS), *map(deployment, NAMES)]
        return {"resources": [{"type": "kubernetes:x", "outputs": each} for each in made] + [{"type": "x"}]}


def pulumi(folder: Path, cluster: Cluster | None = None, code: int = 0) -> Pulumi:
    overrides = {"keda-homelab:workloads": {}}
    return Pulumi(folder, Path("pulumi"), overrides=overrides, cluster=cluster, code=code)


def settings(**keda: Any) -> Settings:
    monitoring = {"prometheus": "http://prometheus.monitoring.svc:9090"}
    return Settings.parse({"keda": keda, "monitoring": monitoring})


def taken(cluster: Cluster) -> bool:
    marked = [each for each in cluster.objects if MARKS.keys() & (each["metadata"].get("annotations") or {})]
    helms = [each for each in cluster.objects if each["metadata"].get("managedFields")]
    return not marked and not helms and not cluster.stored()


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_a_takeover(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cluster = installed(kind)
    engine = pulumi(tmp_path, cluster)
    asked: list[str] = []
    command.takeover(engine, cluster, " CLUSTER=home", lambda: asked.extend(engine.ran))
    assert taken(cluster)
    assert asked == ["preview"] and engine.ran == ["preview", "up"]
    assert [each["metadata"]["name"] for each in cluster.objects if each["kind"] == "ScaledObject"] == [
        "shop"
    ]
    crds = [each for each in cluster.objects if each["kind"] == "CustomResourceDefinition"]
    assert all(each["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"} for each in crds)
    text = capsys.readouterr().out
    assert "kubectl delete clusterrole.rbac.authorization.k8s.io by-helm-only" in text
    assert "hunter2" not in text
    files = sorted((tmp_path / "takeover").iterdir())
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    backup = json.loads(files[1].read_text())
    assert [StoredRelease.of(each).keeping() is None for each in backup["items"]] == [False, False]
    command.takeover(pulumi(tmp_path), cluster, " CLUSTER=home", lambda: pytest.fail("nothing to ask"))
    assert "nothing to take over. Run `make up CLUSTER=home`" in capsys.readouterr().out


@pytest.mark.parametrize("last", range(1, 26))
def test_a_takeover_that_was_stopped_goes_on(last: int, tmp_path: Path) -> None:
    """kill -9 after each write: the ScaledObject is safe, and the same command ends what was begun."""
    cluster = installed()
    cluster.kill_at = last
    try:
        command.takeover(pulumi(tmp_path, cluster), cluster, "", lambda: None)
    except Killed:
        assert not taken(cluster) or len(cluster.writes) > 5
    else:
        assert last > len(cluster.writes), "the list of stops ends where the takeover does"
    before = (tmp_path / "takeover").stat().st_mtime_ns
    command.takeover(pulumi(tmp_path, cluster), cluster, "", lambda: None)
    assert taken(cluster)
    assert (tmp_path / "takeover").stat().st_mtime_ns == before, "the first backup stays"


def test_nothing_is_written_before_the_answer(tmp_path: Path) -> None:
    cluster = installed()

    def no() -> None:
        raise CommandError("no")

    with pytest.raises(CommandError, match="^no$"):
        command.takeover(pulumi(tmp_path), cluster, "", no)
    with pytest.raises(CommandError, match=r"The preview failed, as shown above\. Nothing was changed\.$"):
        command.takeover(pulumi(tmp_path, code=1), cluster, "", lambda: None)
    assert cluster.writes == []


def test_an_object_that_vanished_keeps_the_release(tmp_path: Path) -> None:
    cluster = installed()
    engine = pulumi(tmp_path, cluster)

    def meanwhile() -> None:
        cluster.objects[:] = [each for each in cluster.objects if each["kind"] != "ScaledObject"]

    with pytest.raises(CommandError, match=r"^ScaledObject web/shop: deleted by somebody .* still there"):
        command.takeover(engine, cluster, "", meanwhile)
    assert len(cluster.stored()) == 2


FLUX = {"helm.toolkit.fluxcd.io/name": "keda", "helm.toolkit.fluxcd.io/namespace": "flux-system"}


def by_kustomize(name: str) -> Object:
    """Labels of an object that a Kustomization applied."""
    group = "kustomize.toolkit.fluxcd.io"
    return {f"{group}/name": name, f"{group}/namespace": "flux-system"}


class WithKustomizations(Cluster):
    """Where Flux applies the workloads."""

    def items(self, *args: str) -> list[Object]:
        if args[0] == "kustomizations.kustomize.toolkit.fluxcd.io":
            return [{"metadata": {"name": "keda-apps-web", "namespace": "flux-system"}}]
        return super().items(*args)


def test_what_flux_left_is_flux_no_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What kustomize-controller set is given up too, where its Kustomization is gone."""
    flux = {"manager": "kustomize-controller", "operation": "Apply"}
    left, kept = (
        {**ROLE, "metadata": {"name": name, "managedFields": [dict(flux)]}} for name in ("guard", "other")
    )
    copied = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "keda-hpa-shop", "labels": by_kustomize("keda-apps-gone")},
    }
    left["metadata"]["labels"] = by_kustomize("keda-infrastructure-configs")
    kept["metadata"]["labels"] = by_kustomize("keda-apps-web")
    cluster = WithKustomizations(installed("Secret", left, kept, copied).objects)
    cluster.objects[-4]["metadata"]["labels"] = by_kustomize("keda-apps-gone")  # the ScaledObject

    class More(Pulumi):
        def deployment(self) -> Object:
            more = [{"type": "kubernetes:x", "outputs": each} for each in (left, kept)]
            return {"resources": [*super().deployment()["resources"], *more]}

    engine = More(tmp_path, Path("pulumi"), overrides={"keda-homelab:workloads": {}}, cluster=cluster)
    command.takeover(engine, cluster, "", lambda: None)
    fields = {each["metadata"]["name"]: each["metadata"].get("managedFields") for each in cluster.objects}
    assert fields["guard"] == [] and fields["other"] == [flux]
    assert cluster.objects[-1]["metadata"]["labels"] == {}
    assert "   The same with Flux's, on each object that a Kustomization left.\n" in capsys.readouterr().out


def test_a_workload_that_flux_applies_is_refused(tmp_path: Path) -> None:
    item = scaled("orders")
    item["metadata"]["labels"] = by_kustomize("keda-apps-web")
    workload = {
        "recipe": "generic",
        "namespace": "web",
        "target": {"name": "orders"},
        "maxReplicas": 3,
        "triggers": [
            {
                "type": "cron",
                "metadata": {
                    "timezone": "UTC",
                    "start": "0 8 * * *",
                    "end": "0 9 * * *",
                    "desiredReplicas": 2,
                },
            }
        ],
    }
    stack = Settings.parse(
        {"monitoring": {"prometheus": "http://p.monitoring.svc:9090"}, "workloads": {"orders": workload}}
    )
    objects = {"scaledobjects.keda.sh": [item]}
    there = {("flux-system", "keda-apps-web")}
    assert list(applied_by_flux(objects, there, stack)) == [
        "ScaledObject web/orders: Kustomization flux-system/keda-apps-web of Flux applies it, and the stack "
        "declares it: each would undo the other's changes. If `make render` wrote it, set orphan: true under "
        "gitops, and take the tree out of Git: docs/takeover.md has the steps."
    ]
    assert list(applied_by_flux(objects, set(), stack)) == []
    assert list(applied_by_flux(objects, there, settings())) == []


class WithFlux(Cluster):
    """Where the HelmRelease, or k3s' HelmChart, is there."""

    annotations: dict[str, str] = {}

    def items(self, *args: str) -> list[Object]:
        if args[0] in {"helmreleases.helm.toolkit.fluxcd.io", "helmcharts.helm.cattle.io"}:
            metadata = {"name": "keda", "namespace": "kube-system", "annotations": self.annotations}
            return [{"metadata": metadata, "spec": {"targetNamespace": "keda"}}]
        return super().items(*args)


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        (
            FLUX,
            r"^KEDA is installed by Flux \(HelmRelease flux-system/keda\)\. .* docs/takeover\.md has",
        ),
        (
            {"olm.owner": "keda.v2"},
            r"^KEDA is installed by OLM \(ClusterServiceVersion keda\.v2\)\. OLM would write",
        ),
        ({}, r"^KEDA is installed by k3s \(HelmChart kube-system/keda\)\. k3s would install its own"),
    ],
    ids=["flux", "olm", "k3s"],
)
def test_another_owner_is_refused_with_a_page(labels: dict[str, str], line: str) -> None:
    cluster = WithFlux(installed().objects)
    for item in cluster.objects[:6]:
        item["metadata"]["labels"] = labels
    with pytest.raises(CommandError, match=line):
        check_owner(inspect(cluster))


def test_a_helmchart_that_k3s_has_let_go_of_leaves_helms_release() -> None:
    cluster = WithFlux(installed().objects)
    cluster.annotations = {"helmcharts.helm.cattle.io/unmanaged": "true"}
    check_owner(inspect(cluster))


def test_a_helmrelease_that_is_gone_leaves_helms_release(tmp_path: Path) -> None:
    cluster = installed()
    for item in cluster.objects[:6]:
        item["metadata"]["labels"] = dict(FLUX)
    command.takeover(pulumi(tmp_path, cluster), cluster, "", lambda: None)
    assert taken(cluster)
    assert not any(each["metadata"].get("labels") for each in cluster.objects)


def test_a_release_that_is_not_in_the_cluster_is_refused() -> None:
    cluster = installed()
    cluster.objects = [each for each in cluster.objects if each["kind"] != "Secret"]
    with pytest.raises(
        CommandError, match=r"in no Secret and no ConfigMap: .*HELM_DRIVER=sql.* docs/takeover\.md"
    ):
        check_owner(inspect(cluster))


def test_a_secret_that_is_no_release_is_one_line() -> None:
    cluster = installed()
    cluster.objects.append({**release(revision=9), "data": {"release": "aHVudGVyMg=="}})
    with pytest.raises(
        CommandError, match=r"^Secret keda/sh\.helm\.release\.v1\.keda\.v9: no release of Helm's"
    ):
        inspect(cluster)


RENAMED = json.dumps({**deployment("scaler"), "metadata": {"name": "scaler"}})
OLD = json.dumps({**deployment("keda-operator"), "spec": {"selector": {"matchLabels": {"name": "keda"}}}})


@pytest.mark.parametrize(
    ("changed", "keda", "line"),
    [
        (
            {"info": {"status": "pending-upgrade"}},
            {},
            r"revision 1 is pending-upgrade\. .*`helm rollback keda -n keda`",
        ),
        (
            {"chart": {"metadata": {"name": "platform", "version": "1"}}},
            {},
            r"its chart is platform, which contains more",
        ),
        ({}, {"namespace": "scaling"}, r"^keda\.namespace: scaling is not .* Write namespace: keda\.$"),
        (
            {"chart": {"metadata": {"name": "keda", "version": "2.20.1"}}},
            {},
            r"^keda\.version: 2\.19\.0 is older than the release's 2\.20\.1\. .* Write version: 2\.20\.1",
        ),
        (
            {"manifest": RENAMED},
            {},
            r"^Deployment scaler of the release is none of the program's \(keda-admission",
        ),
        ({"manifest": OLD}, {}, r"^Deployment keda-operator .* by name=keda, .* cannot be changed"),
    ],
)
def test_a_release_that_is_refused(changed: Object, keda: Object, line: str) -> None:
    found = list(refusals(StoredRelease.of(release(**changed)), {}, settings(**keda)))
    assert len(found) == 1 and re.search(line, found[0]), found


@pytest.mark.parametrize(
    ("changed", "keda"),
    [
        ({}, {}),
        ({"name": "anything"}, {}),  # no name of the chart's objects comes from the release's
        ({"chart": {"metadata": {"name": "keda", "version": "2.9.4"}}}, {}),
        ({"manifest": RENAMED}, {"values": {"operator": {"name": "scaler"}}}),
        ({"namespace": "scaling"}, {"namespace": "scaling"}),
    ],
)
def test_a_release_that_is_not_refused(changed: Object, keda: Object) -> None:
    assert list(refusals(StoredRelease.of(release(**changed)), {}, settings(**keda))) == []


SECRET = {"secretTargetRef": [{"parameter": "password", "name": "s", "key": "k"}]}
ROLLOUT = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "shop"}


@pytest.mark.parametrize(
    ("crd", "item", "keda", "line"),
    [
        (
            "scaledobjects",
            scaled(scaleTargetRef=ROLLOUT),
            {},
            "scaledKinds: [{apiGroup: argoproj.io, resource: rollouts}]",
        ),
        ("scaledobjects", scaled(), {"watchNamespaces": ["voice"]}, "Add web to keda.watchNamespaces."),
        (
            "scaledobjects",
            scaled(triggers=[{"metadata": {"passwordFromEnv": "P"}}]),
            {},
            "Write secrets: watched",
        ),
        ("triggerauthentications", authentication(**SECRET), {}, "reads a Secret in its own namespace"),
        (
            "triggerauthentications",
            authentication(boundServiceAccountToken=[{"parameter": "t", "serviceAccountName": "robot"}]),
            {},
            "needs tokens of the ServiceAccount robot",
        ),
    ],
)
def test_an_object_that_would_lose_its_keda(crd: str, item: Object, keda: Object, line: str) -> None:
    found = list(unserved({f"{crd}.keda.sh": [item]}, settings(**keda)))
    assert len(found) == 1 and line in found[0], found
    assert found[0].startswith(f"{item['kind']} web/")


@pytest.mark.parametrize(
    ("crd", "item", "keda"),
    [
        ("scaledobjects", scaled(scaleTargetRef={"kind": "StatefulSet", "name": "db"}), {}),
        (
            "scaledobjects",
            scaled(scaleTargetRef=ROLLOUT),
            {"scaledKinds": [{"apiGroup": "argoproj.io", "resource": "rollouts"}]},
        ),
        (
            "scaledobjects",
            scaled(scaleTargetRef=ROLLOUT),
            {"scaledKinds": [{"apiGroup": "*", "resource": "*"}]},
        ),
        ("scaledobjects", scaled(), {"watchNamespaces": ["web"]}),
        ("triggerauthentications", authentication(**SECRET), {"secrets": "watched"}),
        ("triggerauthentications", authentication(podIdentity={"provider": "aws"}), {}),
    ],
)
def test_an_object_that_keeps_its_keda(crd: str, item: Object, keda: Object) -> None:
    assert list(unserved({f"{crd}.keda.sh": [item]}, settings(**keda))) == []


def test_a_workload_under_another_name_meets_the_webhook() -> None:
    workload = {
        "recipe": "generic",
        "namespace": "web",
        "target": {"name": "shop"},
        "maxReplicas": 2,
        "triggers": [{"type": "kubernetes-workload", "metadata": {"podSelector": "a=b", "value": "1"}}],
    }
    monitoring = {"prometheus": "http://prometheus.monitoring.svc:9090"}

    def found(name: str) -> list[str]:
        stack = Settings.parse({"monitoring": monitoring, "workloads": {name: workload}})
        return list(unserved({"scaledobjects.keda.sh": [scaled()]}, stack))

    assert found("shop") == []
    assert found("store") == [
        "workloads.store: ScaledObject web/shop scales Deployment shop already, and KEDA's webhook refuses a "
        "second. Name the workload shop, or delete one of the two."
    ]


def test_the_plan() -> None:
    shown = plan(inspect(installed()), "2.19.0", ["env"], "/home/me/takeover")
    assert shown.splitlines()[:3] == [
        "Found: Helm release keda/keda, chart keda-2.19.0, deployed",
        "       2 stored revisions, 3 CRDs, 1 ScaledObject",
        "       ScaledObject web/shop scales Deployment shop",
    ]
    assert "upgraded from 2.19.0 to 2.20.0." in plan(inspect(installed()), "2.20.0", [], "/x")
    assert shown.splitlines()[-2:] == [
        "  env",
        "`helm get values keda -n keda` shows them. What is still needed goes into keda.values.",
    ]


def test_only_values_that_differ_are_named() -> None:
    given = {"a": {"b": 1, "c": [1]}, "d": "x", "e": {}, "f": None, "g": {"h": 1}}
    effective = {"a": {"b": 1, "c": [2]}, "d": "x", "g": "other"}
    assert differing(given, effective) == ["a.c", "g.h"]


def test_every_kind_of_kedas_has_a_name() -> None:
    assert set(CRDS) < set(KINDS) and len(KINDS) == 6
