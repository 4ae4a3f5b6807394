"""Why a KEDA is not taken over as things are: one line for each reason, with what to write or run."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from cli.fields import title
from cli.helm_release import Object, StoredRelease
from components.access import (
    reads_watched_secrets,
    resource_of,
    scaled_kinds,
    token_accounts,
    watched_namespaces,
)
from components.settings import Settings
from keda.manifests.installer import flux_owners

SCALED_OBJECTS = "scaledobjects.keda.sh"
SCALED_JOBS = "scaledjobs.keda.sh"
AUTHENTICATIONS = "triggerauthentications.keda.sh"
KUSTOMIZATIONS = "kustomizations.kustomize.toolkit.fluxcd.io"
_BUILT_IN = frozenset({("apps", "deployments"), ("apps", "statefulsets")})
_BUSY = ("pending-install", "pending-upgrade", "pending-rollback", "uninstalling")
_SECRET_STORES = ("azureKeyVault", "gcpSecretManager", "awsSecretManager")

Objects = Mapping[str, Sequence[Object]]
"""CRD name to the objects of that kind."""


def refusals(release: StoredRelease, objects: Objects, settings: Settings) -> Iterator[str]:
    """Every reason that lies in the release, in the stack, or in both."""
    label = f"Helm release {release.namespace}/{release.name}"
    if release.status in _BUSY:
        yield (
            f"{label}: its revision {release.revision} is {release.status}. A Helm command is at work, or "
            f"was stopped half-way. Wait for it, or run `helm rollback {release.name} "
            f"-n {release.namespace}`."
        )
    if release.chart["name"] != "keda":
        yield (
            f"{label}: its chart is {release.chart['name']}, which contains more than KEDA. Helm would "
            "forget all of it. Take KEDA out of that chart first: docs/takeover.md."
        )
        return
    if release.namespace != settings.keda.namespace:
        yield (
            f"keda.namespace: {settings.keda.namespace} is not the release's namespace. A second KEDA would "
            f"run, and a cluster has room for one. Write namespace: {release.namespace}."
        )
    if version(release.chart["version"]) > version(settings.keda.version):
        yield (
            f"keda.version: {settings.keda.version} is older than the release's {release.chart['version']}. "
            "Older CRDs drop fields of existing objects. "
            f"Write version: {release.chart['version']}, or roll the release back first."
        )
    yield from _other_names(release, settings)
    yield from unserved(objects, settings)


def applied_by_flux(
    objects: Objects, kustomizations: Collection[tuple[str, str]], settings: Settings
) -> Iterator[str]:
    """Each ScaledObject and ScaledJob of the stack that a Kustomization, of those in the cluster, applies."""
    declared = {(each.namespace, name) for name, each in settings.workloads.items()}
    for item in (*objects.get(SCALED_OBJECTS, ()), *objects.get(SCALED_JOBS, ())):
        kustomization = kustomization_of(item)
        key = item["metadata"]["namespace"], item["metadata"]["name"]
        if kustomization and kustomization in kustomizations and key in declared:
            yield (
                f"{title(item)}: Kustomization {'/'.join(kustomization)} of Flux applies it, and the stack "
                "declares it: each would undo the other's changes. If `make render` wrote it, set orphan: "
                "true under gitops, and take the tree out of Git: docs/takeover.md has the steps."
            )


def kustomization_of(item: Object) -> tuple[str, str] | None:
    """(namespace, name) of the Kustomization that applied an object, by its labels; it may be gone."""
    return next(((at, name) for kind, at, name in flux_owners(item) if kind == "Kustomization"), None)


def unserved(objects: Objects, settings: Settings) -> Iterator[str]:
    """Each object that the program's KEDA, which has fewer rights than the chart gives, would not serve."""
    access, workloads = settings.keda, settings.workloads.values()
    declared = {(each.namespace, name) for name, each in settings.workloads.items()}
    watched = watched_namespaces(access)
    kinds = _BUILT_IN | set(scaled_kinds(access, workloads))
    reads_secrets = reads_watched_secrets(access, workloads)
    accounts = set(token_accounts(workloads))
    for crd in (SCALED_OBJECTS, SCALED_JOBS, AUTHENTICATIONS):
        for item in objects.get(crd, ()):
            namespace = item["metadata"]["namespace"]
            if crd != AUTHENTICATIONS and (namespace, item["metadata"]["name"]) in declared:
                continue  # the stack's own settings replace it
            if watched is not None and namespace not in watched:
                yield (
                    f"{title(item)}: its namespace is not watched, so KEDA would ignore it. "
                    f"Add {namespace} to keda.watchNamespaces."
                )
            if crd == SCALED_OBJECTS:
                yield from _target(item, kinds, settings)
            if crd == AUTHENTICATIONS:
                yield from _tokens(item, accounts)
            needed = _secret(item["spec"])
            if needed and not reads_secrets and namespace != access.namespace:
                yield (
                    f"{title(item)}: reads {needed} in its own namespace, and the program's KEDA would read "
                    f"Secrets of {access.namespace} only. Write secrets: watched under keda."
                )


