"""What a cluster must not hold when KEDA is installed: somebody else's KEDA, its CRDs in another version,
another server of external metrics. Each exists once per cluster, and the second takes it from the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.look import Look
from components.settings import Keda, Settings
from keda import MISSING, Fault
from keda.installer import RELEASE_NAME, Installer, installer, is_pulumis

OPERATORS = "/apis/apps/v1/deployments?labelSelector=app.kubernetes.io/name=keda-operator"
EXTERNAL_METRICS = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_HELM_CHARTS = "/apis/helm.cattle.io/v1/helmcharts"
_VERSION = "app.kubernetes.io/version"
KEDA_CRDS = (
    "scaledobjects.keda.sh",
    "scaledjobs.keda.sh",
    "triggerauthentications.keda.sh",
    "clustertriggerauthentications.keda.sh",
    "cloudeventsources.eventing.keda.sh",
    "clustercloudeventsources.eventing.keda.sh",
)


@dataclass(frozen=True)
class ForeignKeda:
    """A KEDA that no Pulumi program installed. `version` is its label's, "" without one."""

    namespace: str
    name: str
    version: str
    by: Installer


def foreign_kedas(look: Look) -> list[ForeignKeda]:
    """Every keda-operator Deployment of the cluster that is not a Pulumi program's. Raises OSError.

    The label app.kubernetes.io/name is that of KEDA's chart, of its release manifest and of its OLM operator.
    """
    found = []
    for item in look.items(OPERATORS):
        metadata = item["metadata"]
        by = _installer(metadata, look)
        if by.tool != "Pulumi":
            version = (metadata.get("labels") or {}).get(_VERSION, "")
            found.append(ForeignKeda(metadata["namespace"], metadata["name"], version, by))
    return found


def _installer(metadata: Mapping[str, Any], look: Look) -> Installer:
    """As the metadata has it. But Helm's marks outlive a release that was forgotten without uninstalling it,
    and k3s' Helm controller would install its release again."""
    by = installer(metadata)
    if by.tool != "Helm":
        return by
    release, namespace = metadata["annotations"][RELEASE_NAME], metadata["namespace"]
    for chart in look.items(_HELM_CHARTS):
        spec = chart.get("spec") or {}
        if chart["metadata"]["name"] == release and spec.get("targetNamespace", namespace) == namespace:
            return Installer("k3s", f"HelmChart {chart['metadata']['namespace']}/{release}")
    # One entry is enough. Only whether there is one is looked at: it holds the release's values.
    path = f"/api/v1/namespaces/{namespace}/secrets?labelSelector=owner=helm,name={release}&limit=1"
    if look.items(path) or path in look.forbidden:
        return by
    return installer({**metadata, "annotations": {}})


def foreign(settings: Settings, look: Look) -> Iterator[Fault]:
    """A fault for each foreign KEDA, for CRDs of another version and for another server of external metrics.
    Raises OSError."""
    kedas = foreign_kedas(look)
    yield from (_keda_fault(each, settings) for each in kedas)
    yield from _metrics(settings.keda, kedas, look)
    if not kedas:  # they are its own, and the line above has its version
        yield from _crds(settings.keda, look)


def _keda_fault(found: ForeignKeda, settings: Settings) -> Fault:
    version = f" {found.version}" if found.version else ""
    if found.by.tool == "Helm":
        context = settings.cluster.context or "<context>"
        fix = f"Run `make takeover CLUSTER={context}`: it takes KEDA over, and no ScaledObject is lost."
    else:
        fix = "docs/operate.md has the steps that hand it over without losing a ScaledObject."
    return Fault(
        "keda",
        MISSING,
        f"KEDA{version} is in this cluster, from {found.by}: Deployment {found.namespace}/{found.name}. "
        "Both would write the same objects, and removing that one deletes the CRDs, and every ScaledObject "
        "with them.",
        fix,
    )


def _metrics(keda: Keda, kedas: Sequence[ForeignKeda], look: Look) -> Iterator[Fault]:
    found = look.found(EXTERNAL_METRICS)
    service = (found.get("spec") or {}).get("service") or {}
    namespace, name = service.get("namespace", ""), service.get("name", "")
    operator = (keda.values.get("operator") or {}).get("name", "keda-operator")
    metadata = found.get("metadata") or {}
    part_of = (metadata.get("labels") or {}).get("app.kubernetes.io/part-of")
    known = {(each.namespace, f"{each.name}-metrics-apiserver") for each in kedas}
    known.add((keda.namespace, f"{operator}-metrics-apiserver"))
    if not service or (namespace, name) in known or (is_pulumis(metadata) and part_of == operator):
        return
    yield Fault(
        "keda",
        MISSING,
        f"the APIService v1beta1.external.metrics.k8s.io is served by Service {namespace}/{name}. A "
        "cluster has one: KEDA would take it, and every HPA with an external metric of that server would "
        "read nothing.",
        "Move those HPAs (docs/adoption.md), switch external metrics off there, and run "
        "`kubectl delete apiservice v1beta1.external.metrics.k8s.io`.",
    )


def _crds(keda: Keda, look: Look) -> Iterator[Fault]:
    """CRDs that a Pulumi program applied are upgraded. What somebody else left is taken over only if it is of
    the same version. Raises OSError."""
    if "://" not in keda.chart:
        return  # the version of a chart on disk is in the chart
    others: dict[str, list[str]] = {}
    for name in KEDA_CRDS:
        metadata = look.found(f"{CRDS}/{name}").get("metadata") or {}
        version = (metadata.get("labels") or {}).get(_VERSION, "")
        if version and version != keda.version and not is_pulumis(metadata):
            others.setdefault(version, []).append(name)
    for version, names in others.items():
        more = f", and {len(names) - 1} more" if len(names) > 1 else ""
        yield Fault(
            "keda.version",
            keda.version,
            f"is not the version of the CRDs that another tool left here, {version}: {names[0]}{more}. "
            "Fields that only one version has would be dropped from the objects there.",
            f"Install KEDA's CRDs of {keda.version} first: docs/operate.md.",
        )
