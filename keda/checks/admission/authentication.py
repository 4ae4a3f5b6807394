"""What KEDA's webhook and operator require of TriggerAuthentications, and what gives a trigger nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from keda.checks.registry import AUTHENTICATIONS, REPLICAS, TRIGGERS, Problem, error
from keda.checks.scaling import SPEC, WEBHOOK, spec_of
from keda.core.errors import MISSING
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import At, dig, mapping
from keda.scalers.vault import CONSEQUENCE, CRASH, crashes, operator_token

_EMPTY = 'of PodIdentity should not be empty. If it\'s set, {} has to be different than ""'

POD_IDENTITY = error(
    "pod-identity",
    REPLICAS,
    summary="A pod identity that KEDA's webhook refuses",
    why=(
        "With aws, KEDA assumes the roleArn, not the workload. With azure-workload, an id is either left "
        "out or filled in, and an authority host needs the tenant (triggerauthentication_webhook.go:184)."
    ),
    passes="podIdentity: {provider: azure-workload}   # without the empty identityId",
)


@POD_IDENTITY.on(*AUTHENTICATIONS)
def azure_identity(item: Item) -> Iterator[Problem]:
    """triggerauthentication_webhook.go:184."""
    identity = mapping(spec_of(item, "podIdentity"))
    at: At = (*SPEC, "podIdentity")
    if identity.get("provider") != "azure-workload":
        return
    for key in ("identityId", "identityTenantId"):
        if identity.get(key) == "":
            keda = f"{key} {_EMPTY.format(key)}"
            yield Problem((*at, key), "", "is empty.", "Write the id, or remove it.", keda, why=WEBHOOK)
    host = identity.get("identityAuthorityHost")
    if host and host is not UNKNOWN and not identity.get("identityTenantId"):
        yield Problem(
            (*at, "identityTenantId"),
            MISSING,
            "missing, and required by identityAuthorityHost.",
            "Write the tenant's id.",
            "identityTenantID of PodIdentity should not be nil or empty when identityAuthorityHost of "
            "PodIdentity is set",
            why=WEBHOOK,
        )


@POD_IDENTITY.on(*AUTHENTICATIONS)
def aws_role(item: Item) -> Iterator[Problem]:
    """A role, while the workload owns the identity."""
    identity = mapping(spec_of(item, "podIdentity"))
    role = identity.get("roleArn")
    if identity.get("provider") == "aws" and identity.get("identityOwner") == "workload" and role:
        if role is UNKNOWN:
            return
        yield Problem(
            (*SPEC, "podIdentity", "roleArn"),
            role,
            "cannot be set while the workload owns the identity.",
            "Remove roleArn, or write identityOwner: keda.",
            "roleArn of PodIdentity can't be set if KEDA isn't identityOwner",
            why=WEBHOOK,
        )


@error(
    "authentication-gives-nothing",
    REPLICAS,
    summary="A TriggerAuthentication without a source",
    why="KEDA admits it. The trigger then lacks its secret, and only the operator's log reports it.",
    passes="""
        spec:
          secretTargetRef: [{parameter: password, name: rabbitmq, key: password}]
    """,
    see="secrets.md",
).on(*AUTHENTICATIONS)
def authentication_gives_nothing(item: Item) -> Iterator[Problem]:
    path = item.spec.get("filePath")
    if item.kind == "TriggerAuthentication" and path and path is not UNKNOWN:
        yield Problem(
            (*SPEC, "filePath"),
            MISSING,
            "is read only from a ClusterTriggerAuthentication.",
            "Use secretTargetRef, or a ClusterTriggerAuthentication.",
            "filePath is only supported for ClusterTriggerAuthentication",
            why="KEDA could build no scaler that refers to this: never Ready, nothing scales.",
        )
    elif isinstance(item.manifest.get("spec"), Mapping) and not any(item.spec.values()):
        what, why = "empty.", "The trigger would get no secret, and KEDA only logs what fails then."
        yield Problem(SPEC, MISSING, what, "Write e.g. secretTargetRef.", why=why)


OPERATOR_CRASH = error(
    "operator-crash",
    TRIGGERS,
    summary="A value that crashes KEDA's operator",
    why=(
        "KEDA 2.19 parses the value of cpu and memory with resource.MustParse (cpu_memory_scaler.go:66). "
        "On an update of a running ScaledObject the panic ends the operator process, again at each "
        "restart. Vault's token authentication without a credential is a nil pointer "
        "(hashicorpvault_handler.go:108), unless VAULT_TOKEN is in the operator's environment: the "
        "process ends when a trigger that worked is built again."
    ),
    passes="""
        - type: memory
          metricType: AverageValue
          metadata: {value: 1Gi}
    """,
)


@OPERATOR_CRASH.on(*AUTHENTICATIONS)
def vault_without_credential(item: Item) -> Iterator[Problem]:
    """A Vault login that KEDA dereferences though it is nil."""
    if crashes(mapping(spec_of(item, "hashiCorpVault"))):
        at = (*SPEC, "hashiCorpVault", "credential")
        yield Problem(at, MISSING, "missing.", "Write credential: {}.", why=CRASH)


_VAULT_FIELDS = {
    "credential": "missing.",
    "serviceAccount": "is a file of the operator's pod.",
    "serviceAccountName": "is the name of KEDA's own ServiceAccount.",
}


VAULT_OPERATOR_TOKEN = error(
    "vault-operator-token",
    REPLICAS,
    summary="A Vault that receives the token of KEDA's own operator",
    why=(
        "With Vault's kubernetes authentication and no ServiceAccount of its own, KEDA 2.19 sends the API "
        "token of its operator to the address in the object "
        "(pkg/scaling/resolver/hashicorpvault_handler.go; reported as CVE-2026-77524, fixed in 2.21). "
        "Anyone who may write a TriggerAuthentication and a ScaledObject can choose that address, and act "
        "as the operator. A file in credential.serviceAccount is a file of the operator's pod too. A "
        "ServiceAccount of the workload's namespace limits the loss to that account; KEDA may request its "
        "token if permissions.operator.restrict.serviceAccountTokenCreationRoles of the chart names it. "
        "See docs/security.md."
    ),
    passes="""
        hashiCorpVault:
          address: https://vault.example.org
          authentication: kubernetes
          role: shop
          mount: kubernetes
          credential: {serviceAccountName: shop-vault}
          secrets: [{parameter: host, path: secret/data/rabbitmq, key: uri}]
    """,
    ignorable=True,
    see="security.md",
)


@VAULT_OPERATOR_TOKEN.on(*AUTHENTICATIONS)
def vault_operator_token(item: Item) -> Iterator[Problem]:
    """What KEDA sends to a Vault (keda.scalers.vault)."""
    vault = mapping(spec_of(item, "hashiCorpVault"))
    path = operator_token(vault)
    if path is None or dig(vault, *path) is UNKNOWN:
        return
    value = dig(vault, *path)
    whose = f"of namespace {item.namespace}" if item.namespace else "of the ScaledObject's namespace"
    yield Problem(
        (*SPEC, "hashiCorpVault", *path),
        MISSING if value is None else value,
        _VAULT_FIELDS[path[-1]],
        ("Write" if len(path) == 1 else "Instead write")
        + f" credential: {{serviceAccountName: <name>}}, a ServiceAccount {whose} that has a role in Vault.",
        why=CONSEQUENCE,
    )
