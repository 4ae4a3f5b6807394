"""Somebody else's KEDA, its CRDs of another version, another server of external metrics: one line each."""

from __future__ import annotations

from typing import Any

import pytest

from components.preflight.cluster import ClusterReader, Forbidden
from components.preflight.foreign import CRDS, EXTERNAL_METRICS, OPERATORS, foreign
from keda.manifests.installer import TAKEOVER
from tests.support import STACK, settings_of

OURS = [{"manager": "pulumi-kubernetes-1a2b3c4d", "operation": "Apply"}]
HELM = {"meta.helm.sh/release-name": "keda", "meta.helm.sh/release-namespace": "keda"}
RELEASES = "/api/v1/namespaces/keda/secrets?labelSelector=owner=helm,name=keda&limit=1"
CHARTS = "/apis/helm.cattle.io/v1/helmcharts"


def operator(namespace: str = "keda", version: str = "2.17.2", **metadata: Any) -> dict[str, Any]:
    """The list of keda-operator Deployments with one in it."""
    labels = {"app.kubernetes.io/version": version, **metadata.pop("labels", {})}
    named = {"name": "keda-operator", "namespace": namespace, "labels": labels}
    return {OPERATORS: {"items": [{"metadata": {**named, **metadata}}]}}


def lines(cluster: dict[str, Any], text: str | None = None) -> list[str]:
    settings = settings_of(text or STACK.read_text())
    return list(map(str, foreign(settings, ClusterReader(cluster.get))))


def test_a_cluster_without_any() -> None:
    assert lines({}) == []


@pytest.mark.parametrize("labels", [{}, {"app.kubernetes.io/managed-by": "Helm"}])
def test_its_own_keda_passes_though_its_chart_labels_it_helms(labels: dict[str, str]) -> None:
    assert lines(operator(labels=labels, managedFields=OURS)) == []


HOME = STACK.read_text().replace("config:\n", "config:\n  keda-homelab:cluster: {context: home}\n", 1)
HELMS = operator(annotations=HELM) | {RELEASES: {"items": [{"metadata": {"labels": {"name": "keda"}}}]}}


def test_helms_keda_is_named_with_the_command_that_takes_it_over() -> None:
    assert lines(HELMS, HOME) == [
        "keda: KEDA 2.17.2 is installed by Helm (release keda/keda). Two tools would write the same "
        "objects, and `helm uninstall` would delete the CRDs and with them every ScaledObject. Run `make "
        "takeover CLUSTER=home`."
    ]


def test_while_it_is_taken_over_it_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TAKEOVER, "keda/keda")
    assert lines(HELMS) == []
    monkeypatch.setenv(TAKEOVER, "keda/other")
    assert len(lines(HELMS)) == 1


def test_helms_marks_without_its_release_are_a_keda_that_was_taken_over() -> None:
    assert lines(operator(annotations=HELM, managedFields=OURS) | {RELEASES: {"items": []}}) == []


def test_a_release_that_may_not_be_seen_is_taken_for_one_that_is_there() -> None:
    def get(path: str) -> Any:
        if path == RELEASES:
            raise Forbidden(path)
        return operator(annotations=HELM, managedFields=OURS).get(path)

    reader = ClusterReader(get)
    assert len(list(foreign(settings_of(STACK.read_text()), reader))) == 1
    assert reader.forbidden == [RELEASES]


@pytest.mark.parametrize("release", ["keda", "another"])
def test_a_release_that_k3s_would_install_again(release: str) -> None:
    chart = {"metadata": {"name": release, "namespace": "kube-system"}, "spec": {"targetNamespace": "keda"}}
    [line] = lines(HELMS | {CHARTS: {"items": [chart]}})
    assert ("k3s installed (HelmChart kube-system/keda)" in line) is (release == "keda")


def test_fluxs_keda() -> None:
    labels = {"helm.toolkit.fluxcd.io/name": "keda", "helm.toolkit.fluxcd.io/namespace": "flux-system"}
    [line] = lines(operator(labels=labels, annotations=HELM))
    assert line.startswith("keda: KEDA 2.17.2 is installed by Flux (HelmRelease flux-system/keda).")


def test_a_keda_that_nobody_left_a_mark_on() -> None:
    [line] = lines(operator("elsewhere", managedFields=[{"manager": "kubectl"}]))
    assert line.startswith(
        "keda: Deployment elsewhere/keda-operator is a KEDA that this program did not install"
    )


def served_by(namespace: str, name: str, **metadata: Any) -> dict[str, Any]:
    return {
        EXTERNAL_METRICS: {"metadata": metadata, "spec": {"service": {"namespace": namespace, "name": name}}}
    }


def test_another_server_of_external_metrics() -> None:
    assert lines(served_by("monitoring", "prometheus-adapter")) == [
        "keda: the APIService v1beta1.external.metrics.k8s.io is served by Service "
        "monitoring/prometheus-adapter. A cluster has one: KEDA would take it, and every HPA with an "
        "external metric of that server would read nothing. Move those HPAs to KEDA first, "
        "without an outage: docs/migrate.md."
    ]


@pytest.mark.parametrize(
    "cluster",
    [
        served_by("keda", "keda-operator-metrics-apiserver"),  # left by a KEDA that is gone
        served_by(  # before keda.namespace was changed
            "before",
            "keda-operator-metrics-apiserver",
            labels={"app.kubernetes.io/part-of": "keda-operator"},
            managedFields=OURS,
        ),
    ],
)
def test_its_own_server_of_external_metrics(cluster: dict[str, Any]) -> None:
    assert lines(cluster) == []


def test_a_foreign_kedas_server_is_the_same_cause() -> None:
    cluster = operator("keda-system") | served_by("keda-system", "keda-operator-metrics-apiserver")
    assert len(lines(cluster)) == 1


def crds(version: str, *names: str, **metadata: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/version": version}
    return {f"{CRDS}/{name}": {"metadata": {"labels": labels, **metadata}} for name in names}


def test_crds_of_another_version() -> None:
    assert lines(crds("2.17.2", "scaledobjects.keda.sh", "scaledjobs.keda.sh")) == [
        'keda.version: "2.19.0" is not the version of the CRDs that another tool left here, 2.17.2: '
        "scaledobjects.keda.sh, and 1 more. Fields that only one version has would be dropped from the "
        "objects there. Install KEDA's CRDs of 2.19.0 first: docs/cluster.md."
    ]


def test_crds_of_the_same_version_and_its_own_of_an_earlier_one() -> None:
    assert lines(crds("2.19.0", "scaledobjects.keda.sh")) == []
    assert lines(crds("2.17.2", "scaledobjects.keda.sh", annotations=HELM, managedFields=OURS)) == []


def test_a_foreign_kedas_crds_are_the_same_cause() -> None:
    [line] = lines(operator() | crds("2.17.2", "scaledobjects.keda.sh"))
    assert line.startswith("keda: Deployment keda/keda-operator is a KEDA")