def version(text: str) -> tuple[int, ...]:
    """`2.19.0` as numbers, to compare."""
    return tuple(int(part) for part in re.findall(r"\d+", text.partition("-")[0])[:3])


def _other_names(release: StoredRelease, settings: Settings) -> Iterator[str]:
    """Values name the chart's Deployments; under other names a second KEDA would run beside the first."""
    values = settings.keda.values
    operator = _name(values.get("operator"), "keda-operator")
    expected = {
        operator,
        f"{operator}-metrics-apiserver",
        _name(values.get("webhooks"), "keda-admission-webhooks"),
    }
    for item in release.objects():
        if item["kind"] != "Deployment":
            continue
        name, selector = item["metadata"]["name"], item["spec"]["selector"].get("matchLabels") or {}
        if name not in expected:
            yield (
                f"Deployment {name} of the release is none of the program's "
                f"({', '.join(sorted(expected))}), and would run in addition to them. Write operator.name "
                "and webhooks.name under keda.values as the release has them."
            )
        elif selector != {"app": name}:
            labels = ",".join(f"{key}={value}" for key, value in selector.items())
            yield (
                f"Deployment {name} of the release selects its pods by {labels}, the program's by "
                f"app={name}. A selector cannot be changed. Upgrade the release to chart 2.19.0 first."
            )


def _name(section: Any, default: str) -> str:
    return str(section.get("name") or default) if isinstance(section, Mapping) else default


def _target(item: Object, kinds: Collection[tuple[str, str]], settings: Settings) -> Iterator[str]:
    target, namespace = item["spec"]["scaleTargetRef"], item["metadata"]["namespace"]
    group = target.get("apiVersion", "apps/v1").rpartition("/")[0]
    kind, name = target.get("kind", "Deployment"), target["name"]
    resource = resource_of(kind)
    if not {(each, word) for each in (group, "*") for word in (resource, "*")}.intersection(kinds):
        yield (
            f"{title(item)}: scales a {kind}, which the program's KEDA may not scale. "
            f"Write scaledKinds: [{{apiGroup: {group}, resource: {resource}}}] under keda."
        )
    for each in settings.workloads.values():
        if each.scaled.kind != "ScaledObject" or each.namespace != namespace:
            continue
        if each.scaled.spec.scale_target_ref.identity == (group, kind, name):
            yield (
                f"{each.place()}: {title(item)} scales {kind} {name} already, and KEDA's webhook "
                f"refuses a second. Name the workload {item['metadata']['name']}, or delete one of the two."
            )


def _secret(spec: Mapping[str, Any]) -> str:
    """What an object reads of its namespace's Secrets; empty if nothing."""
    if spec.get("secretTargetRef") or any("secretKeyRef" in str(spec.get(key)) for key in _SECRET_STORES):
        return "a Secret"
    parameters = [key for trigger in spec.get("triggers") or () for key in trigger.get("metadata") or {}]
    if spec.get("env") or any(key.endswith("FromEnv") for key in parameters):
        return "its target's environment"
    return ""


def _tokens(item: Object, accounts: set[tuple[str, str]]) -> Iterator[str]:
    spec, namespace = item["spec"], item["metadata"]["namespace"]
    vault = (spec.get("hashiCorpVault") or {}).get("credential") or {}
    named = [each["serviceAccountName"] for each in spec.get("boundServiceAccountToken") or ()]
    for account in [*named, *filter(None, [vault.get("serviceAccountName")])]:
        if (namespace, account) not in accounts:
            yield (
                f"{title(item)}: needs tokens of the ServiceAccount {account}, which the program's KEDA may "
                "not make. Declare the workload with its authentication in the stack."
            )
