"""What KEDA may do: the chart's rights, derived from the workloads, narrow unless the stack file widens
them.

KEDA's chart grants its operator get on every object of every kind, and so on every Secret, and list and watch
on all Secrets (templates/manager/clusterrole.yaml of chart 2.19.0). What can be taken away follows from how
the operator reads (KEDA 2.19.0):

- Secrets come through the manager's cache (cmd/operator/main.go), whose informer lists and watches *all*
  Secrets of what it watches: the cluster, or each namespace of WATCH_NAMESPACE. A right to get single Secrets
  by name, which is all that `permissions.operator.restrict.namesAllowList` adds, is never used.
- With KEDA_RESTRICT_SECRET_ACCESS every Secret is looked up in KEDA's own namespace, under the name that the
  TriggerAuthentication gives; Secrets in a target's environment are passed over
  (pkg/scaling/resolver/scale_resolvers.go).
- Without it KEDA reads every Secret that the target's container has in its environment, needed or not, and
  waits forever where it may not (the same file, `resolveEnv`). So either all watched namespaces are readable
  or none: a grant for some of them would stop workloads in the others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from components.setting import Setting
from components.workload import Workload
from keda import MISSING, Fault, Faults, ScaledObject, TriggerAuthentication
from keda.core.errors import Refused
from keda.core.model import Flag, Namespace

# Deployments and StatefulSets are in the chart's role whatever scaledRefKinds is.
_BUILT_IN = frozenset({("apps", "deployments"), ("apps", "statefulsets")})
_POD_SECURITY = "pod-security.kubernetes.io"


# As in a kubectl command, `all` is a word; within the program it is None.
_ALL = BeforeValidator(lambda value: None if value == "all" else value)


def _or_all(schema: dict[str, Any]) -> None:
    """For the JSON Schema, which does not see the validators."""
    schema["anyOf"] = [{"type": "array", "items": {"type": "string"}}, {"const": "all"}]


def _plural(value: str) -> str:
    if not re.fullmatch(r"\*|[a-z0-9]+", value):
        raise Refused("is not a resource's name.", f"Write {resource_of(value)}.")
    return value


class ScaledKind(Setting):
    """A kind with a /scale subresource, as RBAC names it."""

    consequence = "KEDA could not scale it."

    api_group: str = Field(examples=["argoproj.io"])
    """ "" is the core group."""
    resource: Annotated[str, AfterValidator(_plural)] = Field(examples=["rollouts"])
    """The plural, in lower case; `*` is every one. (The chart's word is `kind`; RBAC matches resources.)"""


class Access(Setting):
    """KEDA's namespace and what KEDA may do from there."""

    namespace: Namespace = Field(default="keda", examples=["keda"])
    # Not derived from the workloads: with the last one of a namespace KEDA would cease to watch it, and then
    # its finalizer would keep the ScaledObject from being deleted.
    watch_namespaces: Annotated[tuple[Namespace, ...] | None, _ALL] = Field(
        default=None, examples=["all"], json_schema_extra=_or_all
    )
    """Beside KEDA's own. None: all."""
    scaled_kinds: tuple[ScaledKind, ...] = Field(default=(), examples=["[]"])
    """Beside Deployments, StatefulSets and what the workloads target."""
    secrets: Literal["keda", "watched"] | None = Field(default=None, examples=["keda"])
    """Where KEDA reads Secrets. None: `keda`, or `watched` if a workload needs it, unless all is watched."""
    pod_security: Literal["restricted", "baseline", "privileged"] = Field(
        default="restricted", examples=["restricted"]
    )
    network_policy: Flag = Field(default=False, examples=[False])
    disruption_budgets: Flag = Field(default=False, examples=[False])

    def check(self, workloads: Mapping[str, Workload]) -> None:
        """Raises SpecError for workloads that KEDA would not see, and for Secrets of theirs that it could
        read only along with every other of the cluster.
        """
        faults = Faults(_unseen(self, workloads))
        needs = {name: needed for name, workload in workloads.items() if (needed := secrets_needed(workload))}
        if needs and self.secrets is None and self.watch_namespaces is None:
            theirs = sorted({workload.namespace for workload in workloads.values()})
            why = (
                f"missing, and required since {_listed(needs, workloads)}. KEDA watches all namespaces and "
                "lists the Secrets of whatever it watches: it would have to read every Secret of the cluster."
            )
            fix = (
                f"Write watchNamespaces: [{', '.join(theirs)}] and KEDA serves only these; or secrets: keda "
                f"and keep the Secret in the namespace {self.namespace}; or secrets: watched to allow it."
            )
            faults.append(Fault("keda.secrets", MISSING, why, fix))
        faults.raise_if_any()


@dataclass(frozen=True)
class SecretNeed:
    """A Secret of the workload's namespace that KEDA must read."""

    source: str
    """What names it, as messages have it."""
    name: str | None = None
    """None: unknown without the cluster."""


def chart_access(access: Access, workloads: Collection[Workload]) -> dict[str, Any]:
    """Values of KEDA's chart: what the workloads need, and nothing else that the chart can leave out."""
    namespaces = watched_namespaces(access)
    kinds = scaled_kinds(access, workloads)
    budget = {"maxUnavailable": 1} if access.disruption_budgets else {}
    return {
        "watchNamespace": ",".join(namespaces or ()),
        "rbac": {
            "enabledCustomScaledRefKinds": bool(kinds),
            "scaledRefKinds": [{"apiGroup": group, "kind": resource} for group, resource in kinds],
        },
        "permissions": {
            "operator": {
                "restrict": {
                    "secret": not reads_watched_secrets(access, workloads),
                    "serviceAccountTokenCreationRoles": [
                        {"namespace": namespace, "name": name}
                        for namespace, name in token_accounts(workloads)
                    ],
                }
            }
        },
        "networkPolicy": {"enabled": access.network_policy, "flavor": "kubernetes"},
        "podDisruptionBudget": {"operator": budget, "metricServer": budget, "webhooks": budget},
    }


def namespace_labels(access: Access) -> dict[str, str]:
    """Pod Security labels of KEDA's namespace; its pods fit `restricted` as the chart ships them."""
    return {f"{_POD_SECURITY}/{mode}": access.pod_security for mode in ("enforce", "audit", "warn")}


def watched_namespaces(access: Access) -> tuple[str, ...] | None:
    """Sorted; None is all. KEDA's own is among them, for the Secrets of ClusterTriggerAuthentications: a
    cache of other namespaces would refuse it (controller-runtime, pkg/cache/multi_namespace_cache.go).
    """
    if access.watch_namespaces is None:
        return None
    return tuple(sorted({access.namespace, *access.watch_namespaces}))


def scaled_kinds(access: Access, workloads: Collection[Workload]) -> tuple[tuple[str, str], ...]:
    """(API group, resource) of everything KEDA may scale beside Deployments and StatefulSets, sorted."""
    listed = {(kind.api_group, kind.resource) for kind in access.scaled_kinds}
    targets = {
        (target.group, resource_of(target.kind or "Deployment"))
        for workload in workloads
        if isinstance(workload.scaled, ScaledObject)
        for target in [workload.scaled.spec.scale_target_ref]
    }
    return tuple(sorted((listed | targets) - _BUILT_IN))


def reads_watched_secrets(access: Access, workloads: Collection[Workload]) -> bool:
    """Whether KEDA reads Secrets in all it watches, or in its own namespace only."""
    if access.secrets is not None:
        return access.secrets == "watched"
    return any(secrets_needed(workload) for workload in workloads)


def secrets_needed(workload: Workload) -> tuple[SecretNeed, ...]:
    """The Secrets of the workload's own namespace that its triggers are read with, sorted by source.

    Those of a ClusterTriggerAuthentication are in KEDA's namespace, which it reads anyway.
    """
    found = {need for each in workload.authentications for need in _named_by(each)}
    declared = {each.metadata.name for each in workload.authentications}
    for trigger in workload.scaled.spec.triggers:
        reference, parameters = trigger.authentication_ref, trigger.parameters()
        if reference and reference.kind != "ClusterTriggerAuthentication" and reference.name not in declared:
            found.add(SecretNeed(f"the TriggerAuthentication {reference.name}"))
        found |= {SecretNeed(f"the parameter {key}") for key in parameters if key.endswith("FromEnv")}
        # pkg/scalers/kubernetes_resource_scaler.go
        if trigger.type == "kubernetes-resource" and parameters.get("resourceKind") == "Secret":
            found.add(SecretNeed("the trigger kubernetes-resource", parameters.get("resourceName")))
    return tuple(sorted(found, key=lambda need: (need.source, need.name or "")))


def token_accounts(workloads: Collection[Workload]) -> tuple[tuple[str, str], ...]:
    """(namespace, name) of each ServiceAccount that KEDA requests tokens for (`boundServiceAccountToken`, and
    Vault's `serviceAccountName`: pkg/scaling/resolver/hashicorpvault_handler.go), sorted.
    """
    accounts = set()
    for workload in workloads:
        for authentication in workload.authentications:
            spec, namespace = authentication.spec, authentication.metadata.namespace
            for token in spec.bound_service_account_token or ():
                accounts.add((namespace, token.service_account_name))
            credential = spec.hashi_corp_vault.credential if spec.hashi_corp_vault else None
            if credential and credential.service_account_name:
                accounts.add((namespace, credential.service_account_name))
    return tuple(sorted(accounts))


def resource_of(kind: str) -> str:
    """RBAC's word for a kind, by the rule that Kubernetes itself guesses with (apimachinery,
    pkg/api/meta/restmapper.go, UnsafeGuessKindToResource). A CRD with another plural goes into
    `scaledKinds`.
    """
    singular = kind.lower()
    if singular.endswith("s"):
        return f"{singular}es"
    if singular.endswith("y"):
        return f"{singular[:-1]}ies"
    return f"{singular}s"


def _named_by(authentication: TriggerAuthentication) -> Iterator[SecretNeed]:
    spec, source = authentication.spec, f"the TriggerAuthentication {authentication.metadata.name}"
    for reference in spec.secret_target_ref or ():
        yield SecretNeed(source, reference.name)
    for manager in (spec.azure_key_vault, spec.gcp_secret_manager, spec.aws_secret_manager):
        if manager and manager.credentials:
            for key in manager.credentials.dump().values():
                if isinstance(key, Mapping):
                    yield SecretNeed(source, key["valueFrom"]["secretKeyRef"]["name"])
    if spec.env:
        yield SecretNeed(source)


def _unseen(access: Access, workloads: Mapping[str, Workload]) -> Iterator[Fault]:
    watched = watched_namespaces(access)
    for workload in workloads.values():
        if watched is not None and workload.namespace not in watched:
            yield Fault(
                workload.place("namespace"),
                workload.namespace,
                "is not watched. KEDA would ignore the workload, and report nothing.",
                f"Add {workload.namespace} to keda.watchNamespaces.",
            )


def _listed(needs: Mapping[str, tuple[SecretNeed, ...]], workloads: Mapping[str, Workload]) -> str:
    """`workloads.render reads the Secret render/prometheus (the TriggerAuthentication token)`."""
    readers = []
    for name, needed in needs.items():
        first = needed[0]
        what = f"the Secret {workloads[name].namespace}/{first.name}" if first.name else "Secrets"
        readers.append(f"{workloads[name].place()} reads {what} ({first.source})")
    return " and ".join(readers[:2]) + (
        f" and {len(readers) - 2} more do likewise" if len(readers) > 2 else ""
    )
