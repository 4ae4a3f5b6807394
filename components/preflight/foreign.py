"""What a cluster must not have when KEDA is installed: another KEDA, its CRDs in another version,
another server of external metrics. Each exists once per cluster, and the second takes it from the first.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from components.preflight.cluster import ClusterReader
from components.settings import Keda, Settings
from keda import MISSING, Fault
from keda.manifests.installer import STORED, TAKEOVER, installed_by, release_of

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


def foreign(settings: Settings, reader: ClusterReader) -> Iterator[Fault]:
    """A fault for each foreign KEDA, for CRDs of another version and for another server of external metrics.
    Raises OSError.
    """
    # The label is that of KEDA's chart, of its release manifest and of its OLM operator.
    operators = [each["metadata"] for each in reader.items(OPERATORS)]
    foreign = {metadata["namespace"]: why for metadata in operators if (why := _foreign(metadata, reader))}
    if settings.cluster.context:
        foreign = {at: why.replace("<context>", settings.cluster.context) for at, why in foreign.items()}
    yield from (Fault("keda", MISSING, why, "") for why in foreign.values())
    yield from _metrics(settings.keda, set(foreign), reader)
    # A foreign KEDA's own: the line above has its version. `make takeover` has compared it already.
    if not foreign and TAKEOVER not in os.environ:
        yield from _crds(settings.keda, reader)


def _foreign(metadata: Mapping[str, Any], reader: ClusterReader) -> str:
    """Whose this Deployment of KEDA is, and what to do; "" if it is a Pulumi program's.

    Helm's marks outlive a release that was forgotten without uninstalling it.
    """
    release, namespace = release_of([{"metadata": metadata}]) or ("", metadata["namespace"])
    # Whether there is one is all that is looked at: it holds the release's values.
    selector = f"labelSelector={STORED},name={release}&limit=1"
    paths = [f"/api/v1/namespaces/{namespace}/{kind}?{selector}" for kind in ("secrets", "configmaps")]
    releases = [each for path in paths if release for each in reader.items(path)]
    unseen = not releases and any(path in reader.forbidden for path in paths)
    by = installed_by([{"metadata": metadata}], None if unseen else releases)
    if is_pulumis(metadata) and (by is None or by.stored is False):
        return ""
    if os.environ.get(TAKEOVER) == f"{namespace}/{release}":
        return ""  # `make takeover` is at work on this very release
    where = f"Deployment {metadata['namespace']}/{metadata['name']}"
    if by is None:
        return (
            f"{where} is a KEDA that this program did not install, and no Helm, Flux, OLM or Argo CD left "
            "a mark on it. Two KEDAs in a cluster take the CRDs and the external metrics from each other. "
            "Remove it with what installed it, and keep its CRDs: without them every ScaledObject is gone."
        )
    if by.tool == "helm" and (chart := _k3s(release, namespace, reader)):
        return (
            f"{where} is a KEDA that k3s installed (HelmChart {chart}). k3s would install its own back. "
            "docs/takeover.md has the steps."
        )
    return by.problem()


def _k3s(release: str, namespace: str, reader: ClusterReader) -> str:
    """The HelmChart, as namespace/name, from which k3s' Helm controller installs this release; "" if none."""
    for chart in reader.items(_HELM_CHARTS):
        spec, metadata = chart.get("spec") or {}, chart["metadata"]
        into = spec.get("targetNamespace") or metadata["namespace"]
        if (metadata["name"], into) == (release, namespace):
            return f"{metadata['namespace']}/{release}"
    return ""


def is_pulumis(metadata: Mapping[Any, Any]) -> bool:
    """Whether Pulumi's Kubernetes provider has written the object, whatever marks others left on it.

    Its field managers are named pulumi-kubernetes-….
    """
    entries = metadata.get("managedFields") or []
    return any(
        str(each.get("manager")).startswith("pulumi-") for each in entries if not each.get("subresource")
    )


def _metrics(keda: Keda, kedas: Collection[str], reader: ClusterReader) -> Iterator[Fault]:
    found = reader.found(EXTERNAL_METRICS)
    service = (found.get("spec") or {}).get("service") or {}
    namespace, name = service.get("namespace", ""), service.get("name", "")
    operator = (keda.values.get("operator") or {}).get("name", "keda-operator")
    metadata = found.get("metadata") or {}
    part_of = (metadata.get("labels") or {}).get("app.kubernetes.io/part-of")
    ours = is_pulumis(metadata) and part_of == operator
    left = (namespace, name) == (keda.namespace, f"{operator}-metrics-apiserver")
    if not service or ours or left or namespace in kedas:
        return
    yield Fault(
        "keda",
        MISSING,
        f"the APIService v1beta1.external.metrics.k8s.io is served by Service {namespace}/{name}. A "
        "cluster has one: KEDA would take it, and every HPA with an external metric of that server would "
        "read nothing.",
        "Move those HPAs to KEDA first, without an outage: docs/migrate.md.",
    )


def _crds(keda: Keda, reader: ClusterReader) -> Iterator[Fault]:
    """CRDs that a Pulumi program applied are upgraded. What somebody else left is taken over only if it is of
    the same version. Raises OSError.
    """
    if "://" not in keda.chart:
        return  # the version of a chart on disk is in the chart
    others: dict[str, list[str]] = {}
    for name in KEDA_CRDS:
        metadata = reader.found(f"{CRDS}/{name}").get("metadata") or {}
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
            f"Install KEDA's CRDs of {keda.version} first: docs/cluster.md.",
        )
