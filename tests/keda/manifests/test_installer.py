"""Who installed the KEDA of a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from keda.manifests.installer import Installer, installed_by, release_of

HELM = {"meta.helm.sh/release-name": "keda", "meta.helm.sh/release-namespace": "scaling"}
CHART = {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/version": "2.19.0"}
FLUX = {"helm.toolkit.fluxcd.io/name": "keda", "helm.toolkit.fluxcd.io/namespace": "flux-system"}
STORED = {"metadata": {"name": "sh.helm.release.v1.keda.v3", "labels": {"owner": "helm", "name": "keda"}}}
OTHER = {"metadata": {"name": "sh.helm.release.v1.loki.v1", "labels": {"owner": "helm", "name": "loki"}}}


def item(labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    return {"metadata": {"name": "keda-operator", "labels": labels, "annotations": annotations}}


def test_the_charts_own_labels_are_no_mark_of_helm() -> None:
    """Pulumi renders the same chart, and the chart writes `managed-by: Helm` whoever renders it."""
    assert installed_by([item(CHART), item()], [STORED]) is None


def test_nothing_installed() -> None:
    assert installed_by([], []) is None


@pytest.mark.parametrize(
    ("releases", "stored"), [([OTHER, STORED], True), ([OTHER], False), ([], False), (None, None)]
)
def test_helm(releases: list[dict[str, Any]] | None, stored: bool | None) -> None:
    found = installed_by([item(), item(CHART, HELM)], releases)
    assert found == Installer("helm", "release", "keda", "scaling", "2.19.0", stored)


@pytest.mark.parametrize(
    ("labels", "annotations", "tool", "title"),
    [
        (FLUX, HELM, "flux", "HelmRelease flux-system/keda"),
        (
            {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux"},
            {},
            "flux",
            "Kustomization flux/apps",
        ),
        (
            {"olm.managed": "true", "olm.owner": "keda.v2.19.0", "olm.owner.namespace": "operators"},
            {},
            "olm",
            "ClusterServiceVersion operators/keda.v2.19.0",
        ),
        ({"operators.coreos.com/keda.operators": ""}, {}, "olm", "ClusterServiceVersion keda"),
        ({}, {"argocd.argoproj.io/tracking-id": "sc:apps/Deployment:keda/x"}, "argo-cd", "Application sc"),
    ],
)  # fmt: skip
def test_what_else_may_own_it(
    labels: dict[str, str], annotations: dict[str, str], tool: str, title: str
) -> None:
    found = installed_by([item({**CHART, **labels}, annotations), item(CHART, HELM)], [STORED])
    assert found and (found.tool, found.title, found.version) == (tool, title, "2.19.0")
    assert "docs/takeover.md" in found.problem()


def test_the_release_behind_flux() -> None:
    assert release_of([item(), item(FLUX, HELM)]) == ("keda", "scaling")
    assert release_of([item(CHART)]) is None


def test_the_problem_is_one_line_with_its_remedy() -> None:
    assert Installer("helm", "release", "keda", "scaling", "2.18.1").problem() == (
        "KEDA 2.18.1 is installed by Helm (release scaling/keda). Two tools would write the same "
        "objects, and `helm uninstall` would delete the CRDs and with them every ScaledObject. "
        "Run `make takeover CLUSTER=<context>`."
    )
    lost = Installer("helm", "release", "keda", "scaling", stored=False).problem()
    assert "HELM_DRIVER=sql" in lost and "docs/takeover.md" in lost and "\n" not in lost
